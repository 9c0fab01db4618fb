"""The columns of the overview, live and of `--once`: chosen by width, or by the person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from mlxtop.analysis.fields import MEANING
from mlxtop.model.identity import natural
from mlxtop.model.pcie import Direction
from mlxtop.model.sample import LinkState
from mlxtop.present import cells, units
from mlxtop.present.cells import PortRow, Render
from mlxtop.present.text import EMPTY, Line, Role, Run, fit

INDENT = 2
"""Columns before the first, where the cursor's mark stands."""
GAP = 2
NAME_WIDTH = 7
LONGEST_NAME = 22
_LEAST_NAME = 5
"""Columns of names on the narrowest screens, so that a rate stands beside them."""
NARROW = 10
"""Ranks up to this one may follow after a column that did not fit."""
ASKED = 100
"""Rank of columns that are there only when somebody has chosen them."""
_SHORT_LINK = 8
"""Columns of a link without its layer, where the screen is narrow."""
_MINUTE = 24
"""Columns that each curve shall have before columns beyond `NARROW` come."""

Value = float | str | None


class Column(NamedTuple):
    """A column: `render` gives a line of exactly `width` columns.

    Columns of a lower `rank` are there first when the screen is narrow, those of one rank together
    or not at all; `grow` is how much wider the column may get when there is room. `field` is the
    row of `analysis.fields` that tells the meaning of the column and why a cell is empty.
    """

    id: str
    """Its name in the settings file."""
    title: str
    width: int
    render: Render
    rank: int
    field: str
    value: Callable[[PortRow], Value] | None = None
    """What ports are sorted by; None where that means nothing."""
    tolerance: tuple[float, float] = (0.0, 0.0)
    """Relative and absolute difference that counts as none, so that noise moves no row."""
    words: str = ""
    """Meaning, where it is another than the field's."""
    names: bool = False
    """It holds words: they stand at the left, and are sorted from A to Z."""
    left: bool = False
    """Its numbers stand at the left all the same."""
    grow: int = 0
    marked: bool = False
    """The last place of a cell is kept for a mark."""

    @property
    def help(self) -> str:
        return self.words or MEANING[self.field]

    @property
    def gap(self) -> int:
        """Return the blanks before the column; a picture stands close to its number."""
        return 1 if self.grow else GAP


def _link_and_errors(row: PortRow, columns: int) -> Line:
    """Return the link with `!` after errors, where these have no column of their own."""
    events, moving = row.errors
    if not events or row.now.link.state is not LinkState.UP:
        return cells.link(row, columns)
    short = row._replace(now=row.now._replace(link=row.now.link._replace(layer=None)))
    mark = (" !", Role.CRITICAL if moving else Role.WARNING)
    return (*cells.link(short, columns - 2), mark)


def _rdma_device(row: PortRow) -> str | None:
    """Return the RDMA device, with its port's number where that is not the port's own."""
    port = row.now.port
    other = port.rdma is not None and port.rdma_port not in (None, 1, port.id.number)
    return f"{port.rdma}/{port.rdma_port}" if other else port.rdma


_RX_OR_STATE = cells.rate_or_state("rx_bps", Role.RX)
NOISE = (0.05, 1e5)
"""Ports with the same traffic differ by some percent from one sample to the next, and idle ones by
a few packets."""
DEGREE = (0.0, 1.0)


def _rates(id: str, title: str, field: str, role: Role, rank: int) -> Column:
    render, value = cells.rate(field, role), attrgetter(f"flow.{field}")
    return Column(id, title, 9, render, rank, field, value, NOISE)


def _curve(direction: Direction, rank: int) -> Column:
    id, field = f"{direction}-curve", f"{direction}_bps"
    words = "the last minute, on one scale for all ports"
    return Column(id, "", 4, cells.curve(direction), rank, field, words=words, grow=56)


def _sensor(id: str, rank: int) -> Column:
    render, value = cells.temperature(id), cells.celsius(id)
    return Column(id, id.upper(), 7, render, rank, f"{id}_c", value, DEGREE, marked=True)


