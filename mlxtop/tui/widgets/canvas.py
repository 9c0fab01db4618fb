"""Curves as a grid of characters over a time axis, and the grid as lines; no Textual here.

A braille cell has 2 × 4 dots, an ASCII cell is one dot. The dots of a dot column are the bits of a
number, the lowest first. A dot column stands for a whole step of time. Steps begin at whole
multiples of their length, so that a dot, once drawn, never changes its height; it only moves left
by whole cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import floor, isnan, nan
from typing import NamedTuple

from mlxtop.model.history import Series
from mlxtop.present.text import Line, Role, Run, fit

DOTS_X, DOTS_Y = 2, 4
GUTTER = 6
"""Columns of the scale on the left."""
LABELS = 7
"""Columns for the names of curves on the right."""
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


def rule_across(cells: list[tuple[str, str]], label: str, role: Role) -> None:
    """Draw a dashed line where nothing else is in a row, with its label where there is room."""
    for place, (mark, _) in enumerate(cells):
        if mark in " ⠀":
            cells[place] = ("╌", role)
    line = "".join(mark for mark, _ in cells)
    for words in (label, label.rpartition(" ")[2]):
        start = line.find("╌" * (len(words) + 3)) + 1
        if words and start > 0:
            for place, character in enumerate(f" {words} "):
                cells[start + place] = (character, role)
            return


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
    runs: list[Run] = []
    text, last = "", ""
    for mark, role in cells:
        if role and last and role != last:
            runs.append((text, Role(last)))
            text = ""
        last = role or last
        text += mark
    runs.append((text, Role(last or Role.FAINT)))
    return runs


STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Seconds that a dot column may stand for."""


class Timeline(NamedTuple):
    """The time that a chart shows: `dots` columns of `step` seconds, up to step number `last`.

    `newest` is the last step that is complete; it may be one before `last`, since the picture
    moves by whole cells.
    """

    step: float
    dots: int
    last: int
    newest: int

    @property
    def seconds(self) -> float:
        """Return the span from the left to the right edge."""
        return self.step * self.dots

    @property
    def start(self) -> float:
        """Return the monotonic second of the left edge."""
        return (self.last - self.dots + 1) * self.step


def timeline(tick: float, columns: int, window: float, interval: float) -> Timeline:
    """Return the time axis at the instant `tick`; its newest dot is the last complete step."""
    dots = max(1, columns * DOTS_X)
    wanted = max(interval, 0.8 * window / dots)
    step = next((step for step in STEPS if step >= wanted - 1e-9), STEPS[-1])
    newest = int(tick // step) - 1
    return Timeline(step, dots, newest | (DOTS_X - 1), newest)


def resampled(
    series: Series | None, line: Timeline, merge: Callable[[Sequence[float]], float]
) -> list[float]:
    """Return one value a dot; NaN where there is none. Short gaps between readings are bridged."""
    steps: list[list[float]] = [[] for _ in range(line.dots)]
    if series is not None:
        first = line.last - line.dots + 1
        for tick, value in series.since(line.start):
            place = int(tick // line.step) - first
            if 0 <= place <= line.newest - first and not isnan(value):
                steps[place].append(value)
    return _bridged([merge(values) if values else nan for values in steps])


def _bridged(values: list[float]) -> list[float]:
    """Fill single empty dots between two others with the value before."""
    for place in range(1, len(values) - 1):
        if isnan(values[place]) and not isnan(values[place + 1]):
            values[place] = values[place - 1]
    return values


def mean(values: Sequence[float]) -> float:
    """Return the mean of some values."""
    return sum(values) / len(values)
