"""Finds the port that the traffic to a host takes, before any of it flows."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from mlxtop.load.members import Members, find_members, physical_of, unique
from mlxtop.load.request import LoadRequest
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.linkrate import Protocol
from mlxtop.model.load import Direction
from mlxtop.model.sample import LinkState
from mlxtop.sources.kernel.routes import route_devices
from mlxtop.sources.tools.ping import valid_host
from mlxtop.system.answers import Fields
from mlxtop.system.door import Question, System

LOOKUP_S = 5.0
"""Seconds that looking up a host name takes at most."""

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?", re.ASCII)


class LoadRefused(Exception):
    """The test cannot be run; the text says why and what to do, in one line."""


class Way(NamedTuple):
    """The way to the far end."""

    target: str
    port: PortFrame
    """The port that was named, else the first that carries the traffic."""
    device: str | None
    """Network device of the route; None where the kernel named none."""
    members: Members
    """The ports that can carry the traffic."""
    guarded: tuple[PortFrame, ...]
    """Those, and others that may get hot with them."""
    source: str | None = None
    bind: bool = True
    """Keep the traffic on the device; not where the route has several."""
    bind_device: bool = False
    """The route leads elsewhere: only binding to the device keeps the traffic on the port."""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _Route(NamedTuple):
    """A test, and the devices of the route to its far end."""

    system: System
    frame: Frame
    request: LoadRequest
    target: str
    devices: tuple[str, ...]

    def members(self, *devices: str) -> Members:
        receives = self.request.direction is Direction.RECEIVE
        family = 6 if ":" in self.target else 4
        return find_members(self.system, self.frame, devices, receives, family)

    def guarded(self, members: Members) -> tuple[PortFrame, ...]:
        """Return the ports, and those that virtual functions among them belong to."""
        physical = [physical_of(self.system, self.frame, port) for port in members.ports]
        return unique([*members.ports, *(port for port in physical if port is not None)])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return valid_host(host)  # the zone of fe80::1%zone can be any text


def resolve(system: System, host: str, family: int | None = None) -> str:
    """Return the address of a host name or address. Raises LoadRefused."""
    if _is_address(host):
        return host
    if not _NAME.fullmatch(host):
        raise LoadRefused(f"{host!r} is neither a host name nor an address")
    database = f"ahostsv{family}" if family else "ahosts"
    try:
        answer = system.run(["getent", database, host], timeout=LOOKUP_S)
    except OSError as error:
        if system.demo:
            why = f"{host}: a simulated machine knows no host names; give an address, like 10.0.0.3"
        else:
            why = f"{host} cannot be looked up ({error.strerror}): give an address"
        raise LoadRefused(why) from None
    for line in filter(str.strip, answer.stdout.splitlines()):
        if _is_address(address := line.split(maxsplit=1)[0]):
            return address
    why = "looking it up took too long" if answer.timed_out else "no such host name"
    raise LoadRefused(f"{host}: {why}")


def find_port(frame: Frame, name: str) -> PortFrame | None:
    """Return the port that a person names: netdev, RDMA device, PCI address, `address/number`."""
    ports = list(frame.ports.values())
    for port in ports:
        one = port.now.port
        names = (one.name, one.netdev, *one.extra_netdevs, f"{one.rdma}/{one.rdma_port}")
        if name in (*names, str(one.id)):
            return port
    same = [p for p in ports if name in (p.now.port.rdma, p.now.port.id.device)]
    owners = [port for port in same if port.now.port.rdma_lag in (None, port.id)]
    return owners[0] if len(owners) == 1 else None


def find_way(system: System, frame: Frame, request: LoadRequest) -> Way:
    """Return the way to the far end of a test, over the port it names. Raises LoadRefused."""
    host = request.host
    port = _named(frame, request.via) if request.via is not None else None
    target = resolve(system, host, request.family)
    try:
        answer = system.ask(Question.ROUTE, target)
    except OSError as error:
        raise LoadRefused(f"no route to {host}: {error.strerror or error}") from None
    kernel_route = Fields(answer)
    if kernel_route.flag("local") or kernel_route.text("dev") == "lo":
        raise LoadRefused(
            f"{host} is an address of this host: the traffic would go through lo and never reach "
            "a card; use another host, or put the far port into a network namespace"
        )
    route = _Route(system, frame, request, target, route_devices(answer))
    members = route.members(*route.devices)
    if port is None and not members.ports:
        raise LoadRefused(
            f"the route to {host} goes through {_list(route.devices) or 'an unknown device'}, "
            "which is none of the ports shown; --via names one, --all shows every device"
        )
    if port is not None and not _leads_to(members, port):
        way = _elsewhere(route, port)
    else:
        way = _along(route, members, kernel_route.text("src"), port)
    link = way.port.now.link
    if link.state is not LinkState.UP:
        detail = f" ({link.detail})" if link.detail else ""
        raise LoadRefused(f"{way.port.now.port.name} has no link: {link.state}{detail}")
    return way


def _along(route: _Route, members: Members, source: str | None, port: PortFrame | None) -> Way:
    """Return the way of the route; of several next hops by the one that leads to `port`."""
    devices, guarded = route.devices, route.guarded(members)
    if len(devices) > 1 and (port is not None or route.request.protocol is Protocol.RDMA):
        below = ((route.members(device), (device,)) for device in devices)
        leading = ((one, own) for one, own in below if _leads_to(one, port))
        members, devices = next(leading, (members, devices))
    bind = len(devices) == 1
    return _over(route, members, devices, port, source=source, guarded=guarded, bind=bind)


def _leads_to(members: Members, port: PortFrame | None) -> bool:
    """Return whether a device leads to a port, or is the port; None stands for any RDMA port."""
    if port is None:
        return any(member.now.port.rdma for member in members.ports)
    return port in members.ports or port.now.port.netdev in members.above


def _named(frame: Frame, via: str) -> PortFrame:
    port = find_port(frame, via)
    if port is None:
        shown = port_names(frame.ports.values()) or "none"
        raise LoadRefused(f"no port {via} (shown: {shown})")
    return port


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def port_names(ports: Iterable[PortFrame]) -> str:
    """Return the names of ports in one line."""
    return _list(port.now.port.name for port in ports)


def _over(
    route: _Route,
    members: Members,
    devices: tuple[str, ...],
    port: PortFrame | None,
    **more: Any,
) -> Way:
    """Return the way over some devices, unless a port that nobody guards could carry the load."""
    if members.hidden:
        raise LoadRefused(
            f"{_list(devices)} also uses {_list(members.hidden)}, which is not shown and so cannot "
            "be guarded; show it (--all, or a wider -i)"
        )
    chosen, notes = _chosen(members, port, route.request.protocol), _sharing(members, devices, port)
    return Way(route.target, chosen, devices[0], members=members, notes=notes, **more)


def _chosen(members: Members, named: PortFrame | None, protocol: Protocol) -> PortFrame:
    """Return the port that stands for all: the named one if it carries something."""
    active = [port for port in members.active if port.now.link.state is LinkState.UP]
    down = named is not None and named.now.link.state is not LinkState.UP
    if named is not None and named in members.ports and (named in active or down):
        return named
    if protocol is Protocol.RDMA:
        active = [port for port in active if port.now.port.rdma] or active
    return next(iter(active or members.active or members.ports))


def _sharing(
    members: Members, devices: tuple[str, ...], named: PortFrame | None
) -> tuple[str, ...]:
    """Return how several ports share the traffic, in lines."""
    if len(members.ports) < 2:
        return ()
    where = devices[0] if len(devices) == 1 else f"the route by {_list(devices)}"
    guard = "all are guarded and added up"
    idle = [port for port in members.ports if port not in members.active]
    using, resting, lines = port_names(members.active), port_names(idle), []
    if named is not None and named in idle:
        lines.append(f"{named.now.port.name} carries nothing now: {where} uses {using}")
    if any(len(choice) > 1 for choice in members.choices):
        lines.append(f"{where} spreads the traffic over {using}; {guard}")
    elif len(members.active) > 1:
        lines.append(f"{where} sends all traffic to one host by one of {using}; {guard}")
    if idle:
        lines.append(f"{resting} can take over from {using}; {guard}")
    return tuple(lines)


def _elsewhere(route: _Route, port: PortFrame) -> Way:
    """Return the way over a named port that the route does not use."""
    name, devices = port.now.port.netdev, _list(route.devices)
    if name is None:
        raise LoadRefused(
            f"{port.now.port.name} has no network device and the route to {route.target} goes "
            f"through {devices}"
        )
    warning = (
        f"the route to {route.target} goes through {devices}, not {name}: the test is bound to "
        f"{name}, and answers may come back another way"
    )
    members = route.members(name)
    guarded, warnings = route.guarded(members), (warning,)
    way = _over(route, members, (name,), port, guarded=guarded, warnings=warnings)
    return way._replace(bind_device=True)
