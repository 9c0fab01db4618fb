"""Pages 1, 4 and 5: what a port carries, its errors, and its RDMA device, by their counters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mlxtop.analysis.faults import Fault, by_event, faults, watched
from mlxtop.analysis.throughput import SOURCES, Capacity, Throughput, virtual_functions
from mlxtop.model.catalogue import TRAFFIC, counters_of
from mlxtop.model.counters import Counter, Origin, Unit
from mlxtop.model.pcie import Direction
from mlxtop.present import rdma_objects, units
from mlxtop.present.ceiling import ceiling_section
from mlxtop.present.counted import miscount_text
from mlxtop.present.text import (
    LABEL_WIDTH,
    Line,
    Role,
    Run,
    Section,
    clean,
    in_columns,
    row,
)
from mlxtop.present.view import PAIR_HEADINGS, SEVERITY_ROLES, View, bar, below, fact, pair, prose

_BAR = 10
_TITLES = ("counter", "now", "since start", "total")
_MOST_VFS = 12
"""Virtual functions that are shown, the busiest first."""
_WIDTHS = (32, 11, 14, 16)
_NARROW = (31, 10, 13)
"""Columns of a table of counters, and of one that has no room for the kernel's totals."""
_LONGEST_COUNT = 10**9
_RDMA_TITLES = {
    Origin.RDMA: "Port counters",
    Origin.RDMA_ERRORS: "Errors of the InfiniBand link",
    Origin.RDMA_HW: "Transport and congestion (hw_counters)",
}


def _row(columns: int, cells: Sequence[Run]) -> Line:
    """Return a row of a table of counters; what does not fit at its end is left out."""
    widths = _WIDTHS if columns >= sum(_WIDTHS) else _NARROW
    return row(widths, cells[: len(widths)])


def _headings(columns: int) -> Line:
    return _row(columns, [(title, Role.HEAD) for title in _TITLES])


def _amount(count: int | None) -> str:
    """Return a count to the last digit, in three digits where that is too long for its column."""
    whole = count is None or count < _LONGEST_COUNT
    return units.count(count) if whole else units.short(count).strip()


def _counter(view: View, counter: Counter) -> Line:
    """Return a counter's rate, its count since the start, and the kernel's total."""
    rate, since = view.now.rate(counter), view.now.since_start(counter)
    total = view.now.total(counter)
    amount = units.size if counter.unit is Unit.BYTES else _amount
    if counter.unit is Unit.BYTES:
        now = units.rate(None if rate is None else rate * 8, view.bits)
    elif counter.unit is Unit.PACKETS:
        now = units.packets_per_second(rate)
    else:
        now = units.events_per_second(rate)
    full = "≥" if view.now.stuck(counter) else ""
    moving = Role.TEXT if rate else Role.DIM
    counted = (amount(since), Role.TEXT if since else Role.DIM)
    cells = ((counter.key, moving), (now, moving), counted, (full + amount(total), Role.DIM))
    return _row(view.columns, cells)


def traffic(view: View) -> list[Section]:
    """Return the sections of page 1."""
    lines = [_counter(view, c) for c in TRAFFIC if view.now.total(c) is not None]
    nothing: Line = (("no counter of this port could be read", Role.DIM),)
    counters = Section("Counters", (_headings(view.columns), *(lines or [nothing])), wide=True)
    return [_wire(view), ceiling_section(view), _shares(view), *_vfs(view), counters]


def _vfs(view: View) -> Iterator[Section]:
    """Yield the traffic of each virtual function that carries any, where the port has some."""
    port = view.now.now.port
    if not port.vfs:
        return
    reading = view.now.now.readings.get(Origin.VFS)
    if reading is None:
        text = f"{units.NONE}  the driver has not told it yet, or does not tell it"
        yield Section("Virtual functions", tuple(prose(text, view.columns)))
        return
    flows = virtual_functions(view.now)
    moving = sorted((one for one in flows if one.rx_bps or one.tx_bps), key=lambda one: -one.bps)
    lines: list[Line] = [PAIR_HEADINGS] if moving else []
    for one in moving[:_MOST_VFS]:
        rx, tx = _rate(view, one.rx_bps, Role.RX), _rate(view, one.tx_bps, Role.TX)
        lines.append(pair(f"VF {one.number}", rx, tx))
    rest = len(moving) - _MOST_VFS
    if rest > 0:
        lines += prose(f"and {rest} more", view.columns)
    if not moving:
        known = Origin.VFS in view.now.before
        text = f"none of {len(flows)} carries anything" if known else "rates need two readings"
        lines += prose(text, view.columns)
    yield Section("Virtual functions (read every 10 s)", tuple(lines))


