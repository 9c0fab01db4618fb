"""lldpcli as far as the product calls it: the neighbours of a machine as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mlxtop.lab.ports import PortState
from mlxtop.lab.tools.shell import Err, Machine, Running


def lldpcli(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`lldpcli -f json0 show neighbors details`: switches, and machines that a cable joins."""
    if list(argv[1:3]) != ["-f", "json0"] or "neighbors" not in argv:
        yield Err("[WARN/lldpctl] unknown command from argument 1")
        return 1
    interfaces = [_interface(port) for port in machine.world.ports if _speaks(port)]
    yield json.dumps({"lldp": [{"interface": interfaces} if interfaces else {}]}, indent=2)
    return 0


def _speaks(port: PortState) -> bool:
    """Return whether somebody at the other end of a port speaks LLDP."""
    return bool(port.netdev and port.carrier and not port.infiniband) and bool(
        port.spec.lldp or port.far_name
    )


def _values(**texts: object) -> dict[str, object]:
    """Members as json0 writes them, each in a list of its own."""
    return {name: [{"value": str(text)}] for name, text in texts.items()}


def _id(kind: str, text: str) -> list[dict[str, str]]:
    return [{"type": kind, "value": text}]


def _interface(port: PortState) -> dict[str, object]:
    told = port.spec.lldp
    bridge = bool(told)
    chassis = {
        "id": _id("mac", str(told.get("chassis", port.far_mac))),
        **_values(name=told.get("name", port.far_name), descr=told.get("system", "Linux")),
        "capability": [
            {"type": "Bridge", "enabled": bridge},
            {"type": "Router", "enabled": bridge},
            {"type": "Station", "enabled": not bridge},
        ],
    }
    there = {
        "id": _id("ifname", str(told["port"])) if told else _id("mac", port.far_mac),
        **_values(descr=told.get("description", port.far_netdev), ttl=120),
        **(_values(mfs=told["mfs"]) if "mfs" in told else {}),
    }
    vlan = {"vlan-id": str(told.get("vlan")), "pvid": True}
    return {
        "name": port.netdev,
        "via": "LLDP",
        "rid": str(port.ifindex),
        "age": "0 day, 00:10:00",
        "chassis": [chassis],
        "port": [there],
        **({"vlan": [vlan]} if "vlan" in told else {}),
    }
