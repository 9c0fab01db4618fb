"""The time axis and the grid of the charts."""

from __future__ import annotations

from itertools import pairwise
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.history import Series
from mlxtop.tui.widgets.canvas import DOTS_Y, Curve, Grid, draw, resampled, timeline


def test_what_is_drawn_never_changes_but_moves_by_whole_cells() -> None:
    series = Series()
    pictures = []
    for tick in range(1, 80):
        series.append(float(tick), float(tick % 7))
        line = timeline(float(tick), 10, 50.0, 1.0)
        pictures.append((line.last, resampled(series, line, max)))
    for (last, old), (newer, new) in pairwise(pictures):
        moved = newer - last
        assert moved % 2 == 0
        kept = [(a, b) for a, b in zip(old[moved:], new, strict=False) if not isnan(a)]
        assert all(a == b for a, b in kept)


def test_gaps_stay_gaps_and_single_steps_are_bridged() -> None:
    series = Series()
    for tick in (0.0, 2.0, 3.0, 7.0):
        series.append(tick, 1.0)
    line = timeline(9.0, 5, 1.0, 1.0)
    assert [isnan(v) for v in resampled(series, line, max)] == [
        False,
        False,
        False,
        False,
        True,
        True,
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_an_area_is_filled_from_its_curve_to_its_base(ascii_only: bool) -> None:
    rows, columns, base = 4, 6, DOTS_Y
    heights = [float(base + 6)] * columns * 2
    grid = draw((Curve("rx", heights, -1, base, "area"),), columns, rows, ascii_only)
    assert all(mark == " " for mark, _ in grid[0])
    assert {role for _, role in grid[1]} == {"rx"}
    assert {role for _, role in grid[2]} == {"area"}
    assert all(mark == " " for mark, _ in grid[3])


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


@given(HEIGHTS, st.sampled_from([-1, 1]))
def test_an_area_holds_every_dot_between_its_line_and_its_base(
    heights: list[float], fill: int
) -> None:
    base = 15 if fill > 0 else 0
    line = dots_of(draw((Curve("rx", heights),), 12, 4))
    area = dots_of(draw((Curve("rx", heights, fill, base, "area"),), 12, 4))
    assert area.keys() == line.keys()
    for x, dots in area.items():
        edge = min(line[x]) if fill > 0 else max(line[x])
        assert dots == set(range(min(edge, base), max(edge, base) + 1))


@given(HEIGHTS)
def test_only_the_edge_of_an_area_has_the_role_of_its_curve(heights: list[float]) -> None:
    for fill, base in ((-1, 0), (1, 15)):
        grid = draw((Curve("rx", heights, fill, base, "area"),), 12, 4)
        for column in zip(*grid, strict=True):
            roles = [role for mark, role in (column if fill < 0 else reversed(column)) if role]
            assert roles == ["rx", *["area"] * (len(roles) - 1)][: len(roles)]


def test_in_ascii_a_column_shows_the_height_farthest_from_the_base() -> None:
    heights = [0.0, 9.0, 5.0, 1.0, nan, nan, 15.0, nan]
    down = draw((Curve("rx", heights, -1, 0, "area"),), 4, 4, ascii_only=True)
    assert ["".join(mark for mark, _ in row) for row in down] == ["   *", "*  :", ":* :", ":: :"]
    up = draw((Curve("rx", heights, 1, 15, "area"),), 4, 4, ascii_only=True)
    assert ["".join(mark for mark, _ in row) for row in up] == [":: *", "::  ", "::  ", "**  "]


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
    grid = draw([Curve("rx", [0.0] * columns * 2, -1, 0, "area")], columns, rows, ascii_only)
    assert [len(row) for row in grid] == [columns] * rows
