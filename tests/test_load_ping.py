"""ping as a test: its percentiles, what was lost, and packets that fill the path's MTU."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.ping import PingReader, percentile
from mlxtop.load.reader import FarEnd, Heard
from mlxtop.load.request import LoadRequest
from mlxtop.model.load import LoadResult, Tool
from mlxtop.system.door import Finished

from .load_lab import PEER, planned

AT = FarEnd(PEER, 0)
NONE = Heard(None, False, None)


def reader_of(text: str) -> PingReader:
    reader = PingReader()
    for line in text.splitlines():
        reader.feed(line)
    return reader


def test_times_have_percentiles() -> None:
    times = [
        f"8980 bytes from {PEER}: icmp_seq={n} ttl=64 time=0.{n:03d} ms" for n in range(1, 101)
    ]
    times.append("102 packets transmitted, 100 received, 1.96% packet loss, time 9ms")
    (result,) = reader_of("\n".join(times)).finish()
    assert isinstance(result, LoadResult) and result.latency is not None
    latency = result.latency
    assert latency.typical == pytest.approx(50e-6) and latency.p99 == pytest.approx(99e-6)
    assert latency.min == pytest.approx(1e-6) and latency.max == pytest.approx(100e-6)
    assert (result.flow.lost, result.flow.packets) == (2, 102)


def test_packets_that_are_too_large_tell_what_the_path_takes() -> None:
    text = "PING 10.0.0.3 (10.0.0.3) 8972(9000) bytes of data.\n"
    text += "ping: local error: message too long, mtu=1500"
    reader = reader_of(text)
    assert reader.finish() == []
    why = reader.failure(Finished(1, "", ""), NONE, AT)
    assert why == f"packets of that size do not reach {PEER}: the path takes 1500 bytes"
    silent = reader_of("2 packets transmitted, 0 received, 100% packet loss")
    why = silent.failure(Finished(1, "", ""), NONE, AT)
    assert why == f"{PEER} does not answer packets of that size"


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_one_of_the_values(values: list[float], share: float) -> None:
    ordered = sorted(values)
    value = percentile(ordered, share)
    assert value in ordered
    assert sum(one <= value for one in ordered) >= share * len(ordered) - 1e-9


def test_the_command_sends_whole_packets_of_the_devices_mtu() -> None:
    plan = planned(LoadRequest(PEER, tool=Tool.PING, seconds=2))
    assert plan.refusals == () and plan.expected is None and plan.server == ()
    assert plan.lines == (f"ping -n -c 10 -i 0.2 -W 1 -M do -s 8972 -I enp67s0np0 {PEER}",)
