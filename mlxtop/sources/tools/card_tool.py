"""Tools of mstflint and MFT, which talk to a card: which is installed, and why one failed.

They print errors on either stream, with `-E-` before them, below a heading `Errors`, as the status
of their JSON or as libraries word them; some with status 0, and some after output that is good.
Kernel lockdown has no wording of its own: https://man7.org/linux/man-pages/man7/kernel_lockdown.7.html
"""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from enum import StrEnum

from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.system.answers import Fields, parse_json
from mlxtop.system.door import Finished, System

LOCKDOWN = "/sys/kernel/security/lockdown"

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_MARK = re.compile(r"-E-\s*+(\S.*)")
_SECTION = re.compile(r"^Errors[ \t]*\n-+[ \t]*\n(.*?)(?:\n[ \t]*\n|\Z)", re.MULTILINE | re.DOTALL)
_CAUSE = re.compile(
    r"\b(?:fail\w*|errors?|denied|not (?:permitted|found|supported|loaded|running|available)"
    r"|can(?:not|'t)|could(?: not|n't)|unable|invalid|unknown|unrecognized|unsupported|no such"
    r"|busy|refused|exception|killed|timed out|usage)\b",
    re.IGNORECASE,
)
_NO_CAUSE = re.compile(r'["{}-]|warning|Errors$|(?!usage).* :(?:\s|$)', re.IGNORECASE)
"""Lines of reports, JSON, and what is marked as no error."""
_LONGEST = 300
"""Characters of a tool's words that are told on."""


class ToolFailed(OSError):
    """The tool ran and said that it could not do it."""


class Trouble(StrEnum):
    """A reason for which a tool did not answer."""

    NO_PARAMETER = "no such parameter"
    UNSUPPORTED = "unsupported device"
    NO_ACCESS = "cannot open the device"
    OTHER = "other"


_TROUBLES = {
    Trouble.NO_PARAMETER: r"Device doesn't support \S+ parameter|Unknown Parameter",
    Trouble.UNSUPPORTED: r"Unsupported device|Device is not supported",
    Trouble.NO_ACCESS: r"Failed to open|Permission denied|not permitted",
}


def trouble_of(error: str) -> Trouble:
    """Return the kind of an error text."""
    kinds = (kind for kind, words in _TROUBLES.items() if re.search(words, error, re.IGNORECASE))
    return next(kinds, Trouble.OTHER)


def installed(system: System, tools: Sequence[str]) -> str | None:
    """Return the first of the tools that is installed; None where there is none."""
    return next((tool for tool in tools if system.which(tool)), None)


def plain(text: str) -> str:
    """Return text without the colours of a terminal."""
    return _ANSI.sub("", text)


def printed_json(text: str) -> Fields:
    """Return the JSON object that a tool printed, whatever warnings stand around it."""
    start = re.search(r"^[ \t]*\{", text, re.MULTILINE)
    return Fields(parse_json(text[start.start() : text.rfind("}") + 1]) if start else None)


def complaints(finished: Finished) -> tuple[str, ...]:
    """Return what a run complains of, the deepest cause first; empty where it does not.

    Libraries print first, without a mark, what the tool then puts in its own words.

    >>> text = "-E- Failed to open the device"
    >>> complaints(Finished(1, text, "write counter to semaphore: Permission denied"))
    ('write counter to semaphore: Permission denied', 'Failed to open the device')
    """
    stdout, stderr = plain(finished.stdout), plain(finished.stderr)
    marked = [match[1].strip() for match in map(_MARK.search, _lines(stderr, stdout)) if match]
    status = printed_json(stdout).fields("status")
    if status.number("code"):
        marked += _lines(status.text("message") or f"the tool's status is {status.number('code')}")
    marked += [line for section in _SECTION.findall(stdout) for line in _lines(section)]
    if not marked and not finished.status:
        return ()
    lines = (*_causes(stderr, only_errors=finished.status != 0), *_causes(stdout), *marked)
    said = dict.fromkeys(line[:_LONGEST] for line in lines)
    return tuple(said) or (f"the tool ended with status {finished.status}",)


def _causes(text: str, only_errors: bool = False) -> list[str]:
    """Return unmarked lines that tell a cause; of a traceback its last line.

    `only_errors`: the stream of a run that failed, where every line tells one.
    """
    lines = [line for line in _lines(text) if not _NO_CAUSE.match(line)]
    if "Traceback (most recent call" in text:
        return lines[-1:]
    return lines if only_errors else [line for line in lines if _CAUSE.search(line)]


def _lines(*texts: str) -> list[str]:
    return [line for text in texts for line in map(str.strip, text.splitlines()) if line]


def failure(finished: Finished) -> str | None:
    """Return why a run failed, or a part of it, in the tool's words; None when it did not."""
    if finished.timed_out:
        return "the tool did not end in time"
    if finished.cut:
        return "the tool printed more than is read"
    return in_words(complaints(finished))


def in_words(said: Sequence[str]) -> str | None:
    """Return complaints as one: the deepest, and in brackets what the tool made of it.

    >>> in_words(("open: No such device", "Failed to open the device"))
    'open: No such device (Failed to open the device)'
    """
    if not said:
        return None
    deepest, last = said[0], said[-1]
    return deepest if deepest.lower() == last.lower() else f"{deepest} ({last})"


def is_locked_down(system: System) -> bool:
    """Return whether the kernel keeps root from the registers of cards.

    Its file names all modes, the one in force in brackets; there is none before Linux 5.4.
    """
    modes = read_text(system, LOCKDOWN)
    return bool(modes) and "[none]" not in (modes or "")


def explain(system: System, words: str) -> str:
    """Return a failure with kernel lockdown named, where that may be behind it."""
    trouble = trouble_of(words)
    if trouble in (Trouble.NO_PARAMETER, Trouble.UNSUPPORTED) or not is_locked_down(system):
        return words
    may = "forbids it" if trouble is Trouble.NO_ACCESS else "is on and may be why"
    return (
        f"{words}: kernel lockdown (Secure Boot) {may}; mstflint 4.30 with fwctl (kernel 6.15),"
        " another version of it, or Secure Boot off, would help"
    )


def failed(system: System, words: str) -> ToolFailed:
    """Return the error to raise for a failure in a tool's words."""
    return ToolFailed(errno.EIO, explain(system, words))
