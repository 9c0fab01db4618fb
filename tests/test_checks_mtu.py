"""Small packets on fast links, and those that do not reach the peer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Probe
from tests.cases import GOOD, NOTE, WARNING, only, run, unknown
from tests.situations import ethernet


def test_small_frames_on_a_fast_link_are_a_note() -> None:
    finding = only(run("MTU", replace(GOOD, link=ethernet(100, 1500))))
    assert finding.severity is NOTE
    assert "94.1" in finding.why
    assert "99.0" in finding.why
    assert run("MTU", replace(GOOD, link=ethernet(10, 1500))) == []


def test_a_probe_that_only_small_packets_pass_is_a_warning() -> None:
    bad = Probe("fry", "p1", 9000, False, "something on the way takes 1500 bytes at most")
    finding = only(run("MTU to the peer", probes=(bad,)))
    assert finding.severity is WARNING
    assert "1500" in finding.evidence
    answer = unknown(run("MTU to the peer", probes=(Probe("fry", "p1", 9000, None, "no answer"),)))
    assert answer.reason == "no answer"


@pytest.mark.parametrize(
    ("gbps", "mtu", "small"),
    [(100, 8999, True), (100, 9000, False), (25, 8999, True), (24.9, 8999, False), (100, 0, True)],
)
def test_frames_are_small_below_9000_bytes_from_25_gigabits(
    gbps: float, mtu: int, small: bool
) -> None:
    assert bool(run("MTU", replace(GOOD, link=ethernet(gbps, mtu)))) is small
