"""The order of ports in tables and walls: by a column, or the sickest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from typing import NamedTuple

from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.sample import LinkState
from mlxtop.present.cells import PortRow, RowContext, port_row
from mlxtop.present.columns import BY_ID, NOISE, Column, Value, heading, sort_key
from mlxtop.present.text import Line
from mlxtop.watch.heat import worst
from mlxtop.watch.heat_limits import AlarmState

DESCENDING, ASCENDING = "▼", "▴"
"""Marks of the column that ports are sorted by; ▲ is a warning elsewhere."""


class Order(NamedTuple):
    """What ports are sorted by; anything but NATURAL leaves the cards out."""

    by: str = ""
    """Id of a column, or `rate` for the busier direction."""
    reverse: bool = False

    @property
    def title(self) -> str:
        """Return the words for people."""
        column = BY_ID.get(self.by)
        words = column.title.lower() if column else self.by
        return f"{words}, reversed" if self.reverse else words


NATURAL, RATE, HEAT, ERRORS = Order(), Order("rate"), Order("heat"), Order("errors")
CYCLE = (NATURAL, RATE, HEAT, ERRORS)
"""Orders that one key steps through."""


def _busiest(row: PortRow) -> float | None:
    rates = [rate for rate in (row.flow.rx_bps, row.flow.tx_bps) if rate is not None]
    return max(rates, default=None)


def ranked(
    frame: Frame, ports: Sequence[PortId], order: Order, context: RowContext
) -> list[PortId]:
    """Return the ports in an order: the highest number or the first name first.

    Those that count as equal keep the order they came in; what has no value comes last.
    """
    column = BY_ID.get(order.by)
    value_of = column.value if column else _busiest
    if value_of is None:
        return list(ports)
    values = {port: value_of(port_row(frame, port, context)) for port in ports}
    known = [port for port in ports if values[port] is not None]
    unknown = [port for port in ports if values[port] is None]
    tolerance = column.tolerance if column else NOISE
    return [*_grouped(known, values, tolerance, is_descending(order)), *unknown]


def is_descending(order: Order) -> bool:
    """Return whether the highest comes first: so for numbers, and for names when reversed."""
    column = BY_ID.get(order.by)
    return (column is not None and column.names) is order.reverse


def _grouped(
    ports: Sequence[PortId],
    values: Mapping[PortId, Value],
    tolerance: tuple[float, float],
    descending: bool,
) -> list[PortId]:
    """Return ports by value; neighbours within the tolerance of a group's first are equal."""
    places = {port: place for place, port in enumerate(ports)}
    in_order = sorted(ports, key=lambda port: sort_key(values[port]), reverse=descending)
    result: list[PortId] = []
    equal: list[PortId] = []
    for port in in_order:
        if equal and not _same(values[port], values[equal[0]], tolerance):
            result += sorted(equal, key=places.__getitem__)
            equal = []
        equal.append(port)
    return result + sorted(equal, key=places.__getitem__)


def _same(one: Value, other: Value, tolerance: tuple[float, float]) -> bool:
    if isinstance(one, str) or isinstance(other, str) or one is None or other is None:
        return one == other
    return isclose(one, other, rel_tol=tolerance[0], abs_tol=tolerance[1])


def next_order(order: Order, shown: Sequence[Column], steps: int) -> Order:
    """Return the order by the next column to the right or left; before the first it is natural."""
    sortable = [column.id for column in shown if column.value is not None]
    orders = [NATURAL, *map(Order, sortable)]
    place = sortable.index(order.by) + 1 if order.by in sortable else 0
    return orders[(place + steps) % len(orders)]


def titles_of(
    shown: tuple[Column, ...], order: Order, curve_note: str, explained: int | None
) -> Line:
    """Return the heading of a table with the mark of the column that it is sorted by."""
    notes = dict.fromkeys(("rx-curve", "tx-curve"), curve_note)
    if order.by in BY_ID:
        notes[order.by] = DESCENDING if is_descending(order) else ASCENDING
    return heading(shown, notes, explained)


def sickness(frame: Frame, port: PortId, context: RowContext) -> int:
    """Return how sick a port is: 0 for well, higher is worse.

    A link that never was up while mlxtop watched is no fault: the port may be unused.
    """
    row = port_row(frame, port, context)
    state, flaps = row.now.link.state, row.flaps
    hottest = worst(context.heat, port) if context.heat else None
    heat = hottest.alarm.state if hottest else AlarmState.OK
    events, moving = row.errors
    signs = (
        state is not LinkState.UP and bool(flaps),
        state in (LinkState.OVERHEAT, LinkState.MODULE_FAULT, LinkState.LOST),
        heat.level >= AlarmState.ALARM.level,
        moving,
        heat is AlarmState.WARNING,
        heat is AlarmState.STALE,
        heat is AlarmState.WARMING,
        bool(events),
        bool(flaps),
        state in (LinkState.INIT, LinkState.ARMED, LinkState.POLLING),
    )
    return next((len(signs) - place for place, sign in enumerate(signs) if sign), 0)


def sickest_first(frame: Frame, ports: Sequence[PortId], context: RowContext) -> list[PortId]:
    """Return the ports, the sickest first; those as sick as each other keep their order."""
    levels = {port: sickness(frame, port, context) for port in ports}
    return sorted(ports, key=lambda port: -levels[port])
