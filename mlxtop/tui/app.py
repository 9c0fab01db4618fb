"""The live screen: one thread samples, the event loop draws.

The thread (`feed`) speaks by message alone; nothing here waits for the machine, so that a hanging
reader or a stalled terminal never stops the other.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import takewhile
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, ReturnType, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widget import Widget

from mlxtop.change.privilege import ActionContext
from mlxtop.model.identity import PortKind
from mlxtop.present.text import clean
from mlxtop.sampler.source import Source
from mlxtop.settings import MAX_INTERVAL, MIN_INTERVAL, Settings
from mlxtop.tui.commands import COMMANDS, Scope, available, bindings, keys_of, misnamed
from mlxtop.tui.driver import QuietDriver
from mlxtop.tui.feed import Feed
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.state import State
from mlxtop.tui.terminal import QUESTION, Flow
from mlxtop.tui.themes import choose, only_ascii, other_shade, own_themes, variables
from mlxtop.tui.widgets.lines import ROLE_CLASSES
from mlxtop.watch.heat import Alert, AlertKind

if TYPE_CHECKING:
    from mlxtop.tui.screens.load import Loads

PACES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds that `+` and `-` step through."""
FIRST = 0.1
"""Seconds that the first picture waits for the first frame when everything else is in place."""
SETTLED = 0.5
"""Seconds after it until memory is tidied."""
RINGS = frozenset({AlertKind.WARNING, AlertKind.ALARM, AlertKind.STALE, AlertKind.LINK_DOWN})
"""What the bell rings for, where it is wanted."""
SAVE_TITLE, OLD_TITLE = "\x1b[22;2t", "\x1b[23;2t"
"""Keep the title of the terminal's window, and bring it back."""


class FrameArrived(Message):
    """The sampling thread has put down frames."""


