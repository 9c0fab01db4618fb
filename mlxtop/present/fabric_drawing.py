"""Draws a small fabric: a box a switch, with what hangs on it, and lines between the layers.

Switches with adapters stand below those without. A line that crosses another passes over it. A
layer that is too wide takes several rows without lines: its boxes name their links all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mlxtop.model.fabric import Fabric, FabricEnd, FabricLink, NodeKind
from mlxtop.model.identity import natural
from mlxtop.present.text import Line, Role, Run, fit, width

MOST_NODES = 40
_NARROWEST, _WIDEST, _GAP = 20, 36, 2
"""Columns of a box and between boxes."""


class _Box(NamedTuple):
    left: int
    wide: int

    @property
    def middle(self) -> int:
        return self.left + self.wide // 2


def rate_of(link: FabricLink) -> str:
    """Return lanes and speed, `4X EDR`; the state where it is not up."""
    told = " ".join(filter(None, (f"{link.lanes}X" if link.lanes else "", link.speed)))
    return told if link.is_up and told else link.phys.lower() or "unknown"


class _Layout:
    """The layers of a fabric and its links by node."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.below = {link.a.place for link in fabric.below}
        self.links: dict[str, list[tuple[FabricLink, FabricEnd, FabricEnd]]] = defaultdict(list)
        """Of a node: each link with its own end and the other one."""
        for link in fabric.links:
            if link.b is not None:
                self.links[link.a.node].append((link, link.a, link.b))
                self.links[link.b.node].append((link, link.b, link.a))
        self.centres = self._centres()
        self.layers = self._layers()
        self.layer_of = {guid: place for place, row in enumerate(self.layers) for guid in row}

    def _centres(self) -> set[str]:
        """Return the nodes that get a box: switches; without one, an end of each link."""
        known = self.fabric.nodes
        switches = {guid for guid, node in known.items() if node.kind is not NodeKind.ADAPTER}
        linked = {guid for guid in switches if self.links.get(guid)}
        if linked:
            return linked
        return {link.a.node for link in self.fabric.links}

    def _layers(self) -> list[list[str]]:
        """Return the centres by their distance from those with adapters, these last."""
        leaves = [guid for guid in self.centres if any(self._leaves(guid))]
        if not leaves or len(leaves) == len(self.centres):
            rows = list(self._by_distance(self._roots()))
        else:
            rows = list(self._by_distance(leaves))[::-1]
        return [sorted(row, key=self._order) for row in rows]

    def _order(self, guid: str) -> tuple[object, ...]:
        return natural(self.fabric.nodes[guid].name), guid

    def _leaves(self, guid: str) -> Iterator[FabricLink]:
        return (link for link, _, other in self.links[guid] if other.node not in self.centres)

    def _roots(self) -> list[str]:
        """Return the best joined switch with the fewest adapters, of each part."""
        roots: list[str] = []
        left = set(self.centres)
        while left:
            weight = {guid: self._weight(guid) for guid in left}
            root = min(left, key=lambda guid: (weight[guid], self._order(guid)))
            roots.append(root)
            left -= {guid for row in self._by_distance([root]) for guid in row}
        return roots

    def _weight(self, guid: str) -> tuple[int, int]:
        leaves = sum(1 for _ in self._leaves(guid))
        return leaves - len(self.links[guid]), leaves

    def _by_distance(self, start: Iterable[str]) -> Iterator[list[str]]:
        row, met = list(start), set(start)
        while row:
            yield row
            beyond = {other.node for guid in row for _, _, other in self.links[guid]}
            row = [guid for guid in beyond if guid in self.centres and guid not in met]
            met.update(row)

    def between(self, guid: str) -> Mapping[str, list[FabricLink]]:
        """Return a box's links to the layer below it, by the box there."""
        below: dict[str, list[FabricLink]] = defaultdict(list)
        for link, _, other in self.links[guid]:
            if self.layer_of.get(other.node) == self.layer_of[guid] + 1:
                below[other.node].append(link)
        return below

    def others(self) -> list[FabricLink]:
        """Return links between boxes that no line is drawn for."""
        return [
            link
            for link in self.fabric.links
            if link.b is not None
            and link.a.node in self.layer_of
            and link.b.node in self.layer_of
            and abs(self.layer_of[link.a.node] - self.layer_of[link.b.node]) != 1
        ]


