"""The machines of the screen as far ends of its load tests: found, guarded, asked to serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from mlxtop.ends.follow import Ends
from mlxtop.hosts.machines import Reached
from mlxtop.model.machine import MachineState, PortRef
from mlxtop.sources.tools.iproute2 import Address

if TYPE_CHECKING:
    from mlxtop.load.far import FarEnd
    from mlxtop.load.request import LoadRequest
    from mlxtop.load.session import LoadSession
    from mlxtop.model.frame import Frame
    from mlxtop.sampler.source import Source
    from mlxtop.system.door import System
    from mlxtop.tui.screens.load import Loads
    from mlxtop.tui.seat import Seat


class FarEnds:
    """Gives each test the frames of both its ends, and ends it where the far one is lost."""

    def __init__(self, seats: Mapping[str, Seat], ends: Ends) -> None:
        self._seats, self._ends = seats, ends

    def listen(self) -> None:
        """Hear of machines that are lost."""
        for seat in self._seats.values():
            if isinstance(seat.machine.source, Reached):
                seat.machine.source.listen(partial(self.reach_changed, seat))

    def join(self, here: Seat, loads: Loads) -> None:
        """Let the load tests of a machine have the others as far ends."""
        here.loads = loads
        loads.session.find_far = partial(find_far, tuple(self._seats.values()), here)
        loads.others = partial(self._others, here)
        loads.far_source = partial(self._far_source, loads.session)
        for seat in self._seats.values():
            seat.feed.tap = partial(self._take, seat)

    def _others(self, here: Seat) -> list[str]:
        """Return the machines that may be a far end, the one at the selected port's link first."""
        selected = here.state.selected
        link = self._ends.matches.of(PortRef(here.name, selected)) if selected else None
        names = [one.name for one in self._seats.values() if one is not here and one.is_live]
        return sorted(names, key=lambda name: link is None or name != link.b.host)

    def _far_source(self, session: LoadSession) -> Source | None:
        """Return what samples the far end of a test."""
        seat = self._seats.get(session.far.host) if session.far is not None else None
        return seat.machine.source if seat is not None else None

    def _take(self, seat: Seat, frame: Frame) -> None:
        """Give a frame to the tests of which a machine is an end, in the thread that sampled it."""
        if seat.loads is not None:
            seat.loads.session.frame(frame)
        for session in self._to(seat):
            session.far_frame(frame)

    def _to(self, far: Seat) -> Iterator[LoadSession]:
        """Yield the load tests whose far end a machine is."""
        for one in self._seats.values():
            session = one.loads.session if one.loads is not None else None
            if session is not None and session.far is not None and session.far.host == far.name:
                yield session

    def reach_changed(self, seat: Seat) -> None:
        """End the tests whose far end is lost, in the thread that samples it."""
        reach = seat.machine.reach
        for session in self._to(seat) if reach.state is MachineState.LOST else ():
            if session.view().busy:
                session.cancel(f"failed: {seat.name} is lost: {reach.why or 'no answer'}")


def find_far(
    seats: Sequence[Seat], here: Seat, request: LoadRequest, frame: Frame
) -> FarEnd | None:
    """Return the machine that a test is sent to, by its name or an address; None for others.

    For the thread that plans a test: machines afar take a second to answer. `frame`: of this end.
    Raises LoadRefused where a machine that is named cannot be the far end.
    """
    assert here.context is not None
    system = here.context.system
    named = next((one for one in seats if one.name == request.host and one is not here), None)
    if named is not None:
        return _far_end(named, _address_of(named, system, request, frame))
    owner = _owner([one for one in seats if one is not here and one.is_live], system, request)
    return _far_end(*owner) if owner is not None else None


def _address_of(seat: Seat, system: System, request: LoadRequest, frame: Frame) -> Address:
    """Return the address of a machine to which a port here leads. Raises LoadRefused."""
    from mlxtop.hosts.addresses import addresses_of, on_link
    from mlxtop.load.far import leading
    from mlxtop.load.route import LoadRefused

    if not seat.is_live:
        raise LoadRefused(f"{seat.name} is not reached: {seat.reach.why or 'no answer yet'}")
    addresses = addresses_of(seat.machine)
    if not addresses:
        raise LoadRefused(f"{seat.name} has not told its addresses")
    if request.family is not None:
        addresses = [one for one in addresses if (":" in one.text) is (request.family == 6)]
    chosen = on_link(system, request.host, addresses, *leading(system, frame, request.via))
    if chosen is None:
        raise LoadRefused(f"{seat.name} has no address that a port here leads to")
    return chosen


def _owner(
    seats: Sequence[Seat], system: System, request: LoadRequest
) -> tuple[Seat, Address] | None:
    """Return the machine with the address that is asked for, perhaps by a host name."""
    from mlxtop.hosts.addresses import addresses_of_all
    from mlxtop.load.route import LoadRefused, resolve

    target = ""
    with suppress(LoadRefused):  # the plan says why
        target = resolve(system, request.host, request.family)
    by_name = {seat.name: seat for seat in seats}
    for machine, addresses in addresses_of_all([seat.machine for seat in seats] if target else []):
        for one in addresses:
            if one.text.partition("/")[0] == target:
                return by_name[machine.name], one
    return None


def _far_end(seat: Seat, address: Address) -> FarEnd:
    """Return a machine as the far end; one that is read over ssh starts the servers too."""
    from mlxtop.hosts.far_server import RemoteServer
    from mlxtop.hosts.remote import RemoteSource
    from mlxtop.load.far import FarEnd

    assert seat.state.newest is not None
    text, source = address.text.partition("/")[0], seat.machine.source
    far = FarEnd(seat.name, seat.state.newest, address.device, address=text)
    if isinstance(source, RemoteSource):
        far.server = RemoteServer(source, text, far.rdma)
    return far
