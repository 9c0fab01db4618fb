"""iblinkinfo: each form of its lines, what both ends could do, and what hostile nodes say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.fabric import FabricEnd, FabricLink
from mlxtop.sources.tools.iblinkinfo import (
    LONGEST_NAME,
    MOST_LINES,
    guid_of,
    parse_iblinkinfo,
    speed_of,
)

LINE = (
    '0x0000000000100004 "                         node2"      4    1[  ] ==( 1X           2.5 Gbps'
    " Active/  LinkUp)==>  0x0000000000200000      2    2[  ] "
    '"leaf1" (Could be 4X Could be 10.0 Gbps)'
)
DOWN = (
    '0x0000000000200000 "                         leaf1"      2    5[  ] ==(                Down/'
    ' Polling)==>             [  ] "" ( )'
)
UNASKED = (
    '0x0000000000200000 "                         leaf1"      2    3[  ] ==( 4X          10.0 Gbps'
    ' Active/  LinkUp)==>      "Port not available"'
)
HEADED = """CA: node1 HCA-1:
      0x0000000000100001      1    1[  ] ==( 4X        53.125 Gbps Active/  LinkUp)==>       2    1[  ] "leaf1" ( )
Switch: 0x0000000000200000 leaf1:
           2    1[ 7] ==( 4X        53.125 Gbps Active/  LinkUp)==>       1    1[  ] "node1 HCA-1" ( )
"""  # noqa: E501


def links(text: str) -> list[FabricLink]:
    return [line.link for line in parse_iblinkinfo(text)]


def test_a_line_tells_both_ends_and_what_both_could_do() -> None:
    (link,) = links(LINE)
    assert link.a == FabricEnd("0x0000000000100004", 1, "node2", "0x0000000000100004")
    assert link.b == FabricEnd("0x0000000000200000", 2, "leaf1", "0x0000000000200000")
    assert (link.lanes, link.speed, link.state, link.phys) == (1, "SDR", "Active", "LinkUp")
    assert link.could == (4, "QDR")


def test_ports_without_another_end_are_told_apart() -> None:
    down, unasked = links(f"{DOWN}\n{UNASKED}")
    assert (down.b, down.is_up, down.phys) == (None, False, "Polling")
    assert (unasked.b, unasked.is_up, unasked.speed) == (None, True, "QDR")


def test_without_l_the_heading_names_the_node() -> None:
    first, second = links(HEADED)
    assert first.a == FabricEnd("0x0000000000100001", 1, "node1 HCA-1", "0x0000000000100001")
    assert second.a == FabricEnd("0x0000000000200000", 1, "leaf1", "0x0000000000200000")
    assert first.speed == "HDR" and first.b and first.b.name == "leaf1"


@pytest.mark.parametrize(
    ("text", "speed"),
    [("14.0625 Gbps", "FDR"), ("106.25 Gbps", "NDR"), ("10.0 Gbps (FDR10)", "FDR10"), ("", None)],
)
def test_speeds_are_called_by_their_generation(text: str, speed: str | None) -> None:
    assert speed_of(text) == speed


def test_names_are_short_printable_and_may_hold_anything() -> None:
    name = 'a" 9 9[  ] \x1b[2J' + "x" * 100
    (link,) = links(LINE.replace('"leaf1"', f'"{name}"'))
    assert link.b is not None
    assert link.b.name.isprintable() and len(link.b.name) == LONGEST_NAME


def test_no_more_than_a_bounded_number_of_lines_is_read() -> None:
    assert len(links(f"{DOWN}\n" * 3)) == 3
    assert links("\n" * MOST_LINES + DOWN) == []


@given(st.text(st.sampled_from('0x19af"[]() =>/:XGbps CouldbeActiveLinkUp\n'), max_size=300))
def test_any_text_gives_lines_or_none(text: str) -> None:
    for link in links(text):
        assert link.a.port >= 0
    assert guid_of(text) == "" or len(guid_of(text)) == 18


CAPTURES = os.environ.get("MLXTOP_CAPTURES", "")


def expected() -> dict[str, Any]:
    path = Path(CAPTURES, "EXPECTED.json")
    facts = json.loads(path.read_text()) if CAPTURES and path.exists() else {}
    return {name: fact for name, fact in facts.items() if fact.get("tool") == "iblinkinfo"}


@pytest.mark.captures
@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
@pytest.mark.parametrize("name", sorted(expected()))
def test_real_outputs_give_their_facts(name: str) -> None:
    speeds = {"SDR": 2.5, "DDR": 5.0, "QDR": 10.0, "FDR10": 10.0}
    told = list(parse_iblinkinfo(Path(CAPTURES, name).read_text()))
    wanted = expected()[name]["links"]
    assert len(told) == len(wanted)
    for line, facts in zip(told, wanted, strict=True):
        link, peer = line.link, line.link.b
        assert peer is not None
        values = {
            "ca": link.a.name,
            "guid": link.a.guid,
            "lid": link.lid,
            "port": link.a.port,
            "width": f"{link.lanes}X",
            "gbps_per_lane": speeds[link.speed or ""],
            "fdr10": link.speed == "FDR10",
            "state": link.state,
            "phys": link.phys,
            "peer_lid": line.peer_lid,
            "peer_port": peer.port,
            "peer": peer.name,
        }
        assert {key: values[key] for key in facts} == facts
