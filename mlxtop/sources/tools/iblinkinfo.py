"""`iblinkinfo`: every port of a fabric, with the port at its other end and what both could do.

https://github.com/linux-rdma/rdma-core, infiniband-diags/iblinkinfo.c: `-l` puts both GUIDs into
each line; without it a heading names the node. "Could be" is what both ports support.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mlxtop.model.fabric import FabricEnd, FabricLink
from mlxtop.model.number import whole

MOST_LINES = 60_000
LONGEST_LINE = 700
"""Characters; a node describes itself in 64 bytes."""
LONGEST_NAME = 64
_LINE = re.compile(
    r'\s*(?:(?P<guid>0x[0-9a-fA-F]{16})\s+)?(?:"(?P<name>.*?)"\s+)?'
    r"(?P<lid>\d{1,5})\s+(?P<port>\d{1,3})\[[ \d]*\] ==\((?P<link>.*?)\)==>(?P<peer>.*)"
)
_PEER = re.compile(
    r"\s*(?:(?P<guid>0x[0-9a-fA-F]{16})\s+)?(?P<lid>\d{1,5})\s+(?P<port>\d{1,3})\[[ \d]*\]"
    r' "(?P<name>.*)" \((?P<could>[^()]*)\)\s*'
)
_HEADING = re.compile(r"(CA|Switch|Router|\?\?): (?:(0x[0-9a-fA-F]{16}) )?(.*):\s*")
_STATE = re.compile(r"(\w+)\s*/\s*(\w+)\s*(?:\(HOQ.*)?$")
_WIDTH = re.compile(r"(\d{1,2})X\b")
_GBPS = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) Gbps")
_SPEEDS = {
    2.5: "SDR",
    5.0: "DDR",
    10.0: "QDR",
    14.0625: "FDR",
    25.78125: "EDR",
    53.125: "HDR",
    106.25: "NDR",
    212.5: "XDR",
}
"""Raw Gb/s of a lane, as the tools print them, to the generation."""


def speed_of(text: str) -> str | None:
    """Return the generation that a speed in a tool's words is; None for no such speed.

    >>> speed_of("25.78125 Gbps"), speed_of("10.0 Gbps (FDR10)"), speed_of("9 Gbps")
    ('EDR', 'FDR10', None)
    """
    match = _GBPS.search(text)
    if "FDR10" in text:
        return "FDR10"
    return _SPEEDS.get(float(match[1])) if match else None


def lanes_of(text: str) -> int | None:
    """Return the lanes of `4X`; None where there is no width."""
    match = _WIDTH.search(text)
    return int(match[1]) or None if match else None


def plain(text: str) -> str:
    """Return a node's description of itself as one short printable line."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in line)[:LONGEST_NAME]


def guid_of(text: str) -> str:
    """Return a GUID as sixteen digits after `0x`; empty for none, and for zero.

    >>> guid_of("100004"), guid_of("0x0002C90300002779"), guid_of("0")
    ('0x0000000000100004', '0x0002c90300002779', '')
    """
    digits = text.lower().removeprefix("0x")
    if not re.fullmatch("[0-9a-f]{1,16}", digits) or not digits.strip("0"):
        return ""
    return f"0x{digits:0>16}"


class LinkLine(NamedTuple):
    """A line of iblinkinfo."""

    link: FabricLink
    """Its ends have the GUIDs of ports, empty where the form of output tells none."""
    peer_lid: int | None = None


def parse_iblinkinfo(text: str) -> Iterator[LinkLine]:
    """Yield the ports that iblinkinfo prints, with `-l` or without.

    >>> line = ' 4    1[  ] ==( 4X 10.0 Gbps Active/  LinkUp)==>  3   18[  ] "sw" (Could be FDR10)'
    >>> [(one.link.lanes, one.link.speed, one.link.could) for one in parse_iblinkinfo(line)]
    [(4, 'QDR', (4, 'FDR10'))]
    """
    guid = name = ""
    for number, line in enumerate(text.splitlines()):
        if number >= MOST_LINES:
            return
        match = _LINE.fullmatch(line[:LONGEST_LINE])
        if match is not None:
            own = guid_of(match["guid"] or "") or guid
            yield _line(match, own, plain(match["name"] or "") or name)
        elif heading := _HEADING.fullmatch(line[:LONGEST_LINE]):
            guid, name = guid_of(heading[2] or ""), plain(heading[3])


def _line(match: re.Match[str], guid: str, name: str) -> LinkLine:
    told, state = match["link"], _STATE.search(match["link"])
    a = FabricEnd(guid, int(match["port"]), name, guid)
    link = FabricLink(
        a,
        state=state[1] if state else "",
        phys=state[2] if state else "",
        lanes=lanes_of(told),
        speed=speed_of(told),
        lid=int(match["lid"]) or None,
    )
    peer = _PEER.fullmatch(match["peer"])
    if peer is None:
        return LinkLine(link)
    there = guid_of(peer["guid"] or "")
    b = FabricEnd(there, int(peer["port"]), plain(peer["name"]), there)
    could = peer["could"]
    link = link._replace(b=b, could_lanes=lanes_of(could), could_speed=speed_of(could))
    return LinkLine(link, whole(peer["lid"], 65535) or None)
