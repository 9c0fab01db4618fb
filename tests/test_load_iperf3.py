"""iperf3's output in all its forms becomes the same values."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.iperf3 import (
    Iperf3,
    Iperf3Reader,
    explain,
    parse_options,
    parse_version,
    probe,
)
from mlxtop.load.reader import cause_of
from mlxtop.model.load import LoadError, LoadEvent, LoadInterval, LoadResult
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

CAPTURES = os.environ.get("MLXTOP_CAPTURES", "")

BIDIR = """\
iperf 3.12
Connecting to host 10.0.0.3, port 5201
[  5] local 10.0.0.2 port 4162 connected to 10.0.0.3 port 5201
[  7] local 10.0.0.2 port 4172 connected to 10.0.0.3 port 5201
[  9] local 10.0.0.2 port 4182 connected to 10.0.0.3 port 5201
[ 12] local 10.0.0.2 port 4194 connected to 10.0.0.3 port 5201
Starting Test: protocol: TCP, 2 streams, 131072 byte blocks, omitting 1 seconds, 2 second test
[ ID][Role] Interval           Transfer     Bitrate         Retr  Cwnd
[  5][TX-C]   0.00-1.00   sec   915 MBytes  7654321 Kbits/sec    0    895 KBytes       (omitted)
[  7][TX-C]   0.00-1.00   sec   915 MBytes  7654321 Kbits/sec    0    895 KBytes       (omitted)
[SUM][TX-C]   0.00-1.00   sec  1.79 GBytes  15308642 Kbits/sec    0             (omitted)
[  9][RX-C]   0.00-1.00   sec   108 MBytes  1820000 Kbits/sec                  (omitted)
[ 12][RX-C]   0.00-1.00   sec   111 MBytes  1860000 Kbits/sec                  (omitted)
[SUM][RX-C]   0.00-1.00   sec   220 MBytes  3680000 Kbits/sec                  (omitted)
- - - - - - - - - - - - - - - - - - - - - - - - -
[  5][TX-C]   1.00-1.00   sec   349 MBytes  2930000 Kbits/sec    0    895 KBytes
[  7][TX-C]   1.00-1.00   sec   349 MBytes  2930000 Kbits/sec    0    895 KBytes
[SUM][TX-C]   1.00-1.00   sec   698 MBytes  5850000 Kbits/sec    0
[  9][RX-C]   1.00-1.00   sec   314 MBytes  2630000 Kbits/sec
[ 12][RX-C]   1.00-1.00   sec   314 MBytes  2630000 Kbits/sec
[SUM][RX-C]   1.00-1.00   sec   628 MBytes  5270000 Kbits/sec
- - - - - - - - - - - - - - - - - - - - - - - - -
[  5][TX-C]   0.00-1.00   sec   706 MBytes  11800001 Kbits/sec    4   2.25 MBytes
[  7][TX-C]   0.00-1.00   sec   706 MBytes  11800002 Kbits/sec    2   2.37 MBytes
[SUM][TX-C]   0.00-1.00   sec  1.38 GBytes  23600003 Kbits/sec    6
[  9][RX-C]   0.00-1.00   sec   294 MBytes  4930000 Kbits/sec
[ 12][RX-C]   0.00-1.00   sec   299 MBytes  5010000 Kbits/sec
[SUM][RX-C]   0.00-1.00   sec   593 MBytes  9940000 Kbits/sec
- - - - - - - - - - - - - - - - - - - - - - - - -
Test Complete. Summary Results:
[ ID][Role] Interval           Transfer     Bitrate         Retr
[  5][TX-C]   0.00-1.00   sec  2.18 GBytes  9370000 Kbits/sec    6             sender
[  5][TX-C]   0.00-1.00   sec  2.19 GBytes  9390000 Kbits/sec                  receiver
[  7][TX-C]   0.00-1.00   sec  2.17 GBytes  9320000 Kbits/sec    9             sender
[  7][TX-C]   0.00-1.00   sec  2.18 GBytes  9350000 Kbits/sec                  receiver
[SUM][TX-C]   0.00-1.00   sec  4.35 GBytes  18690000 Kbits/sec   15             sender
[SUM][TX-C]   0.00-1.00   sec  4.36 GBytes  18740000 Kbits/sec                  receiver
[  9][RX-C]   0.00-1.00   sec  1.23 GBytes  5290000 Kbits/sec    6             sender
[  9][RX-C]   0.00-1.00   sec  1.20 GBytes  5150000 Kbits/sec                  receiver
[ 12][RX-C]   0.00-1.00   sec  1.19 GBytes  5120000 Kbits/sec    0             sender
[ 12][RX-C]   0.00-1.00   sec  1.16 GBytes  4980000 Kbits/sec                  receiver
[SUM][RX-C]   0.00-1.00   sec  2.43 GBytes  10410000 Kbits/sec    6             sender
[SUM][RX-C]   0.00-1.00   sec  2.36 GBytes  10130000 Kbits/sec                  receiver
CPU Utilization: local/sender 52.1% (0.4%u/51.7%s), remote/receiver 50.1% (0.8%u/49.3%s)
snd_tcp_congestion bbr

