"""The cells of a port's row: its name, link, rates, curves, heat, errors and flaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from operator import attrgetter
from typing import NamedTuple

from mlxtop.analysis.faults import severe_since_boot, severe_since_start
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.throughput import Throughput
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, PortKind, slot_of
from mlxtop.model.pcie import Direction
from mlxtop.model.sample import LinkState, PortSample
from mlxtop.present import units
from mlxtop.present.heat import STATES, degrees
from mlxtop.present.text import Line, Role, Run, clean, crop, fit, fit_name, width
from mlxtop.present.view import bar, link_mark, link_run, short_speed_name, speed_name
from mlxtop.watch.heat import HeatStates, SensorHeat
from mlxtop.watch.heat_limits import limits_of

Curve = Callable[[PortId, Direction, int], Line]
"""Draws what a port received or sent in the last minute, in so many columns."""
Render = Callable[["PortRow", int], Line]
"""Returns a cell in exactly so many columns."""

BLOCKS = "▁▂▃▄▅▆▇█"
COLD_C = 20.0
"""°C at which a thermometer is empty; it is full at the alarm limit."""
LEAST_BAR = 4
"""Columns from which a thermometer lies; a narrower one stands in a single column."""


class RowContext(NamedTuple):
    """What the rows of a table show beside the frame."""

    bits: bool = True
    heat: HeatStates | None = None
    flaps: Mapping[PortId, int] | None = None
    """How often each link went down; None where nobody counts."""
    curve: Curve | None = None
    """None where there is no past: bars stand for the curves then."""
    since_boot: bool = False
    """Errors are those since the boot."""


class PortRow(NamedTuple):
    """Everything that the cells of one port show."""

    view: PortView
    now: PortSample
    flow: Throughput
    numa: int | None
    errors: tuple[int | None, bool]
    """Severe events since the start or the boot, and whether any goes on now."""
    context: RowContext = RowContext()

    @property
    def flaps(self) -> int | None:
        counts = self.context.flaps
        return None if counts is None else counts.get(self.view.id, 0)

    def heat_of(self, sensor: str) -> SensorHeat | None:
        """Return the state of one of the port's sensors; None where nobody follows it."""
        return self.context.heat.of(self.view.id, sensor) if self.context.heat else None


def port_row(frame: Frame, port: PortId, context: RowContext = RowContext()) -> PortRow:  # noqa: B008
    """Return everything that the row of a port shows."""
    view = port_view(frame, port)
    errors = severe_since_start(view.now)
    if context.since_boot:
        errors = severe_since_boot(view.now), False
    return PortRow(view, view.now.now, view.throughput, numa_node(view), errors, context)


def numa_node(view: PortView) -> int | None:
    """Return the NUMA node of the slot that a port is in; of one card's two, that port's."""
    adapter, function = view.adapter, view.now.now.port.function
    if adapter is None or not adapter.functions:
        return None
    return adapter.slots.get(slot_of(function or ""), adapter.functions[0]).numa_node


# Name and link

_SHORT = {
    LinkState.ADMIN_DOWN: "off",
    LinkState.NO_MODULE: "empty",
    LinkState.MODULE_FAULT: "fault",
    LinkState.NO_DEVICE: "gone",
    LinkState.OVERHEAT: "hot",
    LinkState.POLLING: "wait",
    LinkState.DISABLED: "off",
}
"""Words for states where the column is narrow."""


def name(row: PortRow, columns: int) -> Line:
    """Return the cell of the port's name."""
    return ((fit_name(row.now.port.name, columns), Role.STRONG),)


