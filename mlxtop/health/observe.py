"""The health of all links of a machine: a summary of each, once a minute, from its frames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mlxtop.health.ber_limit import lane_count
from mlxtop.health.error_rates import Counts, Rates, counts_of, most_corrected, rates
from mlxtop.health.link_health import (
    CHANGES,
    FLAPS,
    LANES,
    Best,
    Change,
    Flap,
    LinkHealth,
    Point,
    added,
    joined,
)
from mlxtop.health.opcodes import opcode_words
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId, PortKind, digest, link_key, slot_of
from mlxtop.model.module import Module
from mlxtop.model.pcie import link_words
from mlxtop.model.sample import LinkState, PortSample

EVERY_S = 60.0
"""Seconds between two summaries of a link."""
FIRST_S = 10.0
"""Seconds after the first frame until the first: slow readings are there then."""
FASTEST = 4_000_000_000_000
"""bit/s beyond which a speed is none."""
_GUID = re.compile(r"[0-9a-f]{4}(?::[0-9a-f]{4}){3}")
_DOWNS = "link_down_events_phy"
_COUNTED_S = 1.0
"""Seconds after which the driver's counters tell of a loss."""


def key_of(frame: Frame, port: PortId) -> str | None:
    """Return what a link's history is found by; None where nothing stays the same.

    The card's GUID, else the port's hardware address and PSID, with the place on the card.
    """
    now, card = frame.ports[port].now, frame.adapter(port)
    if card is None or now.port.kind is not PortKind.PHYSICAL or now.port.function is None:
        return None
    which = frame.slot_number(slot_of(now.port.function))
    who = card.key if _GUID.fullmatch(card.key) else ""
    if not who and now.link.address:
        who = f"{now.link.address} {card.psid or ''}"
    return link_key(who, which, now.port.function, port.number) if who else None


def module_of(module: Module | None) -> tuple[str, str]:
    """Return the digest of a module with a serial number, and its maker and part number."""
    who = module.identity if module else None
    if who is None or not (who.serial or "").strip():
        return "", ""
    part = " ".join(filter(None, (who.vendor, who.part)))
    return digest(who.vendor, who.part, who.serial), part


def _lanes(values: Iterable[float | None]) -> tuple[float | None, ...]:
    rounded = tuple(None if one is None else round(one, 2) for one in values)[:LANES]
    return rounded if any(one is not None for one in rounded) else ()


def point(now: PortSample, rates: Rates, wall: float) -> Point:
    """Return the summary of a link that is up."""
    module = now.module
    sensor = now.sensor("module") or now.sensor("asic")
    celsius = module.temperature if module and module.temperature is not None else None
    if celsius is None and sensor is not None and not sensor.stale:
        celsius = sensor.celsius
    lanes = module.lanes if module else ()
    return Point(
        round(wall, 1),
        rates.raw if rates.raw is None else round(rates.raw, 4),
        rates.effective if rates.effective is None else round(rates.effective, 4),
        celsius,
        rates.lost,
        1,
        _lanes(lane.rx_dbm for lane in lanes),
        _lanes(lane.tx_dbm for lane in lanes),
        _lanes(lane.bias_ma for lane in lanes),
    )


class Running(NamedTuple):
    """What a link runs at just now: a number to compare, and words."""

    value: float
    words: str


def running(frame: Frame, port: PortId) -> dict[str, Running]:
    """Return speed, lanes and PCIe of a port as they are; what is unknown is left out."""
    now = frame.ports[port].now
    by_name = {}
    if now.link.state is LinkState.UP:
        speed, lanes = now.link.speed, lane_count(now)
        if speed is not None and 0 < speed <= FASTEST:
            by_name["speed"] = Running(speed, f"{speed / 1e9:.4g} Gb/s")
        if lanes:
            by_name["lanes"] = Running(lanes, f"{lanes} lanes" if lanes > 1 else "1 lane")
    status = frame.pcie(port)
    link = status.path.links[0] if status and status.path.links else None
    if link is not None and link.mbps:
        by_name["pcie"] = Running(link.mbps, link_words(link.running))
    if link is not None and link.width:
        by_name["pcie_lanes"] = Running(link.width, link_words(link.running))
    return by_name


