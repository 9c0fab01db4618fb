"""Which limit binds, on both sides of every threshold."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mlxtop.analysis.limits import CpuLoad, LineLimit, Measured, PcieLimit
from mlxtop.analysis.verdict import (
    HELD_BY_PAUSE,
    IDLE,
    Evidence,
    Limit,
    Verdict,
    judge,
    judge_together,
)
from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import PortFrame
from mlxtop.model.pcie import Direction, PciePath
from mlxtop.model.sample import Link, LinkLayer, LinkState, PortSample, Reading
from tests.samples import PACU, G

LINE = LineLimit(100e9, 100 * G, 9000, {})
PCIE = PcieLimit(PciePath(()), 126 * G, dict.fromkeys(Direction, 100 * G), 256, None, (PACU.id,))
DRIVER, HW = Origin.DRIVER, Origin.RDMA_HW
RX, TX = Direction
Counts = Mapping[tuple[Origin, str], int]


def port(counts: Counts) -> PortFrame:
    """A port whose counters went from 0 to these in one second."""
    now, before = {}, {}
    for origin in {origin for origin, _ in counts}:
        table = {key: count for (its, key), count in counts.items() if its is origin}
        schema = Schema(tuple(table))
        before[origin] = Reading(1.0, schema, (0,) * len(table))
        now[origin] = Reading(2.0, schema, tuple(table.values()))
    link = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100 * G)
    return PortFrame(PortSample(PACU, link, now), before, before)


def verdict(
    share: float = 0.5,
    *,
    way: Direction = RX,
    line: LineLimit | None = LINE,
    pcie: float | None = None,
    cpu: CpuLoad | None = None,
    rdma: bool = False,
    counts: Counts = {},  # noqa: B006
) -> Verdict:
    """The verdict on a 100G port by its share of the line, and of PCIe's 100 Gb/s."""
    measured = Measured(way, share * 100e9, share if line else None, rdma)
    limit, rate = (None, None) if pcie is None else (PCIE, pcie * 100e9)
    return judge(Evidence(port(counts), measured, line, limit, rate, cpu, None))


@pytest.mark.parametrize(("share", "limit"), [(0.9, Limit.LINK), (0.899, None)])
def test_the_line_is_the_limit_from_nine_tenths_of_it(share: float, limit: Limit | None) -> None:
    assert verdict(share).limit is limit


@pytest.mark.parametrize(("share", "limit"), [(0.85, Limit.PCIE), (0.849, None)])
def test_pcie_is_the_limit_from_85_hundredths_of_it(share: float, limit: Limit | None) -> None:
    assert verdict(pcie=share).limit is limit


def test_of_line_and_pcie_the_one_nearer_to_its_end_is_named() -> None:
    assert verdict(0.93, pcie=0.92).limit is Limit.LINK
    assert verdict(0.92, pcie=0.93).limit is Limit.PCIE


@pytest.mark.parametrize(("share", "judged"), [(0.02, True), (0.0199, False)])
def test_little_traffic_is_less_than_two_hundredths_of_the_line(share: float, judged: bool) -> None:
    assert (verdict(share).cause != IDLE) is judged


@pytest.mark.parametrize(("share", "judged"), [(0.001, True), (0.000999, False)])
def test_without_a_line_rate_little_traffic_is_less_than_100_megabits(
    share: float, judged: bool
) -> None:
    assert (verdict(share, line=None).cause != IDLE) is judged


@pytest.mark.parametrize(
    ("way", "key"), [(RX, "outbound_pci_stalled_wr"), (TX, "outbound_pci_stalled_rd")]
)
@pytest.mark.parametrize(("percent", "limit"), [(30, Limit.PCIE), (29, None)])
def test_a_card_that_waits_for_pcie_for_30_percent_of_a_second_is_limited_by_it(
    way: Direction, key: str, percent: int, limit: Limit | None
) -> None:
    judged = verdict(way=way, pcie=0.5, counts={(DRIVER, key): percent})
    assert judged.limit is limit
    assert ("PCIe 50 %" in judged.ruled_out) is (limit is None)


@pytest.mark.parametrize(("percent", "limit"), [(90.0, Limit.CPU), (89.9, None)])
def test_a_core_is_full_from_90_percent_on(percent: float, limit: Limit | None) -> None:
    judged = verdict(cpu=CpuLoad(3, percent, False))
    assert judged.limit is limit
    assert any("busiest core" in text for text in judged.ruled_out) is (limit is None)


def test_no_core_limits_what_bypasses_the_kernel() -> None:
    assert verdict(cpu=CpuLoad(3, 100.0, True), rdma=True).limit is None


def test_pause_frames_count_before_a_full_core_that_does_not_serve_the_port() -> None:
    paused = {(DRIVER, "rx_pause_ctrl_phy"): 5000}
    assert verdict(way=TX, cpu=CpuLoad(3, 99.0, True), counts=paused).limit is Limit.CPU
    assert verdict(way=TX, cpu=CpuLoad(3, 99.0, False), counts=paused).limit is Limit.PEER


