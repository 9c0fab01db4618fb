"""What a link's history says of its future: errors that rise towards failure, light that falls.

Nothing is said from single readings, nor of a value that went up or down at once and stays there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from mlxtop.health.link_health import LANES, Best, Flap, LinkHealth, Point
from mlxtop.health.observe import Running
from mlxtop.health.trend import DAY_S, Course, Value, buckets, course, median, median_high

WINDOWS_DAYS = (42.0, 14.0, 7.0, 3.0)
"""Days over which a course is looked for."""
LEAST_DAYS = 2.0
WITHIN_DAYS, LATEST_DAYS = 14.0, 30.0
"""Days within which a limit is reached: as expected, and at the latest."""
SURE = 7.0
"""Standard errors that a slope must be away from none."""
RISE, RISE_SOON = 0.5, 1.0
"""Decades that errors have risen at least over a fortnight, and over three days."""
FALLEN_DB = 1.0
"""Decibels by which light has fallen at least where it is said to go on."""
FALL_DB = 2.0
"""Decibels that light has lost at least."""
STEP = 1.6
"""Squares that a step must leave beside those of a straight course, or it may have been one."""
AGED = 1.3
"""Laser current beside that when new from which a laser has aged."""
AGAIN_S = DAY_S / 2
"""Seconds for which a course has held before it is told: chance does not hold so long."""
STALE_S = 2 * DAY_S
"""Seconds after which the newest value says nothing of now."""
LEAST_HOURS = 12
"""Hours of a day from which its value is told."""
LOST_DB = 1.0
"""Decibels above the limit from which light is about to be too little."""


class Approach(NamedTuple):
    """A value on its way to a limit."""

    course: Course
    limit: float
    days: float
    """From now to the limit."""
    earliest: float
    latest: float

    @property
    def whole_days(self) -> str:
        """Return `7 days (6 to 8)`."""
        days = max(1, round(self.days))
        noun = "day" if days == 1 else "days"
        return f"{days} {noun} ({floor(self.earliest)} to {ceil(self.latest)})"


class Faded(NamedTuple):
    """Light of a lane that is less than when the module was new."""

    lane: int
    """From 1."""
    new_dbm: float
    now_dbm: float
    floor_dbm: float | None
    """The module's limit for too little light."""
    days: float | None
    """Until that, where it goes on falling; None where it fell at once or rests."""

    @property
    def lost_db(self) -> float:
        return self.new_dbm - self.now_dbm

    @property
    def is_near(self) -> bool:
        """Return whether the limit is near or will be soon."""
        least = self.floor_dbm
        close = least is not None and self.now_dbm - least <= LOST_DB
        return close or self.days is not None


class Aged(NamedTuple):
    """A laser that needs more current than when new, at the same temperature."""

    lane: int
    new_ma: float
    now_ma: float


def _window(values: Sequence[Value], days: float) -> list[Value]:
    begin = values[-1].wall - days * DAY_S if values else 0.0
    return buckets(one for one in values if one.wall >= begin)


def errors_course(health: LinkHealth, name: str = "raw") -> Course | None:
    """Return the course of the bit error rate, in decades; None where too little is known."""
    return course(_window(health.series(name), WINDOWS_DAYS[1]))


def failing(health: LinkHealth, limit: float | None) -> Approach | None:
    """Return how errors approach the rate that FEC can correct; None where they do not."""
    if limit is None:
        return None
    values = health.series("raw")
    way = approach(values, log10(limit), RISE, RISE_SOON)
    if way is None:
        return None
    earlier = [one for one in values if one.wall <= values[-1].wall - AGAIN_S]
    return way if approach(earlier, log10(limit), RISE, RISE_SOON) else None


def approach(values: Sequence[Value], limit: float, slowly: float, soon: float) -> Approach | None:
    """Return the way of a rising value to a limit; None where that is not sure.

    `slowly`, `soon`: what it must have gained at least over a fortnight, and over three days.
    """
    for days in WINDOWS_DAYS:
        window = _window(values, days)
        span = (window[-1].wall - window[0].wall) / DAY_S if window else 0.0
        gain = soon + (slowly - soon) * min(1.0, max(0.0, (span - 3.0) / 11.0))
        if not _has_risen(window, gain):
            continue
        line = course(window)
        if line is not None and (way := _way(line, limit, gain)) and not _is_step(window, line):
            return way
    return None


def _has_risen(values: Sequence[Value], least: float) -> bool:
    """Return whether the newest third is above the oldest by a part of what is asked for.

    It is quick, and holds for every course that passes; temperature can hide some of it.
    """
    third = len(values) // 3
    if third < 2:
        return False
    first = median(one.value for one in values[:third])
    return median(one.value for one in values[-third:]) - first >= least / 3


