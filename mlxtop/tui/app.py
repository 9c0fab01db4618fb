"""mlxtop on a terminal: the commands that hold on every screen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import takewhile
from typing import ClassVar

from textual.app import ReturnType, SystemCommand
from textual.screen import Screen

from mlxtop.model.identity import PortKind
from mlxtop.settings import MAX_INTERVAL, MIN_INTERVAL
from mlxtop.tui.commands import COMMANDS, Scope, available, bindings, keys_of
from mlxtop.tui.live_app import LiveApp
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.themes import other_shade
from mlxtop.tui.widgets.lines import ROLE_CLASSES

PACES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds that `+` and `-` step through."""


class MlxtopApp(LiveApp):
    """The live screen."""

    TITLE = "mlxtop"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        *((0, "-tiny"), (10, "-few"), (18, "-short"), (30, "-tall"), (50, "-huge"))
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES
    BINDINGS = bindings(Scope.EVERYWHERE)

    @property
    def readonly(self) -> bool:
        return self.context is None or self.settings.readonly or not self.source.kind.may_change

    def get_default_screen(self) -> Screen[ReturnType]:
        return Overview()  # type: ignore[return-value]

    def badges(self) -> tuple[str, ...]:
        """Return the marks that every screen shows."""
        marks = [*self.source.kind.marks]
        if self.state.paused:
            marks.append("PAUSED")
        if self.loads is not None and self.loads.busy:
            marks.append("LOAD")
        return tuple(marks)

    # Commands

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        scopes = screen.scopes() if isinstance(screen, WatchScreen) else (Scope.EVERYWHERE,)
        for command in available(*scopes, readonly=self.readonly):
            key = keys_of(command, self.settings.keys)[0]
            run = partial(self._run_later, command.action)
            yield SystemCommand(command.title, f"key {key}", run)
        yield SystemCommand("Choose a theme", "colours of the screen", self.action_change_theme)

    def _run_later(self, action: str) -> None:
        self.call_later(self.run_action, action, self.screen)

    def _go_to(self, kind: type[WatchScreen]) -> None:
        """Open a screen, or go back to it where it is open; a dialog over it stays."""
        stack = self.screen_stack
        above = list(takewhile(lambda screen: not isinstance(screen, kind), reversed(stack)))
        if len(above) == len(stack):
            self.push_screen(kind())
        elif all(isinstance(screen, WatchScreen) for screen in above):
            for _ in above:
                self.pop_screen()

    def action_events(self) -> None:
        from mlxtop.tui.screens.pages import Events

        self._go_to(Events)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.readonly and any(c.changes and c.action == f"app.{action}" for c in COMMANDS):
            return False
        return super().check_action(action, parameters)

    def action_link_type(self) -> None:
        from mlxtop.tui.screens.link_type import LinkTypeDialog

        view = self.state.view(0)
        if self.context is None or view is None:
            return
        port = view.now.now.port
        if port.adapter is None or port.kind is not PortKind.PHYSICAL:
            self.notify(f"{port.name} is no port of a card", severity="warning")
            return
        dialog = LinkTypeDialog(self.context, port, self.state.ascii)
        self.push_screen(dialog, lambda _: self.source.read_again())

    def action_findings(self) -> None:
        from mlxtop.tui.screens.findings import Findings

        if self.state.selected is not None:
            self._go_to(Findings)

    def action_load(self) -> None:
        from mlxtop.tui.screens.load import Loads

        if self.context is not None and not self.readonly:
            self.loads = self.loads or Loads(self, self.context)
            self.feed.tap = self.loads.session.frame
            self.loads.open()

    def action_help(self) -> None:
        from mlxtop.tui.screens.pages import Help

        self._go_to(Help)

    def action_retreat(self) -> None:
        screen = self.screen
        if isinstance(screen, Overview):
            screen.retreat()
        elif len(self.screen_stack) > 1:
            self.pop_screen()

    def action_pause(self) -> None:
        if self.state.paused:
            self.state.resume()
        else:
            self.state.pause()
        if isinstance(self.screen, WatchScreen):
            self.screen.pausing()
        self.draw()

    def action_units(self) -> None:
        self.state.bits = not self.state.bits
        self.draw()

    def action_zero(self) -> None:
        self.state.reset()
        self.draw()

    def action_pace(self, steps: int) -> None:
        now = self.source.interval
        if steps > 0:
            now = next((pace for pace in PACES if pace > now * 1.001), now)
        else:
            now = next((pace for pace in reversed(PACES) if pace < now * 0.999), now)
        longest = MAX_INTERVAL if self.loads is None else self.loads.longest_interval
        if now > longest:
            self.notify(f"while a load runs, its heat guard needs a sample every {longest:g} s")
        self.source.interval = min(longest, max(MIN_INTERVAL, now))
        self.draw()

    def action_shade(self) -> None:
        self.theme = other_shade(self.theme, self.available_themes)
