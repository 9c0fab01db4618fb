"""Page 5: the RDMA device of the port and its counters."""

from __future__ import annotations

from mlxtop.model.catalogue import counters_of
from mlxtop.model.counters import Counter, Origin, Unit
from mlxtop.model.sample import LinkLayer
from mlxtop.present import units
from mlxtop.present.clean import fit
from mlxtop.present.text import Line, Role, Section
from mlxtop.present.view import View, fact, prose


def rdma(view: View) -> list[Section]:
    """The sections of the page."""
    port, why = view.now.now.port, view.why()
    if port.rdma is None:
        reason = why.get("rdma", "not an RDMA device")
        return [Section("RDMA", tuple(prose(reason, view.columns)))]
    return [_device(view), *(_counters(view, origin) for origin in _TITLES)]


def _device(view: View) -> Section:
    port, link = view.now.now.port, view.now.now.link
    ethernet = link.layer is not LinkLayer.INFINIBAND
    lines = [
        fact("device", f"{port.rdma} port {port.rdma_port}"),
        fact("transport", "RoCE (Ethernet)" if ethernet else "InfiniBand"),
        fact("physical state", link.phys_state, view.why().get("phys_state", "")),
        fact("network device", port.netdev, view.why().get("netdev", "")),
    ]
    return Section("RDMA device", tuple(lines))


_TITLES = {
    Origin.RDMA: "Port counters",
    Origin.RDMA_ERRORS: "Errors of the InfiniBand link",
    Origin.RDMA_HW: "Transport and congestion (hw_counters)",
}


def _counters(view: View, origin: Origin) -> Section:
    if origin is Origin.RDMA_ERRORS and view.now.now.link.layer is not LinkLayer.INFINIBAND:
        text = "They count nothing on an Ethernet port: see page 4."
        return Section(_TITLES[origin], tuple(prose(text, view.columns)))
    reading = view.now.now.readings.get(origin)
    rows = counters_of(origin, reading.schema) if reading else ()
    known = [counter for counter in rows if view.now.total(counter) is not None]
    lines: list[Line] = [
        ((f"{'counter':32}{'now':>11}{'since start':>14}{'total':>16}", Role.HEAD),)
    ]
    lines.extend(_row(view, counter) for counter in known)
    if not known:
        reason = view.now.now.absent.get(str(origin), "this device has none that are known")
        lines = list(prose(f"{units.NONE}  {reason}", view.columns))
    return Section(_TITLES[origin], tuple(lines))


def _row(view: View, counter: Counter) -> Line:
    rate, since, total = (
        view.now.rate(counter),
        view.now.since_start(counter),
        view.now.total(counter),
    )
    bulk = counter.unit is Unit.BYTES
    if bulk:
        now = units.rate(None if rate is None else rate * 8, view.bits)
    elif counter.unit is Unit.PACKETS:
        now = units.packets_per_second(rate)
    else:
        now = units.events_per_second(rate)
    amounts = [units.size(n) if bulk else units.count(n) for n in (since, total)]
    full = "≥" if view.now.stuck(counter) else ""
    moving = Role.TEXT if rate else Role.DIM
    return (
        (fit(counter.key, 32), moving),
        (fit(now, 11, right=True), moving),
        (fit(amounts[0], 14, right=True), Role.TEXT if since else Role.DIM),
        (fit(full + amounts[1], 16, right=True), Role.DIM),
    )
