"""ibnetdiscover: nodes, the GUIDs of their ports, and how they are joined."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.fabric import FabricNode, NodeKind
from mlxtop.sources.tools.ibnetdiscover import parse_ibnetdiscover

TEXT = """#
# Topology file: generated on Sun Nov 29 05:37:16 2026
#
# Initiated from node 0000000000100003 port 0000000000100004

vendid=0x2c9
devid=0xd2f0
sysimgguid=0x200000
switchguid=0x200000(200001)
Switch\t40 "S-0000000000200000"\t\t# "MF0;leaf1:MQM8700/U1" enhanced port 0 lid 2 lmc 0
[1]\t"H-0000000000100000"[1](100001) \t\t# "node1 mlx5_0" lid 1 4xHDR
[2][ext 2]\t"H-0000000000100003"[1](100004) \t\t# "node2 mlx5_0" lid 4 2xHDR
[3]\t"R-0000000000300000"[1](300001) \t\t# "router" lid 5 4xFDR10

vendid=0x2c9
devid=0x101b
sysimgguid=0x100003
caguid=0x100003
Ca\t1 "H-0000000000100003"\t\t# "node2 mlx5_0"
[1](100004) \t"S-0000000000200000"[2][ext 2]\t\t# lid 4 lmc 0 "MF0;leaf1:MQM8700/U1" lid 2 2xHDR

Rt\t1 "R-0000000000300000"\t\t# "router"
[1](300001) \t"S-0000000000200000"[3]\t\t# lid 5 lmc 0 "MF0;leaf1:MQM8700/U1" lid 2 4xFDR10
"""


def test_nodes_have_kind_name_ports_and_address() -> None:
    nodes = parse_ibnetdiscover(TEXT).nodes
    leaf = "0x0000000000200000"
    assert nodes[leaf] == FabricNode(leaf, NodeKind.SWITCH, "MF0;leaf1:MQM8700/U1", 40, 2)
    assert [node.lid for node in nodes.values()] == [2, 4, 5]
    kinds = [node.kind for node in nodes.values()]
    assert kinds == [NodeKind.SWITCH, NodeKind.ADAPTER, NodeKind.ROUTER]


def test_links_are_told_from_both_ends_with_their_widths() -> None:
    links = parse_ibnetdiscover(TEXT).links
    assert [(link.lanes, link.speed) for link in links] == [
        (4, "HDR"),
        (2, "HDR"),
        (4, "FDR10"),
        (2, "HDR"),
        (4, "FDR10"),
    ]
    b = links[3].b
    assert b is not None and (b.port, b.name) == (2, "MF0;leaf1:MQM8700/U1")


def test_ports_lead_to_their_nodes() -> None:
    owners = parse_ibnetdiscover(TEXT).owners
    assert owners["0x0000000000200001"] == "0x0000000000200000"
    assert owners["0x0000000000100001"] == "0x0000000000100000"
    assert owners["0x0000000000100004"] == "0x0000000000100003"


@given(st.text(st.sampled_from('[1](0)"SHR-# lid4xEDRCaSwitch\t\n'), max_size=200))
def test_any_text_gives_nodes_or_none(text: str) -> None:
    assert parse_ibnetdiscover(f'Ca\t1 "H-{1:016x}"\t# ""\n{text}').nodes
