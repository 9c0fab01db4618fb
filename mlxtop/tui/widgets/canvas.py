"""Curves as a grid of characters over a time axis, and the grid as lines; no Textual here.

A braille cell has 2 × 4 dots, an ASCII cell is one dot. The dots of a dot column are the bits of a
number, the lowest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import floor, isnan, nan
from typing import NamedTuple

from mlxtop.model.history import HELD_S, Series
from mlxtop.present.text import Line, Role, Run, cut, fit
from mlxtop.tui.time_axis import DOTS_X, TimeAxis

DOTS_Y = 4
GUTTER = 7
"""Columns of the scale on the left."""
LABELS = 7
"""Columns for the names of curves on the right."""
_BLANK = " ⠀"
_RULED = _BLANK + "╌┈"
_HALF = 0.5 + 1e-9
"""Added before rounding down: arithmetic puts a height between two dots a hair off the middle."""


def _half(bits: Sequence[int]) -> list[int]:
    """Return the braille codes of all 16 dot patterns of one half of a cell."""
    return [sum(bit for dot, bit in enumerate(bits) if dots >> dot & 1) for dots in range(16)]


_LEFT, _RIGHT = _half((0x40, 0x04, 0x02, 0x01)), _half((0x80, 0x20, 0x10, 0x08))
_BRAILLE = [[chr(0x2800 + left + right) for right in _RIGHT] for left in _LEFT]


class Curve(NamedTuple):
    """Dot heights by dot column, NaN for gaps, and to which side it is filled.

    An area is `filled` down to the bottom; `body` is its role and `role` that of its edge. `mark`
    stands for it in ASCII. What is `over` another area lets that be seen above itself.
    """

    role: str
    heights: Sequence[float]
    filled: bool = False
    body: str = ""
    mark: str = ":"
    over: bool = False


def overlaid(one: Curve, other: Curve) -> list[Curve]:
    """Return two areas as up to four, so that in each cell the lower one is in front."""
    behind, front = (([nan] * len(one.heights), [nan] * len(one.heights)) for _ in range(2))
    for start in range(0, len(one.heights), DOTS_X):
        cell = slice(start, start + DOTS_X)
        lines = (one.heights[cell], other.heights[cell])
        first, second = (max((y for y in line if not isnan(y)), default=-1.0) for line in lines)
        higher = 0 if first > second else 1
        behind[higher][cell], front[1 - higher][cell] = lines[higher], lines[1 - higher]
    curves = (one, other)
    return [
        curve._replace(heights=heights, over=layer is front)
        for layer in (behind, front)
        for curve, heights in zip(curves, layer, strict=True)
        if not all(map(isnan, heights))
    ]


Grid = list[list[tuple[str, str]]]
"""Rows from the top, each with (character, role) by column; a blank has role ''."""


def draw(curves: Iterable[Curve], columns: int, rows: int, ascii_only: bool = False) -> Grid:
    """Return a grid with the curves over each other, the first one at the back."""
    grid: Grid = [[(" ", "")] * columns for _ in range(rows)]
    for curve in curves:
        _paint(grid, _in_cells(curve) if ascii_only else curve, columns, ascii_only)
    return grid


def _paint(grid: Grid, curve: Curve, columns: int, ascii_only: bool) -> None:
    """Draw a curve over what the grid holds, one column of cells after the other."""
    across, up = (1, 1) if ascii_only else (DOTS_X, DOTS_Y)
    dots = _dot_columns(curve, len(grid) * up)[: columns * across]
    rights = [0] * len(dots) if ascii_only else dots[1::DOTS_X]
    marks = [[" "], [curve.mark if curve.filled else "*"]] if ascii_only else _BRAILLE
    cell, last = (1 << up) - 1, len(grid) - 1
    body = curve.body if curve.filled else curve.role
    full = (marks[-1][-1], body)
    for x, (left, right) in enumerate(zip(dots[::across], rights, strict=True)):
        both = left | right
        if not both:
            continue
        bottom = ((both & -both).bit_length() - 1) // up
        top = (both.bit_length() - 1) // up
        shared = range(0)
        if curve.over and not ascii_only:  # below the lower one of two tops all is in front
            shared = range((min(left, right).bit_length() or 1) - 1 >> 2, min(last, top + 1) + 1)
        behind = [grid[last - y][x] for y in shared]
        whole = min(left, right).bit_length() // up if curve.filled else bottom
        for y in range(bottom, whole):
            grid[last - y][x] = full
        for y in range(whole, top + 1):
            mark = marks[left >> y * up & cell][right >> y * up & cell]
            grid[last - y][x] = (mark, body)
        edge = grid[last - top]
        edge[x] = ("*" if ascii_only else edge[x][0], curve.role)
        for y, hidden in zip(shared, behind, strict=True):
            grid[last - y][x] = _seen_above(
                grid[last - y][x], hidden, _BRAILLE[_free(left, y)][_free(right, y)]
            )


def _seen_above(front: tuple[str, str], behind: tuple[str, str], free: str) -> tuple[str, str]:
    """Return a cell of an area with the `free` dots of what is behind it."""
    if not behind[1] or behind[0] < _BRAILLE[0][0]:
        return front
    kept = ord(behind[0]) & ord(free)
    return chr(kept if front == behind else ord(front[0]) | kept), front[1]


def _free(dots: int, y: int) -> int:
    """Return the dots of a row of cells that an area leaves to the one behind it.

    That is what lies above the area, but for one dot that parts the two.
    """
    height = dots.bit_length() - y * DOTS_Y
    return 15 & ~((2 << height) - 1) if dots and height >= 0 else 15


def _dot_columns(curve: Curve, most: int) -> list[int]:
    """Return the dots of each dot column, each to just before the height of the next one."""
    columns = []
    heights = [None if isnan(y) else floor(max(0, min(most - 1, y)) + _HALF) for y in curve.heights]
    for here, there in zip(heights, [*heights[1:], None], strict=True):
        if here is None:
            columns.append(0)
            continue
        low = high = here
        if there is not None:
            low, high = min(here, there + 1), max(here, there - 1)
        if curve.filled:
            low = 0
        columns.append((2 << high) - (1 << low))
    return columns


def _in_cells(curve: Curve) -> Curve:
    """Return a curve with a height a column, in cells: the highest."""
    cells = []
    for place in range(0, len(curve.heights), DOTS_X):
        dots = [y for y in curve.heights[place : place + DOTS_X] if not isnan(y)]
        cells.append(max(dots) // DOTS_Y if dots else nan)
    return curve._replace(heights=cells)


def rule_across(cells: list[tuple[str, str]], label: str, role: Role) -> None:
    """Draw a dashed line where nothing else is in a row, with its label where there is room."""
    for place, (mark, _) in enumerate(cells):
        if mark in _RULED:
            cells[place] = ("╌", role)
    line = "".join(mark for mark, _ in cells)
    for words in (label, label.rpartition(" ")[2]):
        start = line.find("╌" * (len(words) + 3)) + 1
        if words and start > 0:
            for place, character in enumerate(f" {words} "):
                cells[start + place] = (character, role)
            return


def grid_across(cells: list[tuple[str, str]]) -> None:
    """Draw a line of the scale where nothing else is in a row."""
    for place, (mark, _) in enumerate(cells):
        if mark in _BLANK:
            cells[place] = ("┈", Role.FAINT)


def now_line(grid: Grid, column: int) -> None:
    """Draw an upright line between the past and what is expected."""
    for cells in grid:
        if cells[column][0] in _RULED:
            cells[column] = ("┊", Role.FAINT)


def with_cursor(lines: Sequence[Line], column: int, gutter: int = GUTTER) -> list[Line]:
    """Return the lines of a plot with an upright line in one of its columns."""
    at = gutter + column
    marked = []
    for line in lines:
        ((text, _), *_) = cut(line, at, at + 1) or ((" ", Role.TEXT),)
        here: Run = ("│" if text in _RULED else text, Role.ACCENT)
        marked.append((*cut(line, 0, at), here, *cut(line, at + 1, at + 1000)))
    return marked


Ends = Sequence[tuple[int, str, Role]]
"""Dots above the bottom at which curves end, with their names."""


def names_beside(ends: Ends, rows: int) -> dict[int, Run]:
    """Return the names of curves by the row they stand in, `╰` and `╭` before one beside its own.

    Of two curves that end in one row the higher one's name stands higher.
    """
    names: dict[int, Run] = {}
    for dot, name, role in sorted(ends, reverse=True):
        row = max(0, min(rows - 1, rows - 1 - dot // DOTS_Y))
        if row not in names:
            names[row] = (f" {name}", role)
        elif row + 1 < rows and row + 1 not in names:
            names[row + 1] = (f"╰{name}", role)
        elif row and row - 1 not in names:
            text, above = names[row]
            names[row - 1], names[row] = (f"╭{text[1:]}", above), (f" {name}", role)
    return names


def grid_lines(
    grid: Grid, scale: Mapping[int, Run], names: Mapping[int, Run] | None = None
) -> list[Line]:
    """Return a grid as lines, with scale at the left and names of curves at the right by row."""
    lines = []
    for y, cells in enumerate(grid):
        text, role = scale.get(y, ("", Role.DIM))
        runs: list[Run] = [(fit(text, GUTTER - 1, right=True) + " ", role)]
        runs.extend(_runs(cells))
        if names is not None:
            name, role = names.get(y, ("", Role.DIM))
            runs.append((fit(name, LABELS), role))
        lines.append(tuple(runs))
    return lines


def _runs(cells: Sequence[tuple[str, str]]) -> list[Run]:
    """Return cells as runs; blanks join the run before them."""
    text = "".join([mark for mark, _ in cells])
    runs: list[Run] = []
    start, last = 0, ""
    for place, (_, role) in enumerate(cells):
        if role and role != last:
            if last:
                runs.append((text[start:place], Role(last)))
                start = place
            last = role
    return [*runs, (text[start:], Role(last or Role.FAINT))]


def resampled(series: Series | None, axis: TimeAxis) -> list[float]:
    """Return the highest value a dot; NaN where there is none.

    A rate stands for the time since the reading before it, so it fills the dots between the two.
    """
    values = [nan] * axis.dots
    if series is None:
        return values
    origin, dot_s, first = axis.origin, axis.dot_s, axis.first_dot
    last = held = None
    if (before := series.before(axis.start)) is not None and not isnan(before[1]):
        last, held = floor((before[0] - origin) / dot_s) - first, before[0]
    for tick, value in series.between(axis.start, axis.end):
        if isnan(value):
            last = None
            continue
        dot = floor((tick - origin) / dot_s) - first
        if last is not None and held is not None and dot > last + 1 and tick - held <= HELD_S:
            for between in range(max(0, last + 1), dot):
                values[between] = value
        if 0 <= dot < axis.dots and not values[dot] >= value:
            values[dot] = value
        last, held = dot, tick
    return values
