"""Colours: the two looks of mlxtop's own, and its roles for the terminal's own colours.

Every other colour of a theme is derived by Textual. Curves have colours of their own, so that
green, yellow and red always mean good, warm and bad.
"""

from __future__ import annotations

from collections.abc import Mapping

DARK_COLOURS: Mapping[str, str] = {
    "background": "#0f141b",
    "surface": "#151b24",
    "panel": "#263040",
    "foreground": "#cdd6e0",
    "primary": "#5aa9e6",
    "secondary": "#7f93a8",
    "accent": "#a3d65c",
    "success": "#6fcf97",
    "warning": "#f2b84b",
    "error": "#ff6b6b",
    "rx": "#4cc2f1",
    "tx": "#b794f6",
    "rx-area": "#256489",
    "tx-area": "#5f4a8a",
    "module": "#f59e5b",
    "asic": "#e879a6",
    "dim": "#7d8b9b",
    "faint": "#344052",
    "cursor": "#1f2c3d",
}
LIGHT_COLOURS: Mapping[str, str] = {
    "background": "#fafbfc",
    "surface": "#f1f4f7",
    "panel": "#cfd7e0",
    "foreground": "#25303b",
    "primary": "#0b6fb8",
    "secondary": "#5a6b7c",
    "accent": "#4a7c0b",
    "success": "#1f7a45",
    "warning": "#9a5b00",
    "error": "#c22f2f",
    "rx": "#0072a8",
    "tx": "#7136c9",
    "rx-area": "#8cc4de",
    "tx-area": "#c0a8e6",
    "module": "#b3540a",
    "asic": "#b52a6d",
    "dim": "#5f6d7b",
    "faint": "#c3ccd6",
    "cursor": "#dce9f5",
}
ANSI_COLOURS: Mapping[str, str] = {
    "rx": "ansi_cyan",
    "tx": "ansi_magenta",
    "rx-area": "ansi_cyan",
    "tx-area": "ansi_magenta",
    "module": "ansi_yellow",
    "asic": "ansi_magenta",
    "dim": "ansi_default",
    "faint": "ansi_bright_black",
    "cursor": "ansi_default",
}
"""The terminal's own 16 colours; also what NO_COLOR starts from."""
