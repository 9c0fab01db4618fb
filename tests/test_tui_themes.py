"""Themes, and what terminals can show."""

from __future__ import annotations

import pytest
from textual.theme import BUILTIN_THEMES

from mlxtop.tui.themes import choose, only_ascii, other_shade, own_themes, variables


def test_the_theme_follows_wish_terminal_and_no_color() -> None:
    themes = {theme.name: theme for theme in own_themes()} | BUILTIN_THEMES
    assert choose("light", themes, False, {}) == "mlxtop-light"
    assert choose("nord", themes, False, {}) == "nord"
    assert choose(None, themes, False, {}) == "mlxtop-dark"
    assert choose("no such", themes, False, {"COLORFGBG": "0;15"}) == "mlxtop-light"
    assert choose(None, themes, True, {}) == "ansi-dark"
    assert choose(None, themes, False, {"NO_COLOR": "1"}) == "ansi-dark"
    assert other_shade("mlxtop-dark", themes) == "mlxtop-light"
    assert other_shade("ansi-light", themes) == "ansi-dark"


def test_every_theme_has_all_of_our_roles() -> None:
    needed = set(own_themes()[0].variables)
    for theme in BUILTIN_THEMES.values():
        assert set(variables(theme)) == needed


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, True),
        ({"TERM": "linux", "LANG": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.utf8", "LANG": "C"}, False),
    ],
)
def test_terminals_and_locales_without_braille_get_ascii(
    environ: dict[str, str], expected: bool
) -> None:
    assert only_ascii(environ) is expected


def test_no_curve_has_the_colour_of_a_limit_or_of_another_curve() -> None:
    for theme in own_themes():
        curves = [theme.variables[name] for name in ("rx", "tx", "module", "asic")]
        assert len({*curves, theme.warning, theme.error}) == 6
    few = variables(BUILTIN_THEMES["ansi-dark"])
    limits = {"ansi_yellow", "ansi_red"}
    assert len({*(few[name] for name in ("rx", "tx", "module", "asic")), *limits}) == 6
    for theme in BUILTIN_THEMES.values():
        ours = variables(theme)
        assert not {ours["module"], ours["asic"]} & {theme.warning, theme.error}
