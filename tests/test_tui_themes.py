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
