"""What limits the traffic of the moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Nothing
from tests.cases import GOOD, NOTE, ask, case, only, run, unknown


def test_what_limits_the_traffic_is_a_note_and_a_full_line_is_none() -> None:
    busy = replace(GOOD, cpu=(97.0,) * 16)
    found = only(run("what limits the traffic", busy))
    assert found.severity is NOTE
    assert "limited by CPU" in found.evidence
    assert "SMT" in found.why
    assert run("what limits the traffic", replace(GOOD, rx=98.0)) == []


@pytest.mark.parametrize(("gbps", "little"), [(1.99, True), (2.0, False)])
def test_traffic_is_little_below_two_percent_of_the_line(gbps: float, little: bool) -> None:
    outcomes = list(ask("what limits the traffic", case(replace(GOOD, rx=gbps))))
    assert (Nothing("little traffic") in outcomes) is little


def test_traffic_that_was_not_measured_could_not_be_judged() -> None:
    nothing = case(GOOD)
    ports = {port: frame._replace(before={}) for port, frame in nothing.frame.ports.items()}
    first = replace(nothing, frame=nothing.frame._replace(ports=ports))
    assert unknown(ask("what limits the traffic", first)).label == "p1: what limits the traffic"
