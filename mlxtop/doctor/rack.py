"""What checks across machines look at: links with both of their ends, and all machines."""

from __future__ import annotations

from dataclasses import dataclass

from mlxtop.doctor.check import Need, Subject
from mlxtop.ends.compare import Sides, sides
from mlxtop.ends.follow import Ends, Passed
from mlxtop.ends.match import Match
from mlxtop.model.machine import MachineState, SeenMachine
from mlxtop.model.sample import LinkState


@dataclass(frozen=True, slots=True)
class LinkCase(Subject):
    """A link to judge."""

    link: Match
    both: Sides
    passed: Passed

    @property
    def is_up(self) -> bool:
        return all(side.now.link.state is LinkState.UP for side in self.both)

    @property
    def between(self) -> str:
        """Return what else may be so, where a switch can be between the ends."""
        return "" if self.link.is_direct else "; unless a switch between them keeps or adds some"


@dataclass(frozen=True, slots=True)
class RackCase:
    """Machines and the links between them."""

    machines: tuple[SeenMachine, ...]
    links: tuple[LinkCase, ...]


def rack_case(ends: Ends) -> RackCase:
    """Return what is to be judged; a machine that is lost is not, nor a link of it."""
    seen = tuple(one for one in ends.machines if one.state is MachineState.LIVE)
    links = []
    for link in ends.matches.links:
        both = sides(link, seen)
        if both is not None:
            name = " – ".join(side.name for side in both)
            links.append(LinkCase(name, link, both, ends.passed(link)))
    return RackCase(seen, tuple(links))


LINK: Need[LinkCase] = Need("no link with both ends", lambda case: case.links)
RACK: Need[RackCase] = Need(
    "no second machine", lambda case: [case] if len(case.machines) > 1 else []
)