def _facts(
    title: str, width: int, rank: int, field: str, value: Callable[[PortRow], object]
) -> Column:
    numbers = field in ("mtu", "numa_node")

    def sorts(row: PortRow) -> Value:
        content = value(row)
        return content if content is None or numbers else str(content)  # type: ignore[return-value]

    render = cells.text(value, right=numbers)
    id = title.lower()
    return Column(id, title, width, render, rank, field, sorts, names=not numbers)


COLUMNS = (
    Column(
        "port", "PORT", NAME_WIDTH, cells.name, 0, "netdev",
        lambda row: row.now.port.name, words="network or RDMA device", names=True,
    ),
    Column(
        "link", "LINK", 10, cells.link, 4, "speed_mbps", lambda row: row.now.link.speed,
        words="state, speed, layer; ↕2: it went down twice", left=True,
    ),
    _rates("rx", "RX", "rx_bps", Role.RX, 1),
    _curve(Direction.RX, 6),
    _rates("tx", "TX", "tx_bps", Role.TX, 2),
    _curve(Direction.TX, 6),
    Column(
        "rdma", "RDMA", 5, cells.rdma, 12, "rdma_rx_bps", cells.rdma_share, (0.0, 0.02),
        words="share of the traffic that bypasses the kernel",
    ),
    _rates("rdma-rx", "RDMA RX", "rdma_rx_bps", Role.RX, ASKED),
    _rates("rdma-tx", "RDMA TX", "rdma_tx_bps", Role.TX, ASKED),
    _rates("rx-packets", "RX PKT", "rx_pps", Role.TEXT, 16),
    _rates("tx-packets", "TX PKT", "tx_pps", Role.TEXT, 16),
    _sensor("module", 3),
    _sensor("asic", 9),
    Column(
        "heat", "HEAT", 1, cells.thermometer, 7, "module_c", cells.over_limit, DEGREE,
        words="the sensor nearest to its own limit: full at its alarm", left=True, grow=11,
    ),
    Column(
        "errors", "ERRORS", 6, cells.errors, 5, "errors", lambda row: row.errors[0],
        words="errors since start; ! while they go on", marked=True,
    ),
    Column(
        "flaps", "FLAPS", 5, cells.flaps, 8, "carrier_changes", lambda row: row.flaps,
        words="times the link went down since the start",
    ),
    _facts("MTU", 5, 18, "mtu", lambda row: row.now.link.mtu),
    _facts("RDMA DEV", 10, 14, "rdma", _rdma_device),
    Column(
        "neighbour", "NEIGHBOUR", 22, cells.text(cells.neighbour), ASKED, "neighbours",
        cells.neighbour, words="who is at the other end, by LLDP: device and port", names=True,
    ),
    _facts("NODE", 4, 19, "numa_node", lambda row: row.numa),
    _facts("DEVICE", 14, 15, "id", cells.device),
    _facts("CARD", 14, 17, "family", lambda row: row.view.adapter and row.view.adapter.family
    ),
)  # fmt: skip
"""In the order in which they stand."""
BY_ID = {column.id: column for column in COLUMNS}
CHOOSABLE = tuple(column for column in COLUMNS if column.id != "port")
"""Columns that can be left out."""


