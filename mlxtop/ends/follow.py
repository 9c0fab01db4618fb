"""The links between machines as time goes on: their ends, and what both of them have counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mlxtop.ends.counts import LinkCounts, Span
from mlxtop.ends.match import NO_MATCHES, Match, Matches
from mlxtop.ends.matching import match
from mlxtop.model.machine import PortRef, SeenMachine
from mlxtop.model.named_links import NamedLink

MATCH_S = 2.0
"""Seconds between looks which ports are ends: twenty machines take some milliseconds."""


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
        self._matched = float("-inf")
        self._counts = LinkCounts()

    def take(self, machines: Sequence[SeenMachine], now: float | None = None) -> None:
        """Take in machines as they are seen now.

        `now`: second of our clock, where it is to be matched anew only now and then.
        """
        hosts = [one.host for one in machines]
        known = hosts == [one.host for one in self.machines]
        self.machines = tuple(machines)
        if now is None or not known or not 0 <= now - self._matched < MATCH_S:
            self._matched = now if now is not None else float("-inf")
            self.matches = match(machines, self._named, self.matches)
        self._counts.take(machines, self.matches.links)

    def packets(self, link: Match) -> tuple[Span, Span]:
        """Return what of the packets of each direction is known to be lost."""
        return self._counts.packets(*link.ends), self._counts.packets(*link.ends[::-1])

    def passed(self, link: Match) -> Passed:
        """Return what went over a link."""
        pauses = self._counts.pauses(*link.ends), self._counts.pauses(*link.ends[::-1])
        return Passed(self.packets(link), pauses)

    def why_not(self, ref: PortRef) -> str:
        """Return why a port has no known other end."""
        if len(self.machines) < 2:
            return "only this machine is shown"
        return self.matches.open.get(ref) or "no port of the other machines is known to be it"
