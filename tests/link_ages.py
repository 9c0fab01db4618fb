"""Courses of links over weeks, hour by hour: healthy ones and ones that fail, drawn by a seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import pi, sin
from random import Random

from mlxtop.health.link_health import HOUR_S, HOURS, NEW_HOURS, LinkHealth, Point, merged
from mlxtop.health.trend import DAY_S

BEGIN = 1_760_000_400.0
LIMIT = -4.3
"""Decades of the bit error rate at which RS-FEC (528,514) loses frames."""
FLOOR = -12.0
"""dBm at which a module complains of too little light."""


class Surroundings:
    """The temperature of a module, and what it does to signal and light."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.base = random.uniform(38, 55)
        self._day = random.uniform(1, 8)
        self._week = random.uniform(0, 4)
        self._season = random.uniform(-0.3, 0.3)
        self._phase = random.uniform(0, 24)
        self.per_kelvin = random.uniform(-0.02, 0.06)
        self.wander = 0.0
        self._step_at = random.randrange(30, 900) if random.random() < 0.3 else -1
        self._step = random.uniform(-1.5, 1.5)

    def celsius(self, hour: int) -> float:
        """Return °C: days, weeks, a season, and the load of the moment."""
        day = self._day * sin((hour - self._phase) * pi / 12)
        week = self._week * sin(hour * pi / 84)
        return self.base + day + week + self._season * hour / 24 + self._random.gauss(0, 0.7)

    def decades(self, hour: int, celsius: float) -> float:
        """Return what heat, wear of contacts and a reseated module add to the errors."""
        self.wander = 0.96 * self.wander + self._random.gauss(0, 0.04)
        step = self._step if 0 <= self._step_at <= hour else 0.0
        return self.per_kelvin * (celsius - self.base) + self.wander + step

    def spike(self) -> float:
        """Return the decades of a single bad reading, as a rule none."""
        return self._random.uniform(-4, 4) if self._random.random() < 0.01 else 0.0


def errors(seed: int, hours: int, slope: float = 0.0, begin: int = 0) -> Iterator[Point]:
    """Yield an hour after the other; `slope` decades a day from the hour `begin` on."""
    random = Random(seed)
    around = Surroundings(random)
    level = random.uniform(-9.5, -5.5) if not slope else random.uniform(-9.0, -7.5)
    for hour in range(hours):
        celsius = around.celsius(hour)
        raw = level + around.decades(hour, celsius) + random.gauss(0, 0.08) + around.spike()
        raw += slope * max(0, hour - begin) / 24
        yield Point(BEGIN + hour * HOUR_S, round(raw, 4), None, round(celsius, 2))


def light(seed: int, hours: int, slope: float = 0.0, begin: int = 0) -> Iterator[Point]:
    """Yield an hour after the other of four lanes; the second loses `slope` dB a day."""
    random = Random(seed)
    around = Surroundings(random)
    new = [random.uniform(-4, 0) for _ in range(4)]
    for hour in range(hours):
        celsius = around.celsius(hour)
        heat = -0.03 * (celsius - around.base)
        lost = [0.0, slope * max(0, hour - begin) / 24, 0.0, 0.0]
        dbm = tuple(
            round(one + heat - less + random.gauss(0, 0.05) + around.spike(), 3)
            for one, less in zip(new, lost, strict=True)
        )
        bias = tuple(round(6.5 + 0.04 * (celsius - around.base), 3) for _ in new)
        yield Point(BEGIN + hour * HOUR_S, None, None, round(celsius, 2), 0, 1, dbm, dbm, bias)


class Aging:
    """A link of which more and more is remembered."""

    def __init__(self, points: Iterable[Point]) -> None:
        self.points = list(points)
        first = int(self.points[0].wall // DAY_S)
        days: dict[int, list[Point]] = {}
        for one in self.points:
            days.setdefault(int(one.wall // DAY_S) - first, []).append(one)
        self._days = [merged(group, (first + n + 0.5) * DAY_S) for n, group in days.items()]
        self._new = merged(self.points[:NEW_HOURS], self.points[0].wall)

    def after(self, hours: int) -> LinkHealth:
        """Return what is remembered after so many hours."""
        known = self.points[:hours]
        over = int(known[-1].wall // DAY_S) - int(known[0].wall // DAY_S)
        new = self._new if hours >= NEW_HOURS else None
        return LinkHealth(hours=tuple(known[-HOURS:]), days=tuple(self._days[:over]), new=new)
