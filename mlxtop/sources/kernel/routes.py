"""Network devices on the way to an address, and the devices that these stand on.

https://man7.org/linux/man-pages/man7/rtnetlink.7.html; /proc/net/route and ipv6_route as in
net/ipv4/fib_trie.c and net/ipv6/route.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from mlxtop.model.identity import natural
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.sysfs import names, parse_hex, read_text
from mlxtop.system.answers import Fields
from mlxtop.system.door import Answer, Question, System

ANYWHERE = ("192.0.2.1", "2001:db8::1")
"""Documentation addresses: only a default route leads there."""
_RTF_UP, _RTF_REJECT = 0x1, 0x200
_GLOBAL = 0x0
"""Scope of every address but local ones in /proc/net/if_inet6."""


def read_route(system: System, destination: str, source: str | None = None) -> tuple[str, ...]:
    """Return the devices of `ip route get DESTINATION from SOURCE`, one for each next hop.

    Empty for local destinations. Raises OSError (ENETUNREACH where there is no route).
    """
    subject = f"{destination},{source}" if source else destination
    return route_devices(system.ask(Question.ROUTE, subject))


def route_devices(answer: Answer) -> tuple[str, ...]:
    """Return the devices of a ROUTE answer, the one that the kernel chooses first.

    >>> route_devices({"dev": "a", "devs": ["a", "b"], "local": False}), route_devices(None)
    (('a', 'b'), ())
    """
    route = Fields(answer)
    if route.flag("local"):
        return ()
    devices = (route.text("dev"), *route.texts("devs"))
    return tuple(name for name in dict.fromkeys(devices) if name and name != "lo")


def parse_default_devices(ipv4: str, ipv6: str) -> list[str]:
    """Return the devices of the default routes in /proc/net/route and /proc/net/ipv6_route.

    >>> parse_default_devices("eno1 00000000 0100000A 0003 0 0 0 00000000 0 0 0", "")
    ['eno1']
    """
    devices: dict[str, None] = {}
    for line in ipv4.splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[1] == "00000000" and fields[7] == "00000000":
            devices[fields[0]] = None
    for line in ipv6.splitlines():
        fields = line.split()
        if len(fields) >= 10 and fields[0] == "0" * 32 and fields[1] == "00":
            flags = parse_hex(fields[8]) or 0
            if flags & _RTF_UP and not flags & _RTF_REJECT:
                devices[fields[9]] = None
    return [device for device in devices if device != "lo"]


def read_default_devices(system: System) -> list[str]:
    """Return the devices of every default route, and those that policy routing would choose."""
    tables = (read_text(system, f"/proc/net/{name}") or "" for name in ("route", "ipv6_route"))
    devices = dict.fromkeys(parse_default_devices(*tables))
    for address in ANYWHERE:
        with suppress(OSError):
            devices |= dict.fromkeys(read_route(system, address))
    return list(devices)


def parse_used_devices(route: str, addresses: str) -> frozenset[str]:
    """Return the devices with a route in /proc/net/route or an address in /proc/net/if_inet6.

    The kernel keeps the route to the network of an IPv4 address while the link is down. Every
    device has a link-local address, so that those do not count.

    >>> parse_used_devices("eno1 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0", "")
    frozenset({'eno1'})
    >>> parse_used_devices("Iface Destination", "fd00 03 40 00 80 eno2\\nfe80 02 40 20 80 eno1")
    frozenset({'eno2'})
    """
    devices = set()
    for line in route.splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[0] != "Iface":
            devices.add(fields[0])
    for line in addresses.splitlines():
        fields = line.split()
        if len(fields) >= 6 and parse_hex(fields[3]) == _GLOBAL:
            devices.add(fields[5])
    return frozenset(devices - {"lo"})


def read_used_devices(system: System) -> frozenset[str]:
    """Return the devices that carry an address or a route."""
    tables = (read_text(system, f"/proc/net/{name}") or "" for name in ("route", "if_inet6"))
    return parse_used_devices(*tables)


def below(system: System, links: Mapping[int, NetLink], device: str) -> frozenset[str]:
    """Return the real devices that `device` stands on, through bonds, bridges, VLANs and the like.

    Empty where nothing tells: tunnels, devices whose other end is in another namespace.
    """
    unvisited = {link.name: link for link in links.values()}
    real: set[str] = set()
    todo = [device]
    while todo:
        name = todo.pop()
        link = unvisited.pop(name, None)
        if link is None:
            continue
        if link.parent is not None or names(system, f"/sys/class/net/{name}/device"):
            real.add(name)
        else:
            todo += lower(system, links, link)
    return frozenset(real)


def lower(system: System, links: Mapping[int, NetLink], link: NetLink) -> Iterable[str]:
    """Yield what is directly below: members, a VLAN's device, the bridge behind a veth's end."""
    for name in sorted(names(system, f"/sys/class/net/{link.name}"), key=natural):
        if name.startswith("lower_"):
            yield name.removeprefix("lower_")
    for other in links.values():
        if other.master == link.index:
            yield other.name
    under = links.get(link.link or 0)
    if under is not None and link.kind != "veth":
        yield under.name
    elif under is not None and under.kind == "veth" and under.link == link.index:
        master = links.get(under.master or 0)
        if master is not None:
            yield master.name
