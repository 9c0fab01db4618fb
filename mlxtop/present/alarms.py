"""Alarms in a few words each, and as items of the ribbon."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mlxtop.analysis.crossing import Crossing
from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.present import units
from mlxtop.present.columns import LONGEST_NAME
from mlxtop.present.heat import TITLES, seconds_left
from mlxtop.present.ribbon import RibbonItem, Urgency
from mlxtop.present.text import Line, Role, clean, fit, width
from mlxtop.watch.alarms import FADE_S, Alarm, Subject
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.watch import Watch

SOON_S = 60.0
"""Seconds before a limit from which it is as urgent as a limit that is passed."""
FRESH_S, OLD_S = FADE_S / 10, FADE_S / 2
"""Seconds after its end until an alarm is dim, and until it is hardly there."""

_BAD = (AlertKind.ALARM, AlertKind.PORT_GONE, AlertKind.LINK_DOWN, AlertKind.PAUSE_STORM)
"""The most urgent kinds."""
_ORDER = (
    *(AlertKind.ALARM, AlertKind.LINK_DOWN, AlertKind.PORT_GONE, AlertKind.PAUSE_STORM),
    AlertKind.WARNING,
    *(AlertKind.PATH_DOWN, AlertKind.PATH_UP),
    *(AlertKind.WARMING, AlertKind.ERRORS, AlertKind.MODULE_OUT, AlertKind.STALE),
)
"""Order of alarms that are as urgent as each other."""
_PLAIN_PARTS = {
    "port": "",
    "link": "",
    "module": "module",
    "heat": "module",
    "errors": "errors",
    "pause": "pause storm",
}
_ENDS = {
    AlertKind.LINK_DOWN: "back",
    AlertKind.PORT_GONE: "back",
    AlertKind.MODULE_OUT: "back",
    AlertKind.STALE: "answers again",
    AlertKind.ERRORS: "over",
    AlertKind.PAUSE_STORM: "over",
    AlertKind.PATH_DOWN: "back",
}
"""Words for an end; heat and light are below their limits again."""


class AlarmWords(NamedTuple):
    """An alarm as people read it."""

    mark: str
    role: Role
    name: str
    """The port's, cut where it is too long."""
    what: str
    """`down`, `module 71 → 75 °C in 17 s`, `back after 41 s`"""
    lasts: str
    """How long it has lasted, where that is not told with `what`."""
    again: str
    """`3rd today`; empty for the first."""

    @property
    def line(self) -> Line:
        return self._line(f"{self.mark} {self.name} {self.what}")

    @property
    def beside(self) -> Line:
        """Return the same without the name of the port."""
        return self._line(f"{self.mark} {self.what}")

    def _line(self, text: str) -> Line:
        what: Line = ((f"{text} {self.lasts}".rstrip(), self.role),)
        return (*what, (f" · {self.again}", Role.DIM)) if self.again else what


def alarm_words(alarm: Alarm, watch: Watch) -> AlarmWords:
    """Return an alarm in words, as of the newest frame of its Watch."""
    frame = watch.frame
    now = frame.sample.tick if frame else alarm.begin_tick
    name = fit(alarm.port.name, min(LONGEST_NAME, width(clean(alarm.port.name))))
    count = f"{ordinal(alarm.today)} today" if alarm.today > 1 else ""
    if alarm.end_tick is not None:
        span, age = units.span(alarm.seconds(now)), now - alarm.end_tick
        role = Role.GOOD if age < FRESH_S else Role.DIM if age < OLD_S else Role.FAINT
        return AlarmWords("●", role, name, _end(alarm, span), "", count)
    mark, role = _mark(alarm)
    coming = _coming(alarm, watch, now)
    if coming:
        return AlarmWords(mark, role, name, coming, "", count)
    lasts = units.span(_seconds(alarm, watch, now))
    return AlarmWords(mark, role, name, _what(alarm, watch, frame), lasts, count)


def _mark(alarm: Alarm) -> tuple[str, Role]:
    if alarm.kind in _BAD:
        return "!", Role.CRITICAL
    heat = alarm.subject.sensor is not None or alarm.subject.lane is not None
    return ("▲" if heat else "!"), Role.WARNING


def _part(alarm: Alarm) -> str:
    """Return the part of the port, with a blank behind; empty for the port itself."""
    subject = alarm.subject
    if subject.peer is not None:
        part = _way(subject)
    elif subject.sensor is not None:
        part = TITLES.get(subject.sensor, subject.sensor)
    elif subject.lane is not None:
        quantity, lane = subject.lane
        part = f"{quantity} lane {lane}" if lane else str(quantity)
    else:
        part = _PLAIN_PARTS.get(subject.part or "", "")
    return f"{part} " if part else ""


def _way(subject: Subject) -> str:
    """Return whom a way leads to: `way to b`, `way to b via 10.0.0.3`, `every way to b`."""
    via = re.match(r"via (\S+) ", subject.way)
    peer = clean(subject.peer or "")
    return (
        f"way to {peer}{f' via {via[1]}' if via else ''}" if subject.way else f"every way to {peer}"
    )


def _end(alarm: Alarm, span: str) -> str:
    if alarm.kind is AlertKind.LINK_DOWN and alarm.end_tick == alarm.begin_tick:
        return "lost its link for a moment"
    if alarm.storm is not None:
        return f"{alarm.storm.total_text}, over after {span}"
    well = "well again" if alarm.subject.lane else "cool again"
    return f"{_part(alarm)}{_ENDS.get(alarm.kind, well)} after {span}"


