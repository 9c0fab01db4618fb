"""mlxtop on a terminal: the commands that hold on every screen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from importlib.resources import files
from operator import attrgetter
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ReturnType, SystemCommand
from textual.message import Message
from textual.screen import Screen

from mlxtop.model.identity import PortId
from mlxtop.settings import MIN_INTERVAL, Settings
from mlxtop.system.process import can_be_continued
from mlxtop.tui import themes
from mlxtop.tui.commands import COMMANDS, Scope, available, bindings, keys_of
from mlxtop.tui.machine_changes import MachineChanges
from mlxtop.tui.pulse import Pulse
from mlxtop.tui.screens.base import Dialog, WatchScreen
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.widgets.lines import ROLE_CLASSES, Lines

if TYPE_CHECKING:
    from mlxtop.recording.prepare import Preparer
    from mlxtop.tui.tour import Tour

PACES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds that `+` and `-` step through."""
FLIGHT_BEGIN_S = 0.8
"""Seconds after the start until the flight recorder is loaded; what came before is not lost."""
LOOK_S = 20.0
"""Seconds for which it is said what to look at on a simulated machine."""
PROBATION_LOOK_S = 1.0
"""Seconds after the start until changes on probation are looked for."""
PATHS_LOOK_S = 0.5
"""Seconds after the start until the ways to peers are probed."""
EVERYWHERE = (Scope.EVERYWHERE, Scope.REPLAY)


class EarlierRead(Message):
    """What came before memory was read from recordings."""


