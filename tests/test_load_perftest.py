"""perftest's reports, bandwidth and latency."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.perftest import parse_report

CAPTURES = os.environ.get("MLXTOP_CAPTURES", "")
LINE = "-" * 87

WRITE = f"""\
{LINE}
                    RDMA_Write BW Test
 Dual-port       : OFF\t\tDevice         : rxe_pacu
 Number of qps   : 1\t\tTransport type : IB
 Mtu             : 1024[B]
 Link type       : Ethernet
{LINE}
 local address: LID 0000 QPN 0x0011 PSN 0xac2f11 RKey 0x000263 VAddr 0x007f5cd1b94000
{LINE}
 #bytes     #iterations    BW peak[MiB/sec]    BW average[MiB/sec]   MsgRate[Mpps]   CPU_Util[%]
 65536      10000            0.00               1024.00		     0.016384		 6.25
{LINE}
"""
LATENCY = """\
                    Send Latency Test
 #bytes        #iterations       t_avg[usec]    tps average
 2             61234            4.50           222000.00
"""


def test_a_bandwidth_report_gives_bits_per_second() -> None:
    result = parse_report(WRITE)
    assert result is not None and result.latency is None
    assert (result.flow.sent_bps, result.flow.received_bps) == (2**30 * 8, 2**30 * 8)
    assert result.cpu_local == 6.25


def test_a_latency_report_of_fixed_duration_has_an_average_alone() -> None:
    result = parse_report(LATENCY)
    assert result is not None and result.latency is not None
    assert result.latency.average == pytest.approx(4.5e-6)
    assert result.latency.min is None
    assert result.flow.received_bps is None


def test_a_report_without_rows_has_no_result() -> None:
    assert parse_report("\n".join(WRITE.splitlines()[:-2])) is None


def test_warnings_between_the_rows_are_no_rows() -> None:
    text = WRITE.replace(" 65536 ", "Conflicting CPU frequency values detected\n 65536 ")
    assert parse_report(text) == parse_report(WRITE)


BOTH = WRITE.replace("RDMA_Write BW", "RDMA_Write Bidirectional BW")


def test_the_sum_of_both_directions_is_divided() -> None:
    result = parse_report(BOTH)
    assert result is not None and result.reverse is not None
    each = (2**30 * 4, 2**30 * 4)
    for flow in (result.flow, result.reverse):
        assert (flow.sent_bps, flow.received_bps) == each
    alone = parse_report(WRITE)
    assert alone is not None and alone.reverse is None


def test_settings_of_the_head_are_read_by_the_tools_names() -> None:
    head = " rdma_cm QPs\t : ON\n Data ex. method : rdma_cm\n"
    head += " PCIe relax order: ON           Lock-free      : OFF\n"
    warning = " WARNING: BW peak won't be measured in this run.\n"
    result = parse_report(warning + WRITE.replace(" Link type", f"{head} Link type"))
    assert result is not None
    assert result.setup == {
        "Dual-port": "OFF",
        "Device": "rxe_pacu",
        "Number of qps": "1",
        "Transport type": "IB",
        "Mtu": "1024[B]",
        "rdma_cm QPs": "ON",
        "Data ex. method": "rdma_cm",
        "PCIe relax order": "ON",
        "Lock-free": "OFF",
        "Link type": "Ethernet",
    }


@given(
    st.lists(
        st.one_of(
            st.text(max_size=60),
            st.sampled_from([*WRITE.splitlines(), *LATENCY.splitlines()]),
            st.lists(st.sampled_from(["1", "9" * 18, "0.5", "-1", "٣", "1e9"]), max_size=9).map(
                " ".join
            ),
        ),
        max_size=10,
    )
)
def test_no_text_makes_the_parser_raise(lines: list[str]) -> None:
    parse_report("\n".join(lines))


@pytest.mark.captures
@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
def test_captured_reports_give_their_known_facts() -> None:
    facts = json.loads((Path(CAPTURES) / "EXPECTED.json").read_text())
    names = [name for name in facts if name.startswith("perf/ib-")]
    assert len(names) >= 2
    for name in names:
        result = parse_report((Path(CAPTURES) / name).read_text())
        assert result is not None, name
        read = {"avg_gbps": (result.flow.sent_bps or 0.0) / 1e9}
        if (latency := result.latency) is not None:
            read |= {
                "t_min": (latency.min or 0.0) * 1e6,
                "t_max": (latency.max or 0.0) * 1e6,
                "t_typical": (latency.typical or 0.0) * 1e6,
                "t_avg": (latency.average or 0.0) * 1e6,
                "p99": (latency.p99 or 0.0) * 1e6,
                "p999": (latency.p999 or 0.0) * 1e6,
            }
        facts_of_row = facts[name]["rows"][-1]
        for key in read.keys() & facts_of_row.keys():
            assert read[key] == pytest.approx(facts_of_row[key]), (name, key)
