"""What a link could be is a claim: each case in which it does not hold, on both sides."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.model.fabric import Fabric, FabricEnd, FabricLink, FabricNode, NodeKind, each_once

A, B = FabricEnd("0xa", 1, "node1", "0xa"), FabricEnd("0xb", 2, "leaf1", "0xb")


def link(**changes: Any) -> FabricLink:
    slow = FabricLink(A, B, "Active", "LinkUp", 4, "EDR", None, "HDR")
    return slow._replace(**changes)


def test_a_link_below_what_both_ends_can_do_says_what_it_could_be() -> None:
    assert link().could == (4, "HDR")
    assert link(lanes=1, could_lanes=4).could == (4, "HDR")
    slow = link(speed="FDR")
    assert Fabric(links=(slow, link(could_speed=None))).below == (slow,)


@pytest.mark.parametrize(
    "changes",
    [
        {"could_speed": None},
        {"could_speed": "EDR"},
        {"could_speed": "QDR"},
        {"state": "Initialize"},
        {"state": "Armed"},
        {"phys": "LinkErrorRecovery"},
        {"speed": None},
        {"lanes": None},
        {"could_speed": None, "could_lanes": 12},
        {"b": B._replace(name="Mellanox Technologies Aggregation Node")},
    ],
    ids=str,
)
def test_where_that_is_no_fault_nothing_is_claimed(changes: dict[str, Any]) -> None:
    assert link(**changes).could is None


def test_of_gangs_of_connectors_one_cable_counts() -> None:
    assert link(lanes=1, could_lanes=12, could_speed=None).could == (4, "EDR")
    assert link(lanes=4, could_lanes=8, could_speed=None).could is None


def test_links_told_from_both_ends_are_there_once() -> None:
    back = link(a=B, b=A)
    other = link(a=A._replace(port=2), b=B._replace(port=7))
    assert each_once([link(), back, other, link(a=B, b=None)]) == (link(), other)


@pytest.mark.parametrize(
    ("changes", "is_half"),
    [
        ({}, True),
        ({"lanes": 2, "speed": "HDR", "could_lanes": 4}, True),
        ({"speed": "HDR", "could_speed": "NDR"}, True),
        ({"speed": "FDR"}, False),
        ({"lanes": 1, "speed": "HDR", "could_lanes": 4}, False),
        ({"speed": "QDR", "could_speed": "EDR"}, False),
        ({"lanes": 2, "could_lanes": 4, "could_speed": None}, False),
    ],
    ids=str,
)
def test_half_the_rate_is_what_some_adapters_are_made_for(
    changes: dict[str, Any], is_half: bool
) -> None:
    one = link(**changes)
    assert one.is_half == is_half
    switches = {end.node: FabricNode(end.node, NodeKind.SWITCH) for end in (A, B)}
    assert Fabric(switches, (one,)).below == (one,), "no switch is"
    mixed = {**switches, A.node: FabricNode(A.node, NodeKind.ADAPTER)}
    for nodes in (mixed, {}):
        fabric = Fabric(nodes, (one,))
        assert (fabric.halved, fabric.below) == (((one,), ()) if is_half else ((), (one,)))
