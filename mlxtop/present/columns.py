"""The columns of the overview: fixed widths, chosen by the width of the screen.

The same rows feed the live table and `--once`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from mlxtop.analysis.faults import severe_since_start
from mlxtop.analysis.fields import meaning
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.throughput import Throughput
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.pcie import Direction
from mlxtop.model.sample import LinkLayer, LinkState, Temperature
from mlxtop.present import units
from mlxtop.present.clean import fit
from mlxtop.present.heat import STATES
from mlxtop.present.text import Line, Role, Run, crop
from mlxtop.watch.heat import HeatWatch, SensorHeat

INDENT = 2
"""Columns before the first, where the cursor's mark stands."""
GAP = 2


class PortRow(NamedTuple):
    """What the cells of one port are made from."""

    view: PortView
    numa: int | None
    bits: bool
    errors: tuple[int | None, bool]
    """Severe events since the start, and whether any goes on now."""
    heat: HeatWatch | None = None

    @property
    def frame(self) -> PortFrame:
        """The port's readings."""
        return self.view.now

    @property
    def flow(self) -> Throughput:
        """What the port carries."""
        return self.view.throughput

    def temperature(self, name: str) -> Temperature | None:
        """The sensor `asic` or `module`."""
        return next((t for t in self.frame.now.temperatures if t.name == name), None)


def port_row(
    frame: Frame, port: PortId, bits: bool = True, heat: HeatWatch | None = None
) -> PortRow:
    """Everything that the row of a port shows."""
    view = port_view(frame, port)
    adapter = view.adapter
    numa = adapter.functions[0].numa_node if adapter and adapter.functions else None
    return PortRow(view, numa, bits, severe_since_start(view.now), heat)


class Column(NamedTuple):
    """A column: `render` gives a line of exactly `width` columns.

    Columns of a lower `rank` are there first when the screen is narrow; `grow` is how much wider
    the column may get when there is room. `field` is the row of `analysis.fields`
    that tells the meaning of the column and why a cell is empty.
    """

    title: str
    width: int
    render: Callable[[PortRow, int], Line]
    rank: int
    field: str
    words: str = ""
    """Meaning, where it is another than the field's."""
    right: bool = True
    grow: int = 0

    @property
    def help(self) -> str:
        """The column's meaning in a few words."""
        return self.words or meaning(self.field)


_STATE_MARK = {
    LinkState.UP: ("●", Role.GOOD),
    LinkState.DOWN: ("○", Role.CRITICAL),
    LinkState.ADMIN_DOWN: ("○", Role.DIM),
    LinkState.NO_MODULE: ("○", Role.DIM),
    LinkState.DISABLED: ("○", Role.DIM),
    LinkState.INIT: ("◌", Role.WARNING),
    LinkState.ARMED: ("◌", Role.WARNING),
    LinkState.POLLING: ("◌", Role.WARNING),
}


_LAYER = {LinkLayer.INFINIBAND: " IB", LinkLayer.ETHERNET: " Eth", None: ""}


def link_runs(state: LinkState) -> Line:
    """The state of a link with its mark; the word says what the colour says."""
    mark, role = _STATE_MARK.get(state, ("✗", Role.CRITICAL))
    return ((f"{mark} {state}", role),)


def _name(row: PortRow, columns: int) -> Line:
    port = row.frame.now.port
    return ((fit(port.name, columns), Role.STRONG),)


def _link(row: PortRow, columns: int) -> Line:
    link = row.frame.now.link
    if link.state is LinkState.UP:
        mark, role = _STATE_MARK[LinkState.UP]
        layer = _LAYER[link.layer]
        speed = "up" if link.speed is None else units.speed(link.speed)
        text = fit(f" {speed}{layer}", columns - 2)
        return ((mark, role), (text, Role.TEXT), ("!" if row.errors[1] else " ", Role.CRITICAL))
    return crop(link_runs(link.state), columns)


def _cell(text: str, columns: int, role: Role, value: object) -> Line:
    return ((fit(text, columns, right=True), Role.FAINT if value is None else role),)


def _rate(value: Callable[[PortRow], float | None], role: Role) -> Callable[[PortRow, int], Line]:
    def render(row: PortRow, columns: int) -> Line:
        rate = value(row)
        return _cell(units.rate(rate, row.bits), columns, role if rate else Role.DIM, rate)

    return render


