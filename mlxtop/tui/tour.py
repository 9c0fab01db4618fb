"""Play the first story on a simulated machine in a minute; any key of the person ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual import events

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

TITLE = "The tour, {} of {}"
KEY_S = 0.15
"""Seconds between two keys."""
LAST_S = 6.0
"""Seconds for which the last thing is said."""
OVER = "The screen is yours: ? has its keys, q quits."


class Step(NamedTuple):
    """Something that is said, if anything, then keys."""

    second: float
    """Since the first picture."""
    text: str
    keys: tuple[str, ...] = ()
    on: str = ""
    """The screen that takes the keys, which is waited for; whatever is there where it is empty."""


STEPS = (
    Step(0, "Two servers with 100G cards and one cable between them. A test gives 46 Gb/s. Why?"),
    Step(7, "I: a test of our own, planned from the hardware.", ("I",), "Overview"),
    Step(9, "", tuple("10.0.0.2"), "LoadDialog"),
    Step(11, "", ("tab", "tab", "6", "0"), "LoadDialog"),
    Step(13, "", ("f5",), "LoadDialog"),
    Step(15, "The heat guard watches module and chip: the test ends before one is too hot.",
         ("escape",), "LoadDialog"),
    Step(22, "Below the table stands what each part of the way can carry. The arrow names what"
         " holds it back."),
    Step(29, "d: what slows the ports down, the worst first, with what was seen and what to do.",
         ("d",), "Overview"),
    Step(37, "Enter, 2: the module gets warm. Its curve goes on into the next minute.",
         ("escape", "enter", "2"), "Findings"),
    Step(49, "I: what came of the test, the worst first, and what to try next.", ("escape", "I"),
         "Detail"),
    Step(57, "Every run is kept: mlxtop runs. R keeps the last quarter of an hour of everything."),
)  # fmt: skip
"""The test is stopped at about the 45th second."""
SAID = [step for step in STEPS if step.text]


class Tour:
    """What is said and pressed when; it goes by the machine's time."""

    def __init__(self, app: MlxtopApp) -> None:
        self._app = app
        self._begin: float | None = None
        self._next = 0
        self._own: list[events.Key] = []
        self.keys: list[str] = []
        """Keys that are still to be pressed."""

    def follow(self, tick: float) -> None:
        """Go on to the step whose time has come, at a frame of that tick in seconds."""
        self._begin = tick if self._begin is None else self._begin
        due = STEPS[self._next].second if self._next < len(STEPS) else STEPS[-1].second + LAST_S
        if tick - self._begin < due:
            return
        if self._next == len(STEPS):
            self._finish()
            return
        step = STEPS[self._next]
        if step.on not in ("", type(self._app.screen).__name__):
            self._begin = tick - due  # all that follows waits too
        else:
            self._next += 1
            if step.text:
                self._say(step)
            self.keys += step.keys
            self._press()

    def _say(self, step: Step) -> None:
        place = SAID.index(step) + 1
        later = SAID[place].second if place < len(SAID) else step.second + LAST_S
        title = TITLE.format(place, len(SAID))
        self._app.notify(step.text, title=title, timeout=later - step.second)

    def heard(self, event: events.Key) -> None:
        """End when it is the person who presses a key."""
        if not any(event is own for own in self._own):
            self._finish()

    def _press(self) -> None:
        """Press the next key, and in a moment those after it."""
        if self.keys:
            key = self.keys.pop(0)
            self._own.append(events.Key(key, key if len(key) == 1 else None))
            self._app.post_message(self._own[-1])
            self._app.set_timer(KEY_S, self._press)

    def _finish(self) -> None:
        self._app.tour = None
        self._app.notify(OVER, title="The tour ends here")
