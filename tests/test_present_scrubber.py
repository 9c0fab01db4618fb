"""The scrubber: place, events and what was looked through, in one line of a given width."""

from __future__ import annotations

from time import localtime, strftime

import pytest

from mlxtop.model.counters import Severity
from mlxtop.present.scrubber import Mark, Span, scrubber
from mlxtop.present.text import line_width, plain

HOUR = Span(1_760_000_000.0, 1_760_003_600.0, 1_760_003_600.0)


def text(columns: int, now: float | None = HOUR.begin, *marks: Mark, span: Span = HOUR) -> str:
    return plain(scrubber(columns, span, now, marks, "▶ 4×").line)


@pytest.mark.parametrize("columns", [1, 12, 31, 50, 80, 200])
def test_it_is_as_wide_as_the_screen(columns: int) -> None:
    drawn = scrubber(columns, HOUR, HOUR.begin, (), "▶ 4×")
    assert line_width(drawn.line) == max(columns, 11)


def test_the_place_moves_from_one_end_to_the_other() -> None:
    drawn = scrubber(80, HOUR, None, (), "")
    for share in (0.0, 0.5, 1.0):
        line = text(80, HOUR.begin + share * 3600.0)
        assert line.index("●") == drawn.start + round(share * (drawn.columns - 1))
        assert drawn.share(line.index("●")) == pytest.approx(share, abs=0.02)
    assert text(80, HOUR.begin - 5.0).index("●") == drawn.start
    assert text(80, HOUR.end + 5.0).index("●") == drawn.start + drawn.columns - 1


def test_beside_the_track_there_is_no_place() -> None:
    drawn = scrubber(80, HOUR, None, (), "")
    assert drawn.share(drawn.start - 1) is None
    assert drawn.share(drawn.start) == 0.0
    assert drawn.share(drawn.start + drawn.columns - 1) == 1.0
    assert drawn.share(drawn.start + drawn.columns) is None


def test_events_are_marked_and_the_worst_of_a_column_is_seen() -> None:
    middle = HOUR.begin + 1800.0
    note, warning, critical = (Mark(middle, severity) for severity in Severity)
    assert "·" in text(80, None, note)
    assert "▴" in text(80, None, note, warning)
    worst = text(80, None, critical, warning, note)
    assert "▲" in worst
    assert "▴" not in worst
    assert "·" not in worst


def test_where_what_was_before_is_not_known_it_is_told() -> None:
    half = HOUR._replace(looked=HOUR.begin + 1800.0)
    late = half._replace(counted=HOUR.begin + 2700.0)
    since = strftime("%H:%M:%S", localtime(HOUR.begin + 2700.0))
    assert f"counts from {since} on, looked through 50%" in text(120, None, span=late)
    assert "counts" not in text(120, None, span=half)


def test_what_was_not_looked_through_is_dotted_and_told() -> None:
    half = HOUR._replace(looked=HOUR.begin + 1800.0)
    line = text(80, None, span=half)
    assert "looked through 50%" in line
    assert abs(line.count("─") - line.count("┈")) <= 1
    assert "looked" not in text(80, None)
    assert "┈" not in text(80, None)
    assert "looked" not in text(40, None, span=half)


def test_times_stand_at_both_ends_where_there_is_room() -> None:
    assert text(80).count(":") == 4
    assert ":" not in text(30)
    day = HOUR._replace(end=HOUR.begin + 86400.0, looked=HOUR.begin + 86400.0)
    assert text(80, span=day).count(":") == 2


def test_a_recording_of_one_sample_has_a_place() -> None:
    one = Span(HOUR.begin, HOUR.begin, HOUR.begin)
    assert "●" in text(80, span=one)
