"""The life of the live screen: one thread samples, the event loop draws.

The thread (`feed`) speaks by message alone; nothing here waits for the machine, so that a hanging
reader or a stalled terminal never stops the other.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

from textual.message import Message
from textual.widget import Widget

from mlxtop.change.privilege import ActionContext
from mlxtop.present.alarms import alarm_items
from mlxtop.present.ribbon import RibbonItem
from mlxtop.present.view import View
from mlxtop.sampler.facts import RDMA, Fact
from mlxtop.sampler.source import Source
from mlxtop.settings import Settings
from mlxtop.tui import themes
from mlxtop.tui.commands import misnamed
from mlxtop.tui.driver import QuietDriver
from mlxtop.tui.feed import Feed
from mlxtop.tui.lookout import Lookout
from mlxtop.tui.screens.base import Dialog, WatchScreen
from mlxtop.tui.state import State
from mlxtop.tui.terminal import QUESTION, Flow
from mlxtop.tui.terminal_app import TerminalApp
from mlxtop.tui.window import TerminalWindow
from mlxtop.watch.alert import Alert, AlertKind

if TYPE_CHECKING:
    from mlxtop.doctor.check import Report
    from mlxtop.health.store import HealthStore
    from mlxtop.path.follow import PathFollower
    from mlxtop.tui.flight import Flight
    from mlxtop.tui.screens.load import Loads
    from mlxtop.tui.widgets.port_table import Block

FIRST = 0.1
"""Seconds that the first picture waits for the first frame when everything else is in place."""
SETTLED = 0.5
"""Seconds after it until memory is tidied."""
RINGS = frozenset(AlertKind) - {AlertKind.WARMING, AlertKind.PATH_UP}
"""What the bell rings for and what the desktop is told, where it is wanted."""


class FrameArrived(Message):
    """The sampling thread has put down frames."""


class LiveApp(TerminalApp):
    """Samples and draws."""

    def __init__(
        self,
        source: Source,
        settings: Settings,
        context: ActionContext | None = None,
        feed: Feed | None = None,
    ) -> None:
        """Take the `feed` of the source where it has begun already."""
        super().__init__(settings)
        self.source, self.context = source, context
        self.feed = feed or Feed(source)
        self.state = State(
            settings.bits, settings.ascii or themes.only_ascii(os.environ), settings.window
        )
        self.state.columns, self.state.firmware = settings.columns, settings.firmware
        self.loads: Loads | None = None
        """Load tests; made when the first is wanted."""
        self.fire: Callable[[Alert], None] | None = None
        """Runs the user's script for an alert, without waiting for it."""
        self.examination: Thread | None = None
        """The only thread that examines a port for the list of findings."""
        self.more_items: list[Callable[[], Sequence[RibbonItem]]] = []
        """Each returns items of the ribbon that come from elsewhere than the Watch; asked again
        for every frame, and by `draw`."""
        self.paths: PathFollower | None = None
        """The ways to peers; None where nothing can be probed."""
        self.health: HealthStore | None = None
        """Remembers the links of this machine; None where nobody does."""
        self._problem = ""
        self.flight: Flight | None = None
        """The flight recorder; None where nothing can be recorded."""
        self.lookout = Lookout(self)
        self.machine = ""
        """Name of the machine whose state is shown, where there are several."""
        self.open = False
        """The first picture is on the terminal."""
        self.gathered: set[Widget] | None = None
        """Widgets to be painted when the frame that is being drawn is complete."""
        self.answering = True
        """What is drawn now answers a key or the mouse, and is not just the next frame."""
        self.terminal_window = TerminalWindow(self)
        self._flow = Flow()
        self._waiting = False

    # From the start to the end

    def on_load(self) -> None:
        """Sample while everything is put in place, and write one picture then instead of three."""
        self._first_picture = self.batch_update()
        self._first_picture.__enter__()
        self.feed.listen(self._tell)
        self.feed.start()

    def on_ready(self) -> None:
        """Show the first frame now that everything is in place, if it is there soon."""
        if self.end_if_told():
            return
        if self.state.frame is None:
            self.set_timer(FIRST, self._open)
        else:
            self._open()

    def _open(self) -> None:
        """Write the first picture."""
        if self.open:
            return
        self._first_picture.__exit__(None, None, None)
        self.answering = False
        for screen in self._visible_screens():
            screen.place()
        self.answering = self.open = True
        for screen in self._visible_screens():
            screen.write_all()
        self._ask_terminal()
        if not self.is_headless:
            self.set_timer(SETTLED, _freeze)
        for name in misnamed(self.settings.keys):
            self.notify(f"settings: keys: {name} is no command", severity="warning")

    def about_to_stop(self) -> None:
        """Let no load go on while nobody watches it."""
        if self.loads is not None:
            self.loads.interrupt()

    def went_on(self) -> None:
        """Draw everything: the terminal is ours again, and empty."""
        self._flow = Flow()
        self.refresh(layout=True)

    def on_unmount(self) -> None:
        """Stop sampling; a reader that hangs is not waited for."""
        self.feed.stop.set()
        if self.paths is not None:
            self.paths.stop()
        if self.health is not None:
            self.health.close()
        if self.loads is not None:
            self.loads.session.close()
        self.terminal_window.close()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # all is over
            self.post_message(FrameArrived())

    # Frames

    def on_frame_arrived(self) -> None:
        """Take in all frames that have come, and draw the newest; an error ends us."""
        self.take_frames()
        self.lookout.tell()
        self.steer()
        error = self.ending()
        if error is not None:
            self.fail(error)
            return
        self.terminal_window.show_headline()
        if self._in_place and not self.open:
            self._open()
        else:
            self.redraw()

    def take_frames(self) -> None:
        """Take in all frames that have come."""
        for frame in self.feed.take():
            alerts = self.state.arrive(frame)
            self._alert(alerts)
            if self.flight is not None:
                self.flight.take(frame, alerts)
                if alerts:
                    self.lookout.expect()
            if self.paths is not None:
                self.paths.take(frame, self.state.watch)
            if self.health is not None and self.open:
                self.health.take(frame, self.state.watch.health)
                self._tell_problem(self.health.problem)

    def steer(self) -> None:
        """Have the source read what is seen."""
        self.source.looked_at = self.state.selected
        self.source.more_wants = self._wanted()

    def ending(self) -> Exception | None:
        """Return the error that leaves nothing to show; None while there is something."""
        return None if self.feed.stop.is_set() else self.feed.error

    def flights(self) -> Iterator[tuple[str, Flight]]:
        """Yield the flight recorders, each with what names its machine where there are several."""
        if self.flight is not None:
            yield "", self.flight

    def _tell_problem(self, problem: str) -> None:
        """Tell once why links are not remembered."""
        if problem and problem != self._problem:
            self.notify(f"the history of links: {problem}", severity="warning")
        self._problem = problem

    def look_through(self) -> None:
        """Have the file that is written looked through, so that it opens at once later."""

    def _wanted(self) -> frozenset[Fact]:
        """Return the slow facts that the screens, or a recording, want just now."""
        records = self.flight is not None and self.flight.records
        wanted = (screen.wants for screen in self._visible_screens())
        return frozenset(RDMA if records else ()).union(*wanted)

    def _alert(self, alerts: Sequence[Alert]) -> None:
        """Run the user's scripts for what has become bad; ring and notify once for all of it."""
        for alert in alerts:
            if self.fire is not None:
                self.fire(alert)
        loud = [alert for alert in alerts if alert.kind in RINGS]
        if loud and self.settings.bell:
            self.bell()
        self.terminal_window.notify(self.settings.notify, loud)

    def hook_failed(self, text: str) -> None:
        """Report a user's script that failed; called from any thread."""
        with suppress(RuntimeError):
            self.call_later(self.notify, text, severity="warning")

    def redraw(self) -> None:
        """Draw the state, or wait until the terminal has drawn the last frame."""
        if not self.open or not self.is_running:
            return  # not yet there, or already being taken apart
        stalled = isinstance(self._driver, QuietDriver) and not self._driver.idle
        if stalled or not self._flow.ready(monotonic()):
            self._waiting = True
            if not self._flow.asking:
                self._ask_terminal(held_up=True)
            return
        self._waiting = self.answering = False
        self.draw()
        self.answering = True
        self._ask_terminal()

    def draw(self) -> None:
        """Draw the state on every screen that is seen."""
        for screen in self._visible_screens():
            screen.show_frame()
        if isinstance(self.screen, Dialog):
            self.screen.ribbon.present(self.ribbon_items())

    def show_ribbon(self) -> None:
        """Draw the ribbon alone."""
        if self.open and self.is_running:
            for screen in (*self._visible_screens(), self.screen):
                if isinstance(screen, WatchScreen | Dialog) and screen.is_mounted:
                    screen.ribbon.present(self.ribbon_items())

    def ribbon_items(self) -> list[RibbonItem]:
        """Return what the ribbon tells."""
        more = (item for items in self.more_items for item in items())
        return [*more, *alarm_items(self.state.watch)]

    def with_ends(self, view: View) -> View:
        """Return the view of a port with the other end of its link, where that is known."""
        return view

    def with_links(self, report: Report) -> Report:
        """Return a report on the machine with what is found on its links to others."""
        return report

    def blocks(self) -> Sequence[Block]:
        """Return the parts of the table by machine; none where there is only one."""
        return ()

    def focus_machine(self, host: str) -> None:
        """Show another machine's state; none is meant where there is only one."""

    def _visible_screens(self) -> list[WatchScreen]:
        """Return the screens on the terminal, those below a dialog too."""
        screens: list[WatchScreen] = []
        for screen in reversed(self.screen_stack):
            if isinstance(screen, WatchScreen):
                screens.append(screen)
            if not screen.is_modal:
                break
        return screens

    def _ask_terminal(self, held_up: bool = False) -> None:
        """Ask for an answer that comes when the terminal has drawn what was written."""
        if self._driver and not self.is_headless and self._flow.ask(monotonic(), held_up):
            self._driver.write(QUESTION)

    def terminal_answered(self) -> None:
        """Go on: the terminal has drawn everything that was written."""
        self._flow.answered(monotonic())
        if self._waiting:
            self.post_message(FrameArrived())


def _freeze() -> None:
    """Drop what was only there for the start; the rest stays and need not be searched again."""
    gc.collect()
    gc.freeze()
    gc.enable()
