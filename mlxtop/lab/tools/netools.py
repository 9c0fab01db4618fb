"""ping, ip and ethtool as far as the product or a person at the demo calls them."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence

from mlxtop.lab.ports import PortState
from mlxtop.lab.tools.ethtool_m import lines
from mlxtop.lab.tools.shell import Err, Machine, Running
from mlxtop.system.door import Question


def _option(argv: Sequence[str], name: str, default: str) -> str:
    return argv[argv.index(name) + 1] if name in argv[:-1] else default


def ping(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`ping -c N [-M do] [-s SIZE] [-W S] HOST` of iputils."""
    host = argv[-1]
    count, size = int(_option(argv, "-c", "3")), int(_option(argv, "-s", "56"))
    pause = float(_option(argv, "-i", "1"))
    try:
        route = machine.network.route(host)
    except OSError:
        yield Err(f"ping: {host}: Name or service not known")
        return 2
    port = machine.network.port_of(str(route["dev"]))
    mtu = port.mtu if port else 1500
    peer_mtu = port.spec.peer_mtu if port and port.spec.peer_mtu else mtu
    yield f"PING {host} ({host}) {size}({size + 28}) bytes of data."
    through = _option(argv, "-I", str(route["dev"]))
    reachable = machine.network.answers(host) and through == route["dev"]
    received = 0
    for number in range(1, count + 1):
        if "do" in argv and size + 28 > mtu:
            yield Err(f"ping: local error: message too long, mtu={mtu}")
            yield 1.0
        elif not reachable or size + 28 > peer_mtu:
            yield 1.0
        else:
            received += 1
            reply = f"{size + 8} bytes from {host}: icmp_seq={number} ttl=64"
            yield f"{reply} time={_round_trip(number)} ms"
            if number < count:
                yield pause
    lost = 100 * (count - received) // max(count, 1)
    yield ""
    yield f"--- {host} ping statistics ---"
    yield f"{count} packets transmitted, {received} received, {lost}% packet loss, time {count}ms"
    return 0 if received else 1


def _round_trip(number: int) -> str:
    """Milliseconds, a little different each time."""
    return f"0.{40 + number % 50:03d}"


_CHANGES = {
    *(("route", verb) for verb in ("replace", "del", "flush")),
    *(("rule", verb) for verb in ("add", "del")),
}
"""What `ip` changes in the tables of routes."""


