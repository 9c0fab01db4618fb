"""The route to the far end decides which port a load takes, and how it is bound."""

from __future__ import annotations

import pytest

from mlxtop.load.route import LoadRefused, resolve
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.sample import Link, LinkState
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

from .load_lab import POLICY, A, B, C, Host, bonded, shown


def test_a_backup_that_is_named_is_told_to_carry_nothing() -> None:
    host = bonded().bond("active-backup", "eth0", "eth1", active="eth1")
    way = host.way(shown(A, B), via="eth0")
    assert way.port.now.port.name == "eth1"
    assert way.notes[0] == "eth0 carries nothing now: bond0 uses eth1"
    with pytest.raises(LoadRefused, match="eth0 has no link"):
        host.way(shown(A, B, eth0=Link(state=LinkState.DOWN)), via="eth0")


def routed(policy: str = "1") -> Host:
    host = Host(route=["eth1", "eth0", "eth2"]).real(3, "eth0").real(4, "eth1").real(5, "eth2")
    host.text += f"{POLICY} = {policy}\n"
    return host


def test_all_next_hops_are_guarded_and_the_load_is_bound_to_none() -> None:
    plan = routed().plan(shown(A, B, C))
    assert [member.name for member in plan.members if member.carries] == ["eth1", "eth0", "eth2"]
    assert not {"-B", "--bind-dev"} & set(plan.commands[0])
    assert plan.speed == 300e9
    alone = routed("0").plan(shown(A, B, C))
    assert len(alone.members) == 3 and alone.speed == 100e9


def test_the_next_hop_that_is_named_carries_the_load_and_all_are_guarded() -> None:
    plan = routed().plan(shown(A, B, C), via="eth0")
    assert [member.name for member in plan.members if member.carries] == ["eth0"]
    assert "--bind-dev eth0" in plan.lines[0]
    assert plan.document()["guarded"] == ["eth1", "eth0", "eth2"]


def test_a_virtual_function_is_guarded_by_the_port_that_it_belongs_to() -> None:
    function = A._replace(
        id=PortId("0000:43:01.0", 1), kind=PortKind.VF, function="0000:43:01.0", netdev="vf0"
    )
    host = Host(route=["vf0"]).real(3, "eth0").real(7, "vf0")
    host.text += "/sys/bus/pci/devices/0000:43:01.0/physfn -> ../0000:43:00.0\n"
    way = host.way(shown(A, function))
    assert [port.now.port.name for port in way.members.ports] == ["vf0"]
    assert [port.now.port.name for port in way.guarded] == ["vf0", "eth0"]


def names(text: str) -> CapturedSystem:
    capture = parse_capture(f"{HEADER}\n{text}")
    return CapturedSystem("x", capture, capture)


def test_host_names_are_looked_up_by_the_system() -> None:
    system = names(
        "$ getent ahosts fry\n  | fe80::1%eno1 STREAM\n  | 10.0.0.3        STREAM fry\n"
        "$ getent ahostsv6 fry\n  | fd00::3         STREAM fry\n$ getent ahosts none => 2\n"
    )
    assert resolve(system, "fry") == "10.0.0.3" or resolve(system, "fry").startswith("fe80")
    assert resolve(system, "fry", 6) == "fd00::3"
    assert resolve(system, "fd00::4") == "fd00::4"
    for unknown in ("none", "other"):
        with pytest.raises(LoadRefused):
            resolve(system, unknown)
