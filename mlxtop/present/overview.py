"""Adapters and ports as rows of one table, for screen and `--once`, and the line above it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from math import isclose
from time import localtime, strftime
from typing import NamedTuple

from mlxtop.analysis.faults import severe_since_start
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.throughput import NETDEV
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Adapter, PortId, PortKind, natural
from mlxtop.model.pcie import PciePath, link_words
from mlxtop.present import units
from mlxtop.present.columns import Column, heading, layout, port_line, port_row
from mlxtop.present.text import Line, Role, Run, clean, crop, line_width
from mlxtop.watch.heat import HeatStates

OTHER = "Other network devices"
VIRTUAL = "Virtual devices"
_ROOMY = 100
"""Columns from which the header says in words how much could not be read."""
_NO_LIMIT = 75.0
"""°C taken for the warning limit of a sensor that has none."""


class Order(StrEnum):
    """Order of the ports; anything but NATURAL leaves the adapters out."""

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
    """Return the rows in their order; `pattern` keeps ports whose names contain or match it."""
    if order is not Order.NATURAL:
        natural_order = [row.port for row in entries(frame, pattern) if row.port]
        return [Entry(port) for port in _ranked(frame, natural_order, order)]
    ports = [port for port in frame.ports if matches(frame, port, pattern)]
    rows: list[Entry] = []
    left = set(ports)
    for adapter in sorted(frame.sample.adapters, key=lambda card: natural(_address(card))):
        own = sorted(port for port in adapter.ports if port in left)
        if own or (not pattern and not adapter.ports):
            rows.append(Entry(adapter=adapter))
            rows.extend(Entry(port) for port in own)
            left.difference_update(own)
    physical = {p for p in left if frame.ports[p].now.port.kind is not PortKind.VIRTUAL}
    for title, group in ((OTHER, physical), (VIRTUAL, left - physical)):
        if group:
            rows.append(Entry(title=title))
            names = {port: natural(frame.ports[port].now.port.name) for port in group}
            rows.extend(Entry(port) for port in sorted(group, key=names.__getitem__))
    return rows


def matches(frame: Frame, port: PortId, pattern: str) -> bool:
    """Return whether a filter keeps a port: part of one of its names, or a glob."""
    now = frame.ports[port].now.port
    adapter = frame.adapter(port)
    names = [now.netdev, now.rdma, now.bond, str(now.id), adapter.family if adapter else None]
    wanted = pattern.lower()
    glob = wanted if any(c in wanted for c in "*?[") else f"*{wanted}*"
    return any(fnmatchcase(name.lower(), glob) for name in names if name)


def _address(adapter: Adapter) -> str:
    return adapter.functions[0].address if adapter.functions else adapter.key


def _busiest(frame: Frame, port: PortId) -> float:
    flow = port_view(frame, port).throughput
    return max(flow.rx_bps or 0.0, flow.tx_bps or 0.0)


def _hottest(frame: Frame, port: PortId) -> float:
    """Return the degrees above the nearest warning limit, mostly negative."""
    sensors = frame.ports[port].now.temperatures
    over = [t.celsius - (t.warning or _NO_LIMIT) for t in sensors if t.celsius is not None]
    return max(over, default=-_NO_LIMIT)


def _worst(frame: Frame, port: PortId) -> float:
    return float(severe_since_start(frame.ports[port])[0] or 0)


_SORT: dict[Order, tuple[Callable[[Frame, PortId], float], float, float]] = {
    # Two ports with the same traffic differ by some percent from one sample to the next, and idle
    # ones by a few packets; sensors by some tenths of a degree.
    Order.RATE: (_busiest, 0.05, 1e5),
    Order.TEMPERATURE: (_hottest, 0.0, 1.0),
    Order.ERRORS: (_worst, 0.0, 0.0),
}
"""Values to sort ports by, and the relative and absolute difference that counts as none."""


def _ranked(frame: Frame, ports: Sequence[PortId], order: Order) -> list[PortId]:
    """Return the ports, highest first; those that count as equal keep the order they came in."""
    value, relative, absolute = _SORT[order]
    values = {port: value(frame, port) for port in ports}
    places = {port: place for place, port in enumerate(ports)}
    ranked: list[PortId] = []
    equal: list[PortId] = []
    for port in sorted(ports, key=lambda port: -values[port]):
        highest = values[equal[0]] if equal else values[port]
        if not isclose(values[port], highest, rel_tol=relative, abs_tol=absolute):
            ranked += sorted(equal, key=places.__getitem__)
            equal = []
        equal.append(port)
    return ranked + sorted(equal, key=places.__getitem__)


def _pcie(path: PciePath) -> str:
    """Return the card's PCIe link and what it carries."""
    link = path.limiting
    if link is None:
        return "PCIe –"
    words = link_words(link.running, path.links[0].capability)
    return f"{words} {(path.available_mbps or 0) / 1000:.1f} Gb/s"


