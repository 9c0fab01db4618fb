"""Sizes and answers of ping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.sources.tools.ping import full_size, parse_ping, valid_host
from mlxtop.system.door import Finished


def test_full_packets_have_room_for_their_headers() -> None:
    assert full_size(9000, "10.0.0.3") == 8972
    assert full_size(9000, "fe80::1") == 8952


SENT = "PING b (10.0.0.3) 56(84) bytes of data.\n"
LOST = "\n2 packets transmitted, 0 received, 100% packet loss\n"
FAR = "From 10.0.0.1 icmp_seq=1 Destination Host Unreachable\n"


@pytest.mark.parametrize(
    ("out", "err", "error"),
    [
        (SENT, "ping: Warning: source address might be selected on another device\n", None),
        (SENT, "ping: Warning: x\nping: sendmsg: Operation not permitted\n", "not permitted"),
        (SENT + FAR + LOST, "", "Destination Host Unreachable"),
        (SENT + "From 10.0.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1500)\n" + LOST, "", None),
        ("", "ping: b: Name or service not known\n", "not known"),
    ],
)
def test_the_first_error_is_told_and_a_warning_is_none(
    out: str, err: str, error: str | None
) -> None:
    told = parse_ping(Finished(1, out, err)).error
    assert (error or "") in (told or "") and bool(told) is bool(error)


@given(st.text(), st.text())
def test_no_output_of_ping_makes_its_parser_raise(out: str, err: str) -> None:
    parse_ping(Finished(0, out, err))
    valid_host(out)
