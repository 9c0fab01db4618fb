"""The links between machines as time goes on: their ends, and what both of them have counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mlxtop.ends.counts import LinkCounts, Span
from mlxtop.ends.match import NO_MATCHES, Match, Matches, match
from mlxtop.model.machine import PortRef, SeenMachine
from mlxtop.model.named_links import NamedLink


class Passed(NamedTuple):
    """What went over a link, each from its first end to its second, and back."""

    packets: tuple[Span, Span]
    pauses: tuple[Span, Span]


class Ends:
    """Takes one look at all machines after the other; for one thread."""

    def __init__(self, named: Sequence[NamedLink] = ()) -> None:
        self.matches: Matches = NO_MATCHES
        self.machines: tuple[SeenMachine, ...] = ()
        """As they were seen last."""
        self._named = named
        self._counts = LinkCounts()

    def take(self, machines: Sequence[SeenMachine]) -> None:
        """Take in machines as they are seen now."""
        self.machines = tuple(machines)
        self.matches = match(machines, self._named, self.matches)
        self._counts.take(machines, self.matches.links)

    def passed(self, link: Match) -> Passed:
        """Return what went over a link."""
        there, back = link.ends, link.ends[::-1]
        packets = self._counts.packets(*there), self._counts.packets(*back)
        return Passed(packets, (self._counts.pauses(*there), self._counts.pauses(*back)))

    def why_not(self, ref: PortRef) -> str:
        """Return why a port has no known other end."""
        if len(self.machines) < 2:
            return "only this machine is shown"
        return self.matches.open.get(ref) or "no port of the other machines is known to be it"
