"""Page 1: what the port carries, who moves it, and the totals behind it."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.analysis.throughput import SOURCES, Capacity, Throughput
from mlxtop.model.catalogue import TRAFFIC
from mlxtop.model.counters import Counter, Unit
from mlxtop.model.pcie import Direction
from mlxtop.present import units
from mlxtop.present.ceiling import ceiling_section
from mlxtop.present.clean import fit
from mlxtop.present.columns import bar
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Run, Section, wrap
from mlxtop.present.view import View, either, fact, pair, pair_heading, prose

_BAR = 10


def traffic(view: View) -> list[Section]:
    """The sections of the page."""
    flow = view.flow()
    return [_wire(view, flow), ceiling_section(view), _shares(view, flow), _counters(view)]


def _wire(view: View, flow: Throughput) -> Section:
    carries = view.derived.capacity
    lines = [pair_heading(), *_figures(view, flow, carries), ()]
    if carries is not None:
        text = units.rate(carries.bps, view.bits).strip()
        lines.append(fact("can carry", text, note=f"set by {carries.by}"))
    source = SOURCES.get(flow.source or "")
    why = view.why()
    lines.append(fact("source", source.name if source else None, why.get("source", "")))
    if source is not None:
        lines.extend(
            ((" " * (LABEL_WIDTH + 1) + text, Role.DIM),)
            for text in wrap(source.help, view.columns - LABEL_WIDTH - 1)
        )
    missing = why.get("rx_bps")
    if missing and source is not None:
        lines.extend(prose(f"no rates: {missing}", view.columns))
    return Section("Wire", tuple(lines))


def _figures(view: View, flow: Throughput, carries: Capacity | None) -> Iterator[Line]:
    """Numbers with one value a direction."""
    yield pair("rate", _rate(view, flow.rx_bps, Role.RX), _rate(view, flow.tx_bps, Role.TX))
    if carries is not None:
        rx, tx = map(view.derived.share, Direction)
        yield pair("of capacity", (units.percent(rx), Role.TEXT), (units.percent(tx), Role.TEXT))
        yield _bars(rx, tx)
    yield pair("packets", _packets(flow.rx_pps), _packets(flow.tx_pps))
    rx_size = _packet_size(flow.rx_bps, flow.rx_pps)
    yield pair("packet size", rx_size, _packet_size(flow.tx_bps, flow.tx_pps))
    rx_high, tx_high = (_rate(view, view.highs.get(name), Role.TEXT) for name in ("rx", "tx"))
    yield pair("highest", rx_high, tx_high)
    yield pair("total", _total(flow.rx_bytes), _total(flow.tx_bytes))


def _total(count: int | None) -> Run:
    return either(count, units.size(count), Role.TEXT)


def _packets(rate: float | None) -> Run:
    return either(rate, units.packets_per_second(rate), Role.TEXT)


def _rate(view: View, value: float | None, role: Role) -> tuple[str, Role]:
    return either(value, units.rate(value, view.bits, digits=4), role)


def _bars(rx: float | None, tx: float | None) -> Line:
    blank = (" " * (LABEL_WIDTH + 2), Role.TEXT)
    return (blank, *bar(rx, _BAR, Role.RX), ("    ", Role.TEXT), *bar(tx, _BAR, Role.TX))


def _packet_size(bits: float | None, packets: float | None) -> tuple[str, Role]:
    if not bits or not packets:
        return (units.NONE if packets is None else "no packets", Role.DIM)
    return (f"{bits / 8 / packets:,.0f} B", Role.TEXT)


def _shares(view: View, flow: Throughput) -> Section:
    why = view.why()
    lines = [pair_heading()]
    for label, rx, tx, field in (
        ("kernel", flow.kernel_rx_bps, flow.kernel_tx_bps, "kernel_rx_bps"),
        ("RDMA", flow.rdma_rx_bps, flow.rdma_tx_bps, "rdma_rx_bps"),
        ("other", *_other(flow), ""),
    ):
        if rx is None and tx is None and field:
            lines.append(fact(label, None, why.get(field, "")))
        elif rx is not None or tx is not None:
            lines.append(pair(label, _rate(view, rx, Role.RX), _rate(view, tx, Role.TX)))
    lines.append(())
    lines.extend(
        prose(
            "kernel: the host's network stack. RDMA: past the kernel, unseen by ip and ifstat. "
            "other: virtual functions, DPDK and framing.",
            view.columns,
        )
    )
    return Section("Who moves it", tuple(lines))


def _other(flow: Throughput) -> tuple[float | None, float | None]:
    """What is neither the kernel's nor RDMA; None where it is within the framing's doubt."""
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


def _counters(view: View) -> Section:
    head = f"{'':28}{'now':>11}{'since start':>15}{'total':>16}"
    lines: list[Line] = [((head, Role.HEAD),)]
    for counter in TRAFFIC:
        total = view.now.total(counter)
        if total is not None:
            lines.append(_counter(view, counter, total))
    if len(lines) == 1:
        lines.append((("no counter of this port could be read", Role.DIM),))
    return Section("Counters", tuple(lines))


def _counter(view: View, counter: Counter, total: int) -> Line:
    rate, since = view.now.rate(counter), view.now.since_start(counter)
    if counter.unit is Unit.BYTES:
        shown = units.rate(None if rate is None else rate * 8, view.bits)
        amounts = (units.size(since), units.size(total))
    else:
        shown = units.packets_per_second(rate)
        amounts = (units.count(since), units.count(total))
    return (
        (fit(counter.key, 28), Role.TEXT if rate else Role.DIM),
        (fit(shown, 11, right=True), Role.TEXT if rate else Role.DIM),
        (fit(amounts[0], 15, right=True), Role.TEXT if since else Role.DIM),
        (fit(amounts[1], 16, right=True), Role.DIM),
    )
