"""What is worst in an outcome comes first, and something follows from it."""

from __future__ import annotations

import pytest

from mlxtop.analysis.verdict import Limit, Verdict
from mlxtop.load.advice import next_step, troubles
from mlxtop.load.hold import Hold
from mlxtop.load.outcome import HeatReport, Moved, Outcome, SensorHeat
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.model.load import Direction, FlowResult, LoadResult, Tool
from mlxtop.present.load import outcome_runs
from mlxtop.watch.heat_limits import HeatLimits

from .load_lab import PEER

LIMITS = HeatLimits(75.0, 80.0, None, "module's own thresholds")


def outcome(
    bps: float = 95e9,
    *,
    peak: float = 60.0,
    ended: str = "complete",
    limit: Limit | None = None,
    reason: str | None = None,
    moved: tuple[Moved, ...] = (),
    **request: object,
) -> Outcome:
    asked = LoadRequest(PEER, **request)  # type: ignore[arg-type]
    server = ("iperf3 -s -1 -p 5201",)
    plan = LoadPlan(asked, expected=100e9, bound_by="link", streams=4, server=server)
    heat = HeatReport(True, reason, (SensorHeat("module", LIMITS, start=50.0, peak=peak),))
    failed = ended.startswith("failed")
    result = None if failed else LoadResult(10.0, FlowResult(received_bps=bps))
    verdict = Verdict(limit, "it is full", ()) if limit else None
    return Outcome(plan, ended, failed, result, (), heat, verdict, moved)


def first(one: Outcome) -> str:
    return next(iter(outcome_runs(one)))[0]


@pytest.mark.parametrize(
    ("peak", "line", "critical"),
    [
        (80.0, "module passed its alarm limit of 80 °C", True),
        (79.9, "module passed its warning limit of 75 °C", False),
        (75.0, "module passed its warning limit of 75 °C", False),
    ],
)
def test_a_limit_that_was_reached_comes_first(peak: float, line: str, critical: bool) -> None:
    one = outcome(peak=peak)
    assert first(one) == line
    assert troubles(one)[0].critical is critical
    assert "as good as it gets" not in one.verdict_text


def test_a_run_without_trouble_begins_with_its_figures() -> None:
    one = outcome(peak=74.9)
    assert troubles(one) == [] and first(one).startswith("95.0 Gb/s received")
    assert one.verdict_text.endswith("as good as it gets")


def test_an_alarm_is_worse_than_the_end_and_an_error() -> None:
    moved = (Moved("rx_crc_errors_phy", 3, "critical", "bad frames"),)
    one = outcome(peak=81.0, ended="stopped by the heat guard: hot", reason="hot", moved=moved)
    texts = [trouble.text[:14] for trouble in troubles(one)]
    assert texts == ["module passed ", "stopped by the", "rx_crc_errors_"]
    failed = outcome(ended="failed: no iperf3 server listens at 10.0.0.3:5201")
    assert first(failed) == "failed: no iperf3 server listens at 10.0.0.3:5201"


@pytest.mark.parametrize(
    ("one", "step"),
    [
        (outcome(reason="hot", ended="stopped by the heat guard: hot"), "--hold finds the rate"),
        (outcome(peak=80.0), "--hold finds the rate"),
        (outcome(ended="failed: no iperf3 server listens at x"), "at the far end: iperf3 -s -1"),
        (outcome(50e9, limit=Limit.CPU), f"mlxtop load {PEER} -P 8: more streams"),
        (outcome(50e9, limit=Limit.LINK), f"mlxtop measure {PEER}"),
        (outcome(), f"mlxtop load {PEER} -R for the other direction"),
        (outcome(via="a b"), f"mlxtop load {PEER} --via 'a b' -R for the other direction"),
        (outcome(peak=80.0, via="eth0"), f"mlxtop load {PEER} --via eth0 --hold finds"),
        (outcome(peak=80.0, tool=Tool.IB_READ_BW), "--tool ib_read_bw --hold finds the rate"),
        (outcome(50e9, tool=Tool.IB_WRITE_BW), "mlxtop doctor"),
    ],
)
def test_something_follows_from_an_outcome(one: Outcome, step: str) -> None:
    assert step in (next_step(one) or "")


@pytest.mark.parametrize(
    "one",
    [
        outcome(direction=Direction.BOTH),
        outcome(tool=Tool.IB_WRITE_BW),
        outcome(50e9, tool=Tool.IB_WRITE_LAT),
        outcome(50e9, ended="cancelled"),
        outcome(peak=80.0, tool=Tool.IB_WRITE_LAT),
        outcome(peak=80.0, tool=Tool.QPERF, test="tcp_bw"),
        outcome(peak=80.0)._replace(hold=Hold(None)),
    ],
)
def test_nothing_follows_from_what_is_well_or_unknown(one: Outcome) -> None:
    assert next_step(one) is None


@pytest.mark.parametrize(
    ("hold", "step"),
    [
        (Hold(26e9, "module", 73.0), "more air over the card, then the same again: what it gained"),
        (Hold(95e9, "module", 60.0, full=True), None),
        (Hold(None), f"mlxtop load {PEER} --hold -t 30m: more time to find it"),
    ],
)
def test_after_a_held_rate_the_air_is_what_to_change(hold: Hold, step: str | None) -> None:
    assert next_step(outcome(26e9)._replace(hold=hold)) == step


def test_a_rate_that_heat_held_back_is_no_fault_of_link_or_processor() -> None:
    one = outcome(26e9, limit=Limit.CPU)._replace(hold=Hold(26e9, "module", 73.0))
    assert one.verdict_text.endswith("held back for heat")
    assert "it is full" not in one.verdict_text
    whole = one._replace(hold=Hold(95e9, "module", 60.0, full=True))
    assert whole.verdict_text.endswith("on average, with the steps of the search")


def test_a_sensor_that_cannot_be_read_is_no_heat() -> None:
    one = outcome(ended="stopped by the heat guard: stale", reason="stale")
    silent = (one.sensors[0]._replace(problem="no answer for 8 s"),)
    unread = one._replace(heat=one.heat._replace(sensors=silent))
    assert one.hot and not unread.hot
    assert "too hot for it" not in unread.verdict_text and next_step(unread) is None
    assert troubles(unread)[0].critical
