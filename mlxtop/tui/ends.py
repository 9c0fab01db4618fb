"""Both ends of links on the screen of several machines: page 8, and what the ribbon tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlxtop.ends.counts import Span
from mlxtop.ends.follow import Ends
from mlxtop.ends.match import Match
from mlxtop.model.machine import MachineState, PortRef, SeenMachine
from mlxtop.model.named_links import NamedLink
from mlxtop.present import units
from mlxtop.present.ends import loss_item
from mlxtop.present.ends_tables import BothEnds
from mlxtop.present.ribbon import RibbonItem
from mlxtop.present.view import View

LOOK_S = 10.0
"""Seconds between looks at what all links have lost."""

ViewOf = Callable[[PortRef, int], View | None]
"""Returns a port of a machine as its pages see it, for so many columns."""


class LinkScreen:
    """The links between the machines of a screen; for the event loop."""

    def __init__(self, named: Sequence[NamedLink], view_of: ViewOf) -> None:
        self.ends = Ends(named)
        self._view_of = view_of
        self._frozen: dict[Match, tuple[Span, Span]] = {}
        """What had passed when the picture was frozen, of links that were looked at."""
        self._items: list[RibbonItem] = []
        self._looked = float("-inf")

    def take(self, machines: Sequence[SeenMachine], now: float) -> None:
        """Take in machines as they are seen now, at a second of our clock."""
        self.ends.take(machines, now)
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._items = [
                item
                for link in self.ends.matches.links
                if link.is_direct
                for item in self._lost(link)
            ]

    def _lost(self, link: Match) -> list[RibbonItem]:
        ways = ((link.a, link.b), (link.b, link.a))
        return [
            loss_item(sender, receiver, span, f"app.link({sender.host!r}, {str(sender.port)!r})")
            for (sender, receiver), span in zip(ways, self.ends.packets(link), strict=True)
            if span.is_loss
        ]

    def items(self) -> Sequence[RibbonItem]:
        """Return cables that have lost packets lately; a switch may keep packets for itself."""
        return self._items

    def with_ends(self, host: str, view: View, paused: bool) -> View:
        """Return the view of a port with its link, or with the reason why that is not known."""
        ref = PortRef(host, view.port)
        link = self.ends.matches.of(ref)
        if link is None:
            return view._replace(ends=self.ends.why_not(ref))
        far = self._view_of(link.b, view.columns)
        if far is None:
            return view._replace(ends=f"{link.b.host} is not shown at this instant")
        stale = self._stale(link.a.host), self._stale(link.b.host)
        return view._replace(ends=BothEnds(link, (view, far), self._packets(link, paused), stale))

    def _packets(self, link: Match, paused: bool) -> tuple[Span, Span]:
        """Return what each direction of a link has lost; a frozen picture stays as it is."""
        if not paused:
            self._frozen.clear()
        if link not in self._frozen:
            self._frozen[link] = self.ends.packets(link)
        return self._frozen[link]

    def _stale(self, host: str) -> str:
        one = next((one for one in self.ends.machines if one.host == host), None)
        if one is None or one.state is not MachineState.LOST:
            return ""
        return f"lost, last seen {units.duration(round(one.age))} ago"
