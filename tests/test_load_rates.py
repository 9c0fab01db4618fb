"""What the ports of a test can carry, carried, and met."""

from __future__ import annotations

import pytest

from mlxtop.load.outcome import Phase
from mlxtop.load.rates import LoadCourse
from mlxtop.load.request import LoadMember, LoadPlan, LoadRequest
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Port

from .load_lab import PEER, A, B, Host, bonded, planned, shown
from .samples import ethernet, sample


def test_expected_is_what_all_members_carry_together() -> None:
    lone = Host(route=["eth0"]).real(3, "eth0").plan(shown(A))
    wide = shown(A, B)
    wide = wide._replace(sample=wide.sample._replace(pcie={}))
    both = bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4").plan(wide)
    one = bonded().bond("802.3ad", "eth0", "eth1", policy="layer2").plan(wide)
    assert (both.speed, one.speed) == (200e9, 100e9)
    assert both.expected is not None and one.expected is not None
    assert both.expected == pytest.approx(2 * one.expected)
    assert both.bound_by is not None and "; link: 100.0 Gb/s" in both.bound_by
    shared = bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4").plan(shown(A, B))
    assert shared.expected == lone.expected, "both are behind one PCIe link"


def course(*frames: Frame, ports: tuple[Port, ...] = (A, B)) -> LoadCourse:
    """What a load did whose first frame is from before it."""
    members = tuple(LoadMember(port.id, port.name, True) for port in ports)
    made = LoadCourse(LoadPlan(LoadRequest(PEER), members=members))
    for place, one in enumerate(frames):
        made.note(one, Phase.LOAD if place else Phase.WAITING, ())
        if place:
            made.judge(one)
    return made


def carrying(*rates: float, errors: tuple[int, int] = (0, 0)) -> list[Frame]:
    """Frames of two ports that send at these rates, the second with errors."""
    found: list[Frame] = []
    for tick in (0.0, 1.0, 2.0):
        one, two = (ethernet(p, tick, 0, r) for p, r in zip((A, B), rates, strict=True))
        if tick:
            two = ethernet(B, tick, 0, rates[1], errors=errors[1])
        now = sample(tick, one, two)._replace(pcie={})
        found.append(derive(now, found[-1] if found else None))
    return found


def test_rates_and_errors_of_all_members_are_those_of_the_load() -> None:
    made = course(*carrying(4e9, 9e9, errors=(0, 7)))
    assert made.rate(None) == pytest.approx(13e9, rel=0.01)
    assert made.rate(B.id) == pytest.approx(9e9, rel=0.01), "a soak is about one module"
    moved = {moved.name: moved.events for moved in made.moved()}
    assert moved["eth1 FrameCheckSequenceErrors"] == 7
    assert "eth0 FrameCheckSequenceErrors" not in moved


def test_the_verdict_is_about_the_member_that_is_at_its_limit() -> None:
    verdict = course(*carrying(4e9, 98e9)).verdicts[-1]
    assert verdict.limit is not None and verdict.detail.startswith("eth1: ")
    assert any(text.startswith("eth0: link 4 %") for text in verdict.ruled_out)
    idle = course(*carrying(0.0, 20e9)).verdicts[-1]
    assert (idle.limit, idle.detail) == (None, "not saturated")


@pytest.mark.parametrize(("streams", "bound"), [(1, "CPU: about 30 Gb/s"), (2, "PCIe: 63.0 Gb/s")])
def test_few_streams_bound_the_rate_before_the_hardware_does(streams: int, bound: str) -> None:
    plan = planned(LoadRequest(PEER, streams=streams))
    assert plan.bound_by is not None and plan.bound_by.startswith(bound)
    assert plan.expected == (30e9 if streams == 1 else pytest.approx(58.4e9, rel=0.01))
