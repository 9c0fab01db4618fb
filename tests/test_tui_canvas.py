"""The time axis and the grid of the charts."""

from __future__ import annotations

from itertools import pairwise
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.history import HELD_S, Series
from mlxtop.present.text import Line, Role, line_width, plain
from mlxtop.tui.time_axis import Readings, TimeAxis, TimeView
from mlxtop.tui.widgets.canvas import (
    DOTS_Y,
    GUTTER,
    Curve,
    Grid,
    draw,
    names_beside,
    overlaid,
    resampled,
    with_cursor,
)


def axis(
    columns: int, seconds: float, span: float | None = None, interval: float = 1.0
) -> TimeAxis:
    """The axis after readings from second 0 on, with a chosen span."""
    return TimeView(chosen=span).axis(columns, Readings(0.0, seconds, interval))


@pytest.mark.parametrize("span", [None, 7.0, 60.0])
def test_what_is_drawn_never_changes_but_moves_by_whole_cells(span: float | None) -> None:
    series, pictures = Series(), []
    for tick in range(80):
        series.append(float(tick), float(tick % 7))
        line = axis(10, float(tick), span or 10.0)
        pictures.append((line.last, resampled(series, line)))
    for (last, old), (newer, new) in pairwise(pictures):
        kept = list(zip(old[2 * (newer - last) :], new, strict=False))[:-2]  # the last may grow
        assert all(a == b for a, b in kept if not isnan(a))


