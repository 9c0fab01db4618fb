"""Tables of both ends of a link: one row a direction, or one column an end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from mlxtop.analysis.forecast import Trend
from mlxtop.analysis.verdict import PAUSES, pauses_of
from mlxtop.ends.budget import Budget, LaneLoss, budget
from mlxtop.ends.compare import Side, Sides
from mlxtop.ends.counts import Span
from mlxtop.ends.match import Match
from mlxtop.model.pcie import Direction
from mlxtop.present import units
from mlxtop.present.heat import (
    STATES,
    TITLES,
    Clock,
    crossings_ahead,
    short_outlook,
    state_run,
)
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Run, clean, fit, fit_name, row
from mlxtop.present.view import View, below
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.heat_limits import AlarmState

_WAY, _NUMBER, _LANE = 18, 12, 7
"""Columns of a direction, of a rate, and of what a lane loses."""
_LONGEST_HOST = 12
_LIMITS = "  warning, alarm"
_NOTHING: Run = ("", Role.TEXT)
_THREE_DIGITS_C = 99.95
ROUGH = 0.05
"""Share above which a bound of what can be lost tells nothing."""


class BothEnds(NamedTuple):
    """A link with what both of its ends tell; the end that is looked at comes first."""

    link: Match
    views: tuple[View, View]
    lost: tuple[Span, Span]
    """Packets from the first end to the second, and back."""
    stale: tuple[str, str] = ("", "")
    """`lost 12 s ago` for a machine that is not reached now."""

    @property
    def sides(self) -> Sides:
        a, b = (
            Side(ref.host, view.frame, view.port)
            for ref, view in zip(self.link.ends, self.views, strict=True)
        )
        return a, b

    @property
    def hosts(self) -> tuple[str, str]:
        """Return the names of the machines as columns are headed with them."""
        a, b = self.sides
        if a.host != b.host:
            return _short(a.host), _short(b.host)
        return _short(a.now.port.name), _short(b.now.port.name)


def _short(name: str) -> str:
    name = clean(name)
    return fit_name(name, _LONGEST_HOST).rstrip() if len(name) > _LONGEST_HOST else name


def ways(ends: BothEnds) -> Iterator[tuple[str, View, View, Span]]:
    """Yield each direction in words, the end that sends, the one that receives, what is lost."""
    (host_a, host_b), (a, b) = ends.hosts, ends.views
    yield f"{host_a} → {host_b}", a, b, ends.lost[0]
    yield f"{host_b} → {host_a}", b, a, ends.lost[1]


def lost_share(span: Span) -> Run:
    """Return the share of packets that is lost, in words.

    >>> lost_share(Span(9.0, 1000, 100, 120))[0], lost_share(Span(9.0, 1000, 0, 20))[0]
    ('10 to 12 %', 'below 2 %')
    """
    shares = span.shares
    if shares is None:
        return units.NONE, Role.FAINT
    least, most = (f"{100 * share:.2g}" for share in shares)
    if not span.is_loss:
        exact = "none seen" if shares[1] > ROUGH else f"below {most} %"
        return (exact if shares[1] else "none"), Role.DIM
    return (f"{least} %" if least == most else f"{least} to {most} %"), Role.WARNING


def budget_of(sender: View, receiver: View) -> Budget:
    """Return what the light loses from one end to the other."""
    return budget(sender.now.now.module, receiver.now.now.module)


# Traffic and pause


def traffic_lines(ends: BothEnds) -> Iterator[Line]:
    """Yield what each end sends and the other receives, with the pause frames."""
    each = tuple(ways(ends))
    widths = (max(_WAY, *(len(way) + 1 for way, *_ in each)), _NUMBER, _NUMBER, _NUMBER)
    yield row(widths, ((text, Role.HEAD) for text in ("", "sent", "received", "lost")))
    for way, sender, receiver, span in each:
        sent, received = _rate(sender, Direction.TX), _rate(receiver, Direction.RX)
        yield row(widths, ((way, Role.STRONG), sent, received, lost_share(span)))
        pauses = [_pauses(view, way) for view, way in ((sender, "tx"), (receiver, "rx"))]
        yield row(widths, (("  pause frames", Role.DIM), *pauses, ("", Role.TEXT)))


def _rate(view: View, direction: Direction) -> Run:
    sends = direction is Direction.TX
    flow = view.derived.throughput
    value = flow.tx_bps if sends else flow.rx_bps
    role = Role.TX if sends else Role.RX
    return units.rate(value, view.bits), role if value else Role.DIM


def _pauses(view: View, way: str) -> Run:
    pauses = pauses_of(view.now, way)
    frames = None if pauses is None else pauses.frames
    role = Role.WARNING if (frames or 0.0) >= PAUSES else Role.DIM
    return units.events_per_second(frames), role


# Heat, light and errors


def end_pair(label: str, a: Run, b: Run, columns: int) -> Line:
    """Return a row with one value an end."""
    room = max(8, (columns - LABEL_WIDTH - 1) // 2)
    cells = [(fit(text, room - 1) + " ", role) for text, role in (a, b)]
    return ((fit(label, LABEL_WIDTH) + " ", Role.DIM), *cells)


def end_heads(ends: BothEnds, columns: int) -> Line:
    """Return the names of the machines above the columns of their values."""
    a, b = ends.hosts
    return end_pair("", (a, Role.HEAD), (b, Role.HEAD), columns)


def heat_lines(ends: BothEnds, columns: int) -> Iterator[Line]:
    """Yield both modules and chips with their limits, and what is coming."""
    yield end_heads(ends, columns)
    for name, title in TITLES.items():
        a, b = (_sensor(view, name) for view in ends.views)
        if a == b and len(a) == 1:
            yield from below(title, a[0][0], columns)
            continue
        for label, here, there in zip_longest((title, _LIMITS, "  forecast"), a, b):
            if here or there:
                yield end_pair(label, here or _NOTHING, there or _NOTHING, columns)


def _sensor(view: View, name: str) -> list[Run]:
    """Return reading, limits and forecast of a sensor; else the reason why there is no reading."""
    sensor, heat = view.now.now.sensor(name), view.heat_of(name)
    if sensor is None or sensor.celsius is None:
        why = view.why().get(f"{name}_c", "")
        return [(f"{units.NONE} {why}", Role.DIM)]
    limits = view.limits(sensor)
    state, role = state_run(heat, sensor)
    degrees = f"{sensor.celsius:.{0 if sensor.celsius >= _THREE_DIGITS_C else 1}f} °C"
    told: list[Run] = [
        (f"{degrees} {state}", role if role is not Role.GOOD else Role.TEXT),
        (f"{limits.warning:.0f} / {limits.alarm:.0f} °C", Role.DIM),
    ]
    return told if heat is None else [*told, _coming(view, heat)]


def _coming(view: View, heat: SensorHeat) -> Run:
    """Return the next limit, or since when the sensor is beyond one, else the trend."""
    clock = Clock(view.frame.sample.tick, view.frame.sample.wall)
    since, state = heat.alarm.since, heat.alarm.state
    if since is not None and state.level >= AlarmState.WARNING.level and not crossings_ahead(heat):
        return f"since {clock.time(since)}", STATES[state][1]
    trend = heat.forecast.trend if heat.forecast is not None else Trend.UNKNOWN
    words = units.NONE if trend is Trend.UNKNOWN else str(trend)
    return short_outlook(heat, clock) or (words, Role.DIM)


def light_lines(ends: BothEnds) -> Iterator[Line]:
    """Yield what each lane loses in each direction, or why that cannot be told."""
    told = [(way, budget_of(sender, receiver)) for way, sender, receiver, _ in ways(ends)]
    numbers = sorted({lane.number for _, each in told for lane in each.lanes})
    widths = (max(_WAY, *(len(way) + 1 for way, _ in told)), *[_LANE] * len(numbers))
    if numbers:
        heads = ("lane", *map(str, numbers))
        yield row(widths, ((text, Role.HEAD) for text in heads))
    for way, each in told:
        if each.absent:
            yield ((fit(way, widths[0]) + "  ", Role.STRONG), (each.absent, Role.DIM))
        else:
            yield row(widths, ((way, Role.STRONG), *map(_lane, each.lanes)))
        if each.caveat:
            yield (("  " + each.caveat, Role.DIM),)


def _lane(lane: LaneLoss) -> Run:
    if lane.is_dark:
        return "dark!", Role.CRITICAL
    if lane.loss_db is None:
        return f"{units.NONE} ", Role.FAINT
    mark = "▲" if lane.is_weak else " "
    return f"{lane.loss_db:.1f}{mark}", Role.WARNING if lane.is_weak else Role.TEXT
