"""Priorities, pause as a share of time, and what was outside of the lossless priorities."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mlxtop.analysis.congestion import lossless, priorities, rdma_outside
from mlxtop.analysis.pause_time import Held, pauses
from mlxtop.analysis.transport import hottest_queue, marked_share, stalls
from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import Frame, PortFrame, derive
from mlxtop.model.identity import Host, Port, PortId, PortKind
from mlxtop.model.qos import Dcb
from mlxtop.model.sample import Link, LinkLayer, LinkState, PortSample, Reading, Sample, Slow
from mlxtop.model.tuning import PortTuning
from mlxtop.watch.alert import AlertKind
from mlxtop.watch.congestion import CongestionWatch, Pause

PORT = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, driver="mlx5_core", netdev="p1")
GBPS = 1e9 / 8
SECOND = 1_000_000
"""Microseconds."""
Rates = Mapping[str, float]


class Story:
    """Readings of a driver two seconds apart, by what each counter gains a second."""

    def __init__(
        self, port: Port = PORT, dcb: Dcb | None = None, origin: Origin = Origin.DRIVER
    ) -> None:
        self.port, self.origin = port, origin
        self.settings = Slow(PortTuning(dcb=dcb), 1.0)
        self.values: dict[str, float] = {}
        self.tick = 100.0
        self.frame: Frame | None = None
        self.watch = CongestionWatch()
        self.alerts: list[AlertKind] = []

    def read(self, rates: Rates, times: int = 1, seconds: float = 2.0) -> PortFrame:
        for _ in range(times):
            self.tick += seconds
            for key, rate in rates.items():
                self.values[key] = self.values.get(key, 0.0) + rate * seconds
            keys = tuple(self.values)
            values = tuple(int(value) for value in self.values.values())
            link = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100_000_000_000)
            readings = {self.origin: Reading(self.tick, Schema(keys), values)}
            one = PortSample(self.port, link, readings, settings=self.settings)
            sample = Sample(0.0, self.tick, Host("h"), (), {self.port.id: one})
            self.frame = derive(sample, self.frame)
            self.alerts += [alert.kind for alert in self.watch.observe(self.frame)]
        assert self.frame is not None
        return self.frame.ports[self.port.id]

    def twice(self, rates: Rates) -> PortFrame:
        return self.read(rates, 2)

    def pauses(self) -> list[Pause]:
        return self.watch.pauses(self.port.id)


MLX5 = {
    "rx_prio0_bytes": GBPS,
    "tx_prio0_bytes": 0,
    "rx_prio3_bytes": 80 * GBPS,
    "tx_prio3_bytes": 40 * GBPS,
    "rx_prio3_packets": 1e6,
    "tx_prio3_packets": 1e6,
    "rx_prio3_pause": 70,
    "rx_prio3_pause_transition": 30,
    "rx_prio3_pause_duration": 0.25 * SECOND,
    "tx_prio3_pause": 7,
    "tx_prio3_pause_duration": 0.01 * SECOND,
    "rx_prio3_discards": 4,
    "rx_prio3_buf_discard": 5,
    "rx_prio3_marked": 6,
}


def test_a_priority_has_rates_shares_and_losses() -> None:
    zero, three = priorities(Story().twice(MLX5))
    assert (zero.number, zero.lossless, zero.held) == (0, False, None)
    assert three.rx_bps == pytest.approx(80e9)
    assert three.tx_bps == pytest.approx(40e9)
    assert (three.held, three.holds) == (0.25, 0.01)
    assert three.lossless is True
    assert (three.discards, three.marked) == (5, 6)
    assert (three.rx_pauses, three.rx_stops, three.tx_stops) == (280, 120, None)
    assert three.moving


def test_the_spelling_of_mlx4_means_the_same_and_frames_without_a_tag_stand_apart() -> None:
    counts = {
        "rx_prio_3_bytes": 8 * GBPS,
        "rx_pause_prio_3": 5,
        "rx_pause_duration_prio_3": 0.5 * SECOND,
        "rx_novlan_bytes": 2 * GBPS,
    }
    frame = Story(PORT._replace(driver="mlx4_core")).twice(counts)
    three, untagged = priorities(frame)
    assert (three.number, three.rx_bps, three.held) == (3, 8e9, 0.5)
    assert (untagged.number, untagged.rx_bps) == (None, 2e9)
    assert (three.lossless, lossless(frame)) == (None, None)  # mlx4 counts pause with and without


def test_what_is_configured_goes_before_what_is_counted() -> None:
    story = Story(dcb=Dcb(pfc=(4,)))
    assert lossless(story.twice(MLX5)) == (4,)
    assert lossless(Story().twice({"rx_prio0_bytes": 1})) == ()


def test_without_a_second_reading_there_are_totals_and_no_rates() -> None:
    row = priorities(Story().read(MLX5))[1]
    assert (row.rx_bps, row.held, row.discards) == (None, None, None)
    assert row.rx_bytes
    assert not row.moving


def test_infiniband_and_devices_without_statistics_have_no_priorities() -> None:
    assert priorities(Story(origin=Origin.NETDEV).twice({"rx_bytes": 1})) == ()


def test_pause_counted_in_another_unit_is_no_share() -> None:
    (row,) = priorities(Story().twice({"rx_prio3_pause_duration": 2 * SECOND}))
    assert row.held is None
    (row,) = priorities(Story().twice({"rx_prio3_pause_duration": 1.05 * SECOND}))
    assert row.held == 1.0


def test_progress_is_that_of_the_way_that_is_held() -> None:
    still = {**MLX5, "tx_prio3_packets": 0, "rx_prio3_pause_duration": SECOND}
    received, sent = pauses(Story().twice(still))
    assert received == Held("rx", 3, 1.0, False, "rx_prio3_pause_duration")
    assert (sent.way, sent.progress) == ("tx", True)
    (uncounted,) = pauses(Story().twice({"rx_prio5_pause_duration": SECOND}))
    assert uncounted.progress is None


@pytest.mark.parametrize(
    ("counts", "progress"),
    [
        ({"tx_packets_phy": 900, "tx_pause_ctrl_phy": 900}, False),
        ({"tx_packets_phy": 901, "tx_pause_ctrl_phy": 900}, True),
        ({"tx_packets": 0}, False),
        ({}, None),
    ],
)
def test_pause_frames_of_the_link_are_no_progress(
    counts: dict[str, float], progress: bool | None
) -> None:
    (held,) = pauses(Story().twice({"rx_global_pause_duration": SECOND, **counts}))
    assert (held.priority, held.share, held.progress) == (None, 1.0, progress)


# ---- over several readings

STORM = {
    "rx_prio3_pause_duration": SECOND,
    "tx_prio3_packets": 0,
    "tx_prio0_packets": 5000,
}


def test_a_storm_is_three_full_readings_without_progress() -> None:
    story = Story()
    story.read(STORM, 3)
    assert not any(pause.storm for pause in story.pauses())
    story.read(STORM)
    (pause,) = story.pauses()
    assert (pause.way, pause.priority, pause.storm, pause.readings) == ("rx", 3, True, 3)
    assert story.alerts == [AlertKind.PAUSE_STORM]
    assert story.watch.storm(PORT.id) == pause
    story.read(STORM, 3)
    assert story.alerts == [AlertKind.PAUSE_STORM]  # once
    story.read({**STORM, "rx_prio3_pause_duration": 0})
    assert story.watch.storm(PORT.id) is None


@pytest.mark.parametrize(
    "change",
    [
        {"rx_prio3_pause_duration": 0.98 * SECOND},
        {"tx_prio3_packets": 1},
    ],
)
def test_a_bit_of_progress_or_a_moment_without_pause_is_no_storm(change: Rates) -> None:
    story = Story()
    story.read({**STORM, **change}, 8)
    assert story.alerts == []
    assert not story.pauses()[0].storm


def test_where_packets_are_not_counted_a_storm_is_not_claimed() -> None:
    story = Story()
    story.read({"rx_prio3_pause_duration": SECOND}, 8)
    assert story.pauses()[0].share == 1.0
    assert story.alerts == []


def test_readings_far_apart_do_not_follow_each_other() -> None:
    story = Story()
    story.read(STORM, 8, seconds=16.0)
    assert story.pauses() == []


def test_a_share_is_the_mean_of_the_last_readings() -> None:
    story = Story()
    story.read({"tx_prio3_pause_duration": 0.0})
    for share in (0.9, 0.1, 0.2, 0.3):
        story.read({"tx_prio3_pause_duration": share * SECOND})
    (pause,) = story.pauses()
    assert pause.way == "tx"
    assert pause.share == pytest.approx(0.2)
    assert pause.least == pytest.approx(0.1)


def test_a_storm_is_over_where_nothing_is_counted_any_more() -> None:
    story = Story()
    story.read(STORM, 5)
    assert story.watch.storm(PORT.id) is not None
    assert story.frame is not None
    one = story.frame.ports[PORT.id]
    mute = one._replace(now=one.now._replace(readings={}))
    story.watch.observe(story.frame._replace(ports={PORT.id: mute}))
    assert story.watch.storm(PORT.id) is None


def test_a_port_that_has_gone_is_forgotten() -> None:
    story = Story()
    frame = story.read(STORM, 5)
    assert story.frame is not None
    story.watch.observe(story.frame._replace(ports={}))
    assert story.pauses() == []
    assert frame.id == PORT.id


def test_the_last_rates_of_notifications_are_kept() -> None:
    story = Story(origin=Origin.RDMA_HW)
    for rate in (0, 5, 9):
        story.read({"np_cnp_sent": rate})
    assert list(story.watch.rates(PORT.id, "np_cnp_sent")) == [5, 9]
    assert list(story.watch.rates(PORT.id, "rp_cnp_handled")) == []


# ---- RDMA that is not where it should be

LIGHT = 1e9


def outside(rx: float | None, tx: float | None, **counts: float) -> tuple[str, float] | None:
    carried = {f"{way}_prio{n}_bytes": 0.0 for way in ("rx", "tx") for n in range(8)}
    carried |= {f"{key}_bytes": gbps * GBPS for key, gbps in counts.items()}
    frame = Story(dcb=Dcb(pfc=(3,))).twice(carried)
    first, second = (None if gbps is None else gbps * 1e9 for gbps in (rx, tx))
    found = rdma_outside(frame, first, second, LIGHT)
    return (found.way, round(found.share, 2)) if found else None


def test_what_lossless_priorities_cannot_have_carried_was_elsewhere() -> None:
    assert outside(50, 0, rx_prio0=50, rx_prio3=10) == ("rx", 0.8)
    assert outside(50, 60, rx_prio3=51, tx_prio0=60) == ("tx", 1.0)


@pytest.mark.parametrize(
    ("rx", "counts"),
    [
        (50, {"rx_prio3": 50.5, "rx_prio0": 40}),  # all of it may be there
        (0.5, {"rx_prio0": 0.5}),  # too little to say anything
        (None, {"rx_prio0": 50}),
    ],
)
def test_rdma_that_may_be_lossless_is_not_accused(
    rx: float | None, counts: dict[str, float]
) -> None:
    assert outside(rx, 0, **counts) is None


def test_without_a_lossless_priority_nothing_is_outside() -> None:
    frame = Story(dcb=Dcb(pfc=())).twice({"rx_prio0_bytes": 50 * GBPS})
    assert rdma_outside(frame, 50e9, 0, LIGHT) is None


# ---- inside the host


def test_the_busiest_queue_has_its_share() -> None:
    queue = hottest_queue(Story().twice({"rx0_packets": 10, "rx1_packets": 70, "rx2_packets": 20}))
    assert queue is not None
    assert (queue.number, queue.share, queue.packets, queue.of) == (1, 0.7, 70, 3)
    assert hottest_queue(Story().twice({"rx0_packets": 0})) is None
    assert hottest_queue(Story().twice({"rx_packets": 9})) is None


def test_waiting_for_pcie_is_a_gauge() -> None:
    assert stalls(Story().twice({"outbound_pci_stalled_wr": 20})) == {"rx": 80}
    assert stalls(Story().twice({"rx_packets": 9})) == {}


def test_marks_are_a_share_of_the_packets() -> None:
    assert marked_share(Story().twice(MLX5)) is None
