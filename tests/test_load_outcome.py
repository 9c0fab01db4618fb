"""An outcome is judged by what could be expected."""

from __future__ import annotations

import pytest

from mlxtop.load.outcome import HeatReport, Outcome
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.model.load import FlowResult, LoadResult

from .load_lab import PEER


def reaching(bps: float) -> Outcome:
    """A run that received so many bit/s of 100 Gb/s that were expected."""
    plan = LoadPlan(LoadRequest(PEER), expected=100e9, bound_by="link")
    result = LoadResult(10.0, FlowResult(sent_bps=95e9, received_bps=bps))
    return Outcome(plan, "complete", False, result, (), HeatReport(True, None, ()), None, ())


@pytest.mark.parametrize(("bps", "good"), [(90e9, True), (89.9e9, False)])
def test_nine_tenths_of_what_is_expected_are_as_good_as_it_gets(bps: float, good: bool) -> None:
    outcome = reaching(bps)
    assert outcome.rate == bps
    assert outcome.verdict_text.endswith("as good as it gets") is good


@pytest.mark.parametrize(("bps", "good"), [(105e9, True), (105.1e9, False), (180e9, False)])
def test_more_than_was_expected_is_no_praise(bps: float, good: bool) -> None:
    text = reaching(bps).verdict_text
    assert text.endswith("as good as it gets") is good
    assert ("more than that, so it is no limit" in text) is not good
