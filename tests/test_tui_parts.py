"""Parts of the screen that need no screen: flow control, time axis, curves, differences, looks."""

from __future__ import annotations

from itertools import pairwise
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.theme import BUILTIN_THEMES

from mlxtop.model.history import Series
from mlxtop.present.pages import PAGES
from mlxtop.present.text import Line, Role, Section, cut, line_width, plain
from mlxtop.tui.commands import COMMANDS, available, misnamed
from mlxtop.tui.flow import AGAIN, PATIENCE, QUICK, Flow
from mlxtop.tui.look import choose, only_ascii, other_shade, own_themes, variables
from mlxtop.tui.widgets.canvas import DOTS_Y, Curve, Grid, draw
from mlxtop.tui.widgets.charts import Rule, temperature_lines, throughput_lines
from mlxtop.tui.widgets.lines import difference, joined
from mlxtop.tui.widgets.sections import laid_out
from mlxtop.tui.widgets.timeline import resampled, timeline

LINES = st.lists(
    st.tuples(st.text("abc é█", min_size=1, max_size=5), st.sampled_from(list(Role))), max_size=6
).map(tuple)


def test_the_next_frame_waits_for_the_answer_of_the_terminal() -> None:
    flow = Flow()
    assert flow.ready(0.0)
    assert flow.ask(0.0)
    assert not flow.ready(1.0)
    flow.answered(1.0)
    assert flow.ready(1.0)
    assert flow.ask(1.0)


def test_a_quick_terminal_is_not_asked_after_each_of_many_frames() -> None:
    flow = Flow()
    assert flow.ask(0.0)
    flow.answered(QUICK / 2)
    assert not flow.ask(AGAIN / 2)
    assert flow.ready(AGAIN / 2)
    assert flow.ask(AGAIN / 2, held_up=True)
    flow.answered(AGAIN / 2)
    assert flow.ask(2 * AGAIN)
    flow.answered(2 * AGAIN + 2 * QUICK)
    assert flow.ask(2 * AGAIN + 2 * QUICK)


def test_a_terminal_that_never_answers_is_not_asked_again() -> None:
    flow = Flow()
    flow.ask(0.0)
    assert flow.ready(PATIENCE)
    assert not flow.ask(PATIENCE)
    assert flow.ready(PATIENCE + 0.1)


def test_one_late_answer_does_not_end_flow_control() -> None:
    flow = Flow()
    flow.ask(0.0)
    flow.answered(0.5)
    flow.ask(1.0)
    assert flow.ready(1.0 + PATIENCE)
    assert flow.ask(1.0 + PATIENCE)


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


@given(
    st.lists(st.one_of(st.floats(0, 4e11), st.just(nan)), min_size=20, max_size=20),
    st.integers(12, 60),
    st.integers(3, 20),
    st.one_of(st.none(), st.floats(1e6, 4e11)),
)
def test_charts_are_exactly_as_large_as_their_room(
    values: list[float], width: int, height: int, limit: float | None
) -> None:
    line = timeline(100.0, width - 6, 100.0, 1.0)
    padded = (values * 20)[: line.dots]
    rule = Rule(limit, "limit", Role.WARNING) if limit else None
    lines = throughput_lines(padded, padded[::-1], line, (width, height), limit=rule)
    assert len(lines) == height
    assert {line_width(one) for one in lines} == {width}


@given(st.floats(-40, 150), st.floats(-40, 150), st.integers(20, 60), st.integers(3, 20))
def test_temperatures_of_any_kind_fit_their_chart(
    first: float, second: float, width: int, height: int
) -> None:
    line = timeline(100.0, width - 13, 100.0, 1.0)
    curves = {
        Role.MODULE: ("module", [first] * line.dots),
        Role.ASIC: ("ASIC", [second] * line.dots),
    }
    rules = [Rule(75.0, "warning", Role.WARNING), Rule(80.0, "critical", Role.CRITICAL)]
    lines = temperature_lines(curves, rules, line, (width, height))
    assert len(lines) == height
    assert {line_width(one) for one in lines} == {width}


