"""iperf 2's reports of several versions, and the command that is planned for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.iperf2 import Iperf2Reader, parse_row
from mlxtop.load.reader import FarEnd, Heard
from mlxtop.load.request import LoadRequest
from mlxtop.model.load import Direction, LoadInterval, LoadResult, Tool
from mlxtop.system.door import Finished

from .load_lab import PEER, A, Host, shown

HEAD = """\
------------------------------------------------------------
Client connecting to 10.0.0.3, TCP port 5001 with pid 711 (2 flows)
Write buffer size: 131072 Byte
------------------------------------------------------------
[  1] local 10.0.0.2%eth0 port 55778 connected with 10.0.0.3 port 5001 (sock=3) (ct=0.11 ms)
"""
ENHANCED = f"""{HEAD}\
[ ID] Interval            Transfer    Bandwidth       Write/Err  Rtry     Cwnd/RTT(var)   NetPwr
[  1] 0.0000-1.0000 sec  1000000 KBytes  8000000 Kbits/sec  100/0          2      340K/76(7) us  9
[  2] 0.0000-1.0000 sec  1500000 KBytes  12000000 Kbits/sec  100/0          1      349K/24(3) us  9
[SUM] 0.0000-1.0000 sec  2500000 KBytes  20000001 Kbits/sec  200/0         3
[  1] 1.0000-2.0000 sec  1000000 KBytes  8100000 Kbits/sec  100/0          0      340K/80(7) us  9
[  2] 1.0000-2.0000 sec  1500000 KBytes  12100000 Kbits/sec  100/0          0      349K/20(3) us  9
[SUM] 1.0000-2.0000 sec  2500000 KBytes  20200001 Kbits/sec  200/0         0
[  1] 0.0000-2.0049 sec  2000000 KBytes  8050000 Kbits/sec  200/0          2      340K/77(14) us  9
[  2] 0.0000-2.0181 sec  3000000 KBytes  12050000 Kbits/sec  200/0          1      367K/35(24) us  9
[SUM] 0.0000-2.0076 sec  5000000 KBytes  20100002 Kbits/sec  400/0         3
[ CT] final connect times (min/avg/max/stdev) = 0.046/0.189/0.332/202.233 ms (tot/err) = 2/0
"""
COUNTED = f"""{HEAD}\
[ ID] Interval            Transfer    Bandwidth       Write/Err  Rtry     InF(pkts)/Cwnd(pkts)/RTT(var)        NetPwr
[  2] 0.0000-1.0000 sec  1500000 KBytes  12000000 Kbits/sec  8073/0         1     1087K(17)/4860K(76)/24(3) us  9
[  1] 0.0000-1.0000 sec  1000000 KBytes  8000000 Kbits/sec  9482/0         2       63K(1)/4604K(72)/76(7) us  9
[SUM-cnt] Interval            Transfer    Bandwidth       Write/Err  Rtry
[SUM-2] 0.0000-1.0000 sec  2500000 KBytes  20000001 Kbits/sec  17555/0         3
[  2] 1.0000-2.0000 sec  1500000 KBytes  12100000 Kbits/sec  9313/0         0      639K(10)/1918K(30)/20(3) us  9
[  2] 0.0000-2.0181 sec  3000000 KBytes  12050000 Kbits/sec  26132/0        1      639K(10)/1918K(30)/35(24) us  9
[  1] 1.0000-2.0000 sec  1000000 KBytes  8100000 Kbits/sec  10852/0         0       63K(1)/2813K(44)/80(7) us  9
[SUM-2] 1.0000-2.0000 sec  2500000 KBytes  20200001 Kbits/sec  20166/0         0
[  1] 0.0000-2.0049 sec  2000000 KBytes  8050000 Kbits/sec  31352/0         2       63K(1)/2813K(44)/77(14) us  9
[SUM-2] 0.0000-2.0076 sec  5000000 KBytes  20100002 Kbits/sec  57484/0        3
"""  # noqa: E501 - iperf 2.2 is wide
OLD = """\
[  3] local 10.0.0.2 port 5033 connected with 10.0.0.3 port 5001
[ ID] Interval       Transfer     Bandwidth
[  3]  0.0- 1.0 sec  1.10 GBytes  9.42 Gbits/sec
[  3]  1.0- 2.0 sec  1.11 GBytes  9.50 Gbits/sec
[  3]  0.0- 2.0 sec  2.20 GBytes  9.46 Gbits/sec
"""
BOTH = """\
[ *1] 0.0000-1.0000 sec  494069 KBytes  4000000 Kbits/sec  3903=10:5:5:40:7:3:5:3828
[  1] 0.0000-1.0000 sec  566656 KBytes  5000000 Kbits/sec  4427/0         22      576K/135(69) us  9
[FD1] 0.0000-1.0000 sec  1060725 KBytes  9000000 Kbits/sec
[ *1] 0.0000-1.0776 sec  494069 KBytes  4100000 Kbits/sec  3903=10:5:5:40:7:3:5:3828
[  1] 0.0000-1.0732 sec  566656 KBytes  5100000 Kbits/sec  4427/0         24      576K/135(69) us  9
[FD1] 0.0000-1.0732 sec  1060725 KBytes  9200000 Kbits/sec
"""
UDP = """\
[  1] 0.0000-1.0000 sec  6401 KBytes  52438 Kbits/sec  4458/0     4460 pps
[  1] 0.0000-1.0035 sec  6401 KBytes  52430 Kbits/sec  4458/0     4460 pps
[  1] Sent 4460 datagrams
[  1] Server Report:
[ ID] Interval       Transfer     Bandwidth        Jitter   Lost/Total Datagrams
[  1] 0.0000-1.0032 sec  6001 KBytes  50000 Kbits/sec   0.020 ms 60/ 4460 (1.3%)
"""


def read(
    text: str, streams: int = 1, direction: Direction = Direction.SEND
) -> tuple[list[LoadInterval], LoadResult | None]:
    reader = Iperf2Reader(LoadRequest(PEER, direction=direction), streams)
    events = [event for line in text.splitlines() for event in reader.feed(line)]
    intervals = [event for event in events if isinstance(event, LoadInterval)]
    results = [event for event in reader.finish() if isinstance(event, LoadResult)]
    return intervals, results[0] if results else None


def test_the_sum_of_several_streams_is_iperfs_own() -> None:
    intervals, result = read(ENHANCED, streams=2)
    assert [(i.start, i.end, i.bps) for i in intervals] == [(0, 1, 20000001e3), (1, 2, 20200001e3)]
    assert [i.retransmits for i in intervals] == [3, 0]
    assert intervals[0].rtt == pytest.approx(50e-6)
    assert result is not None and result.flow.sent_bps == 20100002e3
    assert (result.flow.received_bps, result.flow.retransmits) == (None, 3)
    assert result.seconds == pytest.approx(2.0181)


def test_version_2_2_tells_the_same_with_its_number_of_streams() -> None:
    assert read(COUNTED, streams=2) == read(ENHANCED, streams=2)


def test_a_report_of_2_0_without_columns_is_read() -> None:
    intervals, result = read(OLD)
    assert [i.bps for i in intervals] == [9.42e9, 9.5e9]
    assert result is not None and result.flow.sent_bps == 9.46e9


def test_what_is_received_at_the_same_time_is_the_other_direction() -> None:
    intervals, result = read(BOTH, direction=Direction.BOTH)
    assert [(i.bps, i.reverse_bps) for i in intervals] == [(5e9, 4e9)]
    assert result is not None and result.reverse is not None
    assert (result.flow.sent_bps, result.reverse.received_bps) == (5.1e9, 4.1e9)


def test_what_the_server_of_udp_reports_has_arrived() -> None:
    intervals, result = read(UDP)
    assert len(intervals) == 1 and intervals[0].retransmits is None, "packets a second are no such"
    assert result is not None
    assert (result.flow.sent_bps, result.flow.received_bps) == (52430e3, 50000e3)
    assert (result.flow.lost, result.flow.packets) == (60, 4460)
    assert result.flow.jitter == pytest.approx(20e-6)


def test_amounts_have_a_total_alone() -> None:
    text = "[ 1] 0.0000-41.2839 sec 50.0 GBytes 10.4 Gbits/sec\n"
    text += "[ 2] 0.0000-41.3647 sec 50.0 GBytes 10.4 Gbits/sec\n"
    text += "[SUM] 0.0000-41.5723 sec 100 GBytes 20.7 Gbits/sec\n"
    intervals, result = read(text, streams=2)
    assert intervals == []
    assert result is not None and result.flow.sent_bps == pytest.approx(20.7e9)


def test_status_0_without_a_report_is_a_failure() -> None:
    reader = Iperf2Reader(LoadRequest(PEER), 1)
    ended = Finished(0, "", "tcp connect failed: Connection refused\n")
    at = FarEnd(PEER, 5001)
    why = reader.failure(ended, Heard(None, False, None), at)
    assert why == f"no iperf server listens at {PEER}:5001"
    assert reader.failure(Finished(0, "", ""), Heard(None, True, None), at) is None


@given(st.text(alphabet="[]SUMFD *0123456789.-secKMGBytesbits/%()", max_size=90))
def test_no_line_is_too_odd(line: str) -> None:
    row = parse_row(line)
    assert row is None or row.bps >= 0


IPERF = """
$ iperf --version
  | iperf version 2.1.8 (12 August 2022) pthreads
$ iperf --help
  |  -e, --enhanced    use enhanced
  |      --full-duplex run
"""


def test_the_command_follows_from_hardware_and_request() -> None:
    host = Host(text=IPERF, route=["eth0"]).real(3, "eth0")
    plan = host.plan(shown(A), tool=Tool.IPERF, streams=4, seconds=7, direction=Direction.BOTH)
    (line,) = plan.lines
    assert line.startswith(f"iperf -c {PEER} -p 5001 -t 7 -i 1 -P 4 -f k -e -B 10.0.0.2%eth0")
    assert line.endswith("--full-duplex")
    assert plan.server == ("iperf -s -p 5001",) and plan.tool_version == "2.1.8"
    plan = host.plan(shown(A), tool=Tool.IPERF, amount=50 << 30, udp=True, bitrate=1e9, streams=2)
    assert "-n 53687091200 " in plan.lines[0] and "-u -b 500000000" in plan.lines[0]
