"""An application on a terminal: its colours and driver, and an end in order."""

from __future__ import annotations

import os
from typing import Any

from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

from mlxtop.present.text import clean
from mlxtop.settings import Settings
from mlxtop.tui import themes
from mlxtop.tui.driver import QuietDriver


class TerminalApp(App[int]):
    """Shows and ends in order. The exit status is what `run()` returns, 0 for None."""

    def __init__(self, settings: Settings) -> None:
        # Only so does Textual leave out colours altogether instead of showing them as greys.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.settings = settings
        self.error: Exception | None = None
        """What ended the program; told when the terminal is itself again."""
        self._in_place = False
        self._status: int | None = None
        """The exit status with which we were told to end."""
        for theme in themes.own_themes():
            self.register_theme(theme)
        self.choose_theme()
        self.set_keymap(dict(settings.keys))

    def choose_theme(self) -> None:
        """Use the theme of the settings, or the one that fits the terminal's colours."""
        few = self.console.color_system in (None, "standard")
        self.theme = themes.choose(self.settings.theme, self.available_themes, few)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.variables(self.current_theme)

    def get_driver_class(self) -> type[Driver]:
        chosen = super().get_driver_class()
        return QuietDriver if chosen is LinuxDriver else chosen

    def refresh_css(self, animate: bool = True) -> None:
        """Read the style sheet for another theme; the first is read when the screen is made."""
        if self._screen_stacks[self.current_mode]:
            super().refresh_css(animate)
            return
        self.stylesheet.set_variables(self.get_css_variables())
        if self.is_running:
            self.stylesheet.update(self, animate=False)

    def notify(self, message: str, **options: Any) -> None:
        """Show a line for some seconds, never as markup: names in it are untrusted."""
        options |= {"title": clean(options.get("title", "")), "markup": False}
        super().notify(clean(message), **options)

    def control_terminal(self, sequence: str) -> bool:
        """Write a control sequence; return whether there is a terminal to write it to."""
        if self._driver is None:
            return False
        self._driver.write(sequence)
        return True

    def end_if_told(self) -> bool:
        """Note that everything is in place; return whether it ends, as was asked for before."""
        self._in_place = True
        if self._status is None:
            return False
        self.exit(return_code=self._status)
        return True

    def end(self, status: int) -> None:
        """End in order; what is being put in place cannot be taken apart before it is there."""
        self._status = status
        if self._in_place:
            self.exit(return_code=status)

    def fail(self, error: Exception) -> None:
        """End in order; the command line says why in one line."""
        self.error = self.error or error
        self.end(1)

    def _fatal_error(self) -> None:
        """End for an exception that nobody caught, in one line as well."""
        self.error = self.error or self._exception
        self._close_messages_no_wait()
