"""A machine of one port under a Watch, driven a frame at a time."""

from __future__ import annotations

from mlxtop.model.frame import Frame, derive
from mlxtop.model.sample import Link, LinkLayer, LinkState, Sample
from mlxtop.watch.alarms import Alarm
from mlxtop.watch.alert import AlertKind
from mlxtop.watch.watch import Watch
from tests.samples import PACU, WALL, G, ethernet, sample

UP = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100 * G)
DOWN = UP._replace(state=LinkState.DOWN, speed=None)
OFF = UP._replace(state=LinkState.ADMIN_DOWN, speed=None)


class Machine:
    """Frames of one port, a second apart unless told, taken in by a Watch."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.tick = 0.0
        self._last: Frame | None = None

    def see(self, module: float = 50.0, link: Link = UP, seconds: float = 1.0) -> list[AlertKind]:
        """Return the kinds of alerts that a frame with this module and link causes."""
        self.tick += seconds
        port = ethernet(PACU, self.tick, 1e9, 1e9, module=module, link=link)
        return self.take(sample(self.tick, port))

    def lose_the_port(self) -> list[AlertKind]:
        """Return the kinds of alerts of a frame without the port."""
        self.tick += 1.0
        return self.take(sample(self.tick))

    def take(self, one: Sample) -> list[AlertKind]:
        """Return the kinds of alerts of a sample at the machine's time."""
        self._last = derive(one._replace(wall=WALL + self.tick), self._last)
        return [alert.kind for alert in self.watch.ingest(self._last)]

    def alarms(self) -> list[Alarm]:
        """Return all alarms of the Watch."""
        return self.watch.alarms.all()
