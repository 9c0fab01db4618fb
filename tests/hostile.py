"""Machines that lie, fail and hang: a captured one whose door goes wrong on purpose."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Answer, DeviceEvent, Question

HOSTS = Path(__file__).parent / "hosts"
TEXTS = {path.stem: path.read_text() for path in sorted(HOSTS.glob("*.txt"))}

ERRORS = (
    *(errno.EIO, errno.ENODEV, errno.EACCES, errno.EPERM, errno.ENOENT, errno.EINVAL),
    *(errno.ENOBUFS, errno.ETIMEDOUT, errno.EBUSY, errno.EMFILE, errno.ENOTDIR),
)
BYTES = (
    *(
        b"",
        b"\n",
        b"\0" * 9,
        b"\xff\xfe\xfd",
        b"-1",
        b"0",
        b"0x",
        b"0xzz",
        b"nan",
        b"inf",
        b"1e999",
    ),
    *(
        b"N/A (no PMA)",
        b"Unknown",
        b"9" * 400,
        b"-" + b"9" * 400,
        b"9" * 5000,
        b"18446744073709551615",
    ),
    *("१२".encode(), b"\x1b]0;owned\x07\x1b[2J", "\u202eevil\u0301".encode(), b"x" * 70000),
    *(b"4: ACTIVE: ", b": : :", b"2.5 GT/s" * 99, b"9" * 400 + b" GT/s", b"../../..", b"\n" * 999),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, (1 << 64) - 1, -(1 << 63), 0.5, 1e308, "", "x\x1b[31m", "\ud800"),
    *([], {}, [[]], [None], {"": {}}, {"0": [1]}, [1, "2", None], {"names": ["a"], "values": []}),
)
"""What a capture can hold as an answer."""


def spoil(answer: Any, dice: random.Random) -> Any:
    """The answer with a few of its values replaced by others that JSON can hold."""
    if dice.random() < 0.2:
        return dice.choice(VALUES)
    if isinstance(answer, dict):
        return {key: spoil(value, dice) for key, value in answer.items() if dice.random() < 0.9}
    if isinstance(answer, list):
        return [spoil(value, dice) for value in answer]
    return answer


class Hostile(CapturedSystem):
    """A machine of `tests/hosts` where one answer in `1 / share` is an error or nonsense.

    The same `seed` goes wrong in the same places, whatever thread asks first.
    """

    captured = False

    def __init__(self, text: str, seed: int, share: float = 0.15) -> None:
        capture = parse_capture(text)
        super().__init__("hostile", capture, capture)
        self.time = 100.0
        self._seed, self._share = seed, share

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float, stop: Event) -> bool:
        self.time += seconds
        return stop.is_set()

    def events(self, stop: Event) -> Iterator[DeviceEvent]:
        raise OSError(errno.ENOBUFS, "no events here")

    def _dice(self, *what: object) -> random.Random | None:
        dice = random.Random(repr((self._seed, what)))
        if dice.random() >= self._share:
            return None
        if dice.random() < 0.4:
            number = dice.choice(ERRORS)
            raise OSError(number, os.strerror(number))
        return dice

    def read(self, path: str) -> bytes:
        dice = self._dice("read", path)
        return super().read(path) if dice is None else dice.choice(BYTES)

    def list(self, path: str) -> list[str]:
        dice = self._dice("list", path)
        found = super().list(path)
        if dice is not None:
            found += ["0", "99999", "temp1_input", "temp99999999999_input", "x\udcff", "² "]
            dice.shuffle(found)
        return found

    def link(self, path: str) -> str:
        dice = self._dice("link", path)
        return super().link(path) if dice is None else dice.choice(("", "/", "..", "x" * 5000))

    def real(self, path: str) -> str:
        dice = self._dice("real", path)
        return super().real(path) if dice is None else dice.choice(("", "/", "/sys", "/" * 99))

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        dice = self._dice(question, subject, *details)
        answer = super().ask(question, subject, *details)
        return answer if dice is None else spoil(answer, dice)
