"""Parts of the screen that need no screen: flow control, time axis, curves, differences, looks."""

from __future__ import annotations

from itertools import pairwise
from math import isnan, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.theme import BUILTIN_THEMES

from mlxtop.model.history import Series
from mlxtop.present.text import Line, Role, Section, cut, line_width, plain
from mlxtop.tui.commands import COMMANDS, available, misnamed
from mlxtop.tui.flow import AGAIN, PATIENCE, QUICK, Flow
from mlxtop.tui.look import choose, only_ascii, other_shade, own_themes, variables
from mlxtop.tui.widgets import canvas
from mlxtop.tui.widgets.canvas import DOTS_Y, Curve, draw, draw_halves
from mlxtop.tui.widgets.charts import Rule, floor_nice, nice, temperature_lines, throughput_lines
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


MOVES = st.lists(st.integers(0, 5), min_size=4, max_size=4)
DOTS = st.lists(st.one_of(st.integers(0, 15), st.just(nan)), min_size=64, max_size=64)


@given(DOTS, MOVES, st.booleans(), st.sampled_from([-1, 0, 1]))
def test_a_curve_that_moved_on_looks_as_if_drawn_anew(
    dots: list[float], moves: list[int], ascii_only: bool, fill: int
) -> None:
    columns, rows = 12, 4
    ends = [2 * (columns + sum(moves[:count])) for count in range(len(moves) + 1)]
    curves = [
        Curve("rx", dots[end - 2 * columns : end], fill, 15 if fill > 0 else 0, "area")
        for end in ends
    ]
    moved = [draw((curve,), columns, rows, ascii_only) for curve in curves]
    for curve, picture in zip(curves, moved, strict=True):
        canvas._recent.clear()
        assert draw((curve,), columns, rows, ascii_only) == picture


def test_of_a_curve_that_moved_on_only_the_end_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    lines = canvas._lines

    def counted(heights: canvas.Heights, columns: int, *rest: Any) -> list[list[str]]:
        drawn.append(columns)
        return lines(heights, columns, *rest)

    monkeypatch.setattr(canvas, "_lines", counted)
    canvas._recent.clear()
    dots = [float(place * 7 % 15) for place in range(140)]
    for end in range(100, 140, 2):
        draw((Curve("rx", dots[end - 100 : end], -1, 0, "area"),), 50, 4)
    assert drawn[0] == 50
    assert max(drawn[1:]) <= 2


@given(DOTS, DOTS, st.integers(1, 3), st.booleans())
def test_two_halves_look_as_if_drawn_one_by_one(
    rx: list[float], tx: list[float], up: int, ascii_only: bool
) -> None:
    above = Curve("rx", [min(y, up * 4 - 1) for y in rx], -1, 0, "a")
    below = Curve("tx", tx, 1, 15, "b")
    both = draw_halves(above, below, 32, (up, 4), ascii_only)
    canvas._recent.clear()
    assert both[up:] == draw((below,), 32, 4, ascii_only)
    assert both[:up] == draw((above,), 32, up, ascii_only)


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


@given(st.floats(1.0, 1e12))
def test_round_numbers_enclose_the_value(value: float) -> None:
    assert floor_nice(value) <= value * 1.001
    assert nice(value) >= value * 0.999


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