class Doubt(NamedTuple):
    """Losses that the driver may have made itself.

    mlx5 takes the carrier away while it opens its queues anew, for another MTU or other rings
    (mlx5e_switch_priv_channels in the kernel's en_main.c); the port's own count stays then.
    """

    tick: float
    downs: int
    """Losses of the port itself, as counted before."""
    walls: frozenset[float]
    """Epoch seconds of the losses."""


class HealthWatch:
    """What is remembered of the links of a machine; of one thread."""

    def __init__(self) -> None:
        self._links: dict[PortId, LinkHealth] = {}
        self._counts: dict[PortId, Counts] = {}
        self._away: dict[PortId, tuple[float, float]] = {}
        """Tick and epoch second at which links were lost that are not back yet."""
        self._doubts: dict[PortId, Doubt] = {}
        self._due: float | None = None
        self._last = 0.0

    def of(self, port: PortId) -> LinkHealth | None:
        """Return what is remembered of a link; None before its first summary."""
        return self._links.get(port)

    def all(self) -> Mapping[PortId, LinkHealth]:
        """Return what is remembered of each link now, for any thread."""
        return dict(self._links)

    def restore(self, port: PortId, before: LinkHealth) -> None:
        """Take in what was remembered of a link before the start."""
        now = self._links.get(port)
        self._links[port] = before if now is None else joined(before, now)

    def observe(self, frame: Frame) -> bool:
        """Take a frame in; once a minute it is summed up. Return whether it was."""
        tick = frame.sample.tick
        for port in [*self._away] if self._away else ():
            self._back(frame, port)
        for port in [*self._doubts] if self._doubts else ():
            self._decide(frame, port)
        if self._due is None or tick < self._last:
            self._due = tick + FIRST_S
            self._counts.clear()
        self._last = tick
        if tick < self._due:
            return False
        self.sum_up(frame)
        return True

    def begin(self, frame: Frame) -> None:
        """Count errors from this frame on."""
        for port, one in frame.ports.items():
            if one.now.link.state is LinkState.UP:
                self._counts[port] = counts_of(one.now, frame.sample.tick)

    def sum_up(self, frame: Frame) -> None:
        """Take one summary of every link."""
        self._due = frame.sample.tick + EVERY_S
        for port, one in frame.ports.items():
            if one.now.port.kind is PortKind.PHYSICAL and one.now.port.function is not None:
                health = self._links.get(port, LinkHealth())
                self._links[port] = self._taken(frame, port, one, health)

    def _taken(self, frame: Frame, port: PortId, one: PortFrame, health: LinkHealth) -> LinkHealth:
        now, wall = one.now, frame.sample.wall
        health = _plugged(health, now.module, wall)
        health = _best(health, frame, port)._replace(name=now.port.name)
        counts, before = counts_of(now, frame.sample.tick), self._counts.get(port)
        if now.link.state is not LinkState.UP:
            self._counts.pop(port, None)
            return _explained(health, now, wall)
        self._counts[port] = counts
        measured = rates(before, counts, now.link.speed or 0, now.report)
        symbols = most_corrected(before, counts)
        return added(health, point(now, measured, wall)._replace(symbols=symbols))

    def flapped(self, frame: Frame, port: PortId, times: int) -> None:
        """Take in that a link was lost; all but the last of several `times` it is back already."""
        health, wall = self._links.get(port, LinkHealth()), frame.sample.wall
        now = frame.ports[port].now
        walls = (round(wall + number / 1000, 3) for number in range(min(times, 10)))
        flaps = [Flap(one, _reason(now), 0.0) for one in walls]
        if now.link.state is not LinkState.UP:
            flaps[-1] = flaps[-1]._replace(down_s=None)
            self._away[port] = frame.sample.tick, flaps[-1].wall
        self._links[port] = health._replace(flaps=(*health.flaps, *flaps)[-FLAPS:])
        self._counts.pop(port, None)  # nothing joins the errors before and after
        reading = frame.ports[port].before.get(Origin.DRIVER)
        if reading is not None and (downs := reading.get(_DOWNS)) is not None:
            old = self._doubts.get(port, Doubt(0.0, downs, frozenset()))
            new = old.walls.union(one.wall for one in flaps)
            self._doubts[port] = old._replace(tick=frame.sample.tick, walls=new)

    def _decide(self, frame: Frame, port: PortId) -> None:
        """Take back the losses that the port itself has not counted, once that is known."""
        one, doubt = frame.ports.get(port), self._doubts[port]
        reading = one.now.readings.get(Origin.DRIVER) if one else None
        if one is None or reading is None:
            del self._doubts[port]
        elif reading.tick >= doubt.tick + _COUNTED_S:
            del self._doubts[port]
            if one.now.link.state is LinkState.UP and reading.get(_DOWNS) == doubt.downs:
                known = self._links[port]
                flaps = tuple(flap for flap in known.flaps if flap.wall not in doubt.walls)
                self._links[port] = known._replace(flaps=flaps)

    def _back(self, frame: Frame, port: PortId) -> None:
        """Tell how long a link was lost, once it is back."""
        one, health = frame.ports.get(port), self._links[port]
        if one is not None and one.now.link.state is LinkState.UP:
            tick, wall = self._away.pop(port)
            down_s = round(max(0.0, frame.sample.tick - tick), 1)
            flaps = (f._replace(down_s=down_s) if f.wall == wall else f for f in health.flaps)
            self._links[port] = health._replace(flaps=tuple(flaps))


