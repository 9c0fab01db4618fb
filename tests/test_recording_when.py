"""Times, lengths and sizes as people write them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mlxtop.recording.when import length, size, time_in

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
    ("text", "seconds"), [("1", 1.0), ("90s", 90.0), ("2 min", 120.0), ("1.5h", 5400.0)]
)
def test_a_length_is_seconds(text: str, seconds: float) -> None:
    assert length(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0.9", "h", "-1", "1w", "1e3", "9" * 30, "٣"])
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
    ],
)
def test_a_time_is_found_in_a_recording(text: str, wall: float) -> None:
    assert time_in(text, BEGIN, END) == wall


@pytest.mark.parametrize("text", ["", "25:00", "07:61", "soon", "2h", "ago", "-", "9999-99-99"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        time_in(text, BEGIN, END)
