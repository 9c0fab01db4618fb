"""Textual's driver for terminals, made to wait for nothing.

Its own looks ten times a second whether the end has come, which costs wake-ups all the time and a
fifth of a second when quitting; and a terminal that does not read, or is gone, holds its writer,
and with it the event loop and the end.
"""

from __future__ import annotations

import os
import re
import select
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from mlxtop.tui.flow import QUESTION

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

_ESCAPE = 0.1
"""Seconds after an input until an escape that stands alone is a key."""
_LATE, _ANSWER = 0.05, 0.25
"""Seconds for what is on the way when we end, mouse and keys, and for the answer to a question:
the shell would take it for input."""
_LAST = 0.5
"""Seconds for the last output."""
_POSITION = re.compile(rb"\x1b\[\d+;\d+R")
"""The answer to the question."""


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
        """Whether the terminal has taken everything."""
        return not self._busy and self._texts.empty()

    def put(self, text: str) -> None:
        """Write when the terminal takes it; returns at once."""
        self._texts.put(text)

    def end(self) -> None:
        """Write what is left, as far as the terminal takes it."""
        self._texts.put(None)
        self.join(_LAST)

    def run(self) -> None:
        """Write until the end."""
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


class QuietDriver(LinuxDriver):
    """Sleeps until there is input or the end."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._end = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._asked = False
        self._printer: Printer | None = None

    @property
    def idle(self) -> bool:
        """Whether the terminal has taken everything that was written."""
        return self._printer is None or self._printer.idle

    def start_application_mode(self) -> None:
        """Take the terminal, at the start or after a suspension."""
        if select.select([self._end], [], [], 0)[0]:
            os.eventfd_read(self._end)
        self._printer = Printer(self._file.fileno() if self._file else self.fileno)
        self._printer.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        super().close()

    def write(self, data: str) -> None:
        """Write to the terminal, noting questions; returns at once."""
        self._asked = self._asked or QUESTION in data
        if self._printer is not None:
            self._printer.put(data)

    def close(self) -> None:
        """Leave the terminal."""
        if self._printer is not None:
            self._printer.end()
            self._printer = None

    def stop(self) -> None:
        """Give the terminal back and stop the program, as SIGTSTP asks; SIGCONT goes on."""
        self._sigtstp_application()

    def disable_input(self) -> None:
        """Let the thread that reads end."""
        os.eventfd_write(self._end, 1)
        super().disable_input()

    def _disable_mouse_support(self) -> None:
        """Also the codings of coordinates that Textual switches on and leaves on."""
        super()._disable_mouse_support()
        self.write("\x1b[?1015l\x1b[?1016l")

    def run_input_thread(self) -> None:
        """Read until the end, and a little longer."""
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
        """Tell the application, without the parser and the queue of messages: each frame asks."""
        self._asked = False
        with suppress(RuntimeError):  # all is over
            self._loop.call_soon_threadsafe(cast("MlxtopApp", self._app).terminal_answered)

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
