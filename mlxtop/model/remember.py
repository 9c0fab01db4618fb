"""Results of pure functions that several places ask for within one tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")

_MOST = 64
"""Arguments that are kept: the ports of a screen, and few enough not to weigh."""


def remembered(function: Callable[[A], R]) -> Callable[[A], R]:
    """A function of one immutable value that works only once on the same object.

    By identity, since looking at a whole frame to compare it costs more than the work it saves.

    >>> once = remembered(lambda text: [text])
    >>> text = "a"
    >>> once(text) is once(text)
    True
    """
    known: dict[int, tuple[A, R]] = {}

    def ask(argument: A) -> R:
        found = known.get(id(argument))
        if found is not None and found[0] is argument:
            return found[1]
        result = function(argument)
        if len(known) >= _MOST:
            known.clear()
        known[id(argument)] = (argument, result)
        return result

    ask.__doc__ = function.__doc__
    return ask
