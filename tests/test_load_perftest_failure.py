"""The deepest cause of a perftest's failure is what is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.perftest_failure import explain_failure
from mlxtop.model.load import Tool

HEAD = """\
 WARNING: BW peak won't be measured in this run.
---------------------------------------------------------------------------------------
                    RDMA_Write BW Test
 Dual-port       : OFF\t\tDevice         : mlx5_1
 PCIe relax order: ON
 rdma_cm QPs\t : ON
 local address: LID 0x02 QPN 0x0132 PSN 0x5f2841 RKey 0x002440 VAddr 0x007f24
 #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]
"""


def said(output: str) -> str:
    return explain_failure(output, Tool.IB_WRITE_BW, "10.0.0.3")


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("Couldn't connect to 10.0.0.3:18515\nUnable to init the socket connection", "no ib_"),
        (" IB device mlx5_9 not found\n Unable to find the Infiniband/RoCE device", "mlx5_9 not"),
        (" Port number 2 state is Down\n Couldn't set the link layer", "no link: Port number 2"),
        (" Did not detect devices \n If device exists, check if driver is up", "no RDMA device"),
        (
            "Disabling dynamic polling\nFailed to query device capabilities\n"
            "Failed to negotiate parameters",
            "too new for ConnectX-3",
        ),
        (
            " duration mismatch: local=5, remote=10\nFailed to negotiate parameters",
            "different tests: duration mismatch: local=5, remote=10",
        ),
        ("Failed to modify QP 17 to RTR\n Unable to Connect the HCA's", "reach each other"),
        ("Couldn't allocate MR\n failed to create mr\nCouldn't create IB resources", "ulimit -l"),
        ("ib_write_bw: unrecognized option '--x'\n Invalid Command or flag.", "option '--x'"),
        ("RDMA CM event error:\nEvent: RDMA_CM_EVENT_ADDR_ERROR; error: -19.", "rdma_cm finds no"),
        (" Unable to read to socket/rdma_cm\n Failed to exchange data", "ended or is busy"),
        ("Failed to register UMAD\nFailed to sync\nFailed to end", "ib_write_bw: Failed to reg"),
        (" Set TOS option failed: 22\n Unable to create RDMA_CM resources", "option failed: 22"),
        ("something new\nand more of it", "ib_write_bw: and more of it"),
        ("", "did not say why"),
        (HEAD, "did not say why"),
    ],
)
def test_the_deepest_cause_is_told_in_one_line(output: str, cause: str) -> None:
    for text in (said(output), said(HEAD + output)):
        assert cause in text and "\n" not in text


FAILED = (
    " Completion with error at client\n Failed status {}: wr_id 0 syndrom 0x81\nscnt=128, ccnt=0\n"
)
ENDED = " Failed to complete run_iter_bw function successfully\n"


@pytest.mark.parametrize(
    ("output", "status", "words"),
    [
        (FAILED.format(12) + ENDED, 12, "transport retry counter exceeded: the other end does not"),
        (FAILED.format(10) + ENDED, 10, "remote access error: the other end refused"),
        (FAILED.format(13), 13, "RNR retry counter exceeded"),
        (FAILED.format(5) + FAILED.format(4), 4, "local protection error"),
        (FAILED.format(5), 5, "flushed"),
        (FAILED.format(77), 77, "unknown"),
        ("Poll send CQ error status=9 qp 0\n", 9, "remote invalid request"),
        (" Bad wc status 11\n", 11, "remote operation error"),
        ("Bad WQE status when trying to send\n Status: 20 ; ID: 3.\n", 20, "response timeout"),
        (" Failed status: transport retry counter exceeded, wr_id 0", 12, "does not answer"),
    ],
)
def test_the_status_of_a_completion_is_decoded(output: str, status: int, words: str) -> None:
    text = said(HEAD + output)
    assert f"status {status}, " in text and words in text


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert "\n" not in said(text)
