"""Adapters and ports as rows of one table, for screen and `--once`, and the line above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from time import localtime, strftime
from typing import NamedTuple

from mlxtop.model.frame import Frame
from mlxtop.model.identity import Adapter, PortId, PortKind, natural
from mlxtop.model.sample import LinkLayer
from mlxtop.present import units
from mlxtop.present.card_rows import adapter_line, news, news_line
from mlxtop.present.cells import RowContext, port_row
from mlxtop.present.columns import Column, heading, layout, port_line
from mlxtop.present.order import NATURAL, Order, ranked
from mlxtop.present.text import Line, Role, Run, clean, crop, line_width
from mlxtop.present.totals import totals
from mlxtop.present.view import speed_name

OTHER = "Other network devices"
VIRTUAL = "Virtual devices"
_LAYERS = {LinkLayer.INFINIBAND: "infiniband", LinkLayer.ETHERNET: "ethernet", None: ""}
_ROOMY = 100
"""Columns from which the header says in words how much could not be read."""


class Entry(NamedTuple):
    """A row of the table: a port, a card, or a title."""

    port: PortId | None = None
    adapter: Adapter | None = None
    title: str = ""
    below: bool = False
    """The card stands below its ports, since it has news, and not above them."""
    host: str = ""
    """The machine, where there are several; it is the title of the row above all its others."""


def entries(
    frame: Frame,
    pattern: str = "",
    order: Order = NATURAL,
    context: RowContext = RowContext(),  # noqa: B008
    *,
    every_card: bool = False,
) -> list[Entry]:
    """Return the rows in their order; `pattern` keeps ports that match it.

    `every_card` puts each card above its ports; else a card with news stands below them.
    """
    if order.by:
        natural_order = [row.port for row in entries(frame, pattern) if row.port]
        return [Entry(port) for port in ranked(frame, natural_order, order, context)]
    ports = [port for port in frame.ports if matches(frame, port, pattern)]
    rows: list[Entry] = []
    left = set(ports)
    for adapter in sorted(frame.sample.adapters, key=lambda card: natural(card.place)):
        own = sorted(port for port in adapter.ports if port in left)
        left.difference_update(own)
        if own or (not pattern and not adapter.ports):
            rows += _of_card(frame, adapter, own, every_card)
    physical = {p for p in left if frame.ports[p].now.port.kind is not PortKind.VIRTUAL}
    for title, group in ((OTHER, physical), (VIRTUAL, left - physical)):
        if group:
            rows.append(Entry(title=title))
            names = {port: natural(frame.ports[port].now.port.name) for port in group}
            rows.extend(Entry(port) for port in sorted(group, key=names.__getitem__))
    return rows


def _of_card(frame: Frame, adapter: Adapter, ports: list[PortId], every: bool) -> list[Entry]:
    rows = [Entry(port) for port in ports]
    if every or not ports:
        return [Entry(adapter=adapter), *rows]
    return [*rows, Entry(adapter=adapter, below=True)] if any(news(frame, adapter)) else rows


def matches(frame: Frame, port: PortId, pattern: str) -> bool:
    """Return whether a filter keeps a port: all its words hold, those after `!` do not.

    A word is a part of a name, or a glob, or of the link's state, layer or speed.
    """
    words = pattern.lower().split()
    if not words:
        return True
    now = frame.ports[port].now
    one, adapter = now.port, frame.adapter(port)
    names = [one.netdev, one.rdma, one.bond, str(one.id), adapter.family if adapter else None]
    names += [str(now.link.state), _LAYERS[now.link.layer], speed_name(now.link)]
    texts = [name.lower() for name in names if name]
    return all(_holds(texts, word) for word in words)


def _holds(texts: Sequence[str], word: str) -> bool:
    if word.startswith("!"):
        return word == "!" or not _holds(texts, word[1:])
    glob = word if any(c in word for c in "*?[") else f"*{word}*"
    return any(fnmatchcase(text, glob) for text in texts)


def entry_line(
    frame: Frame,
    entry: Entry,
    columns: int,
    shown: tuple[Column, ...],
    context: RowContext = RowContext(),  # noqa: B008
    *,
    explained: int | None = None,
) -> Line:
    """Return a row of the table in exactly `columns` columns."""
    if entry.port is not None:
        row = port_row(frame, entry.port, context)
        return crop(port_line(shown, row, explained), columns)
    if entry.adapter is not None:
        draw: Callable[[Frame, Adapter, int], Line] = news_line if entry.below else adapter_line
        return crop(draw(frame, entry.adapter, columns), columns)
    return crop(((entry.title, Role.ACCENT),), columns)


def overview(
    frame: Frame,
    columns: int,
    bits: bool = True,
    pattern: str = "",
    order: Order = NATURAL,
    *,
    since_boot: bool = False,
) -> list[Line]:
    """Return the whole table with its heading, as `--once` prints it."""
    context = RowContext(bits, since_boot=since_boot)
    rows = entries(frame, pattern, order, context, every_card=True)
    shown = columns_of(frame, rows, columns)
    lines = [crop(heading(shown), columns)]
    return lines + [entry_line(frame, entry, columns, shown, context) for entry in rows]


def columns_of(
    frame: Frame | None, rows: Sequence[Entry], columns: int, chosen: tuple[str, ...] = ()
) -> tuple[Column, ...]:
    """Return the columns that fit, the first as wide as the names of the ports in these rows."""
    ports = [frame.ports[row.port].now.port for row in rows if frame and row.port]
    return layout(columns, max((len(port.name) for port in ports), default=0), chosen)


def header_line(
    frame: Frame | None,
    columns: int,
    *,
    label: str,
    interval: float,
    bits: bool = True,
    badges: tuple[str, ...] = (),
    findings: Run | None = None,
    machine: str = "",
) -> Line:
    """Return name, machine and badges; at the right problems, pace, totals and time.

    The clock stands always at the right end. The kernel's version is there where all else is.
    `machine`: its name among several.
    """
    left: list[Run] = [(" mlxtop ", Role.ACCENT)]
    left.extend((f" {badge} ", Role.BADGE) for badge in badges)
    host = machine or (frame.sample.host.name if frame else label)
    left.append((f"  {clean(host)}", Role.STRONG))
    parts = _right(frame, columns, interval, bits)
    if findings is not None:
        parts.insert(-1, ((f"  {findings[0]}", findings[1]),))
    room = columns - line_width(tuple(left))
    while parts and sum(map(line_width, parts)) + 1 > room:
        parts.pop(0)
    right = tuple(run for part in parts for run in part)
    room -= line_width(right) + 1
    for run in _about_host(frame):
        room -= line_width((run,))
        left += [run] if room >= 0 else []
    return (*crop(tuple(left), columns - line_width(right)), *right)


def _about_host(frame: Frame | None) -> list[Run]:
    """Return the kernel's version and the number of cores."""
    if frame is None:
        return []
    kernel, cpus = frame.sample.host.kernel, frame.sample.host.cpus
    about = (kernel and f"Linux {clean(kernel)}", cpus and f"{cpus} CPUs")
    return [(f"  {text}", Role.DIM) for text in about if text]


def _right(frame: Frame | None, columns: int, interval: float, bits: bool) -> list[Line]:
    """Return the parts at the right, the least important first."""
    pace: Line = ((f"  every {interval:g} s", Role.PACE),)
    if frame is None:
        return [pace]
    rx, tx = totals(frame)
    flows: Line = (
        ("  RX ", Role.RX),
        (units.rate(rx, bits), Role.STRONG),
        ("  TX ", Role.TX),
        (units.rate(tx, bits), Role.STRONG),
    )
    problems = len(frame.sample.problems)
    word = "problem" if problems == 1 else "problems"
    clock = strftime("%H:%M:%S", localtime(frame.sample.wall))
    parts = [pace, flows, ((f"  {clock} ", Role.DIM),)]
    if problems:
        text = f"! {problems} {word}" if columns >= _ROOMY else f"!{problems}"
        parts.insert(2, ((f"  {text}", Role.PROBLEMS),))
    return parts
