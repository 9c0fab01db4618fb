"""Real opensm, iblinkinfo, ibnetdiscover and ibqueryerrors on a fabric that ibsim simulates."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mlxtop.model.fabric import Fabric, ManagerState, NodeKind
from tests import ibsim

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fabric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ibsim.Simulated]:
    with ibsim.running(tmp_path_factory.mktemp("ibsim")) as simulated:
        yield simulated


def ends(told: Fabric) -> set[frozenset[tuple[str, int]]]:
    """The links by name and port of their ends."""
    return {frozenset((end.name, end.port) for end in link.ends) for link in told.links}


def pair(a: str, b: str) -> frozenset[tuple[str, int]]:
    """`pair("leaf1 1", "node1 1")`"""
    return frozenset((name, int(port)) for name, port in (a.split(), b.split()))


def test_the_fabric_is_read_with_both_managers(fabric: ibsim.Simulated) -> None:
    ibsim.until("two managers", lambda: len(ibsim.read(fabric).managers) == 2)
    told = ibsim.read(fabric)
    assert told.absent == {} and told.is_whole
    kinds = {node.name: node.kind for node in told.nodes.values()}
    assert kinds == {
        **dict.fromkeys(("leaf1", "spine"), NodeKind.SWITCH),
        **dict.fromkeys(("node1", "node2", "node3"), NodeKind.ADAPTER),
    }
    states = [(one.where, one.state, one.priority) for one in told.managers]
    assert states == [("node1", ManagerState.MASTER, 5), ("node3", ManagerState.STANDBY, 1)]
    assert ends(told) == {
        pair("leaf1 1", "node1 1"),
        pair("leaf1 2", "node2 1"),
        pair("leaf1 3", "spine 1"),
        pair("leaf1 4", "spine 2"),
        pair("spine 5", "node3 1"),
    }


def test_a_narrow_link_is_claimed_and_a_full_one_is_not(fabric: ibsim.Simulated) -> None:
    links = {frozenset(end.name for end in one.ends): one for one in ibsim.read(fabric).links}
    narrow = links[frozenset(("leaf1", "node2"))]
    assert (narrow.lanes, narrow.speed, narrow.could) == (1, "SDR", (4, "QDR"))
    assert links[frozenset(("leaf1", "spine"))].could is None


def test_errors_are_told_at_the_port_that_counted_them(fabric: ibsim.Simulated) -> None:
    fabric.command('PerformanceSet "leaf1"[3] PortCounters.SymbolErrorCounter=77')
    ibsim.until("errors", lambda: ibsim.read(fabric).errors)
    told = {(one.name, one.port): one.counts for one in ibsim.read(fabric).errors}
    assert told["leaf1", 3]["SymbolErrorCounter"] == 77


def test_a_link_that_is_down_and_a_swapped_cable_are_seen(fabric: ibsim.Simulated) -> None:
    fabric.command('Unlink "leaf1"[4]')
    gone = pair("leaf1 4", "spine 2")
    ibsim.until("the link has gone", lambda: gone not in ends(ibsim.read(fabric)))
    down = {(link.a.name, link.a.port): link.phys for link in ibsim.read(fabric).down}
    assert down["leaf1", 4] == down["spine", 2] == "Polling"
    fabric.command('Link "leaf1"[6] "spine"[2]')
    swapped = pair("leaf1 6", "spine 2")
    ibsim.until("the other port", lambda: swapped in ends(ibsim.read(fabric)))


def test_the_program_itself_runs_where_no_card_is(fabric: ibsim.Simulated) -> None:
    done = ibsim.program(fabric, "fabric", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert {node["name"] for node in told["nodes"]} >= {"leaf1", "spine", "node1"}
    ends = [end for link in told["links"] for end in link["ends"]]
    assert {end["name"] for end in ends if end["guid"] in told["own_guids"]} == {"node2"}
    drawn = ibsim.program(fabric, "fabric").stdout
    assert "┌─ leaf1" in drawn and "could be 4X QDR" in drawn


def test_a_cable_of_this_host_in_another_port_is_a_difference(fabric: ibsim.Simulated) -> None:
    saved = fabric.folder / "cabling.json"
    done = ibsim.program(fabric, "cabling", "--save", str(saved), node="node3")
    assert (done.returncode, done.stdout) == (0, f"{saved}: 1 port\n")
    fabric.command('Unlink "node3"[1]')
    fabric.command('Link "node3"[1] "spine"[7]')
    ibsim.until(
        "the other port",
        lambda: pair("spine 7", "node3 1") in ends(ibsim.read(fabric, "node3")),
    )
    done = ibsim.program(fabric, "cabling", "--check", str(saved), node="node3")
    assert done.returncode == 2 and "spine port 7" in done.stdout
