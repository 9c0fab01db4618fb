"""The two ends of one link: by what they were matched, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.machine import PortRef
from mlxtop.model.sample import PortSample


class MatchedBy(StrEnum):
    """What tells that two ports are the ends of one link."""

    SETTINGS = "settings"
    LLDP = "LLDP"
    FABRIC = "iblinkinfo"
    GUID = "InfiniBand GUIDs"
    NEIGHBOUR = "neighbour table"
    SERIAL = "serial number of the cable"


class Surety(StrEnum):
    """How sure a match is."""

    SURE = "sure"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Match(NamedTuple):
    """Two ends of one link."""

    a: PortRef
    b: PortRef
    by: MatchedBy
    surety: Surety
    why: str
    """The evidence in words."""
    also: tuple[MatchedBy, ...] = ()
    """What else tells the same."""
    against: str = ""
    """What tells otherwise, in words."""

    @property
    def ends(self) -> tuple[PortRef, PortRef]:
        return self.a, self.b

    @property
    def is_direct(self) -> bool:
        """Return whether nothing that forwards packets can be between the ends.

        A switch that joins two hosts alone looks like a cable in their neighbour tables.
        """
        direct = {MatchedBy.SETTINGS, MatchedBy.FABRIC, MatchedBy.SERIAL}
        return not direct.isdisjoint((self.by, *self.also))

    def from_side(self, ref: PortRef) -> Match:
        """Return the same with this port as its first end."""
        return self if ref == self.a else self._replace(a=self.b, b=self.a)


class Matches(NamedTuple):
    """The links that were found, each from the machine that comes first, and why not more."""

    links: tuple[Match, ...] = ()
    open: Mapping[PortRef, str] = {}
    """Ports whose other end is not clear, with the reason."""

    def of(self, ref: PortRef) -> Match | None:
        """Return the link of a port with that port as its first end; None where none is known."""
        match = next((link for link in self.links if ref in link.ends), None)
        return match and match.from_side(ref)


NO_MATCHES = Matches()
Ports = Mapping[PortRef, PortSample]


def name_of(ref: PortRef, ports: Ports) -> str:
    """Return machine and port in words."""
    return f"{ref.host} {ports[ref].port.name if ref in ports else ref.port}"
