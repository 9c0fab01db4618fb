"""One port of a recording: rates, limits, losses of the link and errors by their meaning."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlxtop.analysis.port_view import port_view
from mlxtop.model.counters import Origin, Schema, Severity
from mlxtop.model.frame import PortFrame, derive
from mlxtop.model.sample import Link, LinkLayer, LinkState, PortSample, Reading, Sample
from mlxtop.report.port import Axis, PortTimes, Step, losses
from mlxtop.report.values import PortReport
from mlxtop.watch.watch import Watch
from tests.samples import PACU, WALL, G, ethernet, sample

UP = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100 * G, carrier_changes=2)


def reported(ports: Sequence[PortSample]) -> PortReport:
    """The report of a port that was seen once a second."""
    times = PortTimes(Axis(WALL, WALL + len(ports)))
    watch = Watch()
    for tick, port in enumerate(ports, 1):
        frame = derive(sample(float(tick), port), watch.frame)
        seconds = 0.0 if watch.frame is None else 1.0
        watch.ingest(frame)
        times.take(port_view(frame, PACU.id), watch.heat, Step(frame.sample.wall, seconds))
    report = times.result(last=True)
    assert report is not None
    return report


def steady(count: int, rx: float = 8e9, module: float = 50.0) -> list[PortSample]:
    return [ethernet(PACU, float(t), rx, 1e9, module=module) for t in range(1, count + 1)]


def test_rates_have_mean_percentile_and_peak_with_rdma_and_of_it_alone() -> None:
    report = reported(steady(21))
    for name, bps in (("rx", 8e9), ("tx", 1e9), ("rdma_rx", 4e9), ("rdma_tx", 5e8)):
        spread = report.rates[name]
        assert spread is not None
        assert spread.mean == pytest.approx(bps, rel=0.001)
        assert spread.p95 == pytest.approx(bps, rel=0.006)
        assert spread.peak == pytest.approx(bps, rel=0.001)
    assert report.seconds == 20


@pytest.mark.parametrize(("share", "seconds"), [(0.949, 0.0), (0.951, 10.0)])
def test_a_port_is_full_from_95_percent_of_its_capacity_on(share: float, seconds: float) -> None:
    report = reported(steady(11, rx=63.008e9 * share))
    assert (report.capacity, report.capacity_by) == (63.008e9, "PCIe")
    assert report.full_s == {"rx": seconds, "tx": 0.0}


@pytest.mark.parametrize(
    ("module", "warning_s", "alarm_s"),
    [(74.9, 0, 0), (75.0, 10, 0), (79.9, 10, 0), (80.0, 10, 10)],
)
def test_seconds_above_a_limit_are_counted_from_the_limit_on(
    module: float, warning_s: float, alarm_s: float
) -> None:
    [sensor, chip] = reported(steady(11, module=module)).sensors
    assert (sensor.name, sensor.warning, sensor.alarm) == ("module", 75.0, 80.0)
    assert (sensor.above_warning_s, sensor.above_alarm_s) == (warning_s, alarm_s)
    assert sensor.spread.peak == module
    assert chip.above_warning_s == 0


def frame(state: LinkState, changes: int | None) -> PortFrame:
    link = UP._replace(state=state, carrier_changes=changes)
    return PortFrame(ethernet(PACU, 1.0, 0.0, 0.0, link=link), {}, {})


@pytest.mark.parametrize(
    ("before", "now", "lost"),
    [
        ((LinkState.UP, 2), (LinkState.UP, 2), 0),
        ((LinkState.UP, 2), (LinkState.DOWN, 3), 1),
        ((LinkState.UP, None), (LinkState.DOWN, None), 1),
        ((LinkState.UP, 2), (LinkState.DOWN, 2), 1),  # InfiniBand counts nothing
        ((LinkState.UP, 2), (LinkState.UP, 4), 1),  # down and up between two samples
        ((LinkState.UP, 2), (LinkState.UP, 8), 3),
        ((LinkState.UP, 2), (LinkState.DOWN, 5), 2),
        ((LinkState.DOWN, 3), (LinkState.UP, 4), 0),
        ((LinkState.DOWN, 3), (LinkState.UP, 6), 1),
        ((LinkState.DOWN, 3), (LinkState.DOWN, 5), 1),
        ((LinkState.DOWN, 3), (LinkState.DOWN, 3), 0),
        ((LinkState.UP, 2), (LinkState.ADMIN_DOWN, 3), 0),  # switched off: not lost
        ((LinkState.UP, 2), (LinkState.NO_MODULE, 3), 1),
        ((LinkState.UP, 9), (LinkState.UP, 1), 0),  # the driver began anew
    ],
)
def test_lost_links_are_counted_also_between_two_samples(
    before: tuple[LinkState, int | None], now: tuple[LinkState, int | None], lost: int
) -> None:
    assert losses(frame(*before), frame(*now)) == lost


@pytest.mark.parametrize(("state", "lost"), [(LinkState.UP, 0), (LinkState.DOWN, 1)])
def test_the_count_of_another_device_says_nothing_of_the_one_before(
    state: LinkState, lost: int
) -> None:
    after = frame(state, 9)
    port = after.now.port
    other = after.now._replace(port=port._replace(ifindex=(port.ifindex or 0) + 1))
    assert losses(frame(LinkState.UP, 2), after._replace(now=other)) == lost


def test_times_without_a_link_are_told_and_those_switched_off_are_not() -> None:
    states = "uuddduuoouud"
    links = {
        "u": UP,
        "d": UP._replace(state=LinkState.DOWN, speed=None),
        "o": UP._replace(state=LinkState.ADMIN_DOWN, speed=None),
    }
    ports = [
        ethernet(PACU, float(tick), 0.0, 0.0, link=links[state])
        for tick, state in enumerate(states, 1)
    ]
    report = reported(ports)
    assert report.flaps == 2
    assert report.down_s == 4
    assert [(begin - WALL, end - WALL) for begin, end in report.downs] == [(2, 5), (11, 12)]
    assert report.state == "down"
    assert report.speed == 100 * G  # of the link that it had


def with_errors(counts: Sequence[int], *, every: int = 1) -> list[PortSample]:
    """A port with errors, whose table of errors is read every so many samples."""
    ports = []
    schema = Schema(("symbol_error", "outbound_pci_stalled_rd", "rx_crc_errors_phy"))
    reading: Reading | None = None
    for tick, count in enumerate(counts, 1):
        one = ethernet(PACU, float(tick), 1e9, 1e9, errors=count)
        if reading is None or (tick - 1) % every == 0:
            reading = Reading(float(tick), schema, (0, 31 if count else 0, count))
        ports.append(one._replace(readings={**one.readings, Origin.DRIVER: reading}))
    return ports


def test_errors_are_told_by_meaning_with_their_times() -> None:
    report = reported(with_errors([0, 0, 0, 5, 5, 12, 12, 12]))
    errors = {one.meaning: one for one in report.errors}
    crc = errors["Frame check sequence wrong"]
    assert (crc.events, crc.severity) == (12, Severity.WARNING)
    assert "FrameCheckSequenceErrors" in crc.counters
    assert (crc.first - WALL, crc.last - WALL) == (4, 6)
    assert "cable" in crc.advice
    gauge = next(one for one in report.errors if one.events is None)
    assert gauge.peak_percent == 31
    assert report.errors[0].severity is not Severity.NOTE


def test_a_table_that_is_read_seldom_counts_once() -> None:
    report = reported(with_errors([0, 0, 0, 7, 7, 7, 7, 7, 7], every=3))
    errors = {one.meaning: one for one in report.errors}
    assert errors["Frame check sequence wrong at the MAC"].events == 7


def test_counters_that_begin_anew_count_nothing_twice() -> None:
    report = reported(with_errors([0, 5, 9, 0, 0, 3, 3]))
    errors = {one.meaning: one for one in report.errors}
    assert errors["Frame check sequence wrong"].events == 9 + 3


def test_notes_are_told_as_notes_and_without_errors_there_are_no_others() -> None:
    assert {one.severity for one in reported(steady(5)).errors} == {Severity.NOTE}


def test_nothing_is_counted_of_a_time_that_is_not_known() -> None:
    times = PortTimes(Axis(WALL, WALL + 10))
    watch = Watch()
    one: Sample = sample(1.0, ethernet(PACU, 1.0, 8e9, 1e9))
    watch.ingest(derive(one, None))
    assert watch.frame is not None
    times.take(port_view(watch.frame, PACU.id), watch.heat, Step(one.wall, 0.0))
    report = times.result(last=False)
    assert report is not None
    assert (report.seconds, report.rates["rx"], report.sensors) == (0.0, None, ())
    assert report.gone
