"""The hottest sensor of a card by `mstmget_temp` or `mget_temp`: the only way on mlx4.

They read the card's configuration space: root, and not under kernel lockdown.
"""

from __future__ import annotations

import errno
import re

from mlxtop.sources.kernel.hwmon import HIGHEST, LOWEST
from mlxtop.sources.kernel.pci import card_lock
from mlxtop.sources.tools.mlxlink import ToolFailed, failure
from mlxtop.system.door import System

INTERVAL = 30.0
"""Seconds between two runs, at least."""

_WHOLE = re.compile(r"^[ \t]*+(-?\d{1,3})(?:\.\d++)?[ \t]*+(?:C|°C)?[ \t\r]*+$", re.MULTILINE)

_WANTED = {
    "mlx4": "mget_temp of NVIDIA MFT up to 4.25 reads it; newer ones dropped ConnectX-3",
    "mlx5": "mstmget_temp of mstflint 4.31 or newer reads it, or mget_temp of NVIDIA MFT",
}


def parse_mget_temp(text: str) -> float | None:
    """Return °C of a line that holds nothing but a number; None without a believable one.

    >>> parse_mget_temp("57 \\n"), parse_mget_temp("-E- Failed"), parse_mget_temp("255")
    (57.0, None, None)
    """
    match = _WHOLE.search(text)
    degrees = int(match[1]) if match else None
    return float(degrees) if degrees is not None and LOWEST <= degrees <= HIGHEST else None


def find_tool(system: System, driver: str | None) -> str | None:
    """Return the installed tool that may know the card; mlx4 cards are unknown to mstmget_temp."""
    tools = ("mget_temp",) if driver == "mlx4_core" else ("mstmget_temp", "mget_temp")
    return next((tool for tool in tools if system.which(tool)), None)


def read_mget_temp(system: System, function: str, tool: str) -> float:
    """Return °C of the ASIC. Raises OSError with the tool's words."""
    with system.claim(card_lock(system, function), INTERVAL):
        finished = system.run([tool, "-d", function], timeout=INTERVAL)
    degrees = parse_mget_temp(finished.stdout)
    if degrees is None:
        words = failure(finished) or "the tool printed no temperature"
        raise ToolFailed(errno.EIO, words)
    return degrees


def what_would_help(driver: str | None) -> str:
    """Return which tool reads the ASIC's temperature where the driver has no sensor."""
    return _WANTED["mlx4" if driver and driver.startswith("mlx4") else "mlx5"]
