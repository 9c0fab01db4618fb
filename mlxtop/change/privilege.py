"""Run single commands with root's rights, without ever seeing a password.

Where this user is not root, commands go through sudo: queries without a question (`sudo -n`), or
with the terminal handed over so that sudo itself asks.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mlxtop.change.log import ActionLog, own_log
from mlxtop.system.door import Finished, System
from mlxtop.system.locks import lock_holder

QUERY_SECONDS = 20.0
"""Time a query of a tool may take."""
LOCK_SECONDS = 30.0
"""Time to wait for another tool to be done with a card."""
_TAKEN = 75
"""Exit status of flock(1) where a lock stays taken: EX_TEMPFAIL, which no tool uses."""
_SUDO_REFUSES = "sudo: "


class Access(StrEnum):
    """The ways to root's rights."""

    ROOT = "root"
    SUDO = "sudo"
    """Through sudo, which may ask for a password on the terminal."""
    NONE = "none"
    """No way: commands can only be shown."""


class NotAllowed(PermissionError):
    """Root's rights are needed and were not given."""


class ActionContext(NamedTuple):
    """A machine that may be changed: made neither with --readonly nor for captured machines.

    Screens pass it on to sessions; they do not use the machine themselves.
    """

    system: System

    @property
    def log(self) -> ActionLog | None:
        """Return the action log of the person; None for simulated machines."""
        return None if self.system.demo else own_log()


def access(system: System) -> Access:
    """Return how this program can get root's rights; a capture needs none."""
    if system.root or system.captured:
        return Access.ROOT
    return Access.SUDO if system.which("sudo") else Access.NONE


@dataclass(frozen=True, slots=True)
class RootCommands:
    """Runs commands on a machine with root's rights; processes of sudo hold `locks` meanwhile.

    All raise NotAllowed where there is no way to root's rights.
    """

    system: System
    rights: Access
    ask: bool = False
    """sudo may ask for a password for queries too: the terminal is free."""
    locks: Sequence[str] = ()

    def query(self, argv: Sequence[str]) -> Finished:
        """Run a command that only reads. Raises OSError, and BlockingIOError for a lock.

        This user cannot end a process of sudo, so `timeout` ends it from within.
        """
        if self.rights is Access.ROOT:
            return self.system.run(argv, timeout=QUERY_SECONDS)
        inner = ("timeout", "-k", "5", f"{QUERY_SECONDS:g}", *argv)
        if self.ask:
            finished = self.system.foreground(self._sudo((), inner))
        else:
            most = QUERY_SECONDS + 10.0 + LOCK_SECONDS * len(self.locks)
            finished = self.system.run(self._sudo(("-n",), inner), timeout=most)
        _raise_refused(finished, self.locks)
        ended = finished.status in (124, 137)
        return finished._replace(timed_out=True) if ended else finished

    def change(self, argv: Sequence[str], stdin: str | None = None) -> Finished:
        """Run a command that changes something, without a time limit. Raises as `query` does.

        It gets a new session, so that neither Ctrl-C nor the end of the terminal reaches it.
        """
        if self.rights is Access.ROOT:
            return self.system.run(argv, stdin=stdin or "", change=True)
        finished = self.system.foreground(self.words(argv), stdin=stdin, change=True)
        _raise_refused(finished, self.locks)
        return finished

    def words(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Return a command of `change` with sudo and locks."""
        if self.rights is Access.ROOT:
            return tuple(argv)
        return self._sudo((), argv, ("setsid", "--wait"))

    def _sudo(
        self, options: Sequence[str], argv: Sequence[str], session: Sequence[str] = ()
    ) -> tuple[str, ...]:
        if self.rights is Access.NONE:
            raise NotAllowed("needs root, and sudo is not installed")
        return ("sudo", *options, "--", *session, *_locked(self.locks), *argv)


def _locked(locks: Sequence[str]) -> Iterator[str]:
    """Yield the words before a command that hold `locks` while it runs, but not its children."""
    for lock in locks:
        yield from ("flock", "-o", "-w", f"{LOCK_SECONDS:g}", "-E", str(_TAKEN), lock)


def _raise_refused(finished: Finished, locks: Sequence[str]) -> None:
    """Raise NotAllowed where sudo ran nothing, BlockingIOError where a lock is taken."""
    refusals = [x for x in finished.stderr.splitlines() if x.startswith(_SUDO_REFUSES)]
    if finished.status == 1 and not finished.stdout.strip() and refusals:
        raise NotAllowed(refusals[-1].removeprefix(_SUDO_REFUSES))
    if locks and finished.status == _TAKEN:
        raise BlockingIOError(errno.EAGAIN, lock_holder(*locks))