def link(row: PortRow, columns: int) -> Line:
    """Return the cell of the link: its state, else its speed; `↕2` after it went down twice."""
    state = row.now.link
    flaps = f" ↕{row.flaps}" if row.flaps else ""
    if state.state is not LinkState.UP:
        words, role = link_run(state.state)
        short = _SHORT.get(state.state)
        if short and width(words + flaps) > columns:
            words = f"{link_mark(state.state)[0]} {short}"
        if width(words + flaps) > columns:
            flaps = ""
        return crop(((words, role), *([(flaps, Role.WARNING)] if flaps else [])), columns)
    mark, role = link_mark(state.state)
    text = f" {speed_name(state)}"
    if width(text) + len(flaps) > columns - 1:
        text = f" {short_speed_name(state)}"
    cell: Line = ((mark, role), (text, Role.TEXT), (flaps, Role.WARNING))
    return crop(tuple(run for run in cell if run[0]), columns)


# Rates and curves


def rate(field: str, role: Role) -> Render:
    """Return the renderer of a rate in bit/s or packets/s that a field of the port holds."""
    rate_of = attrgetter(f"flow.{field}")

    def render(row: PortRow, columns: int) -> Line:
        value, bits = rate_of(row), row.context.bits
        is_bits = field.endswith("_bps")
        text = units.rate(value, bits) if is_bits else units.packets_per_second(value)
        colour = Role.FAINT if value is None else role if value else Role.DIM
        return ((fit(text, columns, right=True), colour),)

    return render


def rate_or_state(field: str, role: Role) -> Render:
    """Return the renderer of a rate where no other cell tells that the link is not up."""
    amount = rate(field, role)

    def render(row: PortRow, columns: int) -> Line:
        up = row.now.link.state is LinkState.UP
        return amount(row, columns) if up else link(row, columns)

    return render


def curve(direction: Direction) -> Render:
    """Return the renderer of a direction's last minute; of a bar where there is no past."""
    role = Role.RX if direction is Direction.RX else Role.TX

    def render(row: PortRow, columns: int) -> Line:
        draw = row.context.curve
        if draw is None:
            return bar(row.view.share(direction), columns, role)
        return draw(row.view.id, direction, columns)

    return render


def blocks(values: Sequence[float], scale: float, role: Role) -> Line:
    """Return values as blocks of eight heights, one a column; blank for NaN, faint for zero.

    >>> blocks([float("nan"), 0.0, 50.0, 100.0], 100.0, Role.RX)
    ((' ', <Role.FAINT: 'faint'>), ('▁', <Role.FAINT: 'faint'>), ('▅█', <Role.RX: 'rx'>))
    """
    runs: list[Run] = []
    for value in values:
        mark, colour = " ", Role.FAINT
        if not isnan(value):
            mark = BLOCKS[max(0, min(len(BLOCKS) - 1, int(value / scale * len(BLOCKS))))]
            colour = role if value > 0 else Role.FAINT
        if runs and runs[-1][1] is colour and (mark != " ") == (runs[-1][0][-1] != " "):
            runs[-1] = (runs[-1][0] + mark, colour)
        else:
            runs.append((mark, colour))
    return tuple(runs)


def rdma_share(row: PortRow) -> float | None:
    """Return the share of the port's traffic that bypasses the kernel; None without traffic."""
    flow = row.flow
    parts, wholes = (flow.rdma_rx_bps, flow.rdma_tx_bps), (flow.rx_bps, flow.tx_bps)
    if all(part is None for part in parts) or all(whole is None for whole in wholes):
        return None
    rdma, kernel = (
        sum(value or 0.0 for value in values)
        for values in (parts, (flow.kernel_rx_bps, flow.kernel_tx_bps))
    )
    whole = max(sum(value or 0.0 for value in wholes), rdma + kernel)
    return min(1.0, rdma / whole) if whole > 0 else None


def rdma(row: PortRow, columns: int) -> Line:
    """Return the cell of the share that RDMA has."""
    share = rdma_share(row)
    role = Role.FAINT if share is None else Role.TEXT if share >= 0.005 else Role.DIM
    return ((fit(units.percent(share), columns, right=True), role),)


# Heat


