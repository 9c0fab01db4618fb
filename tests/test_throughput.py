"""Which counter stands for the wire, and nothing is counted twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mlxtop.analysis.throughput import Throughput, capacity, shared_rdma, throughput, totals
from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import Frame, PortFrame, derive
from mlxtop.model.identity import Host, Port, PortId, PortKind
from mlxtop.model.sample import Link, LinkLayer, LinkState, PortSample, Reading, Sample
from tests.situations import Situation, frame_of, slot

G = 1_000_000_000
Table = Mapping[Origin, Mapping[str, int]]


def readings(tick: float, tables: Table) -> dict[Origin, Reading]:
    return {
        origin: Reading(tick, Schema(tuple(table)), tuple(table.values()))
        for origin, table in tables.items()
    }


def measured(
    gain: Table,
    *,
    layer: LinkLayer = LinkLayer.ETHERNET,
    kind: PortKind = PortKind.PHYSICAL,
    speed: int | None = 100 * G,
    switchdev: bool = False,
) -> Throughput:
    """Throughput of a port whose counters gained so much in two seconds."""
    port = Port(PortId("0000:43:00.0", 1), kind, switchdev=switchdev)
    zero = {origin: dict.fromkeys(table, 0) for origin, table in gain.items()}
    now = PortSample(port, Link(layer, LinkState.UP, speed=speed), readings(12.0, gain))
    before = readings(10.0, zero)
    return throughput(PortFrame(now, before, before))


NET = {"rx_bytes": 2 * G, "tx_bytes": G, "rx_packets": 2_000_000, "tx_packets": 1_000_000}
MAC = {
    "OctetsReceivedOK": 10 * G,
    "OctetsTransmittedOK": 4 * G,
    "FramesReceivedOK": 8_000_000,
    "FramesTransmittedOK": 4_000_000,
}
PHY = {
    "rx_bytes_phy": 9 * G,
    "tx_bytes_phy": 3 * G,
    "rx_packets_phy": 8_000_000,
    "tx_packets_phy": 4_000_000,
    "rx_vport_rdma_unicast_bytes": 7 * G,
    "tx_vport_rdma_unicast_bytes": 2 * G,
}
RDMA = {
    "port_rcv_data": 2 * G,
    "port_xmit_data": G,
    "port_rcv_packets": 4_000_000,
    "port_xmit_packets": 2_000_000,
}


@pytest.mark.parametrize(
    ("tables", "source", "rx"),
    [
        ({Origin.MAC: MAC, Origin.DRIVER: PHY, Origin.NETDEV: NET}, "eth-mac", 40e9),
        ({Origin.DRIVER: PHY, Origin.NETDEV: NET}, "bytes_phy", 36e9),
        ({Origin.RDMA: RDMA, Origin.NETDEV: NET}, "netdev", 8e9),
        ({Origin.NETDEV: NET}, "netdev", 8e9),
        ({}, None, None),
    ],
)
def test_ethernet_takes_the_physical_port_first_and_the_netdev_last(
    tables: Table, source: str | None, rx: float | None
) -> None:
    seen = measured(tables)
    assert (seen.source, seen.rx_bps) == (source, rx)


def test_infiniband_data_counts_four_octets_a_unit_and_ipoib_is_not_added() -> None:
    seen = measured({Origin.RDMA: RDMA, Origin.NETDEV: NET}, layer=LinkLayer.INFINIBAND)
    assert seen.source == "ib-data"
    assert seen.rx_bps == 2 * G * 4 * 8 / 2
    assert seen.kernel_rx_bps == 8e9
    assert seen.rdma_rx_bps == 32e9 - 8e9
    assert seen.rx_bytes == 8 * G


def test_headers_of_ipoib_are_not_taken_for_rdma() -> None:
    ipoib = {"rx_bytes": int(7.9 * G), "tx_bytes": 4 * G}
    seen = measured({Origin.RDMA: RDMA, Origin.NETDEV: ipoib}, layer=LinkLayer.INFINIBAND)
    assert (seen.rdma_rx_bps, seen.rdma_tx_bps) == (0.0, 0.0)


def test_rdma_and_kernel_are_told_apart_on_ethernet() -> None:
    seen = measured({Origin.MAC: MAC, Origin.NETDEV: NET, Origin.RDMA: RDMA})
    assert (seen.kernel_rx_bps, seen.rdma_rx_bps, seen.rx_bps) == (8e9, 32e9, 40e9)
    driver_only = measured({Origin.DRIVER: PHY, Origin.NETDEV: NET})
    assert driver_only.rdma_rx_bps == 28e9


def test_an_uplink_representor_has_no_kernel_share() -> None:
    seen = measured({Origin.MAC: MAC, Origin.NETDEV: MAC | NET}, switchdev=True)
    assert seen.kernel_rx_bps is None


def test_a_virtual_function_is_never_shown_with_the_octets_of_the_whole_port() -> None:
    seen = measured({Origin.MAC: MAC, Origin.NETDEV: NET}, kind=PortKind.VF)
    assert seen.source == "netdev"


def test_utilisation_counts_preamble_and_gap_of_every_packet() -> None:
    flood = {
        "OctetsReceivedOK": 148_809_524 * 64,
        "OctetsTransmittedOK": 0,
        "FramesReceivedOK": 148_809_524,
        "FramesTransmittedOK": 0,
    }
    seen = measured({Origin.MAC: flood}, speed=50 * G)
    assert seen.rx_utilisation == pytest.approx(1.0, abs=1e-6)
    assert seen.tx_utilisation == 0.0
    assert measured({Origin.MAC: flood}, speed=None).rx_utilisation is None


def test_the_first_reading_has_totals_and_no_rates() -> None:
    port = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL)
    now = PortSample(port, Link(LinkLayer.ETHERNET), readings(1.0, {Origin.MAC: MAC}))
    seen = throughput(PortFrame(now, {}, now.readings))
    assert seen.rx_bytes == 10 * G
    assert seen.rx_bps is None
    assert seen.rx_utilisation is None


@pytest.mark.parametrize(("rest", "rdma"), [(0.0301, 0.0301 * 8e9), (0.03, 0.0), (0.0299, 0.0)])
def test_up_to_three_hundredths_beside_ipoib_are_its_headers(rest: float, rdma: float) -> None:
    units = round((1 + rest) * 2 * G / 4)
    infiniband = {"port_rcv_data": units, "port_xmit_data": units}
    seen = measured({Origin.RDMA: infiniband, Origin.NETDEV: NET}, layer=LinkLayer.INFINIBAND)
    assert seen.rdma_rx_bps == pytest.approx(rdma)


@pytest.mark.parametrize(
    ("tables", "octets"),
    [
        ({Origin.MAC: MAC}, 10 * G + 20 * 8_000_000),
        ({Origin.DRIVER: PHY}, 9 * G + 20 * 8_000_000),
        ({Origin.NETDEV: NET}, 2 * G + 24 * 2_000_000),
    ],
)
def test_a_frame_takes_more_of_the_line_than_what_is_counted(tables: Table, octets: int) -> None:
    assert measured(tables).rx_utilisation == pytest.approx(octets * 8 / 2 / (100 * G))


def test_infiniband_octets_are_all_that_is_on_the_line() -> None:
    seen = measured({Origin.RDMA: RDMA}, layer=LinkLayer.INFINIBAND)
    assert seen.rx_utilisation == pytest.approx(0.32)


@pytest.mark.parametrize(
    ("speed", "sets"), [(126_016_000_000, "link"), (126_016_000_001, "PCIe"), (None, "PCIe")]
)
def test_pcie_sets_what_a_port_can_carry_only_where_it_is_narrower(
    speed: int | None, sets: str
) -> None:
    path = slot((8.0, 16), (8.0, 16), (8.0, 16))
    link = Link(LinkLayer.ETHERNET, LinkState.UP, speed=speed)
    assert capacity(*frame_of(Situation(link, path))) == (126.016e9, sets)


def test_a_port_of_neither_known_line_nor_path_has_no_capacity() -> None:
    assert capacity(*frame_of(Situation(Link(LinkLayer.ETHERNET, LinkState.UP)))) is None


def lag_member(number: int, rdma: int, state: LinkState = LinkState.UP) -> list[PortSample]:
    """A member of a bond at two ticks; the first has the RDMA device that they share."""
    owner = PortId("0000:43:00.0", 1)
    port = Port(
        PortId(f"0000:43:00.{number}", 1),
        PortKind.PHYSICAL,
        netdev=f"eth{number}",
        rdma="mlx5_bond_0",
        rdma_port=1,
        rdma_lag=owner,
        bond="bond0",
    )
    link = Link(LinkLayer.ETHERNET, state, speed=25 * G)
    tables = [{Origin.MAC: dict.fromkeys(MAC, 0)}, {Origin.MAC: MAC}]
    if number == 0:
        for table, data in zip(tables, (0, rdma), strict=True):
            table[Origin.RDMA] = {"port_rcv_data": data, "port_xmit_data": data // 2}
    return [
        PortSample(port, link, readings(tick, table))
        for tick, table in zip((10.0, 12.0), tables, strict=True)
    ]


def lag_frame(state: LinkState = LinkState.UP) -> Frame:
    members = [lag_member(0, 5 * G), lag_member(1, 0, state)]
    frame = None
    for place, tick in enumerate((10.0, 12.0)):
        ports = {one[place].port.id: one[place] for one in members}
        frame = derive(Sample(0.0, tick, Host("h"), (), ports), frame)
    assert frame is not None
    return frame


def test_rdma_of_a_bond_is_of_all_its_members_and_of_none_alone() -> None:
    frame = lag_frame()
    for port in frame.ports:
        flow, shared = throughput(frame.ports[port]), shared_rdma(frame, port)
        assert (flow.rdma_rx_bps, flow.rdma_tx_bps) == (None, None)
        assert flow.rx_bps == pytest.approx(40e9), "the wire of each"
        assert shared.rx_bps == pytest.approx(80e9)
        assert shared.tx_bps == pytest.approx(40e9)
        assert (shared.rx_bytes, shared.tx_bytes) == (20 * G, 10 * G)
        assert (shared.names, shared.speed) == (("eth0", "eth1"), 50 * G)


def test_members_that_are_down_carry_nothing_of_the_bond() -> None:
    frame = lag_frame(LinkState.DOWN)
    assert {shared_rdma(frame, port).speed for port in frame.ports} == {25 * G}


def test_a_port_with_its_own_rdma_device_shares_none() -> None:
    port = PortId("0000:43:00.0", 1)
    sample = PortSample(Port(port, PortKind.PHYSICAL, rdma="mlx5_0", rdma_port=1), Link())
    assert (
        shared_rdma(derive(Sample(0.0, 1.0, Host("h"), (), {port: sample}), None), port).names == ()
    )


def test_of_a_bond_whose_first_member_is_not_shown_the_traffic_is_unknown() -> None:
    frame = lag_frame()
    _, other = frame.ports
    shared = shared_rdma(frame._replace(ports={other: frame.ports[other]}), other)
    assert (shared.names, shared.speed, shared.rx_bps) == (("eth1",), 25 * G, None)


def test_infiniband_traffic_at_the_ceiling_of_32_bits_is_unknown() -> None:
    full = {"port_rcv_data": 2**32 - 1, "port_xmit_data": 900}
    port = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL)
    link = Link(LinkLayer.INFINIBAND, LinkState.UP, speed=32 * G)
    now = PortSample(port, link, readings(12.0, {Origin.RDMA: full}))
    before = readings(10.0, {Origin.RDMA: {**full, "port_xmit_data": 400}})
    flow = throughput(PortFrame(now, before, before))
    assert (flow.source, flow.rx_bps, flow.rx_bytes) == ("ib-data", None, None)
    assert (flow.tx_bps, flow.tx_bytes) == (8000.0, 3600)


def carried(gain: Table, **more: Any) -> dict[tuple[str, str, str], int]:
    """Totals of a port by unit, direction and share."""
    layer = more.pop("layer", LinkLayer.ETHERNET)
    port = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, **more)
    now = PortSample(port, Link(layer, LinkState.UP), readings(12.0, gain))
    found = totals(PortFrame(now, {}, {}))
    return {(one.unit, one.direction, one.share): one.value for one in found}


WIRE = {"OctetsReceivedOK": 100, "FramesReceivedOK": 10}
KERNEL = {"rx_bytes": 40, "rx_packets": 4}
ROCE = {"port_rcv_data": 5, "port_rcv_packets": 2}


def test_totals_are_of_the_wire_the_kernel_and_rdma() -> None:
    assert carried({Origin.MAC: WIRE, Origin.NETDEV: KERNEL, Origin.RDMA: ROCE}) == {
        ("bytes", "rx", "all"): 100,
        ("packets", "rx", "all"): 10,
        ("bytes", "rx", "kernel"): 40,
        ("packets", "rx", "kernel"): 4,
        ("bytes", "rx", "rdma"): 20,
        ("packets", "rx", "rdma"): 2,
    }


def test_totals_of_rdma_are_the_drivers_where_its_device_does_not_tell() -> None:
    driver = {"rx_vport_rdma_unicast_bytes": 7}
    found = carried({Origin.MAC: WIRE, Origin.DRIVER: driver})
    assert found["bytes", "rx", "rdma"] == 7


def test_totals_of_a_shared_rdma_device_are_no_port_s() -> None:
    tables = {Origin.MAC: WIRE, Origin.RDMA: ROCE}
    assert ("bytes", "rx", "rdma") not in carried(tables, rdma_lag=PortId("0000:43:00.0", 1))


def test_an_uplink_representor_has_no_total_of_the_kernels() -> None:
    tables = {Origin.MAC: WIRE, Origin.NETDEV: KERNEL}
    assert ("bytes", "rx", "kernel") not in carried(tables, switchdev=True)


def test_a_total_that_stands_at_its_ceiling_is_none() -> None:
    tables = {Origin.MAC: WIRE, Origin.RDMA: {**ROCE, "port_rcv_data": (1 << 32) - 1}}
    found = carried(tables)
    assert ("bytes", "rx", "rdma") not in found
    assert found["packets", "rx", "rdma"] == 2
