"""Standard output and errors: the one place where the command line writes.

Every text passes `clean`, so that no name, message or file of a stranger's reaches a terminal as
an escape. Every write is flushed here, so that a full disk or a closed pipe is met while the
program can still say so, and not by the interpreter when it ends.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import TextIO

from mlxtop.model.json_text import encode
from mlxtop.present.text import Line, Role, Run, clean, fit, fold, plain, to_ascii, wrap

NAME = "standard output"
_HANDLER = "mlxtop-ascii"
_COLOURS = {
    Role.DIM: "2",
    Role.FAINT: "2",
    Role.STRONG: "1",
    Role.HEAD: "1;4",
    Role.ACCENT: "36",
    Role.GOOD: "32",
    Role.WARNING: "33",
    Role.CRITICAL: "1;31",
    Role.BADGE: "7",
}
"""Select Graphic Rendition (ECMA-48 8.3.117) of what is printed in colour."""
_ERASE = "\r\x1b[K"
"""Back to the beginning of the line, and empty it."""
_transient: list[str] = []
"""The line of `progress` that stands on the terminal now, if any."""


class ReaderGone(Exception):
    """Whoever read standard output has closed it, and wants no more."""


def open_streams() -> None:
    """Give the program all three streams, each with a buffer of its own.

    A closed descriptor would be given to the next file that is opened, and be written to by
    whoever means standard output. Writing to what was closed fails as it would have done. Without
    a buffer (PYTHONUNBUFFERED) Python drops what one write(2) did not take.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # the lowest descriptor is the closed one; programs that we start get it too
            fd = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            os.set_inheritable(fd, True)
            setattr(sys, name, os.fdopen(fd, mode, encoding="utf-8"))
    out = sys.stdout
    is_own = out is sys.__stdout__  # and not what a test put there
    if is_own and isinstance(out, io.TextIOWrapper) and isinstance(out.buffer, io.FileIO):
        encoding, errors = out.encoding, out.errors
        buffer = io.BufferedWriter(out.detach())
        sys.stdout = io.TextIOWrapper(buffer, encoding=encoding, errors=errors)
        sys.__stdout__ = sys.stdout  # type: ignore[misc]
    choose_glyphs(ascii_only=False)


def holds_glyphs() -> bool:
    """Return whether standard output can hold what is drawn."""
    return "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()


def choose_glyphs(ascii_only: bool) -> None:
    """Let no text fail to be written: not under any locale, and not with `--ascii`."""
    codecs.register_error(_HANDLER, _instead)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="ascii" if ascii_only else None, errors=_HANDLER)


def _instead(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that the encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return to_ascii(error.object[error.start : error.end]), error.end


def write(text: str) -> None:
    """Write lines of several; raises ReaderGone, and OSError where they cannot be written.

    Lines that are printable stay exactly as they are: a capture has to be read back.
    """
    _write("\n".join(map(_printable, text.split("\n"))))


def show(*lines: Line) -> None:
    """Write lines to standard output, in colour where that is a terminal. Raises as `write`."""
    _write("".join(f"{_painted(line, sys.stdout)}\n" for line in lines))


def columns(most: int, least: int = 60) -> int:
    """Return how many columns text may have here; where there is no terminal, as of one of 100."""
    return max(least, min(shutil.get_terminal_size((100, 24)).columns, most))


def all_columns() -> int:
    """Return the columns of standard output; more than enough where that is no terminal."""
    return max(40, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 1000


def show_sentences(*runs: Run) -> None:
    """Write sentences to standard output, broken at blanks where that is a terminal."""
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        runs = tuple((line, role) for text, role in runs for line in wrap(text, columns))
    show(*((run,) for run in runs))


def _painted(line: Line, stream: TextIO) -> str:
    """Return a line as `stream` shows it; one without colours has no blanks at its end."""
    if not coloured(stream):
        return clean(plain(line)).rstrip()
    runs = ((clean(text), _COLOURS.get(role)) for text, role in line)
    return "".join(f"\x1b[{code}m{text}\x1b[0m" if code and text else text for text, code in runs)


def coloured(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that shows colours, and its owner wants them."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return stream.isatty()


def _write(text: str) -> None:
    progress("")
    try:
        sys.stdout.write(text if holds_glyphs() else to_ascii(text))
        sys.stdout.flush()
    except OSError as error:
        _abandon(sys.stdout)
        if error.errno == errno.EPIPE:
            raise ReaderGone from None
        raise OSError(error.errno, error.strerror, NAME) from None


def _printable(line: str) -> str:
    return line if line.replace("\t", " ").isprintable() else clean(line)


def say(*lines: str) -> None:
    """Write lines to standard output. Raises as `write` does."""
    write("".join(f"{clean(line)}\n" for line in lines))


def say_json(value: object, indent: int | None = 2) -> None:
    """Write a JSON document to standard output, in one line without `indent`. Raises as `write`."""
    write(encode(value, indent) + "\n")


def warn(*lines: str, end: str = "\n") -> None:
    """Write lines to standard error; where that is gone there is nobody to be told."""
    progress("")
    _complain("".join(f"{clean(line)}{end}" for line in lines))


def tell(*lines: Line) -> None:
    """Write lines to standard error as `warn` does, in colour where that is a terminal."""
    progress("")
    _complain("".join(f"{_painted(line, sys.stderr)}\n" for line in lines))


def tell_folded(text: str, role: Role) -> None:
    """Write a line of progress to standard error, broken where that is a terminal."""
    columns = shutil.get_terminal_size().columns
    lines = fold(text, columns) if sys.stderr.isatty() else [text]
    tell(*(((line, role),) for line in lines))


def progress(text: str) -> None:
    """Show one line on a terminal's standard error until something else is written.

    Nothing is written where standard error is no terminal: nobody waits before a log file.
    """
    if _transient and not text:
        _transient.clear()
        _complain(_ERASE)
    elif text and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        columns = max(10, shutil.get_terminal_size().columns - 1)
        _transient[:] = [fit(text, columns).rstrip()]
        _complain(_ERASE + _transient[0])


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on a terminal what is being waited for, and for how long, every second."""
    done, began = Event(), monotonic()

    def tell() -> None:
        while True:
            progress(f"{what} … {monotonic() - began:.0f} s")
            if done.wait(1.0):
                return

    teller = Thread(target=tell, name="progress", daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
        progress("")


def _complain(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        _abandon(sys.stderr)


def finish() -> None:
    """Flush what others have written. Raises as `write` does."""
    write("")


def _abandon(stream: TextIO) -> None:
    """Lead what is left to nowhere, since the interpreter flushes it once more at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
