"""Play a story on simulated machines in a minute or so; any key of the person ends it."""

from __future__ import annotations

from collections.abc import Sequence
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
FAR_STEPS = (
    Step(0, "Two servers, and both ends of the cable between them on one screen. Which gets hot?"),
    Step(7, "I: a load from pacu to fry, planned from the hardware.", ("I",), "Overview"),
    Step(9, "", tuple("10.0.0.3"), "LoadDialog"),
    Step(11, "", ("tab", "tab", "1", "2", "0"), "LoadDialog"),
    Step(13, "", ("f5",), "LoadDialog"),
    Step(15, "The heat guard watches both ends: chip and module here, and those of fry.",
         ("escape",), "LoadDialog"),
    Step(21, "8: both ends side by side: what one sends and the other gets, light and heat.",
         ("8",), "Overview"),
    Step(33, "It is over: the far module was on its way to its limit. One machine alone never shows"
         " that."),
    Step(42, "I: what came of the test, with the temperatures of both ends.", ("escape", "I"),
         "Detail"),
    Step(52, "Real machines: mlxtop -H HOST, over nothing but ssh; nothing is installed there."),
)  # fmt: skip
"""The test is stopped before the 30th second."""
CUT_STEPS = (
    Step(0, "Three Ceph hosts: each has a cable to both others. One cable will be cut."),
    Step(8, "8: both ends of a cable side by side, of two machines.", ("8",), "Overview"),
    Step(20, "P: the ways from this host to the others, and which one traffic takes.",
         ("escape", "P"), "Detail"),
    Step(78, "The cut is seen at both ends: traffic that had a second way has taken it."),
    Step(88, "e: what happened, and when.", ("e",), "PathPage"),
)  # fmt: skip
"""The cable is cut at the 75th second."""
TOURS = {"pacu+fry": FAR_STEPS, "ceph+ceph2+ceph3": CUT_STEPS}
"""Those of machines that cables join."""


class Tour:
    """What is said and pressed when; it goes by the machine's time."""

    def __init__(self, app: MlxtopApp, steps: Sequence[Step] = STEPS) -> None:
        self._app, self._steps = app, steps
        self._said = [step for step in steps if step.text]
        self._begin: float | None = None
        self._next = 0
        self._own: list[events.Key] = []
        self.keys: list[str] = []
        """Keys that are still to be pressed."""

    def follow(self, tick: float) -> None:
        """Go on to the step whose time has come, at a frame of that tick in seconds."""
        self._begin = tick if self._begin is None else self._begin
        steps, last = self._steps, self._steps[-1].second + LAST_S
        due = steps[self._next].second if self._next < len(steps) else last
        if tick - self._begin < due:
            return
        if self._next == len(steps):
            self._finish()
            return
        step = steps[self._next]
        if step.on not in ("", type(self._app.screen).__name__):
            self._begin = tick - due  # all that follows waits too
        else:
            self._next += 1
            if step.text:
                self._say(step)
            self.keys += step.keys
            self._press()

    def _say(self, step: Step) -> None:
        place = self._said.index(step) + 1
        later = self._said[place].second if place < len(self._said) else step.second + LAST_S
        title = TITLE.format(place, len(self._said))
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
