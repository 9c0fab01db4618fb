"""Times as people say them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.recording.stream import MOST_WALL
from mlxtop.recording.when import Named, Span, parse_span, parse_when

NIGHT = Span(
    datetime.fromisoformat("2026-11-27T22:00:00+00:00").timestamp(),
    datetime.fromisoformat("2026-11-28T08:00:00+00:00").timestamp(),
)
NOW = datetime.fromisoformat("2026-11-28T12:00:00+00:00").timestamp()
EVENTS = (Named(1, NIGHT.begin + 10, "p0 link down, was up"), Named(12, NIGHT.begin + 99, "p1 hot"))


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> str:
    wall = parse_when(text, NIGHT, NOW, lambda: EVENTS)
    return datetime.fromtimestamp(wall).isoformat(sep=" ")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("03:10", "2026-11-28 03:10:00"),
        ("3:10", "2026-11-28 03:10:00"),
        ("03:10:05", "2026-11-28 03:10:05"),
        ("03:10:05.5", "2026-11-28 03:10:05.500000"),
        ("23:59", "2026-11-27 23:59:00"),
        ("08:00", "2026-11-28 08:00:00"),
        ("22:00", "2026-11-27 22:00:00"),
        ("08:01", "2026-11-28 08:01:00"),  # in no night: the next one after
        ("21:59", "2026-11-28 21:59:00"),
        ("2026-11-28 03:10", "2026-11-28 03:10:00"),
        ("2026-11-28T03:10:07", "2026-11-28 03:10:07"),
        ("2026-11-28t03:10z", "2026-11-28 03:10:00"),
        ("2026-11-28 03:10+01:00", "2026-11-28 02:10:00"),
        ("2026-11-28", "2026-11-28 00:00:00"),
        ("2h ago", "2026-11-28 10:00:00"),
        ("2 hours ago", "2026-11-28 10:00:00"),
        ("1h30m ago", "2026-11-28 10:30:00"),
        ("1 d 2 h ago", "2026-11-27 10:00:00"),
        ("0.5hago", "2026-11-28 11:30:00"),
        ("-10m", "2026-11-28 07:50:00"),
        ("+10m", "2026-11-27 22:10:00"),
        ("end-10m", "2026-11-28 07:50:00"),
        ("end - 1h 10m", "2026-11-28 06:50:00"),
        ("begin + 10 min", "2026-11-27 22:10:00"),
        ("begin", "2026-11-27 22:00:00"),
        ("End", "2026-11-28 08:00:00"),
        ("now", "2026-11-28 12:00:00"),
        ("@1795832000", "2026-11-28 02:13:20"),
        ("1", "2026-11-27 22:00:10"),
        ("#12", "2026-11-27 22:01:39"),
        ("link  DOWN", "2026-11-27 22:00:10"),
        ("p1", "2026-11-27 22:01:39"),
    ],
)
def test_a_time_is_understood(text: str, meant: str) -> None:
    assert at(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "24:00", "03:60", "03:10:60", "3", "#13", "no such event", "ago", "h ago"),
        *(
            "2 parsecs ago",
            "+",
            "-",
            "+x",
            "end-",
            "end+5m",
            "begin-5m",
            "@",
            "@x",
            "@nan",
            "@inf",
            "@-1",
            "2026-13-01",
        ),
        *("2026-02-30 03:10", "9999999999d ago", "999999999w ago", "+999999999w", "x" * 201),
        *("1" * 5000, "1.2.3 h ago", "٣h ago", "03:10 tomorrow", "\x00", "\ud800"),
    ],
)
def test_what_is_no_time_is_told_in_a_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^.+$") as caught:
        at(text)
    assert "\n" not in str(caught.value)


def test_a_time_of_day_is_the_last_one_of_a_recording_of_many_days() -> None:
    week = Span(NIGHT.begin - 6 * 86400, NIGHT.end)
    assert parse_when("03:10", week, NOW) == parse_when("2026-11-28 03:10", week, NOW)
    assert parse_when("12:00", week, NOW) == parse_when("2026-11-27 12:00", week, NOW)


def test_a_time_of_day_follows_the_local_clock_over_the_change_to_winter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    begin, end = (
        datetime.fromisoformat(f"2026-10-{day}:00+00:00").timestamp()
        for day in ("24T20:00", "25T10:00")
    )
    wall = parse_when("05:00", Span(begin, end), NOW)
    assert time.strftime("%F %T %Z", time.localtime(wall)) == "2026-10-25 05:00:00 CET"


def test_events_are_only_asked_for_what_is_no_time() -> None:
    def never() -> list[Named]:
        raise AssertionError

    assert parse_when("2h ago", NIGHT, NOW, never) == NOW - 7200
    with pytest.raises(AssertionError):
        parse_when("3", NIGHT, NOW, never)


@given(st.text(max_size=40), st.floats(0, 2e9), st.floats(0, 2e9))
def test_whatever_is_written_gives_a_time_or_a_reason(text: str, begin: float, end: float) -> None:
    try:
        wall = parse_when(text, Span(begin, end), NOW)
    except ValueError as error:
        assert str(error)
    else:
        assert 0 <= wall < MOST_WALL


@given(st.integers(0, 10**6), st.sampled_from(["s", "m", "h", "d", "w", "min", "hours"]))
def test_a_span_is_its_number_of_units(number: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "min": 60, "h": 3600, "hours": 3600, "d": 86400, "w": 604800}[unit]
    assert parse_span(f"{number}{unit}") == parse_span(f" {number} {unit} ") == number * seconds
