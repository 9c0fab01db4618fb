"""The ceiling line of real situations, every figure worked out by hand.

PCIe: lanes times 7876 Mb/s (Gen3), 4000 (Gen2), 15753 (Gen4), 31507 (Gen5); usable is times
MPS/(MPS+24) received and 256/(256+20) sent. TCP: (MTU-52)/(MTU+38) on Ethernet.
"""

from __future__ import annotations

import pytest

from mlxtop.analysis.port_view import Ceiling, port_view
from mlxtop.analysis.verdict import Limit
from mlxtop.model.counters import Origin
from mlxtop.model.identity import PortKind
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import LinkState
from mlxtop.present.ceiling import limits_line
from tests.situations import (
    Situation,
    configured,
    ethernet,
    frame_of,
    infiniband,
    settings_of,
    slot,
)

X8_OF_X16 = slot((8.0, 8), (8.0, 16), (8.0, 8))
X16 = slot((8.0, 16), (8.0, 16), (8.0, 16))
GEN4_X16 = slot((16.0, 16), (16.0, 16), (16.0, 16))
GEN5_X16 = slot((32.0, 16), (32.0, 16), (32.0, 16))
M2 = slot((8.0, 4), (8.0, 8), (8.0, 4), at="0000:00:1d.0")
ODROID = slot((5.0, 4), (5.0, 8), (5.0, 4), at="0000:00:13.0")
X8 = slot((8.0, 8), (8.0, 8), (8.0, 8))
TWIN = slot((32.0, 4), (32.0, 4), (32.0, 4))
SWITCH = PciePath(
    (
        PcieLink("0000:43:00.0", 8.0, 16, 8.0, 16),
        PcieLink("0000:42:08.0", 8.0, 16, 8.0, 16),
        PcieLink("0000:41:00.0", 8.0, 8, 8.0, 16),
        PcieLink("0000:40:03.0", 8.0, 8, 8.0, 8),
    )
)

QDR = infiniband("40 Gb/sec (4X QDR)", 32, 65520, "connected")
FDR10 = infiniband("40 Gb/sec (4X FDR10)", 40, 2044, "datagram")
FDR = infiniband("56 Gb/sec (4X FDR)", 54.545454545, 65520, "connected")


def line(case: Situation, streams: int | None = None) -> str:
    ceiling = seen(case, streams)
    return f"{limits_line(ceiling)} → {ceiling.verdict.text}"


def seen(case: Situation, streams: int | None = None) -> Ceiling:
    frame, port = frame_of(case)
    counted = {} if streams is None else {port: streams}
    return port_view(configured(frame, settings_of(case), streams=counted), port).ceiling


