"""Adapters and their ports as the rows of one table, for the screen and for `--once`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from math import isclose
from typing import NamedTuple

from mlxtop.analysis.faults import severe_since_start
from mlxtop.analysis.port_view import port_view
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Adapter, PortId, PortKind, natural
from mlxtop.model.pcie import GENERATION, PciePath
from mlxtop.present import units
from mlxtop.present.clean import clean
from mlxtop.present.columns import Column, heading, layout, name_width, port_line, port_row
from mlxtop.present.text import Line, Role, Run, crop, join, line_width
from mlxtop.watch.heat import HeatWatch

OTHER = "Other network devices"
VIRTUAL = "Virtual devices"


_NO_LIMIT = 75.0
"""°C taken for the warning limit of a sensor that has none."""


class Order(StrEnum):
    """How the ports are sorted; anything but NATURAL leaves the adapters out."""

    NATURAL = "natural"
    RATE = "rate"
    TEMPERATURE = "temperature"
    ERRORS = "errors"


class Entry(NamedTuple):
    """A row of the table: a port, or a heading with a card or a title."""

    port: PortId | None = None
    adapter: Adapter | None = None
    title: str = ""


def entries(frame: Frame, pattern: str = "", order: Order = Order.NATURAL) -> list[Entry]:
    """The rows in their order; `pattern` keeps ports whose names contain or match it."""
    if order is not Order.NATURAL:
        natural_order = [row.port for row in entries(frame, pattern) if row.port]
        return [Entry(port) for port in _ranked(frame, natural_order, _SORT[order])]
    ports = [port for port in frame.ports if matches(frame, port, pattern)]
    rows: list[Entry] = []
    left = set(ports)
    for adapter in sorted(frame.sample.adapters, key=_adapter_order):
        own = sorted(port for port in adapter.ports if port in left)
        if own or (not pattern and not adapter.ports):
            rows.append(Entry(adapter=adapter))
            rows.extend(Entry(port) for port in own)
            left.difference_update(own)
    physical = {p for p in left if frame.ports[p].now.port.kind is not PortKind.VIRTUAL}
    for title, group in ((OTHER, physical), (VIRTUAL, left - physical)):
        if group:
            rows.append(Entry(title=title))
            rows.extend(Entry(port) for port in _by_name(frame, group))
    return rows


def matches(frame: Frame, port: PortId, pattern: str) -> bool:
    """Whether a filter keeps a port: part of one of its names, or a glob."""
    if not pattern:
        return True
    now = frame.ports[port].now.port
    adapter = frame.adapter(port)
    names = [now.netdev, now.rdma, now.bond, str(now.id), adapter.family if adapter else None]
    wanted = pattern.lower()
    glob = wanted if any(c in wanted for c in "*?[") else f"*{wanted}*"
    return any(fnmatchcase(name.lower(), glob) for name in names if name)


def _adapter_order(adapter: Adapter) -> tuple[tuple[int, int | str], ...]:
    return natural(adapter.functions[0].address if adapter.functions else adapter.key)


def _by_name(frame: Frame, ports: set[PortId]) -> list[PortId]:
    return sorted(ports, key=lambda port: natural(frame.ports[port].now.port.name))


def _busiest(frame: Frame, port: PortId) -> float:
    flow = port_view(frame, port).throughput
    return max(flow.rx_bps or 0.0, flow.tx_bps or 0.0)


def _hottest(frame: Frame, port: PortId) -> float:
    """Degrees above the nearest warning limit, mostly negative."""
    sensors = frame.ports[port].now.temperatures
    over = [t.celsius - (t.warning or _NO_LIMIT) for t in sensors if t.celsius is not None]
    return max(over, default=-_NO_LIMIT)


def _worst(frame: Frame, port: PortId) -> float:
    return float(severe_since_start(frame.ports[port])[0] or 0)


class _Ranking(NamedTuple):
    """What ports are sorted by, and up to which difference they count as equal."""

    value: Callable[[Frame, PortId], float]
    relative: float = 0.0
    absolute: float = 0.0


_SORT = {
    # Two ports with the same traffic differ by some percent from one sample to the next, and idle
    # ones by a few packets; sensors by some tenths of a degree.
    Order.RATE: _Ranking(_busiest, relative=0.05, absolute=1e5),
    Order.TEMPERATURE: _Ranking(_hottest, absolute=1.0),
    Order.ERRORS: _Ranking(_worst),
}


def _ranked(frame: Frame, ports: Sequence[PortId], ranking: _Ranking) -> list[PortId]:
    """Return the ports, highest first; those that count as equal keep the order they came in."""
    values = {port: ranking.value(frame, port) for port in ports}
    places = {port: place for place, port in enumerate(ports)}
    ranked: list[PortId] = []
    equal: list[PortId] = []
    for port in sorted(ports, key=lambda port: -values[port]):
        highest = values[equal[0]] if equal else values[port]
        if not isclose(values[port], highest, rel_tol=ranking.relative, abs_tol=ranking.absolute):
            ranked += sorted(equal, key=places.__getitem__)
            equal = []
        equal.append(port)
    return ranked + sorted(equal, key=places.__getitem__)


def pcie_words(path: PciePath) -> str:
    """The card's PCIe link in a few words.

    >>> from mlxtop.model.pcie import PcieLink
    >>> pcie_words(PciePath((PcieLink("0000:43:00.0", 8.0, 8, 8.0, 16),)))
    'PCIe 3.0 x8 of x16 63.0 Gb/s'
    """
    link = path.limiting
    if link is None or not path.links:
        return "PCIe –"
    card = path.links[0]
    words = f"PCIe {_generation(link.speed)}"
    if card.max_speed and link.speed and link.speed < card.max_speed:
        words += f" of {_generation(card.max_speed)}"
    words += f" x{link.width}"
    if card.max_width and link.width and link.width < card.max_width:
        words += f" of x{card.max_width}"
    mbps = path.available_mbps
    return words if mbps is None else f"{words} {mbps / 1000:.1f} Gb/s"


def _generation(speed: float | None) -> str:
    if speed is None:
        return units.NONE
    number = GENERATION.get(speed)
    return f"{number}.0" if number else f"{speed:g} GT/s"


def adapter_line(frame: Frame, adapter: Adapter, columns: int) -> Line:
    """A card: who it is, and its PCIe path, which all of its ports share."""
    address = adapter.functions[0].address if adapter.functions else adapter.key
    parts: list[Line] = [
        ((clean(adapter.family), Role.ACCENT),),
        ((clean(address), Role.TEXT),),
    ]
    if adapter.state:
        parts.append(((clean(adapter.state), Role.WARNING),))
    paths = [status.path for status in frame.slots(adapter)]
    if paths:
        role = Role.WARNING if any(path.limited for path in paths) else Role.DIM
        parts.append(((" + ".join(map(pcie_words, paths)), role),))
    parts.extend(((text, Role.DIM),) for text in _about(adapter))
    return crop(_fitting(parts, columns), columns)


def _about(adapter: Adapter) -> list[str]:
    about = []
    if adapter.part:
        about.append(clean(adapter.part))
    if adapter.firmware:
        text = f"fw {clean(adapter.firmware)}"
        if adapter.firmware_stored and adapter.firmware_stored != adapter.firmware:
            text += f" (next {clean(adapter.firmware_stored)})"
        about.append(text)
    if adapter.psid:
        about.append(clean(adapter.psid))
    node = adapter.functions[0].numa_node if adapter.functions else None
    if node is not None:
        about.append(f"NUMA {node}")
    return about


_BETWEEN: Run = ("  ", Role.DIM)


def _fitting(parts: Sequence[Line], columns: int) -> Line:
    """As many whole parts as fit; the first one always."""
    line = join(parts, _BETWEEN)
    while line_width(line) > columns and len(parts) > 1:
        parts = parts[:-1]
        line = join(parts, _BETWEEN)
    return line


def title_line(title: str, columns: int) -> Line:
    """The heading of a group of devices without a card."""
    return crop(((title, Role.ACCENT),), columns)


def entry_line(
    frame: Frame,
    entry: Entry,
    columns: int,
    shown: tuple[Column, ...],
    *,
    bits: bool = True,
    heat: HeatWatch | None = None,
) -> Line:
    """Any row of the table in exactly so many columns."""
    if entry.port is not None:
        return crop(port_line(shown, port_row(frame, entry.port, bits, heat)), columns)
    if entry.adapter is not None:
        return adapter_line(frame, entry.adapter, columns)
    return title_line(entry.title, columns)


def overview(
    frame: Frame, columns: int, bits: bool = True, pattern: str = "", order: Order = Order.NATURAL
) -> list[Line]:
    """The whole table with its heading, as `--once` prints it."""
    rows = entries(frame, pattern, order)
    shown = layout(columns, names_of(frame, rows))
    lines = [crop(heading(shown), columns)]
    return lines + [entry_line(frame, entry, columns, shown, bits=bits) for entry in rows]


def names_of(frame: Frame, rows: Sequence[Entry]) -> int:
    """Width of the first column for the ports of these rows."""
    return name_width(frame.ports[row.port].now.port.name for row in rows if row.port)


def totals(frame: Frame) -> tuple[float | None, float | None]:
    """Received and sent bit/s of all physical ports together; virtual ones are in these."""
    rx: float | None = None
    tx: float | None = None
    for port, one in frame.ports.items():
        if one.now.port.kind is PortKind.PHYSICAL:
            flow = port_view(frame, port).throughput
            rx = _plus(rx, flow.rx_bps)
            tx = _plus(tx, flow.tx_bps)
    return rx, tx


def _plus(total: float | None, part: float | None) -> float | None:
    return total if part is None else part + (total or 0.0)
