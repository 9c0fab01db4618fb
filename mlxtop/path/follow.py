"""The ways to peers beside the sampling: probed in a thread, told with the samples.

Peers of the settings are probed from the start. Those that routes suggest are probed once somebody
opens the page of the screen. On a simulated machine with such routes the path is kept as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from threading import Event
from typing import TYPE_CHECKING

from mlxtop.change.privilege import ActionContext
from mlxtop.model.frame import Frame
from mlxtop.model.path import NO_PATHS, PathSettings, PathStatus
from mlxtop.sampler.live import LiveSource
from mlxtop.system.door import System
from mlxtop.watch.watch import Watch

if TYPE_CHECKING:
    from mlxtop.path.run import PathRun


class PathFollower:
    """One session beside a source of samples; everything it says is in `status`."""

    def __init__(
        self,
        system: System,
        settings: PathSettings,
        complain: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`complain` is told, in a thread, why nothing can be probed."""
        self.problem = ""
        """Why nothing is probed."""
        self._complain = complain
        self._system, self._settings = system, settings
        self._run: PathRun | None = None
        self._begun = False
        self._stop = Event()

    def status(self) -> PathStatus:
        """Return what was seen last; from any thread."""
        run = self._run
        if run is None:
            return NO_PATHS
        return run.status._replace(suggested=not self._settings.peers)

    def take(self, frame: Frame, watch: Watch) -> None:
        """Tell the session what the ports say."""
        if self._run is not None:
            self._run.ports.take(frame, watch)

    def over(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield frames, and tell the session what the ports say; end it with them."""
        watch = Watch(verdicts=False, frames=False)
        try:
            for frame in frames:
                if self._run is not None:
                    if self._settings.heat:
                        watch.ingest(frame)
                    self._run.ports.take(frame, watch)
                yield frame
        finally:
            self.stop()

    def begin(self, suggested: bool) -> None:
        """Begin in a thread, unless that was done; with `suggested` for such peers too."""
        if self._begun or self._system.captured:
            return
        if not (suggested or self._settings.peers or self._has_story()):
            return
        self._begun = True
        self._system.clock.thread(self._follow, "paths")

    def stop(self) -> None:
        """End probing."""
        self._stop.set()
        if self._run is not None:
            self._run.session.wake()

    def _has_story(self) -> bool:
        """Return whether this is a simulated machine that has several routes to a host."""
        if not self._system.demo:
            return False
        from mlxtop.sources.tools.ip_routes import read_routes

        hosts = [route.destination for route in read_routes(self._system, ipv6=False) or ()]
        return len(set(hosts)) < len(hosts)

    def _follow(self) -> None:
        from mlxtop.path.peers import propose
        from mlxtop.path.run import PathRun

        peers = self._settings.peers or propose(self._system)
        if not peers:
            self.problem = "no route and no neighbour leads to a host behind a port of a card"
            return
        settings = PathSettings(peers, self._settings.heat, self._settings.probes)
        try:
            run = PathRun(ActionContext(self._system), settings, keep=self._system.demo)
        except OSError as error:
            self.problem = f"nothing can be probed: {error.strerror or error}"
            self._complain(f"the ways to peers: {self.problem}")
            return
        self._run = run
        if not self._stop.is_set():
            run.run(self._stop)


def follow(
    source: LiveSource,
    system: System,
    settings: PathSettings,
    complain: Callable[[str], None] = lambda _: None,
) -> PathFollower:
    """Begin to probe the peers of the settings; the source's samples tell of them from now on."""
    follower = PathFollower(system, settings, complain)
    source.paths = follower.status
    follower.begin(suggested=False)
    return follower
