"""Times, lengths and sizes as people write them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.recording.moments import MOST_WALL
from mlxtop.recording.when import Named, length, size, time_in

BEGIN, END = 1_795_100_000.0, 1_795_158_435.0
"""2026-11-19 14:53:20 to 2026-11-20 07:07:15, UTC."""


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1", 1.0), ("90s", 90.0), ("2 min", 120.0), ("1.5h", 5400.0), ("1d2h 3m4s", 93784.0)],
)
def test_a_length_is_seconds(text: str, seconds: float) -> None:
    assert length(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0.9", "h", "-1", "1h30", "1w", "1e3", "9" * 30, "٣"])
def test_what_is_no_length_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no length of time"):
        length(text)


@pytest.mark.parametrize(("text", "count"), [("1M", 10**6), ("2G", 2 * 10**9), ("1.5gb", 1.5e9)])
def test_a_size_is_bytes(text: str, count: float) -> None:
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "0", "999999", "1X", "-1G", "9" * 30])
def test_what_is_no_size_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        size(text)


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("07:07", END - 15.0),
        ("07:07:15", END),
        ("07:08", END - 86400.0 + 45.0),
        ("2h ago", END - 7200.0),
        ("-15m", END - 900.0),
        ("+10m", BEGIN + 600.0),
        ("end", END),
        ("begin", BEGIN),
        ("2026-11-20 07:07:15", END),
        ("2026-11-20T08:07:15+01:00", END),
        ("2026-11-20", END - 25635.0),
        ("2026-11-20t07:07:15z", END),
        ("7:07", END - 15.0),
        ("1h30m ago", END - 5400.0),
        ("1 h 30 m ago", END - 5400.0),
        ("end-15m", END - 900.0),
        ("end - 15 min", END - 900.0),
        ("Begin + 10m", BEGIN + 600.0),
        ("@1795158000.5", 1_795_158_000.5),
    ],
)
def test_a_time_is_found_in_a_recording(text: str, wall: float) -> None:
    assert time_in(text, BEGIN, END) == wall


BAD = (
    *("", "  ", "25:00", "07:61", "07:07:60", "soon", "2h", "ago", "-", "9999-99-99", "end+5m"),
    *("begin-5m", "2 parsecs ago", "+", "+x", "@", "@x", "@nan", "@-1", "2026-02-30 03:10"),
    *("999999999d ago", "0s ago", "x" * 201, "1" * 5000, "٣h ago", "\x00", "\ud800", "+1w"),
)


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*is no time \(like [^\n]*$"):
        time_in(text, BEGIN, END)


def events() -> list[Named]:
    return [Named(1, BEGIN + 10, "p0 link down, was up"), Named(12, BEGIN + 99, "p1 hot")]


@pytest.mark.parametrize(
    ("text", "after"), [("1", 10), ("#12", 99), ("link  DOWN", 10), ("p1", 99), ("+30s", 30)]
)
def test_an_event_is_told_by_its_number_or_its_words(text: str, after: float) -> None:
    assert time_in(text, BEGIN, END, events) == BEGIN + after


@pytest.mark.parametrize("text", ["3", "#13", "no such event", "", "1" * 5000])
def test_an_event_that_is_not_there_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no time and no event of the recording"):
        time_in(text, BEGIN, END, events)


def test_events_are_only_asked_for_what_is_no_time() -> None:
    def never() -> list[Named]:
        raise AssertionError

    assert time_in("2h ago", BEGIN, END, never) == END - 7200
    with pytest.raises(AssertionError):
        time_in("3", BEGIN, END, never)


def test_a_time_of_day_follows_the_local_clock_over_the_change_to_winter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    end = 1_792_922_400.0  # 2026-10-25 11:00 CET, eleven hours after midnight CEST and one more
    wall = time_in("01:00", end - 50_000, end)
    assert time.strftime("%F %T %Z", time.localtime(wall)) == "2026-10-25 01:00:00 CEST"
    assert end - wall == 11 * 3600


@given(st.text(max_size=40), st.floats(0, 2e9), st.floats(0, 2e9))
def test_whatever_is_written_gives_a_time_or_a_reason(text: str, begin: float, end: float) -> None:
    try:
        wall = time_in(text, begin, end, events)
    except ValueError as error:
        assert str(error)
    else:
        assert 0 <= wall < MOST_WALL
