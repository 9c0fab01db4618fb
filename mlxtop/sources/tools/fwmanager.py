"""What is in a card's flash, as mlxfwmanager, mstfwmanager and mlxup tell it: `-d DEVICE --query`.

A block of `Name:  value` lines a device, with a table of versions: current and available. They ask
no server without `--online`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlxtop.model.flash import Flash
from mlxtop.sources.tools.card_tool import failed, failure, plain
from mlxtop.system.door import System

TOOLS = ("mstfwmanager", "mlxfwmanager")

_DEVICE = re.compile(r"^Device #\d+:", re.MULTILINE)
_LINE = re.compile(r"^\s+([A-Z][A-Za-z0-9 ()]*?):?\s{2,}(\S.*?)\s*$")
_ROMS = ("PXE", "UEFI", "CLP", "NVMe", "Virtio blk", "Virtio net")
_MORE = ("Part Number", "Description")


def parse_report(text: str) -> list[Flash]:
    """Return the flash of every device of a report.

    >>> parse_report("Device #1:\\n  PSID:   MT_1\\n  Versions:  Current  Available\\n"
    ...              "     FW      2.42.5700   N/A\\n")[0].version
    '2.42.5700'
    """
    return [_flash(dict(_rows(block))) for block in _DEVICE.split(plain(text))[1:]]


def _rows(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        match = _LINE.match(line)
        if match and match[2] not in ("N/A", "--"):
            yield match[1], match[2]


def _flash(rows: dict[str, str]) -> Flash:
    def current(name: str) -> str | None:
        version = rows.get(name, "").split()
        return version[0] if version and version[0] not in ("N/A", "--") else None

    def addresses(kind: str) -> tuple[str, ...]:
        ends = (f"Base {kind}", kind, f"Port1 {kind}", f"Port2 {kind}")
        return tuple(rows[name].lower() for name in ends if name in rows)

    return Flash(
        version=current("FW"),
        running=current("FW (Running)"),
        psid=rows.get("PSID"),
        roms=tuple(f"{name} {version}" for name in _ROMS if (version := current(name))),
        guids=addresses("GUID"),
        macs=addresses("MAC"),
        more={name: rows[name] for name in _MORE if name in rows},
    )


def read_report(system: System, tool: str, device: str) -> Flash:
    """Return what a card holds. Raises OSError."""
    finished = system.run((tool, "-d", device, "--query"), timeout=30.0)
    reports = parse_report(finished.stdout)
    if finished.status or len(reports) != 1 or not (reports[0].version or reports[0].psid):
        raise failed(system, failure(finished) or "its output is not understood")
    return reports[0]