def _way(line: Course, limit: float, least: float) -> Approach | None:
    left = limit - line.level
    sure = line.slope > SURE * line.error and line.days >= LEAST_DAYS and line.rise >= least
    if not sure or left <= 0:
        return None
    days = left / line.slope
    slow, fast = line.slope - 2 * line.error, line.slope + 2 * line.error
    way = Approach(
        line, limit, days, max(0.0, left - line.noise) / fast, (left + line.noise) / slow
    )
    return way if days <= WITHIN_DAYS and way.latest <= LATEST_DAYS else None


def _is_step(values: Sequence[Value], line: Course) -> bool:
    """Return whether one step at some time explains values about as well as their course."""
    level = [_corrected(one, line) for one in values]
    straight = [line.slope * (one.wall - line.wall) / DAY_S for one in values]
    apart = [one - other for one, other in zip(level, straight, strict=True)]
    most = 3 * line.noise
    by_line = _squares(apart, most)
    edges = range(2, len(level) - 1)
    by_step = (_squares(level[:edge], most) + _squares(level[edge:], most) for edge in edges)
    return min(by_step) < STEP * by_line


def _squares(values: Sequence[float], most: float) -> float:
    """Return the squares of the distances from the median, each cut at `most`."""
    middle = median(values)
    return sum(min(most, abs(one - middle)) ** 2 for one in values)


def _corrected(one: Value, line: Course) -> float:
    """Return a value without the temperature's part in it, but for a constant."""
    return one.value - line.per_kelvin * (one.celsius or 0.0)


def faded(health: LinkHealth, least_dbm: float | None) -> list[Faded]:
    """Return the lanes that get less light than when the module was new.

    `least_dbm`: from which the module complains of too little.
    """
    new = health.new
    lanes = []
    for lane, before in enumerate(new.rx_dbm[:LANES] if new else ()):
        values = health.series("rx_dbm", lane)
        raw = _newest(values, health.newest)
        if new is None or before is None or raw is None or before - raw < FALL_DB / 2:
            continue
        now = _at(values, raw, new.celsius)
        if before - now < FALL_DB:
            continue
        falling = [one._replace(value=-one.value) for one in values]
        way = None
        if least_dbm is not None:
            way = approach(falling, -least_dbm, FALLEN_DB, FALLEN_DB)
        lanes.append(Faded(lane + 1, before, round(now, 2), least_dbm, way.days if way else None))
    return lanes


def _lit(health: LinkHealth) -> int:
    new = enumerate(health.new.rx_dbm[:LANES]) if health.new else ()
    lanes = [lane for lane, before in new if before is not None]
    return sum(_newest(health.series("rx_dbm", lane), health.newest) is not None for lane in lanes)


def aged(health: LinkHealth) -> list[Aged]:
    """Return the lasers that need much more current than when new, at the same temperature."""
    new = health.new
    lasers = []
    for lane, before in enumerate(new.bias_ma[:LANES] if new else ()):
        values = health.series("bias_ma", lane)
        raw = _newest(values, health.newest)
        if new is None or not before or before < 0 or raw is None or raw < before:
            continue
        now = _at(values, raw, new.celsius)
        if now >= AGED * before:
            lasers.append(Aged(lane + 1, before, round(now, 2)))
    return lasers


def _newest(values: Sequence[Value], end: float) -> float | None:
    """Return the value of the day before `end`; None below 12 hours of it."""
    last = [one.value for one in values if one.wall >= end - DAY_S]
    return median(last) if len(last) >= LEAST_HOURS else None


def _at(values: Sequence[Value], now: float, celsius: float | None) -> float:
    """Return what the value of the last day would be at a temperature."""
    last = [one.celsius for one in values if one.wall >= values[-1].wall - DAY_S]
    heat = [one for one in last if one is not None]
    line = course(_window(values, WINDOWS_DAYS[1])) if celsius is not None and heat else None
    if line is None or celsius is None:
        return now
    return now + line.per_kelvin * (celsius - median(heat))


class FlapDays(NamedTuple):
    """How often a link was lost lately and came back by itself."""

    day: int
    """In the last 24 hours."""
    week: int
    days: int
    """Days of the last seven on which it was."""


OFTEN_A_DAY, ON_DAYS = 5, 3
"""Losses in a day, and days of a week with a loss, from which a link is bad."""


