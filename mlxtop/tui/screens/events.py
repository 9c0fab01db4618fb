"""The list of events, one line a cause, and the chosen one in full."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from mlxtop.model.identity import PortId
from mlxtop.present.events import cause_lines, cause_section, page_of
from mlxtop.present.text import Line, Role, Section, clean, fit
from mlxtop.present.view import prose
from mlxtop.tui.commands import unlisted
from mlxtop.tui.screens.pages import PageScreen
from mlxtop.tui.widgets.sections import FRAME, Choices
from mlxtop.watch.causes import Cause, causes, subject_of


class Events(PageScreen):
    """What happened to this machine, and problems while reading."""

    AUTO_FOCUS = "#choices"
    LEADS_HERE = "events"
    BINDINGS = unlisted(
        *(("down,j", "move(1)"), ("up,k", "move(-1)"), ("enter", "open_cause")),
        *(("home,g", "move(-100000)"), ("end,G", "move(100000)")),
        *(("pagedown,ctrl+f", "leap(1)"), ("pageup,ctrl+b", "leap(-1)")),
    )

    def __init__(self) -> None:
        super().__init__()
        self.choices = Choices(id="choices")
        self.causes: list[Cause] = []
        self._made_of = -1
        """The number of changes of the list of events that the causes were made of."""

    def body(self) -> ComposeResult:
        self.choices.add_class("box")
        self.choices.border_title = "Events, newest first"
        self.choices.border_subtitle = "Enter its page  a acknowledge  Esc back"
        yield from (self.choices, self.page)

    def draw(self) -> None:
        self._update()
        lines = cause_lines(self.causes, self._now())
        text = "nothing has happened since the start"
        self.choices.show(lines or [((text, Role.DIM),)])
        super().draw()

    def _now(self) -> float:
        newest = self.watch_app.state.newest
        return newest.sample.wall if newest else 0.0

    def _update(self) -> None:
        """Group the events again where there are others; the cursor stays on its cause."""
        watch = self.watch_app.state.watch
        if watch.events.changes == self._made_of:
            return
        before, self._made_of = self.chosen, watch.events.changes
        self.causes = causes(watch.events)
        at_top = self.choices.place == 0
        if before is not None and not at_top:
            keys = [cause.key for cause in self.causes]
            self.choices.place = keys.index(before.key) if before.key in keys else 0

    @property
    def chosen(self) -> Cause | None:
        """Return the cause under the cursor."""
        place = self.choices.place
        return self.causes[place] if place < len(self.causes) else None

    def alarm_keys(self) -> list[str] | None:
        if self.ribbon.has_focus or self.chosen is None:
            return super().alarm_keys()
        return [event.incident.key for event in (self.chosen.lead, *self.chosen.others)]

    def sections(self, columns: int) -> list[Section]:
        chosen = self.chosen
        columns = max(20, self.page.size.width - FRAME)
        sections = [cause_section(chosen, self._now(), columns)] if chosen else []
        return [*sections, self._problems(columns)]

    def _problems(self, columns: int) -> Section:
        state = self.watch_app.state
        sample = state.newest.sample if state.newest else None
        lines: list[Line] = [
            ((fit(problem.subject, 28) + "  ", Role.WARNING), (clean(problem.text), Role.TEXT))
            for problem in (sample.problems if sample else ())
        ]
        reason = sample.absent.get("kernel_log") if sample else None
        if reason:
            missing = "The kernel log cannot be read, so that modules and heat may be missing: "
            lines.append(((missing, Role.DIM), (clean(reason), Role.WARNING)))
        text = "everything that was asked for could be read"
        return Section("Problems while reading", tuple(lines or prose(text, columns, Role.GOOD)))

    # Commands

    def action_move(self, steps: int) -> None:
        self.choices.move(steps)

    def action_leap(self, pages: int) -> None:
        self.choices.move(pages * max(1, self.choices.size.height - 1))

    @on(Choices.Moved)
    def _moved(self) -> None:
        self.page.scroll_home(animate=False)
        self.show_frame()

    @on(Choices.Opened)
    def action_open_cause(self) -> None:
        """Go to the page that explains the chosen line."""
        chosen = self.chosen
        port = self._port_of(chosen) if chosen else None
        if chosen is not None and port is not None:
            self.watch_app.open_port(port, page_of(chosen))
        elif chosen is not None:
            self.app.notify("this event has no page: it is about no port, or its port is gone")

    def _port_of(self, cause: Cause) -> PortId | None:
        """Return the port that a cause is about, the first one of its function without a name."""
        frame = self.watch_app.state.newest
        one = cause.lead.incident
        ports = {port_id: its.now.port for port_id, its in frame.ports.items()} if frame else {}
        named = (p for p, port in ports.items() if port.name == subject_of(one))
        by_device = (
            p for p, port in ports.items() if one.device in (p.device, port.function) and one.device
        )
        return next(named, None) or next(by_device, None)
