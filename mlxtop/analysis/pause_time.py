"""How long pause held a port, or was asked for by it: of the whole link and of each priority."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from mlxtop.analysis.congestion import by_priority, driver_schema, largest, share_of
from mlxtop.model.catalogue import lookup
from mlxtop.model.counters import Counter, Origin, Schema, Unit
from mlxtop.model.frame import PortFrame
from mlxtop.model.pause import GLOBAL_PAUSE, PAUSE_TIME


class Held(NamedTuple):
    """Pause in one direction: of the whole link, or of one priority."""

    way: str
    """`rx`: the switch or peer holds this host. `tx`: this host holds the peer."""
    priority: int | None
    share: float | None
    """Of the time between two readings; None without two."""
    progress: bool | None
    """Whether packets went the way that was held all the same; None where that is not counted, and
    where nothing was held."""
    key: str
    """The counter of its time."""


def pauses(frame: PortFrame) -> list[Held]:
    """Return the pause of every priority and of the whole link that is counted with its time."""
    schema = driver_schema(frame)
    if schema is None:
        return []
    held = [_of_link(frame, each) for each in _link_counters(schema)]
    for way, number, paused, moved in _paused_priorities(schema):
        share = share_of(largest(map(frame.rate, paused)))
        gain = largest(map(frame.gain, moved if share else ()))
        progress = None if gain is None else gain > 0
        held.append(Held(way, number, share, progress, paused[0].key))
    return held


Way = tuple[str, int | None, str]
"""Direction, priority (None: the whole link) and the counter of its time."""


def unheld(frame: PortFrame) -> tuple[Way, ...] | None:
    """Return all for which `pauses` would tell a share of 0; None where that is not so for all.

    Nearly always nothing is held, and this costs less than to work it out one by one.
    """
    now, before = frame.now.readings.get(Origin.DRIVER), frame.before.get(Origin.DRIVER)
    if now is None or before is None or before.schema is not now.schema or now.tick <= before.tick:
        return None
    ways, places = _times(now.schema)
    values, old = now.values, before.values
    for place in places:
        if values[place] != old[place] or old[place] is None:
            return None
    return ways


@lru_cache(maxsize=64)
def _times(schema: Schema) -> tuple[tuple[Way, ...], tuple[int, ...]]:
    """Return all whose time of pause is counted, in the order of `pauses`, and its places."""
    ways: list[Way] = [(each.way, None, each.time.key) for each in _link_counters(schema)]
    counters = [each.time for each in _link_counters(schema)]
    for way, number, paused, _ in _paused_priorities(schema):
        ways.append((way, number, paused[0].key))
        counters += paused
    assert all(one.width == 64 and not one.gauge for one in counters)
    return tuple(ways), tuple(schema.index[one.key] for one in counters)


_Paused = tuple[str, int | None, tuple[Counter, ...], tuple[Counter, ...]]
"""Direction, priority, the counters of its time, and those of the packets the other way."""


@lru_cache(maxsize=64)
def _paused_priorities(schema: Schema) -> tuple[_Paused, ...]:
    """Return each priority and direction whose time of pause is counted."""
    return tuple(
        (way, number, paused, row.get(f"{other}_packets", ()))
        for number, row in by_priority(schema).items()
        for way, other in (("rx", "tx"), ("tx", "rx"))
        if (paused := row.get(f"{way}_paused"))
    )


class _OfLink(NamedTuple):
    """The counters of the link's pause in one direction, and of what moved against it."""

    way: str
    time: Counter
    moved: Counter | None
    pauses: Counter | None
    """Pause frames among those that moved."""


@lru_cache(maxsize=64)
def _link_counters(schema: Schema) -> tuple[_OfLink, ...]:
    """Return the counters of each direction whose time of pause is counted."""

    def first(*keys: str) -> Counter | None:
        key = next((key for key in keys if key in schema.index), None)
        return Counter(Origin.DRIVER, key, Unit.PACKETS, "") if key else None

    counters = []
    for way, other in (("rx", "tx"), ("tx", "rx")):
        key = next((key for key in PAUSE_TIME[way] if key in schema.index), None)
        time = lookup(Origin.DRIVER, key) if key else None
        moved = first(f"{other}_packets_phy", f"{other}_packets")
        if time is not None:
            on_wire = moved is not None and moved.key.endswith("_phy")
            paused = first(*GLOBAL_PAUSE[other]) if on_wire else None
            counters.append(_OfLink(way, time, moved, paused))
    return tuple(counters)


def _of_link(frame: PortFrame, of: _OfLink) -> Held:
    """Return the pause of the whole link in one direction."""
    share = share_of(frame.rate(of.time))
    moved = frame.gain(of.moved) if share and of.moved is not None else None
    if moved is not None and of.pauses is not None:  # pause frames are no progress
        moved -= frame.gain(of.pauses) or 0
    progress = None if moved is None else moved > 0
    return Held(of.way, None, share, progress, of.time.key)
