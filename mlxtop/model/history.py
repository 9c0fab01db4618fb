"""The past for charts and forecasts: a few series a port, of bounded length."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping

from mlxtop.model.identity import PortId


class Series:
    """Instants (monotonic seconds) and values, oldest first, the newest `size` at most.

    NaN stands for a gap, so that a chart shows a hole and never a zero.
    """

    __slots__ = ("size", "ticks", "values")

    def __init__(self, size: int = 3600) -> None:
        self.size = size
        self.ticks = array("d")
        self.values = array("d")

    def append(self, tick: float, value: float | None) -> None:
        """Add a point; old ones are dropped in bulk, so that this stays cheap."""
        self.ticks.append(tick)
        self.values.append(float("nan") if value is None else value)
        if len(self.ticks) >= 2 * self.size:
            del self.ticks[: -self.size]
            del self.values[: -self.size]

    def held_after(self, count: int) -> int:
        """Return how many points are held after `count` of them were added."""
        return count if count < 2 * self.size else self.size + count % self.size

    def __len__(self) -> int:
        return min(len(self.ticks), self.size)

    def since(self, tick: float) -> Iterator[tuple[float, float]]:
        """Yield points not older than `tick`, oldest first."""
        first = len(self.ticks)
        while first > 0 and self.ticks[first - 1] >= tick:
            first -= 1
        return zip(self.ticks[first:], self.values[first:], strict=True)


class History:
    """Named series by port; ports that are gone keep theirs."""

    def __init__(self) -> None:
        self._series: dict[PortId, dict[str, Series]] = defaultdict(lambda: defaultdict(Series))

    def append(self, port: PortId, tick: float, values: Mapping[str, float | None]) -> None:
        """Add a point to each of some series of a port, making those that are new."""
        for name, value in values.items():
            self._series[port][name].append(tick, value)

    def put(self, port: PortId, name: str, series: Series) -> None:
        """Set one series, as it was at another time."""
        self._series[port][name] = series

    def series(self, port: PortId, name: str) -> Series | None:
        """Return one series; None before its first point."""
        return self._series.get(port, {}).get(name)