def adapter_line(frame: Frame, adapter: Adapter, columns: int) -> Line:
    """Return a card: what it is, and its PCIe paths."""
    paths = [status.path for status in frame.slots(adapter)]
    together = sum(path.available_mbps or 0 for path in paths)
    limited = any(path.limited and together < (path.capable_mbps or 0) for path in paths)
    narrow = Role.WARNING if limited else Role.DIM
    parts = [
        (clean(adapter.family), Role.ACCENT),
        (clean(_address(adapter)), Role.TEXT),
        (clean(adapter.state or ""), Role.WARNING),
        (" + ".join(map(_pcie, paths)), narrow),
        *((text, Role.DIM) for text in (*_joined(frame, adapter), *_about(adapter))),
    ]
    return crop(_fitting([part for part in parts if part[0]], columns), columns)


def _about(adapter: Adapter) -> list[str]:
    stored = adapter.firmware_stored
    nodes = {node for each in adapter.functions if (node := each.numa_node) is not None}
    coming = f" (next {stored})" if stored and stored != adapter.firmware else ""
    firmware = adapter.firmware and f"fw {adapter.firmware}{coming}"
    places = f"NUMA {'+'.join(map(str, sorted(nodes)))}" if nodes else None
    about = (adapter.part, firmware, adapter.psid, places)
    return [clean(text) for text in about if text]


def _joined(frame: Frame, adapter: Adapter) -> Iterator[str]:
    """Yield what of a card is one: ports of a cage, an RDMA device's, functions of a netdev."""
    groups: dict[tuple[str, PortId], list[str]] = {}
    for port in (frame.ports[one].now.port for one in adapter.ports if one in frame.ports):
        if port.rdma_lag is not None:
            groups.setdefault((f"RoCE LAG {port.rdma}", port.rdma_lag), []).append(port.name)
        if port.cage is not None:
            groups.setdefault(("one cage", port.cage), []).append(port.name)
        if port.extra_functions:
            groups["multi-PF", port.id] = [port.function or "", *port.extra_functions]
    for (title, _), names in groups.items():
        if len(names) > 1:
            yield clean(f"{title}: {' + '.join(names)}")


def _fitting(parts: Sequence[Run], columns: int) -> Line:
    """Return as many whole parts as fit, the first one always."""
    line: Line = (parts[0],)
    for part in parts[1:]:
        longer = (*line, ("  ", Role.DIM), part)
        if line_width(longer) > columns:
            break
        line = longer
    return line


def entry_line(
    frame: Frame,
    entry: Entry,
    columns: int,
    shown: tuple[Column, ...],
    *,
    bits: bool = True,
    heat: HeatStates | None = None,
    since_boot: bool = False,
) -> Line:
    """Return a row of the table in exactly `columns` columns."""
    if entry.port is not None:
        row = port_row(frame, entry.port, bits, heat, since_boot)
        return crop(port_line(shown, row), columns)
    if entry.adapter is not None:
        return adapter_line(frame, entry.adapter, columns)
    return crop(((entry.title, Role.ACCENT),), columns)


