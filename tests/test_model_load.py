"""Results of processes that run side by side become one."""

from __future__ import annotations

import pytest

from mlxtop.model.load import (
    FlowResult,
    LoadInterval,
    LoadResult,
    join_flows,
    join_intervals,
    join_results,
)


def test_rates_and_counts_of_an_interval_add_up_and_times_are_averaged() -> None:
    one = LoadInterval(0.0, 1.0, 5e9, retransmits=2, rtt=0.001)
    two = LoadInterval(0.1, 1.1, 7e9, retransmits=None, rtt=0.003, omitted=True)
    joined = join_intervals([one, two])
    assert (joined.start, joined.end, joined.bps) == (0.0, 1.1, 12e9)
    assert joined.seconds == pytest.approx(1.1)
    assert joined.rtt == pytest.approx(0.002)
    assert (joined.retransmits, joined.omitted) == (2, False)
    assert (joined.reverse_bps, joined.jitter, joined.lost) == (None, None, None)
    assert join_intervals([one]) is one


def test_a_rate_that_one_process_lacks_is_unknown_and_a_count_is_the_sum_of_the_others() -> None:
    joined = join_flows([FlowResult(5e9, 4e9, 2), FlowResult(7e9, None, None)])
    assert (joined.sent_bps, joined.received_bps, joined.retransmits) == (12e9, None, 2)


def test_a_test_lasts_as_long_as_its_longest_process() -> None:
    flow = FlowResult(5e9)
    one = LoadResult(10.0, flow, flow, cpu_local=50.0)
    joined = join_results([one, LoadResult(None, flow, cpu_local=25.0), LoadResult(12.0, flow)])
    assert (joined.seconds, joined.cpu_local, joined.cpu_remote) == (12.0, 75.0, None)
    assert joined.flow.sent_bps == 15e9
    assert joined.reverse == FlowResult(5e9)
    assert join_results([one]) is one


def test_a_loss_that_one_process_does_not_know_is_unknown() -> None:
    one, two = FlowResult(lost=3, packets=10), FlowResult(packets=20)
    joined = join_flows([one, two])
    assert (joined.lost, joined.packets) == (None, 30)
    parts = [LoadInterval(0.0, 1.0, 1.0, lost=3, packets=9), LoadInterval(0.0, 1.0, 1.0, packets=9)]
    assert (join_intervals(parts).lost, join_intervals(parts).packets) == (None, 18)