@given(LINES, LINES)
def test_a_difference_covers_every_cell_that_changed(old: Line, new: Line) -> None:
    span = difference(old, new)
    before, after = plain(old), plain(new)
    for place in range(max(len(before), len(after))):
        changed = before[place : place + 1] != after[place : place + 1]
        if changed:
            assert span is not None
            assert span[0] <= place < span[0] + span[1]


@given(LINES, st.integers(0, 30), st.integers(0, 30))
def test_a_part_of_a_line_is_what_stands_there(line: Line, start: int, end: int) -> None:
    part = cut(line, start, end)
    assert plain(part) == plain(line)[start:end]
    assert {role for _, role in part} <= {role for _, role in line}


def test_half_of_a_wide_character_is_a_blank() -> None:
    line: Line = (("a漢", Role.TEXT), ("字b", Role.DIM))
    parts = [plain(cut(line, start, end)) for start, end in ((0, 2), (2, 4), (1, 3), (4, 6))]
    assert parts == ["a ", "  ", "漢", " b"]


@given(LINES)
def test_joining_runs_keeps_the_text(line: Line) -> None:
    assert plain(joined(line)) == plain(line)


@given(st.integers(8, 260), st.lists(st.lists(LINES, max_size=4), min_size=1, max_size=5))
def test_boxes_fill_their_lines_at_every_width(columns: int, pages: list[list[Line]]) -> None:
    sections = [Section("title", tuple(lines)) for lines in pages]
    widths = {line_width(line) for line in laid_out(sections, columns)}
    assert max(widths) <= columns
    assert min(widths) >= columns - 2


def test_commands_have_one_name_and_one_key_each() -> None:
    names = [command.id for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert misnamed({"help": "x", "hlep": "y"}) == ["hlep"]
    for scope in {command.scope for command in COMMANDS}:
        keys = [
            key
            for command in COMMANDS
            if command.scope in (scope, "everywhere")
            for key in command.keys.split(",")
        ]
        assert len(set(keys)) == len(keys), f"two commands on one key in {scope}"


def test_every_page_has_a_command_with_its_key() -> None:
    pages = [(command.keys, command.action) for command in COMMANDS if "page(" in command.action]
    assert pages == [(page.key, f"screen.page('{page.key}')") for page in PAGES]


def test_a_readonly_screen_has_no_command_that_changes_anything() -> None:
    scopes = [command.scope for command in COMMANDS]
    assert all(not command.changes for command in available(*scopes, readonly=True))


def test_the_theme_follows_wish_terminal_and_no_color() -> None:
    themes = {theme.name: theme for theme in own_themes()} | BUILTIN_THEMES
    assert choose("light", themes, False, {}) == "mlxtop-light"
    assert choose("nord", themes, False, {}) == "nord"
    assert choose(None, themes, False, {}) == "mlxtop-dark"
    assert choose("no such", themes, False, {"COLORFGBG": "0;15"}) == "mlxtop-light"
    assert choose(None, themes, True, {}) == "ansi-dark"
    assert choose(None, themes, False, {"NO_COLOR": "1"}) == "ansi-dark"
    assert other_shade("mlxtop-dark", themes) == "mlxtop-light"
    assert other_shade("ansi-light", themes) == "ansi-dark"


def test_every_theme_has_all_of_our_roles() -> None:
    needed = set(own_themes()[0].variables)
    for theme in BUILTIN_THEMES.values():
        assert set(variables(theme)) == needed


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, True),
        ({"TERM": "linux", "LANG": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.utf8", "LANG": "C"}, False),
    ],
)
def test_terminals_and_locales_without_braille_get_ascii(
    environ: dict[str, str], expected: bool
) -> None:
    assert only_ascii(environ) is expected


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2)])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_smallest_canvas_is_drawn_without_a_crash(
    size: tuple[int, int], ascii_only: bool
) -> None:
    columns, rows = size
    grid = draw([Curve("rx", [0.0] * columns * 2, -1, 0, "area")], columns, rows, ascii_only)
    assert [len(row) for row in grid] == [columns] * rows