@lru_cache(maxsize=64)
def layout(
    columns: int, names: int = NAME_WIDTH, chosen: tuple[str, ...] = ()
) -> tuple[Column, ...]:
    """Return the columns that fit beside names of that width, widened by what is left.

    `chosen`: the only columns that may be there; empty for those of the width.
    """
    most = columns - INDENT - GAP - units.RATE_WIDTH
    shortest = max(_LEAST_NAME, min(LONGEST_NAME, max(NAME_WIDTH, names), most))
    left = columns - INDENT - shortest
    fitting: dict[str, int] = {}
    candidates = [c for c in CHOOSABLE if (c.id in chosen if chosen else c.rank < ASKED)]
    by_rank = sorted(candidates, key=lambda column: column.rank)
    pictures = sum(_MINUTE for column in candidates if column.id.endswith("-curve"))
    for rank, group in groupby(by_rank, key=lambda column: column.rank):
        together = list(group)
        widths = {column.id: column.width for column in together}
        need = sum(column.width + column.gap for column in together)
        if "link" in widths and not chosen and _SHORT_LINK + GAP <= left < need:
            need, widths["link"] = left, left - GAP
        if need <= left - (0 if chosen or rank <= NARROW else pictures):
            fitting |= widths
            left -= need
        elif not chosen and rank > NARROW:
            break
    longer = max(0, min(left, names - shortest))
    fitting[COLUMNS[0].id] = shortest + longer
    shown = tuple(c._replace(width=fitting[c.id]) for c in COLUMNS if c.id in fitting)
    if "link" not in fitting:
        shown = tuple(c._replace(render=_RX_OR_STATE) if c.id == "rx" else c for c in shown)
    if "errors" not in fitting:
        words = "state, speed; ! after errors since the start"
        shown = tuple(
            c._replace(render=_link_and_errors, words=words) if c.id == "link" else c for c in shown
        )
    return _grown(shown, left - longer)


def _grown(shown: tuple[Column, ...], left: int) -> tuple[Column, ...]:
    """Return the columns with pictures as wide as the room allows, those of one kind alike."""
    growing = sorted((c for c in shown if c.grow), key=lambda column: column.grow)
    wider: dict[str, int] = {}
    for place, column in enumerate(growing):
        share = wider.get(growing[place - 1].id, 0)
        if place == 0 or column.grow != growing[place - 1].grow:
            share = min(column.grow, max(0, left) // (len(growing) - place))
        if column.width + share < cells.LEAST_BAR:
            share = 0
        wider[column.id] = share
        left -= share
    return tuple(column._replace(width=column.width + wider.get(column.id, 0)) for column in shown)


def _title(column: Column, note: str) -> str:
    """Return the title with a note, whose mark takes the place of the last letter if need be."""
    title = column.title if len(column.title) <= column.width else ""
    if len(title) + len(note) <= column.width:
        title += note or (" " if column.marked and len(title) < column.width else "")
    elif title and len(note) == 1:
        title = title[: column.width - 1] + note
    return fit(title, column.width, right=not (column.names or column.left) and bool(column.title))


def heading(
    columns: tuple[Column, ...],
    notes: Mapping[str, str] | None = None,
    explained: int | None = None,
) -> Line:
    """Return the titles; `notes` are more words by column, the `explained` title stands out."""
    runs: list[Run] = []
    for index, column in enumerate(columns):
        blanks = " " * (column.gap if index else INDENT)
        text = _title(column, (notes or {}).get(column.id, ""))
        role = Role.ACCENT if index == explained else Role.HEAD
        if runs and runs[-1][1] is role:
            runs[-1] = (runs[-1][0] + blanks + text, role)
        else:
            runs.append((blanks + text, role))
    return tuple(runs)


def port_line(columns: tuple[Column, ...], row: PortRow, explained: int | None = None) -> Line:
    """Return the cells of a port; blanks belong to the run after them, `‹›` to the explained."""
    runs: list[Run] = []
    for index, column in enumerate(columns):
        blanks = " " * (column.gap if index else INDENT)
        if explained is not None and explained in (index, index - 1):
            mark = "‹" if index == explained else "›"
            runs.append((blanks[:-1] + mark if index == explained else mark, Role.ACCENT))
            blanks = "" if index == explained else blanks[1:]
        cell = column.render(row, column.width) or EMPTY
        runs.append((blanks + cell[0][0], cell[0][1]))
        runs.extend(cell[1:])
    if explained == len(columns) - 1:
        runs.append(("›", Role.ACCENT))
    return tuple(runs)


def span(columns: Sequence[Column], position: int) -> tuple[int, int]:
    """Return the first column and the width of a cell on the screen."""
    start = INDENT
    for index, column in enumerate(columns):
        start += column.gap if index else 0
        if index == position:
            return start, column.width
        start += column.width
    return start, 0


def sort_key(value: Value) -> tuple[int, object]:
    """Return what values of a column are compared by; numbers among numbers in texts."""
    return (1, natural(value)) if isinstance(value, str) else (0, value)