class MlxtopApp(App[int]):
    """mlxtop on a terminal. The exit status is what `run()` returns, 0 where it is None."""

    TITLE = "mlxtop"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        *((0, "-tiny"), (10, "-few"), (18, "-short"), (30, "-tall"), (50, "-huge"))
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.EVERYWHERE)]

    def __init__(
        self,
        source: Source,
        settings: Settings,
        context: ActionContext | None = None,
        feed: Feed | None = None,
    ) -> None:
        """`feed`: of the source, where it has begun already."""
        # Only so does Textual leave out colours altogether instead of showing them as greys.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.source = source
        self.settings = settings
        self.context = context
        self.loads: Loads | None = None
        """Load tests; made when the first is wanted."""
        self.fire: Callable[[Alert], None] | None = None
        """Runs the user's script for an alert, without waiting for it."""
        self.examination: Thread | None = None
        """The only thread that examines a port for the list of findings."""
        self._title = ""
        self.state = State(settings.bits, settings.ascii or only_ascii(os.environ), settings.window)
        self.error: Exception | None = None
        """What ended the program; told when the terminal is itself again."""
        self.feed = feed or Feed(source)
        self._flow = Flow()
        self._waiting = False
        self._in_place = False
        self._status: int | None = None
        """The exit status with which we were told to end."""
        self.open = False
        """Whether the first picture is on the terminal."""
        self.gathered: set[Widget] | None = None
        """Widgets to be painted when the frame that is being drawn is complete."""
        self.answering = True
        """What is drawn now answers a key or the mouse, and is not just the next frame."""
        for theme in own_themes():
            self.register_theme(theme)
        few = self.console.color_system in (None, "standard")
        self.theme = choose(settings.theme, self.available_themes, few)
        self.set_keymap(dict(settings.keys))

    @property
    def readonly(self) -> bool:
        return self.context is None or self.settings.readonly or not self.source.kind.may_change

    def get_driver_class(self) -> type[Driver]:
        chosen = super().get_driver_class()
        return QuietDriver if chosen is LinuxDriver else chosen

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables(self.current_theme)

    def get_default_screen(self) -> Screen[ReturnType]:
        return Overview()  # type: ignore[return-value]

    def badges(self) -> tuple[str, ...]:
        """Return the marks that every screen shows."""
        marks = [*self.source.kind.marks]
        if self.state.paused:
            marks.append("PAUSED")
        if self.loads is not None and self.loads.busy:
            marks.append("LOAD")
        return tuple(marks)

    # Life

    def on_load(self) -> None:
        """Sample while everything is put in place, and write one picture then instead of three."""
        self._first_picture = self.batch_update()
        self._first_picture.__enter__()
        self.feed.listen(self._tell)
        self.feed.start()

    def on_ready(self) -> None:
        """Show the first frame now that everything is in place, if it is there soon."""
        self._in_place = True
        if self._status is not None:
            self.exit(return_code=self._status)
        elif self.state.frame is None:
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

    def end(self, status: int) -> None:
        """End in order; what is being put in place cannot be taken apart before it is there."""
        self._status = status
        if self._in_place:
            self.exit(return_code=status)

    def fail(self, error: Exception) -> None:
        """End in order; the command line says why in one line."""
        self.error = self.error or error
        self.end(1)

    def _fatal_error(self) -> None:
        """End for an exception that nobody caught, in one line as well."""
        self.error = self.error or self._exception
        self._close_messages_no_wait()

    def about_to_stop(self) -> None:
        """Let no load go on while nobody watches it."""
        if self.loads is not None:
            self.loads.interrupt()

    def went_on(self) -> None:
        """Draw everything: the terminal is ours again, and empty."""
        self._flow = Flow()
        self.refresh(layout=True)

    def refresh_css(self, animate: bool = True) -> None:
        """Read the style sheet for another theme; the first is read when the screen is made."""
        if self._screen_stacks[self.current_mode]:
            super().refresh_css(animate)
            return
        self.stylesheet.set_variables(self.get_css_variables())
        if self.is_running:
            self.stylesheet.update(self, animate=False)

    def on_unmount(self) -> None:
        """Stop sampling; a reader that hangs is not waited for."""
        self.feed.stop.set()
        if self.loads is not None:
            self.loads.session.close()
        if self._title and self._driver is not None:
            self._driver.write(OLD_TITLE)

    def _tell(self) -> None:
        with suppress(RuntimeError):  # all is over
            self.post_message(FrameArrived())

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a line for some seconds, never as markup: names in it are untrusted."""
        super().notify(
            clean(message), title=clean(title), severity=severity, timeout=timeout, markup=False
        )

    # Frames

    def on_frame_arrived(self) -> None:
        """Take in all frames that have come, and draw the newest; an error ends us."""
        for frame in self.feed.take():
            self._alert(self.state.arrive(frame))
        self.source.looked_at = self.state.selected
        if self.feed.error is not None and not self.feed.stop.is_set():
            self.fail(self.feed.error)
            return
        self._name_terminal()
        if self._in_place and not self.open:
            self._open()
        else:
            self.redraw()

    def _alert(self, alerts: Iterable[Alert]) -> None:
        """Ring and run the user's scripts for what has become bad."""
        for alert in alerts:
            if self.fire is not None:
                self.fire(alert)
            if self.settings.bell and alert.kind in RINGS:
                self.bell()

    def _name_terminal(self) -> None:
        """Put what is too hot into the title of the terminal's window."""
        worst = self.state.headline()
        label = f"mlxtop {clean(self.source.label)}"
        title = label if worst is None else f"{worst[0]} – {label}"
        titled = not self.is_headless and os.environ.get("TERM", "dumb") not in ("dumb", "linux")
        if title != self._title and self._driver is not None and titled:
            self._driver.write(("" if self._title else SAVE_TITLE) + f"\x1b]2;{title}\x07")
            self._title = title

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
        self._waiting = False
        self.answering = False
        for screen in self._visible_screens():
            screen.show_frame()
        self.answering = True
        self._ask_terminal()

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

    # Commands

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        scope = screen.SCOPE if isinstance(screen, WatchScreen) else Scope.EVERYWHERE
        scopes = (scope, Scope.EVERYWHERE) if scope is not Scope.EVERYWHERE else (scope,)
        for command in available(*scopes, readonly=self.readonly):
            key = keys_of(command, self.settings.keys)[0]
            run = partial(self._run_later, command.action)
            yield SystemCommand(command.title, f"key {key}", run)
        yield SystemCommand("Choose a theme", "colours of the screen", self.action_change_theme)

    def _run_later(self, action: str) -> None:
        self.call_later(self.run_action, action, self.screen)

    def _go_to(self, kind: type[WatchScreen]) -> None:
        """Open a screen, or go back to it where it is open; a dialog over it stays."""
        stack = self.screen_stack
        above = list(takewhile(lambda screen: not isinstance(screen, kind), reversed(stack)))
        if len(above) == len(stack):
            self.push_screen(kind())
        elif all(isinstance(screen, WatchScreen) for screen in above):
            for _ in above:
                self.pop_screen()

    def action_events(self) -> None:
        from mlxtop.tui.screens.pages import Events

        self._go_to(Events)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.readonly and any(c.changes and c.action == f"app.{action}" for c in COMMANDS):
            return False
        return super().check_action(action, parameters)

    def action_link_type(self) -> None:
        from mlxtop.tui.screens.link_type import LinkTypeDialog

        view = self.state.view(0)
        if self.context is None or view is None:
            return
        port = view.now.now.port
        if port.adapter is None or port.kind is not PortKind.PHYSICAL:
            self.notify(f"{port.name} is no port of a card", severity="warning")
            return
        dialog = LinkTypeDialog(self.context, port, self.state.ascii)
        self.push_screen(dialog, lambda _: self.source.read_again())

    def action_findings(self) -> None:
        from mlxtop.tui.screens.findings import Findings

        if self.state.selected is not None:
            self._go_to(Findings)

    def action_load(self) -> None:
        """The dialog that loads the selected port."""
        from mlxtop.tui.screens.load import Loads

        if self.context is not None and not self.readonly:
            self.loads = self.loads or Loads(self, self.context)
            self.feed.tap = self.loads.session.frame
            self.loads.open()

    def on_load_moved(self) -> None:
        if self.loads is not None and not self.feed.stop.is_set():
            self.loads.moved()

    def action_help(self) -> None:
        from mlxtop.tui.screens.pages import Help

        self._go_to(Help)

    def action_retreat(self) -> None:
        screen = self.screen
        if isinstance(screen, Overview):
            screen.retreat()
        elif len(self.screen_stack) > 1:
            self.pop_screen()

    def action_pause(self) -> None:
        if self.state.paused:
            self.state.resume()
        else:
            self.state.paused = True
        self._draw_now()

    def action_units(self) -> None:
        self.state.bits = not self.state.bits
        self._draw_now()

    def action_zero(self) -> None:
        self.state.reset()
        self._draw_now()

    def action_pace(self, steps: int) -> None:
        now = self.source.interval
        if steps > 0:
            now = next((pace for pace in PACES if pace > now * 1.001), now)
        else:
            now = next((pace for pace in reversed(PACES) if pace < now * 0.999), now)
        longest = MAX_INTERVAL if self.loads is None else self.loads.longest_interval
        if now > longest:
            self.notify(f"while a load runs, its heat guard needs a sample every {longest:g} s")
        self.source.interval = min(longest, max(MIN_INTERVAL, now))
        self._draw_now()

    def action_shade(self) -> None:
        self.theme = other_shade(self.theme, self.available_themes)

    def _draw_now(self) -> None:
        for screen in self._visible_screens():
            screen.show_frame()


def _freeze() -> None:
    """Drop what was only there for the start; the rest stays and need not be searched again."""
    gc.collect()
    gc.freeze()
    gc.enable()