def _packets(value: Callable[[PortRow], float | None]) -> Callable[[PortRow, int], Line]:
    def render(row: PortRow, columns: int) -> Line:
        rate = value(row)
        role = Role.TEXT if rate else Role.DIM
        return _cell(units.packets_per_second(rate), columns, role, rate)

    return render


def bar(share: float | None, columns: int, role: Role) -> tuple[Run, ...]:
    """A share of 1 as a bar with half-column steps; blank where the share is unknown.

    >>> bar(0.5, 5, Role.RX)
    (('━━╸', <Role.RX: 'rx'>), ('──', <Role.FAINT: 'faint'>))
    """
    if share is None:
        return ((" " * columns, Role.FAINT),)
    halves = max(0, min(2 * columns, round(share * 2 * columns)))
    if share > 0 and halves == 0:
        halves = 1 if share * 2 * columns >= 0.05 else 0
    filled = "━" * (halves // 2) + "╸" * (halves % 2)
    track = "─" * (columns - len(filled))
    return tuple(run for run in ((filled, role), (track, Role.FAINT)) if run[0])


def _bar(direction: Direction, rank: int) -> Column:
    role = Role.RX if direction is Direction.RX else Role.TX

    def render(row: PortRow, columns: int) -> Line:
        return bar(row.view.share(direction), columns, role)

    return Column("", 8, render, rank, f"{direction}_bps", "of what the port can carry", grow=24)


def temperature_runs(
    sensor: Temperature | None, columns: int, heat: SensorHeat | None = None
) -> Line:
    """Degrees with a mark: `↑` on the way to a limit, `▲` warning, `!` alarm, `?` old.

    Without `heat`, where nobody follows the sensor, its own limits decide.
    """
    if sensor is None or sensor.celsius is None:
        return ((fit(units.NONE + " ", columns, right=True), Role.FAINT),)
    mark, role = " ", Role.TEXT
    if heat is not None:
        mark, role = STATES[heat.alarm.state]
    elif sensor.stale:
        mark, role = "?", Role.DIM
    elif sensor.critical is not None and sensor.celsius >= sensor.critical:
        mark, role = "!", Role.CRITICAL
    elif sensor.warning is not None and sensor.celsius >= sensor.warning:
        mark, role = "▲", Role.WARNING
    return ((fit(units.celsius(sensor.celsius) + mark, columns, right=True), role),)


def _temperature(name: str) -> Callable[[PortRow, int], Line]:
    def render(row: PortRow, columns: int) -> Line:
        heat = row.heat.of(row.frame.now.port.id, name) if row.heat else None
        return temperature_runs(row.temperature(name), columns, heat)

    return render


def _errors(row: PortRow, columns: int) -> Line:
    events, moving = row.errors
    if events is None:
        return ((fit(units.NONE + " ", columns, right=True), Role.FAINT),)
    text = units.count(events) if events < 10_000 else units.short(events).replace(" ", "")
    role = Role.CRITICAL if moving else Role.WARNING if events else Role.DIM
    return ((fit(text + ("!" if moving else " "), columns, right=True), role),)


def _text(value: Callable[[PortRow], object], role: Role = Role.DIM) -> Callable[..., Line]:
    def render(row: PortRow, columns: int) -> Line:
        found = value(row)
        text = units.NONE if found is None else str(found)
        return ((fit(text, columns), Role.FAINT if found is None else role),)

    return render


def _number(value: Callable[[PortRow], int | None]) -> Callable[[PortRow, int], Line]:
    def render(row: PortRow, columns: int) -> Line:
        found = value(row)
        return _cell(units.NONE if found is None else str(found), columns, Role.DIM, found)

    return render


def _kind(row: PortRow) -> str:
    port = row.frame.now.port
    if port.kind is PortKind.PHYSICAL:
        return str(port.id)
    return f"{port.devtype or port.kind}"


NAME_WIDTH = 7
LONGEST_NAME = 22


def _rates(title: str, name: str, role: Role, rank: int) -> Column:
    """Return a column of a rate that a field of the port tells, bit/s."""
    get = attrgetter(f"flow.{name}")
    return Column(title, 9, _rate(get, role), rank, name)


def _packet_rates(title: str, name: str, rank: int) -> Column:
    return Column(title, 9, _packets(attrgetter(f"flow.{name}")), rank, name)


COLUMNS = (
    Column("PORT", NAME_WIDTH, _name, 0, "netdev", "network or RDMA device", right=False),
    Column(
        "LINK", 12, _link, 4, "speed_mbps", "state, speed, layer; ! while errors go on", right=False
    ),
    _rates("RX", "rx_bps", Role.RX, 1),
    _bar(Direction.RX, 6),
    _rates("TX", "tx_bps", Role.TX, 2),
    _bar(Direction.TX, 7),
    _rates("RDMA RX", "rdma_rx_bps", Role.RX, 12),
    _rates("RDMA TX", "rdma_tx_bps", Role.TX, 13),
    _packet_rates("RX PKT", "rx_pps", 16),
    _packet_rates("TX PKT", "tx_pps", 17),
    Column("MODULE", 7, _temperature("module"), 3, "module_c"),
    Column("ASIC", 7, _temperature("asic"), 9, "asic_c"),
    Column("ERRORS", 7, _errors, 8, "errors", "errors since start; ! while they go on"),
    Column("MTU", 5, _number(lambda r: r.frame.now.link.mtu), 18, "mtu"),
    Column("RDMA DEV", 10, _text(lambda r: r.frame.now.port.rdma), 14, "rdma", right=False),
    Column("NODE", 4, _number(lambda r: r.numa), 19, "numa_node"),
    Column("DEVICE", 14, _text(_kind), 15, "id", right=False),
)
"""In the order in which they stand."""


def name_width(names: Iterable[str]) -> int:
    """Width of the first column for these names."""
    longest = max((len(name) for name in names), default=0)
    return min(LONGEST_NAME, max(NAME_WIDTH, longest))


@lru_cache(maxsize=64)
def layout(columns: int, names: int = NAME_WIDTH) -> tuple[Column, ...]:
    """The columns that fit beside names of that width, the bars widened by what is left."""
    names = max(NAME_WIDTH, min(names, columns - INDENT - GAP - units.RATE_WIDTH))
    left = columns - INDENT + GAP - (names - NAME_WIDTH)
    chosen: set[int] = set()
    for position in sorted(range(len(COLUMNS)), key=lambda index: COLUMNS[index].rank):
        column = COLUMNS[position]
        need = column.width + _gap(column)
        if need > left and chosen:
            break
        chosen.add(position)
        left -= need
    fitting = [COLUMNS[position] for position in sorted(chosen)]
    fitting[0] = fitting[0]._replace(width=names)
    return _widened(fitting, left)


def _widened(chosen: list[Column], left: int) -> tuple[Column, ...]:
    """Hand the columns that are left out evenly to those that may grow, in turns."""
    extra = dict.fromkeys(range(len(chosen)), 0)
    while left > 0:
        growing = [i for i, column in enumerate(chosen) if extra[i] < column.grow]
        bars = sum(1 for i in growing if not chosen[i].title)
        if not growing or left < bars:
            break
        for position in growing:
            if left > 0:
                extra[position] += 1
                left -= 1
    return tuple(
        column._replace(width=column.width + extra[index]) for index, column in enumerate(chosen)
    )


def _gap(column: Column) -> int:
    """Blanks before a column; a bar stands close to its number."""
    return GAP if column.title else 1


def heading(columns: tuple[Column, ...]) -> Line:
    """The titles."""
    parts = [" " * INDENT]
    for index, column in enumerate(columns):
        parts.append(" " * (_gap(column) if index else 0))
        pad = column.title + " " if column.render in _MARKED else column.title
        parts.append(fit(pad, column.width, right=column.right))
    return (("".join(parts), Role.HEAD),)


_MARKED = {column.render for column in COLUMNS if column.title in ("MODULE", "ASIC", "ERRORS")}
"""Columns whose last place is kept for a mark."""


def port_line(columns: tuple[Column, ...], row: PortRow) -> Line:
    """The cells of a port; blanks belong to the run after them."""
    runs: list[Run] = []
    for index, column in enumerate(columns):
        blanks = " " * (_gap(column) if index else INDENT)
        cell = column.render(row, column.width)
        runs.append((blanks + cell[0][0], cell[0][1]))
        runs.extend(cell[1:])
    return tuple(runs)


def span(columns: tuple[Column, ...], position: int) -> tuple[int, int]:
    """First column and width of a cell on the screen."""
    start = INDENT
    for index, column in enumerate(columns):
        start += _gap(column) if index else 0
        if index == position:
            return start, column.width
        start += column.width
    return start, 0
