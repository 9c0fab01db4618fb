"""One port against its limits: what it could carry, what it carries, and what stops it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from mlxtop.analysis.limits import (
    CpuLoad,
    LineLimit,
    Measured,
    PcieLimit,
    cpu_load,
    line_limit,
    pcie_limit,
)
from mlxtop.analysis.verdict import Evidence, Verdict, judge
from mlxtop.model.frame import PortFrame
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.sample import LinkState

if TYPE_CHECKING:
    from mlxtop.analysis.port_view import PortView


class Ceiling(NamedTuple):
    """A port's limits, traffic and verdict; what is None has its reason in `absent`."""

    port: PortId
    line: LineLimit | None
    pcie: PcieLimit | None
    cpu: CpuLoad | None
    measured: Measured | None
    verdict: Verdict
    absent: Mapping[str, str] = {}


def ceiling(view: PortView, streams: int | None) -> Ceiling:
    """Return a port's limits beside its traffic; ask `PortView.ceiling` for it."""
    now, port, frame = view.now, view.id, view.frame
    settings = now.now.settings.value
    line = line_limit(now.now.link)
    pcie = pcie_limit(frame, port, settings)
    cpu = cpu_load(frame, settings)
    measured = view.measured
    together = view.slot_rate(measured.direction) if pcie and measured else None
    verdict = judge(Evidence(now, measured, line, pcie, together, cpu, streams))
    absent = {}
    if line is None:
        absent["link"] = _no_line(now)
    if pcie is None:
        absent["pcie"] = no_pcie(now.now.port)
    if cpu is None:
        absent["cpu"] = "the load of the cores needs two readings"
    if measured is None:
        absent["measured"] = "a rate needs two readings"
    return Ceiling(port, line, pcie, cpu, measured, verdict, absent)


def _no_line(frame: PortFrame) -> str:
    link = frame.now.link
    if link.state is not LinkState.UP:
        return "down" if link.state is LinkState.DOWN else f"down: {link.state}"
    if frame.now.port.kind is PortKind.VIRTUAL:
        return "a virtual device has no line rate"
    return "the driver does not tell the speed"


def no_pcie(port: Port) -> str:
    """Return why no PCIe path of a port is known."""
    if port.kind is PortKind.VF:
        return "a virtual function shares the link of its physical function"
    if port.function is None:
        return "not a PCI device"
    return "no PCIe link above the device is visible"
