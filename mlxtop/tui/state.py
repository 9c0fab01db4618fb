"""The state of the screens: the picture of the moment and the user's choices, over a Watch.

Everything here is owned by the event loop; the thread that samples only posts messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlxtop.analysis.verdict import Verdict
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.sample import Reading
from mlxtop.present.cells import RowContext
from mlxtop.present.order import NATURAL, Order
from mlxtop.present.text import Run
from mlxtop.present.view import View
from mlxtop.watch.heat import Alert
from mlxtop.watch.watch import Watch

if TYPE_CHECKING:
    from mlxtop.doctor.check import Report


class State:
    """The one mutable value of the screen."""

    def __init__(self, bits: bool = True, ascii: bool = False, window: int = 300) -> None:
        self.watch = Watch()
        self.bits, self.ascii, self.window = bits, ascii, window
        self.selected: PortId | None = None
        self.order: Order = NATURAL
        self.columns: tuple[str, ...] = ()
        """Ids of the columns that the person has chosen; empty for those of the width."""
        self.pattern = ""
        self.paused = False
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

    @property
    def findings(self) -> Run | None:
        """Return how many findings the last examination had, in a few words."""
        if self.report is None:
            return None
        from mlxtop.present.doctor import findings_run

        return findings_run(self.report)

    def _show(self, frame: Frame) -> None:
        self.frame, self.verdicts = self._zeroed(frame), self.watch.verdicts.all()

    def resume(self) -> None:
        """Show the newest frame again."""
        self.paused = False
        if self.newest is not None:
            self._show(self.newest)

    @property
    def row_context(self) -> RowContext:
        """Return what rows show beside the frame, curves left out."""
        return RowContext(self.bits, self.watch.heat, self.watch.flaps)

    def reset(self) -> None:
        """Count totals and highs from now on."""
        self.watch.reset_highs()
        if self.newest is not None:
            self.zero = {port: now.now.readings for port, now in self.newest.ports.items()}
            self.frame = self._zeroed(self.newest)

    def select(self, port: PortId | None) -> None:
        """Select a port and keep its history from now on."""
        self.selected = port
        if port is not None:
            self.watch.follow(port)

    def view(self, columns: int) -> View | None:
        """Return the selected port as the pages see it."""
        port = self.selected
        if self.frame is None or port is None or port not in self.frame.ports:
            return None
        watch, highs = self.watch, self.watch.highs.get(port, {})
        events = watch.events_of(port)
        verdict = self.verdicts.get(port)
        return View(self.frame, port, columns, self.bits, highs, watch.heat, events, verdict)

    def _zeroed(self, frame: Frame) -> Frame:
        """Return the frame with totals from `z` on; a reset counter starts again by itself."""
        if not self.zero:
            return frame
        ports = {}
        for port, now in frame.ports.items():
            start = dict(now.start)
            for origin, zero in self.zero.get(port, {}).items():
                if origin not in start or start[origin].tick <= zero.tick:
                    start[origin] = zero
            ports[port] = now._replace(start=start)
        return frame._replace(ports=ports)
