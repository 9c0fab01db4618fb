"""What goes wrong, told in one line on stderr."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mlxtop.outputs import console


def complain(text: str) -> None:
    """Write a line of ours to stderr."""
    console.warn(f"mlxtop: {text}")


def report_threads(report: Callable[[str], None]) -> None:
    """Let what ends a thread be one line."""

    def ended(what: threading.ExceptHookArgs) -> None:
        if what.exc_value is not None:
            name = what.thread.name if what.thread else "thread"
            report(f"{name}: {_named(what.exc_value)}")

    threading.excepthook = ended


def explain(error: Exception) -> str:
    """Return an error as a line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, OSError | ValueError):
        return str(error) or type(error).__name__
    return _named(error)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error} (--debug shows where)"