def ip(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`ip route get`, `ip -j address show`, and what sets up a network device."""
    words = [word for word in argv[1:] if not word.startswith("-")]
    if words[:2] == ["address", "show"]:
        yield json.dumps(_addresses(machine))
        return 0
    if words[:2] in (["link", "set"], ["address", "add"]):
        return (yield from _set_up(machine, words))
    if words[:2] in (["route", "show"], ["neigh", "show"]):
        listed = machine.network.fib.documents() if words[0] == "route" else ()
        neighbours = machine.network.neighbours() if words[0] == "neigh" else ()
        yield json.dumps([] if "-6" in argv else [*listed, *neighbours])
        return 0
    if words[:2] == ["rule", "show"]:
        yield json.dumps([] if "-6" in argv else [*machine.network.fib.rule_documents()])
        return 0
    if words[:2] == ["neigh", "flush"]:
        return 0
    if tuple(words[:2]) in _CHANGES:
        refusal = machine.network.fib.change(words)
        if refusal:
            yield Err(refusal if "device" in refusal else f"RTNETLINK answers: {refusal}")
        return 2 if refusal else 0
    if words[:2] != ["route", "get"] or len(words) < 3:
        yield Err('Object "{}" is unknown, try "ip help".'.format(" ".join(words[:1])))
        return 255
    try:
        ipaddress.ip_address(words[2])
        route = machine.network.route(words[2])
    except (OSError, ValueError):
        yield Err(f'Error: any valid prefix is expected rather than "{words[2]}".')
        return 1
    via = f"via {route['via']} " if route["via"] else ""
    local = "local " if route["local"] else ""
    yield f"{local}{words[2]} {via}dev {route['dev']} src {route['src']} uid 0 "
    yield "    cache "
    return 0


def _addresses(machine: Machine) -> list[dict[str, object]]:
    """`ip -j address show`: every device with its MTU and what was given to it."""
    network, ports = machine.network, machine.world.ports
    given = {"lo": "127.0.0.1/8", network.management: f"{network.address}/24"}
    given |= {port.spec.bond: port.spec.ip for port in ports if port.spec.bond and port.spec.ip}
    devices = [(other.name, other.mtu, given.get(other.name, "")) for other in network.others]
    devices += [(port.netdev, port.mtu, port.address) for port in ports if port.netdev]
    return [
        {"ifname": name, "mtu": mtu, "addr_info": [_address_info(text)] if text else []}
        for name, mtu, text in devices
    ]


def _address_info(text: str) -> dict[str, object]:
    """An entry of `addr_info`."""
    local, _, length = text.partition("/")
    scope = "host" if local.startswith("127.") else "global"
    return {"family": "inet", "local": local, "prefixlen": int(length), "scope": scope}


def _set_up(machine: Machine, words: Sequence[str]) -> Running:
    """`ip link set DEVICE [up|down] [mtu N] [master BOND]` and `ip address add A dev DEVICE`."""
    rest = [word for word in words[2:] if word != "dev"]
    address = rest.pop(0) if words[0] == "address" and rest else ""
    device = rest.pop(0) if rest else ""
    port = next((p for p in machine.world.ports if device and p.netdev == device), None)
    if port is None:
        yield Err(f'Cannot find device "{device}"')
        return 1
    refusal = _assign(port, address) if address else _set_link(machine, port, rest)
    machine.world.generation += 1
    machine.world.link_changed(port)
    machine.world.device_changed(port)
    if refusal:
        yield Err(f"RTNETLINK answers: {refusal}")
    return 2 if refusal else 0


def _assign(port: PortState, address: str) -> str | None:
    """Give a device an address; return why the kernel refuses it."""
    try:
        ipaddress.ip_interface(address)
    except ValueError:
        return "Invalid argument"
    if port.address == address:
        return "File exists"
    port.address = address
    return None


def _set_link(machine: Machine, port: PortState, rest: Sequence[str]) -> str | None:
    """Set flags, MTU and master of a device; return why the kernel refuses it."""
    words = iter(rest)
    for word in words:
        if word in ("up", "down"):
            port.admin_up = word == "up"
        elif word == "mtu":
            if refusal := port.set_mtu(int(next(words, "1500"))):
                return refusal
        elif word == "master":
            bond = next(words, "")
            if machine.network.index(bond) is None:
                return "No such device"
            if port.admin_up or port.infiniband:  # bond_enslave() takes no device that is up
                return "Operation not permitted"
            port.bond, port.mtu = bond, port.spec.mtu
            port.admin_up = True  # the bond brings its members up
        else:
            return "Invalid argument"
    return None


_LIMITS = {
    "max_qp": 131072,
    "max_cq": 1 << 24,
    "max_mr": 1 << 24,
    "max_pd": 1 << 23,
    "max_srq": 1 << 23,
}


def ibv_devinfo(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`ibv_devinfo -v -d DEVICE`: its limits."""
    device = argv[-1]
    if not any(port.present and port.spec.rdma == device for port in machine.world.ports):
        yield f"No IB devices found: {device}"
        return 255
    yield f"hca_id:\t{device}"
    for name, limit in _LIMITS.items():
        yield f"\t{name}:\t\t\t\t{limit}"
    return 0


def ethtool(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`ethtool --version`, `-i`, `-S` and `-m` of a netdev."""
    if "--version" in argv:
        yield f"ethtool version {machine.world.spec.tools['ethtool']}"
        return 0
    device = argv[-1]
    if "-m" in argv or "--module-info" in argv:
        return (yield from _module(machine, device))
    try:
        if "-i" in argv:
            info = machine.kernel.ask(Question.DRIVER_INFO, device, ())
            yield f"driver: {info['driver']}"
            yield f"version: {info['version']}"
            yield f"firmware-version: {info['firmware']}"
            yield "expansion-rom-version: "
            yield f"bus-info: {info['bus']}"
            return 0
        table = machine.kernel.ask(Question.DRIVER_STATISTICS, device, ())
    except OSError:
        yield Err("Cannot get driver information: No such device")
        return 71
    yield "NIC statistics:"
    for name, value in zip(table["names"], table["values"], strict=True):
        yield f"     {name}: {value}"
    return 0


def _module(machine: Machine, device: str) -> Running:
    port = next((port for port in machine.world.ports if port.netdev == device), None)
    if port is None:
        yield Err("netlink error: No such device")
        return 1
    module = port.spec.module
    if module is None or port.unplugged or module.kind.cmis or not machine.root:
        yield Err(f"netlink error: {'Operation not permitted' if module else 'Invalid argument'}")
        return 1
    yield 0.1
    yield from lines(module, machine.kernel.monitors(port))
    return 0
