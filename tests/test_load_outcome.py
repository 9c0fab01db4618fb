"""An outcome is judged by what could be expected."""

from __future__ import annotations

import pytest

from mlxtop.load.outcome import HeatReport, Outcome
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.model.load import FlowResult, LoadResult

from .load_lab import PEER


@pytest.mark.parametrize(("bps", "good"), [(90e9, True), (89.9e9, False)])
def test_nine_tenths_of_what_is_expected_are_as_good_as_it_gets(bps: float, good: bool) -> None:
    plan = LoadPlan(LoadRequest(PEER), expected=100e9, bound_by="link")
    result = LoadResult(10.0, FlowResult(sent_bps=95e9, received_bps=bps))
    heat = HeatReport(True, None, ())
    outcome = Outcome(plan, "complete", False, result, (), heat, None, ())
    assert outcome.rate == bps
    assert outcome.verdict_text.endswith("as good as it gets") is good
