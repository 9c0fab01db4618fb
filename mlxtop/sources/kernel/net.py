"""Network devices and what the kernel's stack counted of them, by rtnetlink.

include/uapi/linux/if_link.h; https://docs.kernel.org/networking/statistics.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any

from mlxtop.model.counters import Origin, Schema
from mlxtop.model.identity import Port, PortId
from mlxtop.model.sample import Link, PortSample, Reading
from mlxtop.sources.kernel.sysfs import link_name, names, parse_hex, read_count, read_text
from mlxtop.system.answers import counted, rows
from mlxtop.system.door import Answer, Question, System

LINK64 = Schema(
    (
        *("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors"),
        *("rx_dropped", "tx_dropped", "multicast", "collisions", "rx_length_errors"),
        *("rx_over_errors", "rx_crc_errors", "rx_frame_errors", "rx_fifo_errors"),
        *("rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors"),
        *("tx_heartbeat_errors", "tx_window_errors", "rx_compressed", "tx_compressed"),
        "rx_nohandler",
    )
)
"""struct rtnl_link_stats64, in its order."""
_SIZE = len(LINK64.keys)

LOOPBACK_TYPE, INFINIBAND_TYPE = 772, 32
"""ARPHRD_LOOPBACK and ARPHRD_INFINIBAND."""

IFF_UP = 1


@dataclass(frozen=True, slots=True)
class NetLink:
    """One network device, as RTM_GETLINK tells it."""

    name: str
    index: int
    kind: str | None
    """IFLA_INFO_KIND: veth, bond, vlan …; None for real devices."""
    type: int
    """ARPHRD_*."""
    up: bool
    carrier: bool
    mtu: int | None
    carrier_changes: int | None
    master: int | None
    link: int | None
    """ifindex of the device below: of a VLAN, an IPoIB child."""
    address: str | None
    parent: str | None
    """Name of the parent device, a PCI address where `parent_bus` is pci."""
    parent_bus: str | None
    port_name: str | None


def parse_links(answer: Answer) -> list[NetLink]:
    """Return the devices of a LINKS answer; entries without a name or index are left out."""
    links = []
    for entry in rows(answer):
        name, index = entry.text("name"), entry.number("index")
        if name is None or index is None:
            continue
        links.append(
            NetLink(
                name,
                index,
                entry.text("kind"),
                entry.number("type") or 0,
                bool((entry.number("flags") or 0) & IFF_UP),
                bool(entry.flag("carrier")),
                entry.count("mtu"),
                entry.count("carrier_changes"),
                entry.number("master") or None,
                entry.number("link") or None,
                *map(entry.text, ("address", "parent", "parent_bus", "port_name")),
            )
        )
    return links


def read_links(system: System) -> list[NetLink]:
    """Return every network device of this namespace; from sysfs where the machine is only files."""
    try:
        return parse_links(system.ask(Question.LINKS))
    except OSError:
        links = (_from_sysfs(system, name) for name in names(system, "/sys/class/net"))
        return [link for link in links if link is not None]


def _from_sysfs(system: System, name: str) -> NetLink | None:
    base = f"/sys/class/net/{name}"
    index = read_count(system, f"{base}/ifindex")
    kind = read_count(system, f"{base}/type")
    if index is None and kind is None:
        return None
    flags = parse_hex(read_text(system, f"{base}/flags")) or 0
    below = read_count(system, f"{base}/iflink")
    return NetLink(
        name=name,
        index=index or 0,
        kind=_uevent(read_text(system, f"{base}/uevent")).get("DEVTYPE"),
        type=kind or 0,
        up=bool(flags & IFF_UP),
        carrier=read_text(system, f"{base}/carrier") == "1",
        mtu=counted(read_count(system, f"{base}/mtu")),
        carrier_changes=counted(read_count(system, f"{base}/carrier_changes")),
        master=None,
        link=below if below != index else None,
        address=read_text(system, f"{base}/address"),
        parent=link_name(system, f"{base}/device"),
        parent_bus=link_name(system, f"{base}/device/subsystem"),
        port_name=read_text(system, f"{base}/phys_port_name"),
    )


def _uevent(text: str | None) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in (text or "").splitlines() if "=" in line)


_NETDEV = Origin.NETDEV
"""Looking up a member of an enumeration costs more than the rest of a bare port."""
_NOTHING_ELSE = tuple(PortSample._field_defaults.values())[1:]
_NO_ROWS: Mapping[Any, Any] = MappingProxyType({})


class LinkCounters:
    """A LINK_COUNTERS answer; a row becomes a reading when it is asked for.

    Where two ports of two thousand are shown, the others cost nothing.
    """

    __slots__ = ("_rows", "_tick")

    def __init__(self, answer: Answer, tick: float) -> None:
        self._tick = tick
        self._rows = answer if isinstance(answer, dict) else _NO_ROWS

    def bare(self, ports: Iterable[tuple[PortId, Port, Link]]) -> dict[PortId, PortSample]:
        """Return samples of ports that have these counters alone, two thousand of them at once."""
        row, tick, make = self._rows.get, self._tick, tuple.__new__
        samples = {}
        for port_id, port, link in ports:
            values = row(port.ifindex)
            if type(values) is tuple and len(values) >= _SIZE:
                # As the class would do it: the call alone is a third of the time.
                readings = {_NETDEV: make(Reading, (tick, LINK64, values))}
            else:
                reading = self.get(port.ifindex)
                readings = {} if reading is None else {_NETDEV: reading}
            samples[port_id] = make(PortSample, (port, link, readings, *_NOTHING_ELSE))
        return samples

    def get(self, index: int | None) -> Reading | None:
        """Return the counters of a device; None without a row of a usable shape."""
        rows = self._rows
        values = rows.get(index)
        if type(values) is tuple and len(values) >= _SIZE:  # the kernel's; newer ones have more
            return Reading(self._tick, LINK64, values)
        if values is None:
            values = rows.get(str(index))  # from JSON
        if not isinstance(values, list | tuple):
            return None
        row = tuple(map(counted, values[:_SIZE]))
        return Reading(self._tick, LINK64, row + (None,) * (_SIZE - len(row)))


def read_link_counters(system: System) -> LinkCounters:
    """Return what the kernel's stack counted, in one question. Raises OSError."""
    answer = system.ask(Question.LINK_COUNTERS)
    return LinkCounters(answer, system.now())


VF_COUNTS = ("rx_bytes", "tx_bytes", "rx_packets", "tx_packets")
MOST_VFS = 512
"""Virtual functions of a port that are read at most."""


def read_vfs(system: System, netdev: str) -> Reading | None:
    """Return what the card counts of each virtual function; None without any. Raises OSError."""
    answer = system.ask(Question.VF_STATISTICS, netdev)
    tick = system.now()
    counts: dict[str, int | None] = {}
    for row in islice(rows(answer), MOST_VFS):
        vf = row.count("vf")
        if vf is not None and vf <= _HIGHEST_VF:
            counts |= {f"vf{vf}_{key}": row.count(key) for key in VF_COUNTS}
    return Reading(tick, _vf_schema(tuple(counts)), tuple(counts.values())) if counts else None


_HIGHEST_VF = 9999


@lru_cache(maxsize=64)
def _vf_schema(keys: tuple[str, ...]) -> Schema:
    return Schema(keys)


def read_speed(system: System, netdev: str) -> int | None:
    """Return data rate of a network device in bit/s; None without a link or where none is known."""
    speed = read_count(system, f"/sys/class/net/{netdev}/speed")
    return speed * 1_000_000 if speed is not None and speed > 0 else None
