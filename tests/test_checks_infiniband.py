"""Lanes, speed, subnet manager and IPoIB mode of InfiniBand ports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlxtop.model.module import LinkReport
from mlxtop.model.sample import LinkLayer, LinkState
from tests.cases import CARD, CRITICAL, GOOD, NOTE, only, run, unknown
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
    assert "mlx4" in unknown(run(SPEED, old)).reason


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
