"""Curves as a grid of characters; no Textual and no colours here.

A braille cell has 2 × 4 dots, an ASCII cell is one dot. The dots of a dot column are the bits of a
number, the lowest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, isnan, nan
from typing import NamedTuple

DOTS_X, DOTS_Y = 2, 4
_HALF = 0.5 + 1e-9
"""Added before rounding down: arithmetic puts a height between two dots a hair off the middle."""


def _half(bits: Sequence[int]) -> list[int]:
    """Return the braille codes of all 16 dot patterns of one half of a cell."""
    return [sum(bit for dot, bit in enumerate(bits) if dots >> dot & 1) for dots in range(16)]


_LEFT, _RIGHT = _half((0x40, 0x04, 0x02, 0x01)), _half((0x80, 0x20, 0x10, 0x08))
_BRAILLE = [[chr(0x2800 + left + right) for right in _RIGHT] for left in _LEFT]


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
    marks = [[" "], [":" if curve.fill else "*"]] if ascii_only else _BRAILLE
    cell, last = (1 << up) - 1, len(grid) - 1
    body = curve.body if curve.fill else curve.role
    for x, (left, right) in enumerate(zip(dots[::across], rights, strict=True)):
        both = left | right
        if not both:
            continue
        bottom = ((both & -both).bit_length() - 1) // up
        top = (both.bit_length() - 1) // up
        for y in range(bottom, top + 1):
            mark = marks[left >> y * up & cell][right >> y * up & cell]
            grid[last - y][x] = (mark, body)
        edge = grid[last - (bottom if curve.fill > 0 else top)]
        edge[x] = ("*" if ascii_only else edge[x][0], curve.role)


def _dot_columns(curve: Curve, most: int) -> list[int]:
    """Return the dots of each dot column of a curve, in `most` dot rows.

    A dot column reaches to just before the height of the next one, so that a line has no holes.
    """
    columns = []
    heights = [None if isnan(y) else floor(max(0, min(most - 1, y)) + _HALF) for y in curve.heights]
    for here, there in zip(heights, [*heights[1:], None], strict=True):
        if here is None:
            columns.append(0)
            continue
        low = high = here
        if there is not None:
            low, high = min(here, there + 1), max(here, there - 1)
        if curve.fill:
            low, high = min(low, curve.base), max(high, curve.base)
        columns.append((2 << high) - (1 << low))
    return columns


def _in_cells(curve: Curve) -> Curve:
    """Return a curve with a height a column, in cells: the one farthest from the base."""
    cells = []
    for place in range(0, len(curve.heights), DOTS_X):
        dots = [y for y in curve.heights[place : place + DOTS_X] if not isnan(y)]
        cells.append((min(dots) if curve.fill > 0 else max(dots)) // DOTS_Y if dots else nan)
    return curve._replace(heights=cells, base=curve.base // DOTS_Y)
