"""perftest's reports, bandwidth and latency."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.perftest import PerftestReader, parse_report
from mlxtop.load.reader import FarEnd, Heard
from mlxtop.model.load import Tool
from mlxtop.system.door import Finished

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


HEAD_624 = f"""\
 WARNING: BW peak won't be measured in this run.
{LINE}
                    {{title}}
 Dual-port       : OFF\t\tDevice         : mlx5_0
 Number of qps   : 1\t\tTransport type : IB
 Connection type : RC\t\tUsing SRQ      : OFF
 PCIe relax order: ON\t\tLock-free      : OFF
 ibv_wr* API     : ON\t\tUsing DDP      : OFF
 TX depth        : 128
 CQ Moderation   : 1
 Mtu             : 4096[B]
 Link type       : Ethernet
 GID index       : 3
 Max inline data : 0[B]
 rdma_cm QPs\t : OFF
 Data ex. method : Ethernet
{LINE}
 local address: LID 0000 QPN 0x0011 PSN 0x10aa01 RKey 0x000253 VAddr 0x00555585847000
 GID: 00:00:00:00:00:00:00:00:00:00:255:255:10:00:00:02
{LINE}
"""
"""The head of Debian 13's perftest, 25.01 of version 6.24."""
BW_624 = " #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]\n"
LAT_624 = (
    " #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    "
    "t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec] \n"
)


@pytest.mark.parametrize(
    ("title", "table", "sent", "received"),
    [
        (
            "RDMA_Write BW Test",
            " 65536      1048576          0.00               91.50  \t\t     0.174522\n",
            *(91.5e9, 91.5e9),
        ),
        (
            "RDMA_Write Bidirectional BW Test",
            " 65536      1280             0.00               180.00 \t\t     0.343323\n",
            *(90e9, 90e9),
        ),
        (
            "Atomic FETCH_AND_ADD BW Test",
            " 8          34600           0.000000            0.160000            2.500000\n",
            *(0.16e9, 0.16e9),
        ),
    ],
)
def test_a_bandwidth_report_of_debian_13(
    title: str, table: str, sent: float, received: float
) -> None:
    result = parse_report(HEAD_624.format(title=title) + BW_624 + table + LINE)
    assert result is not None
    assert (result.flow.sent_bps, result.flow.received_bps) == pytest.approx((sent, received))
    assert (result.reverse is not None) is ("Bidirectional" in title)
    assert result.setup["Using DDP"] == "OFF" and result.setup["ibv_wr* API"] == "ON"


def test_a_latency_report_of_debian_13() -> None:
    row = (
        " 2       500          1.28           65.42        1.31     \t       1.34        "
        "\t0.92   \t\t2.58    \t\t6.04   \n"
    )
    result = parse_report(HEAD_624.format(title="Send Latency Test") + LAT_624 + row + LINE)
    assert result is not None and result.latency is not None
    latency = result.latency
    assert [latency.min, latency.max, latency.typical, latency.average] == pytest.approx(
        [1.28e-6, 65.42e-6, 1.31e-6, 1.34e-6]
    )
    assert [latency.p99, latency.p999] == pytest.approx([2.58e-6, 6.04e-6])


def test_a_failure_that_ends_with_status_0_is_a_failure() -> None:
    """A mismatch of the two tools is one in 6.24: no row, a completion, and status 0."""
    reader = PerftestReader(Tool.IB_WRITE_BW)
    for line in (HEAD_624.format(title="RDMA_Write BW Test") + BW_624).splitlines():
        reader.feed(line)
    assert reader.finish() == []
    error = " Completion with error at client\n Failed status 10: wr_id 0 syndrom 0x0\n"
    at = FarEnd("10.0.0.3", 18515)
    why = reader.failure(Finished(0, "", error), Heard(None, False, None), at)
    assert why is not None and "status 10, remote access error" in why


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
