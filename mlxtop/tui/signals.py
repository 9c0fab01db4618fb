"""Signals in the order in which they came, handed to the event loop (signal(7)).

asyncio keeps that order too, but does not let us look whether more have come; who is about to stop
has to know whether the signal to continue is already there, since it would be lost.
"""

from __future__ import annotations

import os
import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable

_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""Signals that end the program even where it was started with another handler."""
_SPARED = frozenset(
    {
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGTSTP,
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGCONT,
        signal.SIGCHLD,
        signal.SIGURG,
        signal.SIGWINCH,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
    }
)
"""Signals that cannot be caught, that end nothing, or after which no Python code can run."""


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
