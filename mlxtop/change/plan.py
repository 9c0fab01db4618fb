"""A change before it is a deed: what exactly is run, what it breaks, how it is undone."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from mlxtop.model.linktype import LinkType

PCI_DEVICES = "/sys/bus/pci/devices"


@dataclass(frozen=True, slots=True)
class Command:
    """A command that changes something; its arguments go to the kernel as they are, no shell."""

    argv: tuple[str, ...]
    purpose: str
    root: bool = True
    """It needs root's rights."""

    def lines(self, sudo: bool) -> tuple[str, ...]:
        """What a person would type."""
        return (("sudo " if self.root and sudo else "") + shlex.join(self.argv),)


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A settings file that is written as a whole; always with root's rights."""

    path: str
    text: str
    purpose: str

    def lines(self, sudo: bool) -> tuple[str, ...]:
        """What a person would type."""
        tee = shlex.join(("tee", self.path))
        return (f"printf %s {shlex.quote(self.text)} | {'sudo ' if sudo else ''}{tee}",)


@dataclass(frozen=True, slots=True)
class Switch:
    """New types for ports of an mlx4 card, at once, taken back unless somebody says to keep them.

    The kernel takes the words with a newline and in one write; every write registers both ports
    of the card anew.
    """

    device: str
    types: tuple[tuple[int, LinkType], ...]
    """Port number and its new type."""
    before: tuple[tuple[int, LinkType], ...]
    """What is written back, for the same ports."""
    seconds: int = 60
    """Until it is taken back."""

    @property
    def purpose(self) -> str:
        """Both happens in one call, so that there is no change without a way back."""
        return f"arm a program that takes it back in {self.seconds} s unless confirmed, then change"

    def lines(self, sudo: bool) -> tuple[str, ...]:
        """What a person would type; without the timer that takes it back."""
        return tuple(
            f"echo {kind} | {'sudo ' if sudo else ''}tee {PCI_DEVICES}/{self.device}/mlx4_port{n}"
            for n, kind in self.types
        )


Step = Command | WriteFile | Switch


@dataclass(frozen=True, slots=True)
class Plan:
    """A change as a person sees it before it happens."""

    title: str
    steps: tuple[Step, ...]
    breaks: tuple[str, ...] = ()
    """What will no longer be as it is, a sentence each."""
    undo: tuple[Step, ...] = ()
    """What brings back what was."""
    takes_effect: str = "at once"
    notes: tuple[str, ...] = field(default=())
    """What else there is to know."""

    def lines(self, sudo: bool) -> tuple[str, ...]:
        """Every step as commands to copy; with `sudo` where this user needs it."""
        return tuple(line for step in self.steps for line in step.lines(sudo))

    def undo_lines(self, sudo: bool) -> tuple[str, ...]:
        """The way back as commands to copy."""
        return tuple(line for step in self.undo for line in step.lines(sudo))