def _reason(now: PortSample) -> str:
    """Return why a link is down, by the kernel or the firmware; empty where nobody tells."""
    report = now.report
    told = opcode_words(report.opcode) if report else ""
    return told or now.link.detail or ""


def _explained(health: LinkHealth, now: PortSample, wall: float) -> LinkHealth:
    """Return the history with the reason of the last loss, where it is told only now."""
    last = health.flaps[-1] if health.flaps else None
    if last is None or last.reason or wall - last.wall > 2 * EVERY_S:
        return health
    return health._replace(flaps=(*health.flaps[:-1], last._replace(reason=_reason(now))))


def _plugged(health: LinkHealth, module: Module | None, wall: float) -> LinkHealth:
    """Return the history, begun anew where twice another module was read."""
    which, part = module_of(module)
    if not which or which == health.module:
        return health._replace(suspect="") if which and health.suspect else health
    if not health.module:
        return health._replace(module=which, part=part, since=round(wall))
    if health.suspect != which:
        return health._replace(suspect=which)
    change = Change(round(wall), "module", health.part, part)
    return LinkHealth(
        name=health.name,
        since=round(wall),
        module=which,
        part=part,
        slot=health.slot,
        best={name: one for name, one in health.best.items() if name.startswith("pcie")},
        flaps=health.flaps,
        changes=(*health.changes, change)[-CHANGES:],
    )


def _best(health: LinkHealth, frame: Frame, port: PortId) -> LinkHealth:
    """Return the history with what is better than before, or as good."""
    function = frame.ports[port].now.port.function or ""
    best, changes, wall = dict(health.best), health.changes, round(frame.sample.wall)
    if health.slot and health.slot != function:
        best = {name: one for name, one in best.items() if not name.startswith("pcie")}
        changes = (*changes, Change(wall, "slot", health.slot, function))[-CHANGES:]
    for name, now in running(frame, port).items():
        before = best.get(name)
        if before is None or now.value > before.value:
            best[name] = Best(now.value, now.words, wall)
        elif now.value == before.value:
            best[name] = before._replace(last=wall, times=before.times + 1)
    return health._replace(best=best, slot=function, changes=changes)
