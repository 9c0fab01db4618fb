"""A machine whose answers are known beforehand and whose counters move, for its own cost only.

    python -m tests.bench.moving freeze MACHINE FILE
    python -m tests.bench.moving FILE [options of mlxtop]

The physics of a simulated machine costs more than reading a real one. So everything that the
readers ask is recorded once; then counters go on by arithmetic, and beside every answer the kernel
of this machine is asked the like, so that the cost of system calls is in the figure.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto
from threading import Event
from typing import Any, NamedTuple

from mlxtop import cli
from mlxtop.sampler.live import LiveSource
from mlxtop.system.door import Answer, KernelRecord, Question
from mlxtop.system.local import FdCache, LocalSystem, often

MAC_GAIN, LINK_GAIN, FILE_GAIN = 1_200_000_000, 40_000_000, 300_000_000
"""Per second and counter, more or less."""
LIKE = "/sys/class/net/lo/mtu"
"""What is read of this machine for every file of the frozen one."""

Frozen = dict[tuple[str, ...], Any]


def freeze(name: str) -> Frozen:
    """Everything that the readers learn of a simulated machine in two minutes."""
    from mlxtop.lab import ManualClock, load_lab  # not part of what is measured

    machine = load_lab(name, ManualClock())
    frozen: Frozen = {("label",): machine.label}

    def remember(kind: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*what: Any) -> Any:
            key = (kind, *map(str, what))
            try:
                frozen[key] = ask(*what)
            except OSError as error:
                frozen[key] = OSError(error.errno, error.strerror)
                raise
            return frozen[key]

        return asked

    for kind in ("read", "list", "link", "real", "ask"):
        setattr(machine, kind, remember(kind, getattr(machine, kind)))
    source, stop = LiveSource(machine, 3.0, patience=2.0), Event()
    for _, _ in zip(range(60), source.samples(stop), strict=False):
        pass
    stop.set()
    source.close()
    return frozen


class _Moves(Enum):
    """How a number of a file goes on."""

    NOT = auto()
    COUNTER = auto()
    SENSOR = auto()


class _File(NamedTuple):
    """A file of the frozen machine, and what there is to know beforehand."""

    content: bytes
    often: bool
    moves: _Moves
    number: int


def _file(path: str, content: bytes) -> _File:
    moves = _Moves.NOT
    if content[:1].isdigit():
        if "/counters/port_" in path:
            moves = _Moves.COUNTER
        elif path.endswith("_input"):
            moves = _Moves.SENSOR
    return _File(content, often(path), moves, 0 if moves is _Moves.NOT else int(content))


class Moving(LocalSystem):
    """The frozen machine; `ask` and `read` add what has been counted since the start."""

    def __init__(self, frozen: Frozen) -> None:
        super().__init__()
        self._frozen = frozen
        self._often = FdCache()
        self._begin = time.monotonic()
        self._files: dict[str, _File] = {}

    def _known(self, *key: str) -> Any:
        found = self._frozen.get(key)
        if isinstance(found, OSError):
            raise OSError(found.errno, found.strerror)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key[-1])
        return found

    def _seconds(self) -> float:
        """Since the start, so that each run meets the same waves."""
        return time.monotonic() - self._begin

    def _gained(self, rate: float) -> int:
        """What a counter has gained: the rate swings by half, so that every row changes."""
        seconds = self._seconds()
        return int(rate * (seconds + 0.5 / 1.3 * math.sin(1.3 * seconds)))

    def read(self, path: str) -> bytes:
        """A file; those of counters grow."""
        file = self._files.get(path)
        if file is None:
            super().read(LIKE)
            file = self._files[path] = _file(path, self._known("read", path))
        elif file.often:
            self._often.read(LIKE)
        else:
            super().read(LIKE)
        if file.moves is _Moves.COUNTER:
            return b"%d\n" % (file.number + self._gained(FILE_GAIN))
        if file.moves is _Moves.SENSOR:
            return b"%d\n" % (file.number + 1000 * round(3 * math.sin(self._seconds() / 9)))
        return file.content

    def list(self, path: str) -> list[str]:
        """A directory."""
        names: list[str] = self._known("list", path)
        return list(names)

    def link(self, path: str) -> str:
        """A link."""
        return str(self._known("link", path))

    def real(self, path: str) -> str:
        """A canonical path."""
        return str(self._known("real", path))

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        """An answer; counters grow."""
        with contextlib.suppress(OSError, KeyError):
            super().ask(question, "lo" if subject else "", *details)
        answer = self._known("ask", question, *([subject] if subject else []), *map(str, details))
        if question is Question.LINK_COUNTERS:
            gain = self._gained(LINK_GAIN)
            return _Growing(answer, gain)
        if question is Question.MAC_STATISTICS:
            gain = self._gained(MAC_GAIN)
            packets = self._gained(MAC_GAIN / 1000)
            gains = {"Octets": gain, "Frames": packets}
            return {key: value + gains.get(key[:6], 0) for key, value in answer.items()}
        if question is Question.DRIVER_STATISTICS:
            gain = self._gained(MAC_GAIN)
            return {**answer, "values": [v + gain if v else v for v in answer["values"]]}
        return answer

    @property
    def label(self) -> str:
        """The frozen machine's."""
        return str(self._frozen["label",])

    @property
    def root(self) -> bool:
        """No: tools are not run."""
        return False

    def which(self, command: str) -> str | None:
        """No command: those of this machine know nothing of the frozen one."""
        return None

    def kernel_log(self, stop: Event, history: bool = True) -> Iterator[KernelRecord]:
        """This machine's, from now on."""
        return super().kernel_log(stop, history=False)


class _Growing(dict[str, tuple[int, ...]]):
    """Counters that grow where somebody looks at them: the arithmetic is not what is measured."""

    def __init__(self, rows: dict[str, tuple[int, ...]], gain: int) -> None:
        super().__init__(rows)
        self._gain = gain

    def get(self, key: Any, default: Any = None) -> Any:
        """A row."""
        row = super().get(key, default)
        return row and (*(v + self._gain for v in row[:4]), *row[4:])


def main(words: list[str]) -> int:
    """Freeze a machine, or run mlxtop on a frozen one."""
    if words[0] == "freeze":
        with open(words[2], "wb") as file:
            pickle.dump(freeze(words[1]), file)
        return 0
    with open(words[0], "rb") as file:
        machine = Moving(pickle.load(file))
    setattr(cli, "one_system", lambda *_: machine)  # noqa: B010
    return cli.main(words[1:])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