def _coming(alarm: Alarm, watch: Watch, now: float) -> str:
    """Return the next limit that will be passed, `module 71 → 75 °C in 17 s`; empty for none."""
    heat = _heat(alarm, watch)
    crossing = next_crossing(heat) if heat else None
    if heat is None or crossing is None or heat.sensor.celsius is None:
        return ""
    left = seconds_left(heat.forecast, crossing, now)
    degrees, limit = heat.sensor.celsius, crossing.limit
    return f"{_part(alarm)}{degrees:.0f} → {limit:.0f} °C in {units.span(left)}"


def _heat(alarm: Alarm, watch: Watch) -> SensorHeat | None:
    sensor = alarm.subject.sensor
    stale = alarm.kind is AlertKind.STALE
    return watch.heat.of(alarm.subject.port, sensor) if sensor and not stale else None


def _seconds(alarm: Alarm, watch: Watch, now: float) -> float:
    """Return how long what an alarm says has lasted: the limit it names may be the second one."""
    heat = _heat(alarm, watch)
    since = heat.alarm.since if heat is not None else None
    return alarm.seconds(now) if since is None else max(0.0, now - since)


def next_crossing(heat: SensorHeat) -> Crossing | None:
    """Return the next limit that the forecast says will be passed, of those above the reading."""
    future, degrees = heat.forecast, heat.sensor.celsius
    if future is None or degrees is None:
        return None
    ends = (future.warning, future.alarm)
    coming = (end for end in ends if end is not None and end.seconds and end.limit > degrees)
    return next(coming, None)


def _what(alarm: Alarm, watch: Watch, frame: Frame | None) -> str:
    """Return what goes on, without how long."""
    subject, kind, part = alarm.subject, alarm.kind, _part(alarm)
    one = frame.ports.get(subject.port) if frame else None
    if kind is AlertKind.LINK_DOWN:
        return str(one.now.link.state) if one else "down"
    if kind in (AlertKind.ERRORS, AlertKind.PAUSE_STORM):
        return f"{alarm.text},"
    if kind is AlertKind.PATH_DOWN:
        return f"{part}down"
    if subject.lane is not None:
        bound = watch.heat.crossings(subject.port).get(subject.lane)
        return f"{part}at {bound}" if bound else f"{part}beyond its limit"
    heat = _heat(alarm, watch)
    if heat is not None and heat.sensor.celsius is not None:
        limit = heat.alarm.limit
        word = "alarm" if kind is AlertKind.ALARM else "warning"
        ends = "" if limit is None else f", {word} {limit:.0f} °C,"
        return f"{part}{heat.sensor.celsius:.0f} °C{ends}"
    words = {
        AlertKind.PORT_GONE: "gone",
        AlertKind.MODULE_OUT: "module out",
        AlertKind.STALE: f"{part}silent",
    }
    return words.get(kind, f"{part}too hot")


def ordinal(number: int) -> str:
    """Return a number as a place in a row.

    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '21st', '112th']
    """
    ends = {1: "st", 2: "nd", 3: "rd"}
    teens = 10 <= number % 100 <= 20
    return f"{number}{'th' if teens else ends.get(number % 10, 'th')}"


def urgency(alarm: Alarm, watch: Watch) -> Urgency:
    """Return how urgent an alarm is; a limit that is near counts like one that is passed."""
    if alarm.end_tick is not None:
        return Urgency.ENDED
    if alarm.kind in _BAD:
        return Urgency.CRITICAL
    if alarm.kind is not AlertKind.WARMING:
        return Urgency.WARNING
    heat, frame = _heat(alarm, watch), watch.frame
    crossing = next_crossing(heat) if heat else None
    if heat is None or crossing is None or frame is None:
        return Urgency.COMING
    near = seconds_left(heat.forecast, crossing, frame.sample.tick) <= SOON_S
    return Urgency.WARNING if near else Urgency.COMING


def alarm_items(
    watch: Watch, action: Callable[[str], str] = "app.cause({!r})".format
) -> list[RibbonItem]:
    """Return the alarms that nobody has acknowledged as items; `action` goes to one's cause."""
    items = []
    for alarm in sorted(watch.alarms.all(), key=lambda alarm: _ORDER.index(alarm.kind)):
        if not alarm.acknowledged:
            words = alarm_words(alarm, watch)
            item = RibbonItem(alarm.key, urgency(alarm, watch), words.line, action(alarm.key))
            items.append(item._replace(group=str(alarm.subject.port), beside=words.beside))
    return items


def headline(watch: Watch) -> str | None:
    """Return the most urgent alarm for a title that does not change every second: `! p0 down`."""
    going_on = [alarm for alarm in watch.alarms.all() if alarm.end_tick is None]
    alarms = [alarm for alarm in going_on if not alarm.acknowledged]
    alarms.sort(key=lambda alarm: (urgency(alarm, watch), _ORDER.index(alarm.kind)))
    worst = next(iter(alarms), None)
    if worst is None:
        return None
    words = alarm_words(worst, watch)
    heat = _heat(worst, watch)
    what = (
        words.what
        if heat is None
        else f"{_part(worst)}{units.celsius(heat.sensor.celsius).strip()}"
    )
    if worst.storm is not None:
        what = worst.storm.name
    return f"{words.mark} {words.name} {what}"


def alert_text(alerts: Sequence[Alert]) -> str:
    """Return alerts of one moment in a line: the most severe, and how many more there are."""
    worst = max(alerts, key=lambda alert: list(Severity).index(alert.kind.severity))
    more = f", and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    return f"{worst.port.name} {worst.text}{more}"
