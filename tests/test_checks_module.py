"""Faults that a module signals, and what it tells of a link that is down."""

from __future__ import annotations

from dataclasses import replace

from mlxtop.model.module import Flag, Identity, Lane, LinkReport, Module
from mlxtop.model.sample import Link, LinkLayer, LinkState
from tests.cases import CRITICAL, GOOD, MODULE, WARNING, only, report, run, unknown

LOST = Link(LinkLayer.ETHERNET, LinkState.DOWN, mtu=9000, carrier_changes=3)
NEVER = LOST._replace(carrier_changes=1)


def signalling(*flags: Flag, state: str | None = None) -> Module:
    return MODULE._replace(flags=frozenset(flags), state=state, source="mlxlink")


def test_faults_are_a_finding_even_on_a_link_that_is_up() -> None:
    faults = [Flag("tx fault", lane) for lane in (1, 2)] + [Flag("module firmware fault")]
    found = only(run("module faults", module=signalling(*faults)))
    assert found.severity is WARNING
    assert "module firmware fault, tx fault on lanes 1, 2" in found.evidence
    assert "when the link last came up" in found.why


def test_signals_that_every_link_gives_when_it_comes_up_are_none() -> None:
    latched = (Flag("rx loss of signal", 1), Flag("tx loss of lock", 3))
    assert run("module faults", module=signalling(*latched)) == []


def test_the_state_of_fault_is_critical() -> None:
    failed = signalling(Flag("module fault: TEC runaway"), state="fault")
    found = only(run("module faults", module=failed))
    assert found.severity is CRITICAL
    assert "TEC runaway" in found.evidence


def test_the_tool_tells_faults_of_a_module_whose_memory_does_not() -> None:
    told = LinkReport(module=signalling(Flag("data path firmware fault")), source="mlxlink")
    assert "data path" in only(run("module faults", module=None, report=told)).evidence


def test_a_module_that_tells_nothing_or_is_off_is_nothing_to_look_at() -> None:
    assert "module faults" in report(module=MODULE).idle["no module that tells of its faults"]
    off = replace(GOOD, link=Link(LinkLayer.ETHERNET, LinkState.ADMIN_DOWN, mtu=9000))
    assert run("module faults", off, module=signalling(Flag("tx fault", 1))) == []


def test_a_lost_link_is_explained_by_its_module_and_the_tool() -> None:
    dark = signalling(Flag("rx loss of signal", 2))._replace(lanes=(Lane(0.7), Lane(0.0)))
    told = LinkReport(recommendation="Bad signal integrity", source="mstlink")
    found = only(run("links are up", replace(GOOD, link=LOST), module=dark, report=told))
    assert "rx loss of signal on lane 2" in found.evidence
    assert "no light arrives on lane 2" in found.evidence
    assert "mstlink: Bad signal integrity" in found.evidence


def test_a_link_that_never_was_says_what_its_module_says() -> None:
    dark = Module(Identity(), lanes=(Lane(0.0), Lane(0.0)), state="low power")
    words = unknown(run("links are up", replace(GOOD, link=NEVER), module=dark)).reason
    assert "no light arrives" in words
    assert "state is low power" in words
    fine = LinkReport(recommendation="No issue was observed")
    quiet = unknown(run("links are up", replace(GOOD, link=NEVER), module=MODULE, report=fine))
    assert quiet.reason == "no carrier, and the driver does not say why"
