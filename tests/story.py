"""A person at a simulated machine who presses only the keys that the screen shows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mlxtop.sampler.facts import ON_SCREEN
from mlxtop.settings import load
from tests.tour import Walk, walk

DRAWN_S = 2.0
"""Seconds that a screen may take to be drawn; the machine's time stands still meanwhile."""


class Person:
    """Reads the screen, presses what it offers, and waits."""

    def __init__(self, walking: Walk) -> None:
        self.walking = walking

    @property
    def text(self) -> str:
        """The screen, line by line."""
        return self.walking.text()

    @property
    def words(self) -> str:
        """The screen without frames, wraps and runs of blanks."""
        return re.sub(r"[\s│╭╮╰╯─]+", " ", self.text)

    async def sees(self, *wanted: str) -> None:
        """Fail where one of the texts is not on the screen once it is drawn."""
        for text in wanted:
            await self.walking.until(lambda text=text: text in self.words, DRAWN_S)  # type: ignore[misc]
            assert text in self.words, f"{text!r} is not in\n{self.text}"

    def sees_not(self, *unwanted: str) -> None:
        """Fail where one of the texts is on the screen."""
        for text in unwanted:
            assert text not in self.words, f"{text!r} is in\n{self.text}"

    async def sees_like(self, pattern: str) -> re.Match[str]:
        """Return where the screen matches; figures differ by a sample from run to run."""
        await self.walking.until(lambda: re.search(pattern, self.words) is not None, DRAWN_S)
        match = re.search(pattern, self.words)
        assert match, f"nothing like {pattern!r} in\n{self.text}"
        return match

    async def press(self, key: str, label: str) -> None:
        """Press a key whose label is on the screen, or comes there at once."""
        await self.sees(label)
        await self.walking.press(key)

    async def looks_up(self, label: str) -> None:
        """Open the help and turn its pages until a key is there."""
        await self.press("question_mark", "? Help")
        for _ in range(5):
            if label in self.words:
                return
            await self.press("pagedown", "PgDn")
        await self.sees(label)

    async def write(self, text: str, where: str) -> None:
        """Type into the field with the cursor, whose name is on the screen."""
        await self.sees(where)
        await self.walking.press(*text)

    async def choose(self, value: str, label: str) -> None:
        """Turn the choice with the cursor to a value, by the arrows that the screen names."""
        await self.sees(label)
        for key in (*["left"] * 4, *["right"] * 4):
            if f"‹ {value} ›" in self.text:
                return
            await self.walking.press(key)
        await self.sees(f"‹ {value} ›")

    async def waits(self, seconds: float) -> None:
        """Let the machine's time pass."""
        await self.walking.forward(seconds)

    async def waits_for(self, text: str, seconds: float = 60.0) -> None:
        """Let the machine's time pass until the screen matches."""
        for _ in range(round(seconds)):
            if re.search(text, self.words):
                return
            await self.waits(1.0)
        await self.sees_like(text)


@asynccontextmanager
async def person(
    machine: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int] = (80, 24),
    interval: float = 1.0,
) -> AsyncIterator[Person]:
    """Somebody in an empty home who has started mlxtop on a simulated machine."""
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert not list(home.iterdir())
    settings, complaints = load({}, {"HOME": str(home)})
    assert not complaints
    async with walk(machine, size, interval, settings, ON_SCREEN) as walking:
        yield Person(walking)
