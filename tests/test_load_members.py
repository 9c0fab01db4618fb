"""A load through a bond, a bridge or several next hops guards and judges every port it can take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop import lab
from mlxtop.lab import LabSystem
from mlxtop.load.members import Members, find_members
from mlxtop.load.request import LoadRequest
from mlxtop.load.route import LoadRefused
from mlxtop.load.runner import LoadRun
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.load import Direction

from .load_lab import PEER, A, B, C, Host, bonded, run_load, shown, simulated, slaves


def names(members: Members) -> tuple[set[str], list[set[str]]]:
    """The ports, and those that carry the traffic together."""
    choices = [{port.now.port.name for port in choice} for choice in members.choices]
    return {port.now.port.name for port in members.ports}, choices


BOTH = {"eth0", "eth1"}
EACH = [{"eth0"}, {"eth1"}]
SEND, RECEIVE = Direction.SEND, Direction.RECEIVE


@pytest.mark.parametrize(
    ("bond", "direction", "choices"),
    [
        (bonded().bond("active-backup", "eth0", "eth1", active="eth1"), SEND, [{"eth1"}]),
        (bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4"), SEND, [BOTH]),
        (bonded().bond("802.3ad", "eth0", "eth1", policy="layer2"), SEND, EACH),
        (bonded().bond("802.3ad", "eth0", "eth1", policy="layer2"), RECEIVE, [BOTH]),
        (bonded().bond("802.3ad", "eth0", "eth1 other", policy="layer3+4"), SEND, [{"eth0"}]),
        (bonded().bond("balance-xor", "eth0 down", "eth1", policy="layer3+4"), SEND, [{"eth1"}]),
        (bonded().bond("balance-rr", "eth0", "eth1"), SEND, [BOTH]),
        (bonded().bond("balance-tlb", "eth0", "eth1"), RECEIVE, EACH),
        (bonded().bond("broadcast", "eth0 down", "eth1"), SEND, [{"eth1"}]),
        (bonded(), SEND, [BOTH]),
    ],
)
def test_every_member_of_a_bond_is_guarded_and_its_mode_says_which_carry_traffic(
    bond: Host, direction: Direction, choices: list[set[str]]
) -> None:
    way = bond.way(shown(A, B), direction=direction)
    assert names(way.members) == (BOTH, choices)
    assert {port.now.port.name for port in way.guarded} == BOTH
    assert way.port.now.port.name in set().union(*choices)


@pytest.mark.parametrize(
    "above", [{"kind": "vlan", "link": 9}, {"kind": "macvlan", "link": 9}, {"kind": "bridge"}]
)
def test_what_stands_on_a_bond_stands_on_all_its_members(above: dict[str, object]) -> None:
    host = bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4").link(12, "top", **above)
    host.route = ["top"]
    if above["kind"] == "bridge":
        host.links[2]["master"] = 12
        host.link(13, "tap0", kind="tun", master=12)
    assert names(host.way(shown(A, B)).members) == (BOTH, [BOTH])


def test_a_bond_without_files_is_known_by_its_ports() -> None:
    host = Host()
    assert names(find_members(host.system, shown(*slaves(A, B), C), ["bond0"]))[0] == BOTH


def test_a_member_that_is_not_shown_cannot_be_guarded_and_is_refused() -> None:
    host = bonded().bond("802.3ad", "eth0", "eth1")
    with pytest.raises(LoadRefused, match=r"bond0 also uses eth1, which is not shown"):
        host.way(shown(A))


def test_a_bond_that_is_shown_itself_is_its_members() -> None:
    bond = Port(PortId("bond0", 1), PortKind.VIRTUAL, netdev="bond0", devtype="bond")
    host = bonded().bond("balance-rr", "eth0", "eth1")
    for via in (None, "bond0"):
        way = host.way(shown(bond, A, B), via=via)
        assert names(way.members) == (BOTH, [BOTH])
        assert (way.device, way.warnings) == ("bond0", ())


# A whole run on a simulated machine whose two ports are a bond


@pytest.fixture
def bond_host(monkeypatch: pytest.MonkeyPatch) -> LabSystem:
    capture, physics = lab._read("pacu")
    ports = physics["card"]["a"]["port"]
    ports["1"]["bond"] = "bond0"
    ports["2"] = ports["1"] | {"netdev": "enp67s0np1", "rdma": "mlx5_1", "ip": "", "peer": ""}
    physics["network"] = {"bonds": {"bond0": "balance-rr"}}
    monkeypatch.setattr(lab, "_read", lambda name: (capture, physics))
    return simulated("pacu")


def heat_second_module(system: LabSystem) -> None:
    """Let the module of the second port, which carries nothing, be too hot from now on."""
    with system.world.lock:
        module = system.world.heats[0].modules[1]
        module.spec = replace(module.spec, idle=10.0)  # W
        module.celsius = 79.0


def test_a_hot_module_of_the_second_member_lets_no_load_begin(bond_host: LabSystem) -> None:
    heat_second_module(bond_host)
    outcome = run_load(bond_host, LoadRequest(PEER, seconds=5))
    assert outcome.ended.startswith("stopped by the heat guard: enp67s0np1 module at ")
    assert outcome.intervals == ()


def test_a_module_of_the_second_member_that_gets_hot_ends_the_load(bond_host: LabSystem) -> None:
    def soon(run: LoadRun) -> None:
        def tell() -> None:
            if len(run.status().intervals) >= 3:
                heat_second_module(bond_host)

        run._changed = tell

    outcome = run_load(bond_host, LoadRequest(PEER, seconds=60), started=soon)
    assert outcome.ended.startswith("stopped by the heat guard: enp67s0np1 module at ")
    assert 3 <= len(outcome.intervals) < 60
    assert outcome.plan.document()["ports"] == ["enp67s0np0", "enp67s0np1"]
    assert outcome.verdict is not None and outcome.verdict.detail.startswith("enp67s0np0: ")
