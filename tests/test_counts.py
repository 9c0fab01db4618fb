"""What one end sent and the other received over the same seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.ends.counts import LinkCounts, Span, compare
from mlxtop.ends.matching import match
from mlxtop.model.counters import Origin, Schema
from mlxtop.model.machine import ClockOffset, SeenMachine
from mlxtop.model.sample import Reading
from tests.cases import GOOD
from tests.ends import A, B, End, joined, pair

NAMES = ("FramesTransmittedOK", "FramesReceivedOK", "OctetsTransmittedOK", "OctetsReceivedOK")


def counted(machine: SeenMachine, tick: float, sent: int, received: int) -> SeenMachine:
    """The machine at an instant, with totals of packets at the port."""
    ((port, one),) = machine.frame.ports.items()
    values = (sent, received, sent * 1000, received * 1000)
    table = {Origin.MAC: Reading(tick, Schema(NAMES), values)}
    frame = one._replace(now=one.now._replace(readings=table))
    return machine._replace(frame=machine.frame._replace(ports={port: frame}))


def follow(*looks: tuple[float, int, float, int]) -> Span:
    """What a sends and b receives, each with its instant."""
    counts, (a, b), links = LinkCounts(0.1), pair(), match(pair()).links
    for a_tick, sent, b_tick, received in looks:
        counts.take((counted(a, a_tick, sent, 0), counted(b, b_tick, 0, received)), links)
    return counts.packets(A, B)


def test_what_was_sent_between_two_readings_and_never_arrived_is_lost() -> None:
    idle_between = follow(
        (1, 0, 1.5, 0), (2, 0, 2.5, 0), (3, 5000, 3.5, 4000), (4, 5000, 4.5, 4000)
    )
    assert (idle_between.sent, idle_between.least_lost) == (5000, 1000)
    assert idle_between.is_loss
    assert idle_between.shares == (0.2, 0.2)


def test_nothing_is_called_lost_that_may_be_under_way_between_the_readings() -> None:
    steady = follow(*((n, 1000 * n, n + 0.5, 1000 * n - 400) for n in range(1, 6)))
    assert (steady.least_lost, steady.is_loss) == (0, False)
    assert steady.most_lost > 0


def test_a_clock_that_may_be_wrong_makes_the_bounds_wider() -> None:
    sent = [(1.0, 0), (2.0, 1000), (3.0, 1000)]
    received = [(0.95, 0), (3.05, 900)]
    assert compare(sent, received, 0.01).least_lost == 100
    assert compare(sent, received, 0.2).absent


def test_readings_of_one_instant_are_not_enough() -> None:
    assert "some seconds" in follow((1, 0, 1, 0)).absent
    assert follow((1, 0, 1, 0)).shares is None


@pytest.mark.parametrize(("lost", "is_loss"), [(99, False), (100, True)])
def test_a_hundred_packets_are_a_loss(lost: int, is_loss: bool) -> None:
    span = follow(
        (1, 0, 1.5, 0), (2, 0, 2.5, 0), (3, 9000, 3.5, 9000 - lost), (4, 9000, 4.5, 9000 - lost)
    )
    assert span.is_loss is is_loss


def test_a_counter_that_goes_back_begins_anew() -> None:
    span = follow((1, 9000, 1.5, 0), (2, 9500, 2.5, 0), (3, 10, 3.5, 0))
    assert span.absent


def test_ports_whose_kernel_alone_counts_tell_nothing() -> None:
    counts, links = LinkCounts(), match(pair()).links
    machines = [kernel_only(one) for one in pair()]
    counts.take(machines, links)
    assert "kernel" in counts.packets(A, B).absent
    assert "no pause" in counts.pauses(A, B).absent


def kernel_only(machine: SeenMachine) -> SeenMachine:
    ((port, one),) = machine.frame.ports.items()
    table = {Origin.NETDEV: one.now.readings[Origin.NETDEV]}
    frame = one._replace(now=one.now._replace(readings=table))
    return machine._replace(frame=machine.frame._replace(ports={port: frame}))


def test_pause_frames_of_link_and_priorities_are_added() -> None:
    of_link = {"tx_pause_ctrl_phy": 5, "rx_pause_ctrl_phy": 2}
    case = replace(GOOD, gauges={**of_link, "tx_prio3_pause": 40, "rx_prio3_pause": 0})
    counts, machines = LinkCounts(), pair(End("a", situation=case), End("b", situation=case))
    counts.take(machines, match(machines).links)
    assert "some seconds" in counts.pauses(A, B).absent
    assert [(p.sent, p.received) for p in counts._pauses[A].points] == [(45, 2)]


def paused(machine: SeenMachine, tick: float, packets: int, pauses: int) -> SeenMachine:
    """The machine at an instant, with totals of packets and of pause frames that it sent."""
    machine = counted(machine, tick, packets, packets)
    ((port, one),) = machine.frame.ports.items()
    names, values = ("tx_pause_ctrl_phy", "rx_pause_ctrl_phy"), (pauses, 0)
    readings = {**one.now.readings, Origin.DRIVER: Reading(tick, Schema(names), values)}
    frame = one._replace(now=one.now._replace(readings=readings))
    return machine._replace(frame=machine.frame._replace(ports={port: frame}))


@pytest.mark.parametrize(("pauses", "lost"), [(0, 500), (300, 200), (500, 0), (900, 0)])
def test_pause_frames_that_one_end_counts_as_packets_are_not_lost(pauses: int, lost: int) -> None:
    counts, (a, b), links = LinkCounts(0.1), pair(), match(pair()).links
    for tick in range(1, 5):
        sent, arrived, held = (9000, 8500, pauses) if tick > 2 else (0, 0, 0)
        look = paused(a, tick, sent, held), paused(b, tick + 0.5, arrived, 0)
        counts.take(look, links)
    assert (counts.packets(A, B).least_lost, counts.packets(A, B).absent) == (lost, "")


def test_ports_that_are_no_ends_any_more_are_forgotten() -> None:
    counts, machines = LinkCounts(), pair()
    counts.take(machines, match(machines).links)
    counts.take(machines, ())
    assert counts.packets(A, B).absent


def test_simulated_machines_lose_nothing() -> None:
    counts = LinkCounts(0.0)
    for machines in joined("pacu", "fry", seconds=8):
        counts.take(machines, match(machines).links)
    (link,) = match(machines).links
    for sender, receiver in (link.ends, link.ends[::-1]):
        span = counts.packets(sender, receiver)
        assert (span.absent, span.least_lost) == ("", 0)
        assert span.sent > 1000


steps = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 1)), min_size=2, max_size=30)


@given(steps, st.lists(st.integers(0, 29), min_size=2, max_size=12), st.integers(0, 3))
def test_the_bounds_hold_whatever_happens_between_the_readings(
    traffic: list[tuple[int, int]], reads: list[int], error: int
) -> None:
    """Every step sends some packets and loses one or none; the two ends read at any steps."""
    sent, arrived = [0], [0]
    for packets, lost in traffic:
        sent.append(sent[-1] + packets)
        arrived.append(arrived[-1] + packets - min(lost, packets))
    last = len(sent) - 1
    of_a = [(float(n), sent[n]) for n in range(0, last + 1, 2)]
    of_b = [(float(n) + 0.1 * error, arrived[n]) for n in sorted({min(n, last) for n in reads})]
    span = compare(of_a, of_b, 0.1 * error + 0.01)
    if not span.absent:
        assert 0 <= span.least_lost <= sent[-1] - arrived[-1]
        assert span.least_lost <= span.most_lost


def test_another_source_of_the_counters_begins_anew() -> None:
    counts, machines = LinkCounts(0.1), pair()
    links = match(machines).links
    a, b = machines
    for tick in (1, 2, 3):
        counts.take((counted(a, tick, 100, 0), counted(b, tick + 0.5, 0, 100)), links)
    phy = Schema(("tx_packets_phy", "rx_packets_phy", "tx_bytes_phy", "rx_bytes_phy"))
    ((port, one),) = a.frame.ports.items()
    table = {Origin.DRIVER: Reading(4, phy, (9000, 0, 9_000_000, 0))}
    frame = one._replace(now=one.now._replace(readings=table))
    counts.take((a._replace(frame=a.frame._replace(ports={port: frame})), b), links)
    assert counts.packets(A, B).absent


def test_ticks_of_another_machine_are_put_on_our_clock_with_the_error_of_that() -> None:
    def span(clock: ClockOffset | None) -> Span:
        counts, (a, b), links = LinkCounts(0.1), pair(), match(pair()).links
        b = b._replace(clock=clock)
        for tick, sent in ((1, 0), (2, 5000), (3, 5000)):
            look = counted(a, tick, sent, 0), counted(b, 1000 + 2 * tick - 1.5, 0, 0)
            counts.take(look, links)
        return counts.packets(A, B)

    assert span(ClockOffset(1000.0)).least_lost == 5000
    assert span(ClockOffset(1000.0, 1.0)).least_lost == 0
    assert "clocks" in span(None).absent
