"""What line, PCIe and processor allow, and what a port carries of it."""

from __future__ import annotations

import pytest

from mlxtop.analysis.limits import CpuLoad, carried, cpu_load, line_limit
from mlxtop.analysis.throughput import Throughput
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Host
from mlxtop.model.linkrate import Protocol
from mlxtop.model.pcie import Direction
from mlxtop.model.sample import Cpu, Link, LinkLayer, LinkState, Sample
from mlxtop.model.tuning import Interrupt, PortTuning
from tests.samples import G

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
