"""What is remembered of a link: its best, hours and days of its signal, flaps and changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeVar

from mlxtop.health.trend import DAY_S, Value, median, median_high

HOUR_S = 3600.0
MINUTES, HOURS, DAYS = 120, 16 * 24, 400
"""Summaries of a minute, an hour and a day that are kept."""
FLAPS, CHANGES = 100, 50
LANES = 16
NEW_HOURS = 24
"""Hours of which a module's values when new are made."""
SAME_S = 3.0
"""Seconds within which two programs see the same loss of a link."""


class Point(NamedTuple):
    """The signal of a link over a minute, an hour or a day."""

    wall: float
    """Epoch second in its middle."""
    raw: float | None = None
    """Bit error rate before correction, as its decimal logarithm."""
    effective: float | None = None
    """Bit error rate after correction, as its decimal logarithm."""
    celsius: float | None = None
    """Of the module, else of the card's chip."""
    lost: int = 0
    """Errors that FEC could not correct."""
    readings: int = 1
    rx_dbm: tuple[float | None, ...] = ()
    """Light received, by lane."""
    tx_dbm: tuple[float | None, ...] = ()
    bias_ma: tuple[float | None, ...] = ()
    symbols: int | None = None
    """The most symbols that FEC had to correct in a code word, in a usual minute."""


class Best(NamedTuple):
    """The best that was seen, and when last."""

    value: float
    """bit/s of the link, its lanes, or Mb/s of PCIe."""
    words: str
    last: float
    """Epoch second."""
    times: int = 1
    """Summaries that saw it."""


class Flap(NamedTuple):
    """A lost link."""

    wall: float
    reason: str = ""
    """In words; empty where nothing told it."""
    down_s: float | None = None
    """Seconds until it was back; None where that was not seen, or has yet to come."""


class Change(NamedTuple):
    """Another module, or another slot."""

    wall: float
    what: str
    before: str
    after: str