def temperature(sensor: str) -> Render:
    """Return the renderer of a sensor."""

    def render(row: PortRow, columns: int) -> Line:
        heat = row.heat_of(sensor)
        return (degrees(row.now.sensor(sensor), columns, heat),)

    return render


def celsius(sensor: str) -> Callable[[PortRow], float | None]:
    """Return what gives the reading of a sensor."""

    def value(row: PortRow) -> float | None:
        one = row.now.sensor(sensor)
        return one.celsius if one is not None else None

    return value


class Warmth(NamedTuple):
    """The sensor of a port that is nearest to its own alarm limit."""

    sensor: str
    share: float
    """0 when cold, 1 at its alarm limit."""
    over: float
    """°C above its warning limit, mostly negative."""


def warmth(row: PortRow) -> Warmth | None:
    """Return the port's sensor that is nearest to its own limit; None where none answers."""
    nearest: Warmth | None = None
    for sensor in row.now.temperatures:
        if sensor.celsius is None or sensor.stale:
            continue
        limits = limits_of(sensor, row.now, row.view.adapter)
        share = (sensor.celsius - COLD_C) / max(1.0, limits.alarm - COLD_C)
        one = Warmth(sensor.name, max(0.0, min(1.0, share)), sensor.celsius - limits.warning)
        if nearest is None or one.share > nearest.share:
            nearest = one
    return nearest


def thermometer(row: PortRow, columns: int) -> Line:
    """Return the way to the alarm limit as a bar, or as one block where there is no room."""
    nearest = warmth(row)
    if nearest is None:
        return ((fit(units.NONE, columns), Role.FAINT),)
    role = Role.WARNING if nearest.over >= 0 else Role.GOOD
    heat = row.heat_of(nearest.sensor)
    if heat is not None and (state := STATES[heat.alarm.state][1]) is not Role.TEXT:
        role = state
    elif nearest.share >= 1:
        role = Role.CRITICAL
    if columns >= LEAST_BAR:
        return bar(nearest.share, columns, role)
    mark = BLOCKS[min(len(BLOCKS) - 1, int(nearest.share * len(BLOCKS)))]
    return ((fit(mark, columns), role),)


def over_limit(row: PortRow) -> float | None:
    """Return the degrees above the nearest warning limit, mostly negative."""
    nearest = warmth(row)
    return None if nearest is None else nearest.over


# Errors and the rest


def errors(row: PortRow, columns: int) -> Line:
    """Return the cell of severe events since the start; `!` while they go on."""
    events, moving = row.errors
    if events is None:
        return ((fit(units.NONE + " ", columns, right=True), Role.FAINT),)
    text = units.count(events) if events < 10_000 else units.short(events).replace(" ", "")
    role = Role.CRITICAL if moving else Role.WARNING if events else Role.DIM
    return ((fit(text + ("!" if moving else " "), columns, right=True), role),)


def flaps(row: PortRow, columns: int) -> Line:
    """Return the cell of link losses since the start."""
    times = row.flaps
    role = Role.FAINT if times is None else Role.WARNING if times else Role.DIM
    return ((fit(units.count(times), columns, right=True), role),)


def text(value: Callable[[PortRow], object], right: bool = False) -> Render:
    """Return the renderer of a value as it is."""

    def render(row: PortRow, columns: int) -> Line:
        content = value(row)
        words = units.NONE if content is None else str(content)
        return ((fit(words, columns, right), Role.FAINT if content is None else Role.DIM),)

    return render


def neighbour(row: PortRow) -> str | None:
    """Return who is at the other end by LLDP: `leaf1 Eth1/5`, `+1` where there are more."""
    told = row.view.neighbours.value or ()
    more = f" +{len(told) - 1}" if len(told) > 1 else ""
    return clean(f"{told[0].title} {told[0].where}".rstrip()) + more if told else None


def device(row: PortRow) -> object:
    """Return the PCI device of a physical port, the kind of a virtual one."""
    port = row.now.port
    return port.id if port.kind is PortKind.PHYSICAL else port.devtype or port.kind
