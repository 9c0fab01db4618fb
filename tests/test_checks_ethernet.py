"""Negotiation, error correction, pause, and flow control of RoCE."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Nothing
from mlxtop.model.counters import Origin
from mlxtop.model.module import Identity, Module
from mlxtop.model.tuning import Fec, LinkModes, Pause, PortTuning
from tests.cases import (
    GOOD,
    GOOD_PORT,
    MODULE,
    NOTE,
    SR4,
    WARNING,
    ask,
    case,
    linked,
    only,
    run,
    unknown,
)
from tests.situations import ethernet, infiniband

COPPER = Module(Identity("QSFP28", types=("100GBASE-CR4",), passive=True))


def test_negotiation_at_one_end_only_is_a_note() -> None:
    check = "autonegotiation"
    here = only(run(check, GOOD, linked(4, False, (*SR4, "Autoneg")), module=COPPER))
    assert "off here, but the peer negotiates" in here.evidence
    there = only(run(check, GOOD, linked(4), module=COPPER))
    assert there.severity is NOTE
    assert "on here, but the peer does not answer" in there.evidence


@pytest.mark.parametrize(
    ("port", "module", "driver"),
    [
        (linked(4, True, (*SR4, "Autoneg")), COPPER, "mlx5_core"),
        (linked(4, False), COPPER, "mlx5_core"),
        (linked(4), MODULE, "mlx5_core"),
        (linked(4), None, "mlx5_core"),
        (linked(4), COPPER, "mlx4_core"),
    ],
)
def test_negotiation_that_fits_or_is_not_needed_is_no_finding(
    port: PortTuning, module: Module | None, driver: str
) -> None:
    assert run("autonegotiation", replace(GOOD, driver=driver), port, module=module) == []


def test_negotiation_that_is_not_told_could_not_be_judged() -> None:
    mute = replace(GOOD_PORT, modes=LinkModes())
    assert unknown(run("autonegotiation", GOOD, mute)).label == "p1: autonegotiation"


def test_missing_error_correction_is_found_where_it_is_needed() -> None:
    off = replace(GOOD_PORT, fec=Fec("Off"))
    check = "forward error correction"
    assert only(run(check, GOOD, off)).severity is WARNING
    long = MODULE._replace(identity=Identity("QSFP28", types=("100GBASE-LR4 or 25GBASE-LR",)))
    assert run(check, GOOD, off, module=long) == []
    assert run(check, replace(GOOD, link=ethernet(40)), off) == []
    assert run(check, replace(GOOD, link=ethernet(10)), off) == []


@pytest.mark.parametrize(
    ("fec", "peer", "seen"),
    [
        (Fec("RS"), ("RS", "Autoneg"), None),
        (Fec("RS"), ("RS", "BASER"), None),
        (Fec("RS"), ("BASER",), "RS is active, the peer offers BASER"),
        (Fec("BASER", False, ("RS",)), (), "BASER is active, RS is set"),
        (Fec("BASER", True, ("RS", "BASER")), (), None),
        (Fec("RS", False, ("RS",)), (), None),
        (Fec("RS", False, ()), (), None),
    ],
)
def test_error_correction_that_differs_is_a_warning(
    fec: Fec, peer: tuple[str, ...], seen: str | None
) -> None:
    port = replace(linked(4, peer=peer), fec=fec)
    finding = run("forward error correction", GOOD, port)
    if seen is None:
        assert finding == []
    else:
        assert only(finding).severity is WARNING
        assert seen in only(finding).evidence


def test_pause_in_one_direction_only_is_a_note() -> None:
    one = replace(GOOD_PORT, pause=Pause(False, True, False))
    assert only(run("pause", GOOD, one)).severity is NOTE
    assert run("pause", GOOD, replace(GOOD_PORT, pause=Pause(False, False, False))) == []


ROCE = "RoCE flow control"


RDMA = replace(GOOD, rdma=1.0, events={(Origin.DRIVER, "rx_steer_missed_packets"): 0})


BARE = replace(GOOD_PORT, pause=Pause(False, False, False), absent={"ecn": "not shown"})


@pytest.mark.parametrize(
    "port",
    [
        replace(BARE, pause=Pause(False, True, True)),
        replace(BARE, ecn=True),
    ],
)
def test_roce_with_pause_or_congestion_notification_is_fine(port: PortTuning) -> None:
    assert run(ROCE, RDMA, port) == []


@pytest.mark.parametrize(
    ("origin", "key"),
    [
        (Origin.DRIVER, "rx_prio3_pause"),
        (Origin.DRIVER, "tx_pause_prio_3"),
        (Origin.RDMA_HW, "np_cnp_sent"),
        (Origin.RDMA_HW, "rp_cnp_handled"),
    ],
)
def test_rows_of_pfc_and_marks_that_were_counted_prove_flow_control(
    origin: Origin, key: str
) -> None:
    assert run(ROCE, replace(RDMA, events={**RDMA.events, (origin, key): 0}), BARE) == []


def test_roce_without_any_flow_control_is_found() -> None:
    finding = only(run(ROCE, RDMA, replace(BARE, ecn=False)))
    assert finding.severity is NOTE
    assert "neither PFC nor pause nor ECN" in finding.evidence
    losing = replace(RDMA, events={**RDMA.events, (Origin.RDMA_HW, "out_of_sequence"): 50})
    lost = only(run(ROCE, losing, BARE))
    assert lost.severity is WARNING
    assert "100 packets out of order" in lost.evidence


def test_what_the_driver_does_not_show_of_ecn_is_told() -> None:
    assert "does not show whether ECN is on" in unknown(run(ROCE, RDMA, BARE)).reason
    unread = replace(BARE, pause=None)
    assert "could not be read" in unknown(run(ROCE, RDMA, unread)).reason


def test_without_roce_there_is_nothing_to_look_at() -> None:
    (none,) = ask(ROCE, case(GOOD, BARE))
    assert none == Nothing("no RoCE traffic")
    (none,) = ask(ROCE, case(replace(GOOD, link=infiniband("100 Gb/sec (4X EDR)", 100))))
    assert none == Nothing("no RoCE traffic")


@pytest.mark.parametrize(("gbps", "reported"), [(24.9, False), (25, True)])
def test_a_silent_peer_over_copper_matters_from_25_gigabits(gbps: float, reported: bool) -> None:
    link = replace(GOOD, link=ethernet(gbps))
    assert bool(run("autonegotiation", link, linked(4), module=COPPER)) is reported


@pytest.mark.parametrize(("gbps", "needed"), [(24.9, False), (25, True), (40, False), (50, True)])
def test_lanes_need_error_correction_from_25_gigabits_but_not_at_40(
    gbps: float, needed: bool
) -> None:
    off = replace(GOOD_PORT, fec=Fec("Off"))
    findings = run("forward error correction", replace(GOOD, link=ethernet(gbps)), off)
    assert bool(findings) is needed


@pytest.mark.parametrize(("gbps", "enough"), [(1.99, False), (2.0, True)])
def test_roce_is_judged_from_two_percent_of_the_line(gbps: float, enough: bool) -> None:
    outcomes = list(ask(ROCE, case(replace(RDMA, rx=gbps), BARE)))
    assert (Nothing("no RoCE traffic") in outcomes) is not enough


def test_short_copper_needs_no_correction() -> None:
    off = replace(GOOD_PORT, fec=Fec("Off"), modes=linked(1).modes)
    link = replace(GOOD, link=ethernet(25))
    for kind, needs in (("CA-L", True), ("CA-N", False)):
        identity = MODULE.identity._replace(types=(f"25GBASE-CR {kind}",))
        outcome = run(
            "forward error correction", link, off, module=MODULE._replace(identity=identity)
        )
        assert bool(outcome) is needs