@pytest.mark.parametrize(
    ("way", "key", "limit"),
    [(TX, "rx_pause_ctrl_phy", Limit.PEER), (RX, "tx_pause_ctrl_phy", Limit.HOST)],
)
def test_a_hundred_pause_frames_a_second_hold_a_port_up(
    way: Direction, key: str, limit: Limit
) -> None:
    assert verdict(way=way, counts={(DRIVER, key): 100}).limit is limit
    calm = verdict(way=way, counts={(DRIVER, key): 99})
    assert (calm.limit, "no pause" in calm.ruled_out) == (None, True)


def test_pause_frames_of_all_priorities_are_counted_together() -> None:
    halves = {(DRIVER, "rx_prio3_pause"): 50, (DRIVER, "rx_prio4_pause"): 50}
    assert verdict(way=TX, counts=halves).limit is Limit.PEER


@pytest.mark.parametrize(("way", "key"), [(TX, "rp_cnp_handled"), (RX, "np_cnp_sent")])
@pytest.mark.parametrize(("marks", "limit"), [(10, Limit.CONGESTION), (9, None)])
def test_ten_notifications_a_second_are_congestion(
    way: Direction, key: str, marks: int, limit: Limit | None
) -> None:
    judged = verdict(way=way, counts={(HW, key): marks})
    assert judged.limit is limit
    assert ("no congestion" in judged.ruled_out) is (limit is None)


@pytest.mark.parametrize(
    "counter", [(DRIVER, "rx_out_of_buffer"), (DRIVER, "rx_discards_phy"), (HW, "out_of_buffer")]
)
def test_one_packet_a_second_without_room_is_a_lack_of_buffers(counter: tuple[Origin, str]) -> None:
    assert verdict(counts={counter: 1}).limit is Limit.BUFFERS
    assert "no lack of buffers" in verdict(counts={counter: 0}).ruled_out
    assert verdict(way=TX, counts={counter: 1}).limit is None


def test_the_busiest_of_the_ports_at_a_limit_decides_for_those_that_share_a_load() -> None:
    full, free = Verdict(Limit.LINK, "full"), Verdict(None, "free", ("link 10 %",))
    other = Verdict(Limit.CPU, "core 1 is full")
    assert judge_together({"a": (full, 5e9)}) is full
    shared = judge_together({"a": (free, 9e9), "b": (full, 5e9), "c": (other, 4e9)})
    assert shared == Verdict(Limit.LINK, "b: full", ("a: link 10 %",))
    assert judge_together({"a": (free, 1e9), "b": (free, 2e9)}).limit is None
    assert judge_together({}).detail == "no link"


@pytest.mark.parametrize(
    ("way", "key", "limit"),
    [
        (TX, "rx_pause", Limit.PEER),
        (TX, "rx_pause_prio_2", Limit.PEER),
        (RX, "tx_pause", Limit.HOST),
        (TX, "rx_global_pause", Limit.PEER),
    ],
)
def test_pause_frames_of_mlx4_count_as_those_of_mlx5(
    way: Direction, key: str, limit: Limit
) -> None:
    assert verdict(way=way, counts={(DRIVER, key): 4000}).limit is limit


def test_one_pause_frame_is_not_counted_under_two_names() -> None:
    twice = {(DRIVER, "rx_pause_ctrl_phy"): 60, (DRIVER, "rx_global_pause"): 60}
    assert verdict(way=TX, counts=twice).limit is None


@pytest.mark.parametrize(
    "key",
    [
        *("rx_pause_duration", "rx_global_pause_duration"),
        *("rx_prio3_pause_duration", "rx_pause_duration_prio_3"),
    ],
)
@pytest.mark.parametrize(("micros", "limit"), [(50_000, Limit.PEER), (49_999, None)])
def test_few_pause_frames_hold_a_port_up_when_they_ask_for_long_breaks(
    key: str, micros: int, limit: Limit | None
) -> None:
    few = {(DRIVER, "rx_pause"): 30, (DRIVER, key): micros}
    found = verdict(way=TX, counts=few)
    assert found.limit is limit
    if limit:
        assert found.detail == "30 pause frames a second come from it, 5 % of the time is pause"


@pytest.mark.parametrize(
    ("key", "micros", "held"),
    [
        ("rx_prio3_pause_duration", 500_000, True),
        ("rx_global_pause_duration", 999_000, True),
        ("rx_prio3_pause_duration", 499_999, False),
        ("tx_prio3_pause_duration", 999_000, False),
    ],
)
def test_a_port_that_may_not_send_is_not_called_idle(key: str, micros: int, held: bool) -> None:
    found = verdict(0.001, counts={(DRIVER, key): micros})
    assert found.limit is None
    assert found.cause == (HELD_BY_PAUSE if held else IDLE)


@pytest.mark.parametrize(("share", "limit"), [(1.05, Limit.LINK), (1.051, None)])
def test_more_than_the_line_carries_shows_that_its_speed_is_wrong(
    share: float, limit: Limit | None
) -> None:
    said = verdict(share)
    assert said.limit is limit
    assert ("link: more is carried than its speed" in said.ruled_out) is (limit is None)


def test_no_share_is_above_a_hundred_percent() -> None:
    assert verdict(pcie=1.08).detail == "100 % of 100.0 Gb/s usable"
