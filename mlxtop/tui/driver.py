"""Textual's driver for terminals, made to wait for nothing and to bear every stop and continue.

Textual's looks ten times a second whether the end has come, and takes a fifth of a second to quit.
A terminal that does not read holds its writer, and with it the event loop and the end. Every
SIGCONT starts another thread that reads.
"""

from __future__ import annotations

import errno
import os
import re
import select
import shutil
import signal
from codecs import getincrementaldecoder
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from mlxtop.tui.terminal import QUESTION, Printer, Signals

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

_ESCAPE = 0.1
"""Seconds after an input until an escape that stands alone is a key."""
_LATE, _ANSWER = 0.05, 0.25
"""Seconds for what is on the way when we end, mouse and keys, and for the answer to a question:
the shell would take it for input."""
_MOST_COLUMNS, _MOST_ROWS = 1000, 500
"""The largest screen that is drawn: memory grows with its cells."""
_POSITION = re.compile(rb"\x1b\[\d+;\d+R")
"""The answer to the question."""


class QuietDriver(LinuxDriver):
    """Sleeps until there is input, a signal or the end."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._end = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._asked = False
        self._taken = False
        """The terminal is in the state that we need, and its input is read."""
        self._ending = False
        """A signal that ends us has come."""
        self._printer: Printer | None = None
        self._size = self._size or self._get_terminal_size()
        self._signals = Signals(self._loop, self._act_on)

    @property
    def idle(self) -> bool:
        return self._printer is None or self._printer.idle

    @property
    def _owner(self) -> MlxtopApp:
        return cast("MlxtopApp", self._app)

    # Size

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return columns and rows; where the terminal has none, those of the environment."""
        try:
            columns, rows = os.get_terminal_size(self.fileno)
        except OSError:
            columns = rows = 0
        if not (columns and rows):
            columns, rows = shutil.get_terminal_size((80, 25))
        return min(columns, _MOST_COLUMNS), min(rows, _MOST_ROWS)

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.Resize):  # which only tells that there is a new size
            message = events.Resize.from_dimensions(self._get_terminal_size(), message.pixel_size)
        super().process_message(message)

    # Taking the terminal and giving it back

    def start_application_mode(self) -> None:
        if not self._in_foreground():
            self._await_foreground()
            return
        if select.select([self._end], [], [], 0)[0]:
            os.eventfd_read(self._end)
        printer = Printer(self._file.fileno() if self._file else self.fileno)
        printer.start()
        self._printer, self._taken = printer, True
        try:
            super().start_application_mode()  # type: ignore[no-untyped-call]
        except Exception:
            self.stop_application_mode()
            raise
        finally:
            super().close()
        self._signals.catch_stop(True)

    def write(self, data: str) -> None:
        self._asked = self._asked or QUESTION in data
        if self._printer is not None:
            self._printer.put(data)

    def stop_application_mode(self) -> None:
        if not self._taken:
            return
        if not self._in_foreground():
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # it would stop us before the end
            self.attrs_before = None  # those that the shell has set are right
        super().stop_application_mode()
        # Once more: an answer that was on the way has switched them on until its thread ended.
        self._disable_in_band_window_resize()
        self._disable_mouse_support()
        self._taken = False

    def suspend_application_mode(self) -> None:
        super().suspend_application_mode()
        self._signals.catch_stop(False)

    def close(self) -> None:
        if self._printer is not None:
            self._printer.end()
            self._printer = None
        if not self._app.is_running:
            self._signals.close()

    # Signals

    def _act_on(self, signals: bytes) -> None:
        """Do what signals ask for; of stops and continues only the last counts."""
        if self._ending or not signals or not self._app.is_running:
            return
        if ends := [number for number in signals if number in self._signals.ending]:
            self._ending = True
            self._owner.end(128 + ends[0])
        elif signals[-1] == signal.SIGTSTP:
            self._owner.about_to_stop()
            self._stop()
        elif self._auto_restart:
            self._go_on()

    def _stop(self) -> None:
        """Give the terminal back and stop, unless we have been continued meanwhile."""
        self.suspend_application_mode()
        if signals := self._signals.take():
            self._act_on(signals)
        else:
            signal.raise_signal(signal.SIGSTOP)

    def _go_on(self) -> None:
        """Take the terminal again, whoever had stopped us or not."""
        try:
            if self._taken and self._in_foreground():
                self.suspend_application_mode()  # the shell has changed it meanwhile
            self.start_application_mode()
        except Exception as error:
            self._owner.fail(error)
        if self._taken:
            self._owner.went_on()

    def _in_foreground(self) -> bool:
        """Return whether we may use the terminal; always where it is not our session's."""
        try:
            return os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:
            return True

    def _await_foreground(self) -> None:
        """Be stopped, as everybody who uses the terminal from the background; `fg` continues."""
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTTOU)
        if signals := self._signals.take():
            self._loop.call_soon(self._act_on, signals)
        else:  # the kernel stops nobody whom no shell could continue
            self._owner.fail(OSError(errno.EIO, "the terminal is used by another program"))

    # Input

    def disable_input(self) -> None:
        if self._taken:
            os.eventfd_write(self._end, 1)
            super().disable_input()

    def _disable_mouse_support(self) -> None:
        super()._disable_mouse_support()
        self.write("\x1b[?1015l\x1b[?1016l")

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except Exception as error:
            with suppress(RuntimeError):  # all is over
                self._loop.call_soon_threadsafe(self._owner.fail, error)

    def run_input_thread(self) -> None:
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        for fd in (self.fileno, self._end):
            poll.register(fd, select.POLLIN)
        calm, ready = True, dict(poll.poll())
        while self._end not in ready:
            data = self._read() if ready else None
            if data == b"":
                poll.unregister(self.fileno)  # the terminal is gone
            if not (calm and self._asked and data and _POSITION.fullmatch(data)):
                if data is not None:
                    self._handle(parser.feed(decode(data)))
                self._handle(parser.tick())
                calm = data is None
            else:
                self._take_answer()
            ready = dict(poll.poll(None if calm else _ESCAPE * 1000))
        self._drop()

    def _take_answer(self) -> None:
        """Tell the application past the parser and the queue of messages: each frame asks."""
        self._asked = False
        with suppress(RuntimeError):  # all is over
            self._loop.call_soon_threadsafe(self._owner.terminal_answered)

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, 1 << 12)
        except OSError:
            return b""

    def _handle(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if isinstance(message, events.CursorPosition):
                self._take_answer()
            else:
                self.process_message(message)

    def _drop(self) -> None:
        """Take what is still on the way."""
        until = monotonic() + (_ANSWER if self._asked else _LATE)
        while (left := until - monotonic()) > 0:
            if select.select([self.fileno], [], [], left)[0]:
                data = self._read()
                if not data:
                    return
                if self._asked and data.endswith(b"R"):
                    self._asked = False
                    until = min(until, monotonic() + _LATE)
