"""`ibnetdiscover`: the nodes of a fabric, their GUIDs and names, and how they are joined.

https://github.com/linux-rdma/rdma-core, infiniband-diags/ibnetdiscover.c. It shows no port that is
down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mlxtop.model.fabric import GENERATIONS, FabricEnd, FabricLink, FabricNode, NodeKind
from mlxtop.sources.tools.iblinkinfo import LONGEST_LINE, MOST_LINES, guid_of, plain

_KINDS = {"Switch": NodeKind.SWITCH, "Ca": NodeKind.ADAPTER, "Rt": NodeKind.ROUTER}
_NODE = re.compile(r'(Switch|Ca|Rt)\s+(\d{1,3}) "[SHR]-([0-9a-f]{16})"\s*# "(.*)"(.*)')
_GUIDS = re.compile(r"switchguid=0x([0-9a-f]{1,16})\(([0-9a-f]{1,16})\)")
_PORT = re.compile(
    r"\[(\d{1,3})\](?:\[ext \d+\])?(?:\(([0-9a-f]{1,16})\))?\s+"
    r'"[SHR]-([0-9a-f]{16})"\[(\d{1,3})\](?:\[ext \d+\])?(?:\(([0-9a-f]{1,16})\))?\s*#(.*)'
)
_RATE = re.compile(r"(\d{1,2})x([A-Z]+(?:10)?)\b(?: [swv]=\d+)*\s*$")
_LID = re.compile(r"\blid (\d{1,5})\b")


class Topology(NamedTuple):
    """What ibnetdiscover tells."""

    nodes: dict[str, FabricNode]
    """By the node's GUID."""
    links: tuple[FabricLink, ...]
    """Every link from both of its ends."""
    owners: dict[str, str]
    """GUID of a port to that of its node."""


def parse_ibnetdiscover(text: str) -> Topology:
    """Return the nodes and links that ibnetdiscover prints.

    >>> lines = ['Ca\\t2 "H-0000000000100003"\\t\\t# "node2"']
    >>> lines += ['[1](100004) \\t"S-0000000000200000"[2]\\t# lid 4 lmc 0 "leaf1" lid 2 1xSDR']
    >>> told = parse_ibnetdiscover("\\n".join(lines))
    >>> told.links[0].b.port, told.links[0].lanes, told.owners
    (2, 1, {'0x0000000000100004': '0x0000000000100003'})
    """
    nodes: dict[str, FabricNode] = {}
    owners: dict[str, str] = {}
    links: list[FabricLink] = []
    node = FabricNode("")
    for line in text.splitlines()[:MOST_LINES]:
        if header := _NODE.match(line[:LONGEST_LINE]):
            kind, ports, guid, name, rest = header.groups()
            lid = _LID.search(rest)
            number = int(lid[1]) or None if lid else None
            node = FabricNode(guid_of(guid), _KINDS[kind], plain(name), int(ports), number)
            nodes[node.guid] = node
        elif guids := _GUIDS.match(line):
            owners[guid_of(guids[2])] = guid_of(guids[1])
        elif node.guid and (port := _PORT.match(line[:LONGEST_LINE])):
            own, there = guid_of(port[2] or ""), guid_of(port[5] or "")
            owners |= {own: node.guid} if own else {}
            owners |= {there: guid_of(port[3])} if there else {}
            if node.lid is None and own and (lid := _LID.search(port[6])):
                node = nodes[node.guid] = node._replace(lid=int(lid[1]) or None)
            links.append(_link(port, node, own or node.guid, there or guid_of(port[3])))
    return Topology(nodes, tuple(_named(links, nodes)), owners)


def _link(port: re.Match[str], node: FabricNode, own: str, there: str) -> FabricLink:
    rate = _RATE.search(port[6])
    speed = rate[2] if rate and rate[2] in GENERATIONS else None
    return FabricLink(
        FabricEnd(node.guid, int(port[1]), node.name, own),
        FabricEnd(guid_of(port[3]), int(port[4]), "", there),
        state="",
        phys="LinkUp",
        lanes=int(rate[1]) or None if rate else None,
        speed=speed,
    )


def _named(links: list[FabricLink], nodes: dict[str, FabricNode]) -> Iterator[FabricLink]:
    for link in links:
        assert link.b is not None
        other = nodes.get(link.b.node)
        yield link._replace(b=link.b._replace(name=other.name)) if other else link
