"""Who holds objects of RDMA devices: a table that can be sorted, and each device's totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mlxtop.model.rdma_objects import UNNAMED, RdmaHolder, RdmaObjects
from mlxtop.model.sample import UNREAD, Slow
from mlxtop.present import units
from mlxtop.present.text import Line, Role, Run, Section, clean, fit, fit_name, row, width, wrap
from mlxtop.present.view import HolderOrder, View, prose

KINDS = {
    "qp": "QPs",
    "cq": "CQs",
    "mr": "MRs",
    "pd": "PDs",
    "ctx": "contexts",
    "cm_id": "CM ids",
    "srq": "SRQs",
}
"""Kinds of objects in words."""
_OLD_S = 15.0
"""Age from which a reading is old: it is read every five seconds."""
_NEAR = 0.9
"""Share of a limit from which it is marked."""
_ENDED, _ELSEWHERE = "maker has ended", "other namespace"
_IN_NAMESPACE = (
    "Read in a PID namespace (a container): processes outside of it have no names here, and older"
    " kernels leave them out."
)
EXCLUSIVE = (
    "RDMA devices of other network namespaces are not seen here (rdma system: netns exclusive)."
)
_NAMELESS = (
    "Processes without a name have ended, or /proc hides those of other users; captures leave them"
    " out."
)
_PEERS = (
    "Peers are known of connections made with CM ids only; NCCL and others make theirs without."
)
_BYTES = (
    "Bytes by process: no counter is bound to QPs. Root can have those counted that are made from"
    " then on: rdma statistic qp set link {}/1 auto pid on; with bytes where the driver has"
    " rdma_rx_bytes and rdma_tx_bytes."
)
Limits = Mapping[str, Slow[Mapping[str, int]]]
Value = float | str | None


class Column(NamedTuple):
    """A column of the table: its name, its columns, what it shows and what it is sorted by."""

    id: str
    title: str
    width: int
    text: Callable[[RdmaHolder, float], str]
    value: Callable[[RdmaHolder], Value]


def unnamed(objects: RdmaObjects) -> str:
    """Return what holders are that have no name."""
    named = {True: _ENDED, False: _ELSEWHERE, None: UNNAMED}
    return named[objects.first_pid_namespace]


def _count(number: int) -> str:
    return _short(number) if number >= 10_000 else str(number)


def _short(number: int) -> str:
    return units.short(number).replace(" ", "")


COLUMNS = (
    Column("device", "device", 10, lambda one, _: one.device, lambda one: one.device),
    Column("name", "process", 19, lambda one, _: one.name, lambda one: one.name.lower()),
    Column("pid", "pid", 7, lambda one, _: str(one.pid or units.NONE), lambda one: one.pid),
    Column("user", "user", 8, lambda one, _: one.user or units.NONE, lambda one: one.user),
    Column("qps", "QPs", 6, lambda one, _: _count(one.qp_count), lambda one: one.qp_count),
    Column("failed", "err", 5, lambda one, _: _count(one.failed), lambda one: one.failed),
    Column("mrs", "MRs", 6, lambda one, _: _count(one.mrs), lambda one: one.mrs),
    Column(
        *("memory", "memory", 8),
        lambda one, _: units.size(one.mr_bytes).strip(),
        lambda one: one.mr_bytes,
    ),
    Column(
        *("since", "for", 7),
        lambda one, wall: units.NONE if one.since is None else units.span(wall - one.since),
        lambda one: None if one.since is None else -one.since,
    ),
)
BY_ID = {column.id: column for column in COLUMNS}
ON_PAGE = COLUMNS[1:]
NARROW = tuple(column for column in ON_PAGE if column.id not in ("user", "mrs"))
"""In a narrow box; what it lacks is said below each holder."""
_WHOLE = 74
"""Columns from which all of a page's columns fit."""
_WIDE = 80
"""Columns from which all of the command line's fit."""


def turned(order: HolderOrder, steps: int) -> HolderOrder:
    """Return the order by a column further to the right, or to the left."""
    names = [column.id for column in ON_PAGE]
    place = names.index(order.by) if order.by in names else 0
    return HolderOrder(names[(place + steps) % len(names)])


def ranked(holders: Iterable[RdmaHolder], order: HolderOrder) -> list[RdmaHolder]:
    """Return holders in an order: the most, or the first name, first; the unknown last."""
    column = BY_ID[order.by]
    known = [one for one in holders if column.value(one) is not None]
    unknown = [one for one in holders if column.value(one) is None]
    is_text = any(isinstance(column.value(one), str) for one in known)

    def value(one: RdmaHolder) -> tuple[bool, float, str]:
        it = column.value(one)
        return (True, 0.0, it) if isinstance(it, str) else (False, it or 0.0, "")

    known.sort(key=value, reverse=order.reverse is not (not is_text))
    return known + unknown


