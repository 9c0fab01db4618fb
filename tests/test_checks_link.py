"""Links that are down or slower than they could be, and lanes that carry nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Finding
from mlxtop.model.counters import Severity
from mlxtop.model.module import Flag, Identity, Lane, LinkReport, Module
from mlxtop.model.sample import Link, LinkLayer, LinkState
from mlxtop.model.tuning import LinkModes, PortTuning
from tests.cases import (
    CRITICAL,
    GOOD,
    GOOD_PORT,
    MODULE,
    NOTE,
    SR4,
    WARNING,
    linked,
    only,
    run,
    unknown,
)
from tests.situations import ethernet


@pytest.mark.parametrize(
    ("state", "detail", "severity"),
    [
        (LinkState.ADMIN_DOWN, None, None),
        (LinkState.NO_MODULE, "no cable or module", None),
        (LinkState.DOWN, None, None),
        (LinkState.POLLING, None, None),
        (LinkState.DOWN, "autonegotiation failed", WARNING),
        (LinkState.ARMED, None, WARNING),
        (LinkState.MODULE_FAULT, "power budget exceeded", CRITICAL),
        (LinkState.OVERHEAT, "overheat", CRITICAL),
        (LinkState.LOST, None, CRITICAL),
    ],
)
def test_a_link_that_is_down_is_a_finding_only_where_it_should_be_up(
    state: LinkState, detail: str | None, severity: Severity | None
) -> None:
    link = Link(LinkLayer.ETHERNET, state, detail, mtu=9000)
    (finding,) = run("links are up", replace(GOOD, link=link))
    assert (finding.severity if isinstance(finding, Finding) else None) is severity


def test_a_link_that_was_lost_is_told_from_one_that_never_was() -> None:
    down = Link(LinkLayer.ETHERNET, LinkState.DOWN, mtu=9000, carrier_changes=2)
    assert "there was one" in only(run("links are up", replace(GOOD, link=down))).evidence
    never = down._replace(carrier_changes=1)
    assert unknown(run("links are up", replace(GOOD, link=never))).label == "p1: link"


def modes(*, peer: tuple[str, ...] = (), card: str = "100000baseSR4/Full") -> PortTuning:
    return replace(GOOD_PORT, modes=LinkModes(True, 4, (card, "40000baseSR4/Full"), (), peer))


def test_a_link_slower_than_both_ends_allow_is_a_warning() -> None:
    slow = replace(GOOD, link=ethernet(40))
    peer = ("100000baseSR4/Full",)
    assert only(run("link speed", slow, modes(peer=peer))).severity is WARNING
    assert only(run("link speed", slow, modes())).severity is NOTE
    assert run("link speed", slow, modes(peer=("40000baseSR4/Full",))) == []
    for words in ("40GBASE-SR4", "40G Ethernet: 40G Base-SR4", "40GE SR4"):
        module = MODULE._replace(identity=Identity("QSFP+", types=(words,)))
        assert run("link speed", slow, modes(), module=module) == []
    forced = replace(modes(peer=peer), modes=LinkModes(False, 4, peer, (), peer))
    seen = only(run("link speed", slow, forced)).evidence
    assert "40.0 Gb/s on the line over 4 lanes" in seen
    assert "autonegotiation is off" in seen
    answer = unknown(run("link speed", slow, modes(), module=None))
    assert "module" in answer.reason


@pytest.mark.parametrize(
    ("gbps", "lanes", "form", "seen"),
    [
        (50, 2, "QSFP28", "2 of 4 lanes carry 50.0 Gb/s"),
        (25, 1, "QSFP28", "1 of 4 lanes carry 25.0 Gb/s"),
        (100, 4, "QSFP28", None),
        (100, 2, "QSFP28", None),
        (40, 4, "QSFP28", None),
        (25, 1, "SFP+/SFP28", None),
    ],
)
def test_lanes_that_carry_nothing_are_found(
    gbps: int, lanes: int, form: str, seen: str | None
) -> None:
    module = MODULE._replace(identity=MODULE.identity._replace(identifier=form))
    slow = replace(GOOD, link=ethernet(gbps))
    finding = run("Ethernet lanes", slow, linked(lanes), module=module)
    if seen is None:
        assert finding == []
    else:
        assert only(finding).severity is WARNING
        assert seen in only(finding).evidence


def test_lost_lanes_are_not_told_again_as_a_slow_link() -> None:
    assert run("link speed", replace(GOOD, link=ethernet(50)), linked(2)) == []
    assert only(run("link speed", replace(GOOD, link=ethernet(40)), linked(4)))


def test_lanes_that_cannot_be_counted_are_told_only_where_speed_is_missing() -> None:
    slow = replace(GOOD, link=ethernet(50))
    assert run("Ethernet lanes", GOOD, linked(None)) == []
    assert "in use" in unknown(run("Ethernet lanes", slow, linked(None))).reason
    assert "module" in unknown(run("Ethernet lanes", slow, linked(2), module=None)).reason
    mute = replace(GOOD_PORT, modes=None, absent={"modes": "needs root"})
    assert unknown(run("Ethernet lanes", GOOD, mute)).reason == "needs root"


@pytest.mark.parametrize(("gbps", "slow"), [(99.9, True), (100, False)])
def test_a_link_is_slow_below_the_least_of_card_module_and_peer(gbps: float, slow: bool) -> None:
    link = replace(GOOD, link=ethernet(gbps))
    assert bool(run("link speed", link, linked(4, peer=SR4))) is slow
    assert bool(run("Ethernet lanes", link, linked(2))) is slow


@pytest.mark.parametrize(("lanes", "lost"), [(3, True), (4, False)])
def test_a_lane_is_lost_below_the_lanes_of_the_module(lanes: int, lost: bool) -> None:
    findings = run("Ethernet lanes", replace(GOOD, link=ethernet(50)), linked(lanes))
    assert bool(findings) is lost


@pytest.mark.parametrize(("offer", "least"), [(SR4, False), (("40000baseCR4/Full",), True)])
def test_a_port_that_offers_no_more_is_named_as_the_reason(
    offer: tuple[str, ...], least: bool
) -> None:
    port = replace(GOOD_PORT, modes=LinkModes(True, 4, SR4, offer, SR4))
    slow = only(run("link speed", replace(GOOD, link=ethernet(40)), port))
    assert ("this port offers 40.0 at most" in slow.evidence) is least


def test_no_lane_is_lost_where_the_speed_is_unknown() -> None:
    unmeasured = replace(GOOD, link=ethernet(None))
    assert run("Ethernet lanes", unmeasured, linked(2)) == []


DOWN = replace(GOOD, link=Link(LinkLayer.ETHERNET, LinkState.DOWN, mtu=9000, carrier_changes=2))
NEVER_UP = replace(DOWN, link=DOWN.link._replace(carrier_changes=1))
LASER = MODULE._replace(flags=frozenset({Flag("tx fault", 1)}))
LIGHTLESS = MODULE._replace(
    flags=frozenset(Flag("rx loss of signal", lane) for lane in (1, 2, 3, 4)),
    lanes=(Lane(0.0, 0.9, 7.0),) * 4,
)
ADVICE = LinkReport(recommendation="Negotiation failure", opcode=2, source="mlxlink")


def test_a_link_that_is_down_says_what_the_module_signals() -> None:
    fault = only(run("links are up", NEVER_UP, module=LASER))
    assert fault.severity is CRITICAL
    assert "down: tx fault on lane 1" in fault.evidence
    dark = only(run("links are up", DOWN, module=LIGHTLESS))
    assert dark.severity is WARNING
    assert (
        "rx loss of signal on lanes 1, 2, 3, 4; no light arrives on lanes 1, 2, 3, 4"
        in dark.evidence
    )
    assert "the carrier changed 2 times" in dark.evidence
    advice = only(run("links are up", NEVER_UP, module=None, report=ADVICE))
    assert "mlxlink: Negotiation failure (status opcode 2)" in advice.evidence
    everything = only(run("links are up", DOWN, module=LASER, report=ADVICE)).evidence
    assert everything.index("tx fault") < everything.index("Negotiation failure")


def test_darkness_at_a_port_that_never_was_up_is_told_and_no_fault() -> None:
    answer = unknown(run("links are up", NEVER_UP, module=LIGHTLESS))
    assert "no light arrives on lanes 1, 2, 3, 4" in answer.reason
    assert "does not say why" not in answer.reason


@pytest.mark.parametrize("state", [LinkState.ADMIN_DOWN, LinkState.NO_MODULE])
def test_signals_of_a_port_that_is_switched_off_mean_nothing(state: LinkState) -> None:
    off = replace(DOWN, link=DOWN.link._replace(state=state))
    answer = unknown(run("links are up", off, module=LIGHTLESS, report=ADVICE))
    assert "light" not in answer.reason


def test_the_driver_s_reason_and_the_module_s_are_told_together() -> None:
    worded = replace(DOWN, link=DOWN.link._replace(detail="no partner detected"))
    finding = only(run("links are up", worded, module=LIGHTLESS))
    assert "no partner detected; rx loss of signal on lanes 1, 2, 3, 4" in finding.evidence
    broken = replace(DOWN, link=DOWN.link._replace(state=LinkState.MODULE_FAULT))
    assert "tx fault on lane 1" in only(run("links are up", broken, module=LASER)).evidence


def test_a_breakout_cable_has_lanes_of_other_machines() -> None:
    slow = replace(GOOD, link=ethernet(25))
    part = MODULE.identity._replace(part="MCP7F00-A002R30N")
    for check in ("Ethernet lanes", "link speed"):
        assert run(check, slow, linked(1), module=MODULE._replace(identity=part)) == []
    assert only(run("Ethernet lanes", slow, linked(1)))


def test_a_peer_that_offers_no_more_has_no_more_lanes() -> None:
    slow = replace(GOOD, link=ethernet(25))
    assert run("Ethernet lanes", slow, linked(1, peer=("25000baseSR/Full",)))[:1] == []
    assert only(run("Ethernet lanes", slow, linked(1, peer=("50000baseSR2/Full",))))


def test_a_lost_link_is_explained_by_its_module_and_the_tool() -> None:
    dark = MODULE._replace(
        flags=frozenset({Flag("rx loss of signal", 2)}), lanes=(Lane(0.7), Lane(0.0))
    )
    told = LinkReport(recommendation="Bad signal integrity", source="mstlink")
    found = only(run("links are up", DOWN, module=dark, report=told))
    assert "rx loss of signal on lane 2" in found.evidence
    assert "no light arrives on lane 2" in found.evidence
    assert "mstlink: Bad signal integrity" in found.evidence


def test_a_link_that_never_was_says_what_its_module_says() -> None:
    dark = Module(Identity(), lanes=(Lane(0.0), Lane(0.0)), state="low power")
    words = unknown(run("links are up", NEVER_UP, module=dark)).reason
    assert "no light arrives" in words
    assert "state is low power" in words
    fine = LinkReport(recommendation="No issue was observed")
    quiet = unknown(run("links are up", NEVER_UP, module=MODULE, report=fine))
    assert quiet.reason == "no carrier, and the driver does not say why"
