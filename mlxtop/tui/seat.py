"""A machine among several on the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlxtop.change.privilege import ActionContext
from mlxtop.hosts.machines import Machine
from mlxtop.model.frame import Frame
from mlxtop.model.machine import MachineState, Reach
from mlxtop.tui.feed import Feed
from mlxtop.tui.state import State
from mlxtop.watch.alert import Alert
from mlxtop.watch.watch import Watch

if TYPE_CHECKING:
    from mlxtop.path.follow import PathFollower
    from mlxtop.tui.flight import Flight
    from mlxtop.tui.screens.load import Loads


class Seat:
    """A machine on the screen: what the app has of one, for each."""

    def __init__(
        self, machine: Machine, context: ActionContext | None = None, feed: Feed | None = None
    ) -> None:
        """`context`: where the machine may be changed from here. `feed`: one that has begun."""
        self.machine, self.context = machine, context
        self.feed = feed or Feed(machine.source)
        self.state = State()
        self.paths: PathFollower | None = None
        self.flight: Flight | None = None
        self.loads: Loads | None = None
        self.fire: Callable[[Alert], None] | None = None

    @property
    def name(self) -> str:
        return self.machine.name

    @property
    def reach(self) -> Reach:
        """Return how the machine is reached; one whose thread has ended is lost."""
        if self.feed.error is None:
            return self.machine.reach
        return self.machine.reach._replace(state=MachineState.LOST, why=str(self.feed.error))

    @property
    def is_live(self) -> bool:
        return self.reach.state is MachineState.LIVE and self.state.newest is not None

    def arrive(self, frame: Frame) -> list[Alert]:
        """Take a frame in; return what has become bad."""
        before = self.state.newest
        if before is not None and frame.sample.tick < before.sample.tick:
            self.state.look(Watch())  # it was started anew
        alerts = self.state.arrive(frame)
        if self.flight is not None:
            self.flight.take(frame, alerts)
        if self.paths is not None:
            self.paths.take(frame, self.state.watch)
        return alerts
