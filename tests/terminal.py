"""A program in a pseudo-terminal of a fixed size that answers what programs ask of a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType

from tests.screen import Screen

GAP = 0.03
"""Seconds without output that end a burst."""

MODES = {
    1: "cursor keys",
    25: "cursor",
    47: "alternate screen",
    1000: "mouse",
    1002: "mouse",
    1003: "mouse",
    1004: "focus",
    1006: "mouse coding",
    1015: "mouse coding",
    1016: "mouse coding",
    1047: "alternate screen",
    1049: "alternate screen",
    2004: "paste",
    2026: "synchronised output",
    2048: "resize reports",
}
ON = (7, 25)
"""Modes that a terminal starts with."""

_ASKED = re.compile(
    rb"\x1b(?:\[(?P<mode>\?[\d;]+[hl])|\[(?P<request>\?\d+)\$p|\[\?(?P<kitty>u)"
    rb"|\[(?P<pushed>[<>]\d*)u|\[(?P<report>>?0?c|6n|>0?q|1[468]t)"
    rb"|\](?P<colour>1[01]);\?(?:\x07|\x1b\\))"
)
_VARIABLES = ("COLUMNS", "LINES", "COLORTERM", "TERM_PROGRAM", "NO_COLOR")
"""What would tell the program of our own terminal."""


def _adopt() -> None:
    """Make standard input the terminal of the session; signals as in a login shell."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)


class Terminal:
    """The program, what it wrote and when, and the modes it set."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        size: tuple[int, int] = (120, 40),
        environ: Mapping[str, str] | None = None,
        cwd: str | None = None,
        enter: Callable[[], object] | None = None,
    ) -> None:
        """Start `argv`; `enter` runs in the child before it."""
        self.size = size
        self.chunks: list[tuple[float, bytes]] = []
        self.modes: dict[int, bool] = {}
        self.kitty = 0
        """Keyboard protocols that were pushed and not popped."""
        self._tail = b""
        self._master, slave = pty.openpty()
        self._size(*size)
        self._attributes = termios.tcgetattr(slave)
        self._slave = slave
        kept = {name: value for name, value in os.environ.items() if name not in _VARIABLES}

        def begin() -> None:
            _adopt()
            if enter is not None:
                enter()

        self.started = time.monotonic()
        self.process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**kept, "TERM": "xterm-256color", **(environ or {})},
            start_new_session=True,
            preexec_fn=begin,  # noqa: PLW1509 (the terminal can be taken over by the child alone)
        )
        os.set_blocking(self._master, False)
        self._exited = os.pidfd_open(self.process.pid)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            with suppress(OSError):  # the terminal or the group is gone
                if (group := self.foreground()) > 0:  # what a shell has started
                    os.killpg(group, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
        for fd in (self._exited, self._slave):
            os.close(fd)
        self.hang_up()

    def _size(self, columns: int, rows: int) -> None:
        shape = struct.pack("4H", rows, columns, columns * 8 % 0x10000, rows * 16 % 0x10000)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, shape)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the program gets SIGWINCH."""
        self.size = columns, rows
        self._size(columns, rows)
        if self.modes.get(2048):
            self.send(f"\x1b[48;{rows};{columns};{rows * 16};{columns * 8}t")

    def foreground(self) -> int:
        """Return the process group that has the terminal."""
        return os.tcgetpgrp(self._master)

    def hang_up(self) -> None:
        """Close the terminal; the program gets SIGHUP."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def send(self, text: str) -> None:
        """Press keys."""
        with suppress(BlockingIOError):  # nobody reads: lost, as on a real terminal
            os.write(self._master, text.encode())

    def pump(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Take output for `seconds`, until the program ends or `until()`; says whether that is so.

        `until` is asked after each piece of output.
        """
        deadline = time.monotonic() + seconds
        if until():
            return True
        while (left := deadline - time.monotonic()) > 0:
            ready = select.select([self._master, self._exited], [], [], left)[0]
            if self._master in ready and self._read():
                if until():
                    return True
            elif self._exited in ready:
                return until()
        return False

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:
            return False
        self.chunks.append((time.monotonic(), data))
        self._answer(data)
        return True

    def _answer(self, data: bytes) -> None:
        text = self._tail + data
        end = 0
        for match in _ASKED.finditer(text):
            end = match.end()
            self._note(match)
            answer = self._reply(match)
            if answer:
                self.send(answer)
        start = text.rfind(b"\x1b", max(end, len(text) - 64))
        self._tail = text[start:] if start >= 0 else b""

    def _note(self, match: re.Match[bytes]) -> None:
        if mode := match["mode"]:
            for number in mode[1:-1].split(b";"):
                self.modes[int(number)] = mode.endswith(b"h")
        elif pushed := match["pushed"]:
            self.kitty += 1 if pushed.startswith(b">") else -1

    def _reply(self, match: re.Match[bytes]) -> str | None:
        if request := match["request"]:
            number = int(request[1:])
            known = number in MODES or number in ON
            state = 1 if self.modes.get(number, number in ON) else 2
            return f"\x1b[?{number};{state if known else 0}$y"
        if match["kitty"]:
            return "\x1b[?0u"
        if colour := match["colour"]:
            shade = "cccc" if colour == b"10" else "0000"
            return f"\x1b]{colour.decode()};rgb:{shade}/{shade}/{shade}\x1b\\"
        columns, rows = self.size
        return {
            b"c": "\x1b[?62;22c",
            b"0c": "\x1b[?62;22c",
            b">c": "\x1b[>41;354;0c",
            b">0c": "\x1b[>41;354;0c",
            b"6n": "\x1b[1;1R",
            b"14t": f"\x1b[4;{rows * 16};{columns * 8}t",
            b"16t": "\x1b[6;16;8t",
            b"18t": f"\x1b[8;{rows};{columns}t",
        }.get(match["report"] or b"")

    def quiet(self, seconds: float, limit: float = 10.0) -> None:
        """Take output until there was none for `seconds`."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and self.process.poll() is None:
            count = len(self.chunks)
            self.pump(seconds, lambda count=count: len(self.chunks) > count)  # type: ignore[misc]
            if len(self.chunks) == count:
                return

    def output(self) -> bytes:
        """All that was written."""
        return b"".join(data for _, data in self.chunks)

    def screen(self) -> Screen:
        """What is shown now; the size must not have changed since the start."""
        screen = Screen(*self.size)
        screen.feed(self.output())
        return screen

    def shows(self, pattern: str, seconds: float = 20.0) -> bool:
        """Wait until the screen shows what `pattern` matches."""
        screen = Screen(*self.size)
        fed = 0

        def shown() -> bool:
            nonlocal fed
            for _, data in self.chunks[fed:]:
                screen.feed(data)
            fed = len(self.chunks)
            return re.search(pattern, screen.text()) is not None

        return self.pump(seconds, shown)

    def wait(self, seconds: float = 10.0) -> int | None:
        """Take output until the program has ended; its status, None when it goes on."""
        self.pump(seconds)
        if self.process.poll() is not None:
            self._read()
        return self.process.returncode

    def leftovers(self) -> list[str]:
        """What of the terminal is not as it was: modes, and attributes such as echo."""
        changed = [
            name
            for number, name in MODES.items()
            if self.modes.get(number, number in ON) != (number in ON)
        ]
        if self.kitty > 0:
            changed.append("keyboard protocol")
        if termios.tcgetattr(self._slave) != self._attributes:
            changed.append("attributes")
        return changed
