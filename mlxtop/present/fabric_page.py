"""Page 9: who is at the other end: this host's links in its fabric, subnet managers, LLDP."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.fabric import FabricLink, LocalFabric, ManagerState, OwnLink
from mlxtop.present import units
from mlxtop.present.fabric import HALF, WHY_NOT, manager_words, no_standby
from mlxtop.present.fabric_drawing import rate_of
from mlxtop.present.neighbours import neighbours
from mlxtop.present.text import Line, Role, Run, Section, clean, fit, headings, row, width
from mlxtop.present.view import View, age, below, fact, prose

_ROOMY = 64
"""Columns from which the state of links has a column."""
_MORE = (
    "mlxtop fabric shows the whole fabric: every link that runs below what both ends can do,"
    " errors of every port, and a drawing."
)


def fabric(view: View) -> list[Section]:
    """Return the sections of the page."""
    told = view.frame.sample.fabric
    sections = neighbours(view)
    if told.value is None:
        words = "being asked" if told.pending else told.absent or "not asked"
        lines = prose(f"{units.NONE}  {words}", view.columns)
        return [*sections, Section("InfiniBand fabric", tuple(lines))]
    here = told.value.of(view.now.now.port)
    links = list(_links(view, told.value, here))
    if told.absent:
        links += below("not newer", told.absent, view.columns, Role.WARNING)
    if told.tick is not None and (old := age(view, told.tick)):
        links.append(fact("asked", old, role=Role.DIM))
    managers = Section("Subnet managers", tuple(_managers(view, told.value)))
    own = [Section("This link", tuple(_this(view, here)))] if here else []
    more = Section("More", tuple(prose(_MORE, view.columns)))
    table = Section("Links of this host", tuple(links), wide=True)
    if view.now.now.link.is_infiniband:
        return [table, *own, managers, more]
    return [*sections, table, managers, more]


def could_words(own: OwnLink) -> str:
    """Return what a link could be, `4X HDR`; empty where it is that, or an adapter's half of it."""
    could = None if own.link.is_half else own.link.could
    return f"{could[0]}X {could[1]}" if could else ""


def _could_cell(own: OwnLink) -> Run:
    """Return what a link could be; a dash where that is not known."""
    slow = could_words(own)
    known = "half" if own.link.is_half else "no more" if own.link.is_settled else units.NONE
    return slow or known, Role.WARNING if slow else Role.DIM


def _links(view: View, told: LocalFabric, here: OwnLink | None) -> Iterator[Line]:
    widths = (14, 10, 11)
    state_room = 13 if view.columns >= _ROOMY else 2
    room = max(10, view.columns - sum(widths) - state_room)
    yield (
        *headings(widths, "  port", "now", "could be"),
        ("  state".ljust(state_room)[:state_room], Role.HEAD),
        (fit("other end", room).rstrip(), Role.HEAD),
    )
    for own in told.links:
        link, other = own.link, own.link.b
        mark = "▸" if own is here else " "
        is_active = link.is_up and link.state == "Active"
        slow = could_words(own)
        cells: tuple[Run, ...] = (
            (f"{mark} {own.device or link.a.name} {own.port}", Role.TEXT),
            (rate_of(link), Role.WARNING if slow else Role.TEXT),
            _could_cell(own),
        )
        there = f"{clean(other.name) or other.node} {other.port}" if other else "nobody answers"
        there += "" if is_active or state_room > 2 else f", {link.state}"
        state = (
            f"  {link.state}".ljust(state_room)[:state_room],
            Role.GOOD if is_active else Role.WARNING,
        )
        yield (*row(widths, cells), state, (fit(there, min(room, width(there))), Role.TEXT))
    if "links" in told.absent:
        yield from below("others", told.absent["links"], view.columns, Role.WARNING)


def _this(view: View, own: OwnLink) -> Iterator[Line]:
    link, columns = own.link, view.columns
    slow = could_words(own)
    note, role = _full(link), Role.GOOD if link.is_settled else Role.TEXT
    if slow:
        note, role = f"both ends can do {slow}", Role.WARNING
    yield fact("runs at", rate_of(link), role=role, note=note)
    if slow:
        yield from prose(WHY_NOT, columns)
    elif link.is_half:
        yield from prose(HALF, columns)
    if link.b is not None:
        yield fact("other end", clean(link.b.name) or None, note=f"port {link.b.port}")
        yield fact("its GUID", link.b.guid or None)
    yield fact("own GUID", link.a.guid or None, note=f"LID {link.lid}" if link.lid else "")
    if own.supported:
        yield from below("can do here", own.supported, columns, Role.TEXT)
    if own.enabled != own.supported:
        yield from below("enabled here", own.enabled, columns, Role.WARNING)


def _full(link: FabricLink) -> str:
    """Return what is known of a link that runs at no less than it could."""
    if link.b is None:
        return "nobody answers at the other end"
    if not link.is_settled:
        is_active = link.state == "Active"
        return "could be more: not told" if is_active else f"state {link.state}, not settled"
    return "half of what both ends name" if link.is_half else "all that both ends can do"


def _managers(view: View, told: LocalFabric) -> Iterator[Line]:
    for one in told.managers:
        where, about = manager_words(one)
        role = Role.GOOD if one.state is ManagerState.MASTER else Role.TEXT
        yield from below(str(one.state), clean(where), view.columns, role)
        yield from below("", about, view.columns)
    if not told.managers:
        text = told.absent.get("managers", "none answers: ports stay in state Initialize")
        yield from prose(text, view.columns, Role.WARNING)
    elif words := no_standby(told.managers, told.absent):
        yield from prose(words, view.columns)