class MlxtopApp(MachineChanges):
    """The live screen."""

    TITLE = "mlxtop"
    CSS = files(__package__).joinpath("app.tcss").read_text("utf-8")
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        *((0, "-tiny"), (10, "-few"), (18, "-short"), (30, "-tall"), (50, "-huge"))
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES
    BINDINGS = bindings(Scope.EVERYWHERE)
    first_port: PortId | None = None
    """A port whose pages are opened once it is there."""
    story = ""
    """A sentence about a simulated machine."""
    look = ""
    """What to look at on a simulated machine, and which keys to try."""
    tour: Tour | None = None
    """The first story, which plays itself."""
    instead: str | None = None
    """What the person wants to see instead of a machine without a port: `all` or `demo`."""
    replay = False
    """A recording is played: what belongs to a live machine does not exist."""
    _preparer: Preparer | None = None

    def on_ready(self) -> None:
        if self.look and self.tour is None:
            self.notify(self.look, title=f"DEMO  {self.machines_title}", timeout=LOOK_S)
        self.set_timer(PROBATION_LOOK_S, self.look_for_probation)
        Pulse(self).begin()
        if self.paths is not None:
            self.set_timer(PATHS_LOOK_S, partial(self.paths.begin, suggested=False))
        if self.flight is not None:
            self.state.watch.past = self.flight.past(self.state.watch.recent)
            self.flight.earlier.told = self._tell_of_earlier
            self.set_timer(FLIGHT_BEGIN_S, self.flight.begin)

    @property
    def theme_names(self) -> list[str]:
        return themes.names(self.available_themes)

    @property
    def machines_title(self) -> str:
        return self.source.label

    def get_default_screen(self) -> Screen[ReturnType]:
        overview = Overview()
        overview.table.port = self.first_port
        return overview  # type: ignore[return-value]

    def _open(self) -> None:
        super()._open()
        if self.settings.theme and self.settings.theme not in self.theme_names:
            self.notify(f"settings: there is no theme {self.settings.theme}", severity="warning")
        self._open_first_port()

    async def on_event(self, event: events.Event) -> None:
        if self.tour is not None and isinstance(event, events.Key):
            self.tour.heard(event)
        await super().on_event(event)

    def draw(self) -> None:
        super().draw()
        if self.tour is not None and self.open and self.state.newest is not None:
            self.tour.follow(self.state.newest.sample.tick)
        self._open_first_port()

    def _open_first_port(self) -> None:
        """Open the pages of the port that was asked for, once it is selected."""
        if self.first_port is not None and self.first_port == self.state.selected:
            self.first_port = None
            if isinstance(self.screen, Overview):
                self.screen.action_details()

    def leave_for(self, instead: str) -> None:
        """End this screen, so that the command line opens another."""
        self.instead = instead
        self.exit(return_code=0)

    def foot(self) -> Lines | None:
        """Return a new line for the foot of a screen; None where there is nothing to be told."""
        return None

    def draw_foot(self, foot: Lines) -> None:
        """Draw the line at the foot of a screen."""

    def badges(self) -> tuple[str, ...]:
        """Return the marks that every screen shows."""
        marks = [*self.source.kind.marks]
        if self.state.paused:
            marks.append("PAUSED")
        if self.loads is not None and self.loads.busy:
            marks.append("LOAD")
        newest = self.state.newest
        if self.flight is not None and newest is not None:
            record = self.flight.mark(newest.sample.tick)
            marks += [record] if record else []
        return tuple(marks)

    # Commands

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        scopes = screen.scopes() if isinstance(screen, WatchScreen) else EVERYWHERE
        for command in available(*scopes, readonly=self.readonly, replay=self.replay):
            key = keys_of(command, self.settings.keys, self.state.ascii)[0]
            run = partial(self._run_later, command.action)
            yield SystemCommand(command.title, f"key {key}", run)
        yield SystemCommand("Choose a theme", "colours of the screen", self.action_change_theme)

    def _run_later(self, action: str) -> None:
        self.call_later(self.run_action, action, self.screen)

    def action_record(self) -> None:
        """Save what the flight recorder holds and go on recording, or stop that."""
        if self.flight is None:
            self.notify("this machine cannot be recorded: it is not a live one", severity="warning")
            return
        self.flight.switch()
        self.lookout.expect()
        self.draw()

    def look_through(self) -> None:
        """Have the file looked through while it is written, so that it opens at once later."""
        path = self.flight.path if self.flight is not None else None
        if self.context is None or self.state.newest is None or not (path or self._preparer):
            return
        if self._preparer is None:
            from mlxtop.recording.prepare import Preparer

            self._preparer = Preparer(self.context.system, self.feed.stop)
        self._preparer.advance(path, self.state.newest.sample.tick)

    def read_earlier(self, seconds: float) -> None:
        """Have recordings continue the history of the picture that stands, so far further back."""
        port, now = self.state.selected, self.state.newest
        oldest = self.state.watch.history.oldest(port) if port is not None else None
        if self.flight is not None and now is not None and oldest is not None:
            self.flight.earlier.read(now.sample, oldest, seconds)

    def _tell_of_earlier(self) -> None:
        with suppress(RuntimeError):  # all is over
            self.post_message(EarlierRead())

    def on_earlier_read(self) -> None:
        """Draw what recordings had, or say that they have nothing."""
        history = self.flight.earlier.take() if self.flight is not None else None
        if history is None or not self.state.paused:
            return
        if history.first is None:
            self.notify("no recording of this machine reaches further back")
            return
        self.state.put_before(history)
        self.draw()

    def action_acknowledge(self) -> None:
        """Acknowledge the alarm under the cursor with what it brought, else the most urgent one."""
        screen = self.screen
        chosen = screen.alarm_keys() if isinstance(screen, WatchScreen) else None
        if chosen is not None:
            done = sum(map(self._acknowledged, chosen)) > 0
        else:
            items = sorted(self.ribbon_items(), key=attrgetter("urgency"))
            done = any(self._acknowledged(item.key) for item in items)
        if not done:
            self.notify("no alarm to acknowledge")
        self.draw()

    def _acknowledged(self, key: str) -> bool:
        """Acknowledge an alarm; return whether there is such a one."""
        return self.state.watch.alarms.acknowledge(key)

    def action_alone(self) -> None:
        self.notify("there is only this machine; -H HOST shows others beside it")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if (self.readonly or self.replay) and any(
            ((self.readonly and c.changes) or (self.replay and c.live))
            and c.action.partition("(")[0] == f"app.{action}"
            for c in COMMANDS
        ):
            return False
        return super().check_action(action, parameters)

    def farewell(self) -> list[str]:
        """Return lines for a person who has left: what goes on without us, and what was recorded.

        The flight recorder ends.
        """
        lines = self.link_types.farewell() if self.link_types is not None else []
        recorded = self.flight.close() if self.flight is not None else None
        return [*lines, recorded] if recorded else lines

    def action_suspend_process(self) -> None:
        """Stop as the terminal's Ctrl-Z does: everything that was started with us as one job."""
        if can_be_continued():
            os.killpg(os.getpgrp(), signal.SIGTSTP)
        else:
            self.notify("no shell is there that could continue mlxtop", severity="warning")

    def action_pause(self) -> None:
        if self.state.paused:
            self.state.resume()
            if self.flight is not None:
                self.flight.earlier.forget()
        else:
            self.state.pause()
        if isinstance(self.screen, WatchScreen):
            self.screen.pausing()
        self.draw()

    def action_units(self) -> None:
        self.state.bits = not self.state.bits
        self.draw()

    def action_zero(self) -> None:
        self.state.reset()
        self.draw()

    def action_pace(self, steps: int) -> None:
        now = self.source.interval
        if steps > 0:
            now = next((pace for pace in PACES if pace > now * 1.001), now)
        else:
            now = next((pace for pace in reversed(PACES) if pace < now * 0.999), now)
        self._set_pace(now)
        self.draw()

    def _set_pace(self, seconds: float) -> None:
        longest = self.longest_interval()
        if seconds > longest:
            self.notify(f"while a load runs, its heat guard needs a sample every {longest:g} s")
        self.source.interval = min(longest, max(MIN_INTERVAL, seconds))

    def action_options(self, name: str = "") -> None:
        from mlxtop.tui.screens.options import OptionsDialog

        self.push_screen(OptionsDialog(self, name))

    def take_up(self, settings: Settings, name: str) -> None:
        """Use settings of which that of a name has changed, where that needs no new start."""
        self.settings = settings
        if name == "interval":
            self._set_pace(settings.interval)
        elif name == "bits":
            self.state.bits = settings.bits
        elif name == "ascii":
            self.state.ascii = settings.ascii or themes.only_ascii(os.environ)
        elif name == "theme":
            self.choose_theme()
        elif name == "keys":
            self.set_keymap(dict(settings.keys))
        for screen in self.screen_stack:
            if isinstance(screen, WatchScreen | Dialog):
                screen.settings_changed()
        self.draw()

    def action_shade(self) -> None:
        self.theme = themes.other_shade(self.theme, self.available_themes)
