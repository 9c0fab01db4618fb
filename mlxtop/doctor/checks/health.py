"""What a link's history tells: slower than it was, errors that rise, light that falls, flaps."""

from __future__ import annotations

from collections.abc import Iterable
from time import localtime, strftime

from mlxtop.doctor.check import Finding, Outcomes, PortCase, check, ports
from mlxtop.health.ber_limit import floor_of, limit_of
from mlxtop.health.link_health import LinkHealth
from mlxtop.health.observe import module_of, running
from mlxtop.health.signs import (
    OFTEN_A_DAY,
    ON_DAYS,
    Aged,
    Approach,
    Faded,
    Worse,
    flap_days,
    flaps,
    is_stale,
    outlook,
    outlook_at,
    worse,
)
from mlxtop.health.trend import DAY_S
from mlxtop.model.sample import LinkState

_MLXLINK = "https://docs.nvidia.com/networking/display/mftv4300/mlxlink+utility"
_FEC = "IEEE 802.3 clauses 91, 95.1.1 and 138.1.1: error rates that RS-FEC corrects"
_OPTICS = "SFF-8636 and CMIS: power and bias by lane, with the module's limits"
_PCI = "https://docs.kernel.org/PCI/index.html"
_CARRIER = "https://docs.kernel.org/networking/operstates.html"
_NEWS_DAYS = 7
"""Days for which another module or slot is told, and for which a slower link is a warning."""
_FORGOTTEN_DAYS = 30
"""Days after which a slower link is as it is."""


def _health(port: PortCase) -> LinkHealth:
    """Return the history of a port that has one: only such are judged."""
    return port.case.health[port.now.port.id]


def _wall(port: PortCase) -> float:
    return port.case.frame.sample.wall


REMEMBERED = ports("no history of a link", lambda port: port.now.port.id in port.case.health)


def _day(wall: float) -> str:
    return strftime("%F", localtime(wall))


@check(
    "link as it was",
    needs=REMEMBERED,
    explains="mlxtop remembers the best speed, the most lanes and the best PCIe link of a port. A"
    " link that trains again after dirt, heat or a loose card may come back slower, and it stays so"
    " until somebody looks.",
    normal="as fast and as wide as ever. It means nothing where somebody chose a lower speed here"
    " or at the peer, plugged the cable into another port, or moved the card; an idle PCIe link"
    " may sleep at a lower speed with all its lanes. What was seen less than five minutes is not"
    " counted, and after a month it is not told any more",
)
def _as_it_was(port: PortCase) -> Outcomes:
    health = _health(port)
    by_name = {one.name: one for one in worse(health, running(port.case.frame, port.now.port.id))}
    for name, other in (("speed", "lanes"), ("pcie_lanes", "pcie")):
        one = by_name.get(name) or by_name.get(other)
        if one is not None and _wall(port) - one.before.last < _FORGOTTEN_DAYS * DAY_S:
            yield _slower(port, one)


def _slower(port: PortCase, one: Worse) -> Finding:
    """Return the finding; after a week it is how the link is, and no news."""
    recent = _wall(port) - one.before.last < _NEWS_DAYS * DAY_S
    name, until = port.name, _day(one.before.last)
    if one.name.startswith("pcie"):
        sleeps = one.name == "pcie"
        return (port.warning if recent and not sleeps else port.note)(
            f"{one.now.words} now, {one.before.words} until {until} (current_link_speed and"
            " current_link_width, remembered by mlxtop)",
            "the PCIe link may sleep while it is idle, or has trained at a lower speed"
            if sleeps
            else "the PCIe link has trained with fewer lanes than before",
            "look again under load; dmesg may tell of AER or hotplug; reboot, then reseat the card"
            " and any riser",
            _PCI,
        )
    return (port.warning if recent else port.note)(
        f"{one.now.words} now, {one.before.words} until {until} (ethtool {name}, remembered by"
        " mlxtop)",
        "the link is slower or has fewer lanes than before",
        f"if nobody chose that: ethtool {name} at both ends; reseat and clean the cable, then"
        " replace it",
        _MLXLINK,
    )


@check(
    "errors over days",
    needs=REMEMBERED,
    explains="Forward error correction (FEC) repairs bit errors up to a rate; beyond that frames"
    " are lost, and soon the link. Errors of a dirty or ageing part rise for days before. mlxtop"
    " follows them hour by hour, takes out what temperature does, and ignores single readings.",
    normal="level, or far below the limit. A rise at once that stays, as after a cable was moved,"
    " is not told here; neither is a rise whose end is not sure",
)
def _errors(port: PortCase) -> Outcomes:
    health = _health(port)
    if not health.hours:
        return
    if is_stale(health, _wall(port)):
        yield port.unknown("errors over days", f"nothing was seen since {_day(health.newest)}")
        return
    limit = limit_of(port.now)
    way = outlook(health, limit, floor_of(port.now)).failing
    if way is None or limit is None:
        return
    yield _rising(port, way, limit)


