"""What is in a card's flash, as mstflint and flint tell it: `-d DEVICE query full`.

Layout of flint/subcommands.cpp of https://github.com/Mellanox/mstflint: `Name:  value` lines;
GUIDs and MACs in columns under `Description`. Nothing here writes to a card.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mlxtop.model.flash import Flash
from mlxtop.sources.tools.card_tool import failed, failure, plain
from mlxtop.system.door import System

TOOLS = ("mstflint", "flint")
"""The same tool as mstflint and as NVIDIA MFT ship it."""

_LINE = re.compile(r"([A-Z][A-Za-z0-9 ()/]*):(?:\s+(\S.*))?$")
_ROM = re.compile(r"(?:Rom Info:\s*)?(type=\S.*)$")
_VERSION = re.compile(r"\b(\d{1,2}\.\d{1,3}\.\d{1,4})\b")
_ADDRESS = re.compile(r"\b[0-9a-f]{12}(?:[0-9a-f]{4})?\b")
_BLANK = re.compile(r"f+|0+")
VERIFIED = "FW image verification succeeded"


_OWN = {
    "Image type": "image",
    "FW Version": "version",
    "FW Version(Running)": "running",
    "FW Release Date": "date",
    "Product Version": "product",
    "PSID": "psid",
    "Orig PSID": "original_psid",
    "Security Attributes": "security",
}
_TABLE = ("Description", "GUIDs", "MACs", "Base GUID", "Base MAC", "Rom Info")


def parse_query(text: str) -> Flash:
    """Return the output of `query`; an empty one where nothing of it is understood.

    >>> parse_query("FW Version:    20.35.1012\\nPSID:    MT_0000000228").version
    '20.35.1012'
    """
    rows: dict[str, str] = {}
    roms: list[str] = []
    for line in map(str.strip, plain(text).splitlines()):
        if match := _LINE.match(line):
            rows.setdefault(match[1], match[2] or "")
        if rom := _ROM.match(line):
            roms.append(_rom(rom[1]))
    told = {name: value for name, value in rows.items() if value and value != "N/A"}
    guids = _addresses(told, "GUID")
    macs = _addresses(told, "MAC")
    return Flash(
        **{field: told[name] for name, field in _OWN.items() if name in told},
        roms=tuple(roms),
        guids=tuple(one for one in guids if not _BLANK.fullmatch(one)),
        macs=tuple(one for one in macs if not _BLANK.fullmatch(one)),
        blank=bool(guids) and all(_BLANK.fullmatch(one) for one in guids),
        more={k: v for k, v in told.items() if k not in _OWN and k not in _TABLE},
    )


def _addresses(told: Mapping[str, str], kind: str) -> list[str]:
    """Return addresses of a table; `Base` ones have a number behind them, which is no address."""
    text = told.get(f"{kind}s") or told.get(f"Base {kind}") or ""
    return _ADDRESS.findall(text.lower())


def _rom(text: str) -> str:
    """Return an expansion ROM in words.

    >>> _rom("type=UEFI version=14.28.15 cpu=AMD64,AARCH64")
    'UEFI 14.28.15 (AMD64,AARCH64)'
    """
    words = dict(word.split("=", 1) for word in text.split() if "=" in word)
    cpu = f" ({words['cpu']})" if "cpu" in words else ""
    return f"{words.get('type', '')} {words.get('version', '')}".strip() + cpu


def numbers(version: str) -> tuple[int, ...] | None:
    """Return a version as numbers to compare; None for what is none.

    >>> numbers("12.28.2006"), numbers("latest")
    ((12, 28, 2006), None)
    """
    parts = version.strip().split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts):
        return None
    return tuple(map(int, parts))


def parse_tool_version(text: str) -> str | None:
    """Return the version of the tool itself.

    >>> parse_tool_version("mstflint, mstflint 4.31.0, Git SHA Hash: N/A")
    '4.31.0'
    """
    match = _VERSION.search(text)
    return match[1] if match else None


def read_query(system: System, tool: str, place: Sequence[str]) -> Flash:
    """Return what a card (`-d DEVICE`) or file (`-i FILE`) holds. Raises OSError."""
    finished = system.run((tool, *place, "query", "full"), timeout=20.0)
    flash = parse_query(finished.stdout)
    if finished.status or not (flash.version or flash.psid):
        raise failed(system, failure(finished) or "its output is not understood")
    return flash
