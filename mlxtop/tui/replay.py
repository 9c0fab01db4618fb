"""A recording on the screen: the live screen, fed by a `Player`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from time import localtime, strftime

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from mlxtop.model.sample import SourceKind
from mlxtop.present.events import cause_text
from mlxtop.present.scrubber import Mark, Span, scrubber
from mlxtop.present.text import Role
from mlxtop.recording.index import Index
from mlxtop.recording.recording import Recording
from mlxtop.recording.replay import ReplaySource
from mlxtop.recording.when import EXAMPLES, Named
from mlxtop.report.collect import events_named
from mlxtop.settings import Settings
from mlxtop.system.clock import Clock, RealClock
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.commands import Scope, bindings, unlisted
from mlxtop.tui.player import Player
from mlxtop.tui.screens.base import Dialog
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.scrubber import ScrubberLine
from mlxtop.watch.causes import subject_of

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
TICK_S = 0.1
"""Seconds between two looks at the clock while it plays."""


class TimeDialog(Dialog[float | None]):
    """Ends with an epoch second; None where all stays."""

    BINDINGS = unlisted(("escape", "back"))
    AUTO_FOCUS = "#time-text"

    def __init__(self, recording: Recording, events: Iterable[Named], ascii_only: bool) -> None:
        super().__init__("time", "Go to a time or an event", ascii_only)
        self._recording, self._events = recording, list(events)
        self._text = Input(id="time-text", placeholder=f"{EXAMPLES}, link down", compact=True)
        self._about = Lines(id="time-about")

    def body(self) -> ComposeResult:
        yield from (self._text, self._about)

    def on_mount(self) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        self._tell(f"recorded {self._recording.span}", Role.DIM)

    def _tell(self, text: str, role: Role) -> None:
        self._about.show([((f" {text}", role),)])

    @on(Input.Submitted)
    def _go(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(self._recording.time(event.value, lambda: self._events))
        except ValueError as error:
            self._tell(str(error), Role.WARNING)

    def action_back(self) -> None:
        self.dismiss(None)


class ReplayApp(MlxtopApp):
    """The screen of a recording."""

    BINDINGS = bindings(Scope.REPLAY)
    replay = True

    def __init__(
        self,
        recording: Recording,
        settings: Settings,
        at: float | None = None,
        clock: Clock | None = None,
        index: Index | None = None,
    ) -> None:
        """`at`: stand still at this time; None plays from the beginning."""
        self._clock = clock or RealClock()
        self.player = Player(recording, self._clock, at, index)
        source = ReplaySource(recording, self._clock)
        super().__init__(source, settings, None, self.player)
        self._looked = self._clock.now()
        self._event: float | None = None
        """Begin of the event that was gone to; None once one has gone elsewhere."""

    def on_ready(self) -> None:
        self.set_interval(TICK_S, self._tick)

    def on_unmount(self) -> None:
        self.player.end()

    def on_frame_arrived(self) -> None:
        if self.player.arrive():
            self._look()
            self.player.go_on()

    def _tick(self) -> None:
        """Play for the time that has passed."""
        now = self._clock.now()
        passed, self._looked = now - self._looked, now
        if self.player.advance(passed):
            self._event = None
            self._look()
            self.redraw()
        elif not self.player.survey.is_done:
            self._draw_feet()

    def _look(self) -> None:
        """Show where the Playback is."""
        if self.player.playback is not None:
            self.state.look(self.player.playback.watch)

    # Drawing

    def badges(self) -> tuple[str, ...]:
        date = strftime("%F", localtime(self.player.target))
        simulated = self.player.recording.source is SourceKind.DEMO
        return (f"REPLAY {date}", *(("DEMO",) if simulated else ()))

    def foot(self) -> Lines | None:
        return ScrubberLine()

    def draw_foot(self, foot: Lines) -> None:
        if not isinstance(foot, ScrubberLine):
            return
        player = self.player
        one, survey = player.recording, player.survey
        looked = one.end if survey.is_done else survey.wall
        marks = [Mark(each.begin, each.lead.incident.severity) for each in player.causes()]
        sign = "…" if player.busy else "▶" if player.playing else "‖"
        status = f"{sign} {_speed(player.speed)}"
        span = Span(one.begin, one.end, looked, player.counted)
        foot.present(
            scrubber(foot.size.width or self.size.width, span, player.target, marks, status)
        )

    def _draw_feet(self) -> None:
        for screen in self._visible_screens():
            if self.open and screen.foot is not None:
                self.draw_foot(screen.foot)

    # Commands

    def no_port(self) -> None:
        self.notify("there was no port at that time")

    def action_play(self) -> None:
        """Play, from the beginning where this is the end; or stand still."""
        player = self.player
        player.playing = not player.playing
        if player.playing and player.playback is not None and player.playback.peek() is None:
            player.go(player.recording.begin)
        self._looked = self._clock.now()
        self.draw()

    def action_speed(self, steps: int) -> None:
        place = SPEEDS.index(self.player.speed) + steps
        self.player.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, place))]
        self.draw()

    def action_step(self, samples: int) -> None:
        self._event = None
        self.player.step(samples)
        self.draw()

    def action_skip(self, seconds: int) -> None:
        self._go(self.player.target + seconds)

    def _go(self, wall: float, event: float | None = None) -> None:
        self._event = event
        self.player.go(wall, behind=event is not None)
        self.draw()

    def action_event(self, steps: int) -> None:
        """Go to the event before or to the next one, and stand still there."""
        player = self.player
        causes = player.causes()
        begins = [cause.begin for cause in causes]
        here = player.target if self._event is None else self._event
        place = bisect_right(begins, here) if steps > 0 else bisect_left(begins, here) - 1
        if not 0 <= place < len(causes):
            so_far = "" if player.survey.is_done else " that is known so far"
            self.notify(f"no {'later' if steps > 0 else 'earlier'} event{so_far}")
            return
        player.playing = False
        cause = causes[place]
        self._go(cause.begin, event=cause.begin)
        when = strftime("%H:%M:%S", localtime(cause.begin))
        self.notify(f"{when} {subject_of(cause.lead.incident)} {cause_text(cause)}")

    def action_go_to(self) -> None:
        events = events_named(self.player.numbered_causes())
        dialog = TimeDialog(self.player.recording, events, self.state.ascii)
        self.push_screen(dialog, self._go_to_time)

    def _go_to_time(self, wall: float | None) -> None:
        if wall is not None:
            self._go(wall)

    @on(ScrubberLine.Pointed)
    def _pointed(self, event: ScrubberLine.Pointed) -> None:
        one = self.player.recording
        self._go(one.begin + event.share * (one.end - one.begin))


def _speed(speed: float) -> str:
    return {0.25: "¼×", 0.5: "½×"}.get(speed, f"{speed:g}×")
