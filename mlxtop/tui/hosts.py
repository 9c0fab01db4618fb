"""The screen of several machines: one table, and the pages of the machine under the cursor.

Every machine has its own thread, Watch and state. What the person has chosen holds for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from mlxtop.hosts.machines import seen_machine
from mlxtop.model.machine import MachineState, PortRef, SeenMachine
from mlxtop.present.alarms import alarm_items
from mlxtop.present.machines import machine_title
from mlxtop.present.pages import ENDS_PAGE
from mlxtop.present.ribbon import RibbonItem
from mlxtop.present.text import Role, clean
from mlxtop.present.view import View
from mlxtop.sampler.facts import RDMA
from mlxtop.settings import Settings
from mlxtop.system.clock import Clock, RealClock
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.ends import LinkScreen
from mlxtop.tui.far_end import FarEnds
from mlxtop.tui.state import State
from mlxtop.tui.widgets.port_table import Block
from mlxtop.watch.alarms import Subject

if TYPE_CHECKING:
    from mlxtop.doctor.check import Report
    from mlxtop.tui.flight import Flight
    from mlxtop.tui.seat import Seat

LOOK_S = 1.0
"""Seconds between two pictures where the machine under the cursor gives none."""

_THERE = {
    "load": "a test begins at a port of this machine; {} can be its far end",
    "link_type": "link types are changed on {} itself",
}
"""Actions that are not done on a machine that is read from afar, with what to do instead."""


class HostsApp(MlxtopApp):
    """The live screen of several machines."""

    def __init__(
        self, seats: Sequence[Seat], settings: Settings, clock: Clock | None = None
    ) -> None:
        first = seats[0]
        super().__init__(first.machine.source, settings, first.context, first.feed)
        self.seats = {seat.name: seat for seat in seats}
        self.clock = clock or RealClock()
        self._seat = first
        self._alone = False
        """Only the machine under the cursor is in the table."""
        self._drawn = 0.0
        """When frames were drawn last."""
        self._drawn_afar: set[str] = set()
        """Machines whose ports were drawn as far ends since the last frame."""
        self.links = LinkScreen(settings.links, self._view_of)
        self.more_items.append(self.links.items)
        self.far_ends = FarEnds(self.seats, self.links.ends)
        first.state = self.state
        self._adopt(first)
        for seat in seats[1:]:
            seat.state = State(self.state.bits, self.state.ascii, settings.window)
            seat.state.firmware = settings.firmware

    def _adopt(self, seat: Seat) -> None:
        """Have the screens show a machine."""
        if self.source is not seat.machine.source:
            self.source.more_wants = frozenset()  # nobody looks there any more
        self.machine = seat.name
        self.source, self.feed, self.state = seat.machine.source, seat.feed, seat.state
        self.context, self.paths = seat.context, seat.paths
        self.flight, self.loads, self.fire = seat.flight, seat.loads, seat.fire

    @property
    def machines_title(self) -> str:
        return "+".join(self.seats)

    # From the start to the end

    def on_load(self) -> None:
        super().on_load()
        self.far_ends.listen()
        for seat in self.seats.values():
            seat.feed.listen(partial(self._tell_of, seat))
            seat.feed.start()

    def _tell_of(self, seat: Seat) -> None:
        """Draw with the frames of the machine under the cursor; others are taken in beside it."""
        if seat is self._seat:
            self._tell()

    def on_ready(self) -> None:
        self.set_interval(LOOK_S, self._look)
        for seat in self.seats.values():
            if seat.flight is not None and seat is not self._seat:
                seat.state.watch.past = seat.flight.past(seat.state.watch.recent)
                seat.flight.begin()

    def on_unmount(self) -> None:
        for seat in self.seats.values():
            seat.feed.stop.set()
            seat.machine.source.interval = seat.machine.source.interval
            if seat.paths is not None:
                seat.paths.stop()
            if seat.loads is not None:
                seat.loads.session.close()

    def farewell(self) -> list[str]:
        lines = super().farewell()
        others = (seat.flight for seat in self.seats.values() if seat is not self._seat)
        return lines + [line for one in others if one is not None and (line := one.close())]

    # Frames

    def take_frames(self) -> None:
        """Take in all frames of all machines; verdicts are kept where they are seen."""
        now = self._drawn = self.clock.now()
        shown, self._drawn_afar = {self._seat.name, *self._drawn_afar}, set()
        for seat in self.seats.values():
            seat.state.watch.keeps_verdicts = seat.name in shown
            self.fire = seat.fire
            for frame in seat.feed.take():
                alerts = seat.arrive(frame)
                self._alert(alerts)
                if alerts and seat is self._seat:
                    self.lookout.expect()
        self.links.take(self._seen(now), now)
        self.fire = self._seat.fire

    def steer(self) -> None:
        """Have the machine under the cursor read what is seen, and the others what they record."""
        super().steer()
        for seat in self.seats.values():
            if seat is not self._seat:
                records = seat.flight is not None and seat.flight.records
                seat.machine.source.more_wants = RDMA if records else frozenset()

    def ending(self) -> Exception | None:
        """Return the error of this machine where all others have ended too."""
        ended = all(seat.feed.error is not None for seat in self.seats.values())
        return self._seat.feed.error if ended else None

    def _seen(self, now: float) -> list[SeenMachine]:
        seats = self.seats.values()
        seen = (seen_machine(one.name, one.state.watch, one.reach, now) for one in seats)
        return [one for one in seen if one is not None]

    def _look(self) -> None:
        """Draw where the machine under the cursor gives no frames: others, and its age."""
        if self.clock.now() - self._drawn >= max(LOOK_S, 1.5 * self.source.interval):
            self.on_frame_arrived()

    # Drawing

    def with_ends(self, view: View) -> View:
        return self.links.with_ends(self.machine, view, self.state.paused)

    def with_links(self, report: Report) -> Report:
        from mlxtop.doctor.ends import with_links

        return with_links(report, self.links.ends, self.machine)

    def _view_of(self, ref: PortRef, columns: int) -> View | None:
        seat = self.seats.get(ref.host)
        if seat is None:
            return None
        self._drawn_afar.add(seat.name)
        return seat.state.view_of(ref.port, columns)

    def blocks(self) -> Sequence[Block]:
        self._same_choices()
        shown = [self._seat] if self._alone else self.seats.values()
        return [self._block(seat) for seat in shown]

    def _block(self, seat: Seat) -> Block:
        reach = seat.reach
        title = machine_title(seat.name, seat.state.frame, reach, self.clock.now())
        return Block(seat.name, seat.state, title, reach.state is MachineState.LOST)

    def _same_choices(self) -> None:
        """Let what the person has chosen hold for all machines."""
        chosen = self.state
        for seat in self.seats.values():
            state = seat.state
            state.bits, state.ascii, state.order = chosen.bits, chosen.ascii, chosen.order
            state.columns, state.pattern = chosen.columns, chosen.pattern
            if state.paused != chosen.paused:
                (state.pause if chosen.paused else state.resume)()

    def focus_machine(self, host: str) -> None:
        seat = self.seats.get(host)
        if seat is None or seat is self._seat:
            return
        self._seat.loads = self.loads
        self._same_choices()
        self._seat = seat
        self._adopt(seat)
        self.refresh_bindings()

    def ribbon_items(self) -> list[RibbonItem]:
        items = [item for more in self.more_items for item in more()]
        for seat in self.seats.values():
            action = f"app.elsewhere({seat.name!r}, {{!r}})".format
            items += [_named(item, seat.name) for item in alarm_items(seat.state.watch, action)]
        return items

    def badges(self) -> tuple[str, ...]:
        marks = super().badges()
        lost = (seat for seat in self.seats.values() if seat.reach.state is MachineState.LOST)
        return (*marks, *(("LOST",) if self._seat in lost else ()))

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._stays_there(action) or super().check_action(action, parameters)

    def _stays_there(self, action: str) -> bool:
        """Return whether an action is refused with a word, as this machine is read from afar."""
        return action in _THERE and self._seat.machine.system is None and not self.settings.readonly

    def action_link_type(self) -> None:
        if self._stays_there("link_type"):
            self.notify(_THERE["link_type"].format(self.machine), severity="warning")
        else:
            super().action_link_type()

    def action_load(self) -> None:
        """Open load tests; where the far end is on the screen too, its heat is guarded."""
        if self._stays_there("load"):
            self.notify(_THERE["load"].format(self.machine), severity="warning")
            return
        super().action_load()
        if self.loads is not None:
            self.far_ends.join(self._seat, self.loads)

    def action_elsewhere(self, host: str, key: str) -> None:
        """Open the page that explains an alarm of a machine."""
        self.focus_machine(host)
        alarm = next((one for one in self.state.watch.alarms.all() if one.key == key), None)
        if alarm is not None and self._is_of_link(host, alarm.subject):
            self.open_port(alarm.subject.port, ENDS_PAGE)
        else:
            self.action_cause(key)

    def _is_of_link(self, host: str, subject: Subject) -> bool:
        """Return whether both ends of a link are what an alarm is explained by."""
        known = self.links.ends.matches.of(PortRef(host, subject.port)) is not None
        return known and (subject.part == "link" or subject.lane is not None)

    def action_link(self, host: str, port: str) -> None:
        """Open the page of both ends of the link of a machine's port."""
        self.focus_machine(host)
        frame = self.state.newest
        ports = frame.ports if frame is not None else {}
        known = next((one for one in ports if str(one) == port), None)
        if known is not None:
            self.open_port(known, ENDS_PAGE)

    def _set_pace(self, seconds: float) -> None:
        super()._set_pace(seconds)
        for seat in self.seats.values():
            seat.machine.source.interval = self.source.interval

    def longest_interval(self) -> float:
        """Return how many seconds may lie between samples: a guard reads both ends of a load."""
        self._seat.loads = self.loads
        loads = (seat.loads for seat in self.seats.values() if seat.loads is not None)
        return min((one.longest_interval for one in loads), default=super().longest_interval())

    def flights(self) -> Iterator[tuple[str, Flight]]:
        for seat in self.seats.values():
            if seat.flight is not None:
                yield f"{seat.name}: ", seat.flight

    def action_alone(self) -> None:
        """Show one machine only, or all again."""
        self._alone = not self._alone
        self.draw()

    def _acknowledged(self, key: str) -> bool:
        host, _, own = key.partition("\n")
        seat = self.seats.get(host)
        return seat is not None and seat.state.watch.alarms.acknowledge(own)


def _named(item: RibbonItem, host: str) -> RibbonItem:
    """Return an item of the ribbon with the name of its machine."""
    return item._replace(
        key=f"{host}\n{item.key}",
        line=((f"{clean(host)} ", Role.STRONG), *item.line),
        group=f"{host}\n{item.group}",
    )
