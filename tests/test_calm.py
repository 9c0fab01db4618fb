"""Verdicts that hold still for ten seconds unless the cause changes."""

from __future__ import annotations

import random

import pytest

from mlxtop.analysis.verdict import IDLE, NOT_MEASURED, NOT_SATURATED, Limit, Verdict
from mlxtop.watch.calm import CalmVerdicts
from tests.samples import PACU

FREE = Verdict(None, NOT_SATURATED, ("link 20 %",))
DOWN = Verdict(None, "no link")


def cpu(rate: float) -> Verdict:
    return Verdict(Limit.CPU, f"4 streams × {rate} Gb/s")


def shown(*steps: tuple[float, Verdict]) -> Verdict | None:
    calm = CalmVerdicts()
    for tick, verdict in steps:
        calm.take(PACU.id, verdict, tick)
    return calm.of(PACU.id)


@pytest.mark.parametrize(("tick", "rate"), [(12.9, 11.5), (13.0, 11.9)])
def test_the_figures_of_a_verdict_stay_for_ten_seconds(tick: float, rate: float) -> None:
    before = (0.0, cpu(10.0)), (3.0, cpu(11.5))
    assert shown(*before, (8.0, cpu(11.7)), (tick, cpu(11.9))) == cpu(rate)


@pytest.mark.parametrize(("tick", "rate"), [(2.9, 11.5), (3.0, 11.7)])
def test_the_figures_of_the_first_verdict_stay_for_three(tick: float, rate: float) -> None:
    assert shown((0.0, cpu(11.5)), (tick, cpu(11.7))) == cpu(rate)


def test_another_cause_is_told_after_two_seconds_of_it() -> None:
    assert shown((5.0, FREE), (6.0, cpu(11.5))) == FREE
    assert shown((5.0, FREE), (6.0, cpu(11.5)), (7.0, cpu(11.6))) == cpu(11.6)
    assert shown((5.0, FREE), (7.0, cpu(11.5))) == cpu(11.5), "a sample of two seconds is enough"


def test_a_cause_that_comes_and_goes_from_sample_to_sample_changes_nothing() -> None:
    steps = [(float(n), cpu(11.5) if n % 2 else FREE) for n in range(10)]
    assert shown(*steps) == FREE


@pytest.mark.parametrize("verdict", [DOWN, Verdict(None, NOT_MEASURED)])
def test_link_and_first_measurement_are_told_at_once(verdict: Verdict) -> None:
    assert shown((5.0, FREE), (5.1, verdict)) == verdict
    assert shown((5.0, verdict), (5.1, FREE)) == FREE


def test_a_clock_that_went_back_starts_anew() -> None:
    assert shown((50.0, FREE), (1.0, cpu(11.5))) == cpu(11.5)


def test_ports_that_are_gone_are_forgotten() -> None:
    calm = CalmVerdicts()
    calm.take(PACU.id, Verdict(None, IDLE), 1.0)
    assert calm.all() == {PACU.id: Verdict(None, IDLE)}
    calm.keep(())
    assert calm.of(PACU.id) is None


def test_wherever_one_begins_it_is_the_same_two_windows_later() -> None:
    chance, tick, whole = random.Random(5), 1234.5, CalmVerdicts()
    begun: list[CalmVerdicts] = []
    for number in range(120):
        tick += chance.choice((0.5, 1.0, 1.0, 4.0))
        verdict = chance.choice((FREE, cpu(float(number)), cpu(float(number)), DOWN))
        begun.append(CalmVerdicts(begins=False))
        for one in (whole, *begun):
            one.take(PACU.id, verdict, tick)
        settled = [one for one in begun if one.is_settled]
        assert all(one.all() == whole.all() for one in settled)
        assert len(settled) >= number - 42
