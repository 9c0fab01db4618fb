"""Error counters that move or no longer can, and the limit of the traffic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Case, Finding, Nothing
from mlxtop.model.counters import Miscount, Origin, Schema
from mlxtop.model.sample import Reading
from tests.cases import GOOD, NOTE, ask, case, judged, only, run, unknown
from tests.situations import infiniband


def test_an_error_that_several_tables_count_is_told_once() -> None:
    events = {
        (Origin.DRIVER, "rx_crc_errors_phy"): 5.0,
        (Origin.NETDEV, "rx_crc_errors"): 5.0,
        (Origin.NETDEV, "rx_errors"): 5.0,
        (Origin.MAC, "FrameCheckSequenceErrors"): 5.0,
        (Origin.DRIVER, "rx_corrected_bits_phy"): 9000.0,
    }
    finding = only(run("error counters", replace(GOOD, events=events)))
    assert finding.evidence == "rx_crc_errors_phy grew by 10 while watched (ethtool -S p1)"
    assert "cable" in finding.advice


def test_errors_of_long_ago_are_no_finding() -> None:
    still = replace(GOOD, events={(Origin.DRIVER, "rx_crc_errors_phy"): 0.0})
    assert run("error counters", still) == []


def counted(count: int) -> Case:
    """A port of InfiniBand with so many symbol errors."""
    link = infiniband("40 Gb/sec (4X QDR)", 32)
    base = case(replace(GOOD, link=link, events={(Origin.RDMA_ERRORS, "symbol_error"): 0}))
    port = base.ports[0]
    now = base.frame.ports[port].now
    reading = now.readings[Origin.RDMA_ERRORS]
    reading = reading._replace(values=(count,))
    now = now._replace(readings={**now.readings, Origin.RDMA_ERRORS: reading})
    ports = {port: base.frame.ports[port]._replace(now=now)}
    return replace(base, frame=base.frame._replace(ports=ports))


def test_a_counter_at_its_ceiling_could_not_tell() -> None:
    assert "65535" in unknown(ask("counters can still count", counted(65535))).reason


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Miscount("eth-mac", 4.0, "netdev", "r1"), "eth-mac has 4 bytes for each that a load test"),
        (
            Miscount("eth-mac", None, "netdev"),
            "eth-mac loses some of the bytes that a load test moved; netdev",
        ),
    ],
)
def test_a_counter_that_a_load_test_proved_wrong_is_a_note(found: Miscount, words: str) -> None:
    base = case(GOOD)
    port = base.ports[0]
    now = base.frame.ports[port].now._replace(miscounts=(found,))
    ports = {port: base.frame.ports[port]._replace(now=now)}
    finding = only(
        judged(ask("counters count right", replace(base, frame=base.frame._replace(ports=ports))))
    )
    assert finding.severity is NOTE and finding.evidence.startswith(words)
    assert ("mlxtop runs show r1" in finding.evidence) == bool(found.run)
    assert isinstance(next(iter(ask("counters count right", base))), Nothing)


@pytest.mark.parametrize(("percent", "long"), [(29, False), (30, True)])
def test_a_card_waits_long_from_30_percent_of_a_second(percent: int, long: bool) -> None:
    waiting = replace(GOOD, gauges={"outbound_pci_stalled_wr": percent})
    assert bool(run("error counters", waiting)) is long


@pytest.mark.parametrize(("rate", "moves"), [(0.0, False), (0.5, True)])
def test_one_more_event_is_growth(rate: float, moves: bool) -> None:
    events = {(Origin.DRIVER, "rx_crc_errors_phy"): rate}
    assert bool(run("error counters", replace(GOOD, events=events))) is moves


def test_a_sum_is_reported_only_where_no_part_of_it_moves() -> None:
    total, other = (Origin.NETDEV, "rx_errors"), (Origin.DRIVER, "rx_crc_errors_phy")
    sending = (Origin.NETDEV, "tx_errors")

    def moving(*keys: tuple[Origin, str]) -> list[str]:
        events = dict.fromkeys(keys, 5.0)
        outcomes = run("error counters", replace(GOOD, events=events))
        return [item.evidence.split()[0] for item in outcomes if isinstance(item, Finding)]

    assert moving(total) == ["rx_errors"]
    assert moving(total, other) == ["rx_crc_errors_phy"]
    assert sorted(moving(sending, other)) == ["rx_crc_errors_phy", "tx_errors"]
    no_part = (Origin.DRIVER, "rx_symbol_err_phy")
    assert sorted(moving(total, no_part)) == ["rx_errors", "rx_symbol_err_phy"]


@pytest.mark.parametrize(("errors", "evidence"), [(5.0, []), (9.0, ["tx_errors"])])
def test_a_sum_is_told_where_it_grows_by_more_than_a_part_that_does_no_harm(
    errors: float, evidence: list[str]
) -> None:
    given_up = {(Origin.NETDEV, "tx_aborted_errors"): 5.0, (Origin.NETDEV, "tx_errors"): errors}
    outcomes = run("error counters", replace(GOOD, events=given_up))
    told = [item.evidence.split()[0] for item in outcomes if isinstance(item, Finding)]
    assert told == evidence


@pytest.mark.parametrize(("count", "stuck"), [(65534, False), (65535, True)])
def test_a_counter_is_stuck_at_its_ceiling(count: int, stuck: bool) -> None:
    assert bool(judged(ask("counters can still count", counted(count)))) is stuck


def test_what_limits_the_traffic_is_a_note_and_a_full_line_is_none() -> None:
    busy = replace(GOOD, cpu=(97.0,) * 16)
    finding = only(run("what limits the traffic", busy))
    assert finding.severity is NOTE
    assert "CPU-bound: " in finding.evidence
    assert "SMT" in finding.why
    assert run("what limits the traffic", replace(GOOD, rx=98.0)) == []


@pytest.mark.parametrize(("gbps", "little"), [(1.99, True), (2.0, False)])
def test_traffic_is_little_below_two_percent_of_the_line(gbps: float, little: bool) -> None:
    outcomes = list(ask("what limits the traffic", case(replace(GOOD, rx=gbps))))
    assert (Nothing("little traffic") in outcomes) is little


def test_traffic_that_was_not_measured_could_not_be_judged() -> None:
    nothing = case(GOOD)
    ports = {port: frame._replace(before={}) for port, frame in nothing.frame.ports.items()}
    first = replace(nothing, frame=nothing.frame._replace(ports=ports))
    assert unknown(ask("what limits the traffic", first)).label == "p1: what limits the traffic"


def carrying(words: int) -> Case:
    """A port of InfiniBand whose data counters stand at so many words."""
    link = infiniband("40 Gb/sec (4X QDR)", 32)
    base = case(replace(GOOD, link=link))
    port = base.ports[0]
    now = base.frame.ports[port].now
    reading = Reading(2.0, Schema(("port_rcv_data", "port_xmit_data")), (words, 7))
    now = now._replace(readings={Origin.RDMA: reading})
    ports = {port: base.frame.ports[port]._replace(now=now)}
    return replace(base, frame=base.frame._replace(ports=ports))


def test_traffic_at_the_ceiling_of_old_counters_could_not_tell() -> None:
    full = unknown(ask("counters can still count", carrying(2**32 - 1)))
    assert "port_rcv_data" in full.what
    assert "4294967295" in full.reason and "perfquery -R" in full.reason
    assert judged(ask("counters can still count", carrying(2**32 - 2))) == []
    assert judged(ask("counters can still count", carrying(2**32))) == []
