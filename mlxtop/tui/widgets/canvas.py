"""Curves drawn by plotext, as a matrix of characters; no Textual and no colours here.

Values are turned into dots of the terminal (a braille cell has 2 × 4 of them), plotext draws the
lines between them, and the matrix is taken before plotext makes text with escapes of it, which
would cost more than everything else (plotext is pinned: these are its private names).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import isnan, nan
from typing import Any, NamedTuple

DOTS_X, DOTS_Y = 2, 4
_BRAILLE = 0x2800
_BITS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""Bits of the left and right half of a braille cell, from the bottom up."""
_HALVES = {
    chr(_BRAILLE + bits): sum(sum(half) for half in _BITS if any(bits & bit for bit in half))
    for bits in range(256)
}
"""A cell of the area below one of a curve: half of it stays blank where only half of the column
has a curve."""


class Curve(NamedTuple):
    """Dot heights by dot column, NaN for gaps, and to which side it is filled.

    `fill` is -1 for down to dot row `base`, 1 for up to it, 0 for a line; `body` is the role of
    the area, `role` that of its edge.
    """

    role: str
    heights: Sequence[float]
    fill: int = 0
    base: int = 0
    body: str = ""


Grid = list[list[tuple[str, str]]]
"""Rows from the top, each with (character, role) by column; a blank has role ''."""


def draw(curves: Iterable[Curve], columns: int, rows: int, ascii_only: bool = False) -> Grid:
    """Draw curves over each other, the first one at the back."""
    grid: Grid = [[(" ", "")] * columns for _ in range(rows)]
    for curve in curves:
        marks = _marks(((curve, 0),), columns, rows, ascii_only)
        _paint(grid, marks, curve, ascii_only)
    return grid


def draw_halves(
    above: Curve, below: Curve, columns: int, rows: tuple[int, int], ascii_only: bool
) -> Grid:
    """Two curves, each in rows of its own; one picture costs little more than one curve."""
    up, down = rows
    grid: Grid = [[(" ", "")] * columns for _ in range(up + down)]
    marks = _marks(((above, down), (below, 0)), columns, up + down, ascii_only)
    _paint(grid[:up], marks[:up], above, ascii_only)
    _paint(grid[up:], marks[up:], below, ascii_only)
    return grid


def _paint(grid: Grid, marks: list[list[str]], curve: Curve, ascii_only: bool) -> None:
    inside = _fill(marks, curve, ascii_only) if curve.fill else set()
    for y, row in enumerate(marks):
        for x, mark in enumerate(row):
            if mark != " ":
                grid[y][x] = (mark, curve.body if (x, y) in inside else curve.role)


Heights = list[tuple[float, ...]]
"""By dot column, or by cell in ASCII: the dot or cell of each curve."""


