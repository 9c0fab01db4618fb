"""The counters of the catalogue for Prometheus: errors, pause, and traffic of priorities."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.analysis.faults import meaningful
from mlxtop.analysis.port_view import PortView
from mlxtop.model.catalogue import NO_VLAN, TRAFFIC, counters_of
from mlxtop.model.counters import Counter, Severity, Unit
from mlxtop.model.pause import GLOBAL_PAUSE, PFC_PAUSE
from mlxtop.model.pcie import Direction
from mlxtop.outputs.metric_families import Families, Labels

_TRAFFIC = frozenset(TRAFFIC)
_PAUSE_FRAMES = frozenset(
    key for pauses in (GLOBAL_PAUSE, PFC_PAUSE) for keys in pauses.values() for key in keys
)
_GLOBAL = {key: place for keys in GLOBAL_PAUSE.values() for place, key in enumerate(keys)}
"""Of several counters of one driver for the same frames the first counts."""
_PARTS = {"prio": "priority", "lane": "lane"}


def add_counters(into: Families, view: PortView, at: Labels) -> None:
    """Add the counters of a port but those of traffic; those of queues are added up."""
    queues: dict[str, tuple[Counter, int]] = {}
    for counter in sorted(_known(view), key=lambda one: _GLOBAL.get(one.key, 0)):
        value = view.now.total(counter)
        if value is None:
            continue
        if counter.family is not None and _part(counter.family) is None:
            before = queues.get(counter.family, (counter, 0))[1]
            queues[counter.family] = counter, before + value
        else:
            _counter(into, counter, value, at)
    for family, (counter, value) in queues.items():
        if counter.severity is not None:  # traffic of queues is traffic of the port
            whole = counter._replace(key=_stem(family), family=None, number=None)
            _counter(into, whole, value, at)


def _known(view: PortView) -> Iterator[Counter]:
    """Yield the counters that the port has and the catalogue knows, but those of traffic."""
    for origin, reading in meaningful(view.now):
        for counter in counters_of(origin, reading.schema):
            if counter not in _TRAFFIC:
                yield counter


def _part(family: str) -> str | None:
    """Return what the members of a family stand for; None for queues, which are added up."""
    return next((part for part in ("lane", "prio") if part in family), None)


def _stem(family: str) -> str:
    """Return a family's name without its number.

    >>> _stem("rx_prio{n}_discards"), _stem("rx_err_lane_{n}_phy"), _stem("rx{n}_wqe_err")
    ('rx_prio_discards', 'rx_err_lane_phy', 'rx_queue_wqe_err')
    """
    queue = "" if _part(family) else "_queue"
    return family.replace("_{n}", "").replace("{n}", queue)


def _counter(into: Families, counter: Counter, value: int, at: Labels) -> None:
    """Add a counter: pause and traffic of priorities by direction, errors by name."""
    family = counter.family or counter.key
    way = family[:2] if family[:2] in tuple(Direction) else ""
    number = "" if counter.number is None else str(counter.number)
    number = "no_vlan" if counter in NO_VLAN else number
    by = {"direction": way, "priority": number}
    rx = "rx: the peer stops this host, tx: this host the peer; without priority the whole link"
    if counter.gauge:
        text = "Share of the last second, by the driver's name of it"
        into.add("port_driver_ratio", value / 100, text, at, name=counter.key)
    elif counter.unit is Unit.MICROSECONDS:
        into.add("port_pause_seconds_total", value / 1e6, f"Time that pause took; {rx}", at, **by)
    elif family in _PAUSE_FRAMES:
        into.add("port_pause_frames_total", value, f"Pause frames; {rx}", at, **by)
    elif "pause" in family and "transition" in family:
        into.add(
            "port_pause_transitions_total",
            value,
            f"Times that somebody was stopped; {rx}",
            at,
            **by,
        )
    elif family.endswith("_marked"):
        text = "Packets that the card marked (ECN) because this host was slow"
        into.add("port_ecn_marked_packets_total", value, text, at, **by)
    elif counter.severity is None:
        text = f"{counter.unit.capitalize()} of a priority"
        into.add(f"port_priority_{counter.unit}_total", value, text, at, **by)
    else:
        _error(into, counter, counter.severity, value, at)


def _error(into: Families, counter: Counter, severity: Severity, value: int, at: Labels) -> None:
    text = "What the kernel, driver and card count as errors since they were started, by name"
    part = _PARTS.get(_part(counter.family) or "") if counter.family else None
    if part is None or counter.family is None:
        into.add("port_errors_total", value, text, at, name=counter.key, severity=severity)
        return
    names = {"name": _stem(counter.family), "severity": severity, part: str(counter.number)}
    into.add(f"port_{part}_errors_total", value, f"{text}, for each {part}", at, **names)
