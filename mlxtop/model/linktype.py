"""The protocol that a port speaks: InfiniBand or Ethernet, now and after the next boot.

The numbers are those of LINK_TYPE_Pn in the cards' non-volatile configuration, the words those of
the mlx4 driver's `mlx4_portN` (drivers/net/ethernet/mellanox/mlx4/main.c).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.identity import PortId

_VALUE = re.compile(r"^(?:([A-Za-z]+)\()?(\d)\)?$")
_PORT_TYPE = re.compile(r"(ib|eth)|auto(?: \((ib|eth)\))?")


class LinkType(StrEnum):
    """A link type as `mlx4_portN` spells it; `auto` lets the card sense what the cable brings."""

    IB = "ib"
    ETH = "eth"
    AUTO = "auto"

    @property
    def label(self) -> str:
        """Return the name that people and the tools use: IB, ETH or VPI."""
        return _FORMS[self][0]

    @property
    def number(self) -> int:
        """Return the value of LINK_TYPE_Pn."""
        return _FORMS[self][1]

    @property
    def words(self) -> str:
        return _FORMS[self][2]


_FORMS = {
    LinkType.IB: ("IB", 1, "InfiniBand"),
    LinkType.ETH: ("ETH", 2, "Ethernet"),
    LinkType.AUTO: ("VPI", 3, "auto-sensing"),
}


def link_type_of(text: str | None) -> LinkType | None:
    """Return the value of a LINK_TYPE_Pn parameter; None where name and number are not one of ours.

    >>> link_type_of("ETH(2)")
    <LinkType.ETH: 'eth'>
    """
    match = _VALUE.match((text or "").strip())
    if match is None:
        return None
    name, number = match[1], int(match[2])
    kinds = (kind for kind in LinkType if kind.number == number)
    return next((kind for kind in kinds if name is None or name.upper() == kind.label), None)


class PortType(NamedTuple):
    """The content of `mlx4_portN`: what is configured, and what the port is at the moment."""

    configured: LinkType
    active: LinkType | None
    """None where auto-sensing has not said yet."""


def parse_port_type(text: str | None) -> PortType | None:
    """Return the content of `mlx4_portN`.

    >>> parse_port_type("auto (eth)")
    PortType(configured=<LinkType.AUTO: 'auto'>, active=<LinkType.ETH: 'eth'>)
    """
    match = _PORT_TYPE.fullmatch((text or "").strip())
    if match is None:
        return None
    if match[1]:
        return PortType(LinkType(match[1]), LinkType(match[1]))
    return PortType(LinkType.AUTO, LinkType(match[2]) if match[2] else None)


class Pending(NamedTuple):
    """A link type that the next boot changes."""

    now: LinkType
    next: LinkType


class StoredConfig(NamedTuple):
    """The changes that a card keeps for its next start."""

    pending: Mapping[PortId, Pending] = {}
    """Ports whose link type changes."""
    speed: Mapping[str, str] = {}
    """Parameters that bear on speed, without those that the firmware lacks."""
    unanswered: str | None = None
    """Why the card did not answer; None where it did, or stores nothing."""
    lldp_agents: Mapping[PortId, str] = {}
    """Ports whose firmware speaks LLDP itself and hands no frame on, with the parameter."""
