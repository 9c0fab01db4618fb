"""Frames of ports in situations that a test describes: link, slot, traffic and load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Adapter, Function, Host, Port, PortId, PortKind, slot_of
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import (
    Cpu,
    Link,
    LinkLayer,
    LinkState,
    PcieStatus,
    PortSample,
    Reading,
    Sample,
    Slow,
)
from mlxtop.model.tuning import Interrupt, PciControl, PortTuning

G = 1_000_000_000
SECONDS = 2.0

NOTHING_READ = PortTuning()

Lanes = tuple[float | None, int | None]


def ethernet(gbps: float | None, mtu: int = 9000, state: LinkState = LinkState.UP) -> Link:
    """A link of an Ethernet port."""
    speed = None if gbps is None else int(gbps * G)
    return Link(LinkLayer.ETHERNET, state, speed=speed, mtu=mtu)


def infiniband(rate: str, data: float, mtu: int | None = None, mode: str | None = None) -> Link:
    """A link of an InfiniBand port: the kernel's words, and Gb/s after encoding."""
    return Link(
        LinkLayer.INFINIBAND,
        LinkState.UP,
        rate=rate,
        speed=int(data * G),
        mtu=mtu,
        ipoib_mode=mode,
        lid=1,
        sm_lid=1,
    )


def slot(
    card: Lanes, most: Lanes, above: Lanes | None = None, at: str = "0000:40:03.0"
) -> PciePath:
    """A card in a slot: what it runs at, what it could do, what the port above could do."""
    address = "0000:43:00.0"
    links = [PcieLink(address, *card, *most)]
    if above is not None:
        links.append(PcieLink(at, *card, *above))
    return PciePath(tuple(links))


@dataclass(frozen=True)
class Situation:
    """One port, and what else matters."""

    link: Link
    path: PciePath | None = None
    rx: float = 0.0
    """Gb/s on the wire, with headers."""
    tx: float = 0.0
    rdma: float = 0.0
    """Of the busier direction, the share that bypasses the kernel, 0 to 1."""
    cpu: tuple[float, ...] = ()
    serving: tuple[int, ...] = ()
    mps: int | None = None
    events: Mapping[tuple[Origin, str], float] = field(default_factory=dict)
    """Events a second."""
    gauges: Mapping[str, int] = field(default_factory=dict)
    driver: str = "mlx5_core"
    kind: PortKind = PortKind.PHYSICAL
    function: str | None = "0000:43:00.0"
    others: Sequence[Situation] = ()
    """Other ports of the same card."""
    adapter: Adapter | None = None
    port: Port | None = None


def _tables(case: Situation) -> dict[Origin, dict[str, tuple[int, int]]]:
    """Counters before and now."""
    tables: dict[Origin, dict[str, tuple[int, int]]] = {}

    def count(origin: Origin, key: str, rate: float) -> None:
        tables.setdefault(origin, {})[key] = (1000, 1000 + round(rate * SECONDS))

    frame = (case.link.mtu or 2044) + 18
    for way, gbps in (("rx", case.rx), ("tx", case.tx)):
        octets = gbps * G / 8
        packets = octets / frame
        if case.link.layer is LinkLayer.INFINIBAND:
            data = "rcv" if way == "rx" else "xmit"
            count(Origin.RDMA, f"port_{data}_data", octets / 4)
            count(Origin.RDMA, f"port_{data}_packets", packets)
        else:
            verb = "Received" if way == "rx" else "Transmitted"
            count(Origin.MAC, f"Octets{verb}OK", octets)
            count(Origin.MAC, f"Frames{verb}OK", packets)
            data = "rcv" if way == "rx" else "xmit"
            count(Origin.RDMA, f"port_{data}_data", octets * case.rdma / 4)
        count(Origin.NETDEV, f"{way}_bytes", octets * (1 - case.rdma))
        count(Origin.NETDEV, f"{way}_packets", packets * (1 - case.rdma))
    for (origin, key), rate in case.events.items():
        count(origin, key, rate)
    for key, value in case.gauges.items():
        tables.setdefault(Origin.DRIVER, {})[key] = (value, value)
    return tables


def _sample(case: Situation, port: Port, tick: float, index: int) -> PortSample:
    readings = {
        origin: Reading(tick, Schema(tuple(table)), tuple(pair[index] for pair in table.values()))
        for origin, table in _tables(case).items()
    }
    return PortSample(port, case.link, readings)


def _port(case: Situation, number: int) -> Port:
    device = case.function or f"veth{number}"
    if case.port is not None:
        return case.port
    return Port(
        PortId(device, number),
        case.kind,
        driver=case.driver,
        function=case.function,
        adapter="card" if case.function else None,
        netdev=f"p{number}",
    )


def frame_of(case: Situation) -> tuple[Frame, PortId]:
    """A frame of two readings two seconds apart, and the port that it is about."""
    cases = [case, *case.others]
    ports = [_port(one, number) for number, one in enumerate(cases, 1)]
    functions = tuple(
        Function(address, 0x15B3, 0x1013, 0x020000, driver=case.driver)
        for address in sorted({port.function for port in ports if port.function})
    )
    adapter = case.adapter or Adapter(
        "card", "ConnectX-4", functions, tuple(port.id for port in ports)
    )
    pcie = {slot_of(case.path.links[0].device): PcieStatus(case.path)} if case.path else {}
    frame = None
    for tick, index in ((10.0, 0), (10.0 + SECONDS, 1)):
        sample = Sample(
            wall=0.0,
            tick=tick,
            host=Host("host", cpus=len(case.cpu) or None),
            adapters=(adapter,),
            ports={
                port.id: _sample(one, port, tick, index)
                for one, port in zip(cases, ports, strict=True)
            },
            pcie=pcie,
            cpu=Cpu(tick, case.cpu) if case.cpu else None,
        )
        frame = derive(sample, frame)
    assert frame is not None
    return frame, ports[0].id


def settings_of(case: Situation, settings: PortTuning = NOTHING_READ) -> PortTuning:
    """Settings that fit a situation."""
    if case.serving:
        settings = replace(settings, interrupts=(Interrupt(64, "mlx5_comp0", case.serving),))
    if case.mps:
        settings = replace(settings, control=PciControl(case.mps, 512, 512, True))
    return settings


def configured(frame: Frame, settings: PortTuning, **facts: object) -> Frame:
    """A frame with settings of all ports; `facts` are other slow facts of its sample."""
    ports = {
        port: its._replace(now=its.now._replace(settings=Slow(settings, 1.0)))
        for port, its in frame.ports.items()
    }
    slow = {name: Slow(value, 1.0) for name, value in facts.items()}
    return Frame(frame.sample._replace(**slow), ports)  # type: ignore[arg-type]
