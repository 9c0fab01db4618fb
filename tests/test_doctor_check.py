"""A report: what its status is, what was fine, idle or could not be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Case, Probe
from mlxtop.doctor.checks import CHECKS, examine
from mlxtop.model.sample import LinkState, Slow
from mlxtop.model.tuning import Channels
from mlxtop.present.doctor import report_rows
from mlxtop.present.text import plain
from tests.cases import CRITICAL, GOOD, GOOD_PORT, NOTE, WARNING, case, report
from tests.situations import Situation, ethernet, frame_of, infiniband


def test_a_machine_where_all_is_well_has_no_findings() -> None:
    good = report(probes=(Probe("10.0.0.3", "p1", 9000, True),))
    assert good.findings == ()
    assert good.could_not_tell == ()
    assert good.status == 0
    idle = {name for names in good.idle.values() for name in names}
    rows = report_rows(good)
    assert plain(rows[0].line).startswith("WELL     nothing is wrong: ")
    shown = {row.title for row in rows[1:]}
    assert sorted([*good.fine, *idle, *shown]) == sorted(check.name for check in CHECKS)


def test_a_machine_of_which_nothing_is_known_has_no_findings_and_no_check_that_is_fine() -> None:
    situation = Situation(ethernet(100), None)
    frame, _ = frame_of(situation)
    nothing = Case(
        frame._replace(sample=frame.sample._replace(stored={"card": Slow(absent="needs root")})),
        tuple(frame.ports),
        absent={"kernel log": "needs root"},
    )
    report = examine(nothing)
    assert report.findings == ()
    for check in ("PCIe slot", "rings", "interrupts", "kernel log", "FEC", "MTU to the peer"):
        assert check not in report.fine
    told = {item.label for item in report.could_not_tell}
    assert {"kernel log", "p1: PCIe", "p1: rings"} <= told
    assert "ConnectX-4 at 0000:43:00.0: pending link type" in told
    assert report.status == 0


def test_the_worst_finding_makes_the_status() -> None:
    assert report(aspm="L1").status == 0
    assert report(port=replace(GOOD_PORT, channels=Channels(1, 63))).status == 1
    assert report(dead=frozenset({"0000:43:00.0"})).status == 2
    frame, _ = frame_of(GOOD)
    assert examine(Case(frame._replace(ports={}), ())).status == 3


def test_the_worst_finding_comes_first() -> None:
    found = report(
        aspm="L1",
        dead=frozenset({"0000:43:00.0"}),
        port=replace(GOOD_PORT, channels=Channels(1, 63)),
    ).findings
    assert [finding.severity for finding in found] == [CRITICAL, WARNING, NOTE]


def test_a_check_with_nothing_to_look_at_is_not_called_fine() -> None:
    idle = report().idle
    assert idle["no InfiniBand port"] == (
        "InfiniBand lanes",
        "InfiniBand speed",
        "subnet manager",
    )
    assert idle["no bond"] == ("bonds",)
    assert idle["one card"] == ("PCIe shared by cards",)
    link = infiniband("100 Gb/sec (4X EDR)", 100)._replace(sm_lid=1)
    fabric = report(situation=replace(GOOD, link=link))
    assert {"InfiniBand lanes", "subnet manager"} <= set(fabric.fine)
    assert {"link speed", "pause"} <= set(fabric.idle["no Ethernet port"])


def test_without_any_port_no_check_is_fine() -> None:
    frame, _ = frame_of(GOOD)
    empty = frame._replace(ports={}, sample=frame.sample._replace(adapters=()))
    report = examine(Case(empty, ()))
    assert report.fine == ()
    assert "links are up" in report.idle["no port"]


def test_checks_of_cards_have_nothing_to_look_at_without_one() -> None:
    base = case(replace(GOOD, function=None, driver="veth"))
    alone = replace(base, frame=base.frame._replace(sample=base.frame.sample._replace(adapters=())))
    found = examine(alone)
    assert found.judged
    assert found.idle["no card"] == (
        "cards answer and have a driver",
        "firmware in flash is the running one",
        "no link type is pending",
        "PCIe errors",
        "PCIe power saving",
    )


@pytest.mark.parametrize(("gbps", "fast"), [(24.9, False), (25, True)])
def test_a_link_is_fast_from_25_gigabits(gbps: float, fast: bool) -> None:
    idle = report(situation=replace(GOOD, link=ethernet(gbps), rx=0.0)).idle
    assert ("no link of 25 Gb/s or more" in idle) is not fast
    assert ("no Ethernet link of 25 Gb/s or more" in idle) is not fast


def test_a_link_that_is_down_may_be_fast() -> None:
    idle = report(situation=replace(GOOD, link=ethernet(None, state=LinkState.DOWN), rx=0.0)).idle
    assert "no Ethernet link of 25 Gb/s or more" not in idle
    assert "no link of 25 Gb/s or more" in idle