def _marks(
    curves: Sequence[tuple[Curve, int]], columns: int, rows: int, ascii_only: bool
) -> list[list[str]]:
    """The lines of curves, each so many rows up, as plotext draws them; rows from the top.

    Where they have moved on by some cells since they were last drawn, only their end is drawn.
    """
    across = 1 if ascii_only else DOTS_X
    heights = list(zip(*(_lifted(curve, lift, ascii_only) for curve, lift in curves), strict=True))
    if len(heights) != columns * across:
        return _lines(heights, columns, rows, ascii_only)
    key = (*(curve.role for curve, _ in curves), columns, rows, ascii_only)
    marks: list[list[str]] | None = None
    if key in _recent:
        old, before = _recent.pop(key)
        same, shift = _moved(old, heights, across)
        if same:
            # The line to the first new dot begins in the cell of the one before.
            place = min((same - 1) // across, columns - 2)
            end = _lines(heights[place * across :], columns - place, rows, ascii_only)
            kept = slice(shift, shift + place)
            marks = [row[kept] + new for row, new in zip(before, end, strict=True)]
    if marks is None:
        marks = _lines(heights, columns, rows, ascii_only)
    _recent[key] = heights, marks
    while len(_recent) > _RECENT:
        del _recent[next(iter(_recent))]
    return [row.copy() for row in marks]


def _lifted(curve: Curve, rows: int, ascii_only: bool) -> list[float]:
    """Heights of a curve that stands on so many rows, with one nan for all, equal to itself."""
    heights = _whole_cells(curve) if ascii_only else curve.heights
    lift = rows if ascii_only else rows * DOTS_Y
    return [nan if isnan(y) else y + lift for y in heights]


_recent: dict[tuple[object, ...], tuple[Heights, list[list[str]]]] = {}
"""Heights and marks of what was drawn last."""
_RECENT, _STEPS = 8, 4


def _moved(old: Heights, new: Heights, across: int) -> tuple[int, int]:
    """How many dots of a curve are as they were, and by how many cells it has moved on."""
    best = (0, 0)
    sure = len(new) - 2 * _STEPS * across
    for shift in range(_STEPS) if sure > 0 else ():
        ahead = shift * across
        if new[:sure] == old[ahead : sure + ahead]:
            same = sure
            while same < len(new) - ahead and new[same] == old[same + ahead]:
                same += 1
            best = max(best, (same, shift))
    return best


def _lines(heights: Heights, columns: int, rows: int, ascii_only: bool) -> list[list[str]]:
    """Lines between neighbours."""
    across, up = (1, 1) if ascii_only else (DOTS_X, DOTS_Y)
    if rows * up < 2:  # plotext divides by the span
        return [[" " if isnan(y) else "*" for (y,) in heights]]
    if columns * across < 2:
        return [[" "] * columns for _ in range(rows)]
    figure = _figure(columns, rows)
    figure.clear_data()
    figure.xlim(0, columns * across - 1)
    figure.ylim(0, rows * up - 1)
    pieces = [piece for curve in zip(*heights, strict=True) for piece in _unbroken(curve)]
    for xs, ys in pieces:
        figure.plot(xs, ys, marker="*" if ascii_only else "braille")
    if not pieces:
        return [[" "] * columns for _ in range(rows)]
    figure._build_matrix()
    matrix: list[list[str]] = figure.monitor.matrix.marker
    return [list(row) for row in reversed(matrix)]


@lru_cache(maxsize=16)
def _figure(columns: int, rows: int) -> Any:
    """An empty figure of a size; making one costs as much as drawing in it."""
    from textual_plotext.plot import Plot

    figure: Any = Plot()
    figure.frame(False)
    figure.xticks([], [])
    figure.yticks([], [])
    figure.plotsize(columns, rows)
    figure._set_size(columns, rows)
    figure._set_sizes()
    return figure


def _whole_cells(curve: Curve) -> list[float]:
    """Heights in cells instead of dots, the value farthest from the base of every column."""
    cells = []
    for place in range(0, len(curve.heights), DOTS_X):
        dots = [y for y in curve.heights[place : place + DOTS_X] if not isnan(y)]
        cells.append((min(dots) if curve.fill > 0 else max(dots)) // DOTS_Y if dots else nan)
    return cells


def _unbroken(heights: Sequence[float]) -> Iterable[tuple[list[int], list[float]]]:
    """Pieces of a curve without gaps; of what is flat, the two ends."""
    xs: list[int] = []
    ys: list[float] = []
    for x, y in enumerate(heights):
        if isnan(y):
            if xs:
                yield xs, ys
            xs, ys = [], []
        elif len(ys) > 1 and ys[-2] == ys[-1] == y:
            xs[-1] = x
        else:
            xs.append(x)
            ys.append(y)
    if xs:
        yield xs, ys


def _fill(marks: list[list[str]], curve: Curve, ascii_only: bool) -> set[tuple[int, int]]:
    """Fill between a curve and its base, column by column; the cells inside the area."""
    rows = len(marks)
    base_row = rows - 1 - curve.base // DOTS_Y
    filled: set[tuple[int, int]] = set()
    for x in range(len(marks[0]) if marks else 0):
        hit = [y for y in range(rows) if marks[y][x] != " "]
        if not hit:
            continue
        crest = hit[0] if curve.fill < 0 else hit[-1]
        inside = range(crest + 1, base_row + 1) if curve.fill < 0 else range(base_row, crest)
        halves = _HALVES[marks[crest][x]] if not ascii_only else 0
        for y in inside if curve.fill < 0 else reversed(inside):
            halves |= _HALVES.get(marks[y][x], 0)
            marks[y][x] = ":" if ascii_only else chr(_BRAILLE + halves)
            filled.add((x, y))
        if not ascii_only:
            marks[crest][x] = _filled_cell(marks[crest][x], curve.fill)
    return filled


def _filled_cell(mark: str, fill: int) -> str:
    """The cell of the crest with every dot on the base's side of the curve set."""
    bits = ord(mark) - _BRAILLE
    if not 0 <= bits < 256:
        return mark
    for half in _BITS:
        order = half if fill < 0 else half[::-1]
        top = max((place for place, bit in enumerate(order) if bits & bit), default=-1)
        for place in range(top):
            bits |= order[place]
    return chr(_BRAILLE + bits)
