"""Stages of a change of link types, and steps that take seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Apply: TypeAlias = Callable[[], None]
"""Changes the session's state, in the thread that owns it."""
Step: TypeAlias = Callable[[], Apply]
"""Work that takes seconds, in any thread; its result is to be called afterwards."""
Run: TypeAlias = Callable[[Step, bool], None]
"""Runs a step, then its result. True: here and now, with the terminal free for sudo to ask."""


class Stage(StrEnum):
    """Stages of a change."""

    LOOKING = "looking"
    CHOOSING = "choosing"
    PLAN = "plan"
    RUNNING = "running"
    KEEP = "keep"
    """Done, and taken back unless it is confirmed."""
    DONE = "done"
    BACK = "taken back"
    """Taken back, because a person wanted it or nobody confirmed it in time."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Option:
    """Something else than a type that a person can choose."""

    text: str
    choose: Callable[[], None]
    """Prepares the plan, or looks for more options."""


def sentence(error: Exception) -> str:
    """Return why something failed, without the number that the kernel has for it.

    >>> sentence(FileNotFoundError(2, "No such file or directory", "tee"))
    'tee: No such file or directory'
    """
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