def _rising(port: PortCase, way: Approach, limit: float) -> Finding:
    line = way.course
    return port.warning(
        f"bit errors before correction rise {10**line.slope:.2g} times a day, for"
        f" {line.days:.0f} days; {10**line.level:.0e} now (rx_corrected_bits_phy or mlxlink,"
        " temperature taken out)",
        f"FEC corrects up to {limit:.0e}: at this pace that is reached in {way.whole_days}, and"
        " then frames are lost",
        "clean and reseat both ends, then swap the cable or module before that; page 2 shows"
        " whether light falls too",
        _FEC,
    )


@check(
    "light over months",
    needs=REMEMBERED,
    explains="A module tells the light that it gets and the current of its lasers. mlxtop remembers"
    " both of its first day. Less light comes from dirt, a bent fibre or an ageing laser at the"
    " other end; a laser that needs more current here is ageing itself.",
    normal="within 2 dB of the first day's light, and within 30 % of its current at the same"
    " temperature. It means nothing where the fibre, the peer's module or the way between was"
    " changed meanwhile: pull and plug the module, or take away the history, to begin anew",
)
def _light(port: PortCase) -> Outcomes:
    health = _health(port)
    if port.link.state is not LinkState.UP:
        return
    told = outlook_at(health, limit_of(port.now), floor_of(port.now), _wall(port))
    if told.faded:
        yield _fading(port, health, told.faded)
    if told.aged:
        yield _ageing(port, health, told.aged)


def _numbers(lanes: Iterable[Faded | Aged]) -> str:
    numbers = [str(one.lane) for one in lanes]
    return f"lane{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def _fading(port: PortCase, health: LinkHealth, lanes: tuple[Faded, ...]) -> Finding:
    worst = max(lanes, key=lambda one: one.lost_db)
    soon = min((one.days for one in lanes if one.days is not None), default=None)
    floor = worst.floor_dbm
    first = health.new.wall if health.new else health.since
    limit = "" if floor is None else f"; the module's limit is {floor:.1f} dBm"
    near = any(one.is_near for one in lanes)
    return (port.warning if near else port.note)(
        f"{_numbers(lanes)}: {worst.now_dbm:.1f} dBm arrive, {worst.new_dbm:.1f} on"
        f" {_day(first)}{limit} (ethtool -m {port.name}, remembered by mlxtop)",
        "less and less light arrives"
        + (f": the limit is reached in about {max(1, round(soon))} days" if soon else ""),
        "clean both ends and look for a bent fibre; look at what the other end sends (ethtool -m"
        " there); then replace what is at fault",
        _OPTICS,
    )


def _ageing(port: PortCase, health: LinkHealth, lasers: tuple[Aged, ...]) -> Finding:
    worst = max(lasers, key=lambda one: one.now_ma / one.new_ma)
    first = health.new.wall if health.new else health.since
    return port.note(
        f"{_numbers(lasers)}: the laser takes {worst.now_ma:.1f} mA, {worst.new_ma:.1f} on"
        f" {_day(first)}, at the same temperature (ethtool -m {port.name})",
        "lasers need more current as they age",
        "have a spare module; cooler air makes it last longer",
        _OPTICS,
    )


@check(
    "flaps a day",
    needs=REMEMBERED,
    explains="A link that goes down and comes back by itself drops what is on its way, and its"
    " routes and bonds follow. mlxtop counts the losses that it sees, with the reason that the"
    " kernel or the firmware tells.",
    normal="none; some while somebody works on the cable or sets up the peer. A port that is"
    " switched off here does not count, nor does a link that stays away for two minutes and what is"
    " lost a quarter of an hour before and after: the other end was off, or started anew",
)
def _flaps(port: PortCase) -> Outcomes:
    health = _health(port)
    count = flap_days(health, _wall(port))
    if count.day < OFTEN_A_DAY and count.days < ON_DAYS:
        return
    reasons = dict.fromkeys(one.reason for one in flaps(health, _wall(port)) if one.reason)
    told = f"; {'; '.join(list(reasons)[-3:])}" if reasons else ""
    yield port.warning(
        f"the link was lost {count.day} times in the last day, {count.week} times on {count.days}"
        f" of the last 7 days{told} (carrier_changes of {port.name}, seen by mlxtop)",
        "the link is not stable",
        "dmesg and the peer's log at those times (page 2, events); clean and reseat both ends, then"
        " replace the cable",
        _CARRIER,
    )


@check(
    "module and slot as they were",
    needs=REMEMBERED,
    explains="mlxtop knows a module again by its maker, part and serial number, and a card by its"
    " GUID. With another module the history of errors and light begins anew.",
    normal="the same; others only where somebody changed them",
)
def _changed(port: PortCase) -> Outcomes:
    health = _health(port)
    which, part = module_of(port.now.module)
    if which and health.module and which != health.module:
        yield _other(port, "module", health.part, part, _wall(port))
    for one in health.changes:
        if _wall(port) - one.wall < _NEWS_DAYS * DAY_S:
            yield _other(port, one.what, one.before, one.after, one.wall)


def _other(port: PortCase, what: str, before: str, after: str, wall: float) -> Finding:
    moved = before or "unknown"
    same = " of the same type, with another serial number" if before == after else ""
    return port.note(
        f"another {what} since {_day(wall)}: {after or 'unknown'}{same}, before {moved}"
        " (remembered by mlxtop)",
        "what was remembered of it begins anew",
        "nothing, if somebody changed it; else find out who did",
        _MLXLINK if what == "module" else _PCI,
    )