def overview(
    frame: Frame,
    columns: int,
    bits: bool = True,
    pattern: str = "",
    order: Order = Order.NATURAL,
    *,
    since_boot: bool = False,
) -> list[Line]:
    """Return the whole table with its heading, as `--once` prints it."""
    rows = entries(frame, pattern, order)
    shown = columns_of(frame, rows, columns)
    lines = [crop(heading(shown), columns)]
    return lines + [
        entry_line(frame, entry, columns, shown, bits=bits, since_boot=since_boot) for entry in rows
    ]


def columns_of(frame: Frame | None, rows: Sequence[Entry], columns: int) -> tuple[Column, ...]:
    """Return the columns that fit, the first as wide as the names of the ports in these rows."""
    ports = [frame.ports[row.port].now.port for row in rows if frame and row.port]
    return layout(columns, max((len(port.name) for port in ports), default=0))


def header_line(
    frame: Frame | None,
    columns: int,
    *,
    label: str,
    interval: float,
    bits: bool = True,
    badges: tuple[str, ...] = (),
) -> Line:
    """Return name, machine and badges; at the right problems, pace, totals and time.

    The clock stands always at the right end. The kernel's version is there where all else is.
    """
    left: list[Run] = [(" mlxtop ", Role.ACCENT)]
    left.extend((f" {badge} ", Role.BADGE) for badge in badges)
    host = frame.sample.host.name if frame else label
    left.append((f"  {clean(host)}", Role.STRONG))
    parts = _right(frame, columns, interval, bits)
    room = columns - line_width(tuple(left))
    while parts and sum(map(line_width, parts)) + 1 > room:
        parts.pop(0)
    right = tuple(run for part in parts for run in part)
    room -= line_width(right) + 1
    for run in _about_host(frame):
        room -= line_width((run,))
        left += [run] if room >= 0 else []
    return (*crop(tuple(left), columns - line_width(right)), *right)


def _about_host(frame: Frame | None) -> list[Run]:
    """Return the kernel's version and the number of cores."""
    if frame is None:
        return []
    kernel, cpus = frame.sample.host.kernel, frame.sample.host.cpus
    about = (kernel and f"Linux {clean(kernel)}", cpus and f"{cpus} CPUs")
    return [(f"  {text}", Role.DIM) for text in about if text]


def _right(frame: Frame | None, columns: int, interval: float, bits: bool) -> list[Line]:
    """Return the parts at the right, the least important first."""
    pace: Line = ((f"  every {interval:g} s", Role.PACE),)
    if frame is None:
        return [pace]
    rx, tx = totals(frame)
    flows: Line = (
        ("  RX ", Role.RX),
        (units.rate(rx, bits), Role.STRONG),
        ("  TX ", Role.TX),
        (units.rate(tx, bits), Role.STRONG),
    )
    problems = len(frame.sample.problems)
    word = "problem" if problems == 1 else "problems"
    clock = strftime("%H:%M:%S", localtime(frame.sample.wall))
    parts = [pace, flows, ((f"  {clock} ", Role.DIM),)]
    if problems:
        text = f"! {problems} {word}" if columns >= _ROOMY else f"!{problems}"
        parts.insert(2, ((f"  {text}", Role.PROBLEMS),))
    return parts


def totals(frame: Frame) -> tuple[float | None, float | None]:
    """Return received and sent bit/s of all physical ports; these hold the virtual ones too.

    Every port of a cage counts the whole cage on the wire, so that one of them counts.
    """
    rx: dict[PortId, float] = {}
    tx: dict[PortId, float] = {}
    for port, one in frame.ports.items():
        if one.now.port.kind is not PortKind.PHYSICAL:
            continue
        flow = port_view(frame, port).throughput
        wire = flow.source != NETDEV.name
        place = (one.now.port.cage if wire else None) or port
        for sums, bps in ((rx, flow.rx_bps), (tx, flow.tx_bps)):
            if bps is not None:
                sums[place] = max(sums.get(place, 0.0), bps)
    return sum(rx.values()) if rx else None, sum(tx.values()) if tx else None
