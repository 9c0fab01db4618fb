"""Themes: two looks of our own, our roles for the built-in ones, and which one to start with.

Every other colour of a theme is derived by Textual. Curves have colours of their own, so that
green, yellow and red always mean good, warm and bad.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from textual.theme import Theme

DARK, LIGHT = "mlxtop-dark", "mlxtop-light"
ANSI_DARK, ANSI_LIGHT = "ansi-dark", "ansi-light"
_ALIASES = {"dark": DARK, "light": LIGHT, "ansi": ANSI_DARK}
_COLOURS = {
    "background": ("#0f141b", "#fafbfc"),
    "surface": ("#151b24", "#f1f4f7"),
    "panel": ("#263040", "#cfd7e0"),
    "foreground": ("#cdd6e0", "#25303b"),
    "primary": ("#5aa9e6", "#0b6fb8"),
    "secondary": ("#7f93a8", "#5a6b7c"),
    "accent": ("#a3d65c", "#4a7c0b"),
    "success": ("#6fcf97", "#1f7a45"),
    "warning": ("#f2b84b", "#9a5b00"),
    "error": ("#ff6b6b", "#c22f2f"),
    "rx": ("#4cc2f1", "#0072a8"),
    "tx": ("#b794f6", "#7136c9"),
    "rx-area": ("#256489", "#8cc4de"),
    "tx-area": ("#5f4a8a", "#c0a8e6"),
    "module": ("#7ee0d0", "#00776b"),
    "asic": ("#e879a6", "#b52a6d"),
    "dim": ("#7d8b9b", "#5f6d7b"),
    "faint": ("#344052", "#c3ccd6"),
    "cursor": ("#1f2c3d", "#dce9f5"),
}
"""The colours of our dark and our light theme."""
_ANSI = {
    "rx": "ansi_cyan",
    "tx": "ansi_magenta",
    "rx-area": "ansi_cyan",
    "tx-area": "ansi_magenta",
    "module": "ansi_bright_blue",
    "asic": "ansi_default",
    "dim": "ansi_default",
    "faint": "ansi_bright_black",
    "cursor": "ansi_default",
}
"""The terminal's own 16 colours; also what NO_COLOR starts from."""


def own_themes() -> list[Theme]:
    """Return the themes that this program brings along."""
    themes = []
    for shade, name in enumerate((DARK, LIGHT)):
        colours = {role: shades[shade] for role, shades in _COLOURS.items()}
        ours = {role: colours.pop(role) for role in _ANSI}
        themes.append(Theme(name=name, dark=name == DARK, variables=ours, **colours))  # type: ignore[arg-type]
    return themes


def variables(theme: Theme) -> dict[str, str]:
    """Return our variables for a theme that does not have them, made of its own roles."""
    if theme.ansi:
        return dict(_ANSI)
    plain = theme.foreground or theme.primary
    rx, tx = theme.secondary or theme.primary, theme.accent or theme.primary
    return {
        "rx": rx,
        "tx": tx,
        "rx-area": f"{rx} 50%",
        "tx-area": f"{tx} 50%",
        "module": theme.primary,
        "asic": plain,
        "dim": f"{plain} 60%",
        "faint": theme.panel or plain,
        "cursor": theme.panel or theme.surface or plain,
    }


def choose(
    chosen: str | None,
    themes: Mapping[str, Theme],
    few_colours: bool,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """Return the theme to start with: the chosen one, else one that suits the terminal."""
    name = _ALIASES.get(chosen or "", chosen or "")
    if name in themes:
        return name
    light = environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")
    if few_colours or "NO_COLOR" in environ:
        return ANSI_LIGHT if light else ANSI_DARK
    return LIGHT if light else DARK


def names(themes: Mapping[str, Theme]) -> list[str]:
    """Return everything that can be chosen."""
    return sorted({*_ALIASES, *themes})


def only_ascii(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal shows no more than ASCII, as far as its name and the locale tell.

    The Linux console has no braille. Without a locale UTF-8 is taken for granted.
    """
    if environ.get("TERM") in ("linux", "dumb", "vt100", "vt220"):
        return True
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "UTF-8"
    return "utf" not in locale.lower()


def other_shade(name: str, themes: Mapping[str, Theme]) -> str:
    """Return the light theme for a dark one and the other way round."""
    theme = themes.get(name)
    if theme is None:
        return DARK
    if theme.ansi:
        return ANSI_LIGHT if theme.dark else ANSI_DARK
    return LIGHT if theme.dark else DARK
