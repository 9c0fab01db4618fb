"""The past for charts and forecasts: a few series a port, of bounded length.

The newest readings are kept one by one. Of older ones the highest and the lowest of every few
seconds stay, so that an hour has room and a spike survives.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from math import isnan, nan

from mlxtop.model.identity import PortId

NEWEST = 900
"""Readings of a history's series that are kept one by one."""
THIN_S = 5.0
"""Seconds of which older readings keep the highest and the lowest."""
THINNED = 2400
"""Older readings that are kept: three for each `THIN_S` of more than an hour."""

HELD_S = 90.0
"""Seconds up to which two readings that follow each other have no gap between them."""

Points = Iterator[tuple[float, float]]
"""Monotonic seconds and values."""


class Series:
    """Instants (monotonic seconds) and values, oldest first, the newest `size` at most.

    NaN stands for a gap, so that a chart shows a hole and never a zero. `thinned` readings that
    are older stay as the highest, the lowest and the first gap of every `THIN_S`.
    """

    __slots__ = ("earlier", "old_ticks", "old_values", "size", "thinned", "ticks", "values")

    def __init__(self, size: int = 3600, thinned: int = 0) -> None:
        self.size, self.thinned = size, thinned
        self.earlier = 0
        """Of the older points those that were put before the others."""
        self.ticks, self.values = array("d"), array("d")
        self.old_ticks, self.old_values = array("d"), array("d")

    def append(self, tick: float, value: float | None) -> None:
        """Add a point; old ones are dropped in bulk, so that this stays cheap."""
        self.ticks.append(tick)
        self.values.append(nan if value is None else value)
        if len(self.ticks) >= 2 * self.size:
            self._shrink()

    def extend(self, ticks: array[float], values: array[float]) -> None:
        """Add points, as if they had been appended one by one."""
        start = 0
        while start < len(ticks):
            end = start + 2 * self.size - len(self.ticks)
            self.ticks += ticks[start:end]
            self.values += values[start:end]
            start = end
            if len(self.ticks) >= 2 * self.size:
                self._shrink()

    def _shrink(self) -> None:
        gone = len(self.ticks) - self.size
        if self.thinned:
            gone = self._thin(gone) or gone
        del self.ticks[:gone]
        del self.values[:gone]

    def __len__(self) -> int:
        return len(self.old_ticks) + min(len(self.ticks), self.size)

    @property
    def oldest(self) -> float | None:
        """Return the second of the oldest point; None before the first."""
        ticks = self.old_ticks or self.ticks
        return ticks[0] if ticks else None

    def since(self, tick: float) -> Points:
        """Yield points not older than `tick`, oldest first."""
        return self.between(tick, float("inf"))

    def between(self, start: float, end: float) -> Points:
        """Yield points from second `start` to before `end`, oldest first."""
        for ticks, values in ((self.old_ticks, self.old_values), (self.ticks, self.values)):
            first, last = bisect_left(ticks, start), bisect_left(ticks, end)
            yield from zip(ticks[first:last], values[first:last], strict=True)

    def before(self, tick: float) -> tuple[float, float] | None:
        """Return the newest point that is older than `tick`; None where none is."""
        for ticks, values in ((self.ticks, self.values), (self.old_ticks, self.old_values)):
            if place := bisect_left(ticks, tick):
                return ticks[place - 1], values[place - 1]
        return None

    def highest(self, start: float, end: float) -> float | None:
        """Return the highest value between two instants, or the next one; None in a gap."""
        values = [value for _, value in self.between(start, end)]
        if not values:
            following = next(self.between(end, end + HELD_S), None)
            values = [] if following is None else [following[1]]
        return max((value for value in values if not isnan(value)), default=None)

    def put_before(self, other: Series) -> None:
        """Put the older points of another series before all others, until `shorten`."""
        ticks, values = array("d", other.old_ticks), array("d", other.old_values)
        ticks += other.ticks
        values += other.values
        if self.oldest is not None:
            count = bisect_left(ticks, self.oldest)
            del ticks[count:]
            del values[count:]
        self.old_ticks, self.old_values = ticks + self.old_ticks, values + self.old_values
        self.earlier += len(ticks)

    def shorten(self) -> None:
        """Drop what was put before the points of this series."""
        self._drop(self.earlier)
        self._drop(len(self.old_ticks) - self.thinned)

    def _drop(self, count: int) -> None:
        """Drop the oldest points."""
        if count > 0:
            del self.old_ticks[:count]
            del self.old_values[:count]
            self.earlier = max(0, self.earlier - count)

    def _thin(self, count: int) -> int:
        """Thin about `count` of the oldest points out; return how many, which are whole steps."""
        edge = self.ticks[count] // THIN_S
        while count and self.ticks[count - 1] // THIN_S == edge:
            count -= 1
        start = 0
        while start < count:
            step, end = self.ticks[start] // THIN_S, start
            while end < count and self.ticks[end] // THIN_S == step:
                end += 1
            for place in _telling(self.values, range(start, end)):
                self.old_ticks.append(self.ticks[place])
                self.old_values.append(self.values[place])
            start = end
        self._drop(len(self.old_ticks) - self.thinned - self.earlier)
        return count


def _telling(values: array[float], places: range) -> list[int]:
    """Return the places of the highest and the lowest value and of the first gap, in order."""
    numbers = [place for place in places if not isnan(values[place])]
    kept = {place for place in places if isnan(values[place])}
    kept = {min(kept)} if kept else set()
    if numbers:
        kept |= {max(numbers, key=values.__getitem__), min(numbers, key=values.__getitem__)}
    return sorted(kept)


class History:
    """Named series by port; ports that are gone keep theirs."""

    def __init__(self) -> None:
        self._series: dict[PortId, dict[str, Series]] = defaultdict(
            lambda: defaultdict(self.new_series)
        )
        self.first: float | None = None
        """Monotonic second of the first point of all."""

    @staticmethod
    def new_series() -> Series:
        """Return an empty series: an hour and more has room in it."""
        return Series(NEWEST, THINNED)

    def append(self, port: PortId, tick: float, values: Mapping[str, float | None]) -> None:
        """Add a point to each of some series of a port, making those that are new."""
        if self.first is None:
            self.first = tick
        series = self._series[port]
        for name, value in values.items():
            series[name].append(tick, value)

    def put(self, port: PortId, name: str, series: Series) -> None:
        """Set one series, as it was at another time."""
        self._series[port][name] = series

    def series(self, port: PortId, name: str) -> Series | None:
        """Return one series; None before its first point."""
        return self._series.get(port, {}).get(name)

    def oldest(self, port: PortId) -> float | None:
        """Return the second from which on something of a port is kept."""
        every = (series.oldest for series in self._series.get(port, {}).values())
        return min((tick for tick in every if tick is not None), default=None)

    def put_before(self, other: History) -> None:
        """Continue every series to the past by that of another history, until `shorten`."""
        for port, every in other._series.items():
            for name, series in every.items():
                if port in self._series and name in self._series[port]:
                    self._series[port][name].put_before(series)

    def shorten(self) -> None:
        """Drop what was put before the points of this history."""
        for every in self._series.values():
            for series in every.values():
                series.shorten()
