"""Pause over time, the priority of RDMA, incast, and rails of a bond."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlxtop.doctor.check import Finding, Nothing
from mlxtop.model.counters import Origin, Severity
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.qos import Dcb, Roce
from mlxtop.model.rdma_objects import QueuePairs, RdmaHolder, RdmaObjects
from mlxtop.model.sample import Slow
from mlxtop.model.tuning import Bond, BondSlave, HostTuning, PortTuning
from mlxtop.watch.congestion import CongestionWatch
from tests.cases import GOOD, GOOD_PORT, ask, case, only, run, unknown
from tests.situations import Situation, configured, ethernet, frame_of, infiniband
from tests.test_analysis_congestion import SECOND, STORM, Rates, Story

PFC3 = Dcb(pfc=(3,), dscp={26: 3, 0: 0}, trust="dscp", trust_from="dcb app")
GBPS = 1e9 / 8


def roce_port(dcb: Dcb | None = PFC3, **roce: Any) -> PortTuning:
    return replace(GOOD_PORT, dcb=dcb, roce=Roce(**roce))


# ---- pause over time

HELD = "pause over time"


def held(rates: Rates, readings: int = 5) -> list[Any]:
    story = Story()
    story.read(rates, readings)
    assert story.frame is not None
    about = replace(case(), frame=story.frame, ports=(story.port.id,), congestion=story.watch)
    return list(ask(HELD, about))


def share(way: str, part: float) -> Rates:
    other = "tx" if way == "rx" else "rx"
    return {f"{way}_prio3_pause_duration": part * SECOND, f"{other}_prio3_packets": 1000}


def test_long_received_pause_names_the_switch_or_peer_as_the_one_who_holds() -> None:
    finding = only(held(share("rx", 0.21)))
    assert finding.severity is Severity.WARNING
    assert "the switch or peer held this host 21 % of the time" in finding.evidence
    assert "rx_prio3_pause_duration" in finding.evidence
    assert "this host has data to send" in finding.why


def test_long_sent_pause_names_this_host() -> None:
    finding = only(held(share("tx", 0.5)))
    assert "this host held the switch or peer 50 % of the time" in finding.evidence
    assert "PCIe" in finding.advice


@pytest.mark.parametrize("part", [0.0, 0.05, 0.19])
def test_short_pause_of_a_healthy_lossless_network_is_no_finding(part: float) -> None:
    assert held(share("rx", part)) == []
    assert held(share("tx", part)) == []


def test_a_moment_of_long_pause_is_no_finding() -> None:
    assert held(share("rx", 0.9), readings=3) == []
    story = Story()
    story.read(share("rx", 0.9), 3)
    story.read(share("rx", 0.09))
    assert story.frame is not None
    about = replace(case(), frame=story.frame, ports=(story.port.id,), congestion=story.watch)
    assert list(ask(HELD, about)) == []


def test_a_storm_is_critical() -> None:
    finding = only(held(STORM))
    assert finding.severity is Severity.CRITICAL
    assert "pause storm: the switch or peer held this host" in finding.evidence
    sent = {"tx_prio3_pause_duration": SECOND, "rx_prio3_packets": 0.0}
    assert "look at this host" in only(held(sent)).advice


def test_shares_of_time_need_two_readings() -> None:
    story = Story()
    story.read(STORM)
    assert story.frame is not None
    about = replace(case(), frame=story.frame, ports=(story.port.id,))
    assert unknown(ask(HELD, about)).reason == "shares of time need two readings"


def test_a_driver_that_counts_no_time_is_not_judged() -> None:
    (nothing,) = ask(HELD, case())
    assert nothing == Nothing("no time of pause is counted")


# ---- the priority of RDMA

PRIORITY = "priority of RDMA"


def carrying(priority: int, gbps: float = 40.0, driver: str = "mlx5_core") -> Situation:
    """A port whose RDMA, all that it receives, is counted in one priority."""
    events = {
        (Origin.DRIVER, f"{way}_prio{n}_bytes"): (
            gbps * GBPS if way == "rx" and n == priority else 0.0
        )
        for way in ("rx", "tx")
        for n in range(8)
    }
    port = Port(
        PortId("0000:43:00.0", 1),
        PortKind.PHYSICAL,
        driver=driver,
        function="0000:43:00.0",
        adapter="card",
        netdev="p1",
        rdma="mlx5_0",
        rdma_port=1,
    )
    return replace(GOOD, rx=gbps, rdma=1.0, events=events, port=port)


def test_rdma_in_the_lossless_priority_is_fine() -> None:
    assert run(PRIORITY, carrying(3), roce_port()) == []
    assert run(PRIORITY, carrying(3), roce_port(traffic_class=104)) == []


def test_rdma_in_another_priority_is_a_warning_with_its_share() -> None:
    finding = only(run(PRIORITY, carrying(0), roce_port()))
    assert "all of the RDMA that is received has another priority" in finding.evidence
    assert "PFC is on for 3" in finding.evidence


def test_a_part_of_rdma_is_told_with_the_least_that_it_can_be() -> None:
    mixed = carrying(0)
    events = {**mixed.events, (Origin.DRIVER, "rx_prio3_bytes"): 15 * GBPS}
    finding = only(run(PRIORITY, replace(mixed, events=events), roce_port()))
    assert "at least 62 % of the RDMA that is received" in finding.evidence
    events[Origin.DRIVER, "rx_prio3_bytes"] = 21 * GBPS
    assert run(PRIORITY, replace(mixed, events=events), roce_port()) == []


def test_trust_that_is_not_dscp_is_named() -> None:
    pcp = Dcb(pfc=(3,), trust="pcp", trust_from="dcb app")
    finding = only(run(PRIORITY, carrying(0), roce_port(pcp)))
    assert finding.evidence.startswith("trust is pcp, not dscp (dcb app): all of the RDMA")
    tagged = run(PRIORITY, carrying(3), roce_port(pcp))  # a VLAN tag with the right priority
    assert tagged == []


def test_a_map_that_leads_elsewhere_is_found_without_traffic_too() -> None:
    idle = replace(carrying(3), rx=0.0)
    wrong = PFC3._replace(dscp={26: 0})
    finding = only(run(PRIORITY, idle, roce_port(wrong, traffic_class=104)))
    assert "RDMA's DSCP 26 leads to priority 0" in finding.evidence
    assert "dscp-prio 26:3" in finding.advice


def test_traffic_that_shows_another_choice_of_programs_acquits_the_setting() -> None:
    wrong = PFC3._replace(dscp={26: 0})
    assert run(PRIORITY, carrying(3), roce_port(wrong, traffic_class=104)) == []


@pytest.mark.parametrize("dcb", [None, Dcb(pfc=()), Dcb()])
def test_without_a_lossless_priority_rdma_is_meant_to_be_lossy(dcb: Dcb | None) -> None:
    assert run(PRIORITY, carrying(0), roce_port(dcb)) == []


def test_infiniband_has_no_priorities() -> None:
    link = infiniband("100 Gb/sec (4X EDR)", 100)
    assert run(PRIORITY, replace(carrying(0), link=link), roce_port()) == []


# ---- congestion control by priority

CONTROL = "congestion control by priority"


def test_congestion_control_that_is_off_for_rdmas_priority_is_a_note() -> None:
    found = run(CONTROL, GOOD, roce_port(notify=(), react=(3,)))
    finding = only(found)
    assert finding.severity is Severity.NOTE
    assert "answers no ECN mark for RDMA's priority 3" in finding.evidence
    assert "roce_np/enable/3" in finding.advice


@pytest.mark.parametrize(
    "port",
    [
        roce_port(notify=(3,), react=(3,)),
        roce_port(),  # the driver does not show it
        roce_port(Dcb(pfc=(3, 4)), notify=(), react=()),  # which of them is RDMA's is not known
    ],
)
def test_congestion_control_that_is_on_or_unknown_is_no_finding(port: PortTuning) -> None:
    assert run(CONTROL, GOOD, port) == []


# ---- many senders

INCAST = "many senders to one receiver"


def filled(gbps: float, marked: float, cnps: float = 5000) -> Situation:
    packets = gbps * GBPS / 4154
    events = {
        (Origin.RDMA, "port_rcv_packets"): packets,
        (Origin.RDMA_HW, "np_ecn_marked_roce_packets"): packets * marked,
        (Origin.RDMA_HW, "np_cnp_sent"): cnps,
    }
    return replace(GOOD, link=ethernet(100), rx=gbps, rdma=1.0, events=events)


def test_a_full_line_with_many_marks_is_incast() -> None:
    finding = only(run(INCAST, filled(95, 0.02)))
    assert finding.severity is Severity.NOTE
    assert "2 % of the RDMA packets arrive with an ECN mark" in finding.evidence


@pytest.mark.parametrize(
    "situation", [filled(95, 0.009), filled(70, 0.02), filled(95, 0.02, cnps=9)]
)
def test_few_marks_or_a_line_with_room_are_no_incast(situation: Situation) -> None:
    assert run(INCAST, situation) == []


# ---- rails

RAILS = "rails of a RoCE LAG"
FIRST, SECOND_RAIL = PortId("0000:43:00.0", 1), PortId("0000:43:00.1", 1)


def bonded(
    first: float,
    second: float,
    mode: str = "802.3ad",
    slaves: tuple[BondSlave, ...] = (),
    qps: int | None = None,
) -> list[Any]:
    """What is said of two members that send so many Gb/s; all of it is the device's RDMA."""

    def member(place: PortId, gbps: float) -> Situation:
        port = Port(
            place,
            PortKind.PHYSICAL,
            driver="mlx5_core",
            function=place.device,
            adapter="card",
            netdev=f"p{place.device[-1]}",
            rdma="mlx5_bond_0",
            rdma_port=1,
            bond="bond0",
            bond_kind="bond",
            rdma_lag=FIRST,
        )
        together = (first + second) * GBPS / 4
        data = {(Origin.RDMA, "port_xmit_data"): together} if place == FIRST else {}
        return Situation(ethernet(100), tx=gbps, events=data, port=port)

    frame, _ = frame_of(replace(member(FIRST, first), others=[member(SECOND_RAIL, second)]))
    host = HostTuning(bonds={"bond0": Bond("bond0", mode, aggregator=1, slaves=slaves)})
    about, frame = case(), _with_host(frame, host)
    if qps is not None:
        pairs = (QueuePairs("RC", "RTS", qps),) if qps else ()
        objects = RdmaObjects((RdmaHolder("mlx5_bond_0", 7, qps=pairs),))
        frame = frame._replace(sample=frame.sample._replace(rdma_objects=Slow(objects, 1.0)))
    return list(ask(RAILS, replace(about, frame=frame, ports=tuple(frame.ports))))