def _wire(view: View) -> Section:
    flow, carries = view.derived.throughput, view.derived.capacity
    lines = [PAIR_HEADINGS, *_figures(view, flow, carries), ()]
    if carries is not None:
        text = units.rate(carries.bps, view.bits).strip()
        lines.append(fact("can carry", text, note=f"set by {carries.by}"))
    source = SOURCES.get(flow.source or "")
    why = view.why()
    if source is None:
        lines.append(fact("counted by", None, why.get("source", "")))
    else:
        lines += below("counted by", source.help, view.columns)
        for miscount in view.now.now.miscounts:
            if miscount.instead == source.name:
                lines += below("", miscount_text(miscount), view.columns, Role.WARNING)
        if "rx_bps" in why:
            lines += prose(f"no rates: {why['rx_bps']}", view.columns)
    return Section("Wire", tuple(lines))


def _figures(view: View, flow: Throughput, carries: Capacity | None) -> Iterator[Line]:
    """Yield the figures with one value a direction."""
    yield pair("rate", _rate(view, flow.rx_bps, Role.RX), _rate(view, flow.tx_bps, Role.TX))
    if carries is not None:
        rx, tx = map(view.derived.share, Direction)
        yield pair("of capacity", (units.percent(rx), Role.TEXT), (units.percent(tx), Role.TEXT))
        blank = (" " * (LABEL_WIDTH + 2), Role.TEXT)
        yield (blank, *bar(rx, _BAR, Role.RX), ("    ", Role.TEXT), *bar(tx, _BAR, Role.TX))
    yield _both("packets", units.packets_per_second, flow.rx_pps, flow.tx_pps)
    rx_size = _packet_size(flow.rx_bps, flow.rx_pps)
    yield pair("packet size", rx_size, _packet_size(flow.tx_bps, flow.tx_pps))
    rx_high, tx_high = (_rate(view, view.highs.get(name), Role.TEXT) for name in ("rx", "tx"))
    yield pair("highest", rx_high, tx_high)
    yield _both("total", units.size, flow.rx_bytes, flow.tx_bytes)


def _both(
    label: str, text: Callable[[float | None], str], rx: float | None, tx: float | None
) -> Line:
    return pair(label, *((text(value), Role.TEXT if value else Role.DIM) for value in (rx, tx)))


def _rate(view: View, value: float | None, role: Role) -> Run:
    return units.rate(value, view.bits, digits=4), role if value else Role.DIM


def _packet_size(bits: float | None, packets: float | None) -> Run:
    if not bits or not packets:
        return units.NONE if packets is None else "no packets", Role.DIM
    return f"{bits / 8 / packets:,.0f} B", Role.TEXT


def _shares(view: View) -> Section:
    flow, why = view.derived.throughput, view.why()
    lines = [PAIR_HEADINGS]
    for label, rx, tx, field in (
        ("kernel", flow.kernel_rx_bps, flow.kernel_tx_bps, "kernel_rx_bps"),
        ("RDMA", flow.rdma_rx_bps, flow.rdma_tx_bps, "rdma_rx_bps"),
        ("other", *_other(flow), ""),
    ):
        if rx is None and tx is None and field:
            lines.append(fact(label, None, why.get(field, "")))
        elif rx is not None or tx is not None:
            lines.append(pair(label, _rate(view, rx, Role.RX), _rate(view, tx, Role.TX)))
    explained = prose(
        "kernel: the host's network stack. RDMA: past the kernel, unseen by ip and ifstat. "
        "other: virtual functions, DPDK and framing.",
        view.columns,
    )
    return Section("Who moves it", (*lines, (), *explained))


def _other(flow: Throughput) -> tuple[float | None, float | None]:
    """Return rates that are neither the kernel's nor RDMA; None within the framing's doubt."""
    if flow.source not in ("eth-mac", "bytes_phy"):
        return None, None
    return (
        _rest(flow.rx_bps, flow.kernel_rx_bps, flow.rdma_rx_bps),
        _rest(flow.tx_bps, flow.kernel_tx_bps, flow.rdma_tx_bps),
    )


def _rest(wire: float | None, kernel: float | None, rdma: float | None) -> float | None:
    if wire is None or kernel is None or rdma is None:
        return None
    rest = wire - kernel - rdma
    return rest if rest > 0.03 * wire else None


