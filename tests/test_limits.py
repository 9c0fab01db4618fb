"""What line, PCIe and processor allow, and what a port carries of it."""

from __future__ import annotations

import pytest

from mlxtop.analysis.limits import (
    CpuLoad,
    PcieLimit,
    carried,
    cpu_load,
    line_limit,
    pcie_limit,
)
from mlxtop.analysis.throughput import Throughput
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Host
from mlxtop.model.linkrate import Protocol
from mlxtop.model.pcie import Direction, PcieLink, PciePath
from mlxtop.model.sample import Cpu, Link, LinkLayer, LinkState, PcieStatus, Sample
from mlxtop.model.tuning import Interrupt, PciControl, PortTuning
from tests.samples import PACU, G, ethernet, frame, half_slot, sample

ETHERNET = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100 * G)


def load(busy: tuple[float, ...], *serving: int) -> CpuLoad | None:
    """The core to look at on a machine with these loads."""
    sample = Sample(0.0, 1.0, Host("x"), (), {}, cpu=Cpu(1.0, busy) if busy else None)
    return cpu_load(Frame(sample, {}), PortTuning(interrupts=(Interrupt(64, "comp0", serving),)))


@pytest.mark.parametrize(
    ("busy", "serving", "core"),
    [
        ((90.0, 99.0), (0,), CpuLoad(0, 90.0, True, 2)),
        ((89.9, 99.0), (0,), CpuLoad(1, 99.0, False, 1)),
        ((10.0, 20.0), (0, 1), CpuLoad(1, 20.0, True)),
        ((10.0, 95.0), (2,), CpuLoad(1, 95.0, False, 1)),
        ((10.0,), (), CpuLoad(0, 10.0, False)),
        ((), (0,), None),
    ],
)
def test_a_full_core_that_serves_the_port_goes_before_the_busiest(
    busy: tuple[float, ...], serving: tuple[int, ...], core: CpuLoad | None
) -> None:
    assert load(busy, *serving) == core


@pytest.mark.parametrize(("rdma", "most"), [(5.1e9, True), (4.9e9, False), (5e9, False)])
def test_a_port_bypasses_the_kernel_when_more_than_half_of_its_traffic_does(
    rdma: float, most: bool
) -> None:
    flow = Throughput("eth-mac", rx_bps=10e9, rx_utilisation=0.1, rdma_rx_bps=rdma)
    measured = carried(flow, ETHERNET, Direction.RX)
    assert measured is not None
    assert (measured.rate, measured.utilisation, measured.rdma) == (10e9, 0.1, most)


def test_rdma_is_added_where_only_the_kernels_traffic_is_counted() -> None:
    flow = Throughput("netdev", tx_bps=10e9, tx_utilisation=0.11, rdma_tx_bps=30e9)
    measured = carried(flow, ETHERNET, Direction.TX)
    assert measured is not None
    assert (measured.rate, measured.rdma) == (40e9, True)
    assert measured.utilisation == pytest.approx(0.41)
    ipoib = carried(flow, Link(LinkLayer.INFINIBAND, speed=100 * G), Direction.TX)
    assert ipoib is not None
    assert ipoib.rate == 10e9


def test_a_line_of_unknown_speed_has_no_limit() -> None:
    assert line_limit(ETHERNET._replace(speed=None)) is None
    line = line_limit(ETHERNET)
    assert line is not None
    assert (line.raw, line.usable) == (100e9, 100 * G)
    assert all(0 < line.goodput[protocol] <= 100e9 for protocol in line.goodput)
    assert Protocol.TCP not in line.goodput


def test_a_share_that_is_unknown_stays_unknown() -> None:
    flow = Throughput("netdev", tx_bps=10e9, rdma_tx_bps=30e9)
    measured = carried(flow, ETHERNET, Direction.TX)
    assert measured is not None and measured.utilisation is None
    slow = carried(flow._replace(tx_utilisation=0.1), Link(LinkLayer.ETHERNET), Direction.TX)
    assert slow is not None and slow.utilisation == 0.1


QDR = Link(LinkLayer.INFINIBAND, LinkState.UP, rate="40 Gb/sec (4X QDR)", mtu=2044)


@pytest.mark.parametrize(
    ("link", "raw", "usable", "tcp"),
    [
        (ETHERNET._replace(mtu=9000), 100e9, 100 * G, 99.0),
        (ETHERNET._replace(mtu=1500), 100e9, 100 * G, 94.1),
        (QDR, 40e9, 32 * G, 30.6),
        (QDR._replace(mtu=65520, ipoib_mode="connected"), 40e9, 32 * G, 31.6),
        (QDR._replace(speed=16 * G), 40e9, 16 * G, 15.3),
    ],
)
def test_a_line_leaves_what_coding_and_headers_do_not_take(
    link: Link, raw: float, usable: int, tcp: float
) -> None:
    line = line_limit(link)
    assert line is not None
    assert (line.raw, line.usable) == (raw, usable)
    assert line.goodput[Protocol.TCP] / 1e9 == pytest.approx(tcp, abs=0.05)


def pcie(*links: PcieLink, settings: PortTuning | None = None, **status: bool) -> PcieLimit | None:
    """The limit of pacu's port behind these links, its own first."""
    one = sample(1.0, ethernet(PACU, 1.0, 0.0, 0.0))
    slot = PcieStatus(PciePath(links), **status)  # type: ignore[arg-type]
    return pcie_limit(frame(one._replace(pcie={"0000:43:00": slot})), PACU.id, settings)


def test_a_narrow_slot_limits_data_more_than_its_signals_and_is_named() -> None:
    links = half_slot().path.links
    limit = pcie(*links)
    assert limit is not None and limit.hop is not None
    assert (limit.raw, limit.ports) == (63_008_000_000, (PACU.id,))
    assert limit.usable == {Direction.RX: 57_607_000_000, Direction.TX: 58_442_000_000}
    assert limit.hop.link.device == "0000:40:03.0"
    small = pcie(*links, settings=PortTuning(control=PciControl(128, 512, 512, True)))
    assert small is not None
    assert (small.mps, small.usable[Direction.RX]) == (128, 53_059_000_000)
    assert pcie(*links, settings=PortTuning()) == limit


def test_a_slot_as_wide_as_its_card_is_no_hop_that_limits() -> None:
    limit = pcie(PcieLink("0000:43:00.0", 8.0, 16, 8.0, 16))
    assert limit is not None
    assert (limit.raw, limit.hop) == (126_016_000_000, None)


def test_a_tunnel_and_a_link_of_unknown_width_have_no_limit() -> None:
    tunnel = PcieLink("0000:43:00.0", 2.5, 4, 2.5, 4)
    assert pcie(tunnel, removable=True) is None
    assert pcie(tunnel, removable=False) is not None
    assert pcie(PcieLink("0000:43:00.0", None, None, 8.0, 16)) is None
    assert pcie() is None
