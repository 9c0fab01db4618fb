"""Subcommands on several machines: what is of one machine or of one link says so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from mlxtop.cli import main
from mlxtop.commands.load_far import FarSide
from mlxtop.lab import ManualClock, load_lab
from mlxtop.sources.tools.iproute2 import Address

TWO_ENDS = "has two ends: this machine and one -H, or --demo A+B (see mlxtop --help)"
ONE = "is of one machine: without -H and A+B"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--demo pacu+fry+ceph load 10.0.0.3", f"load {TWO_ENDS}"),
        ("-H fry --no-local measure fry", f"measure {TWO_ENDS}"),
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
