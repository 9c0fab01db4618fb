"""The columns of the overview, live and of `--once`: chosen by the width of the screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from mlxtop.analysis.faults import severe_since_boot, severe_since_start
from mlxtop.analysis.fields import MEANING
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.throughput import Throughput
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.pcie import Direction
from mlxtop.model.sample import LinkLayer, LinkState, PortSample
from mlxtop.present import units
from mlxtop.present.heat import degrees
from mlxtop.present.text import Line, Role, Run, crop, fit
from mlxtop.present.view import bar, link_mark, link_run
from mlxtop.watch.heat import HeatStates

INDENT = 2
"""Columns before the first, where the cursor's mark stands."""
GAP = 2


class PortRow(NamedTuple):
    """Everything that the cells of one port show."""

    view: PortView
    now: PortSample
    flow: Throughput
    numa: int | None
    bits: bool
    errors: tuple[int | None, bool]
    """Severe events since the start or the boot, and whether any goes on now."""
    heat: HeatStates | None = None


def port_row(
    frame: Frame,
    port: PortId,
    bits: bool = True,
    heat: HeatStates | None = None,
    since_boot: bool = False,
) -> PortRow:
    """Return everything that the row of a port shows; errors since the start, or the boot."""
    view = port_view(frame, port)
    adapter, errors = view.adapter, severe_since_start(view.now)
    numa = adapter.functions[0].numa_node if adapter and adapter.functions else None
    if since_boot:
        errors = severe_since_boot(view.now), False
    return PortRow(view, view.now.now, view.throughput, numa, bits, errors, heat)


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
        return self.words or MEANING[self.field]


_LAYER = {LinkLayer.INFINIBAND: " IB", LinkLayer.ETHERNET: " Eth", None: ""}


def _name(row: PortRow, columns: int) -> Line:
    return ((fit(row.now.port.name, columns), Role.STRONG),)


def _link(row: PortRow, columns: int) -> Line:
    link = row.now.link
    if link.state is LinkState.UP:
        mark, role = link_mark(link.state)
        layer = _LAYER[link.layer]
        speed = "up" if link.speed is None else units.speed(link.speed)
        text = fit(f" {speed}{layer}", columns - 2)
        return ((mark, role), (text, Role.TEXT), ("!" if row.errors[1] else " ", Role.CRITICAL))
    return crop((link_run(link.state),), columns)


def _link_and_errors(row: PortRow, columns: int) -> Line:
    """Return the link with the errors since the start, where these have no column of their own."""
    events, moving = row.errors
    if not events:
        return crop(_link(row, columns - _WITH_ERRORS), columns)
    count = next((f"{events // n}{unit}" for n, unit in _THOUSANDS if events >= n), events)
    text = f" !{count}{'!' if moving else ''}"
    role = Role.CRITICAL if moving else Role.WARNING
    room = columns - len(text)
    link = _link(row._replace(errors=(events, False)), room + 1)
    return (*crop(link, room), (text, role))


_THOUSANDS = ((10**9, "G"), (10**6, "M"), (10**3, "k"))
_WITH_ERRORS = 4
"""Columns that the column of the link is wider with errors in it."""
_SHORTER = 2
"""Columns that a bar may lose for that."""


def _bar(direction: Direction, rank: int) -> Column:
    role = Role.RX if direction is Direction.RX else Role.TX

    def render(row: PortRow, columns: int) -> Line:
        return bar(row.view.share(direction), columns, role)

    return Column("", 8, render, rank, f"{direction}_bps", "of what the port can carry", grow=24)


def _temperature(name: str) -> Callable[[PortRow, int], Line]:
    def render(row: PortRow, columns: int) -> Line:
        heat = row.heat.of(row.now.port.id, name) if row.heat else None
        return (degrees(row.now.sensor(name), columns, heat),)

    return render


def _errors(row: PortRow, columns: int) -> Line:
    events, moving = row.errors
    if events is None:
        return ((fit(units.NONE + " ", columns, right=True), Role.FAINT),)
    text = units.count(events) if events < 10_000 else units.short(events).replace(" ", "")
    role = Role.CRITICAL if moving else Role.WARNING if events else Role.DIM
    return ((fit(text + ("!" if moving else " "), columns, right=True), role),)


def _text(value: Callable[[PortRow], object], right: bool = False) -> Callable[..., Line]:
    def render(row: PortRow, columns: int) -> Line:
        content = value(row)
        text = units.NONE if content is None else str(content)
        return ((fit(text, columns, right), Role.FAINT if content is None else Role.DIM),)

    return render


def _kind(row: PortRow) -> object:
    port = row.now.port
    return port.id if port.kind is PortKind.PHYSICAL else port.devtype or port.kind


