"""Checks of what two ends agree on: lanes, negotiation, error correction, speed, flow control."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlxtop.doctor.check import Nothing
from mlxtop.doctor.checks import CHECKS
from mlxtop.model.counters import Origin
from mlxtop.model.linkreport import LinkReport
from mlxtop.model.module import Identity, Module
from mlxtop.model.tuning import Fec, LinkModes, Pause, PortTuning
from tests.cases import CARD, GOOD, GOOD_PORT, MODULE, NOTE, WARNING, case, only, run, unknown
from tests.situations import Situation, ethernet, infiniband

SR4 = ("100000baseSR4/Full", "50000baseSR2/Full", "25000baseSR/Full")
COPPER = Module(Identity("QSFP28", types=("100GBASE-CR4",), passive=True))


def linked(lanes: int | None, autoneg: bool = True, peer: tuple[str, ...] = ()) -> PortTuning:
    return replace(GOOD_PORT, modes=LinkModes(autoneg, lanes, SR4, SR4, peer))


# --- lanes ----------------------------------------------------------------------------------------


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
    found = run("Ethernet lanes", slow, linked(lanes), module=module)
    if seen is None:
        assert found == []
    else:
        assert only(found).severity is WARNING
        assert seen in only(found).seen


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


# --- negotiation ----------------------------------------------------------------------------------


def test_negotiation_at_one_end_only_is_a_note() -> None:
    check = "autonegotiation"
    here = only(run(check, GOOD, linked(4, False, (*SR4, "Autoneg")), module=COPPER))
    assert "off here, but the peer negotiates" in here.seen
    there = only(run(check, GOOD, linked(4), module=COPPER))
    assert there.severity is NOTE
    assert "on here, but the peer does not answer" in there.seen


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
    assert unknown(run("autonegotiation", GOOD, mute)).check == "p1: autonegotiation"


# --- error correction -----------------------------------------------------------------------------


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
    found = run("forward error correction", GOOD, port)
    if seen is None:
        assert found == []
    else:
        assert only(found).severity is WARNING
        assert seen in only(found).seen


# --- InfiniBand -----------------------------------------------------------------------------------


def fabric(rate: str, family: str, **more: Any) -> Situation:
    return replace(GOOD, link=infiniband(rate, 32), adapter=CARD._replace(family=family), **more)


def reported(enabled: tuple[str, ...], cable: tuple[str, ...]) -> LinkReport:
    return LinkReport(enabled_speeds=enabled, cable_speeds=cable, source="mstlink")


SPEED = "InfiniBand speed"
EDR = ("EDR", "FDR", "FDR10", "QDR", "SDR")


def test_lanes_slower_than_port_and_cable_allow_are_a_note() -> None:
    slow = fabric("40 Gb/sec (4X FDR10)", "ConnectX-5")
    found = only(run(SPEED, slow, report=reported(EDR, EDR[1:])))
    assert found.severity is NOTE
    assert "40 Gb/sec (4X FDR10)" in found.seen
    assert "possible: port EDR, cable FDR" in found.seen


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


# --- RoCE -----------------------------------------------------------------------------------------

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
    found = only(run(ROCE, RDMA, replace(BARE, ecn=False)))
    assert found.severity is NOTE
    assert "neither PFC nor pause nor ECN" in found.seen
    losing = replace(RDMA, events={**RDMA.events, (Origin.RDMA_HW, "out_of_sequence"): 50})
    lost = only(run(ROCE, losing, BARE))
    assert lost.severity is WARNING
    assert "100 packets out of order" in lost.seen


def test_what_the_driver_does_not_show_of_ecn_is_told() -> None:
    assert "does not show whether ECN is on" in unknown(run(ROCE, RDMA, BARE)).reason
    unread = replace(BARE, pause=None)
    assert "could not be read" in unknown(run(ROCE, RDMA, unread)).reason


def test_without_roce_there_is_nothing_to_look_at() -> None:
    (none,) = CHECKS[ROCE](case(GOOD, BARE))
    assert none == Nothing("no RoCE traffic")
    (none,) = CHECKS[ROCE](case(fabric("100 Gb/sec (4X EDR)", "ConnectX-5")))
    assert none == Nothing("no RoCE traffic")
