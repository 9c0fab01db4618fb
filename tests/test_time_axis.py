"""The time axis that all charts of a screen share."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.tui.time_axis import MOVES_S, SPANS, Readings, TimeAxis, TimeView, ago


def axis(columns: int, seconds: float, interval: float = 1.0, **view: float) -> TimeAxis:
    """The axis after readings of so many seconds."""
    return TimeView(**view).axis(columns, Readings(100.0, 100.0 + seconds, interval))


@pytest.mark.parametrize("interval", [0.1, 1.0, 5.0])
def test_at_first_each_reading_has_a_column_at_the_right(interval: float) -> None:
    one = axis(50, 20 * interval, interval)
    assert one.column_s == pytest.approx(interval)
    columns = [one.column(100.0 + n * interval) for n in range(21)]
    assert columns[0] is not None
    assert columns == list(range(columns[0], columns[0] + 21))
    assert 25 <= columns[0] <= 29


@pytest.mark.parametrize(
    ("columns", "seconds", "span"),
    [
        (50, 49, 50),
        (50, 50, 60),
        (50, 60, 60),
        (50, 61, 120),
        (50, 120, 120),
        (50, 121, 300),
        (50, 301, 900),
        (50, 901, 3600),
        (50, 9000, 3600),
        (90, 89, 90),
        (90, 90, 120),
    ],
)
def test_a_full_axis_grows_to_the_next_round_span_that_holds_all(
    columns: int, seconds: float, span: float
) -> None:
    assert axis(columns, seconds).span == pytest.approx(span)


@pytest.mark.parametrize(("seconds", "span"), [(299, 300), (301, 300)])
def test_an_axis_grows_no_further_than_the_settings_say(seconds: float, span: float) -> None:
    assert axis(50, seconds, longest=300.0).span == pytest.approx(span)
    assert axis(90, 10, longest=60.0).span == pytest.approx(60)


def test_slow_readings_reach_back_an_hour_as_well() -> None:
    assert axis(30, 1000, 60.0).column_s == 60.0
    assert axis(100, 9000, 60.0).span == pytest.approx(3600)


@given(st.integers(1, 200), st.floats(0, 1e5), st.floats(0.1, 60))
def test_the_newest_reading_is_in_one_of_the_last_columns(
    columns: int, seconds: float, interval: float
) -> None:
    one = axis(columns, seconds, interval)
    column = one.column(100.0 + seconds)
    assert column is not None
    assert 0 <= columns - 1 - column < max(1, columns // 10)
    assert columns - 1 - column <= MOVES_S / one.column_s
    assert one.end - one.start == pytest.approx(one.span)


def test_a_picture_moves_by_whole_columns() -> None:
    axes = [axis(30, float(seconds)) for seconds in range(150, 290)]
    for before, after in pairwise(axes):
        moved = (after.end - before.end) / after.column_s
        assert moved == pytest.approx(round(moved))
        assert before.origin == after.origin


@pytest.mark.parametrize(
    ("columns", "span", "moves"),
    [(60, 60.0, 4), (60, 120.0, 2), (60, 240.0, 1), (60, 6.0, 6), (10, 10.0, 1), (29, 29.0, 2)],
)
def test_short_columns_move_together_every_four_seconds(
    columns: int, span: float, moves: int
) -> None:
    view = TimeView(chosen=span)
    ticks = [n * span / columns for n in range(200, 230)]
    lasts = {view.axis(columns, Readings(0.0, tick + 1e-6, 1.0)).last for tick in ticks}
    assert {b - a for a, b in pairwise(sorted(lasts))} == {moves}


def test_instants_beyond_the_edges_have_no_column() -> None:
    one = axis(10, 30)
    assert one.column(one.start - 0.01) is None
    assert one.column(one.end + 0.01) is None
    assert [one.column(one.middle(n)) for n in range(10)] == list(range(10))


@pytest.mark.parametrize(
    ("columns", "seconds", "labels"),
    [
        (60, 10, ["-60 s", "-45 s", "-30 s", "-15 s"]),
        (60, 100, ["-2 min", "-90 s", "-60 s", "-30 s"]),
        (60, 290, ["-5 min", "-4 min", "-3 min", "-2 min", "-1 min"]),
        (60, 1000, ["-60 min", "-45 min", "-30 min", "-15 min"]),
    ],
)
def test_labels_are_round_and_stand_at_their_columns(
    columns: int, seconds: float, labels: list[str]
) -> None:
    one = axis(columns, seconds)
    told = one.labels()
    assert [label for _, label in told] == labels
    step = told[1][0] - told[0][0]
    assert all(b - a == pytest.approx(step, abs=1) for (a, _), (b, _) in pairwise(told))


@pytest.mark.parametrize(("ahead", "labels"), [(9, []), (15, ["+15 s"]), (31, ["+15 s", "+30 s"])])
def test_labels_of_what_is_expected_are_as_far_apart(ahead: int, labels: list[str]) -> None:
    told = axis(60, 10).labels(ahead)
    assert [label for column, label in told if column >= 60] == labels


@pytest.mark.parametrize(
    ("seconds", "text"), [(119.0, "119 s"), (120.0, "2 min"), (7199.0, "120 min"), (7200.0, "2 h")]
)
def test_spans_are_told_in_their_unit(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def test_zooming_goes_through_the_spans_and_back_to_what_grows_by_itself() -> None:
    view, readings = TimeView(), Readings(0.0, 200.0, 1.0)
    assert view.axis(50, readings).span == 300
    spans = []
    for step in (1, 1, 1, -1, -1, -1, -1, -1, -1):
        view.zoom(step, 50, readings)
        spans.append(view.axis(50, readings).span)
    assert spans == pytest.approx([900, 3600, 3600, 900, 300, 120, 60, 50, 50])
    while view.chosen is not None:
        view.zoom(1, 50, readings)
    assert view.axis(50, readings).span == 300


def test_a_chosen_span_stays_while_readings_come() -> None:
    view = TimeView()
    view.zoom(-1, 50, Readings(0.0, 200.0, 1.0))
    assert view.axis(50, Readings(0.0, 2000.0, 1.0)).span == 120


def frozen(at: float = 1000.0) -> tuple[TimeView, Readings]:
    view, readings = TimeView(chosen=60.0), Readings(0.0, 1000.0, 1.0)
    view.freeze(at)
    return view, readings


def test_a_frozen_axis_stands_while_readings_come() -> None:
    view, readings = frozen()
    before = view.axis(60, readings)
    assert view.axis(60, readings._replace(newest=1500.0)) == before
    assert before.frozen
    view.thaw()
    assert view.axis(60, readings._replace(newest=1500.0)).column(1500.0) is not None


def test_the_cursor_starts_at_the_newest_reading_and_moves() -> None:
    view, readings = TimeView(), Readings(0.0, 40.0, 1.0)
    for step, second in ((-1, 40), (-1, 39), (-10, 29), (1, 30), (100, 40), (-1000, 0)):
        one = view.axis(60, readings)
        view.move(step, one, 0.0, 40.0)
        assert view.axis(60, readings).cursor_column == one.column(second)


def test_the_cursor_stays_at_its_instant_until_that_leaves_the_picture() -> None:
    view, readings = TimeView(chosen=60.0), Readings(0.0, 100.0, 1.0)
    view.move(0, view.axis(60, readings), 0.0, 100.0)
    for later in (9, 57):
        one = view.axis(60, readings._replace(newest=100.0 + later))
        assert one.cursor_column == one.column(100.0)
    assert view.axis(60, readings._replace(newest=161.0)).cursor is None


def test_beyond_the_left_edge_a_frozen_picture_scrolls_back_to_the_oldest_reading() -> None:
    view, readings = frozen()
    before = view.axis(60, readings)
    column = before.column(1000.0)
    assert column is not None
    for step in (0, -column, -30):
        view.move(step, view.axis(60, readings), 0.0, 1000.0)
    after = view.axis(60, readings)
    assert after.cursor_column == 0
    assert before.end - after.end == pytest.approx(30.0)
    view.move(-100_000, after, 0.0, 1000.0)
    oldest = view.axis(60, readings)
    assert oldest.cursor_column == oldest.column(0.0) == 0
    view.move(100_000, oldest, 0.0, 1000.0)
    newest = view.axis(60, readings)
    assert newest.cursor_column == newest.column(1000.0) == 59


def test_a_picture_that_moves_does_not_scroll() -> None:
    view, readings = TimeView(chosen=60.0), Readings(0.0, 1000.0, 1.0)
    for step in (0, -100_000):
        view.move(step, view.axis(60, readings), 0.0, 1000.0)
    assert view.axis(60, readings).cursor_column == 0
    assert view.frozen is None


def test_zooming_a_frozen_picture_keeps_its_cursor_in_sight() -> None:
    view, readings = frozen()
    view.chosen = SPANS[2]
    for step in (0, -50):
        view.move(step, view.axis(60, readings), 0.0, 1000.0)
    instant = view.cursor
    for _ in range(2):
        view.zoom(-1, 60, readings)
        assert view.cursor == instant
        assert view.axis(60, readings).cursor_column is not None