def table(
    objects: RdmaObjects,
    holders: Sequence[RdmaHolder],
    wall: float,
    columns: int,
    order: HolderOrder,
    *,
    shown: Sequence[Column] = ON_PAGE,
) -> list[Line]:
    """Return the rows of holders, each with what it does below; `wall`: epoch seconds of now."""
    widths = {column.id: column.width for column in shown if column.id != "name"}
    if "device" in widths:
        widths["device"] = _device_width((one.device for one in holders), columns)
    widths["name"] = max(10, min(30, columns - sum(widths.values()) - len(shown)))
    heads: list[Run] = []
    for column in shown:
        mark = ("▴" if order.reverse else "▼") if column.id == order.by else ""
        text = _cell(f"{column.title}{mark}", widths[column.id], column)
        heads.append((text, Role.ACCENT if mark else Role.HEAD))
    lines: list[Line] = [tuple(heads)]
    for one in ranked(holders, order):
        role = Role.DIM if one.is_unnamed else Role.TEXT
        cells = []
        for column in shown:
            text = column.text(one, wall)
            if column.id == "name" and one.is_unnamed:
                text = unnamed(objects)
            bad = column.id == "failed" and one.failed
            cells.append((_cell(text, widths[column.id], column), Role.WARNING if bad else role))
        lines.append(tuple(cells))
        text = details(one, whole=BY_ID["user"] in shown)
        lines += [((line, Role.DIM),) for line in wrap(text, columns, "  ")]
    return lines


def _device_width(names: Iterable[str], columns: int) -> int:
    """Return the columns of devices: names such as rocep65s0f0 differ at their ends."""
    least, longest = BY_ID["device"].width, max(map(width, names), default=0)
    most = least if columns < _WIDE else 14 if columns < 100 else 24
    return max(least, min(longest, most))


def _cell(text: str, columns: int, column: Column) -> str:
    if column.id == "device":
        return fit_name(text, columns) + " "
    right = column.id not in ("device", "name", "user")
    return fit(clean(text), columns, right=right) + " "


def details(holder: RdmaHolder, *, whole: bool = True) -> str:
    """Return service, QPs by type and state, peers and traffic in a line; may be empty.

    Where not the `whole` table is shown, user and memory regions too.
    """
    parts = [holder.service or ""] if whole else [holder.user or "", holder.service or ""]
    for one in holder.qps:
        parts.append(f"{_count(one.number)} {one.type} {one.state}")
    if holder.mrs and not whole:
        parts.append(f"{_count(holder.mrs)} MRs")
    if holder.peers:
        known = [f"{peer.address} ({_count(peer.connections)})" for peer in holder.peers[:3]]
        more = len(holder.peers) - 3 + holder.more_peers
        parts.append(f"with {', '.join(known)}{f' and {more} more' if more > 0 else ''}")
    if holder.listening:
        parts.append("listens")
    for word, amount in (("received", holder.rx_bytes), ("sent", holder.tx_bytes)):
        if amount is not None:
            parts.append(f"{word} {units.size(amount).strip()}")
    return " · ".join(part for part in parts if part)


def totals(objects: RdmaObjects, limits: Limits, device: str) -> list[Line]:
    """Return how many objects of each kind a device has, and could have."""
    held = objects.held.get(device, {})
    most = (limits.get(device) or Slow()).value or {}
    lines: list[Line] = []
    for kind, title in KINDS.items():
        if kind not in held:
            continue
        text, role = f"{held[kind]:>12,}", Role.TEXT
        if limit := most.get(kind):
            share = held[kind] / limit
            text += f" of {limit:>12,}  {units.percent(share)}"
            role = Role.WARNING if share >= _NEAR else Role.TEXT
        lines.append(((fit(title, 10), Role.DIM), (text, role)))
    return lines


