"""What `ethtool -m DEVICE hex on` printed: a module's bytes, as one image or page by page.

ethtool prints such a dump too where it does not know the type of a module. Versions from 2026 on
name page and I2C address of each part, also in JSON.
"""

from __future__ import annotations

import re

from mlxtop.model.module import Module
from mlxtop.sources.module.layouts import I2C, PLANS, Piece, split_eeprom, split_pieces
from mlxtop.system.answers import Fields, parse_json

MOST_BYTES = 4096
"""More than any dump of a module holds."""

_LINE = re.compile(r"^\s*(0x[0-9a-fA-F]{2,8}):\s+((?:[0-9a-fA-F]{2}\b\s*)+)$")
_BYTE = re.compile(r"^(?:0x)?[0-9a-fA-F]{1,2}$")
_PLACE = re.compile(r"^\s*(I2C Address|Bank|Page): 0x([0-9a-fA-F]{1,4})\s*$")


def parse_hex_dump(text: str) -> Module | None:
    """Return the module whose bytes a dump holds; None where it holds none.

    Raises ModuleSilent for bytes that are no module.

    >>> parse_hex_dump("Offset\\t\\tValues\\n0x0000:\\t\\t0d 02 00 00").identity.code
    13
    """
    is_json = text.lstrip()[:1] in ("[", "{")
    pieces = _json_pieces(text) if is_json else _text_pieces(text)
    if not pieces:
        return None
    if is_json or any(map(_PLACE.match, text.splitlines())):
        kind, parts = split_pieces(pieces)
    else:
        kind, parts = split_eeprom(next((p.data for p in pieces if p.offset == 0), b""))
    return PLANS[kind].module(parts)


def _text_pieces(text: str) -> list[Piece]:
    """Return the parts of a dump in text; a part ends where the next line does not follow it."""
    pieces: list[Piece] = []
    place = {"I2C Address": I2C, "Bank": 0, "Page": 0}
    follows = None
    for line in text.splitlines():
        if match := _PLACE.match(line):
            place[match[1]], follows = int(match[2], 16), None
        elif (match := _LINE.match(line)) and place["Bank"] == 0:
            at, data = int(match[1], 16), bytes.fromhex(match[2])
            if at == follows and at < MOST_BYTES:
                pieces[-1] = pieces[-1]._replace(data=pieces[-1].data + data)
            else:
                pieces.append(Piece(data, at, place["Page"], place["I2C Address"]))
            follows = at + len(data)
    return pieces


def _json_pieces(text: str) -> list[Piece]:
    """Return the parts of a dump in JSON, bank 0 only."""
    answer = parse_json(text)
    document = Fields(answer[0] if isinstance(answer, list) and answer else answer)
    return [
        Piece(
            data,
            page.count("offset") or 0,
            page.count("page") or 0,
            page.count("i2c_address") or I2C,
        )
        for page in document.rows("pages")
        if not page.count("bank") and (data := _json_bytes(page.texts("data")))
    ]


def _json_bytes(values: tuple[str, ...]) -> bytes:
    """Return bytes of `11`, `7` …; none where one of them is no byte.

    >>> _json_bytes(("11", "7")), _json_bytes(("zz",))
    (b'\\x11\\x07', b'')
    """
    numbers = [int(value, 16) for value in values if _BYTE.match(value)]
    return bytes(numbers) if len(numbers) == len(values) <= MOST_BYTES else b""