class LinkHealth(NamedTuple):
    """All that is remembered of a link."""

    name: str = ""
    """The port's name when it was last seen."""
    since: float = 0.0
    """Epoch second of the first reading of this module."""
    module: str = ""
    """Digest of the module's maker, part and serial number; empty where none was read."""
    part: str = ""
    """The module's maker and part number."""
    suspect: str = ""
    """Digest of another module that was read once: a second reading makes it the module."""
    slot: str = ""
    """PCI address of the card."""
    best: Mapping[str, Best] = {}
    """By `speed`, `lanes`, `pcie` and `pcie_lanes`."""
    new: Point | None = None
    """The first hours of the module."""
    minutes: tuple[Point, ...] = ()
    """The newest, not yet part of an hour."""
    hours: tuple[Point, ...] = ()
    days: tuple[Point, ...] = ()
    flaps: tuple[Flap, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def newest(self) -> float:
        """Return the epoch second of the newest summary."""
        ends = (self.minutes[-1:], self.hours[-1:])
        return max((one.wall for end in ends for one in end), default=0.0)

    def series(self, name: str, lane: int | None = None) -> list[Value]:
        """Return a value by hours, and by days before those, with the temperature."""
        first = self.hours[0].wall if self.hours else float("inf")
        points = [one for one in self.days if one.wall < first - DAY_S / 2]
        values = []
        for point in (*points, *self.hours):
            value = getattr(point, name)
            if lane is not None:
                value = value[lane] if lane < len(value) else None
            if value is not None:
                values.append(Value(point.wall, value, point.celsius))
        return values


def merged(points: Sequence[Point], wall: float) -> Point:
    """Return points as one: medians, so that a single bad reading among some has no say."""
    lanes = {
        name: tuple(
            _median(column, 3) for column in zip_longest(*(getattr(one, name) for one in points))
        )
        for name in ("rx_dbm", "tx_dbm", "bias_ma")
    }
    symbols = [one.symbols for one in points if one.symbols is not None]
    return Point(
        wall,
        _median((one.raw for one in points), 4),
        _median((one.effective for one in points), 4),
        _median((one.celsius for one in points), 2),
        sum(one.lost for one in points),
        sum(one.readings for one in points),
        **lanes,
        symbols=median_high(symbols) if symbols else None,
    )


def _median(values: Iterable[float | None], digits: int) -> float | None:
    there = [value for value in values if value is not None]
    return round(median(there), digits) if there else None


def added(health: LinkHealth, point: Point) -> LinkHealth:
    """Return a history with one more minute; hours and days that are over become one point."""
    if point.wall <= health.newest:
        return health  # the clock was set back
    minutes = (*health.minutes, point)[-MINUTES:]
    hours, days = health.hours, health.days
    hour = point.wall // HOUR_S
    over = [one for one in minutes if one.wall // HOUR_S < hour]
    for number in sorted({one.wall // HOUR_S for one in over}):
        group = [one for one in over if one.wall // HOUR_S == number]
        hours = _fuller(hours, (merged(group, (number + 0.5) * HOUR_S),))
    if over:
        minutes = tuple(one for one in minutes if one.wall // HOUR_S >= hour)
        days = _days(hours, days, point.wall)
    new = health.new
    if new is None and len(hours) >= NEW_HOURS:
        new = merged(hours[:NEW_HOURS], hours[0].wall)
    return health._replace(minutes=minutes, hours=hours[-HOURS:], days=days[-DAYS:], new=new)


def _days(hours: tuple[Point, ...], days: tuple[Point, ...], wall: float) -> tuple[Point, ...]:
    """Return the days with those that are over since the last of them."""
    last = days[-1].wall // DAY_S if days else -1.0
    today = wall // DAY_S
    for number in sorted({one.wall // DAY_S for one in hours}):
        if last < number < today:
            group = [one for one in hours if one.wall // DAY_S == number]
            days = (*days, merged(group, (number + 0.5) * DAY_S))
    return days


def joined(old: LinkHealth, new: LinkHealth) -> LinkHealth:
    """Return what two programs remember of a link; of another module the later one counts."""
    if not old.module or not new.module or old.module == new.module:
        hours = _fuller(old.hours, new.hours)
        best = dict(old.best)
        for name, one in new.best.items():
            before = best.get(name)
            if before is None or (one.value, one.last) > (before.value, before.last):
                best[name] = one
        return new._replace(
            since=min(filter(None, (old.since, new.since)), default=0.0),
            module=new.module or old.module,
            part=new.part or old.part,
            best=best if old.slot == new.slot else new.best,
            new=old.new or new.new,
            minutes=_unfinished(_union(old.minutes, new.minutes), hours)[-MINUTES:],
            hours=hours[-HOURS:],
            days=_fuller(old.days, new.days)[-DAYS:],
            flaps=_same_losses(old.flaps, new.flaps)[-FLAPS:],
            changes=_union(old.changes, new.changes)[-CHANGES:],
        )
    later = new if new.since >= old.since else old
    return later._replace(
        flaps=_same_losses(old.flaps, new.flaps)[-FLAPS:],
        changes=_union(old.changes, new.changes)[-CHANGES:],
    )


T = TypeVar("T", Point, Flap, Change)


def _union(old: tuple[T, ...], new: tuple[T, ...]) -> tuple[T, ...]:
    """Return what either has, in the order of time; of the same instant the newer one."""
    by_wall: dict[float, T] = {one.wall: one for one in old}
    by_wall.update((one.wall, one) for one in new)
    return tuple(one for _, one in sorted(by_wall.items()))


def _fuller(old: tuple[Point, ...], new: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return what either has, in the order of time; of the same hour the one of more readings."""
    by_wall = {one.wall: one for one in old}
    for one in new:
        if one.wall not in by_wall or one.readings >= by_wall[one.wall].readings:
            by_wall[one.wall] = one
    return tuple(by_wall[wall] for wall in sorted(by_wall))


def _unfinished(minutes: tuple[Point, ...], hours: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the minutes that are of no hour yet."""
    last = hours[-1].wall // HOUR_S if hours else -1.0
    return tuple(one for one in minutes if one.wall // HOUR_S > last)


def _same_losses(old: tuple[Flap, ...], new: tuple[Flap, ...]) -> tuple[Flap, ...]:
    """Return what either has seen; two programs see the same loss at about the same time."""
    by_wall = {one.wall: one for one in old}
    known = tuple(by_wall)
    for one in new:
        wall = min(known, key=lambda wall: abs(wall - one.wall), default=one.wall)
        wall = wall if abs(wall - one.wall) <= SAME_S else one.wall
        by_wall[wall] = _same_loss(by_wall.get(wall, one), one)
    return tuple(by_wall[wall] for wall in sorted(by_wall))


def _same_loss(old: Flap, new: Flap) -> Flap:
    """Return all that is known of a loss."""
    down_s = old.down_s if new.down_s is None else new.down_s
    return old._replace(reason=new.reason or old.reason, down_s=down_s)