def test_each_reading_has_both_dots_of_its_column_while_there_is_one_for_each() -> None:
    series = Series()
    for tick in range(4):
        series.append(float(tick), float(tick))
    values = resampled(series, axis(6, 3.0))
    assert values[5:] == [0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    assert all(map(isnan, values[:5]))


def test_a_rate_fills_the_time_since_the_reading_before_it_and_gaps_stay_gaps() -> None:
    series = Series()
    for tick, value in ((0.0, 5.0), (4.0, 1.0), (5.0, None), (8.0, 2.0), (9.0, 3.0)):
        series.append(tick, value)
    values = resampled(series, axis(10, 9.0))
    assert values[1::2] == pytest.approx([5, 1, 1, 1, 1, nan, nan, nan, 2, 3], nan_ok=True)


@pytest.mark.parametrize(("apart", "held"), [(HELD_S, True), (HELD_S + 0.1, False)])
def test_readings_that_are_too_far_apart_have_a_gap_between_them(apart: float, held: bool) -> None:
    series = Series()
    for tick in (0.0, apart):
        series.append(tick, 1.0)
    values = resampled(series, axis(20, apart, 200.0))
    assert isnan(values[-6]) is not held


def test_readings_from_before_the_left_edge_reach_into_the_picture() -> None:
    series = Series()
    for tick in (0.0, 30.0):
        series.append(tick, 1.0)
    assert not any(map(isnan, resampled(series, axis(10, 30.0, 10.0))))


def test_the_highest_of_many_readings_is_drawn() -> None:
    series = Series()
    for tick in range(3000):
        series.append(float(tick), 9.0 if tick == 1000 else 1.0)
    values = resampled(series, axis(20, 2999.0, 3600.0))
    assert sorted({value for value in values if not isnan(value)}) == [1.0, 9.0]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_an_area_is_filled_from_its_curve_to_the_bottom(ascii_only: bool) -> None:
    rows, columns = 4, 6
    heights = [float(DOTS_Y + 6)] * columns * 2
    grid = draw((Curve("rx", heights, True, "area"),), columns, rows, ascii_only)
    assert all(mark == " " for mark, _ in grid[0])
    assert {role for _, role in grid[1]} == {"rx"}
    assert {role for row in grid[2:] for _, role in row} == {"area"}


def test_a_curve_of_gaps_draws_nothing() -> None:
    grid = draw((Curve("rx", [nan] * 8),), 4, 2)
    assert {mark for row in grid for mark, _ in row} == {" "}


HEIGHTS = st.lists(
    st.one_of(st.floats(0, 15), st.integers(0, 15).map(float), st.just(nan)),
    min_size=24,
    max_size=24,
)


def dots_of(grid: Grid, role: str | None = None) -> dict[int, set[int]]:
    """Return the dot rows that are set, from the bottom up, by dot column."""
    dots: dict[int, set[int]] = {}
    for row, cells in enumerate(reversed(grid)):
        for column, (mark, of) in enumerate(cells):
            code = ord(mark) - 0x2800 if mark != " " and role in (None, of) else 0
            for bit in range(8):
                # Dots 1 to 3 and 7 of braille are the left ones, from the top down.
                right, down = divmod(bit, 3) if bit < 6 else (bit - 6, 3)
                if code >> bit & 1:
                    height = row * DOTS_Y + DOTS_Y - 1 - down
                    dots.setdefault(2 * column + right, set()).add(height)
    return dots


@given(HEIGHTS)
def test_a_line_goes_through_all_its_points_and_has_no_holes(heights: list[float]) -> None:
    dots = dots_of(draw((Curve("rx", heights),), 12, 4))
    for x, (here, there) in enumerate(pairwise([*heights, nan])):
        column = dots.get(x, set())
        if isnan(here):
            assert not column
            continue
        assert round_half_up(here) in column
        if isnan(there):
            assert len(column) == 1
            continue
        low, high = sorted((round_half_up(here), round_half_up(there)))
        assert column <= set(range(low, high + 1))
        assert column | dots[x + 1] >= set(range(low, high + 1))


def test_a_steep_line_ends_one_dot_before_its_next_point() -> None:
    grid = draw((Curve("rx", [0.0, 7.0, 7.0, 0.0, nan, 3.0]),), 3, 2)
    assert ["".join(mark for mark, _ in row) for row in grid] == ["⡎⡇ ", "⡇⢇⠈"]
    assert {role for row in grid for mark, role in row if mark != " "} == {"rx"}


def round_half_up(height: float) -> int:
    return int(height + 0.5 + 1e-9)


@given(HEIGHTS)
def test_an_area_holds_every_dot_below_its_line(heights: list[float]) -> None:
    line = dots_of(draw((Curve("rx", heights),), 12, 4))
    area = dots_of(draw((Curve("rx", heights, True, "area"),), 12, 4))
    assert area.keys() == line.keys()
    for x, dots in area.items():
        assert dots == set(range(max(line[x]) + 1))


@given(HEIGHTS)
def test_only_the_edge_of_an_area_has_the_role_of_its_curve(heights: list[float]) -> None:
    grid = draw((Curve("rx", heights, True, "area"),), 12, 4)
    for column in zip(*grid, strict=True):
        roles = [role for mark, role in column if role]
        assert roles == ["rx", *["area"] * (len(roles) - 1)][: len(roles)]


def test_in_ascii_a_column_shows_the_highest_of_its_heights() -> None:
    heights = [0.0, 9.0, 5.0, 1.0, nan, nan, 15.0, nan]
    area = draw((Curve("rx", heights, True, "area", "."),), 4, 4, ascii_only=True)
    assert ["".join(mark for mark, _ in row) for row in area] == ["   *", "*  .", ".* .", ".. ."]


def areas(rx: list[float], tx: list[float], rows: int = 4) -> Grid:
    curves = overlaid(Curve("rx", rx, True, "rx-area"), Curve("tx", tx, True, "tx-area"))
    return draw(curves, len(rx) // 2, rows)


def test_of_two_areas_the_lower_one_is_in_front_in_every_cell() -> None:
    grid = areas([12.0, 12.0, 2.0, 2.0, 2.0, nan], [2.0, 2.0, 12.0, 12.0, nan, nan])
    roles = [[role for _, role in row] for row in grid]
    assert roles == [["rx", "tx", ""], ["rx-area", "tx-area", ""], ["rx-area", "tx-area", ""],
                     ["tx", "rx", "rx"]]  # fmt: skip


@given(HEIGHTS, HEIGHTS)
def test_both_edges_of_two_areas_can_be_seen_without_colours(
    rx: list[float], tx: list[float]
) -> None:
    dots = dots_of(areas(rx, tx))
    for x in range(0, len(rx), 2):
        if any(map(isnan, (*rx[x : x + 2], *tx[x : x + 2]))):
            continue
        one, other = (max(round_half_up(y) for y in part[x : x + 2]) for part in (rx, tx))
        column = dots.get(x, set()) | dots.get(x + 1, set())
        assert max(column) >= max(one, other) - 1
        if abs(one - other) > 2:
            assert any(len(dots[x + n]) <= max(dots[x + n]) for n in (0, 1)), "a dot is free"


def test_a_cursor_stands_across_the_plot_and_leaves_what_is_drawn() -> None:
    lines: list[Line] = [((" " * GUTTER + "  ⣿┈", Role.TX_AREA),), ((" " * GUTTER, Role.DIM),)]
    for column, mark in ((0, "│"), (2, "⣿"), (3, "│")):
        marked = with_cursor(lines, column)
        assert plain(marked[0])[GUTTER + column] == mark
        assert (mark, Role.ACCENT) in marked[0]
        assert line_width(marked[0]) == GUTTER + 4


@pytest.mark.parametrize(
    ("ends", "names"),
    [
        ([(9, "ASIC", Role.ASIC), (1, "module", Role.MODULE)], {0: " ASIC", 2: " module"}),
        ([(7, "ASIC", Role.ASIC), (4, "module", Role.MODULE)], {1: " ASIC", 2: "╰module"}),
        ([(3, "ASIC", Role.ASIC), (1, "module", Role.MODULE)], {1: "╭ASIC", 2: " module"}),
        ([(1, "ASIC", Role.ASIC), (3, "module", Role.MODULE)], {1: "╭module", 2: " ASIC"}),
        ([(99, "ASIC", Role.ASIC)], {0: " ASIC"}),
    ],
)
def test_names_of_curves_that_end_in_one_row_say_which_is_beside_its_own(
    ends: list[tuple[int, str, Role]], names: dict[int, str]
) -> None:
    assert {row: run[0] for row, run in names_beside(ends, 3).items()} == names


def test_a_step_up_or_down_leaves_no_hole_in_a_line() -> None:
    series = Series()
    for tick in range(12):
        series.append(float(tick), 15.0 if tick % 5 == 2 else 0.0)
    dots = dots_of(draw((Curve("rx", resampled(series, axis(12, 11.0))),), 12, 4))
    columns = sorted(dots)
    for x, after in pairwise(columns):
        assert after == x + 1
        assert min(dots[after]) <= max(dots[x]) + 1
        assert max(dots[after]) >= min(dots[x]) - 1


def test_a_curve_hides_the_cells_of_those_behind_it() -> None:
    grid = draw((Curve("back", [0.0] * 4), Curve("front", [3.0, 3.0, nan, nan])), 2, 1)
    assert grid == [[("⠉", "front"), ("⣀", "back")]]


def test_the_same_arithmetic_off_by_a_hair_is_drawn_in_the_same_dot() -> None:
    drawn = [
        draw((Curve("rx", [y, y]),), 1, 4) for y in (5.5, 5.499999999999993, 5.500000000000004)
    ]
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_heights_beyond_the_grid_are_drawn_at_its_edge(ascii_only: bool) -> None:
    beyond, edge = ([1e12, -5.0, 99.0, 99.0], [7.0, 0.0, 7.0, 7.0])
    pictures = [draw((Curve("rx", ys),), 2, 2, ascii_only) for ys in (beyond, edge)]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2)])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_smallest_canvas_is_drawn_without_a_crash(
    size: tuple[int, int], ascii_only: bool
) -> None:
    columns, rows = size
    grid = draw([Curve("rx", [0.0] * columns * 2, True, "area")], columns, rows, ascii_only)
    assert [len(row) for row in grid] == [columns] * rows
