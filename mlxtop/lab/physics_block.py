"""The physics block of a simulated machine: TOML, checked and completed to a `MachineSpec`.

https://toml.io is the syntax; CONTRIBUTING tells the keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlxtop.lab.families import FAMILIES, OPTICS, Family
from mlxtop.lab.spec import (
    BridgeSpec,
    CardSpec,
    HeatSpec,
    LinkSpec,
    MachineSpec,
    ModuleSpec,
    Phase,
    PortSpec,
)

_LINK = re.compile(r"([\d.]+) x(\d+)")


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `change` laid over it, table by table.

    >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
    {'a': {'b': 3, 'c': 2}}
    """
    out = dict(base)
    for key, value in change.items():
        old = out.get(key)
        out[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def _link(text: str) -> LinkSpec:
    match = _LINK.search(text)
    if match is None:
        raise ValueError(f"no PCIe link: {text!r}")
    return LinkSpec(float(match[1]), int(match[2]))


def _bridge(address: str, text: str, link: LinkSpec) -> BridgeSpec:
    """Parse the link now, the link at most and `vendor:device`: `8.0 x8, 8.0 x16, 8086:0e08`."""
    parts = text.split(", ") if text else []
    now = _link(parts[0]) if parts else link
    most = _link(parts[1]) if len(parts) > 1 else now
    return BridgeSpec(address, now, most, parts[2] if len(parts) > 2 else "8086:0e08")


def _heat(table: Mapping[str, Any], default: HeatSpec) -> HeatSpec:
    return HeatSpec(
        float(table.get("idle", default.idle)),
        float(table.get("full", default.full)),
        float(table.get("resistance", default.resistance)),
        float(table.get("tau", default.tau)),
    )


def _module(table: Mapping[str, Any], kind: str, serial: str) -> ModuleSpec | None:
    if kind == "none":
        return None
    optics = OPTICS[kind]
    limits = table.get("limits")
    return ModuleSpec(
        optics,
        str(table.get("serial", serial)),
        _heat(table.get("heat", {}), HeatSpec(0.0 if optics.passive else 2.2, 1.0, 6.0, 45.0)),
        float(table.get("shutdown", optics.limits[0] + 7)),
        {int(lane): float(share) for lane, share in table.get("dim", {}).items()},
        bool(table.get("garbage", False)),
        tuple(map(float, limits)) if limits else optics.limits,  # type: ignore[arg-type]
    )


def _port(number: int, table: Mapping[str, Any], card: Mapping[str, Any], bdf: str) -> PortSpec:
    guid = int(card["guid"], 16)
    mac = (guid >> 40 << 24) | (guid & 0xFFFFFF) + number - 1
    rdma = table.get("rdma", card.get("rdma", "mlx5_0"))
    return PortSpec(
        number=number,
        function=bdf,
        netdev=table["netdev"],
        ipoib=table.get("ipoib", ""),
        rdma=rdma,
        rdma_port=number if rdma.startswith("mlx4") else 1,
        kind=table.get("kind", "eth"),
        sense=table.get("sense", ""),
        pending=table.get("pending", ""),
        speed=int(table.get("speed", 100)) * 1000,
        rate=table.get("rate", "100 Gb/sec (4X EDR)"),
        mtu=int(table.get("mtu", 9000)),
        mac=":".join(f"{mac:012x}"[i : i + 2] for i in range(0, 12, 2)),
        ip=table.get("ip", ""),
        peer=table.get("peer", ""),
        peer_mtu=int(table.get("peer_mtu", 0)),
        bond=table.get("bond", ""),
        module=_module(
            table.get("module", {}),
            table.get("optics", "none"),
            f"MT2143VS{(guid * 40503 + 7919 * number) % 100000:05d}",
        ),
        up=bool(table.get("up", True)),
        sm=bool(table.get("sm", False)),
        faults=table.get("faults", {}),
        qos=table.get("qos", {}),
        lldp=table.get("lldp", {}),
        history=table.get("history", {}),
    )


def _functions(table: Mapping[str, Any], family: Family, ports: int) -> tuple[str, ...]:
    address: str = table["slot"].rpartition("/")[2]
    count = 1 if family.mlx4 else ports
    return tuple(f"{address[:-1]}{index}" for index in range(count))


def _card(key: str, table: Mapping[str, Any]) -> CardSpec:
    family = FAMILIES[table["family"]]
    tables = table["port"]
    functions = _functions(table, family, len(tables))
    link = _link(table["link"])
    heat = table.get("heat", {})
    return CardSpec(
        key=key,
        family=family,
        part=table["part"],
        description=table["description"],
        psid=table.get("psid"),
        firmware=table["firmware"],
        stored=table.get("stored", table["firmware"]),
        subsystem=table.get("subsystem", "15b3:0014"),
        revision=int(table.get("revision", 0)),
        functions=functions,
        path=tuple(
            _bridge(address, table.get("bridges", {}).get(address, ""), link)
            for address in table["slot"].split("/")[:-1]
        ),
        link=link,
        most=_link(table["most"]),
        mps=int(table.get("mps", 256)),
        node=int(table.get("node", 0)),
        channels=int(table.get("channels", 8 if family.mlx4 else 63)),
        guid=int(table["guid"], 16),
        serial=table.get("serial", "MT1719X03256"),
        vpi=bool(table.get("vpi", True)),
        configurable=table["family"] != "ConnectX-2",
        vfs=int(table.get("vfs", 0)),
        pfc=tuple(int(priority) for priority in table.get("pfc", ())),
        heat=_heat(heat, HeatSpec(8.0, 6.0, 3.0, 15.0)),
        coupling=float(heat.get("coupling", 0.03)),
        airflow=float(heat.get("airflow", 1.0)),
        resolution=float(heat.get("resolution", 1.0)),
        sensor=bool(table.get("sensor", not family.mlx4)),
        ports=tuple(
            _port(number, tables[name], table, functions[0 if family.mlx4 else number - 1])
            for number, name in enumerate(sorted(tables), 1)
        ),
        faults=table.get("faults", {}),
    )


def _copies(key: str, table: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a card for each of its `slots`: `{n}` counts them, `{bus}` is its PCI bus, decimal."""
    for number, slot in enumerate(table.get("slots", [table.get("slot")])):
        bus = int(slot.rpartition("/")[2][5:7], 16)
        copy = _filled(table, {"{n}": str(number), "{bus}": str(bus)})
        guid = int(table["guid"], 16) + 0x100 * number
        nodes = table.get("on_nodes", [table.get("node", 0)])
        copy |= {"slot": slot, "guid": f"{guid:#x}", "node": nodes[number % len(nodes)]}
        yield f"{key}{number:02d}", copy


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, names) for key, each in value.items()}
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(name, text)
    return value


def _phase(row: list[Any]) -> Phase:
    seconds, port, rx, tx, rdma_rx, rdma_tx, streams = row
    return Phase(
        float(seconds), port, float(rx), float(tx), float(rdma_rx), float(rdma_tx), int(streams)
    )


def _pair(value: Any) -> tuple[float, float]:
    if isinstance(value, list):
        return float(value[0]), float(value[1])
    return float(value), float(value)


def machine(label: str, table: Mapping[str, Any]) -> MachineSpec:
    """Return the machine that a block describes. Raises KeyError and ValueError if it is wrong."""
    host = table.get("host", {})
    return MachineSpec(
        label=label,
        about=table.get("about", ""),
        kernel=host.get("kernel", "6.12.48+deb13-amd64"),
        cpus=int(host.get("cpus", 8)),
        nodes=int(host.get("nodes", 1)),
        interleaved=bool(host.get("interleaved", False)),
        cpu_model=host.get("cpu", "Intel(R) Xeon(R) CPU"),
        uptime=float(host.get("uptime", 1_209_600)),
        ambient=float(host.get("ambient", 24.0)),
        stream_gbps=_pair(host.get("stream_gbps", 30.0)),
        host_gbps=_pair(host.get("host_gbps", 1e6)),
        tools=host.get("tools", {}),
        cards=tuple(
            _card(name, copy)
            for key in sorted(table["card"])
            for name, copy in _copies(key, table["card"][key])
        ),
        profile=tuple(_phase(row) for row in table.get("profile", [])),
        events=tuple(table.get("events", [])),
        extra=table,
    )