def drawing(fabric: Fabric, columns: int) -> list[Line] | None:
    """Return a fabric as lines of `columns` at most; None where it has too many nodes."""
    if len(fabric.nodes) > MOST_NODES or not fabric.links:
        return None
    layout = _Layout(fabric)
    beside = max(1, (columns + _GAP) // (_NARROWEST + _GAP))
    fits = [len(row) <= beside for row in layout.layers]
    boxes: dict[str, _Box] = {}
    lines: list[Line] = []
    for place, layer in enumerate(layout.layers):
        above = place > 0 and fits[place - 1] and fits[place]
        below = place + 1 < len(fits) and fits[place] and fits[place + 1]
        for row in _rows(layer, beside):
            boxes |= _placed(row, columns)
        if place + 1 < len(fits) and fits[place + 1]:
            boxes |= _placed(layout.layers[place + 1], columns)
        stems = {guid: list(layout.between(guid)) if below else [] for guid in layer}
        drops = _drops(layout, boxes, layout.layers[place - 1]) if above else {}
        for row in _rows(layer, beside):
            lines += _boxes(layout, boxes, row, stems, drops)
        if below:
            lines += _wires(stems, boxes, _drops(layout, boxes, layer))
    return [*lines, *_listed(layout, columns)]


def _rows(layer: Sequence[str], beside: int) -> Iterator[Sequence[str]]:
    """Yield a layer in rows of about the same length, of so many boxes at most."""
    count = -(-len(layer) // beside)
    each = -(-len(layer) // count)
    return (layer[start : start + each] for start in range(0, len(layer), each))


def _placed(row: Sequence[str], columns: int) -> Iterator[tuple[str, _Box]]:
    wide = min(_WIDEST, (columns + _GAP) // len(row) - _GAP)
    left = (columns - len(row) * (wide + _GAP) + _GAP) // 2
    for place, guid in enumerate(row):
        yield guid, _Box(left + place * (wide + _GAP), wide)


def _drops(
    layout: _Layout, boxes: Mapping[str, _Box], above: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Return the column at which the line from a box above enters a box below, by both."""
    of: dict[str, list[str]] = defaultdict(list)
    for guid in above:
        for below in layout.between(guid):
            of[below].append(guid)
    return {
        (guid, below): boxes[below].left + (place + 1) * boxes[below].wide // (len(many) + 1)
        for below, many in of.items()
        for place, guid in enumerate(many)
    }


def _wires(
    stems: Mapping[str, Sequence[str]],
    boxes: Mapping[str, _Box],
    drops: Mapping[tuple[str, str], int],
) -> Iterator[Line]:
    """Yield the lines between two layers: a row for each box above."""
    wired = [guid for guid, below in stems.items() if below]
    for place, guid in enumerate(wired):
        cells: dict[int, str] = {}
        stem = boxes[guid].middle
        ends = [drops[guid, below] for below in stems[guid]]
        for column in range(min(stem, *ends), max(stem, *ends) + 1):
            cells[column] = "─"
        for column in {stem, *ends}:
            left, right = cells.get(column - 1), cells.get(column + 1)
            cells[column] = _JOINTS[column == stem, column in ends, bool(left), bool(right)]
        passing = [boxes[other].middle for other in wired[place + 1 :]]
        passing += [drops[other, below] for other in wired[:place] for below in stems[other]]
        cells |= {column: "│" for column in passing if column not in {stem, *ends}}
        yield ((_text(cells), Role.DIM),)


_JOINTS = {
    (up, down, left, right): glyph
    for (up, down), glyphs in {
        (True, False): "│┘└┴",
        (False, True): "│┐┌┬",
        (True, True): "│┤├┼",
    }.items()
    for (left, right), glyph in zip(
        ((False, False), (True, False), (False, True), (True, True)), glyphs, strict=True
    )
}


def _text(cells: Mapping[int, str]) -> str:
    return "".join(cells.get(column, " ") for column in range(max(cells, default=-1) + 1))


def _boxes(
    layout: _Layout,
    boxes: Mapping[str, _Box],
    row: Sequence[str],
    stems: Mapping[str, Sequence[str]],
    drops: Mapping[tuple[str, str], int],
) -> Iterator[Line]:
    contents = {guid: list(_content(layout, guid, boxes[guid].wide - 4)) for guid in row}
    tall = max(map(len, contents.values()))
    for number in range(-1, tall + 1):
        runs: list[Run] = []
        at = 0
        for guid in row:
            box = boxes[guid]
            runs.append((" " * (box.left - at), Role.TEXT))
            entries = [column for (_, below), column in drops.items() if below == guid]
            if number == -1:
                runs += _top(layout, guid, box, entries)
            elif number == tall:
                bottom = list("└" + "─" * (box.wide - 2) + "┘")
                if stems[guid]:
                    bottom[box.middle - box.left] = "┬"
                runs.append(("".join(bottom), Role.DIM))
            else:
                empty = ((" " * (box.wide - 4), Role.TEXT),)
                inner = contents[guid][number] if number < len(contents[guid]) else empty
                runs += [("│ ", Role.DIM), *inner, (" │", Role.DIM)]
            at = box.left + box.wide
        yield tuple(run for run in runs if run[0])


def _top(layout: _Layout, guid: str, box: _Box, entries: Sequence[int]) -> list[Run]:
    """Return the upper side of a box with its name, broken where a line comes in."""
    name = layout.fabric.nodes[guid].name or guid
    shown = fit(name, min(width(name), box.wide - 6))
    rule = list("┌" + "─" * (box.wide - 2) + "┐")
    taken = range(2, 4 + width(shown))
    for column in entries:
        place = column - box.left
        rule[place] = "┴"
    before, after = "".join(rule[:2]), "".join(rule[taken.stop :])
    hidden = [column for column in entries if column - box.left in taken]
    mark = "┴" if hidden else " "
    return [(before, Role.DIM), (f" {shown}", Role.STRONG), (mark, Role.DIM), (after, Role.DIM)]


def _content(layout: _Layout, guid: str, columns: int) -> Iterator[Line]:
    """Yield what a box has: its links to other boxes together, its adapters by port."""
    groups: dict[tuple[str, str], list[FabricLink]] = defaultdict(list)
    alone: list[tuple[int, FabricLink, FabricEnd]] = []
    for link, own, other in layout.links[guid]:
        if other.node in layout.centres:
            groups[other.name or other.node, rate_of(link)].append(link)
        else:
            alone.append((own.port, link, other))
    wide = max((len(rate_of(link)) for link, _, _ in layout.links[guid]), default=0)
    for (name, rate), links in sorted(groups.items(), key=lambda one: natural(one[0][0])):
        below = any(link.a.place in layout.below for link in links)
        yield _row(f"{len(links):>2}×", name, rate.rjust(wide), below, columns)
    for port, link, other in sorted(alone, key=lambda one: one[0]):
        rate = rate_of(link).rjust(wide)
        below = link.a.place in layout.below
        yield _row(f"{port:>3}", other.name or other.node, rate, below, columns)


def _row(head: str, name: str, rate: str, below: bool, columns: int) -> Line:
    room = columns - width(head) - width(rate) - 3
    role = Role.WARNING if below else Role.TEXT
    return (
        (f"{head} ", Role.DIM),
        (fit(name, room), Role.TEXT),
        (f" {rate}", role),
        ("!" if below else " ", role),
    )


def _listed(layout: _Layout, columns: int) -> Iterator[Line]:
    for link in layout.others():
        assert link.b is not None
        a, b = link.a, link.b
        text = f"also: {a.name or a.node} {a.port} ⇄ {b.name or b.node} {b.port}  {rate_of(link)}"
        yield ((fit(text, min(columns, width(text))), Role.DIM),)
