"""udev rules that pin the names of ports."""

from __future__ import annotations

from typing import Any

from mlxtop.commands.udev_rules import udev_rules
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.sample import Link, LinkLayer, PortSample


def sample(**changes: Any) -> PortSample:
    port = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, "mlx5_core", "0000:43:00.0")
    return PortSample(port._replace(**changes), Link(LinkLayer.ETHERNET))


def test_representors_do_not_take_the_name_of_their_port() -> None:
    (*_, rule), _ = udev_rules([sample(netdev="p0", representors=("p0vf0",))])
    assert 'ATTR{phys_port_name}=="p[0-9]*"' in rule


def test_names_that_cannot_stand_in_a_rule_are_left_out() -> None:
    rules, left_out = udev_rules([sample(netdev='x", RUN+="/bin/sh'), sample()])
    assert rules == []
    assert [why for _, why in left_out] == [
        "its name cannot stand in a rule",
        "no network device, so no name",
    ]
