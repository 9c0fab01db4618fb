"""qperf's figures and units, and the command that is planned for it."""

from __future__ import annotations

from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.plan import plan_load
from mlxtop.load.qperf import QperfReader, parse_report, parse_value
from mlxtop.load.reader import FarEnd, Heard
from mlxtop.load.request import LoadRequest
from mlxtop.model.linkrate import Protocol
from mlxtop.model.load import LoadResult, Tool
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.system.door import Finished

from .load_lab import PEER, A, Host, shown, simulated


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("    bw  =  1516863488 bytes/sec", 1516863488.0),
        ("    bw              =  1.41 GB/sec", 1.41e9),
        ("    bw  =  640 KB/sec", 640e3),
        ("    latency  =  11619 ns", 11.619e-6),
        ("    latency        =  9.6 us", 9.6e-6),
        ("    latency  =  1.2 ms", 1.2e-3),
        ("    msg_rate        =  21.5 K/sec", 21.5e3),
        ("    send_cpus_used  =   199 % cpus", 199.0),
        ("    time            =     1 sec", 1.0),
    ],
)
def test_units_are_as_printed(line: str, value: float) -> None:
    parsed = parse_value(line)
    assert parsed is not None and parsed[1] == pytest.approx(value)


def test_datagrams_that_are_sent_need_not_arrive() -> None:
    text = "udp_bw:\n    send_bw  =  1326661632 bytes/sec\n    recv_bw   =  755335168 bytes/sec\n"
    result = parse_report(text)
    assert result is not None
    assert (result.flow.sent_bps, result.flow.received_bps) == (1326661632 * 8, 755335168 * 8)


def test_a_latency_is_an_average() -> None:
    result = parse_report("rc_lat:\n    latency  =  1.34 us\n    loc_cpus_used = 100 % cpus\n")
    assert result is not None and result.latency is not None
    assert result.latency.average == pytest.approx(1.34e-6) and result.latency.p99 is None
    assert result.cpu_local == 100 and result.flow.sent_bps is None


def test_the_sum_of_both_directions_is_divided() -> None:
    reader = QperfReader(LoadRequest(PEER, tool=Tool.QPERF, test="rc_bi_bw"))
    for line in ("rc_bi_bw:", "    bw  =  10 GB/sec"):
        reader.feed(line)
    (result,) = reader.finish()
    assert isinstance(result, LoadResult) and result.reverse is not None
    assert (result.flow.sent_bps, result.reverse.sent_bps) == (40e9, 40e9)


def test_a_test_that_prints_no_figure_has_failed() -> None:
    reader = QperfReader(LoadRequest(PEER, tool=Tool.QPERF))
    reader.feed("tcp_bw:")
    reader.feed(f"{PEER}: failed to connect")
    assert reader.finish() == []
    heard, at = Heard(None, False, None), FarEnd(PEER, 19765)
    why = reader.failure(Finished(1, "", ""), heard, at)
    assert why == f"no qperf server answers at {PEER}:19765"


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    parse_report(text)


QPERF = "\n$ qperf --version\n  | qperf 0.4.11\n"


def test_the_command_follows_from_hardware_and_request() -> None:
    host = Host(text=QPERF, route=["eth0"]).real(3, "eth0")
    plan = host.plan(shown(A), tool=Tool.QPERF)
    assert plan.lines == (f"qperf -uu -v -t 10 {PEER} tcp_bw",)
    assert plan.request.protocol is Protocol.TCP
    plan = host.plan(shown(A), tool=Tool.QPERF, test="rc_rdma_write_bw", size=65536)
    assert plan.lines == (f"qperf -uu -v -t 10 -cm1 -m 65536 {PEER} rc_rdma_write_bw",), "RoCE"
    assert plan.request.protocol is Protocol.RDMA and plan.expected is not None
    assert host.plan(shown(A), tool=Tool.QPERF, test="rc_lat").expected is None


def test_a_test_that_qperf_does_not_have_is_refused() -> None:
    host = Host(text=QPERF, route=["eth0"]).real(3, "eth0")
    request = LoadRequest(PEER, tool=Tool.QPERF, test="conf")
    plan = plan_load(host.system, shown(A), request)
    assert plan.refusals[0].startswith("qperf has no test 'conf'")


def test_on_infiniband_the_device_is_named_unless_rdma_cm_is_asked_for() -> None:
    system = simulated("odroid")
    source = LiveSource(system, patience=5.0)
    shown_ = next(frames(source, Event()))
    request = LoadRequest("10.10.10.21", tool=Tool.QPERF, test="rc_lat")
    (line,) = plan_load(system, shown_, request).lines
    assert line == "qperf -uu -v -t 10 -li mlx4_0:1 10.10.10.21 rc_lat"
    (line,) = plan_load(system, shown_, request._replace(rdma_cm=True)).lines
    assert line == "qperf -uu -v -t 10 -cm1 10.10.10.21 rc_lat"
    source.close()