def _rdma(row: PortRow) -> str | None:
    """Return the RDMA device, with its port's number where that is not the port's own."""
    port = row.now.port
    other = port.rdma is not None and port.rdma_port not in (None, 1, port.id.number)
    return f"{port.rdma}/{port.rdma_port}" if other else port.rdma


NAME_WIDTH = 7
LONGEST_NAME = 22


def _rates(title: str, name: str, role: Role, rank: int) -> Column:
    """Return a column of a rate, in bit/s or packets/s, that a field of the port holds."""
    rate_of = attrgetter(f"flow.{name}")

    def render(row: PortRow, columns: int) -> Line:
        rate = rate_of(row)
        bits = name.endswith("_bps")
        text = units.rate(rate, row.bits) if bits else units.packets_per_second(rate)
        colour = Role.FAINT if rate is None else role if rate else Role.DIM
        return ((fit(text, columns, right=True), colour),)

    return Column(title, 9, render, rank, name)


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
    _rates("RX PKT", "rx_pps", Role.TEXT, 16),
    _rates("TX PKT", "tx_pps", Role.TEXT, 17),
    Column("MODULE", 7, _temperature("module"), 3, "module_c"),
    Column("ASIC", 7, _temperature("asic"), 9, "asic_c"),
    Column("ERRORS", 7, _errors, 8, "errors", "errors since start; ! while they go on"),
    Column("MTU", 5, _text(lambda r: r.now.link.mtu, right=True), 18, "mtu"),
    Column("RDMA DEV", 10, _text(_rdma), 14, "rdma", right=False),
    Column("NODE", 4, _text(lambda r: r.numa, right=True), 19, "numa_node"),
    Column("DEVICE", 14, _text(_kind), 15, "id", right=False),
)
"""In the order in which they stand."""


@lru_cache(maxsize=64)
def layout(columns: int, names: int = NAME_WIDTH) -> tuple[Column, ...]:
    """Return the columns that fit beside names of that width, the bars widened by what is left."""
    names = min(LONGEST_NAME, names, columns - INDENT - GAP - units.RATE_WIDTH)
    names = max(NAME_WIDTH, names)
    left = columns - INDENT + GAP - (names - NAME_WIDTH)
    least = 0
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        need = column.width + _gap(column)
        if need > left and column is not COLUMNS[0]:
            break
        left, least = left - need, column.rank
    fitting = [column for column in COLUMNS if column.rank <= least]
    fitting[0] = fitting[0]._replace(width=names)
    if all(column.title != "ERRORS" for column in fitting):
        fitting, left = _with_errors(fitting, left)
    share = max(0, left) // max(1, sum(column.grow > 0 for column in fitting))
    return tuple(c._replace(width=c.width + min(c.grow, share)) for c in fitting)


def _with_errors(columns: list[Column], left: int) -> tuple[list[Column], int]:
    """Return the columns with errors beside the link, for which bars get shorter, and what is left.

    They stay as they are where there is no room for that.
    """
    bars = sum(column.grow > 0 for column in columns)
    shorter = -(-max(0, _WITH_ERRORS - left) // max(1, bars))
    if shorter > (_SHORTER if bars else 0) or all(column.title != "LINK" for column in columns):
        return columns, left
    words = "state, speed, layer; !756 errors since the start, !756! while they go on"
    return [
        column._replace(width=column.width - shorter)
        if column.grow
        else column._replace(
            width=column.width + _WITH_ERRORS, render=_link_and_errors, words=words
        )
        if column.title == "LINK"
        else column
        for column in columns
    ], left + shorter * bars - _WITH_ERRORS


def _gap(column: Column) -> int:
    """Return the blanks before a column; a bar stands close to its number."""
    return GAP if column.title else 1


def heading(columns: tuple[Column, ...]) -> Line:
    """Return the titles."""
    parts = [" " * INDENT]
    for index, column in enumerate(columns):
        parts.append(" " * (_gap(column) if index else 0))
        pad = column.title + " " if column.render in _MARKED else column.title
        parts.append(fit(pad, column.width, right=column.right))
    return (("".join(parts), Role.HEAD),)


_MARKED = {column.render for column in COLUMNS if column.title in ("MODULE", "ASIC", "ERRORS")}
"""Columns whose last place is kept for a mark."""


def port_line(columns: tuple[Column, ...], row: PortRow) -> Line:
    """Return the cells of a port; blanks belong to the run after them."""
    runs: list[Run] = []
    for index, column in enumerate(columns):
        blanks = " " * (_gap(column) if index else INDENT)
        cell = column.render(row, column.width)
        runs.append((blanks + cell[0][0], cell[0][1]))
        runs.extend(cell[1:])
    return tuple(runs)


def span(columns: tuple[Column, ...], position: int) -> tuple[int, int]:
    """Return the first column and the width of a cell on the screen."""
    start = INDENT
    for index, column in enumerate(columns):
        start += _gap(column) if index else 0
        if index == position:
            return start, column.width
        start += column.width
    return start, 0
