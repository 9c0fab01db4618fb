"""What the ports of a test can carry, carried, and met."""

from __future__ import annotations

import pytest

from mlxtop.load.outcome import Phase
from mlxtop.load.rates import LoadCourse
from mlxtop.load.request import LoadMember, LoadPlan, LoadRequest
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Port
from mlxtop.model.load import Tool

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


PERFTEST = "$ ib_write_bw --help\n  | -q, --qp=<num>\n$ ib_write_bw --version\n  | 6.10\n"
LAG = [port._replace(bond="bond0", bond_kind="bond", rdma="mlx5_bond_0") for port in (A, B)]


def lag_plan(mode: str, streams: int | None = None, tool: Tool = Tool.IB_WRITE_BW) -> LoadPlan:
    """An RDMA test through the device that two bonded ports share, behind a wide slot."""
    host = bonded().bond(mode, "eth0", "eth1", policy="layer2", active="eth0")
    host.text += PERFTEST.replace("ib_write_bw", str(tool))
    view = shown(*(port._replace(rdma_lag=A.id) for port in LAG))
    view = view._replace(sample=view.sample._replace(pcie={}))
    return host.plan(view, tool=tool, streams=streams)


def test_a_shared_rdma_device_gets_queue_pairs_for_all_its_ports_and_carries_their_sum() -> None:
    both, one = lag_plan("802.3ad"), lag_plan("802.3ad", streams=1)
    assert (both.streams, both.speed) == (8, 200e9)
    assert (one.streams, one.speed) == (1, 100e9)
    assert both.expected is not None and one.expected is not None
    assert both.expected == pytest.approx(2 * one.expected)
    assert "-q 8" in both.lines[0] and "-q 8" in both.server[0]
    assert "-q" not in one.lines[0].split()
    assert any("mlx5_bond_0 spreads 8 queue pairs over eth0, eth1" in n for n in both.notes)
    assert any("one queue pair takes one port" in note for note in one.notes)


def test_of_an_active_backup_bond_one_port_carries_rdma() -> None:
    plan = lag_plan("active-backup")
    assert (plan.streams, plan.speed) == (1, 100e9)


def test_a_latency_test_has_one_queue_pair() -> None:
    assert lag_plan("802.3ad", tool=Tool.IB_SEND_LAT).streams == 1


def test_an_rdma_device_of_one_bonded_port_carries_what_that_port_does() -> None:
    host = bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4")
    host.text += PERFTEST
    wide = shown(*(port._replace(bond="bond0", bond_kind="bond") for port in (A, B)))
    wide = wide._replace(sample=wide.sample._replace(pcie={}))
    plan = host.plan(wide, tool=Tool.IB_WRITE_BW)
    assert (plan.streams, plan.speed) == (1, 100e9)


def test_ports_of_one_cage_have_one_line_together() -> None:
    one_cage = [port._replace(cage=A.id) for port in (A, B)]
    wide = shown(*one_cage)
    wide = wide._replace(sample=wide.sample._replace(pcie={}))
    plan = bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4").plan(wide)
    assert plan.speed == 100e9
    assert plan.expected == pytest.approx(99e9, rel=0.01)
