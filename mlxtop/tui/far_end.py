"""The far end of a load test among the machines of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mlxtop.sources.tools.iproute2 import Address

if TYPE_CHECKING:
    from mlxtop.load.far import FarEnd
    from mlxtop.load.request import LoadRequest
    from mlxtop.model.frame import Frame
    from mlxtop.system.door import System
    from mlxtop.tui.hosts import Seat


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
    found = _owner([one for one in seats if one is not here and one.is_live], system, request)
    return _far_end(*found) if found is not None else None


def _address_of(seat: Seat, system: System, request: LoadRequest, frame: Frame) -> Address:
    """Return the address of a machine to which a port here leads. Raises LoadRefused."""
    from mlxtop.hosts.addresses import addresses_of, on_link
    from mlxtop.load.far import link_devices
    from mlxtop.load.route import LoadRefused

    if not seat.is_live:
        raise LoadRefused(f"{seat.name} is not reached: {seat.reach.why or 'no answer yet'}")
    addresses = addresses_of(seat.machine)
    if not addresses:
        raise LoadRefused(f"{seat.name} has not told its addresses")
    if request.family is not None:
        addresses = [one for one in addresses if (":" in one.text) is (request.family == 6)]
    chosen = on_link(system, request.host, addresses, *link_devices(frame, request.via))
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
