"""Hand-made machines for tests of what is shown: samples without any system below them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event

from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Adapter, Function, Host, Port, PortId, PortKind
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import (
    AerError,
    Link,
    LinkLayer,
    LinkState,
    PcieStatus,
    PortSample,
    Problem,
    Reading,
    Sample,
    SourceKind,
    Temperature,
)
from mlxtop.sampler.facts import Fact

G = 1_000_000_000
WALL = 1_760_000_000.0

MAC = Schema(
    (
        "OctetsReceivedOK",
        "OctetsTransmittedOK",
        "FramesReceivedOK",
        "FramesTransmittedOK",
        "FrameCheckSequenceErrors",
    )
)
NET = Schema(
    ("rx_bytes", "tx_bytes", "rx_packets", "tx_packets", "rx_errors", "rx_dropped", "tx_errors")
)
RDMA = Schema(("port_rcv_data", "port_xmit_data", "port_rcv_packets", "port_xmit_packets"))
RDMA_ERRORS = Schema(("symbol_error", "link_downed"))
HW = Schema(("out_of_sequence", "np_cnp_sent", "rp_cnp_handled"))


def mlx5_port(device: str, netdev: str | None, rdma: str, adapter: str = "card0") -> Port:
    """A physical port of an mlx5 card."""
    return Port(
        PortId(device, 1),
        PortKind.PHYSICAL,
        driver="mlx5_core",
        function=device,
        adapter=adapter,
        netdev=netdev,
        ifindex=4,
        rdma=rdma,
        rdma_port=1,
    )


PACU = mlx5_port("0000:43:00.0", "enp67s0np0", "mlx5_0")
IB = mlx5_port("0000:43:00.1", "ibp67s0f1", "mlx5_1")


def card(*ports: Port, key: str = "card0", family: str = "ConnectX-4") -> Adapter:
    """The card of these ports."""
    functions = tuple(
        Function(p.function or "", 0x15B3, 0x1013, 0x020000, driver="mlx5_core", numa_node=1)
        for p in ports
    )
    return Adapter(
        key,
        family,
        functions,
        tuple(p.id for p in ports),
        psid="MT_2180110032",
        part="MCX455A-ECAT",
        firmware="12.28.2006",
    )


def half_slot() -> PcieStatus:
    """A x16 card in a x8 slot."""
    return PcieStatus(
        PciePath(
            (
                PcieLink("0000:43:00.0", 8.0, 8, 8.0, 16),
                PcieLink("0000:40:03.0", 8.0, 8, 8.0, 8),
            )
        ),
        aspm="off",
        aer={AerError("0000:40:03.0", "BadTLP"): 3},
    )


def ethernet(
    port: Port,
    tick: float,
    rx: float,
    tx: float,
    *,
    module: float | None = 69.3,
    rdma_share: float = 0.5,
    errors: int = 0,
    link: Link | None = None,
) -> PortSample:
    """A 100G port that has carried steady rates of `rx` and `tx` bit/s since tick 0."""
    rx_bytes, tx_bytes = int(rx / 8 * tick), int(tx / 8 * tick)
    kernel = 1 - rdma_share
    tables = {
        Origin.MAC: (MAC, (rx_bytes, tx_bytes, rx_bytes // 1500, tx_bytes // 1500, errors)),
        Origin.NETDEV: (
            NET,
            (
                int(rx_bytes * kernel),
                int(tx_bytes * kernel),
                rx_bytes // 1500,
                tx_bytes // 1500,
                errors,
                0,
                0,
            ),
        ),
        Origin.RDMA: (
            RDMA,
            (
                int(rx_bytes * rdma_share) // 4,
                int(tx_bytes * rdma_share) // 4,
                rx_bytes // 4096,
                tx_bytes // 4096,
            ),
        ),
        Origin.RDMA_ERRORS: (RDMA_ERRORS, (5, 255)),
        Origin.RDMA_HW: (HW, (0, int(tick) * 3, 0)),
    }
    temperatures = (
        Temperature("asic", 84.0, tick, 95.0, 105.0, 86.0, "the chip's own limit", "hwmon"),
        Temperature("module", module, tick, 75.0, 80.0, 71.0, "the module's own limits", "hwmon"),
    )
    return PortSample(
        port,
        link
        or Link(
            LinkLayer.ETHERNET,
            LinkState.UP,
            phys_state="LinkUp",
            speed=100 * G,
            mtu=9000,
            carrier_changes=2,
            address="24:8a:07:00:00:01",
        ),
        readings=readings(tick, tables),
        temperatures=temperatures,
    )


def readings(
    tick: float, tables: Mapping[Origin, tuple[Schema, tuple[int | None, ...]]]
) -> dict[Origin, Reading]:
    """Readings of several tables at one instant."""
    return {origin: Reading(tick, schema, values) for origin, (schema, values) in tables.items()}


def veth(name: str, index: int, tick: float, rate: float = 0.0) -> PortSample:
    """A virtual device."""
    port = Port(PortId(name, 1), PortKind.VIRTUAL, netdev=name, ifindex=index, devtype="veth")
    count = int(rate / 8 * tick)
    values = (count, count // 2, count // 1500, count // 3000, 0, 0, 0)
    return PortSample(
        port,
        Link(None, LinkState.UP, speed=10 * G, mtu=1500),
        readings(tick, {Origin.NETDEV: (NET, values)}),
    )


def sample(tick: float, *ports: PortSample, problems: tuple[Problem, ...] = ()) -> Sample:
    """A machine with these ports and one card for those of mlx5."""
    own = [p.port for p in ports if p.port.adapter]
    adapters = (card(*own),) if own else ()
    return Sample(
        WALL + tick,
        tick,
        Host("pacu", "6.1.0-18-amd64", 32, "AMD EPYC 7302", root=False),
        adapters,
        {p.port.id: p for p in ports},
        pcie={"0000:43:00": half_slot()} if own else {},
        problems=problems,
    )


def pacu(tick: float, rx: float = 46.1e9, tx: float = 1.2e9) -> Sample:
    """One card with one busy Ethernet port."""
    return sample(tick, ethernet(PACU, tick, rx, tx))


def frame(*samples: Sample) -> Frame:
    """The last of some samples, with rates when there is more than one."""
    last: Frame | None = None
    for one in samples:
        last = derive(one, last)
    assert last is not None
    return last


@dataclass
class Samples:
    """A source that hands out given samples at once, then waits for its end."""

    given: list[Sample]
    label: str = "pacu"
    kind: SourceKind = SourceKind.LIVE
    interval: float = 1.0
    guarded: bool = False
    looked_at: PortId | None = None
    more_wants: frozenset[Fact] = frozenset()
    closed: Event = field(default_factory=Event)

    def samples(self, stop: Event) -> Iterator[Sample]:
        yield from self.given
        stop.wait()

    def read_again(self) -> None:
        pass

    def close(self) -> None:
        self.closed.set()
