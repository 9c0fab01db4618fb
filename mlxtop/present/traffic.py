"""Page 1: what a port carries, by whom, and how much it could."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlxtop.analysis.throughput import SOURCES, Capacity, Throughput, virtual_functions
from mlxtop.model.catalogue import TRAFFIC
from mlxtop.model.counters import Origin
from mlxtop.model.pcie import Direction
from mlxtop.present import units
from mlxtop.present.ceiling import ceiling_section
from mlxtop.present.counted import miscount_text
from mlxtop.present.counters import counter_headings, counter_line
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Run, Section
from mlxtop.present.view import PAIR_HEADINGS, View, bar, below, fact, pair, prose

_BAR = 10
_MOST_VFS = 12
"""Virtual functions that are shown, the busiest first."""


def traffic(view: View) -> list[Section]:
    """Return the sections of page 1."""
    lines = [counter_line(view, c) for c in TRAFFIC if view.now.total(c) is not None]
    nothing: Line = (("no counter of this port could be read", Role.DIM),)
    table = (counter_headings(view.columns), *(lines or [nothing]))
    counters = Section("Counters", table, wide=True)
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
