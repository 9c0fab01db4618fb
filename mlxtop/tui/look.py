"""Themes: two of our own, and the built-in ones with our roles added."""

from __future__ import annotations

import os
from collections.abc import Mapping

from textual.theme import Theme

from mlxtop.tui.themes import ANSI_COLOURS, DARK_COLOURS, LIGHT_COLOURS

DARK, LIGHT = "mlxtop-dark", "mlxtop-light"
ANSI_DARK, ANSI_LIGHT = "ansi-dark", "ansi-light"
_ALIASES = {"dark": DARK, "light": LIGHT, "ansi": ANSI_DARK}

_OWN = ("rx", "tx", "rx-area", "tx-area", "module", "asic", "dim", "faint", "cursor")
"""Variables that our style sheet needs beyond those of Textual."""


def own_themes() -> list[Theme]:
    """The themes that this program brings along."""
    return [_theme(DARK, DARK_COLOURS, dark=True), _theme(LIGHT, LIGHT_COLOURS, dark=False)]


def _theme(name: str, colours: Mapping[str, str], dark: bool) -> Theme:
    ours = {role: colours[role] for role in _OWN}
    theirs = {role: colour for role, colour in colours.items() if role not in ours}
    return Theme(name=name, dark=dark, variables=ours, **theirs)  # type: ignore[arg-type]


def variables(theme: Theme) -> dict[str, str]:
    """Our variables for a theme that does not have them, made of its own roles."""
    if theme.ansi:
        return dict(ANSI_COLOURS)
    plain = theme.foreground or theme.primary
    return {
        "rx": theme.secondary or theme.primary,
        "tx": theme.accent or theme.primary,
        "rx-area": f"{theme.secondary or theme.primary} 50%",
        "tx-area": f"{theme.accent or theme.primary} 50%",
        "module": theme.warning or theme.primary,
        "asic": theme.error or theme.primary,
        "dim": f"{plain} 60%",
        "faint": theme.panel or plain,
        "cursor": theme.panel or theme.surface or plain,
    }


def choose(
    wished: str | None,
    known: Mapping[str, Theme],
    few_colours: bool,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """The theme to start with: the wish, else by what the terminal tells of itself."""
    name = _ALIASES.get(wished or "", wished or "")
    if name in known:
        return name
    light = environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")
    if few_colours or "NO_COLOR" in environ:
        return ANSI_LIGHT if light else ANSI_DARK
    return LIGHT if light else DARK


def only_ascii(environ: Mapping[str, str]) -> bool:
    """Whether the terminal shows no more than ASCII, as far as its name and the locale tell.

    The Linux console has no braille. Without a locale UTF-8 is taken for granted.
    """
    if environ.get("TERM") in ("linux", "dumb", "vt100", "vt220"):
        return True
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "UTF-8"
    return "utf" not in locale.lower()


def other_shade(name: str, known: Mapping[str, Theme]) -> str:
    """The light theme for a dark one and the other way round."""
    theme = known.get(name)
    if theme is None:
        return DARK
    if theme.ansi:
        return ANSI_LIGHT if theme.dark else ANSI_DARK
    return LIGHT if theme.dark else DARK