OUTAGE_S = 120.0
"""Seconds without a link in which the other end was off, started anew or unplugged."""
NEAR_S = 900.0
"""Seconds before and after that in which a machine that stops or starts lets go of its link."""


def flap_days(health: LinkHealth, wall: float) -> FlapDays:
    """Return how often a link was lost in the day and the week before `wall`."""
    lost = [one.wall for one in flaps(health, wall)]
    days = {int((wall - then) // DAY_S) for then in lost}
    return FlapDays(sum(wall - then < DAY_S for then in lost), len(lost), len(days))


def last_week(health: LinkHealth, wall: float) -> list[Flap]:
    """Return the losses of the week before `wall`."""
    return [one for one in health.flaps if 0 <= wall - one.wall < 7 * DAY_S]


def flaps(health: LinkHealth, wall: float) -> list[Flap]:
    """Return the losses of the week before `wall` that speak of the link itself.

    One that nobody saw the end of was over at the next one; of the last, nothing can be told.
    """
    week = last_week(health, wall)
    short, spans = [], []
    for one, end in zip(week, [*(one.wall for one in week[1:]), wall], strict=False):
        seconds = end - one.wall if one.down_s is None else one.down_s
        if seconds >= OUTAGE_S:
            spans.append((one.wall - NEAR_S, one.wall + (one.down_s or 0.0) + NEAR_S))
        elif one.down_s is not None or one is not week[-1]:
            short.append(one)
    return [one for one in short if not any(a <= one.wall <= b for a, b in spans)]


HELD = 5
"""Summaries that must have seen a best one, so that it was none of a moment."""


class Worse(NamedTuple):
    """A link that was faster or wider before."""

    name: str
    """`speed`, `lanes`, `pcie` or `pcie_lanes`."""
    before: Best
    now: Running


def worse(health: LinkHealth, now: Mapping[str, Running]) -> list[Worse]:
    """Return in what a link is below what it was at its best for some time."""
    return [
        Worse(name, best, now[name])
        for name, best in health.best.items()
        if name in now and now[name].value < best.value and best.times >= HELD
    ]


def lost_lately(health: LinkHealth, wall: float) -> int:
    """Return the errors that FEC could not correct in the day before `wall`."""
    points = (*health.hours, *health.minutes)
    return sum(one.lost for one in points if 0 <= wall - one.wall < DAY_S)


def last_point(health: LinkHealth) -> Point | None:
    """Return the newest hour, else the newest minute; None where there is neither."""
    return next((points[-1] for points in (health.hours, health.minutes) if points), None)


def most_symbols(health: LinkHealth, since: float, until: float) -> int | None:
    """Return the most symbols that FEC corrected in a code word, in a usual minute of some time.

    `since` and `until` are epoch seconds.
    """
    points = (*health.days, *health.hours, *health.minutes)
    symbols = [one.symbols for one in points if since < one.wall <= until]
    counted = [one for one in symbols if one is not None]
    return median_high(counted) if counted else None


class Outlook(NamedTuple):
    """All that a history says of a link's signal."""

    errors: Course | None
    failing: Approach | None
    faded: tuple[Faded, ...]
    aged: tuple[Aged, ...]
    lit: int = 0
    """Lanes of which the last day's light is known, beside that when new."""


def is_stale(health: LinkHealth, wall: float) -> bool:
    """Return whether the newest that was seen says nothing of an instant, `wall`."""
    return bool(health.hours or health.minutes) and wall - health.newest > STALE_S


_kept: OrderedDict[tuple[int, float | None, float | None], tuple[LinkHealth, Outlook]]
_kept = OrderedDict()
_MOST = 64
"""Outlooks that are kept: a history changes once a minute, and pages ask at every frame."""


NOTHING = Outlook(None, None, (), ())


def outlook_at(
    health: LinkHealth, limit: float | None, least_dbm: float | None, wall: float
) -> Outlook:
    """Return what a history says of an instant; nothing where it is too old for that."""
    return NOTHING if is_stale(health, wall) else outlook(health, limit, least_dbm)


def outlook(health: LinkHealth, limit: float | None, least_dbm: float | None) -> Outlook:
    """Return what a history says of its end, worked out once for each."""
    key = id(health), limit, least_dbm
    earlier = _kept.get(key)
    if earlier is not None and earlier[0] is health:
        return earlier[1]
    way = failing(health, limit)
    told = Outlook(
        way.course if way else errors_course(health),
        way,
        tuple(faded(health, least_dbm)),
        tuple(aged(health)),
        _lit(health),
    )
    _kept[key] = health, told
    while len(_kept) > _MOST:
        _kept.popitem(last=False)
    return told