DRIVER, HW = Origin.DRIVER, Origin.RDMA_HW
QUIET = (12.0, 3.0, 8.0, 5.0)
SITUATIONS = {
    # 8 * 7.876 = 63.008; * 256/280 = 57.6; 100 * 8948/9038 = 99.0; 46.1/57.6 = 80 %; 46.1/4 = 11.5
    "S0: CX-4 in an x8 slot, iperf with four streams": (
        Situation(ethernet(100), X8_OF_X16, rx=46.1, cpu=(9.0,) * 14 + (97.0,), serving=(14,)),
        4,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 63.0 Gb/s, 57.6 usable"
        " (PCIe 3.0 x8 of x16 at 0000:40:03.0, assuming MPS 256) · core 14 at 97 %"
        " · RX 46.1 Gb/s → CPU-bound: 4 streams × 11.5 Gb/s, core 14 is full",
    ),
    "S0: the same without knowing the streams": (
        Situation(ethernet(100), X8_OF_X16, rx=46.1, cpu=(9.0,) * 14 + (97.0,), serving=(14,)),
        None,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 63.0 Gb/s, 57.6 usable"
        " (PCIe 3.0 x8 of x16 at 0000:40:03.0, assuming MPS 256) · core 14 at 97 %"
        " · RX 46.1 Gb/s → CPU-bound: core 14 is full and serves the port's interrupts",
    ),
    # 16 * 7.876 = 126.016; sent: * 256/276 = 116.9; 93.1 * (9018+20)/9018 = 93.3 %
    "S0: x16 slot, eight streams": (
        Situation(ethernet(100), X16, tx=93.1, cpu=(60.0, 55.0)),
        8,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 126.0 Gb/s, 116.9 usable"
        " (PCIe 3.0 x16, assuming MPS 256) · core 0 at 60 % · TX 93.1 Gb/s"
        " → link-bound: 93 % of the line is used",
    ),
    # 53.059 = 63.008 * 128/152; 50/53.1 = 94 %
    "S0: many streams against the slot, root sees MPS 128": (
        Situation(ethernet(100), X8_OF_X16, rx=50.0, cpu=QUIET, mps=128),
        None,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 63.0 Gb/s, 53.1 usable"
        " (PCIe 3.0 x8 of x16 at 0000:40:03.0) · core 0 at 12 % · RX 50.0 Gb/s"
        " → PCIe-bound: 3.0 x8 of x16 at 0000:40:03.0, 94 % of 53.1 Gb/s usable",
    ),
    "S0: a slow peer, nothing wrong here": (
        Situation(
            ethernet(100), X16, rx=20.0, cpu=QUIET, events={(DRIVER, "tx_pause_ctrl_phy"): 0}
        ),
        None,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 126.0 Gb/s, 115.2 usable"
        " (PCIe 3.0 x16, assuming MPS 256) · core 0 at 12 % · RX 20.0 Gb/s"
        " → not saturated: link 20 %, PCIe 17 %, busiest core 12 %,"
        " no pause",
    ),
    # 40 * 8948/9038 = 39.6; 8 * 7.876 = 63.0 for both ports
    "S1: CX-3 dual 40G, one port busy": (
        Situation(
            ethernet(40),
            X8,
            rx=38.9,
            cpu=QUIET,
            driver="mlx4_core",
            others=(Situation(ethernet(40)),),
        ),
        None,
        "link 40 Gb/s · TCP 39.6 Gb/s · PCIe 63.0 Gb/s, 57.6 usable"
        " (PCIe 3.0 x8, assuming MPS 256, shared by 2 ports) · core 0 at 12 %"
        " · RX 38.9 Gb/s → link-bound: 97 % of the line is used",
    ),
    # 27 + 27 = 54 of 57.6 is 94 %
    "S1: CX-3 dual 40G, both ports busy on x8": (
        Situation(
            ethernet(40),
            X8,
            rx=27.0,
            cpu=QUIET,
            driver="mlx4_core",
            others=(Situation(ethernet(40), rx=27.0),),
        ),
        None,
        "link 40 Gb/s · TCP 39.6 Gb/s · PCIe 63.0 Gb/s, 57.6 usable"
        " (PCIe 3.0 x8, assuming MPS 256, shared by 2 ports) · core 0 at 12 %"
        " · RX 27.0 Gb/s → PCIe-bound: 94 % of 57.6 Gb/s usable, all its ports together",
    ),
    # 56 * 1448/1538 = 52.7
    "S1: 56GbE at MTU 1500": (
        Situation(ethernet(56, 1500), X8, rx=25.0, cpu=QUIET, driver="mlx4_core"),
        None,
        "link 56 Gb/s · TCP 52.7 Gb/s · PCIe 63.0 Gb/s, 57.6 usable"
        " (PCIe 3.0 x8, assuming MPS 256) · core 0 at 12 % · RX 25.0 Gb/s"
        " → not saturated: link 45 %, PCIe 43 %, busiest core 12 %",
    ),
    # 4 * 7.876 = 31.504; * 256/280 = 28.8; 20/28.8 = 69 %
    "S2: CX-3 on M.2 x4, TCP": (
        Situation(ethernet(40), M2, rx=20.0, cpu=(96.0, 20.0), serving=(0,), driver="mlx4_core"),
        1,
        "link 40 Gb/s · TCP 39.6 Gb/s · PCIe 31.5 Gb/s, 28.8 usable"
        " (PCIe 3.0 x4 of x8 at 0000:00:1d.0, assuming MPS 256) · core 0 at 96 %"
        " · RX 20.0 Gb/s → CPU-bound: 1 stream of 20.0 Gb/s, core 0 is full",
    ),
    # RDMA at MTU 9000: 40 * 4096/4178 = 39.2; 25.3/28.8 = 88 %
    "S2: CX-3 on M.2 x4, RDMA": (
        Situation(ethernet(40), M2, rx=25.3, rdma=1.0, cpu=QUIET, driver="mlx4_core"),
        None,
        "link 40 Gb/s · RDMA 39.2 Gb/s · PCIe 31.5 Gb/s, 28.8 usable"
        " (PCIe 3.0 x4 of x8 at 0000:00:1d.0, assuming MPS 256) · core 0 at 12 %"
        " · RX 25.3 Gb/s → PCIe-bound: 3.0 x4 of x8 at 0000:00:1d.0, 88 % of 28.8 Gb/s usable",
    ),
    # 4 * 4 = 16; * 256/280 = 14.6; 32 * 65468/66356 = 31.6
    "S3: CX-2 QDR on Gen2 x4, IPoIB connected": (
        Situation(QDR, ODROID, rx=14.4, cpu=QUIET, driver="mlx4_core"),
        None,
        "link 40 Gb/s, 32.0 usable · TCP 31.6 Gb/s · PCIe 16.0 Gb/s, 14.6 usable"
        " (PCIe 2.0 x4 of x8 at 0000:00:13.0, assuming MPS 256) · core 0 at 12 %"
        " · RX 14.4 Gb/s → PCIe-bound: 2.0 x4 of x8 at 0000:00:13.0, 98 % of 14.6 Gb/s usable",
    ),
    # 11.1/14.6 = 76 %, 11.1/32 = 35 %
    "S3: the other direction, below every limit": (
        Situation(QDR, ODROID, rx=11.1, cpu=(88.0, 40.0), driver="mlx4_core"),
        None,
        "link 40 Gb/s, 32.0 usable · TCP 31.6 Gb/s · PCIe 16.0 Gb/s, 14.6 usable"
        " (PCIe 2.0 x4 of x8 at 0000:00:13.0, assuming MPS 256) · core 0 at 88 %"
        " · RX 11.1 Gb/s → not saturated: link 35 %, PCIe 76 %,"
        " busiest core 88 %",
    ),
    # 10 * 8948/9038 = 9.9; 9.8 * 9038/9018 = 98 %
    "S4: CX-2 in Ethernet mode is 10GbE": (
        Situation(
            ethernet(10), slot((5.0, 8), (5.0, 8), (5.0, 8)), rx=9.8, cpu=QUIET, driver="mlx4_core"
        ),
        None,
        "link 10 Gb/s · TCP 9.9 Gb/s · PCIe 32.0 Gb/s, 29.3 usable"
        " (PCIe 2.0 x8, assuming MPS 256) · core 0 at 12 % · RX 9.8 Gb/s"
        " → link-bound: 98 % of the line is used",
    ),
    # 4 * 31.507 = 126.028, * 256/280 = 115.2; RDMA 200 * 4096/4178 = 196.1; 110/115.2 = 95 %
    "GB10: one of the two x4 halves of a ConnectX-7": (
        Situation(ethernet(200), TWIN, rx=110.0, rdma=1.0, cpu=QUIET),
        None,
        "link 200 Gb/s · RDMA 196.1 Gb/s · PCIe 126.0 Gb/s, 115.2 usable"
        " (PCIe 5.0 x4, assuming MPS 256) · core 0 at 12 % · RX 110.0 Gb/s"
        " → PCIe-bound: 95 % of 115.2 Gb/s usable",
    ),
    # 40 * 1992/2082 = 38.3
    "FDR10 switch: 64b/66b loses nothing, IPoIB datagram does": (
        Situation(FDR10, X8, rx=15.0, cpu=QUIET, driver="mlx4_core"),
        None,
        "link 40 Gb/s · TCP 38.3 Gb/s · PCIe 63.0 Gb/s, 57.6 usable"
        " (PCIe 3.0 x8, assuming MPS 256) · core 0 at 12 % · RX 15.0 Gb/s"
        " → not saturated: link 38 %, PCIe 26 %, busiest core 12 %",
    ),
    # 54.545 * 65468/66356 = 53.8; sent 58.4
    "FDR, IPoIB connected": (
        Situation(FDR, X8, tx=51.0, cpu=QUIET, driver="mlx4_core"),
        None,
        "link 56 Gb/s, 54.5 usable · TCP 53.8 Gb/s · PCIe 63.0 Gb/s, 58.4 usable"
        " (PCIe 3.0 x8, assuming MPS 256) · core 0 at 12 % · TX 51.0 Gb/s"
        " → link-bound: 94 % of the line is used",
    ),
    # 100 * 4040/4130 = 97.8
    "EDR, enhanced IPoIB has datagram mode only": (
        Situation(infiniband("100 Gb/sec (4X EDR)", 100, 4092, "datagram"), X16, rx=30.0),
        None,
        "link 100 Gb/s · TCP 97.8 Gb/s · PCIe 126.0 Gb/s, 115.2 usable"
        " (PCIe 3.0 x16, assuming MPS 256) · RX 30.0 Gb/s"
        " → not saturated: link 30 %, PCIe 26 %",
    ),
    # no IPoIB: 400 * 2048/2074 = 395.0; 504.112 * 256/280 = 460.9; 390/400 = 98 %
    "NDR without IPoIB, RDMA at line rate": (
        Situation(infiniband("400 Gb/sec (4X NDR)", 400), GEN5_X16, rx=390.0, rdma=1.0, cpu=QUIET),
        None,
        "link 400 Gb/s · RDMA 395.0 Gb/s · PCIe 504.1 Gb/s, 460.9 usable"
        " (PCIe 5.0 x16, assuming MPS 256) · core 0 at 12 % · RX 390.0 Gb/s"
        " → link-bound: 98 % of the line is used",
    ),
    "SDR after losing three lanes": (
        Situation(infiniband("2.5 Gb/sec (1X SDR)", 2, 2044, "datagram"), X8, rx=0.0),
        None,
        "link 2.5 Gb/s, 2.0 usable · TCP 1.9 Gb/s · PCIe 63.0 Gb/s, 57.6 usable"
        " (PCIe 3.0 x8, assuming MPS 256) · RX 0.0 Gb/s"
        " → idle",
    ),
    "a virtual function": (
        Situation(ethernet(100, 1500), X16, rx=9.0, cpu=QUIET, kind=PortKind.VF),
        None,
        "link 100 Gb/s · TCP 94.1 Gb/s"
        " · PCIe – (a virtual function shares the link of its physical function)"
        " · core 0 at 12 % · RX 9.0 Gb/s"
        " → not saturated: link 9 %, busiest core 12 %",
    ),
    "a representor or veth": (
        Situation(ethernet(None, 1500), rx=9.0, cpu=QUIET, kind=PortKind.VIRTUAL, function=None),
        None,
        "link – (a virtual device has no line rate) · PCIe – (not a PCI device)"
        " · core 0 at 12 % · RX 9.0 Gb/s"
        " → not saturated: busiest core 12 %",
    ),
    "an idle device of unknown speed on a busy machine": (
        Situation(ethernet(None, 1500), rx=0.0, cpu=(100.0,), kind=PortKind.VIRTUAL, function=None),
        None,
        "link – (a virtual device has no line rate) · PCIe – (not a PCI device)"
        " · core 0 at 100 % · RX 0.0 Gb/s"
        " → idle",
    ),
    "the slot slowed down while idle": (
        Situation(ethernet(100), slot((2.5, 16), (8.0, 16), (8.0, 16)), rx=0.0, cpu=QUIET),
        None,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 32.0 Gb/s, 29.3 usable"
        " (PCIe 1.0 of 3.0 x16 at 0000:40:03.0, assuming MPS 256) · core 0 at 12 %"
        " · RX 0.0 Gb/s → idle",
    ),
    # 2.5 GT/s x1: 2 Gb/s, * 256/280 = 1.8
    "generation and lanes both missing": (
        Situation(ethernet(25), slot((2.5, 1), (8.0, 8), (8.0, 8)), rx=1.7, cpu=QUIET),
        None,
        "link 25 Gb/s · TCP 24.8 Gb/s · PCIe 2.0 Gb/s, 1.8 usable"
        " (PCIe 1.0 of 3.0 x1 of x8 at 0000:40:03.0, assuming MPS 256)"
        " · core 0 at 12 % · RX 1.7 Gb/s"
        " → PCIe-bound: 1.0 of 3.0 x1 of x8 at 0000:40:03.0, 93 % of 1.8 Gb/s usable",
    ),
    "two cards behind one switch with an x8 uplink": (
        Situation(ethernet(100), SWITCH, rx=28.0, cpu=QUIET),
        None,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 63.0 Gb/s, 57.6 usable"
        " (PCIe 3.0 x8 of x16 at 0000:40:03.0, assuming MPS 256) · core 0 at 12 %"
        " · RX 28.0 Gb/s → not saturated: link 28 %, PCIe 49 %,"
        " busiest core 12 %",
    ),
    "a Gen4 card in a Gen3 slot": (
        Situation(ethernet(100), slot((8.0, 16), (16.0, 16), (8.0, 16)), tx=60.0, cpu=QUIET),
        None,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 126.0 Gb/s, 116.9 usable"
        " (PCIe 3.0 of 4.0 x16 at 0000:40:03.0, assuming MPS 256) · core 0 at 12 %"
        " · TX 60.0 Gb/s → not saturated: link 60 %, PCIe 51 %,"
        " busiest core 12 %",
    ),
    "in a virtual machine no PCIe link is visible": (
        Situation(ethernet(50), None, rx=30.0, cpu=QUIET),
        None,
        "link 50 Gb/s · TCP 49.5 Gb/s · PCIe – (no PCIe link above the device is visible)"
        " · core 0 at 12 % · RX 30.0 Gb/s"
        " → not saturated: link 60 %, busiest core 12 %",
    ),
    "no carrier": (
        Situation(ethernet(None, state=LinkState.NO_MODULE), X16, cpu=QUIET),
        None,
        "link – (down: no module) · PCIe 126.0 Gb/s, 115.2 usable"
        " (PCIe 3.0 x16, assuming MPS 256) · core 0 at 12 % · RX 0.0 Gb/s"
        " → no link",
    ),
    "the peer sends pause frames": (
        Situation(
            ethernet(100), X16, tx=33.0, cpu=QUIET, events={(DRIVER, "rx_pause_ctrl_phy"): 5000}
        ),
        None,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 126.0 Gb/s, 116.9 usable"
        " (PCIe 3.0 x16, assuming MPS 256) · core 0 at 12 % · TX 33.0 Gb/s"
        " → peer-bound: 5000 pause frames a second come from it",
    ),
    "this host sends priority pause": (
        Situation(
            ethernet(100),
            X16,
            rx=33.0,
            rdma=1.0,
            events={(DRIVER, "tx_pause_ctrl_phy"): 0, (DRIVER, "tx_prio3_pause"): 700},
        ),
        None,
        "link 100 Gb/s · RDMA 98.0 Gb/s · PCIe 126.0 Gb/s, 115.2 usable"
        " (PCIe 3.0 x16, assuming MPS 256) · RX 33.0 Gb/s"
        " → host-bound: it sends 700 pause frames a second",
    ),
    "the fabric is congested": (
        Situation(ethernet(200), GEN4_X16, tx=80.0, rdma=1.0, events={(HW, "rp_cnp_handled"): 250}),
        None,
        # 16 * 15.753 = 252.048, * 256/276 = 233.8
        "link 200 Gb/s · RDMA 196.1 Gb/s · PCIe 252.0 Gb/s, 233.8 usable"
        " (PCIe 4.0 x16, assuming MPS 256) · TX 80.0 Gb/s"
        " → network-bound: 250 notifications (CNP) a second",
    ),
    "receive buffers run out": (
        Situation(
            ethernet(100), X16, rx=50.0, cpu=QUIET, events={(DRIVER, "rx_out_of_buffer"): 4000}
        ),
        None,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 126.0 Gb/s, 115.2 usable"
        " (PCIe 3.0 x16, assuming MPS 256) · core 0 at 12 % · RX 50.0 Gb/s"
        " → buffer-bound: 4000 packets a second found no receive buffer",
    ),
    "PCIe stalls long before its payload is reached": (
        Situation(ethernet(100), X16, rx=50.0, cpu=QUIET, gauges={"outbound_pci_stalled_wr": 42}),
        None,
        "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 126.0 Gb/s, 115.2 usable"
        " (PCIe 3.0 x16, assuming MPS 256) · core 0 at 12 % · RX 50.0 Gb/s"
        " → PCIe-bound: the card waited for it 42 % of the last second",
    ),
    "a full core that does not serve the port": (
        Situation(ethernet(25), X8, tx=11.0, cpu=(10.0, 99.0), serving=(0,)),
        None,
        "link 25 Gb/s · TCP 24.8 Gb/s · PCIe 63.0 Gb/s, 58.4 usable"
        " (PCIe 3.0 x8, assuming MPS 256) · core 1 at 99 % · TX 11.0 Gb/s"
        " → CPU-bound: core 1 is full",
    ),
    # 64-byte frames: 100 Gb/s of them count 76 Gb/s; here MTU 46 stands for them
    "a flood of small frames fills the line at 76 %": (
        Situation(ethernet(100, 46), X16, rx=76.0, cpu=QUIET),
        None,
        "link 100 Gb/s · PCIe 126.0 Gb/s, 115.2 usable"
        " (PCIe 3.0 x16, assuming MPS 256) · core 0 at 12 % · RX 76.0 Gb/s"
        " → link-bound: 100 % of the line is used",
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_ceiling_of_a_situation_is_the_one_worked_out_by_hand(name: str) -> None:
    case, streams, expected = SITUATIONS[name]
    assert line(case, streams) == expected


def test_there_are_as_many_situations_as_were_promised() -> None:
    assert len(SITUATIONS) >= 30


def test_one_reading_is_not_enough_for_a_verdict() -> None:
    frame, port = frame_of(Situation(ethernet(100), X16))
    once = type(frame)(frame.sample, {port: type(frame.ports[port])(frame.ports[port].now, {}, {})})
    assert port_view(once, port).ceiling.verdict.text == "not measured"


def test_a_verdict_is_named_only_near_a_limit() -> None:
    for gbps in (3, 20, 40, 48):
        verdict = seen(Situation(ethernet(100), X8_OF_X16, rx=gbps, cpu=QUIET)).verdict
        assert verdict.limit is None
    assert seen(Situation(ethernet(100), X8_OF_X16, rx=49.5, cpu=QUIET)).verdict.limit is Limit.PCIE


def test_a_card_with_two_pcie_links_is_not_judged_by_the_other_one() -> None:
    case = Situation(ethernet(200), TWIN, rx=10.0, function="0002:01:00.0")
    assert seen(case).pcie is None
