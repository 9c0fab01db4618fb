"""A fabric in words: subnet managers, links below what they could be, errors, nodes; as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from mlxtop.model.fabric import (
    Fabric,
    FabricEnd,
    FabricLink,
    FabricNode,
    ManagerState,
    NodeKind,
    SubnetManager,
)
from mlxtop.model.identity import natural
from mlxtop.present import units
from mlxtop.present.fabric_drawing import MOST_NODES, drawing, rate_of
from mlxtop.present.text import Line, Role, fit, row, wrap

MOST_LISTED = 200
"""Links, or ports with errors, that are listed; JSON has all."""
WHY_NOT = (
    "Both ports can do more than this. It is no fault where the cable is made for less, or where"
    " somebody has limited a port (ibportstate shows what is enabled)."
)
HALF = (
    "Half of what both ports name is as it should be for an adapter of half the rate (HDR100,"
    " NDR200); another one can do more."
)
_COUNTERS = {
    "SymbolErrorCounter": "symbol errors",
    "LinkErrorRecoveryCounter": "link recoveries",
    "LinkDownedCounter": "link downs",
    "PortRcvErrors": "bad packets received",
    "PortRcvRemotePhysicalErrors": "packets marked bad elsewhere",
    "PortXmitDiscards": "packets dropped on sending",
    "PortXmitConstraintErrors": "packets refused on sending",
    "PortRcvConstraintErrors": "packets refused on receiving",
    "LocalLinkIntegrityErrors": "local link errors",
    "ExcessiveBufferOverrunErrors": "buffer overruns",
    "VL15Dropped": "management packets dropped",
    "QP1Dropped": "management packets dropped",
}
_FULL = {
    **dict.fromkeys(_COUNTERS, 65535),
    **dict.fromkeys(("LinkErrorRecoveryCounter", "LinkDownedCounter"), 255),
    **dict.fromkeys(("PortXmitConstraintErrors", "PortRcvConstraintErrors"), 255),
    **dict.fromkeys(("LocalLinkIntegrityErrors", "ExcessiveBufferOverrunErrors"), 15),
}
"""Where a counter of PortCounters stops; it stays there until somebody clears it."""
_KINDS = {NodeKind.SWITCH: "switch", NodeKind.ADAPTER: "adapter", NodeKind.ROUTER: "router"}
_INDENT = "  "


class _Names:
    """Names of nodes as they can be told apart: those that several have, with their GUID."""

    def __init__(self, fabric: Fabric) -> None:
        self._many = Counter(node.name for node in fabric.nodes.values())

    def of(self, name: str, guid: str) -> str:
        if not name:
            return guid
        return name if self._many[name] < 2 else f"{name} …{guid[-6:]}"

    def end(self, end: FabricEnd) -> str:
        return f"{self.of(end.name, end.node)} {end.port}"

    def link(self, link: FabricLink) -> str:
        return " ⇄ ".join(map(self.end, link.ends))


def lines(fabric: Fabric, columns: int) -> Iterator[Line]:
    """Yield a fabric for a terminal."""
    names = _Names(fabric)
    yield from (((text, Role.STRONG),) for text in wrap(_counted(fabric), columns))
    for name in ("nodes", "links"):
        if name in fabric.absent:
            yield from _wrapped(fabric.absent[name], columns, Role.WARNING)
    yield from _managers(fabric.managers, fabric.absent, columns)
    yield from _below(fabric, names, columns)
    yield from _errors(fabric, names, columns)
    drawn = drawing(fabric, columns) if fabric.is_whole else None
    if drawn:
        yield from ((), *drawn)
        if fabric.below:
            yield (("! runs below what both ends can do", Role.DIM),)
    if not fabric.is_whole:
        yield from _links("Links of this host", fabric.links, names, columns)
    elif len(fabric.nodes) <= MOST_NODES:
        if drawn is None:
            yield from _links("Links", fabric.links, names, columns)
        yield from _nodes(fabric, columns)


def _wrapped(text: str, columns: int, role: Role = Role.DIM) -> Iterator[Line]:
    return (((line, role),) for line in wrap(text, columns, _INDENT))


def _counted(fabric: Fabric) -> str:
    """Return how much there is: `InfiniBand fabric: 2 switches, 3 adapters, 5 links`."""
    if not fabric.is_whole:
        return f"InfiniBand: {_many(len(fabric.links), 'link')} of this host"
    kinds = Counter(node.kind for node in fabric.nodes.values())
    parts = [_many(kinds[kind], word) for kind, word in _KINDS.items() if kinds[kind]]
    parts += [_many(kinds[None], "node")] if kinds[None] else []
    parts.append(_many(len(fabric.links), "link"))
    if fabric.down:
        parts.append(f"{_many(len(fabric.down), 'port')} with nothing at the other end")
    return f"InfiniBand fabric: {', '.join(parts)}"


def _many(number: int, word: str) -> str:
    plural = f"{word}es" if word.endswith("ch") else f"{word}s"
    return f"{number} {word if number == 1 else plural}"


def manager_words(manager: SubnetManager) -> tuple[str, str]:
    """Return where a subnet manager runs, and its address and priority."""
    about = [f"LID {manager.lid}"] if manager.lid else []
    about += [f"priority {manager.priority}"] if manager.priority is not None else []
    where = manager.where or manager.guid
    return where, ", ".join([*([manager.guid] if manager.where else []), *about])


def no_standby(managers: Sequence[SubnetManager], absent: Mapping[str, str]) -> str:
    """Return what is to be said where one manager is all there is; empty where that is not so."""
    states = [one.state for one in managers]
    if "standby" in absent:
        return f"others are not known: {absent['standby']}"
    if states == [ManagerState.MASTER]:
        return "no other stands by"
    masters = states.count(ManagerState.MASTER)
    return f"{masters} masters: several fabrics, or two managers at odds" if masters > 1 else ""


def _managers(
    managers: Sequence[SubnetManager], absent: Mapping[str, str], columns: int
) -> Iterator[Line]:
    yield from ((), (("Subnet managers", Role.HEAD),))
    for one in managers:
        where, about = manager_words(one)
        role = Role.GOOD if one.state is ManagerState.MASTER else Role.TEXT
        name = min(26, max(16, columns - 62))
        head = (f"{_INDENT}{one.state:<12} ", role), (fit(where, name), Role.TEXT)
        indent = len(_INDENT) + 13 + name
        for place, text in enumerate(wrap(about, columns - indent - 2)):
            start = head if not place else ((" " * indent, Role.TEXT),)
            yield (*start, (f"  {text}", Role.DIM))
    if not managers:
        text = absent.get("managers", "none answers: ports stay in state Initialize")
        yield from _wrapped(text, columns, Role.WARNING)
    elif told := no_standby(managers, absent):
        yield from _wrapped(told, columns)


def _below(fabric: Fabric, names: _Names, columns: int) -> Iterator[Line]:
    below = fabric.below
    count = "not known" if "links" in fabric.absent and not below else len(below) or "none"
    title = f"Links below what both ends can do: {count}"
    yield from ((), ((title, Role.HEAD),))
    for link in below[:MOST_LISTED]:
        could = link.could
        assert could is not None
        more = f"could be {could[0]}X {could[1]}"
        yield from _link_line(names.link(link), rate_of(link), more, columns)
    if len(below) > MOST_LISTED:
        yield from _wrapped(f"and {len(below) - MOST_LISTED} more: --json has all", columns)
    if below:
        yield from _wrapped(WHY_NOT, columns)
    halved = fabric.halved
    for link in halved[:MOST_LISTED]:
        ((lanes, speed),) = filter(None, [link.could])
        more = f"half of {lanes}X {speed}"
        yield from _link_line(names.link(link), rate_of(link), more, columns, Role.DIM)
    if halved:
        yield from _wrapped(HALF, columns)


def _link_line(
    ends: str, rate: str, more: str, columns: int, role: Role = Role.WARNING
) -> Iterator[Line]:
    room = max(20, columns - len(_INDENT) - 12 - len(more))
    role = role if more else Role.TEXT
    yield (
        (_INDENT + fit(ends, min(room, 56)), Role.TEXT),
        (f" {rate:<10}", role),
        (more, role),
    )


def _links(title: str, links: Sequence[FabricLink], names: _Names, columns: int) -> Iterator[Line]:
    yield from ((), ((title, Role.HEAD),))
    for link in links:
        yield from _link_line(names.link(link), rate_of(link), "", columns)


def counts_words(counts: Mapping[str, int]) -> str:
    """Return counters of errors in words."""
    return ", ".join(_count_words(name, number) for name, number in counts.items())


def _count_words(name: str, number: int) -> str:
    least = "≥" if number == _FULL.get(name) else ""
    return f"{_COUNTERS.get(name, name)} {least}{units.count(number)}"


def _errors(fabric: Fabric, names: _Names, columns: int) -> Iterator[Line]:
    yield from ((), (("Errors by port, since somebody cleared them", Role.HEAD),))
    if "errors" in fabric.absent:
        yield from _wrapped(fabric.absent["errors"], columns)
    elif not fabric.is_whole:
        yield from _wrapped("not asked: --all asks every port", columns)
    elif not fabric.errors:
        yield ((f"{_INDENT}none counted", Role.GOOD),)
    others = {end.place: other for link in fabric.links for end, other in _both(link)}
    for one in fabric.errors[:MOST_LISTED]:
        end = FabricEnd(one.node, one.port, one.name)
        other = others.get(end.place)
        where = names.end(end) + (f" ⇄ {names.end(other)}" if other else "")
        head = _INDENT + fit(where, min(44, columns // 2)) + "  "
        texts = wrap(counts_words(one.counts), max(20, columns - len(head)))
        for place, text in enumerate(texts):
            yield (head if not place else " " * len(head), Role.TEXT), (text, Role.WARNING)
    if len(fabric.errors) > MOST_LISTED:
        yield from _wrapped(f"and {len(fabric.errors) - MOST_LISTED} more ports", columns)


def _both(link: FabricLink) -> Iterator[tuple[FabricEnd, FabricEnd]]:
    if link.b is not None:
        yield from ((link.a, link.b), (link.b, link.a))


def _nodes(fabric: Fabric, columns: int) -> Iterator[Line]:
    used = Counter(end.node for link in fabric.links for end in link.ends)
    titles = (f"{_INDENT}Node", "GUID", "", "LID", "in use")
    widths = (min(36, max(16, columns - 45)), 19, 9, 6, 10)
    yield ()
    yield row(widths, ((title, Role.HEAD) for title in titles))
    nodes = sorted(fabric.nodes.values(), key=lambda one: (str(one.kind), natural(one.name)))
    for node in nodes:
        ports = f"{used[node.guid]} of {node.ports}" if node.ports else str(used[node.guid])
        is_own = node.guid in _own_nodes(fabric)
        cells = (
            (f"{_INDENT}{node.name}" + (" (this host)" if is_own else ""), Role.TEXT),
            (node.guid, Role.DIM),
            (str(node.kind or ""), Role.DIM),
            (str(_lid(fabric, node) or units.NONE), Role.DIM),
            (ports, Role.DIM),
        )
        yield row(widths, cells)


def _own_nodes(fabric: Fabric) -> set[str]:
    ends = [end for link in fabric.links for end in link.ends]
    return {end.node for end in ends if {end.guid, end.node} & fabric.own}


def _lid(fabric: Fabric, node: FabricNode) -> int | None:
    told = (link.lid for link in fabric.links if link.a.node == node.guid and link.lid)
    return node.lid or next(told, None)


def document(fabric: Fabric) -> dict[str, Any]:
    """Return a fabric for JSON."""
    return {
        "whole": fabric.is_whole,
        "own_guids": sorted(fabric.own),
        "nodes": [
            {
                "guid": node.guid,
                "name": node.name,
                "kind": node.kind,
                "ports": node.ports,
                "lid": _lid(fabric, node),
            }
            for node in fabric.nodes.values()
        ],
        "links": [_link_document(link, {*fabric.below}) for link in fabric.links],
        "down": [_link_document(link, set()) for link in fabric.down],
        "subnet_managers": [
            {
                "guid": one.guid,
                "state": one.state,
                "priority": one.priority,
                "lid": one.lid,
                "where": one.where or None,
            }
            for one in fabric.managers
        ],
        "errors": [
            {"node": one.node, "port": one.port, "name": one.name, "counts": dict(one.counts)}
            for one in fabric.errors
        ],
        "absent": dict(fabric.absent),
    }


def _link_document(link: FabricLink, below: Set[FabricLink]) -> dict[str, Any]:
    could = link.could if link in below else None
    return {
        "ends": [
            {"node": end.node, "port": end.port, "name": end.name, "guid": end.guid or None}
            for end in link.ends
        ],
        "state": link.state or None,
        "physical": link.phys or None,
        "lanes": link.lanes,
        "speed": link.speed,
        "could_be": {"lanes": could[0], "speed": could[1]} if could else None,
        "supported_by_both": {"lanes": link.could_lanes, "speed": link.could_speed},
    }
