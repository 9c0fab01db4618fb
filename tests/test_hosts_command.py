"""Subcommands on several machines: what is of one machine or of one link says so."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlxtop.cli import main
from mlxtop.commands import hosts
from mlxtop.commands.arguments import parser
from mlxtop.commands.doctor_several import _meant
from mlxtop.commands.load_far import FarSide
from mlxtop.hosts.machines import Machine
from mlxtop.hosts.remote import RemoteSource
from mlxtop.lab import ManualClock, load_lab
from mlxtop.settings import Settings
from mlxtop.sources.tools.iproute2 import Address
from tests.samples import mlx5_port

TWO_ENDS = "has two ends: this machine and one -H, or --demo A+B (see mlxtop "
ONE = "is of one machine: without -H and A+B"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--demo pacu+fry+ceph load 10.0.0.3", f"load {TWO_ENDS}load --help)"),
        ("-H fry --no-local measure fry", f"measure {TWO_ENDS}measure --help)"),
        ("-H fry rdma", f"rdma {ONE}; for another machine: ssh HOST mlxtop rdma"),
        ("--demo pacu+fry cabling --check x", f"cabling {ONE} (see"),
        ("-H fry --readonly load fry", "load sends traffic: not with --readonly"),
    ],
)
def test_what_cannot_be_done_on_several_machines_is_one_line(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 1
    out, err = capsys.readouterr()
    *_, line = err.splitlines()
    assert out == "" and line.startswith(f"mlxtop: {told}")


@pytest.mark.parametrize(
    ("host", "told"),
    [("10.9.9.9", "fry has no address 10.9.9.9"), ("nobody", "knows no host names")],
)
def test_a_load_goes_to_no_other_address_than_the_one_that_was_asked_for(
    host: str, told: str
) -> None:
    near = SimpleNamespace(name="fry")
    side = cast("FarSide", SimpleNamespace(machine=near, _system=load_lab("pacu", ManualClock())))
    addresses = [Address("enp67s0np0", "10.0.0.3/24")]
    assert FarSide._own_address(side, "10.0.0.3", addresses) == "10.0.0.3"
    with pytest.raises(ValueError, match=told):
        FarSide._own_address(side, host, addresses)


def patient(name: str, *ports: str, why: str = "") -> Any:
    """A machine that was looked at for the port p1."""
    frames = [SimpleNamespace(now=SimpleNamespace(port=mlx5_port(f"0000:{n}", port, "mlx5_0")))
              for n, port in enumerate(ports)]  # fmt: skip
    meant = tuple(port for port in ports if port == "p1")
    return SimpleNamespace(name=name, why=why, ports=meant, newest=frames)


def test_doctor_reports_on_the_machines_that_have_the_port_that_is_named() -> None:
    pacu, fry, lost = patient("pacu", "p1"), patient("fry", "p2"), patient("lost", why="no answer")
    assert list(_meant([pacu, fry], [])) == [pacu, fry]
    assert list(_meant([pacu, fry, lost], ["p1"])) == [pacu, lost]
    with pytest.raises(ValueError, match="no port is called 'p3' on any of the machines"):
        _meant([pacu, fry], ["p3"])
    assert list(_meant([fry, lost], ["p3"])) == [lost], "it may have that port"


def test_a_port_that_is_named_is_the_one_that_is_shown_of_several_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = []

    def machines(*given: Any) -> list[Machine]:
        taken.append(given[2].include)
        return []

    monkeypatch.setattr(hosts, "machines", machines)
    monkeypatch.setattr(hosts, "say", lambda *_: 0)
    assert main(["--demo", "pacu+fry", "enp67s0np0", "--once"]) == 0
    assert taken == [("enp67s0np0",)]


@pytest.mark.parametrize(
    ("words", "serves"),
    [
        ("-H fry --no-local", True),
        ("-H fry --no-local load fry", True),
        ("-H fry --no-local measure fry", True),
        ("-H fry --no-local --readonly", False),
        ("-H fry --no-local --once", False),
        ("-H fry --no-local doctor", False),
    ],
)
def test_a_far_side_may_be_asked_to_serve_where_a_test_can_be_begun(
    words: str, serves: bool
) -> None:
    args = parser().parse_args(words.split())
    settings = replace(Settings(), readonly="--readonly" in words)
    (found,) = hosts.machines(args, {}, settings)
    assert isinstance(found.source, RemoteSource)
    assert json.loads(found.source.hello())["serve"] is serves
