"""Vital product data: what the maker wrote about a board, part and serial number first.

Tags and keywords of PCI Local Bus 3.0, appendix I. Only root may read it; the card's firmware
answers, a few bytes at a time, so that it is never read on its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.flash import Vpd
from mlxtop.sources.kernel.pci import DEVICES
from mlxtop.system.door import System

_NAME, _READ_ONLY, _END = 0x82, 0x90, 0x78
_TEXT = ("PN", "EC", "SN", "MN", "FN")


def parse_vpd(data: bytes) -> Vpd:
    """Return the data of a board; what is cut off or no text is left out.

    >>> parse_vpd(bytes((0x82, 2, 0)) + b"CX" + bytes((0x90, 5, 0)) + b"PN" + bytes((2,)) + b"M1x")
    Vpd(name='CX', part='M1', serial=None, revision=None, more={})
    """
    name: str | None = None
    fields: dict[str, str] = {}
    for tag, body in _resources(data):
        if tag == _NAME:
            name = _text(body)
        elif tag == _READ_ONLY:
            fields.update(_keywords(body))
    more = {key: text for key, text in fields.items() if key not in _TEXT and key[0] != "R"}
    return Vpd(name, fields.get("PN"), fields.get("SN"), fields.get("EC"), more)


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 3 <= len(data) and data[at] & 0x80:
        size = int.from_bytes(data[at + 1 : at + 3], "little")
        yield data[at], data[at + 3 : at + 3 + size]
        at += 3 + size


def _keywords(body: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    while at + 3 <= len(body):
        key, size = body[at : at + 2].decode("latin-1"), body[at + 2]
        text = _text(body[at + 3 : at + 3 + size])
        if text is not None and key.isalnum():
            yield key, text
        at += 3 + size


def _text(data: bytes) -> str | None:
    text = data.rstrip(b"\0 ").decode("latin-1").strip()
    return text if text and text.isascii() and text.isprintable() else None


def read_vpd(system: System, function: str) -> Vpd:
    """Return the data of the board that a PCI function is on. Raises OSError."""
    return parse_vpd(system.read(f"{DEVICES}/{function}/vpd"))
