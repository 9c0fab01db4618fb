"""Bonds that do not do what people expect of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import CouldNotTell, Finding
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.tuning import Bond, BondSlave
from tests.cases import GOOD, GOOD_HOST, only, run, unknown


def bonded(bond: Bond) -> list[Finding | CouldNotTell]:
    port = Port(
        PortId("0000:43:00.0", 1),
        PortKind.PHYSICAL,
        "mlx5_core",
        "0000:43:00.0",
        "card",
        "p1",
        bond="bond0",
        bond_kind="bond",
    )
    host = replace(GOOD_HOST, bonds={bond.name: bond})
    return run("bonds", replace(GOOD, port=port), host=host)


def slaves(*speeds: int | None, up: bool = True) -> tuple[BondSlave, ...]:
    return tuple(BondSlave(f"p{n}", up, speed, 1, "m") for n, speed in enumerate(speeds, 1))


@pytest.mark.parametrize(
    ("bond", "words"),
    [
        (Bond("bond0", "balance-rr", slaves=slaves(40000, 40000)), "balance-rr"),
        (Bond("bond0", "active-backup", slaves=slaves(None, up=False)), "p1 down"),
        (Bond("bond0", "balance-xor", slaves=slaves(40000, 10000)), "unequal speed"),
        (Bond("bond0", "balance-xor", slaves=slaves(40000)), "one member only"),
        (
            Bond("bond0", "802.3ad", "layer2", slaves=slaves(40000, 40000), partner="m"),
            "policy layer2",
        ),
        (
            Bond(
                "bond0",
                "802.3ad",
                "layer3+4",
                partner="00:00:00:00:00:00",
                slaves=slaves(40000, 40000),
            ),
            "LACP partner is all zeros",
        ),
        (
            Bond("bond0", "802.3ad", "layer3+4", None, "m", 2, slaves(40000, 40000)),
            "another aggregator",
        ),
    ],
)
def test_bonds_that_do_not_do_what_people_expect_are_found(bond: Bond, words: str) -> None:
    assert words in only(bonded(bond)).evidence


def test_a_bond_in_order_has_no_finding() -> None:
    assert bonded(Bond("bond0", "802.3ad", "layer3+4", None, "m", 1, slaves(40000, 40000))) == []
    assert bonded(Bond("bond0", "active-backup", slaves=slaves(40000, 40000))) == []
    assert "proc" in unknown(bonded(Bond("bond1", "802.3ad"))).reason


@pytest.mark.parametrize(
    ("members", "words"), [(1, "one member only"), (2, "transmit hash policy layer2")]
)
def test_a_hash_policy_matters_from_two_members(members: int, words: str) -> None:
    bond = Bond("bond0", "802.3ad", "layer2", None, "m", 1, slaves(*[40000] * members))
    assert words in only(bonded(bond)).evidence


def test_a_spare_member_may_be_slower() -> None:
    assert bonded(Bond("bond0", "active-backup", slaves=slaves(40000, 10000))) == []
