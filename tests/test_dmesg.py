"""The kernel log as dmesg, journalctl and syslog print it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.system.dmesg import parse_dmesg, parse_printed
from mlxtop.system.kernel_log import parse_kmsg

TEXT = "mlx5_core 0000:27:00.1 ens5f1: Link down"


@pytest.mark.parametrize(
    ("before", "level", "seconds"),
    [
        ("", 6, None),
        ("[    7.250000] ", 6, 7.25),
        ("<3>[    7.250000] ", 3, 7.25),
        ("[    7.250000][   T77] ", 6, 7.25),
        ("[    7.250000] [   T77] ", 6, 7.25),
        ("kern  :warn  : [    7.250000] ", 4, 7.25),
        ("[Fri Feb  6 08:01:02 2026] ", 6, None),
        ("[Feb 6 08:01] ", 6, None),
        ("[Feb16 08:01] ", 6, None),
        ("2026-02-06T08:01:02,500000+01:00 ", 6, None),
        ("2026-02-06T08:01:02.500000+01:00 rack3 kernel: ", 6, None),
        ("2026-02-06T08:01:02+0100 rack3 kernel: ", 6, None),
        ("Feb  6 08:01:02 rack3 kernel: ", 6, None),
        ("Feb  6 08:01:02 rack3 kernel: [    7.250000] ", 6, 7.25),
        ("[    7.250000] rack3 kernel: ", 6, 7.25),
        ("kernel: ", 6, None),
    ],
)
def test_what_stands_before_a_message_is_left_out(
    before: str, level: int, seconds: float | None
) -> None:
    printed = parse_printed(f"{before}{TEXT}\r\n")
    assert (printed.text, printed.level, printed.seconds) == (TEXT, level, seconds)


def test_a_date_that_is_none_stays_text() -> None:
    assert parse_printed("Feb 30 08:01:02 rack3 kernel: x").text.startswith("Feb 30")
    assert parse_printed("other  :sort  : x").text == "other  :sort  : x"


def test_times_are_those_of_the_stamps() -> None:
    since_start = "[ 3.5] one\n[ 9.25] two\nlogin: three\n\x1b[0m[ 9.5] four\n"
    assert [(one.seconds, one.text) for one in parse_dmesg(since_start)] == [
        (3.5, "one"),
        (9.25, "two"),
    ]
    wall = "Feb  6 08:01:02 a kernel: one\nFeb  6 08:03:02 a kernel: two\n"
    assert [one.seconds for one in parse_dmesg(wall)] == [0.0, 120.0]
    human = "[Feb 6 08:01] one\n[  +0.250000] two\n[  +0.500000] three\n[Feb 6 08:04] four\n"
    assert [one.seconds for one in parse_dmesg(human)] == [0.0, 0.25, 0.75, 180.0]
    assert [one.text for one in parse_dmesg("one\ntwo\n")] == ["one", "two"]


def test_a_capture_may_hold_printed_lines_in_place_of_records() -> None:
    (printed,) = parse_kmsg(f"[ 12.5] {TEXT}\n")
    assert (printed.seconds, printed.text, printed.device) == (12.5, TEXT, None)
    records = f"4,7,2000000,-;{TEXT}\n DEVICE=+pci:0000:27:00.1\n[ 12.5] no record\n"
    (record,) = parse_kmsg(records)
    assert (record.seconds, record.device) == (2.0, "0000:27:00.1")


@given(st.text(alphabet="[]<>0123456789.,:+- TFebkrnl\r\n", max_size=60))
def test_no_text_upsets_it(text: str) -> None:
    assert all(one.seconds >= 0.0 for one in parse_dmesg(text))
