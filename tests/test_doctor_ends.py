"""Checks of both ends of a link together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlxtop.doctor.check import Check, CouldNotTell, Finding, Report
from mlxtop.doctor.checks import run
from mlxtop.doctor.ends import END_CHECKS, inspect_ends, with_links
from mlxtop.doctor.rack import LinkCase, RackCase
from mlxtop.ends.compare import sides
from mlxtop.ends.counts import Span
from mlxtop.ends.follow import Ends, Passed
from mlxtop.ends.match import MatchedBy, Surety
from mlxtop.ends.matching import match
from mlxtop.model.machine import MachineState, SeenMachine
from mlxtop.model.named_links import NamedEnd, NamedLink
from mlxtop.model.qos import Dcb
from mlxtop.model.sample import LinkState, Temperature
from mlxtop.model.tuning import Fec, LinkModes, PortTuning
from tests.cases import GOOD, GOOD_PORT, MODULE, NOTE, WARNING, report
from tests.ends import End, joined, pair
from tests.situations import ethernet, slot

NOTHING = Span(20.0, 50_000, 0, 10)
NO_PAUSE = Span(20.0, 0, 0, 0)
NAMED = NamedLink(NamedEnd("a", "p1"), NamedEnd("b", "p1"))
COPPER = {"module": MODULE._replace(identity=MODULE.identity._replace(passive=True))}


def judged(
    a: End | None = None,
    b: End | None = None,
    packets: tuple[Span, Span] = (NOTHING, NOTHING),
    pauses: tuple[Span, Span] = (NO_PAUSE, NO_PAUSE),
    **changes: Any,
) -> Report:
    """What the checks say of two machines; `changes` are of the match."""
    machines = pair(a, b)
    (link,) = match(machines, (NAMED,)).links
    if not changes.pop("direct", True):
        link = link._replace(by=MatchedBy.NEIGHBOUR, also=(), surety=Surety.LIKELY)
    both = sides(link, machines)
    assert both is not None
    case = LinkCase("a p1 – b p1", link._replace(**changes), both, Passed(packets, pauses))
    return run(END_CHECKS, RackCase(machines, (case,)), True)


def found(*arguments: Any, **more: Any) -> list[Finding]:
    report = judged(*arguments, **more)
    assert all(one.why and one.advice and one.reference for one in report.findings)
    return list(report.findings)


def only(*arguments: Any, **more: Any) -> Finding:
    (finding,) = found(*arguments, **more)
    return finding


def test_two_good_ends_have_no_findings() -> None:
    report = judged()
    assert report.findings == ()
    assert report.could_not_tell == ()
    assert len(report.fine) == len(END_CHECKS)


def test_a_possible_match_is_no_evidence() -> None:
    other = End("b", situation=replace(GOOD, link=ethernet(100, mtu=1500)))
    report = judged(b=other, surety=Surety.POSSIBLE)
    assert report.findings == ()
    assert {one.what for one in report.could_not_tell} == {"both ends"}


def test_different_mtus_name_the_end_that_drops() -> None:
    finding = only(b=End("b", situation=replace(GOOD, link=ethernet(100, mtu=1500))))
    assert finding.severity is WARNING
    assert "MTU 9000 at a p1, 1500 at b p1" in finding.evidence
    assert finding.advice == "on b: ip link set p1 mtu 9000"
    unknown = End("b", situation=replace(GOOD, link=ethernet(100)._replace(mtu=None)))
    assert found(b=unknown) == []


def test_different_speeds_that_are_up_mean_that_it_is_no_cable() -> None:
    slow = replace(GOOD, link=ethernet(40))
    finding = only(b=End("b", situation=slow))
    assert "not the ends of one link" in finding.why
    down = replace(slow, link=slow.link._replace(state=LinkState.DOWN))
    assert found(b=End("b", situation=down)) == []


def test_fec_that_differs_is_a_note_on_a_link_that_is_up_and_a_warning_on_one_that_is_not() -> None:
    other = End("b", settings=replace(GOOD_PORT, fec=Fec("BASER")))
    assert only(b=other).severity is NOTE
    down = {"state": LinkState.DOWN}
    assert only(End("a", link=down), replace(other, link=down)).severity is WARNING
    assert found(b=End("b", settings=replace(GOOD_PORT, fec=None))) == []


@pytest.mark.parametrize(("plug", "severity"), [({}, NOTE), (COPPER, WARNING)])
def test_autonegotiation_on_one_end_matters_over_copper(plug: Any, severity: Any) -> None:
    off = replace(GOOD_PORT, modes=LinkModes(False))
    finding = only(End("a", sample=plug), End("b", settings=off, sample=plug))
    assert finding.severity is severity
    assert "autonegotiation on at a p1, off at b p1" in finding.evidence
    assert finding.advice.startswith("on b: ethtool -s p1 autoneg on")


def test_one_end_in_a_narrow_slot_is_a_note_and_both_are_none() -> None:
    narrow = replace(GOOD, path=slot((8.0, 8), (8.0, 16), (8.0, 8)))
    finding = only(b=End("b", situation=narrow))
    assert (finding.severity, "PCIe of b p1 carries 63.0 Gb/s" in finding.evidence) == (NOTE, True)
    assert found(End("a", situation=narrow), End("b", situation=narrow)) == []


def warm(celsius: float | None) -> dict[str, Any]:
    return {"temperatures": (Temperature("module", celsius, 12.0, 70.0, 80.0),)}


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [(50, 70, 1), (50, 69.9, 0), (60, 70, 1), (60.1, 70, 0), (None, 70, 0), (70, 50, 1)],
)
def test_one_hot_end_is_ten_degrees_hotter_and_beyond_its_warning(
    a: float | None, b: float, count: int
) -> None:
    assert len(found(End("a", sample=warm(a)), End("b", sample=warm(b)))) == count


def test_a_loss_that_is_proved_names_its_direction_and_the_other_explanation() -> None:
    losing = Span(20.0, 50_000, 500, 700)
    finding = only(packets=(NOTHING, losing), direct=False)
    assert finding.severity is NOTE
    assert "500 of 50000 packets from b p1 to a p1 did not arrive in 20 s" in finding.evidence
    assert "unless a switch" in finding.why
    sure = only(packets=(NOTHING, losing))
    assert ("unless" in sure.why, sure.severity) == (False, WARNING)


def test_a_loss_that_cannot_be_told_says_why() -> None:
    absent = Span(0.0, 0, 0, 0, "a counts what the kernel handled alone")
    report = judged(packets=(absent, NOTHING))
    assert report.findings == ()
    (unknown,) = report.could_not_tell
    assert isinstance(unknown, CouldNotTell)
    assert (unknown.subject, unknown.what) == ("a p1 → b p1", "packets lost")


@pytest.mark.parametrize(
    ("sent", "lost", "direct", "count"),
    [(100, 100, True, 1), (99, 99, True, 0), (100, 99, True, 0), (100, 100, False, 0)],
)
def test_pause_frames_that_never_arrive_are_told_of_a_cable(
    sent: int, lost: int, direct: bool, count: int
) -> None:
    pauses = Span(20.0, sent, lost, lost), NO_PAUSE
    assert len(found(pauses=pauses, direct=direct)) == count


def carded(host: str, firmware: str, psid: str | None = "MT_1") -> SeenMachine:
    machine = End(host).machine
    card = machine.frame.sample.adapters[0]._replace(psid=psid, firmware=firmware)
    sample = machine.frame.sample._replace(adapters=(card,))
    return machine._replace(frame=machine.frame._replace(sample=sample))


def lossless(host: str, *priorities: int) -> End:
    settings = replace(GOOD_PORT, dcb=Dcb(pfc=priorities))
    return End(host, settings=settings, port={"rdma": "mlx5_0"})


def test_pfc_on_one_end_is_a_warning_where_rdma_crosses_the_cable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calm = only(lossless("a", 3), lossless("b"))
    assert calm.severity is NOTE and "PFC 3 here, none there" in calm.evidence
    monkeypatch.setattr("mlxtop.doctor.ends_alike._carries_rdma", lambda side: side.host == "b")
    assert only(lossless("a", 3), lossless("b")).severity is WARNING
    between = only(lossless("a", 3), lossless("b"), direct=False)
    assert between.severity is NOTE and "no RDMA crosses" not in between.why
    assert between.why.endswith("each end has to agree with the switch")
    assert found(lossless("a", 3), lossless("b", 3)) == []


def test_ports_without_rdma_have_nothing_to_keep_lossless() -> None:
    plain = End("b", settings=replace(GOOD_PORT, dcb=Dcb(pfc=())), port={"rdma": None})
    assert found(lossless("a", 3), plain) == []


def test_firmware_of_one_psid_that_differs_is_a_note_of_the_machines() -> None:
    ends = Ends()
    ends.take([carded("a", "12.28.1002"), carded("b", "12.28.2006"), carded("c", "12.28.2006")])
    report = inspect_ends(ends)
    (finding,) = report.findings
    assert (finding.subject, finding.severity) == ("PSID MT_1", NOTE)
    assert "12.28.1002 in a; 12.28.2006 in b, c" in finding.evidence
    for other in (carded("b", "12.28.1002"), carded("b", "16.35.1012", None)):
        ends.take([carded("a", "12.28.1002"), other])
        assert inspect_ends(ends).findings == ()


def test_a_machine_that_is_lost_is_not_judged() -> None:
    a, b = pair(b=End("b", situation=replace(GOOD, link=ethernet(100, mtu=1500))))
    ends = Ends()
    ends.take([a, b])
    assert len(inspect_ends(ends).findings) == 1
    ends.take([a, b._replace(state=MachineState.LOST)])
    report = inspect_ends(ends)
    assert (report.findings, report.judged) == ((), False)
    assert "no port" in report.idle


def test_ends_named_in_the_settings_are_judged_without_neighbours() -> None:
    ends = Ends((NAMED,))
    small = End("b", situation=replace(GOOD, link=ethernet(100, mtu=1500)))
    ends.take([End("a").machine, small.machine])
    assert [one.subject for one in inspect_ends(ends).findings] == ["a p1 – b p1"]


def test_simulated_machines_that_are_well_have_no_finding_but_the_slot() -> None:
    ends = Ends()
    for machines in joined("pacu", "fry", seconds=8):
        ends.take(machines)
    report = inspect_ends(ends)
    assert [one.evidence for one in report.findings] == []
    assert len(report.fine) == len(END_CHECKS)


def test_a_report_on_a_machine_is_joined_by_what_is_found_on_its_links_alone() -> None:
    small = End("b", situation=replace(GOOD, link=ethernet(100, mtu=1500)))
    ends, own = Ends(), report()
    ends.take([*pair(b=small), End("c").machine])
    whole = with_links(own, ends, "a")
    assert [one.topic.name for one in whole.findings if isinstance(one.topic, Check)] == [
        "MTU at both ends"
    ]
    assert set(whole.fine) > set(own.fine)
    assert with_links(own, ends, "c") is own


@pytest.mark.parametrize(
    "settings",
    [
        replace(GOOD_PORT, fec=Fec("BASER")),
        replace(GOOD_PORT, modes=LinkModes(False)),
    ],
)
def test_what_may_differ_on_the_two_sides_of_a_switch_is_no_finding_without_a_cable(
    settings: PortTuning,
) -> None:
    told = judged(b=End("b", settings=settings, sample=COPPER), direct=False)
    assert told.findings == ()
    assert any("a switch is between" in one.reason for one in told.could_not_tell)
