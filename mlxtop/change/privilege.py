"""Root's rights for single commands, without ever seeing a password.

Not being root, commands go through sudo: queries without a question (`sudo -n`), or with the
terminal handed over so that sudo itself asks.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from enum import StrEnum

from mlxtop.system.door import Finished, System
from mlxtop.system.foreground import lock_holder

QUERY_SECONDS = 20.0
"""Time a query of a tool may take."""
LOCK_SECONDS = 30.0
"""Time to wait for another tool to be done with a card."""
_TAKEN = 75
"""Exit status of flock(1) where a lock stays taken: EX_TEMPFAIL, which no tool uses."""
_SUDO_REFUSES = "sudo: "


class Access(StrEnum):
    """How commands get root's rights here."""

    ROOT = "root"
    SUDO = "sudo"
    """Through sudo, which may ask for a password on the terminal."""
    NONE = "none"
    """Not at all: commands can only be shown."""


class NotAllowed(PermissionError):
    """Root's rights are needed and were not given."""


def access(system: System) -> Access:
    """How this program can get root's rights; a capture has its answers without."""
    if system.root or system.captured:
        return Access.ROOT
    return Access.SUDO if system.which("sudo") else Access.NONE


def needs_terminal(system: System, rights: Access) -> bool:
    """Whether sudo would ask for something now, so that the terminal has to be handed over."""
    if rights is not Access.SUDO:
        return False
    try:
        return system.run(("sudo", "-n", "true"), timeout=5.0).status != 0
    except OSError:
        return True


def query(
    system: System,
    argv: Sequence[str],
    rights: Access,
    ask: bool,
    seconds: float = QUERY_SECONDS,
    *,
    locks: Sequence[str] = (),
) -> Finished:
    """Run a command that only reads, as root; with `ask` sudo may ask on this terminal.

    What sudo started cannot be ended by this user, so `timeout` ends it from within. `locks` are
    held by what sudo starts. Raises NotAllowed, OSError, and BlockingIOError for a lock.
    """
    if rights is Access.ROOT:
        return system.run(argv, timeout=seconds)
    if rights is Access.NONE:
        raise NotAllowed("needs root, and sudo is not installed")
    inner = (*_locked(locks), "timeout", "-k", "5", f"{seconds:g}", *argv)
    if ask:
        finished = system.foreground(("sudo", "--", *inner))
    else:
        most = seconds + 10.0 + LOCK_SECONDS * len(locks)
        finished = system.run(("sudo", "-n", "--", *inner), timeout=most)
    _raise_refused(finished, locks)
    if finished.status in (124, 137):
        return Finished(finished.status, finished.stdout, finished.stderr, True)
    return finished


def change(
    system: System,
    argv: Sequence[str],
    rights: Access,
    stdin: str | None = None,
    locks: Sequence[str] = (),
) -> Finished:
    """Run a command that changes something, as root, and let it end by itself.

    In a session of its own, so that neither Ctrl-C nor the end of the terminal reaches it. Raises
    NotAllowed, OSError, and BlockingIOError for a lock.
    """
    if rights is Access.ROOT:
        return system.run(argv, stdin=stdin or "", change=True)
    words = sudo_words(argv, rights, locks)
    finished = system.foreground(words, stdin=stdin, change=True)
    _raise_refused(finished, locks)
    return finished


def sudo_words(argv: Sequence[str], rights: Access, locks: Sequence[str] = ()) -> tuple[str, ...]:
    """The command as it is really run. Raises NotAllowed where there is no way to run it."""
    if rights is Access.ROOT:
        return tuple(argv)
    if rights is Access.NONE:
        raise NotAllowed("needs root, and sudo is not installed")
    return ("sudo", "--", "setsid", "--wait", *_locked(locks), *argv)


def _locked(locks: Sequence[str]) -> Iterator[str]:
    """The words in front of a command that hold `locks` while it runs, but not its children."""
    for lock in locks:
        yield from ("flock", "-o", "-w", f"{LOCK_SECONDS:g}", "-E", str(_TAKEN), lock)


def _raise_refused(finished: Finished, locks: Sequence[str]) -> None:
    """Raise what kept a command from being run at all."""
    if refused(finished):
        raise NotAllowed(refusal(finished))
    if locks and finished.status == _TAKEN:
        raise BlockingIOError(errno.EAGAIN, lock_holder(*locks))


def refused(finished: Finished) -> bool:
    """Whether sudo itself ended the command before it began."""
    return (
        finished.status == 1
        and not finished.stdout.strip()
        and any(line.startswith(_SUDO_REFUSES) for line in finished.stderr.splitlines())
    )


def refusal(finished: Finished) -> str:
    """What sudo said."""
    lines = [line for line in finished.stderr.splitlines() if line.startswith(_SUDO_REFUSES)]
    return lines[-1].removeprefix(_SUDO_REFUSES)
