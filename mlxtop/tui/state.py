"""The state of the screens: the picture of the moment and the user's choices, over a Watch.

Everything here is owned by the event loop; the thread that samples only posts messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mlxtop.analysis.port_view import Ceiling, port_view
from mlxtop.analysis.verdict import Verdict
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame
from mlxtop.model.history import History
from mlxtop.model.identity import PortId
from mlxtop.model.incident import Incident
from mlxtop.model.sample import Reading
from mlxtop.present import units
from mlxtop.present.cells import RowContext
from mlxtop.present.heat import Clock
from mlxtop.present.instant import Instant
from mlxtop.present.order import NATURAL, Order
from mlxtop.present.text import Run
from mlxtop.present.view import HolderOrder, View
from mlxtop.tui.time_axis import Readings, TimeAxis, TimeView
from mlxtop.watch.alert import Alert
from mlxtop.watch.event_list import TimedIncident
from mlxtop.watch.heat import HeatStates
from mlxtop.watch.past import Moment
from mlxtop.watch.watch import ASIC, MODULE, RX, TX, Watch

if TYPE_CHECKING:
    from mlxtop.doctor.check import Report


class State:
    """The one mutable value of the screen."""

    def __init__(self, bits: bool = True, ascii: bool = False, window: int = 3600) -> None:
        self.watch = Watch()
        self.bits, self.ascii = bits, ascii
        self.time = TimeView(float(window))
        self.selected: PortId | None = None
        self.order: Order = NATURAL
        self.columns: tuple[str, ...] = ()
        """Ids of the columns that the person has chosen; empty for those of the width."""
        self.holders_by = HolderOrder()
        """What those who hold RDMA objects are sorted by."""
        self.firmware: Mapping[str, str] = {}
        """Versions by PSID that the person wants."""
        self.pattern = ""
        self.paused = False
        self._frozen: Moment | None = None
        """What was on the screen when it was frozen."""
        self._stands: Moment | None = None
        """What is on the frozen screen: that, or the instant at the cursor."""
        self._frozen_verdicts: dict[PortId, Verdict] = {}
        self.frame: Frame | None = None
        """The frame on the screen; while paused it stays and the Watch goes on."""
        self.first: Frame | None = None
        """The first frame of all, for what is counted over a longer time."""
        self.report: Report | None = None
        """What the last examination of the machine found."""
        self.verdicts: dict[PortId, Verdict] = {}
        """What limits each port, as of that frame."""
        self.zero: dict[PortId, Mapping[Origin, Reading]] = {}

    @property
    def newest(self) -> Frame | None:
        """Return the newest frame, on the screen or not."""
        return self.watch.frame

    def arrive(self, frame: Frame) -> list[Alert]:
        """Take a frame in; the picture stays while paused. Return what has become bad."""
        alerts = self.watch.ingest(frame)
        self.first = self.first or frame
        if not self.paused:
            self._show(frame)
        return alerts

    def look(self, watch: Watch) -> None:
        """Show what a Watch knows: this one goes on, or another one is of another time."""
        if watch is not self.watch:
            self.watch, self.zero, self.report = watch, {}, None
            self.select(self.selected)
        if watch.frame is not None:
            self.first = self.first or watch.frame
            self._show(watch.frame)

    @property
    def findings(self) -> Run | None:
        """Return how many findings the last examination had, in a few words."""
        if self.report is None:
            return None
        from mlxtop.present.doctor import findings_run

        return findings_run(self.report)

    def _show(self, frame: Frame) -> None:
        self.frame, self.verdicts = self._zeroed(frame), self.watch.verdicts.all()

    @property
    def heat(self) -> HeatStates:
        """Return the states of the sensors at the instant of the frame on the screen."""
        return self._stands.heat if self.paused and self._stands else self.watch.heat

    @property
    def edge_heat(self) -> HeatStates:
        """Return the states of the sensors at the right edge of the charts."""
        return self._frozen.heat if self.paused and self._frozen else self.watch.heat

    def pause(self) -> None:
        """Let the picture stand; the Watch goes on."""
        self.paused = True
        if self.frame is not None:
            self.time.freeze(self.frame.sample.tick)
            self._frozen = self._stands = Moment(self.frame, self.watch.heat.then())
            self._frozen_verdicts = self.verdicts

    def resume(self) -> None:
        """Show the newest frame again."""
        self.paused = False
        self.watch.history.shorten()
        self._frozen = self._stands = None
        self.time.thaw()
        if self.newest is not None:
            self._show(self.newest)

    @property
    def row_context(self) -> RowContext:
        """Return what rows show beside the frame, curves left out."""
        return RowContext(self.bits, self.heat, self.watch.flaps)

    def reset(self) -> None:
        """Count totals and highs from now on."""
        self.watch.reset_highs()
        if self.newest is not None:
            self.zero = {port: now.now.readings for port, now in self.newest.ports.items()}
            shown = self._stands.frame if self.paused and self._stands else self.newest
            self.frame = self._zeroed(shown)

    def select(self, port: PortId | None) -> None:
        """Select a port and keep its history from now on."""
        self.selected = port
        if port is not None:
            self.watch.follow(port)

    def readings(self, interval: float) -> Readings | None:
        """Return what the history has for a time axis; None before the first frame."""
        first = self.watch.history.first
        if first is None or self.newest is None:
            return None
        return Readings(first, self.newest.sample.tick, interval)

    def move_cursor(self, columns: int, axis: TimeAxis, oldest: float | None) -> bool:
        """Move the cursor of the charts within what is kept, `oldest` second to the newest.

        Return whether it stands at the oldest of that in a picture that stands.
        """
        if oldest is None or self.newest is None:
            return False
        self.time.move(columns, axis, oldest, self.newest.sample.tick)
        self.read_cursor(axis)
        cursor = self.time.cursor
        return self.paused and cursor is not None and cursor - axis.column_s < oldest

    def put_before(self, earlier: History) -> None:
        """Continue the history of the picture that stands to the past."""
        self.watch.history.put_before(earlier)

    def read_cursor(self, axis: TimeAxis) -> None:
        """Show all values of the instant at the cursor in a picture that stands.

        An instant that is not held, or without the selected port, leaves those of the freezing.
        """
        cursor = self.time.cursor
        if not self.paused or self._frozen is None:
            return
        shown = self._frozen
        if cursor is not None and cursor + axis.column_s / 2 < shown.frame.sample.tick:
            held = self.watch.past.moment(cursor + axis.column_s / 2)
            if held is not None and self.selected in held.frame.ports:
                shown = held
        self._stands, self.frame = shown, self._zeroed(shown.frame)
        self.verdicts = self._frozen_verdicts if shown is self._frozen else {}

    def clock(self) -> Clock:
        """Return the newest instant by both clocks."""
        sample = self.newest.sample if self.newest else None
        return Clock(sample.tick, sample.wall) if sample else Clock(0.0, 0.0)

    def instant(self, axis: TimeAxis) -> Instant | None:
        """Return what is known of the selected port in the column of the cursor."""
        port, column = self.selected, axis.cursor_column
        if port is None or column is None:
            return None
        start, end = axis.bounds(column)
        history, clock = self.watch.history, self.clock()
        values = {}
        for name in (RX, TX, MODULE, ASIC):
            series = history.series(port, name)
            values[name] = None if series is None else series.highest(start, end)
        events = self.events_at(axis, column, self.watch.events_of(port))
        held = self.watch.past.moment(min(end, clock.tick))
        verdict = self._verdict(port, held, min(end, clock.tick))
        read = held.frame.sample.tick if held is not None else end
        tick = read if start <= read < end else (start + end) / 2
        return Instant(tick, clock, values, verdict, events, self.bits)

    def events_at(
        self, axis: TimeAxis, column: int, events: Iterable[TimedIncident]
    ) -> list[Incident]:
        """Return events of a column and those beside it: one is seen in the curve of the next."""
        start, end = axis.bounds(column)
        around, clock = (start - axis.column_s, end + axis.column_s), self.clock()
        return [event.incident for event in events if _happened(event, *around, clock)]

    def _verdict(self, port: PortId, held: Moment | None, tick: float) -> Ceiling | str:
        """Return what limited a port at an instant, or the reason why that is not known."""
        if held is not None and port in held.frame.ports:
            return port_view(held.frame, port).ceiling
        reach = units.duration(round(self.watch.past.reach_s()))
        unknown = f"no verdict: older than {reach}, and this port was not selected then"
        return self.watch.ceiling_at(port, tick) or unknown

    def view(self, columns: int) -> View | None:
        """Return the selected port as the pages see it."""
        return None if self.selected is None else self.view_of(self.selected, columns)

    def view_of(self, port: PortId, columns: int) -> View | None:
        """Return a port as the pages see it; None where it is not there."""
        if self.frame is None or port not in self.frame.ports:
            return None
        watch, highs = self.watch, self.watch.highs.get(port, {})
        events = watch.events_of(port)
        verdict = self.verdicts.get(port)
        return View(
            *(self.frame, port, columns, self.bits, highs, self.heat, events, verdict),
            congestion=watch.congestion,
            holders_by=self.holders_by,
            health=watch.health.of(port),
            firmware=self.firmware,
        )

    def _zeroed(self, frame: Frame) -> Frame:
        """Return the frame with totals from `z` on; a reset counter starts again by itself."""
        if not self.zero:
            return frame
        ports = {}
        for port, now in frame.ports.items():
            start = dict(now.start)
            for origin, zero in self.zero.get(port, {}).items():
                read = now.now.readings.get(origin)
                if read is None or read.tick < zero.tick:
                    continue  # the picture is of before the zero
                if origin not in start or start[origin].tick <= zero.tick:
                    start[origin] = zero
            ports[port] = now._replace(start=start)
        return frame._replace(ports=ports)


def _happened(event: TimedIncident, start: float, end: float, clock: Clock) -> bool:
    """Return whether an event begins or ends between two monotonic seconds."""
    instants = (begin_of(event, clock), event.incident.until)
    return any(instant is not None and start <= instant < end for instant in instants)


def begin_of(event: TimedIncident, clock: Clock) -> float:
    """Return the monotonic second at which an event began."""
    tick = event.incident.tick
    return clock.tick - (clock.wall - event.wall) if tick is None else tick