iperf Done.
"""

OLD_UDP = """\
Connecting to host 10.0.0.3, port 5201
[  4] local 10.0.0.2 port 60316 connected to 10.0.0.3 port 5201
[ ID] Interval           Transfer     Bandwidth       Total Datagrams
[  4]   0.00-1.00   sec   116 KBytes   950 Kbits/sec  81
[  4]   1.00-2.00   sec   128 KBytes  1.05 Mbits/sec  90
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bandwidth       Jitter    Lost/Total Datagrams
[  4]   0.00-2.00   sec   244 KBytes  1.00 Mbits/sec  0.016 ms  17/170 (10%)
[  4] Sent 170 datagrams

iperf Done.
"""


def read(text: str, interval: float = 1.0) -> list[LoadEvent]:
    reader = Iperf3Reader(interval)
    return [e for line in text.splitlines() for e in reader.feed(line)] + reader.finish()


def intervals(events: list[LoadEvent]) -> list[LoadInterval]:
    return [event for event in events if isinstance(event, LoadInterval)]


def result(events: list[LoadEvent]) -> LoadResult:
    (found,) = [event for event in events if isinstance(event, LoadResult)]
    return found


def test_both_directions_of_all_streams_are_told_together() -> None:
    events = read(BIDIR)
    warm, first = intervals(events)
    assert warm.omitted and not first.omitted
    assert (first.start, first.end) == (0.0, 1.0)
    assert (first.bps, first.reverse_bps, first.retransmits) == (23600003e3, 9940000e3, 6)
    end = result(events)
    assert (end.flow.sent_bps, end.flow.received_bps, end.flow.retransmits) == (
        18690000e3,
        18740000e3,
        15,
    )
    assert end.reverse is not None
    assert (end.reverse.received_bps, end.reverse.retransmits) == (10130000e3, 6)
    assert (end.cpu_local, end.cpu_remote) == (52.1, 50.1)


def test_an_interval_is_told_with_its_last_row() -> None:
    reader = Iperf3Reader()
    for line in BIDIR.splitlines():
        told = intervals(reader.feed(line))
        assert bool(told) == (line.startswith("[SUM][RX-C]   0.00-1.00") and "er" not in line[60:])
        if "iperf Done" in line or "Summary" in line:
            break


def test_the_udp_summary_of_old_versions_has_no_sender_and_receiver() -> None:
    events = read(OLD_UDP)
    assert [round(i.bps) for i in intervals(events)] == [950_000, 1_050_000]
    assert [i.packets for i in intervals(events)] == [81, 90]
    flow = result(events).flow
    assert flow.sent_bps == 1e6
    assert flow.received_bps == pytest.approx(0.9e6)
    assert (flow.lost, flow.packets) == (17, 170)
    assert flow.jitter == pytest.approx(16e-6)


UNKNOWN = """\
[  5] local 10.0.0.2 port 46850 connected to 10.0.0.3 port 5201
[ ID] Interval           Transfer     Bitrate         Total Datagrams
[  5]   0.00-1.00   sec  122070 KBytes  999990 Kbits/sec  86805
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate         Jitter    Lost/Total Datagrams
[  5]   0.00-1.00   sec  122070 KBytes  999990 Kbits/sec  0.000 ms  0/86805 (0%)  sender
[  5]   0.00-1.00   sec  110000 KBytes  901120 Kbits/sec  0.007 ms  Unknown/86790  receiver
"""


def test_datagrams_whose_loss_the_receiver_does_not_know_are_counted() -> None:
    flow = result(read(UNKNOWN)).flow
    assert (flow.packets, flow.lost) == (86790, None)
    assert flow.jitter == pytest.approx(7e-6)
    assert (flow.sent_bps, flow.received_bps) == (999_990_000, 901_120_000)
    lost = result(read(UNKNOWN.replace("Unknown/86790", "12/Unknown"))).flow
    assert (lost.packets, lost.lost) == (None, 12)
    dark = result(read(UNKNOWN.replace("0.007 ms  Unknown/86790", "Unknown ms  Unknown/9"))).flow
    assert (dark.packets, dark.lost, dark.jitter) == (9, None, None)


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        ("taskset: failed to set affinity: Invalid argument\nusage\n", "taskset: failed"),
        ("iperf3: error while loading shared libraries: libiperf.so.0\n", "libiperf.so.0"),
        ("ld.so: preload ignored\nstack smashing detected\n", "stack smashing"),
        ("\n", ""),
    ],
)
def test_the_first_error_of_a_dying_process_is_its_cause(printed: str, cause: str) -> None:
    assert cause in cause_of(printed).text


def test_fragments_of_an_interval_are_left_out() -> None:
    line = '{"event":"interval","data":{"sum":{"start":%s,"end":%s,"bits_per_second":5}}}'
    assert len(intervals(read(line % (2, 2.004)))) == 0
    assert len(intervals(read(line % (2, 2.26), interval=0.5))) == 1


def test_bytes_count_in_1024s_and_bits_in_1000s() -> None:
    row = "[  5]   0.00-1.00   sec  1.00 MBytes  1.00 MBytes/sec    0   1.81 MBytes"
    (only,) = intervals(read("[ ID] Interval Transfer Bitrate Retr Cwnd\n" + row))
    assert only.bps == 8 * 2**20


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("iperf3: error - the server is busy running a test. try again later", "busy"),
        ("iperf3: interrupt - the client has terminated", "interrupted"),
        ("iperf3: error - unable to connect to server: No route to host", "cannot be reached"),
        ("iperf3: error - unable to connect to server: Connection timed out", "does not answer"),
        ("/usr/bin/iperf3: unrecognized option '--bad'", "unrecognized option '--bad'"),
        ("iperf3: parameter error - number of parallel streams too large", "too large"),
        ('{"event":"error","data":"interrupt - the server has terminated"}', "ended the test"),
    ],
)
def test_errors_are_told_in_one_line(line: str, said: str) -> None:
    (error,) = [e for e in read(line) if isinstance(e, LoadError)]
    assert said in explain(error, "10.0.0.3", 5201)


def test_addresses_of_ipv6_are_told_in_brackets() -> None:
    assert "[fd00::3]:5201" in explain(LoadError("Connection refused"), "fd00::3", 5201)


def captured(text: str) -> CapturedSystem:
    return CapturedSystem("test", capture := parse_capture(f"{HEADER}\n{text}"), capture)


def test_what_an_iperf3_can_is_told_by_its_help_and_version() -> None:
    system = captured(
        "$ iperf3 --version\n  | iperf 3.12 (cJSON 1.7.15)\n"
        "$ iperf3 --help => 1\n  &   --bidir                   run in bidirectional mode.\n"
    )
    found = probe(system)
    assert found == Iperf3("/usr/bin/iperf3", (3, 12), frozenset({"--bidir"}))
    assert not found.threads and found.words == "3.12"
    assert probe(captured("")) is None


def test_threads_came_with_3_16() -> None:
    def threads(text: str) -> bool:
        return Iperf3("", parse_version(text), frozenset()).threads

    assert [threads(f"iperf {v}") for v in ("3.9", "3.15", "3.16", "3.19.1", "4.0")] == [
        False,
        False,
        True,
        True,
        True,
    ]


ROW = st.builds(
    "[{}]{} {}-{} sec {} {}Bytes {} {}/sec {}".format,
    st.sampled_from(["  5", "SUM", "999999999"]),
    st.sampled_from(["", "[TX-C]", "[RX-C]", "[RX-S]"]),
    st.sampled_from(["0.00", "1.00", "9" * 9 + ".99", "1.2.3"]),
    st.sampled_from(["0.00", "1.00", "5.00"]),
    st.sampled_from(["0.00", "1.5", "9" * 15, "9" * 40]),
    st.sampled_from(["", "K", "E", "Q"]),
    st.sampled_from(["0.00", "-nan", "9" * 15]),
    st.sampled_from(["bits", "Ebits", "EBytes"]),
    st.sampled_from(["", "0 1 KBytes", "0.1 ms 0/5 (0%) receiver", "1.0 ms -5/5 (", "7 sender"]),
)
PROSE = st.sampled_from(
    [
        *BIDIR.splitlines(),
        *OLD_UDP.splitlines(),
        '{"event":"end","data":{"sum":{"bits_per_second":1e999,"packets":-1}}}',
        '{"event":"interval","data":{"sum":{"start":[],"end":null,"bits_per_second":true}}}',
        '{"event":"interval","data":{"sum":{"start":0,"end":1,"bits_per_second":1},"streams":[1]}}',
    ]
)


@given(st.lists(st.one_of(ROW, PROSE, st.text(max_size=80)), max_size=12))
def test_no_text_makes_the_reader_raise(lines: list[str]) -> None:
    read("\n".join(lines))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "start",
                    "end",
                    "event",
                    "data",
                    "sum",
                    "sum_sent",
                    "sum_received",
                    "streams",
                    "bits_per_second",
                    "intervals",
                    "rtt",
                    "error",
                    "packets",
                    "seconds",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["start", "interval", "end", "error"]), st.text())
def test_no_json_makes_the_parsers_raise(value: object, event: str, text: str) -> None:
    read(json.dumps({"event": event, "data": value}))
    parse_version(text)
    parse_options(text)


@pytest.mark.captures
@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
def test_captured_outputs_give_their_known_facts() -> None:
    facts = json.loads((Path(CAPTURES) / "EXPECTED.json").read_text())
    names = [name for name in facts if name.startswith("iperf3/")]
    assert len(names) >= 12
    for name in names:
        text = (Path(CAPTURES) / name).read_text()
        wanted = facts[name]
        whole = name.endswith(".json") and not wanted.get("json_stream")
        events = read(stream_of(text) if whole else text)
        told = {key: value for key, value in facts_of(events).items() if key in wanted}
        assert told == {key: wanted[key] for key in told}, name
        assert set(wanted) <= {*told, *NOT_OURS}, name


NOT_OURS = {
    "version_style",
    "sum",
    "complete",
    "json",
    "json_stream",
    "event",
    "sender",
    "stream_ids",
    *(
        "proto",
        "streams",
        "version",
        "host",
        "remote_host",
        "port",
        "reverse",
        "bidir",
        "duration_s",
    ),
}
"""Facts about single rows and about the file, which no value of ours repeats."""


def stream_of(text: str) -> str:
    """The document of `-J` as the lines of `--json-stream`."""
    document = json.loads(text)
    lines = [{"event": "interval", "data": data} for data in document["intervals"]]
    lines += [{"event": key, "data": document[key]} for key in ("end", "error") if key in document]
    return "\n".join(map(json.dumps, lines))


def facts_of(events: list[LoadEvent]) -> dict[str, object]:
    """What EXPECTED.json says of a file, made from the values alone."""
    found: dict[str, object] = {}
    for event in events:
        if isinstance(event, LoadError):
            found |= {"error": event.text}
        elif isinstance(event, LoadInterval):
            found |= {
                "gbps": event.bps / 1e9,
                "mbps": event.bps / 1e6,
                "tx_gbps": event.bps / 1e9,
                "rx_gbps": (event.reverse_bps or 0) / 1e9,
                "rtt_us": round((event.rtt or 0) * 1e6),
                "jitter_ms": (event.jitter or 0) * 1e3,
                "retransmits": event.retransmits,
                "lost": event.lost,
                "packets": event.packets,
            }
        elif isinstance(event, LoadResult):
            found |= result_facts(event)
    found["intervals"] = len(intervals(events))
    return found


def result_facts(end: LoadResult) -> dict[str, object]:
    flow, back = end.flow, end.reverse
    found: dict[str, object] = {
        "sender_gbps": (flow.sent_bps or 0) / 1e9,
        "receiver_gbps": (flow.received_bps or 0) / 1e9,
        "sender_mbps": (flow.sent_bps or 0) / 1e6,
        "receiver_mbps": (flow.received_bps or 0) / 1e6,
        "sum_sender_mbps": (flow.sent_bps or 0) / 1e6,
        "sum_receiver_mbps": (flow.received_bps or 0) / 1e6,
        "sum_sent_bits_per_second": flow.sent_bps,
        "sum_received_bits_per_second": flow.received_bps,
        "retransmits": flow.retransmits,
        "lost": flow.lost,
        "total": flow.packets,
        "jitter_ms": round((flow.jitter or 0) * 1e3, 6),
        "sum_sent": {"retransmits": flow.retransmits},
    }
    if flow.lost is not None and flow.packets:
        found["lost_percent"] = round(100 * flow.lost / flow.packets, 2)
    if back is not None:
        found |= {
            "bidir": True,
            "proto": "TCP",
            "tx_sender_mbps": (flow.sent_bps or 0) / 1e6,
            "tx_receiver_mbps": (flow.received_bps or 0) / 1e6,
            "rx_sender_mbps": (back.sent_bps or 0) / 1e6,
            "rx_receiver_mbps": (back.received_bps or 0) / 1e6,
            "retransmits_tx": flow.retransmits,
            "retransmits_rx": back.retransmits,
        }
    return found


@pytest.mark.parametrize(("end", "count"), [(2.49, 0), (2.5, 1)])
def test_half_an_interval_counts_and_less_does_not(end: float, count: int) -> None:
    line = '{"event":"interval","data":{"sum":{"start":2,"end":%s,"bits_per_second":5}}}'
    assert len(intervals(read(line % end))) == count