def errors(view: View) -> list[Section]:
    """Return the sections of page 4: counters that moved, what they mean, and what to do."""
    moved: list[Line] = []
    older: list[Line] = []
    for moves in (True, False):
        shown = [fault for fault in faults(view.now) if _moved(fault) is moves]
        shown.sort(key=lambda fault: not fault.severe)  # else those that move come first
        for fault, others in by_event(shown):
            if not moves:
                older += [_fault(fault, view.columns), *_also(others, view.columns)]
                continue
            advice = f" → {fault.counter.advice}" if fault.counter.advice else ""
            text = f"{fault.counter.help}{advice}"
            moved += [_fault(fault, view.columns), *prose(text, view.columns, indent="    ")]
            moved += _also(others, view.columns)
    if moved:
        since = [_headings(view.columns), *moved]
    else:
        since = prose("No error counter has moved.", view.columns, Role.GOOD)
        since += prose(view.why().get("errors", ""), view.columns)
    sections = [Section("Since start", tuple(since), wide=True)]
    if older:
        lines = (_headings(view.columns), *older)
        sections.append(Section("Before that, not moving", lines, wide=True))
    still = [fault.counter.key for fault in watched(view.now) if not fault.total]
    if still:
        lines = tuple(in_columns(still, view.columns))
        sections.append(Section(f"Watched, all {len(still)} at 0", lines, wide=True))
    return sections


def _moved(fault: Fault) -> bool:
    return bool(fault.since_start or fault.moving)


def _also(others: list[Fault], columns: int) -> list[Line]:
    """Return the counters that counted the same events, and their totals."""
    if not others:
        return []
    names = (f"{one.counter.key} ({one.counter.origin}) {units.count(one.total)}" for one in others)
    return prose(f"also counted in {', '.join(names)}", columns, indent="    ")


def _fault(fault: Fault, columns: int) -> Line:
    counter = fault.counter
    role = Role.DIM
    if counter.severity is not None and (fault.moving or fault.since_start):
        role = SEVERITY_ROLES[counter.severity]
    mark = "!" if fault.moving and fault.severe else "▸" if fault.moving else " "
    total = _amount(fault.total)
    if counter.gauge and counter.unit is Unit.PERCENT:
        rate, since, total = f"{fault.total} %", "", "of the time"
    else:
        rate = units.events_per_second(fault.rate)
        since = _amount(fault.since_start)
    if fault.stuck:
        total = f"≥{total} full"
    cells = (
        (f"{mark} {counter.key}", role),
        (rate, role if fault.moving else Role.DIM),
        (since, role),
        (clean(total), Role.DIM),
    )
    return _row(columns, cells)


def rdma(view: View) -> list[Section]:
    """Return the sections of page 5."""
    port, link, why = view.now.now.port, view.now.now.link, view.why()
    if port.rdma is None:
        reason = why.get("rdma", "not an RDMA device")
        return [Section("RDMA", tuple(prose(reason, view.columns)))]
    infiniband = link.is_infiniband
    lines = (
        fact("device", f"{port.rdma} port {port.rdma_port}"),
        *_shared(view),
        fact("transport", "InfiniBand" if infiniband else "RoCE (Ethernet)"),
        fact("physical state", link.phys_state, why.get("phys_state", "")),
        fact("network device", port.netdev, why.get("netdev", "")),
    )
    tables = [
        Section(title, _table(view, origin), wide=True) for origin, title in _RDMA_TITLES.items()
    ]
    return [Section("RDMA device", lines), *rdma_objects.sections(view), *tables]


def _shared(view: View) -> list[Line]:
    """Return what a device carries that the members of a bond share, on the page of each."""
    shared, port = view.derived.shared_rdma, view.now.now.port
    if not shared.names:
        return []
    speed = f"{units.gigabits(shared.speed // 1_000_000)} together" if shared.speed else ""
    rates = ((Direction.RX, shared.rx_bps), (Direction.TX, shared.tx_bps))
    return [
        fact("shared by", ", ".join(shared.names), note=f"members of {port.bond} (RoCE LAG)"),
        *(
            fact(
                f"all {way}",
                None if rate is None else units.rate(rate, view.bits).strip(),
                "a rate needs two readings",
                note=speed,
            )
            for way, rate in rates
        ),
    ]


def _table(view: View, origin: Origin) -> tuple[Line, ...]:
    if origin is Origin.RDMA_ERRORS and not view.now.now.link.is_infiniband:
        return tuple(prose("They count nothing on an Ethernet port: see page 4.", view.columns))
    reading = view.now.now.readings.get(origin)
    counters = counters_of(origin, reading.schema) if reading else ()
    lines = [_counter(view, c) for c in counters if view.now.total(c) is not None]
    port = view.now.now.port
    if not lines and port.rdma_lag not in (None, port.id):
        owner = view.frame.ports.get(port.rdma_lag) if port.rdma_lag else None
        where = owner.now.port.name if owner else str(port.rdma_lag)
        return tuple(prose(f"Counted once for all members: see {where}.", view.columns))
    if not lines:
        reason = view.now.now.absent.get(str(origin), "this device has none that are known")
        return tuple(prose(f"{units.NONE}  {reason}", view.columns))
    return (_headings(view.columns), *lines)
