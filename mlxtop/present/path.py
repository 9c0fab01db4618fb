"""The ways to peers as lines and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isinf, isnan, log10
from typing import Any

from mlxtop.model.incident import Incident
from mlxtop.model.path import PathStatus, PeerStatus, WayState, WayStatus
from mlxtop.present import units
from mlxtop.present.heat import Clock
from mlxtop.present.instant import at_instant, events_line
from mlxtop.present.text import Line, Role, Run, Section, clean, crop, fit, row, width
from mlxtop.present.view import prose
from mlxtop.watch.paths import Key

_BLOCKS = "▁▂▃▄▅▆▇█"
_FLOOR_MS, _DECADES = 0.02, 4.0
"""Round trip of the lowest block, and the powers of ten up to the highest."""
LOST, NOT_UP = "✗", "·"
_ROLES = {
    WayState.UP: Role.GOOD,
    WayState.DOWN: Role.CRITICAL,
    WayState.UNPROVEN: Role.WARNING,
    WayState.WAITING: Role.WARNING,
    WayState.UNKNOWN: Role.DIM,
}
_WIDTHS = (34, 9, 10, 6)
_NARROW = 24
"""Columns of a way where there is little room."""
ONE_SIDED = (
    "Each host decides what it sends. For both directions both hosts need mlxtop path keep; with"
    " one alone, what comes back stays on the dead link."
)


def sections(status: PathStatus, columns: int) -> list[Section]:
    """Return the boxes of page P."""
    boxes = [_peer(peer, columns) for peer in status.peers]
    if not boxes:
        text = (
            "No peer is known. [[path.peers]] in the settings file names them;"
            " mlxtop path --propose prints what routes and neighbours suggest."
        )
        boxes = [Section("Paths", tuple(prose(text, columns)))]
    words = "Routes are switched by mlxtop path keep." if status.keeping else _ONLY_WATCHED
    lines = [*prose(words, columns), *prose(ONE_SIDED, columns)]
    for note in status.notes:
        lines += prose(note, columns, Role.WARNING)
    return [*boxes, Section("How", tuple(lines))]


_ONLY_WATCHED = "Ways are only watched here; mlxtop path keep switches routes."


def _peer(peer: PeerStatus, columns: int) -> Section:
    role = Role.CRITICAL if peer.dead else Role.TEXT
    route = f"route {peer.route}" if peer.route else "no route"
    head: Line = ((clean(route), Role.STRONG), (f"  {clean(peer.why)}", role))
    lines: list[Line] = [head] if _fits(head, columns) else [((clean(route), Role.STRONG),)]
    if not _fits(head, columns):
        lines += prose(peer.why, columns, role)
    widths = _widths(columns)
    titles = ("  way", "state", "trip", "lost")
    lines.append((*row(widths, ((title, Role.HEAD) for title in titles)),))
    for one in by_preference(peer):
        lines += _way(one, columns, widths)
        lines.append((("    " + fit(f"judged by {clean(one.judged_by)}", columns - 4), Role.DIM),))
    lines = [crop(line, columns) for line in lines]
    title = peer.name if peer.name == peer.address else f"{peer.name}  {peer.address}"
    return Section(clean(title) + ("  answers by no way" if peer.dead else ""), tuple(lines))


def _fits(line: Line, columns: int) -> bool:
    return sum(width(text) for text, _ in line) <= columns


def _widths(columns: int) -> tuple[int, ...]:
    first = max(_NARROW, min(_WIDTHS[0], columns - sum(_WIDTHS[1:])))
    return (first, *_WIDTHS[1:])


def _way(one: WayStatus, columns: int, widths: Sequence[int]) -> Iterator[Line]:
    mark = "▸" if one.used else " "
    cells = (
        (f"{mark} {clean(one.way.words)}", Role.STRONG if one.used else Role.TEXT),
        (str(one.state), _ROLES[one.state]),
        (trip(one.rtt_s), Role.TEXT),
        (lost(one.loss), Role.WARNING if one.loss else Role.TEXT),
    )
    line = row(widths, cells)
    reason = _reason(one)
    if _fits((*line, (f"  {reason}", Role.DIM)), columns):
        yield (*line, (f"  {reason}" if reason else "", Role.DIM))
    else:
        yield line
        if reason:
            yield from prose(reason, columns, Role.DIM, "    ")


def _reason(one: WayStatus) -> str:
    """Return why a way is in its state, what is still wanted, and how often it was lost."""
    parts = [clean(one.reason)] if one.state is not WayState.UP or one.reason != "answers" else []
    parts += [f"up in {units.span(one.up_in_s)}"] if one.up_in_s is not None else []
    through = f"through {clean(one.third)}" if one.third else ""
    parts += [through] if through and through not in clean(one.judged_by) else []
    times = "once" if one.flaps == 1 else f"{one.flaps} times"
    parts += [f"lost {times}"] if one.flaps else []
    return ", ".join(parts)


def trip(seconds: float | None) -> str:
    """Return a round trip.

    >>> trip(0.00004), trip(0.0123), trip(None)
    ('0.040 ms', '12.3 ms', '–')
    """
    if seconds is None:
        return units.NONE
    return f"{seconds * 1000:.3f} ms" if seconds < 0.01 else f"{seconds * 1000:.1f} ms"


def lost(share: float | None) -> str:
    """Return a share of lost probes.

    >>> lost(0.0), lost(0.256), lost(None)
    ('0 %', '26 %', '–')
    """
    return units.NONE if share is None else f"{share * 100:.0f} %"


def by_preference(peer: PeerStatus) -> list[WayStatus]:
    """Return the ways to a peer, the one that is preferred first."""
    return sorted(peer.ways, key=lambda one: one.way.prefer)


def lane(values: Sequence[float], rows: int) -> list[Line]:
    """Return a way over time in so many rows, from the top; `values` as `way_value` has them.

    A round trip is a bar on a scale of powers of ten, a loss a cross. A way that answers and is not
    up has a dot. NaN is a blank.
    """
    lines: list[list[Run]] = [[] for _ in range(rows)]
    for value in values:
        height, mark, role = 0, " ", Role.FAINT
        if isinf(value):
            mark, role = LOST, Role.CRITICAL
        elif value < 0:
            mark, role = NOT_UP, Role.WARNING
        elif not isnan(value):
            height, role = level(value, rows * len(_BLOCKS)) + 1, Role.GOOD
        for place, line in enumerate(reversed(lines)):
            part = max(0, min(len(_BLOCKS), height - place * len(_BLOCKS)))
            cell = _BLOCKS[part - 1] if part else mark if place == 0 else " "
            line.append((cell, role if cell != " " else Role.FAINT))
    return [tuple(line) for line in lines]


LEGEND: Line = (
    ("▁▅█ ", Role.GOOD),
    ("round trip 0.02 to 200 ms  ", Role.DIM),
    (f"{LOST} ", Role.CRITICAL),
    ("lost or down  ", Role.DIM),
    (f"{NOT_UP} ", Role.WARNING),
    ("answers, not yet up", Role.DIM),
)
"""What the marks of a lane mean."""


def level(ms: float, levels: int = len(_BLOCKS)) -> int:
    """Return the level of a round trip, on a scale of powers of ten.

    >>> level(0.0), level(0.02), level(2.0), level(1e6), level(2.0, 24)
    (0, 0, 4, 7, 12)
    """
    share = log10(max(ms, _FLOOR_MS) / _FLOOR_MS) / _DECADES
    return min(levels - 1, int(share * levels))


def point(value: float) -> Run:
    """Return the round trip of an instant, as `way_value` has it.

    >>> point(0.09)[0], point(float("-inf"))[0], point(float("nan"))[0]
    ('0.090 ms', 'lost', '–')
    """
    if isnan(value):
        return units.NONE, Role.DIM
    if isinf(value):
        return "lost", Role.CRITICAL
    return trip(abs(value) / 1000), Role.TEXT if value > 0 else Role.WARNING


def way_lines(
    clock: Clock,
    tick: float,
    ways: Mapping[Key, float],
    events: Sequence[Incident],
    columns: int,
) -> list[Line]:
    """Return in two lines how many ways to each peer were up at an instant, and what happened.

    `ways` has values as `way_value` does, NaN where nothing is known.
    """
    known: dict[str, list[float]] = {}
    for (peer, _), value in ways.items():
        known.setdefault(peer, []).extend([] if isnan(value) else [value])
    parts: list[Line] = []
    for peer, values in known.items():
        up = sum(value > 0 for value in values)
        role = Role.TEXT if up else Role.CRITICAL
        text = f"{up} of {len(values)} ways up" if values else "not known then"
        parts.append(((f"  {clean(peer)} ", Role.STRONG), (text, role if values else Role.DIM)))
    nothing: Line = (("nothing happened to the ways", Role.DIM),)
    return [at_instant(clock, tick, parts, columns), events_line(events) or nothing]


def text_lines(status: PathStatus, columns: int) -> Iterator[Line]:
    """Yield the table that `mlxtop path` prints."""
    for peer in status.peers:
        title = peer.name if peer.name == peer.address else f"{peer.name} ({peer.address})"
        route = f"route {peer.route}" if peer.route else "no route"
        role = Role.CRITICAL if peer.dead else Role.STRONG
        yield from prose(f"{title}: {route}; {peer.why}", columns, role)
        for one in by_preference(peer):
            yield _text_row(one, columns)
            told = "; ".join(filter(None, (_reason(one), f"judged by {one.judged_by}")))
            yield from prose(told, columns, indent="    ")
    for note in status.notes:
        yield from prose(note, columns, Role.WARNING)
    if status.peers:
        yield from prose(ONE_SIDED, columns)


def _text_row(one: WayStatus, columns: int) -> Line:
    words = fit(one.way.words, min(36, columns - 32))
    figures = f"{fit(trip(one.rtt_s), 9, right=True)} {fit(lost(one.loss), 5, right=True)}"
    role = Role.WARNING if one.loss else Role.TEXT
    return (
        (f"{'>' if one.used else ' '} {words} ", Role.STRONG if one.used else Role.TEXT),
        (fit(str(one.state), 8), _ROLES[one.state]),
        (f" {figures}{' lost' if one.loss is not None else ''}", role),
    )


def document(status: PathStatus) -> dict[str, Any]:
    """Return everything as one JSON document."""
    return {
        "keeping": status.keeping,
        "peers": [_peer_document(peer) for peer in status.peers],
        "notes": list(status.notes),
    }


def _peer_document(peer: PeerStatus) -> Mapping[str, Any]:
    return {
        "name": peer.name,
        "address": peer.address,
        "route": peer.route,
        "why": peer.why,
        "dead": peer.dead,
        "ways": [_way_document(one) for one in peer.ways],
    }


def _way_document(one: WayStatus) -> Mapping[str, Any]:
    return {
        "dev": one.way.dev,
        "via": one.way.via,
        "prefer": one.way.prefer,
        "state": str(one.state),
        "reason": one.reason,
        "used": one.used,
        "through": one.third,
        "judged_by": one.judged_by,
        "rtt_s": one.rtt_s,
        "loss": one.loss,
        "flaps": one.flaps,
        "up_in_s": one.up_in_s,
    }
