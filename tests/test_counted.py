"""The counters against a load test in words: the claim, its evidence, and when it is none."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.model.counters import Miscount
from mlxtop.present.counted import counted_runs, miscount_text
from mlxtop.present.text import Role

ROW = {
    "source": "eth-mac",
    "direction": "tx",
    "judgement": "wrong",
    "counted_bytes": 41_900_000_000,
    "expected_bytes": 10_480_000_000,
    "factor": 4.0,
    "unit": 4.0,
    "frame_bytes": 6072,
}
AGREES = {**ROW, "source": "netdev", "judgement": "agrees", "unit": None}


def told(*rows: dict[str, Any], **more: Any) -> list[str]:
    check = {"unsure": None, "usual": "eth-mac", "mtu": 1500, "rows": list(rows), **more}
    return [text for text, _ in counted_runs(check, "iperf3")]


def test_a_wrong_counter_comes_with_evidence_and_what_follows() -> None:
    check = {"rows": [AGREES, ROW], "mtu": 1500, "usual": "eth-mac", "instead": "netdev"}
    assert list(counted_runs({**check, "kept": True}, "iperf3")) == [
        (
            "eth-mac (sent) has 4 times what iperf3 moved: 41.9 GB where 10.5 GB were expected, "
            "headers included; no other traffic explains it: frames of 6,072 bytes do not exist "
            "at MTU 1500",
            Role.WARNING,
        ),
        ("netdev agrees with what iperf3 moved", Role.TEXT),
        (
            "throughput is taken from netdev instead of eth-mac from now on "
            "(kept for this card and driver until kernel or firmware change)",
            Role.WARNING,
        ),
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"judgement": "wrong", "unit": 0.25}, "has a quarter of what iperf3 moved"),
        ({"judgement": "wrong", "unit": 0.25}, "another counter of the port has all of it"),
        ({"judgement": "more", "factor": 1.5, "unit": None}, "other traffic at that time"),
        ({"judgement": "less", "factor": 0.7, "unit": None}, "cannot tell if the counter is wrong"),
        ({"judgement": "elsewhere"}, "did not leave the card"),
        ({"judgement": "elsewhere", "source": "netdev"}, "passed the kernel's network stack by"),
        ({"judgement": "wraps", "unit": None}, "starts again at 0 after 32 bits"),
        ({"judgement": "full", "unit": None}, "stays at its highest number"),
        ({"judgement": "reset", "unit": None}, "began anew while the test ran; cannot tell"),
    ],
)
def test_each_judgement_has_its_words(row: dict[str, Any], words: str) -> None:
    (text,) = told({**ROW, **row})
    assert words in text


def test_counters_that_show_the_same_share_a_line_and_none_agrees_in_one_direction_alone() -> None:
    rx = {**AGREES, "source": "eth-mac", "direction": "rx"}
    lines = told(ROW, {**ROW, "source": "bytes_phy"}, rx, AGREES)
    assert lines[0].startswith("eth-mac, bytes_phy (sent) have 4 times")
    assert lines[1:] == ["netdev agrees with what iperf3 moved"]


@pytest.mark.parametrize("rows", [None, "x", [None], [{"judgement": 7}], [{"judgement": "wrong"}]])
def test_a_damaged_record_raises_nothing(rows: Any) -> None:
    assert all(isinstance(text, str) for text, _ in counted_runs({"rows": rows}, "\x1b[2J"))
    assert list(counted_runs({}, "iperf3")) == []


def test_why_nothing_is_said() -> None:
    assert told(unsure="the port was not read") == ["not checked: the port was not read"]


def test_a_source_that_is_left_aside_is_named_with_its_run() -> None:
    text = miscount_text(Miscount("eth-mac", 0.5, "netdev", "20261129T054018Z"))
    assert text.startswith(
        "not by eth-mac, which has half of the bytes on this driver (mlxtop runs"
    )
    assert miscount_text(Miscount("eth-mac", None, "netdev")).endswith("loses count on this driver")
