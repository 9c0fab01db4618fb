"""Judge ports of a machine by its frames, and ping a host with packets of their MTU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Event

from mlxtop.doctor.check import Case, Probe, Report
from mlxtop.doctor.checks import examine
from mlxtop.doctor.checks.congestion import EACH
from mlxtop.health.link_health import LinkHealth
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.incident import Incident
from mlxtop.model.sample import UNREAD, LinkLayer
from mlxtop.sampler.source import Source, frames
from mlxtop.sources.tools.ping import full_size, ping, route_device, small_ping, valid_host
from mlxtop.system.answers import reason
from mlxtop.system.door import System
from mlxtop.watch.congestion import READINGS, CongestionWatch
from mlxtop.watch.settled import settled

HELD_S = 12.0
"""Seconds for which long pause is followed, so that it is no moment's."""
COUNTERS_S = 6.0
"""Seconds that the counters are watched: the slowest table is read every five."""
REPORTS_S = 20.0
"""Seconds that the firmware's report on a link is waited for: the tool takes up to some."""


def watch(
    source: Source,
    stop: Event,
    choose: Callable[[Frame], Iterable[PortId]],
    lingers: Callable[[], bool] = bool,
) -> Iterator[Frame]:
    """Yield frames until all is known that can be: tables of counters twice, slow facts once.

    `choose` picks the ports whose facts are waited for. Then it goes on while `lingers`.
    """
    first: float | None = None
    congestion = CongestionWatch()
    for frame in frames(source, stop):
        yield frame
        congestion.observe(frame)
        ports = choose(frame)
        tick = frame.sample.tick
        first = tick if first is None else first
        counted = _counted(frame) or tick - first >= COUNTERS_S
        reported = _reported(frame, ports) or tick - first >= REPORTS_S
        followed = _followed(congestion, ports) or tick - first >= HELD_S
        asked = not asks_fabric(frame, ports) or tick - first >= REPORTS_S
        told = counted and reported and followed and asked
        if told and not pending(frame, ports) and not lingers():
            return


def _counted(frame: Frame) -> bool:
    return all(
        origin in port.before for port in frame.ports.values() for origin in port.now.readings
    )


def _followed(congestion: CongestionWatch, ports: Iterable[PortId]) -> bool:
    """Return whether no pause is long, or it was seen for as many readings as it takes."""
    seen = (pause for port in ports for pause in congestion.pauses(port))
    return all(pause.readings >= READINGS for pause in seen if pause.share >= EACH)


def _reported(frame: Frame, ports: Iterable[PortId]) -> bool:
    """Return whether mstlink has answered for all ports that it can be asked about, or failed."""
    return not any(
        now.report is None and "report" not in now.absent
        for now in (frame.ports[port].now for port in ports)
        if (now.port.driver or "").startswith("mlx5")
        and now.port.kind is PortKind.PHYSICAL
        and now.port.function is not None
    )


def asks_fabric(frame: Frame, ports: Iterable[PortId]) -> bool:
    """Return whether the fabric of InfiniBand ports has yet to answer."""
    layers = {frame.ports[port].now.link.layer for port in ports}
    return frame.sample.fabric.pending and LinkLayer.INFINIBAND in layers


def pending(frame: Frame, ports: Iterable[PortId]) -> bool:
    """Return whether a slow fact of ports is still to come; readers give up by themselves."""
    sample = frame.sample
    return (
        sample.host_settings.pending
        or sample.streams.pending
        or sample.rdma_objects.pending
        or any(
            port.settings.pending or sample.stored.get(port.port.adapter or "", UNREAD).pending
            for port in (frame.ports[port].now for port in ports)
        )
    )


def inspect(
    frame: Frame,
    ports: Iterable[PortId],
    incidents: Iterable[Incident],
    *,
    before: Frame | None = None,
    probes: tuple[Probe, ...] = (),
    congestion: CongestionWatch | None = None,
    health: Mapping[PortId, LinkHealth] | None = None,
) -> Report:
    """Return what all checks say of ports; `before` is an earlier frame of the same machine.

    `congestion` has followed its frames; `health` is what is remembered of its links.
    """
    unread = frame.sample.absent.get("kernel_log")
    newest = {one.key or str(number): one for number, one in enumerate(incidents)}
    case = Case(
        frame=frame,
        ports=tuple(ports),
        pcie_before=(before or frame).sample.pcie,
        incidents=tuple(settled(one, frame) for one in newest.values()),
        probes=probes,
        absent={"kernel log": unread} if unread else {},
        congestion=congestion,
        health=health or {},
    )
    return examine(case)


def probe(system: System, frame: Frame, host: str, ports: tuple[PortId, ...]) -> Iterator[Probe]:
    """Ping a host with the full MTU, over the given ports or the one that the route takes."""
    if not valid_host(host):
        yield Probe(host, "route", 0, None, "not a host name or address")
        return
    named = [frame.ports[port].now for port in ports]
    choices: list[tuple[str | None, int | None]]
    choices = [(now.port.netdev, now.link.mtu) for now in named if now.port.netdev]
    for netdev, mtu in choices or [(None, None)]:
        try:
            yield _probe(system, frame, host, netdev, mtu)
        except OSError as error:
            yield Probe(host, netdev or "route", mtu or 0, None, reason(error, system.captured))


def _probe(system: System, frame: Frame, host: str, netdev: str | None, mtu: int | None) -> Probe:
    small = small_ping(system, host, netdev)
    device = netdev or (route_device(system, small.address) if small.address else None)
    if mtu is None and device is not None:
        ports = [port.now for port in frame.ports.values()]
        mtus = (p.link.mtu for p in ports if device in (p.port.netdev, p.port.bond))
        mtu = next(mtus, None)
    label = device or "route"
    if small.received == 0 or small.address is None:
        return Probe(host, label, mtu or 0, None, small.error or "no answer to small packets")
    if mtu is None:
        text = f"the route leaves by {label}, which is none of the ports"
        return Probe(host, label, 0, None, text)
    full = ping(system, host, full_size(mtu, small.address), netdev, whole=True)
    detail = f"something on the way takes {full.mtu} bytes at most" if full.mtu else ""
    return Probe(host, label, mtu, full.received > 0, detail)
