"""A change before it is made: the exact commands, what they break, how they are undone."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from mlxtop.change.port_types import PCI_DEVICES
from mlxtop.model.linktype import LinkType


@dataclass(frozen=True, slots=True)
class Command:
    """A command that changes something as root; no shell interprets its arguments."""

    argv: tuple[str, ...]
    purpose: str
    stdin: str | None = None
    file: str | None = None
    """The file that it writes, where it writes one."""
    holds: str = ""
    """Text that stands in `file` afterwards."""

    def lines(self, sudo: bool) -> tuple[str, ...]:
        """Return the line that a person would type; it holds no line break, whatever the input."""
        source = f"{printf(self.stdin)} | " if self.stdin is not None else ""
        return (f"{source}{'sudo ' if sudo else ''}{shlex.join(self.argv)}",)


def printf(text: str) -> str:
    """Return a command in one line that writes a text of several lines.

    >>> printf("# a\\nb\\n"), printf("a\\nb")
    ("printf '%s\\\\n' '# a' b", "printf '%s\\\\n%s' a b")
    """
    lines = text.split("\n")
    ended = lines[-1] == "" and len(lines) > 1
    words = lines[:-1] if ended else lines
    form = "%s\\n" if ended else "\\n".join(["%s"] * len(words))
    return f"printf '{form}' {shlex.join(words)}"


@dataclass(frozen=True, slots=True)
class Switch:
    """New types for ports of an mlx4 card, at once, taken back unless they are confirmed.

    The kernel takes a type with a newline and in one write; every write registers both ports of
    the card anew.
    """

    device: str
    types: tuple[tuple[int, LinkType], ...]
    """Port number and its new type."""
    before: tuple[tuple[int, LinkType], ...]
    """Types to write back to the same ports."""
    seconds: int = 60
    """Time until they are taken back."""

    @property
    def purpose(self) -> str:
        """One call does both, so that there is no change without a way back."""
        return f"arm a program that takes it back in {self.seconds} s unless confirmed, then change"

    def lines(self, sudo: bool) -> tuple[str, ...]:
        """Return the lines that a person would type, without the timer."""
        return tuple(
            f"echo {kind} | {'sudo ' if sudo else ''}tee {PCI_DEVICES}/{self.device}/mlx4_port{n}"
            for n, kind in self.types
        )


Step = Command | Switch


@dataclass(frozen=True, slots=True)
class Plan:
    """A change as a person sees it before it happens."""

    title: str
    steps: tuple[Step, ...]
    breaks: tuple[str, ...] = ()
    """What the change interrupts or removes, a sentence each."""
    undo: tuple[Step, ...] = ()
    """Steps that restore the old state."""
    takes_effect: str = "at once"
    notes: tuple[str, ...] = ()

    def lines(self, sudo: bool) -> tuple[str, ...]:
        """Return every step as commands to copy; with `sudo` where this user needs it."""
        return tuple(line for step in self.steps for line in step.lines(sudo))

    def undo_lines(self, sudo: bool) -> tuple[str, ...]:
        """Return the way back as commands to copy."""
        return tuple(line for step in self.undo for line in step.lines(sudo))
