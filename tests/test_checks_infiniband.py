"""Lanes, speed, subnet manager and IPoIB mode of InfiniBand ports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlxtop.model.fabric import FabricEnd, FabricLink, LocalFabric, OwnLink
from mlxtop.model.module import LinkReport
from mlxtop.model.sample import LinkLayer, LinkState, Slow
from tests.cases import CARD, CRITICAL, GOOD, NOTE, ask, case, judged, only, run, unknown
from tests.situations import Situation, infiniband


def fabric(rate: str, family: str, **more: Any) -> Situation:
    return replace(GOOD, link=infiniband(rate, 32), adapter=CARD._replace(family=family), **more)


def reported(enabled: tuple[str, ...], cable: tuple[str, ...]) -> LinkReport:
    return LinkReport(enabled_speeds=enabled, cable_speeds=cable, source="mstlink")


SPEED = "InfiniBand speed"


EDR = ("EDR", "FDR", "FDR10", "QDR", "SDR")


@pytest.mark.parametrize(
    ("rate", "wrong"),
    [
        ("40 Gb/sec (4X QDR)", False),
        ("10 Gb/sec (1X QDR)", True),
        ("50 Gb/sec (2X EDR)", True),
        ("100 Gb/sec (2X HDR)", False),
        ("50 Gb/sec (1X HDR)", True),
        ("200 Gb/sec (2X NDR)", False),
    ],
)
def test_lost_lanes_are_found_but_narrow_cables_are_not(rate: str, wrong: bool) -> None:
    finding = run("InfiniBand lanes", replace(GOOD, link=infiniband(rate, 8)))
    assert bool(finding) is wrong


def test_lanes_slower_than_port_and_cable_allow_are_a_note() -> None:
    slow = fabric("40 Gb/sec (4X FDR10)", "ConnectX-5")
    finding = only(run(SPEED, slow, report=reported(EDR, EDR[1:])))
    assert finding.severity is NOTE
    assert "40 Gb/sec (4X FDR10)" in finding.evidence
    assert "possible: port EDR, cable FDR" in finding.evidence


def test_lanes_as_fast_as_the_cable_or_the_family_are_no_finding() -> None:
    slow = fabric("40 Gb/sec (4X FDR10)", "ConnectX-5")
    assert run(SPEED, slow, report=reported(EDR, EDR[2:])) == []
    assert run(SPEED, fabric("40 Gb/sec (4X QDR)", "ConnectX-2")) == []
    assert run(SPEED, fabric("56 Gb/sec (4X FDR)", "ConnectX-3 Pro")) == []
    assert run(SPEED, fabric("100 Gb/sec (4X EDR)", "ConnectX-5 Ex")) == []


def test_what_port_and_cable_allow_is_not_guessed() -> None:
    slow = fabric("40 Gb/sec (4X QDR)", "ConnectX-5")
    assert "mstlink" in unknown(run(SPEED, slow)).reason
    absent = {"report": "mstlink needs root"}
    assert unknown(run(SPEED, slow, absent_fields=absent)).reason == "mstlink needs root"
    old = fabric("40 Gb/sec (4X QDR)", "ConnectX-3", driver="mlx4_core")
    assert unknown(run(SPEED, old)).reason.endswith("nor does iblinkinfo: not read")


def beside(
    could: str | None,
    cable: tuple[str, ...] = (),
    enabled: str = "",
    rate: str = "40 Gb/sec (4X QDR)",
    **more: Any,
) -> list[Any]:
    """What is said of a ConnectX-6 where iblinkinfo has told what both ends could do."""
    there = FabricEnd("0xb8599f0300b00040", 7, "leaf2", "0xb8599f0300b00040")
    link = FabricLink(
        FabricEnd("0x0c42a103007a6180", 1), there, "Active", "LinkUp", 4, "QDR", None, could
    )
    own = OwnLink("mlx5_0", 1, link._replace(**more), enabled)
    slow = fabric(rate, "ConnectX-6")
    one = case(slow, rdma="mlx5_0", report=reported(EDR, cable) if cable else None)
    ((place, before),) = one.frame.ports.items()
    now = before.now._replace(port=before.now.port._replace(rdma_port=1))
    sample = one.frame.sample._replace(fabric=Slow(LocalFabric((own,)), 1.0))
    frame = one.frame._replace(sample=sample, ports={place: before._replace(now=now)})
    return judged(ask(SPEED, replace(one, frame=frame)))


def test_what_both_ends_can_do_is_told_by_the_fabric() -> None:
    finding = only(beside("EDR"))
    assert finding.severity is NOTE
    assert "both ends can do EDR (iblinkinfo), the other one is leaf2 port 7" in finding.evidence
    assert "ibportstate -G 0xb8599f0300b00040 7 query" in finding.advice
    assert "the cable may be made for less" in finding.why
    told = only(beside("EDR", EDR))
    assert "; cable EDR" in told.evidence and "the other port may be limited" in told.why


@pytest.mark.parametrize("cable", [(), EDR])
def test_a_port_that_its_other_end_holds_back_is_as_it_should_be(cable: tuple[str, ...]) -> None:
    assert beside(None, cable) == []


def test_a_cable_made_for_less_is_no_finding_of_the_fabric() -> None:
    assert beside("EDR", ("QDR", "SDR")) == []
    assert only(beside("EDR", ("FDR10", "QDR")))


def test_half_of_what_both_ends_name_is_no_finding() -> None:
    assert beside("HDR", rate="100 Gb/sec (4X EDR)", speed="EDR") == []
    assert only(beside("HDR", rate="56 Gb/sec (4X FDR)", speed="FDR"))


def test_what_somebody_switched_off_here_is_named() -> None:
    finding = only(beside("EDR", enabled="1X 4X, SDR DDR QDR"))
    assert "enabled here: 1X 4X, SDR DDR QDR" in finding.evidence
    assert finding.why == "somebody has limited this port"
    assert "enabled here" not in only(beside("EDR", enabled="1X 4X, SDR QDR EDR")).evidence


@pytest.mark.parametrize("more", [{"state": "Initialize"}, {"b": None}, {"speed": "SDR"}])
def test_a_fabric_that_has_not_told_or_told_of_another_time_leaves_it_open(more: Any) -> None:
    assert "mstlink" in unknown(beside("EDR", **more)).reason


def test_a_port_without_subnet_manager_is_critical() -> None:
    link = infiniband("40 Gb/sec (4X QDR)", 32)._replace(state=LinkState.INIT, sm_lid=0)
    finding = only(run("subnet manager", replace(GOOD, link=link)))
    assert finding.severity is CRITICAL
    assert "opensm" in finding.advice
    assert run("links are up", replace(GOOD, link=link)) == []
    assert run("subnet manager", replace(GOOD, link=link._replace(layer=LinkLayer.ETHERNET))) == []


@pytest.mark.parametrize(
    ("driver", "mode", "mtu", "wrong"),
    [
        ("mlx4_core", "datagram", 2044, True),
        ("mlx4_core", "connected", 2044, True),
        ("mlx4_core", "connected", 65519, True),
        ("mlx4_core", "connected", 65520, False),
        ("mlx5_core", "datagram", 4092, False),
    ],
)
def test_connected_mode_is_advised_where_the_driver_has_it(
    driver: str, mode: str, mtu: int, wrong: bool
) -> None:
    link = infiniband("40 Gb/sec (4X QDR)", 32, mtu, mode)
    finding = run("IPoIB mode", replace(GOOD, link=link, driver=driver))
    assert bool(finding) is wrong


@pytest.mark.parametrize(
    ("rate", "slow"), [("40 Gb/sec (4X FDR10)", True), ("56 Gb/sec (4X FDR)", False)]
)
def test_a_generation_is_slow_below_that_of_the_cable(rate: str, slow: bool) -> None:
    ports = reported(EDR, EDR[1:])
    assert bool(run(SPEED, fabric(rate, "ConnectX-5"), report=ports)) is slow


@pytest.mark.parametrize(
    ("rate", "share"), [("10 Gb/sec (1X QDR)", "a quarter"), ("50 Gb/sec (2X EDR)", "2 quarters")]
)
def test_lost_lanes_are_counted_in_quarters(rate: str, share: str) -> None:
    lost = only(run("InfiniBand lanes", replace(GOOD, link=infiniband(rate, 8))))
    assert lost.why == f"it carries {share} of what it could"
