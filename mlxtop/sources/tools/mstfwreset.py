"""Firmware reset: the levels that mstfwreset and mlxfwreset offer, and how a reset went.

The texts are those of small_utils/mstfwreset.py and mlxfwresetlib/cmd_reg_mfrl.py of
https://github.com/Mellanox/mstflint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

TOOLS = ("mstfwreset", "mlxfwreset")

PCI_RESET, WARM_REBOOT = 3, 4
"""Levels that load the configuration anew: 3 takes the card down, 4 the machine."""


class Level(NamedTuple):
    """A reset level of the device as it is now."""

    number: int
    text: str
    supported: bool
    default: bool = False


class ResetReport(NamedTuple):
    """The course of a reset."""

    steps: Mapping[str, str] = {}
    """Step to `Done`, `Skipped`, `Failed`, or `unfinished` where the transcript ends in it."""
    loaded: bool = False
    """The tool found the firmware started anew."""

    @property
    def done(self) -> bool:
        """Return whether the reset took place: before a reboot nothing is found loaded."""
        ends = set(self.steps.values())
        return (self.loaded and "Failed" not in ends) or ends == {"Done"}

    @property
    def reboots(self) -> bool:
        """Return whether the machine was told to reboot, which may end the tool too."""
        return any("reboot" in step.lower() and end == "Done" for step, end in self.steps.items())


_SECTION = re.compile(r"^\s*Reset-(\w+)", re.IGNORECASE)
_OFFER = re.compile(
    r"^\s*+(\d):\s++(\S.*?)(?<!\s)\s*+-\s*+(Not Supported|Supported)\b\s*+(\(default\))?",
    re.IGNORECASE,
)
_STEP = re.compile(r"^-I-\s++(\S.*?)(?<!\s)\s++-\s*+(Done|Skipped|Failed)?\s*+(?:$|-E-)")
_LOADED = re.compile(r"^-I-\s+FW was loaded successfully", re.MULTILINE)


def parse_levels(text: str) -> tuple[Level, ...]:
    """Return what `mstfwreset -d … query` offers.

    >>> parse_levels("Reset-levels:\\n3: Driver restart and PCI reset -Supported (default)")
    (Level(number=3, text='Driver restart and PCI reset', supported=True, default=True),)
    """
    levels: list[Level] = []
    section = ""
    for line in text.splitlines():
        if heading := _SECTION.match(line):
            section = heading[1].lower()
        elif section == "levels" and (offer := _OFFER.match(line)):
            supported = offer[3].lower() == "supported"
            levels.append(Level(int(offer[1]), offer[2], supported, bool(offer[4])))
    return tuple(levels)


def parse_reset(text: str) -> ResetReport:
    """Return the transcript of a reset.

    >>> parse_reset("-I- Sending reboot command to machine       -Done").done
    True
    """
    matches = (_STEP.match(line) for line in text.splitlines())
    steps = {match[1]: match[2] or "unfinished" for match in matches if match}
    return ResetReport(steps, _LOADED.search(text) is not None)
