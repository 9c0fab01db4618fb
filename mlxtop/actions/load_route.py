"""Which port the traffic to a host takes, before any of it flows."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.sample import LinkState
from mlxtop.sources.netdev import NetLink, read_links
from mlxtop.sources.probe import valid_host
from mlxtop.system.door import Question, System

LOOKUP = 5.0
"""Seconds that looking up a host name takes at most."""

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?", re.ASCII)


class LoadRefused(Exception):
    """The test cannot be run; the text says why and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class Way:
    """The way to the far end."""

    target: str
    port: PortFrame
    device: str | None
    """Network device of the route; None where it was not told."""
    source: str | None
    bind_device: bool = False
    """The route leads elsewhere: only binding to the device keeps the traffic on the port."""
    warning: str | None = None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return valid_host(host)  # the zone of fe80::1%zone can be any text


def resolve(system: System, host: str, family: int | None = None) -> str:
    """The address of a host name or address. Raises LoadRefused."""
    if _is_address(host):
        return host
    if not _NAME.fullmatch(host):
        raise LoadRefused(f"{host!r} is neither a host name nor an address")
    database = f"ahostsv{family}" if family else "ahosts"
    try:
        answer = system.run(["getent", database, host], timeout=LOOKUP)
    except OSError as error:
        if system.demo:
            why = f"{host}: a simulated machine knows no host names; give an address, like 10.0.0.3"
        else:
            why = f"{host} cannot be looked up ({error.strerror}): give an address"
        raise LoadRefused(why) from None
    for line in answer.stdout.splitlines():
        address = line.split(maxsplit=1)[0] if line.strip() else ""
        if _is_address(address):
            return address
    why = "looking it up took too long" if answer.timed_out else "no such host name"
    raise LoadRefused(f"{host}: {why}")


def find_port(frame: Frame, name: str) -> PortFrame | None:
    """The port that a person names: netdev, RDMA device, PCI address, or `address/number`."""
    for port in frame.ports.values():
        known = port.now.port
        names = {known.name, known.netdev, known.rdma, str(known.id), *known.extra_netdevs}
        if name in names:
            return port
    same = [port for port in frame.ports.values() if port.now.port.id.device == name]
    return same[0] if len(same) == 1 else None


def _links(system: System) -> Mapping[int, NetLink]:
    try:
        return {link.index: link for link in read_links(system)}
    except OSError:
        return {}


def ports_behind(frame: Frame, links: Mapping[int, NetLink], device: str) -> list[PortFrame]:
    """The ports that carry what goes through a network device: itself, or below a VLAN or bond."""
    todo, seen = [device], set[str]()
    found: list[PortFrame] = []
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for port in frame.ports.values():
            known = port.now.port
            if (name in (known.netdev, known.bond) or name in known.extra_netdevs) and (
                port not in found
            ):
                found.append(port)
        index = next((link.index for link in links.values() if link.name == name), None)
        for link in links.values():
            if index is not None and link.master == index:
                todo.append(link.name)
            below = links.get(link.link or 0)
            # a veth's peer has an index of its own namespace, which may be anything's here
            if link.index == index and below is not None and link.kind != "veth":
                todo.append(below.name)
    return found


def _ask(system: System, subject: str) -> tuple[str | None, str | None, bool]:
    """Device, own address, and whether the destination is this host. Raises OSError."""
    answer = system.ask(Question.ROUTE, subject)
    if not isinstance(answer, dict):
        return None, None, False
    device, source = answer.get("dev"), answer.get("src")
    return (
        device if isinstance(device, str) else None,
        source if isinstance(source, str) else None,
        bool(answer.get("local")),
    )


def find_way(system: System, frame: Frame, host: str, via: str | None, family: int | None) -> Way:
    """The way to `host`, over the port `via` if it is named. Raises LoadRefused."""
    port = _named(frame, via) if via is not None else None
    target = resolve(system, host, family)
    try:
        device, source, local = _ask(system, target)
    except OSError as error:
        raise LoadRefused(f"no route to {host}: {error.strerror or error}") from None
    if local or device == "lo":
        raise LoadRefused(
            f"{host} is an address of this host: the traffic would go through lo and never reach "
            "a card; use another host, or put the far port into a network namespace"
        )
    behind = ports_behind(frame, _links(system), device) if device else []
    if port is None:
        if not behind:
            raise LoadRefused(
                f"the route to {host} goes through {device or 'an unknown device'}, "
                "which is none of the ports shown; --via names one, --all shows every device"
            )
        return _up(Way(target, behind[0], device, source, warning=_several(behind, device)))
    if port in behind:
        return _up(Way(target, port, device, source, warning=_several(behind, device)))
    return _up(_elsewhere(target, port, device))


def _named(frame: Frame, via: str) -> PortFrame:
    """The port that was named. Raises LoadRefused."""
    port = find_port(frame, via)
    if port is None:
        shown = ", ".join(str(p.now.port.name) for p in frame.ports.values()) or "none"
        raise LoadRefused(f"no port {via} (shown: {shown})")
    return port


def _several(behind: list[PortFrame], device: str | None) -> str | None:
    if len(behind) < 2:
        return None
    names = ", ".join(port.now.port.name for port in behind)
    return f"{device} spreads the traffic over {names}: each port carries a part of it"


def _elsewhere(target: str, port: PortFrame, device: str | None) -> Way:
    """The route leads over another port than the one that was named."""
    name = port.now.port.netdev
    if name is None:
        raise LoadRefused(
            f"{port.now.port.name} has no network device and the route to {target} goes "
            f"through {device}"
        )
    warning = (
        f"the route to {target} goes through {device}, not {name}: the test is bound to {name}, "
        "and answers may come back another way"
    )
    return Way(target, port, name, None, bind_device=True, warning=warning)


def _up(way: Way) -> Way:
    """Refuse a port whose link is down."""
    link = way.port.now.link
    if link.state is not LinkState.UP:
        detail = f" ({link.detail})" if link.detail else ""
        raise LoadRefused(f"{way.port.now.port.name} has no link: {link.state}{detail}")
    return way
