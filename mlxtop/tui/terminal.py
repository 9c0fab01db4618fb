"""Signals, writing without waiting, and flow control between the driver and the terminal.

A program that is about to stop has to look whether the signal to continue is already there, since
it would be lost (signal(7)); asyncio does not let it.

After each frame the terminal is asked for its cursor (CSI 6n); it answers when it has drawn what
was written before, and the next frame waits for that. Else a slow link is filled with frames that
nobody sees, and a key needs seconds to be answered.
"""

from __future__ import annotations

import os
import signal
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from threading import Thread

QUESTION = "\x1b[6n"
PATIENCE = 3.0
"""Seconds after which a terminal is taken for one that does not answer."""
QUICK, AGAIN = 0.05, 1.9
"""Seconds within which a quick terminal answers, and until it is asked again."""
_LAST = 0.5
"""Seconds for the last output."""
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""Signals that end the program even where it was started with another handler."""
_SPARED = frozenset(
    signal.Signals[f"SIG{name}"]
    for name in (
        *("KILL", "STOP", "TSTP", "TTIN", "TTOU", "CONT", "CHLD"),
        *("URG", "WINCH", "SEGV", "BUS", "FPE", "ILL"),
    )
)
"""Signals that cannot be caught, that end nothing, or after which no Python code can run."""


def notification(kind: str, title: str, text: str, environ: Mapping[str, str]) -> str:
    """Return the control sequence of a desktop notification: OSC 9, or 777 with a title.

    tmux hands on what is wrapped for it, if its option allow-passthrough is on. Both texts are
    clean already; a semicolon would end the title, and a number after OSC 9 is another command.
    """
    if kind == "777":
        sequence = f"\x1b]777;notify;{title.replace(';', ',')};{text}\x07"
    else:
        sequence = f"\x1b]9;{title}: {text}\x07"
    if "TMUX" not in environ:
        return sequence
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def _note(number: int, frame: object) -> None:
    """Do nothing: the number of the signal is in the pipe by now."""


class Signals:
    """Catches every signal that would end, stop or continue the program."""

    def __init__(self, loop: AbstractEventLoop, act: Callable[[bytes], None]) -> None:
        """Have `act` called in the loop with the numbers of the signals that came."""
        usual = {n for n in signal.valid_signals() if signal.getsignal(n) is signal.SIG_DFL}
        self.ending = frozenset(int(n) for n in (usual - _SPARED).union(_ENDING))
        self._noted = self.ending | {signal.SIGTSTP, signal.SIGCONT}
        self._loop = loop
        self._output, self._input = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup = signal.set_wakeup_fd(self._input, warn_on_full_buffer=False)
        for number in self._noted:
            signal.signal(number, _note)
            signal.siginterrupt(number, False)
        loop.add_reader(self._output, lambda: act(self.take()))

    def take(self) -> bytes:
        """Return the numbers of the signals that have come since the last call, oldest first."""
        try:
            numbers = os.read(self._output, 1 << 12)
        except BlockingIOError:
            return b""
        return bytes(number for number in numbers if number in self._noted)

    def catch_stop(self, caught: bool) -> None:
        """Catch SIGTSTP, or let it stop us at once as long as the terminal is free."""
        signal.signal(signal.SIGTSTP, _note if caught else signal.SIG_DFL)
        signal.siginterrupt(signal.SIGTSTP, False)

    def close(self) -> None:
        """Give every signal its usual effect again."""
        if self._output < 0:
            return
        for number in self._noted:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
        signal.set_wakeup_fd(self._wakeup)
        self._loop.remove_reader(self._output)
        os.close(self._output)
        os.close(self._input)
        self._output = -1


class Printer(Thread):
    """Writes to the terminal in a thread of its own, and forgets what the terminal cannot take."""

    def __init__(self, fd: int) -> None:
        super().__init__(name="terminal", daemon=True)
        self._fd = fd
        self._encoding = getattr(sys.__stderr__, "encoding", None) or "utf-8"
        self._texts: SimpleQueue[str | None] = SimpleQueue()
        self._busy = False

    @property
    def idle(self) -> bool:
        """Return whether the terminal has taken everything."""
        return not self._busy and self._texts.empty()

    def put(self, text: str) -> None:
        """Write when the terminal takes it; returns at once."""
        self._texts.put(text)

    def end(self) -> None:
        """Write what is left, as far as the terminal takes it."""
        self._texts.put(None)
        self.join(_LAST)

    def run(self) -> None:
        gone = False
        while (text := self._texts.get()) is not None:
            self._busy = True
            data = text.encode(self._encoding, "replace")
            try:
                while data and not gone:
                    data = data[os.write(self._fd, data) :]
            except OSError:
                gone = True  # SIGHUP tells the rest of the program
            self._busy = False


class Flow:
    """Tells when the terminal is ready for a frame; instants are monotonic seconds."""

    def __init__(self) -> None:
        self._asked: float | None = None
        self._last = float("-inf")
        """When it was last asked."""
        self._quick = False
        """Whether the last answer came at once."""
        self._answers = 0
        self._silent = False

    @property
    def asking(self) -> bool:
        """Return whether an answer is on the way that will tell when to go on."""
        return self._asked is not None

    def ready(self, now: float) -> bool:
        """Return whether a frame may be drawn."""
        if self._asked is None:
            return True
        if now - self._asked < PATIENCE:
            return False
        self._silent = self._answers == 0
        return True

    def ask(self, now: float, held_up: bool = False) -> bool:
        """Note that a frame was drawn, or was `held_up`; return whether the terminal is asked."""
        if self._silent or (self._quick and now - self._last < AGAIN and not held_up):
            return False
        self._asked = self._last = now
        return True

    def answered(self, now: float) -> None:
        """Note that the terminal has drawn everything."""
        self._quick = self._asked is not None and now - self._asked < QUICK
        self._asked = None
        self._answers += 1
