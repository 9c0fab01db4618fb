"""The sentence that a measurement ends in."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.load.answer import GAIN, LOSS, sentence

ONE = {"group": "TCP", "streams": 1, "bps": 10e9, "ceiling_bps": 29.2e9, "direction": "send"}

FULL = ONE | {"limited_by": "CPU"}


def latency(us: float, tool: str) -> dict[str, Any]:
    return {"group": "latency", "tool": tool, "result": {"latency": {"typical_us": us}}}


def test_all_parts_stand_in_one_sentence_each() -> None:
    rows = [
        FULL,
        ONE | {"streams": 4, "bps": 20e9},
        {"group": "RDMA", "bps": 25.3e9, "tool": "ib_write_bw"},
        {"group": "RDMA", "bps": 2e9, "tool": "ib_write_bw"},
        latency(1.84, "ib_send_lat"),
        latency(21.0, "qperf"),
        latency(50.0, "ping"),
    ]
    assert sentence(rows) == (
        "TCP 10.0 of 29.2 Gb/s usable: one core a stream is full; 4 streams reach 20.0. "
        "RDMA 25.3. Latency 1.8 µs."
    )
    assert sentence(rows[-2:]) == "TCP latency 21.0 µs."
    assert sentence([rows[-2] | {"test": "udp_lat"}]) == "UDP latency 21.0 µs."
    assert sentence([rows[-2] | {"test": "rc_lat"}]) == "Latency 21.0 µs."
    assert sentence(rows[-1:]) == "Round trip 50 µs."
    assert sentence([]) == "Nothing was measured."


@pytest.mark.parametrize(("factor", "told"), [(GAIN, True), (GAIN - 0.01, False)])
def test_streams_are_told_when_they_gain_something(factor: float, told: bool) -> None:
    rows = [ONE, ONE | {"streams": 4, "bps": factor * 10e9}]
    assert ("4 streams reach" in sentence(rows)) is told


@pytest.mark.parametrize(
    ("single", "full"),
    [
        (FULL, True),
        (ONE | {"limited_by": "the peer"}, False),
        (ONE | {"result": {"cpu_local_percent": 90.0}}, True),
        (ONE | {"result": {"cpu_remote_percent": 90.0}}, True),
        (ONE | {"result": {"cpu_local_percent": 89.9, "cpu_remote_percent": None}}, False),
    ],
)
def test_a_core_is_full_only_where_that_was_seen(single: dict[str, Any], full: bool) -> None:
    """A window too small for the way, or loss, holds a stream back as well."""
    text = sentence([single, ONE | {"streams": 4, "bps": 20e9}])
    assert ("one core a stream is full" in text) is full
    assert ("usable by one stream; 4 streams reach 20.0" in text) is not full


def test_without_a_ceiling_nothing_is_called_usable() -> None:
    assert sentence([FULL | {"ceiling_bps": None}]) == "TCP 10.0 Gb/s, limited by CPU."


def test_rdma_alone_is_told_with_its_unit_and_ceiling() -> None:
    row = {"group": "RDMA", "bps": 96.5e9, "ceiling_bps": 98.6e9}
    assert sentence([row]) == "RDMA 96.5 of 98.6 Gb/s usable."
    assert sentence([row | {"ceiling_bps": None}]) == "RDMA 96.5 Gb/s."


def test_the_other_way_is_no_gain_of_streams() -> None:
    there = ONE | {"streams": 4, "bps": 10.5e9}
    back = there | {"bps": 14.4e9, "direction": "receive"}
    assert sentence([ONE, there, back]) == "TCP 10.5 of 29.2 Gb/s usable; the other way 14.4."
    assert "other way" not in sentence([ONE, there, back | {"bps": 11.5e9}])
    assert "other way" not in sentence([ONE, back]), "as many streams were not sent"


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (GAIN, "MTU 1500 10.0, MTU 9000 11.0."),
        (GAIN - 0.01, "MTU 1500 carries as much as MTU 9000."),
        (0.5, "MTU 1500 10.0, MTU 9000 5.0."),
    ],
)
def test_what_the_mtu_makes_is_told_of_as_many_streams(factor: float, told: str) -> None:
    small = ONE | {"mtu": 1500}
    rows = [small, small | {"mtu": 9000, "bps": factor * 10e9}]
    assert sentence(rows).endswith(f" usable. {told}")
    others = ({"streams": 2}, {"direction": "receive"}, {"reverse_bps": 1e9}, {"mtu": 1500})
    for other in others:
        assert "MTU" not in sentence([small, small | {"mtu": 9000} | other])


@pytest.mark.parametrize(("lost", "told"), [(LOSS, True), (LOSS - 0.0001, False)])
def test_lost_datagrams_are_told(lost: float, told: bool) -> None:
    result = {"lost": lost * 1e6, "packets": 1e6}
    text = sentence([{"group": "UDP", "bps": 9e9, "result": result}])
    assert text.startswith("UDP 9.0 Gb/s") and ("% lost" in text) is told


def test_heat_and_failures_are_told() -> None:
    rows = [ONE | {"hot": True}, ONE | {"failed": True, "bps": None}]
    text = sentence(rows)
    assert text.startswith("Too hot in 1 of 2 tests: a warning limit was reached.")
    assert text.endswith("1 of 2 tests failed.")
    rows[0] |= {"stopped": True}
    assert sentence(rows).startswith("The heat guard stopped 1 of 2 tests.")
