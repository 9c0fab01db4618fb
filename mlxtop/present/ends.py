"""Page 8: both ends of a link side by side, and what only both of them together tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mlxtop.analysis.limits import gbps
from mlxtop.ends.compare import narrow_end
from mlxtop.ends.counts import Span
from mlxtop.ends.match import Surety
from mlxtop.model.machine import PortRef
from mlxtop.model.sample import Temperature
from mlxtop.present import units
from mlxtop.present.ends_settings import error_lines, setting_lines
from mlxtop.present.ends_tables import (
    ROUGH,
    BothEnds,
    budget_of,
    heat_lines,
    light_lines,
    lost_share,
    traffic_lines,
    ways,
)
from mlxtop.present.heat import STATES, TITLES, Clock, crossings_ahead, seconds_left
from mlxtop.present.ribbon import RibbonItem, Urgency
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Run, Section, clean, fit
from mlxtop.present.view import View, below, prose
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.heat_limits import AlarmState, HeatLimits


def both_ends(view: View) -> list[Section]:
    """Return the sections of the page."""
    ends = view.ends
    if isinstance(ends, str):
        return [Section("Both ends", tuple(_alone(ends, view.columns)))]
    columns = view.columns
    return [
        _glance(ends, columns),
        Section("Traffic", tuple(traffic_lines(ends))),
        Section("Heat", tuple(heat_lines(ends, columns))),
        Section("Light lost on the way, dB", tuple(light_lines(ends))),
        Section("Errors, as each end receives", tuple(error_lines(ends, columns))),
        Section("Settings and cards", tuple(setting_lines(ends, columns))),
    ]


def _alone(reason: str, columns: int) -> Iterator[Line]:
    reason = reason or "only this machine is shown"
    yield from prose(f"The other end of this link is not known: {reason}.", columns, Role.TEXT)
    yield ()
    yield from prose(
        "mlxtop -H HOST shows the machine at the other end too. Ends find each other by LLDP"
        " (lldpd on both), where each is the other's only neighbour, or by the serial number in"
        " both plugs of a cable; else name them in the settings file:",
        columns,
    )
    yield ()
    for text in (
        "[[links]]",
        'a = { host = "one", port = "enp67s0np0" }',
        'b = { host = "other", port = "enp1s0np0" }',
    ):
        yield ((text, Role.ACCENT),)


# At a glance


def _glance(ends: BothEnds, columns: int) -> Section:
    """Return what matters most; what changes from second to second takes as many lines always."""
    a, b = (clean(side.name) for side in ends.sides)
    link = ends.link
    lines = [
        line
        for host, stale in zip(ends.hosts, ends.stale, strict=True)
        if stale
        for line in below("stale", f"{host} {stale}", columns, Role.WARNING)
    ]
    for label, runs in (("hot", _hottest(ends)), ("limit", _limiting(ends))):
        lines += [_single(text, run, columns) for text, run in zip((label, ""), runs, strict=True)]
    words = {Surety.SURE: Role.GOOD, Surety.LIKELY: Role.TEXT, Surety.POSSIBLE: Role.WARNING}
    also = f", also by {' and '.join(link.also)}" if link.also else ""
    for label, (text, role) in (
        ("loss", _losing(ends)),
        ("weak lane", _weakest(ends)),
        ("matched", (f"by {link.by}, {link.surety}{also}: {link.why}", words[link.surety])),
        ("but", (link.against, Role.WARNING)),
    ):
        lines += below(label, text, columns, role) if text else []
    return Section(f"{a} ⇄ {b}", tuple(lines))


def _single(label: str, run: Run, columns: int) -> Line:
    """Return a line that is cut where it is too long."""
    text, role = run
    room = max(8, columns - LABEL_WIDTH - 1)
    return ((fit(label, LABEL_WIDTH) + " ", Role.DIM), (fit(text, room), role))


class _Sensor(NamedTuple):
    host: str
    view: View
    sensor: Temperature
    limits: HeatLimits
    heat: SensorHeat | None

    @property
    def title(self) -> str:
        return f"{self.host}: {TITLES.get(self.sensor.name, self.sensor.name)}"

    @property
    def over(self) -> float:
        """°C above the warning, mostly negative; one that will pass a limit counts as at it."""
        over = (self.sensor.celsius or 0.0) - self.limits.warning
        warming = self.heat is not None and self.heat.alarm.state is AlarmState.WARMING
        return max(over, -0.5) if warming else over


def _sensors(ends: BothEnds) -> Iterator[_Sensor]:
    for host, view in zip(ends.hosts, ends.views, strict=True):
        for name in TITLES:
            sensor = view.now.now.sensor(name)
            if sensor is not None and sensor.celsius is not None and not sensor.stale:
                heat = view.heat_of(name)
                yield _Sensor(host, view, sensor, view.limits(sensor), heat)


def _hottest(ends: BothEnds) -> tuple[Run, Run]:
    """Return the sensor that is nearest to its warning or furthest beyond, and what is coming."""
    one = max(_sensors(ends), key=lambda each: each.over, default=None)
    if one is None:
        return ("no sensor of either end answers", Role.DIM), ("", Role.DIM)
    degrees = f"{one.title} {one.sensor.celsius:.0f} °C"
    state = one.heat.alarm.state if one.heat is not None else AlarmState.OK
    sample = one.view.frame.sample
    clock = Clock(sample.tick, sample.wall)
    ahead = crossings_ahead(one.heat) if one.heat is not None else []
    if one.over < 0 and state is not AlarmState.WARMING:
        near = f"{one.limits.warning - (one.sensor.celsius or 0.0):.0f} °C below its warning"
        return (f"neither end; {degrees}", Role.GOOD), (near, Role.DIM)
    role = STATES[state][1] if state is not AlarmState.OK else Role.WARNING
    now = degrees if state is AlarmState.OK else f"{degrees}, {state}"
    if ahead and one.heat is not None:
        name, crossing, coming = ahead[0]
        left = units.duration(seconds_left(one.heat.forecast, crossing, clock.tick))
        return (now, role), (f"{name} {crossing.limit:.0f} °C in {left}", coming)
    since = one.heat.alarm.since if one.heat is not None else None
    told = f"since {clock.time(since)}, " if since is not None else ""
    return (now, role), (f"{told}limit {one.limits.warning:.0f} °C", role)


def _limiting(ends: BothEnds) -> tuple[Run, Run]:
    """Return the end that carries less, and what holds up each of them now."""
    both, hosts = ends.sides, dict(zip((s.ref for s in ends.sides), ends.hosts, strict=True))
    narrow, capacities = narrow_end(both), [side.view.capacity for side in both]
    known = [one for one in capacities if one is not None]
    if narrow is not None:
        side, capacity = narrow
        link = side.now.link.speed
        of = f" of {units.speed(link)}" if link else ""
        text, role = f"{hosts[side.ref]}: PCIe carries {gbps(capacity.bps)} Gb/s{of}", Role.WARNING
    elif len(known) < len(capacities):
        text, role = "cannot tell: an end has no line rate", Role.DIM
    else:
        least = min(known, key=lambda one: one.bps)
        where = "the link" if least.by == "link" else "PCIe of both ends"
        text, role = f"{where}, {gbps(least.bps)} Gb/s", Role.TEXT
    verdicts = [view.verdict or view.derived.ceiling.verdict for view in ends.views]
    causes = [verdict.cause for verdict in verdicts]
    told = " and ".join(f"{host} {cause}" for host, cause in zip(ends.hosts, causes, strict=True))
    now = f"now both {causes[0]}" if len(set(causes)) == 1 else f"now {told}"
    binds = any(verdict.limit is not None for verdict in verdicts)
    return (text, role), (now, Role.ACCENT if binds else Role.DIM)


def _losing(ends: BothEnds) -> tuple[str, Role]:
    losing = [
        f"{way}: {lost_share(span)[0]}, {units.count(span.least_lost)} packets at the least"
        for way, _, _, span in ways(ends)
        if span.is_loss
    ]
    if losing:
        kept = "" if ends.link.is_direct else ", unless a switch between has kept them"
        return "; ".join(losing) + kept, Role.WARNING
    spans = [span for span in ends.lost if span.shares]
    if not spans:
        absent = next((span.absent for span in ends.lost if span.absent), "nothing is sent")
        return f"cannot tell: {absent}", Role.DIM
    seconds = units.span(min(span.seconds for span in spans))
    most = max(span.shares[1] for span in spans if span.shares)
    bound = f", below {100 * most:.2g} %" if 0 < most <= ROUGH else ""
    return f"none seen in {seconds}{bound}", Role.GOOD


def _weakest(ends: BothEnds) -> tuple[str, Role]:
    weak, absent = [], ""
    for way, sender, receiver, _ in ways(ends):
        told = budget_of(sender, receiver)
        absent = absent or told.absent
        for lane in told.lanes:
            if lane.is_dark:
                weak.append(f"{way} lane {lane.number}: no light arrives")
            elif lane.over_db is not None:
                more = f"{lane.over_db:.1f} dB more than the others"
                weak.append(f"{way} lane {lane.number}: {lane.loss_db:.1f} dB lost, {more}")
    if weak:
        return "; ".join(weak), Role.WARNING
    return (f"cannot tell: {absent}", Role.DIM) if absent else ("none", Role.GOOD)


def loss_item(sender: PortRef, receiver: PortRef, span: Span, action: str) -> RibbonItem:
    """Return that a direction of a link loses packets, for the ribbon."""
    text = f"! {clean(sender.host)} → {clean(receiver.host)} loses {lost_share(span)[0]}"
    key = f"loss {sender.host} {sender.port} {receiver.host}"
    return RibbonItem(key, Urgency.WARNING, ((text, Role.WARNING),), action)