def _with_host(frame: Frame, host: HostTuning) -> Frame:
    frame = configured(frame, PortTuning())
    return frame._replace(sample=frame.sample._replace(host_settings=Slow(host, 1.0)))


def test_a_full_rail_beside_an_idle_one_is_a_warning() -> None:
    finding = only(bonded(95, 0))
    assert finding.severity is Severity.WARNING
    assert "all of mlx5_bond_0 is sent by p0" in finding.evidence
    assert "nothing by p1" in finding.evidence


def test_a_single_connection_cannot_use_two_rails_and_is_a_note() -> None:
    single = only(bonded(95, 0, qps=1))
    assert single.severity is Severity.NOTE
    assert "there is one connection" in single.why
    for several in (2, 0, None):  # none is told: they cannot be counted
        found = only(bonded(95, 0, qps=several))
        assert found.severity is Severity.WARNING
        assert "the hash gives all connections one member" in found.why


def test_one_connection_that_does_not_fill_its_rail_is_a_note() -> None:
    assert only(bonded(30, 0)).severity is Severity.NOTE


@pytest.mark.parametrize(("first", "second"), [(60, 40), (60, 4), (5, 0), (0, 0)])
def test_rails_that_share_or_carry_little_are_fine(first: float, second: float) -> None:
    assert [one for one in bonded(first, second) if isinstance(one, Finding)] == []


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (BondSlave("p1", True, aggregator=1), True),
        (BondSlave("p1", True, aggregator=2), False),
        (BondSlave("p1", False, aggregator=1), False),
    ],
)
def test_a_member_that_the_bond_does_not_use_is_no_idle_rail(
    second: BondSlave, found: bool
) -> None:
    slaves = (BondSlave("p0", True, aggregator=1), second)
    assert bool(bonded(95, 0, slaves=slaves)) is found


def test_notifications_that_are_ignored_are_a_warning_of_the_counter() -> None:
    events = {(Origin.RDMA_HW, "rp_cnp_ignored"): 50, (Origin.RDMA_HW, "rp_cnp_handled"): 0}
    finding = only(run("error counters", replace(GOOD, events=events)))
    assert finding.severity is Severity.WARNING
    assert finding.evidence == "rp_cnp_ignored grew by 100 while watched (rdma-hw)"
    assert "this sender was not slowed" in finding.why


@pytest.mark.parametrize("key", ["rx_prio0_discards", "rx_prio3_buf_discard"])
def test_frames_that_a_priority_lost_are_a_warning_of_the_counter(key: str) -> None:
    finding = only(run("error counters", replace(GOOD, events={(Origin.DRIVER, key): 5})))
    assert finding.severity is Severity.WARNING
    assert f"{key} grew by 10" in finding.evidence


def test_an_active_backup_bond_uses_one_member_by_design() -> None:
    assert bonded(95, 0, "active-backup") == [Nothing("no RoCE LAG that uses all members")]


def test_a_watch_that_nobody_fed_says_nothing() -> None:
    assert CongestionWatch().pauses(FIRST) == []