def sections(view: View) -> Iterator[Section]:
    """Yield the boxes of page 5: who uses the port's device, and the device's totals."""
    sample, port = view.frame.sample, view.now.now.port
    fact, device = sample.rdma_objects, port.rdma or ""
    objects = fact.value
    if objects is None:
        reason = fact.absent or "being read"
        if fact == UNREAD:
            reason = "not read yet: it is asked for only while somebody wants it"
        yield Section("Processes", tuple(prose(f"{units.NONE}  {reason}", view.columns)))
        return
    holders = [one for one in objects.of(device, port.rdma_port) if not one.is_own]
    lines: list[Line] = []
    if holders:
        shown = ON_PAGE if view.columns >= _WHOLE else NARROW
        lines += table(objects, holders, sample.wall, view.columns, view.holders_by, shown=shown)
    else:
        nobody = f"No process holds anything of {device}, and no kernel module but its own."
        lines += prose(nobody, view.columns)
    told = notes(objects, holders, (device,))
    lines += [(), *(line for text in told for line in prose(text, view.columns))] if told else []
    seconds = sample.tick - (fact.tick or sample.tick)
    how_old = f" · read {units.duration(round(seconds))} ago" if seconds >= _OLD_S else ""
    by = BY_ID[view.holders_by.by].title
    yield Section(f"Processes by {by} · < > sort, r reverse{how_old}", tuple(lines))
    limits = sample.rdma_limits.get(device, Slow())
    numbers = totals(objects, sample.rdma_limits, device)
    if limits.value is None and limits.absent and numbers:
        numbers += prose(f"at most: {limits.absent}", view.columns)
    if numbers:
        yield Section(f"Objects of {device}", tuple(numbers))


def notes(objects: RdmaObjects, holders: Sequence[RdmaHolder], devices: Sequence[str]) -> list[str]:
    """Return what should be known about a table: what is hidden, left out or not counted."""
    told = []
    for key, reason in objects.absent.items():
        name, _, kind = key.partition(" ")
        if name in devices and kind in ("", *KINDS):
            told.append(f"{KINDS.get(kind, 'objects')} of {name} may be missing: {reason}")
    if objects.left_out:
        told.append(f"{objects.left_out} more hold few objects and are not shown.")
    if objects.first_pid_namespace is False:
        told.append(_IN_NAMESPACE)
    if objects.shared is False:
        told.append(EXCLUSIVE)
    if any(one.pid is not None and one.comm is None for one in holders):
        told.append(_NAMELESS)
    working = [one for one in holders if one.work]
    if any(one.connected and not one.peers for one in working):
        told.append(_PEERS)
    if working and not any(one.rx_bytes is not None or one.tx_bytes is not None for one in working):
        told.append(_BYTES.format(devices[0] if len(devices) == 1 else "DEVICE"))
    return told


def lines(
    objects: RdmaObjects, limits: Limits, wall: float, columns: int, order: HolderOrder
) -> list[Line]:
    """Return all holders of all devices and the totals, for the command line."""
    holders = [one for one in objects.holders if not one.is_own]
    devices = [*objects.held, *(key for key in objects.absent if " " not in key)]
    result: list[Line] = []
    if holders:
        shown = COLUMNS if columns >= _WIDE else (BY_ID["device"], *NARROW)
        result += table(objects, holders, wall, columns, order, shown=shown)
    else:
        nobody = "No process holds RDMA objects, and no kernel module but those of the devices."
        result.append(((nobody, Role.TEXT),))
    if objects.held:
        result += [(), *_all_totals(objects, limits, columns)]
    told = notes(objects, holders, devices)
    reasons = {fact.absent for fact in limits.values() if fact.absent}
    told += [f"Limits of devices: {reason}" for reason in sorted(reasons)]
    if told:
        result.append(())
    return result + [((line, Role.DIM),) for text in told for line in wrap(text, columns)]


def _all_totals(objects: RdmaObjects, limits: Limits, columns: int) -> list[Line]:
    """Return a row for each device with the number of its objects, and what it can have.

    Where a row does not fit, it is a paragraph.
    """
    heads: list[Run] = [("held/most", Role.HEAD), *((t, Role.HEAD) for t in KINDS.values())]
    rows = [_totals_row(objects, limits, device) for device in objects.held]
    widths = [
        max(width(one[place][0]) for one in (heads, *rows)) + 2 for place in range(len(heads))
    ]
    if sum(widths) <= columns:
        return [row(widths, cells) for cells in (heads, *rows)]
    lines: list[Line] = [(heads[0],)]
    for (device, _), *cells in rows:
        near = any(role is Role.WARNING for _, role in cells)
        text = ", ".join(f"{told} {t}" for t, (told, _) in zip(KINDS.values(), cells, strict=True))
        role = Role.WARNING if near else Role.TEXT
        lines += [((line, role),) for line in wrap(f"{device}: {text}", columns)]
    return lines


def _totals_row(objects: RdmaObjects, limits: Limits, device: str) -> list[Run]:
    held, most = objects.held[device], (limits.get(device) or Slow()).value or {}
    cells: list[Run] = [(clean(device), Role.TEXT)]
    for kind in KINDS:
        text = _count(held[kind]) if kind in held else units.NONE
        limit = most.get(kind)
        text += f"/{_short(limit)}" if limit else ""
        near = bool(limit) and held.get(kind, 0) >= _NEAR * (limit or 0)
        cells.append((text, Role.WARNING if near else Role.TEXT))
    return cells
