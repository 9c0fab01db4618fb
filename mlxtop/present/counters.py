"""Pages 4 and 5: the errors of a port, and its RDMA device, by their counters."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.analysis.faults import Fault, by_event, faults, watched
from mlxtop.model.catalogue import counters_of
from mlxtop.model.counters import Counter, Origin, Unit
from mlxtop.model.pcie import Direction
from mlxtop.present import rdma_objects, units
from mlxtop.present.text import Line, Role, Run, Section, clean, in_columns, row
from mlxtop.present.view import SEVERITY_ROLES, View, fact, prose

_TITLES = ("counter", "now", "since start", "total")
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


def counter_headings(columns: int) -> Line:
    """Return the headings of a table of counters."""
    return _row(columns, [(title, Role.HEAD) for title in _TITLES])


def _amount(count: int | None) -> str:
    """Return a count to the last digit, in three digits where that is too long for its column."""
    whole = count is None or count < _LONGEST_COUNT
    return units.count(count) if whole else units.short(count).strip()


def counter_line(view: View, counter: Counter) -> Line:
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
        since = [counter_headings(view.columns), *moved]
    else:
        since = prose("No error counter has moved.", view.columns, Role.GOOD)
        since += prose(view.why().get("errors", ""), view.columns)
    sections = [Section("Since start", tuple(since), wide=True)]
    if older:
        lines = (counter_headings(view.columns), *older)
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
    lines = [counter_line(view, c) for c in counters if view.now.total(c) is not None]
    port = view.now.now.port
    if not lines and port.rdma_lag not in (None, port.id):
        owner = view.frame.ports.get(port.rdma_lag) if port.rdma_lag else None
        where = owner.now.port.name if owner else str(port.rdma_lag)
        return tuple(prose(f"Counted once for all members: see {where}.", view.columns))
    if not lines:
        reason = view.now.now.absent.get(str(origin), "this device has none that are known")
        return tuple(prose(f"{units.NONE}  {reason}", view.columns))
    return (counter_headings(view.columns), *lines)
