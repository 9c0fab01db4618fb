"""nuttcp's `-fparse` report, and the command that is planned for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.nuttcp import NuttcpReader
from mlxtop.load.reader import FarEnd, Heard
from mlxtop.load.request import LoadRequest
from mlxtop.model.load import Direction, LoadInterval, LoadResult, Tool
from mlxtop.system.door import Finished

from .load_lab import PEER, A, Host, shown

TCP = """\
megabytes=1170.2500 real_sec=1.00 rate_Mbps=9816.1894 retrans=4
megabytes=1731.5000 real_sec=1.00 rate_Mbps=14524.0905 retrans=0
megabytes=0.0500 real_sec=0.01 rate_Mbps=20.0 retrans=0

megabytes=2902.3125 real_seconds=2.00 rate_Mbps=12165.2188 tx_cpu=35 rx_cpu=29 retrans=4 rtt_ms=0.08
"""
UDP = """\
megabytes=23.0831 real_sec=1.00 rate_Mbps=193.6266 drop=86 pkt=2791 data_loss=3.08133

megabytes=46.1064 real_seconds=2.00 rate_Mbps=193.3759 rx_cpu=1 drop=185 pkt=5588 data_loss=3.31068
"""


def read(text: str, **more: object) -> tuple[list[LoadInterval], LoadResult]:
    reader = NuttcpReader(LoadRequest(PEER, **more))  # type: ignore[arg-type]
    events = [event for line in text.splitlines() for event in reader.feed(line)]
    (result,) = reader.finish()
    assert isinstance(result, LoadResult)
    return [event for event in events if isinstance(event, LoadInterval)], result


def test_tcp() -> None:
    intervals, result = read(TCP)
    assert [(i.start, i.end, i.bps, i.retransmits) for i in intervals] == [
        (0.0, 1.0, 9816.1894e6, 4),
        (1.0, 2.0, 14524.0905e6, 0),
    ], "the fragment at the end is left out"
    assert (result.flow.received_bps, result.flow.retransmits) == (12165.2188e6, 4)
    assert (result.seconds, result.cpu_local, result.cpu_remote) == (2.0, 35, 29)


def test_the_receiver_is_here_when_it_is_asked_to_receive() -> None:
    _, result = read(TCP, direction=Direction.RECEIVE)
    assert (result.cpu_local, result.cpu_remote) == (29, 35)


def test_udp_tells_what_was_lost() -> None:
    intervals, result = read(UDP, udp=True)
    assert (intervals[0].lost, intervals[0].packets) == (86, 2791)
    assert (result.flow.lost, result.flow.packets) == (185, 5588)
    assert result.flow.sent_bps == pytest.approx(193.3759e6 / (1 - 0.0331068), rel=1e-5)


def test_a_test_that_carried_nothing_is_no_rate_of_zero() -> None:
    """As printed by 6.1.2 where both ends were short of processor time."""
    reader = NuttcpReader(LoadRequest(PEER))
    line = "megabytes=0.0000 real_seconds=0.00 rate_Mbps=0.0000 tx_cpu=0 rx_cpu=0 retrans=0"
    assert reader.feed(line) == [] and reader.finish() == []
    why = reader.failure(Finished(0, line, ""), Heard(None, False, None), FarEnd(PEER, 5000))
    assert why == "nuttcp moved nothing and ended: its server may be busy with another test"
    lost = "megabytes=0.0000 real_seconds=2.00 rate_Mbps=0.0000 rx_cpu=0 drop=9 pkt=9"
    _, result = read(lost, udp=True)
    assert (result.flow.lost, result.flow.bps) == (9, 0.0)


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ("connect failed: Connection refused", f"no nuttcp server listens at {PEER}:5000"),
        (
            "nuttcp-r: v6.1.2: Error: bind: Address already in use\nerrno=98",
            "the port for the data is in use at one end: "
            "nuttcp-r: v6.1.2: Error: bind: Address already in use",
        ),
        ("", "nuttcp failed and did not say why"),
    ],
)
def test_errors_are_explained(printed: str, why: str) -> None:
    reader = NuttcpReader(LoadRequest(PEER))
    ended = Finished(1, "", printed)
    assert reader.failure(ended, Heard(None, False, None), FarEnd(PEER, 5000)) == why


@given(st.lists(st.tuples(st.sampled_from(["rate_Mbps", "real_sec", "drop"]), st.text())))
def test_no_line_is_too_odd(pairs: list[tuple[str, str]]) -> None:
    reader = NuttcpReader(LoadRequest(PEER))
    reader.feed(" ".join(f"{key}={value}" for key, value in pairs))
    reader.finish()


NUTTCP = "\n$ nuttcp -V\n  | nuttcp-6.1.2\n"


def test_the_command_follows_from_hardware_and_request() -> None:
    host = Host(text=NUTTCP, route=["eth0"]).real(3, "eth0")
    plan = host.plan(shown(A), tool=Tool.NUTTCP, udp=True, bitrate=2e9, streams=2)
    assert plan.tool_version == "6.1.2" and plan.server == ("nuttcp -S -P 5000",)
    assert plan.lines[0].startswith("nuttcp -fparse -i1 -T10 -N2 ")
    assert plan.lines[0].endswith(f"-u -R2000m {PEER}")
    plan = host.plan(shown(A), tool=Tool.NUTTCP, direction=Direction.RECEIVE, port=6000)
    assert plan.lines == (f"nuttcp -fparse -i1 -T10 -r -P 6000 -p 6001 {PEER}",)
