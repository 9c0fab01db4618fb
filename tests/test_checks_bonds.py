"""Bonds that do not do what people expect of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import CouldNotTell, Finding
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.tuning import Bond, BondSlave
from tests.cases import GOOD, GOOD_HOST, only, run, unknown


def bonded(bond: Bond, carrier: int | None = None) -> list[Finding | CouldNotTell]:
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
    link = GOOD.link._replace(carrier_changes=carrier)
    return run("bonds", replace(GOOD, port=port, link=link), host=host)


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


def flapping(*failures: int | None, carrier: int | None = None) -> list[Finding | CouldNotTell]:
    members = tuple(BondSlave(f"p{n}", True, failures=count) for n, count in enumerate(failures, 1))
    return bonded(Bond("bond0", "active-backup", slaves=members), carrier)


@pytest.mark.parametrize(("failures", "found"), [(19, False), (20, True), (None, False)])
def test_a_member_whose_link_failed_often_is_found(failures: int | None, found: bool) -> None:
    assert bool(flapping(failures, 0)) is found


def test_the_finding_names_the_member_and_where_to_look() -> None:
    finding = only(flapping(640, 1, carrier=1281))
    assert "p1 640 times" in finding.evidence and "p2" not in finding.evidence
    assert finding.severity == "warning"
    assert "cable, module and switch port of p1" in finding.advice
    assert "carrier itself" not in finding.why


def test_a_carrier_that_stayed_speaks_for_the_bonds_monitoring() -> None:
    assert (
        "the carrier itself changed less often (p1 2 times)" in only(flapping(640, carrier=2)).why
    )


@pytest.mark.parametrize(("other", "severity"), [(25, "note"), (24, "warning")])
def test_failures_of_all_members_alike_come_from_the_far_end(other: int, severity: str) -> None:
    assert only(flapping(100, other)).severity == severity


def test_a_spare_member_may_be_slower() -> None:
    assert bonded(Bond("bond0", "active-backup", slaves=slaves(40000, 10000))) == []
