"""Tables of both ends of a link: one row a direction, or one column an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mlxtop.analysis.verdict import PAUSES, pauses_of
from mlxtop.ends.budget import Budget, LaneLoss, budget
from mlxtop.ends.compare import ALIKE, Side, Sides, differs
from mlxtop.ends.counts import Span
from mlxtop.ends.match import Match
from mlxtop.model.catalogue import lookup
from mlxtop.model.counters import Origin
from mlxtop.model.pcie import Direction, link_words
from mlxtop.model.tuning import PortTuning, settled
from mlxtop.present import units
from mlxtop.present.heat import (
    STATES,
    TITLES,
    Clock,
    crossings_ahead,
    short_outlook,
    state_run,
)
from mlxtop.present.link import bit_error_rate
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Run, clean, fit, fit_name, row
from mlxtop.present.view import View
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.heat_limits import AlarmState, limits_of

_WAY, _NUMBER, _LANE = 18, 12, 7
"""Columns of a direction, of a rate, and of what a lane loses."""
_LONGEST_HOST = 12
_MOST_LANES = 8
_LIMITS = "  warning, alarm"
_THREE_DIGITS_C = 99.95
ROUGH = 0.05
"""Share above which a bound of what can be lost tells nothing."""
UNEQUAL = "≠"
"""Mark of what has to be the same at both ends and is not."""


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


def _pair(label: str, a: Run, b: Run, columns: int) -> Line:
    """Return a row with one value an end."""
    room = max(8, (columns - LABEL_WIDTH - 1) // 2)
    cells = [(fit(text, room - 1) + " ", role) for text, role in (a, b)]
    return ((fit(label, LABEL_WIDTH) + " ", Role.DIM), *cells)


def _heads(ends: BothEnds, columns: int) -> Line:
    a, b = ends.hosts
    return _pair("", (a, Role.HEAD), (b, Role.HEAD), columns)


def heat_lines(ends: BothEnds, columns: int) -> Iterator[Line]:
    """Yield both modules and chips with their limits, and what is coming."""
    yield _heads(ends, columns)
    for name, title in TITLES.items():
        a, b = (tuple(_sensor(view, name)) for view in ends.views)
        for label, here, there in zip((title, _LIMITS, "  forecast"), a, b, strict=True):
            if here[0] or there[0]:
                yield _pair(label, here, there, columns)


def _sensor(view: View, name: str) -> Iterator[Run]:
    """Yield reading, limits and forecast of a sensor."""
    sensor, heat = view.now.now.sensor(name), view.heat_of(name)
    if sensor is None or sensor.celsius is None:
        yield f"{units.NONE} {view.why().get(f'{name}_c', '')}", Role.DIM
        yield from [("", Role.DIM)] * 2
        return
    limits = heat.limits if heat else limits_of(sensor, view.now.now, view.adapter)
    state, role = state_run(heat, sensor)
    degrees = f"{sensor.celsius:.{0 if sensor.celsius >= _THREE_DIGITS_C else 1}f} °C"
    yield f"{degrees} {state}", role if role is not Role.GOOD else Role.TEXT
    yield f"{limits.warning:.0f} / {limits.alarm:.0f} °C", Role.DIM
    yield _coming(view, heat) if heat is not None else ("", Role.DIM)


def _coming(view: View, heat: SensorHeat) -> Run:
    """Return the next limit, or since when the sensor is beyond one, in a few columns."""
    clock = Clock(view.frame.sample.tick, view.frame.sample.wall)
    since, state = heat.alarm.since, heat.alarm.state
    if since is not None and state.level >= AlarmState.WARNING.level and not crossings_ahead(heat):
        return f"since {clock.time(since)}", STATES[state][1]
    return short_outlook(heat, clock) or ("", Role.DIM)


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


def error_lines(ends: BothEnds, columns: int) -> Iterator[Line]:
    """Yield how well each end receives."""
    yield _heads(ends, columns)
    rows: dict[str, Callable[[View], Run]] = {
        "FEC": _fec,
        "corrected": lambda view: _counted(view, "rx_corrected_bits_phy", Role.TEXT),
        "not corrected": lambda view: _counted(view, "rx_pcs_symbol_err_phy", Role.WARNING),
        "bit error rate": _bit_errors,
        "errors by lane": _lane_errors,
    }
    for label, told in rows.items():
        a, b = map(told, ends.views)
        yield _pair(label, a, b, columns)


def _fec(view: View) -> Run:
    told, report = settled(view.now.now.settings, PortTuning).fec, view.now.now.report
    text = told.active if told and told.active else report.fec if report else None
    return (text, Role.TEXT) if text else (f"{units.NONE} not told", Role.DIM)


def _counted(view: View, key: str, role: Role) -> Run:
    counter = lookup(Origin.DRIVER, key)
    count = None if counter is None else view.now.since_start(counter)
    if counter is None or count is None:
        return f"{units.NONE} not counted", Role.DIM
    rate = view.now.rate(counter)
    text = f"{units.short(count).strip()} since start"
    if rate:
        text = f"{units.events_per_second(rate).strip()}, {text}"
    return text, role if count else Role.DIM


def _bit_errors(view: View) -> Run:
    report = view.now.now.report
    if report is None or (report.raw_ber is None and report.effective_ber is None):
        return f"{units.NONE} {view.why().get('report', 'not told')}", Role.DIM
    raw, effective = bit_error_rate(report.raw_ber), bit_error_rate(report.effective_ber)
    return f"{raw} before, {effective} after", Role.TEXT


def _lane_errors(view: View) -> Run:
    counters = (lookup(Origin.DRIVER, f"rx_err_lane_{lane}_phy") for lane in range(_MOST_LANES))
    counts = [view.now.since_start(one) if one is not None else None for one in counters]
    known = [count for count in counts if count is not None]
    if not known:
        return f"{units.NONE} not counted", Role.DIM
    text = " ".join(units.short(count).strip() for count in known)
    return text, Role.TEXT if any(known) else Role.DIM


# Settings and cards


def setting_lines(ends: BothEnds, columns: int) -> Iterator[Line]:
    """Yield what has to be the same at both ends, and what their cards are."""
    yield _heads(ends, columns)
    both = ends.sides
    for what, told in ALIKE.items():
        unequal = differs(what, both)
        role = Role.WARNING if unequal else Role.TEXT
        texts = [_value(what, told(side)) for side in both]
        a, b = ((text, role if text != units.NONE else Role.FAINT) for text in texts)
        if unequal:
            b = f"{UNEQUAL} {b[0]}", b[1]
        yield _pair(what, a, b, columns)
    rows: dict[str, Callable[[View], str | None]] = {
        "PCIe": _pcie,
        "card": lambda view: view.adapter.family if view.adapter else None,
        "part number": lambda view: view.adapter.part if view.adapter else None,
        "firmware": lambda view: view.adapter.firmware if view.adapter else None,
        "PSID": lambda view: view.adapter.psid if view.adapter else None,
        "module": _module,
    }
    for label, text_of in rows.items():
        known = [text_of(view) for view in ends.views]
        a, b = ((clean(one), Role.TEXT) if one else (units.NONE, Role.FAINT) for one in known)
        if any(known):
            yield _pair(label, a, b, columns)


def _value(what: str, value: object) -> str:
    if value is None:
        return units.NONE
    return units.speed(value) if what == "data rate" and isinstance(value, int) else str(value)


def _pcie(view: View) -> str | None:
    path = view.derived.pcie.path if view.derived.pcie else None
    if path is None or not path.links:
        return None
    one = path.limiting or path.links[0]
    card = path.links[0].capability
    return f"{link_words(one.running, card)}".removeprefix("PCIe ")


def _module(view: View) -> str | None:
    module = view.now.now.module
    return module and " ".join(filter(None, (module.identity.vendor, module.identity.part)))
