"""What happened on this machine, the newest first."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from mlxtop.present.clean import clean, fit
from mlxtop.present.text import Line, Role, Section
from mlxtop.present.view import event_line
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.widgets.bars import Clickable, Header
from mlxtop.tui.widgets.sections import Sections


class Events(WatchScreen):
    """The list of incidents and of problems while reading."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Header, list, keys."""
        yield Header(id="header")
        yield Sections(id="page")
        yield Clickable(id="keys")

    def draw(self) -> None:
        """The list as it is now."""
        super().draw()
        self.query_one(Sections).show([self._happened(), self._problems()])

    def _happened(self) -> Section:
        state = self.watch_app.state
        happened = sorted(state.watch.events, key=lambda event: event.wall, reverse=True)
        now = state.newest.sample.wall if state.newest else 0.0
        lines = [event_line(wall, incident, now) for wall, incident in happened]
        nothing: Line = (("nothing has happened since the start", Role.DIM),)
        reason = state.newest.sample.absent.get("kernel_log") if state.newest else None
        missing: Line = (
            ("The kernel log cannot be read, so that modules and heat may be missing: ", Role.DIM),
            (clean(reason or ""), Role.WARNING),
        )
        rows = (*([missing] if reason else []), *(lines or [nothing]))
        return Section("Events, newest first", rows)

    def _problems(self) -> Section:
        frame = self.watch_app.state.frame
        lines: list[Line] = [
            ((fit(problem.subject, 28) + "  ", Role.WARNING), (clean(problem.text), Role.TEXT))
            for problem in (frame.sample.problems if frame else ())
        ]
        nothing: Line = (("everything that was asked for could be read", Role.GOOD),)
        return Section("Problems while reading", tuple(lines) or (nothing,))

    def action_scroll(self, lines: int) -> None:
        """Scroll the list."""
        self.query_one(Sections).scroll_relative(y=lines, animate=False)
