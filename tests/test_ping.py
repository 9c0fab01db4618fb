"""Sizes and answers of ping."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.sources.tools.ping import full_size, parse_ping, valid_host
from mlxtop.system.door import Finished


def test_full_packets_have_room_for_their_headers() -> None:
    assert full_size(9000, "10.0.0.3") == 8972
    assert full_size(9000, "fe80::1") == 8952


@given(st.text(), st.text())
def test_no_output_of_ping_makes_its_parser_raise(out: str, err: str) -> None:
    parse_ping(Finished(0, out, err))
    valid_host(out)
