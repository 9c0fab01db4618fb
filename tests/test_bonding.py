"""Bonds and their members."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlxtop.model.tuning import Bond, BondSlave
from mlxtop.sources.kernel.bonding import parse_bond, read_bonds
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem


def machine(text: str) -> CapturedSystem:
    capture = parse_capture(HEADER + "\n" + text)
    assert capture.complaints == []
    return CapturedSystem("test", capture, capture)


def test_a_bond_in_round_robin_is_read() -> None:
    text = """Ethernet Channel Bonding Driver: v3.7.1 (April 27, 2011)

Bonding Mode: load balancing (round-robin)
MII Status: up

Slave Interface: eth40a
MII Status: down
Speed: Unknown
Link Failure Count: 37

Slave Interface: eth40b
MII Status: up
Speed: 40000 Mbps
"""
    assert parse_bond("bond0", text) == Bond(
        "bond0",
        "balance-rr",
        slaves=(BondSlave("eth40a", False, failures=37), BondSlave("eth40b", True, 40000)),
    )


def test_the_lacp_partner_of_a_member_is_read() -> None:
    text = """Bonding Mode: IEEE 802.3ad Dynamic link aggregation
Transmit Hash Policy: layer3+4 (1)
802.3ad info
Active Aggregator Info:
\tAggregator ID: 1
\tPartner Mac Address: 00:00:00:00:00:00

Slave Interface: eth1
MII Status: up
Aggregator ID: 2
details actor lacp pdu:
    system mac address: 08:00:27:99:a3:6b
details partner lacp pdu:
    system mac address: 00:11:22:33:44:55
"""
    bond = parse_bond("bond0", text)
    assert bond is not None
    assert (bond.mode, bond.policy, bond.aggregator) == ("802.3ad", "layer3+4", 1)
    assert bond.partner == "00:00:00:00:00:00"
    assert bond.slaves[0].partner == "00:11:22:33:44:55"
    assert bond.slaves[0].aggregator == 2


def test_only_bonds_are_bonds() -> None:
    assert parse_bond("x", "") is None
    assert read_bonds(machine("/proc/net/bonding/bond0:\n  | rubbish\n")) == {}


MODES = {
    "IEEE 802.3ad Dynamic link aggregation": "802.3ad",
    "load balancing (round-robin)": "balance-rr",
}


@pytest.mark.captures
@pytest.mark.skipif("MLXTOP_CAPTURES" not in os.environ, reason="MLXTOP_CAPTURES is not set")
def test_bonds_of_real_hosts_are_read_as_people_read_them() -> None:
    folder = Path(os.environ["MLXTOP_CAPTURES"])
    expected = json.loads((folder / "EXPECTED.json").read_text())
    names = [name for name in expected if name.startswith("net/bond")]
    assert names
    for name in names:
        bond = parse_bond("bond0", (folder / name).read_text())
        assert bond is not None
        told = expected[name]
        assert bond.mode == MODES[told["mode"]]
        for slave, facts in zip(bond.slaves, told.get("slaves", []), strict=False):
            assert slave.name == facts["name"]
            assert slave.up == (facts["mii_status"] == "up")
            assert slave.speed == facts["speed_mbps"]
            assert slave.aggregator == facts.get("aggregator")
