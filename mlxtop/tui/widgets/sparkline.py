"""The last minute of every port in one line each, on one scale and one time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isnan, nan
from typing import TYPE_CHECKING

from mlxtop.model.identity import PortId
from mlxtop.model.pcie import Direction
from mlxtop.present import units
from mlxtop.present.cells import blocks
from mlxtop.present.text import Line, Role
from mlxtop.tui.time_axis import DOTS_X, short_axis
from mlxtop.tui.widgets.canvas import resampled
from mlxtop.watch.watch import RX, TX

if TYPE_CHECKING:
    from mlxtop.tui.state import State

SPAN_S = 60.0
"""Seconds that curves show at least."""
LEAST_SCALE = 1e6
"""Bit/s of the full height at least: idle ports show no mountains of a few packets."""
_SHRINK = 0.6
"""Share of the scale below which the highest rate must fall before the scale shrinks."""
_SERIES = {Direction.RX: (RX, Role.RX), Direction.TX: (TX, Role.TX)}


def steady_scale(before: float, highest: float) -> float:
    """Return the rate of the full height; it grows at once and shrinks late, so that it is calm.

    >>> steady_scale(50e9, 46e9), steady_scale(50e9, 51e9), steady_scale(50e9, 20e9)
    (50000000000.0, 60000000000.0, 20000000000.0)
    """
    wanted = units.nice(max(highest, LEAST_SCALE))
    return before if before * _SHRINK <= wanted <= before else wanted


def scale_title(scale: float, bits: bool) -> str:
    """Return a scale from bottom to top: `0–400G`, of bits or bytes."""
    return f"0–{units.speed(round(scale if bits else scale / 8))}"


def _by_column(dots: list[float]) -> list[float]:
    """Return the highest of the dots of every column; NaN where there is none."""
    places = range(0, len(dots), DOTS_X)
    columns = ([value for value in dots[n : n + DOTS_X] if not isnan(value)] for n in places)
    return [max(values, default=nan) for values in columns]


class Sparklines:
    """Draws the curves of a table; `prepare` comes first, with each frame or width."""

    def __init__(self) -> None:
        self.scale = LEAST_SCALE
        """Bit/s of the full height."""
        self.span_s = SPAN_S
        """Seconds from the left to the right edge."""
        self._values: dict[tuple[str, PortId, Direction], list[float]] = {}
        self._columns = 0

    def prepare(
        self, rows: Sequence[tuple[str, State, list[PortId]]], columns: int, interval: float
    ) -> None:
        """Take the last minute of some ports from the history, for curves of so many columns.

        `rows`: machines, by their names where there are several, and ports.
        """
        self._columns, highest = columns, 0.0
        self._values.clear()
        for host, state, ports in rows:
            readings = state.readings(interval)
            if readings is None or state.frame is None:
                continue
            axis = short_axis(readings, state.frame.sample.tick, columns, SPAN_S)
            self.span_s = axis.span
            for port in ports:
                for direction, (name, _) in _SERIES.items():
                    series = state.watch.history.series(port, name)
                    if series is None:
                        continue
                    values = _by_column(resampled(series, axis))
                    self._values[host, port, direction] = values
                    highest = max(highest, *(0.0 if isnan(value) else value for value in values))
        self.scale = steady_scale(self.scale, highest)

    def note(self, bits: bool, columns: int) -> str:
        """Return scale and span for the heading of a curve, as much as fits."""
        scale = scale_title(self.scale, bits)
        notes = (f"{scale}, {self.span_s:.0f} s", scale, "")
        return next(text for text in notes if len(text) <= columns)

    def of(self, host: str) -> Callable[[PortId, Direction, int], Line]:
        """Return what draws the curve of a machine's port in exactly so many columns."""
        return partial(self._draw, host)

    def _draw(self, host: str, port: PortId, direction: Direction, columns: int) -> Line:
        values = self._values.get((host, port, direction), [])[-columns:]
        return blocks([nan] * (columns - len(values)) + values, self.scale, _SERIES[direction][1])
