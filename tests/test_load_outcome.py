"""An outcome is judged by what could be expected."""

from __future__ import annotations

import pytest

from mlxtop.load.outcome import HeatReport, Outcome
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.model.load import FlowResult, LoadResult

from .load_lab import PEER


def outcome(flow: FlowResult, reverse: FlowResult | None = None) -> Outcome:
    plan = LoadPlan(LoadRequest(PEER), expected=100e9, bound_by="link")
    heat = HeatReport(True, None, ())
    result = LoadResult(10.0, flow, reverse)
    return Outcome(plan, "complete", False, result, (), heat, None, ())


@pytest.mark.parametrize(("back", "share"), [(98e9, 0.95), (20e9, 0.2)])
def test_both_directions_are_as_good_as_the_weaker_one(back: float, share: float) -> None:
    both = outcome(FlowResult(received_bps=95e9), FlowResult(received_bps=back))
    assert both.share == share
    assert f"95.0 Gb/s there, {back / 1e9:.1f} Gb/s back" in both.verdict_text
    assert both.verdict_text.endswith("as good as it gets") is (share > 0.9)


@pytest.mark.parametrize(("bps", "wrong"), [(104.9e9, False), (105e9, True)])
def test_a_result_above_the_limit_disproves_the_limit(bps: float, wrong: bool) -> None:
    text = outcome(FlowResult(received_bps=bps)).verdict_text
    assert ("not the real one" in text) is wrong
    assert ("as good as it gets" in text) is not wrong


@pytest.mark.parametrize(("bps", "good"), [(90e9, True), (89.9e9, False)])
def test_nine_tenths_of_what_is_expected_are_as_good_as_it_gets(bps: float, good: bool) -> None:
    one = outcome(FlowResult(sent_bps=95e9, received_bps=bps))
    assert one.rate == bps
    assert one.verdict_text.endswith("as good as it gets") is good
