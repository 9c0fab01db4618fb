"""The hottest sensor of a card by `mstmget_temp` or `mget_temp`: the only way on mlx4.

They read the card's configuration space: root, and not under kernel lockdown.
"""

from __future__ import annotations

import re

from mlxtop.sources.kernel.hwmon import HIGHEST, LOWEST
from mlxtop.sources.kernel.pci import card_lock
from mlxtop.sources.tools.card_tool import failed, failure, installed
from mlxtop.system.door import Finished, System

INTERVAL = 30.0
"""Seconds between two runs, at least."""

TOOLS = ("mstmget_temp", "mget_temp")

_USAGE = re.compile(r"usage|option|argument|no-modules", re.IGNORECASE)
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
    return installed(system, TOOLS[driver == "mlx4_core" :])


def read_mget_temp(system: System, function: str, tool: str) -> float:
    """Return °C of the ASIC. Raises OSError with the tool's words.

    From 4.36 on the tool reads modules too, prints the hottest of all and ends when one fails.
    Older ones do not know the option that leaves them out.
    """
    with system.claim(card_lock(system, function), INTERVAL):
        finished = _ask(system, [tool, "-d", function])
    degrees = parse_mget_temp(finished.stdout)
    if degrees is None:
        raise failed(system, failure(finished) or "the tool printed no temperature")
    return degrees


def _ask(system: System, argv: list[str]) -> Finished:
    try:
        finished = system.run([*argv, "--no-modules"], timeout=INTERVAL)
    except FileNotFoundError:  # a capture without the option
        return system.run(argv, timeout=INTERVAL)
    if parse_mget_temp(finished.stdout) is None and _USAGE.search(failure(finished) or ""):
        return system.run(argv, timeout=INTERVAL)
    return finished


def what_would_help(driver: str | None) -> str:
    """Return which tool reads the ASIC's temperature where the driver has no sensor."""
    return _WANTED["mlx4" if driver and driver.startswith("mlx4") else "mlx5"]
