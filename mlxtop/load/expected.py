"""The rate that a throughput test can reach at most: of links, PCIe and processor.

About 30 Gb/s a stream on a fast core: https://fasterdata.es.net/host-tuning/linux/100g-tuning/
"""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.analysis.limits import gbps, line_limit, pcie_limit
from mlxtop.load.request import LoadRequest
from mlxtop.load.route import Way
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import slot_of
from mlxtop.model.linkrate import Protocol
from mlxtop.model.load import Direction, Tool
from mlxtop.model.pcie import Direction as Pcie

STREAM = 30e9
"""bit/s of one TCP stream on a fast core, at most."""


def link_speed(way: Way) -> int | None:
    """bit/s of the links that can carry the test together; None where one is unknown."""
    sums = []
    for choice in way.members.choices:
        lines = [line_limit(port.now.link) for port in choice]
        if all(lines):
            sums.append(sum(line.usable for line in lines if line))
    return max(sums, default=None)


def expected_rate(
    frame: Frame, request: LoadRequest, way: Way, streams: int | None
) -> tuple[float | None, str | None]:
    """bit/s of data in one direction at most, and what bounds it; `streams` None: no such bound."""
    protocol = protocol_of(request)
    choices = [_together(frame, request, choice) for choice in way.members.choices]
    bounds = [max(known)] if (known := [choice for choice in choices if choice]) else []
    if not bounds:
        return None, None
    if streams and protocol is not Protocol.RDMA:
        rate = STREAM * streams
        bounds.append((rate, f"CPU: about 30 Gb/s a stream, {streams} of them"))
    if request.bitrate:
        bounds.append((request.bitrate, f"the bitrate asked for, {gbps(request.bitrate)} Gb/s"))
    return min(bounds)


def _together(
    frame: Frame, request: LoadRequest, ports: Sequence[PortFrame]
) -> tuple[float, str] | None:
    """bit/s of data that ports carry together, and what bounds it; ports can share a PCIe link."""
    protocol = protocol_of(request)
    by_path: dict[str, list[PortFrame]] = {}
    for port in ports:
        status, function = frame.pcie(port.id), port.now.port.function
        shared = function is not None and status is not None and bool(status.path.links)
        key = slot_of(function or "") if shared else str(port.id)
        by_path.setdefault(key, []).append(port)
    parts = [_behind_one_path(frame, request, protocol, group) for group in by_path.values()]
    bounds = [part for part in parts if part is not None]
    if len(bounds) < len(parts):
        return None
    return sum(rate for rate, _ in bounds), "; ".join(text for _, text in bounds)


def _behind_one_path(
    frame: Frame, request: LoadRequest, protocol: Protocol, ports: Sequence[PortFrame]
) -> tuple[float, str] | None:
    """The same of ports that share a PCIe link, if they have one."""
    bounds: list[tuple[float, str]] = []
    lines = [line_limit(port.now.link) for port in ports]
    if all(line is not None and protocol in line.goodput for line in lines):
        rate = sum(line.goodput[protocol] for line in lines if line)
        usable = sum(line.usable for line in lines if line)
        links = "link" if len(ports) == 1 else f"links of {_names(ports)}"
        bounds.append((rate, f"{links}: {gbps(usable)} Gb/s, {protocol} {gbps(rate)}"))
    pcie = pcie_limit(frame, ports[0].id, None)
    if pcie is not None:
        ways = [Pcie.RX, Pcie.TX]
        if request.direction is not Direction.BOTH:
            ways = [Pcie.TX if request.direction is Direction.SEND else Pcie.RX]
        rate = min(pcie.usable[one] for one in ways)
        where = pcie.path.limiting.device if pcie.path.limiting else "the card"
        bounds.append((rate, f"PCIe: {gbps(pcie.raw)} Gb/s raw at {where}, payload {gbps(rate)}"))
    return min(bounds, default=None)


def _names(ports: Sequence[PortFrame]) -> str:
    return ", ".join(port.now.port.name for port in ports)


def protocol_of(request: LoadRequest) -> Protocol:
    """The protocol of a test."""
    if request.tool is not Tool.IPERF3:
        return Protocol.RDMA
    return Protocol.UDP if request.udp else Protocol.TCP
