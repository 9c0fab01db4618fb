"""One-line attributes of sysfs and procfs, and answers that may be missing.

https://docs.kernel.org/filesystems/sysfs.html
"""

from __future__ import annotations

from mlxtop.system.door import Answer, Question, System


def _within(number: int) -> int | None:
    """Return the number, or None where no kernel has such a number: only a capture can."""
    return number if -(1 << 63) <= number < 1 << 64 else None


def parse_count(text: str | None, base: int = 10) -> int | None:
    """Return a count; None for what drivers write when they have none.

    >>> parse_count("12\\n"), parse_count("N/A (no PMA)"), parse_count("-1")
    (12, None, -1)
    """
    try:
        return _within(int(text or "", base))
    except ValueError:
        return None


def parse_hex(text: str | None) -> int | None:
    """Return a hexadecimal number with or without 0x, as PCI ids and LIDs are written.

    >>> parse_hex("0x15b3"), parse_hex("what")
    (5555, None)
    """
    return parse_count(text, 16)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").strip("\n\0 ")


def read_text(system: System, path: str) -> str | None:
    """Return the stripped content of an attribute; None when it cannot be read."""
    try:
        return _text(system.read(path))
    except OSError:
        return None


def read_count(system: System, path: str) -> int | None:
    """Return an attribute that is a number; None when it cannot be read or is none."""
    try:
        data = system.read(path)
    except OSError:
        return None
    try:
        return _within(int(data))
    except ValueError:
        return parse_count(_text(data))


def ask_or_none(system: System, question: Question, subject: str = "") -> Answer:
    """Return the kernel's answer; None where it gives none."""
    try:
        return system.ask(question, subject)
    except OSError:
        return None


def names(system: System, path: str) -> list[str]:
    """Return names in a directory; none where there is no such directory."""
    try:
        return system.list(path)
    except OSError:
        return []


def link_name(system: System, path: str) -> str | None:
    """Return the last component of what a link points to: a driver, a bus, a parent."""
    try:
        return system.link(path).rstrip("/").rpartition("/")[2] or None
    except OSError:
        return None
