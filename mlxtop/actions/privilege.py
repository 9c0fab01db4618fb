"""Root's rights for single commands, without ever seeing a password.

Not being root, commands go through sudo: queries without a question (`sudo -n`), or with the
terminal handed over so that sudo itself asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from mlxtop.system.door import Finished, System

QUERY_SECONDS = 20.0
"""Time a query of a tool may take."""
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
    system: System, argv: Sequence[str], rights: Access, ask: bool, seconds: float = QUERY_SECONDS
) -> Finished:
    """Run a command that only reads, as root; with `ask` sudo may ask on this terminal.

    What sudo started cannot be ended by this user, so `timeout` ends it from within. Raises
    NotAllowed and OSError.
    """
    if rights is Access.ROOT:
        return system.run(argv, timeout=seconds)
    if rights is Access.NONE:
        raise NotAllowed("needs root, and sudo is not installed")
    inner = ("timeout", "-k", "5", f"{seconds:g}", *argv)
    if ask:
        finished = system.foreground(("sudo", "--", *inner))
    else:
        finished = system.run(("sudo", "-n", "--", *inner), timeout=seconds + 10.0)
    if refused(finished):
        raise NotAllowed(refusal(finished))
    if finished.status in (124, 137):
        return Finished(finished.status, finished.stdout, finished.stderr, True)
    return finished


def change(
    system: System, argv: Sequence[str], rights: Access, stdin: str | None = None
) -> Finished:
    """Run a command that changes something, as root, and let it end by itself.

    In a session of its own, so that neither Ctrl-C nor the end of the terminal reaches it. Raises
    NotAllowed and OSError.
    """
    if rights is Access.ROOT:
        return system.run(argv, stdin=stdin or "", change=True)
    finished = system.foreground(sudo_words(argv, rights), stdin=stdin, change=True)
    if refused(finished):
        raise NotAllowed(refusal(finished))
    return finished


def sudo_words(argv: Sequence[str], rights: Access) -> tuple[str, ...]:
    """The command as it is really run. Raises NotAllowed where there is no way to run it."""
    if rights is Access.ROOT:
        return tuple(argv)
    if rights is Access.NONE:
        raise NotAllowed("needs root, and sudo is not installed")
    return ("sudo", "--", "setsid", "--wait", *argv)


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
