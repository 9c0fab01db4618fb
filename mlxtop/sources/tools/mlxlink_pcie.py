"""The PCIe page of `mstlink` and `mlxlink`: the card's own registers of its link.

mlxlink/modules/mlxlink_commander.cpp of https://github.com/Mellanox/mstflint. It is asked for
counters alone: measuring eyes takes seconds a lane.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlxtop.model.number import real
from mlxtop.model.pcie import PcieReport
from mlxtop.sources.kernel.pci import card_lock
from mlxtop.sources.tools.card_tool import explain, failure
from mlxtop.sources.tools.mlxlink import INTERVAL, parse_rows
from mlxtop.system.door import System

SLOW_INTERVAL = 120.0
"""Seconds between two runs: the counters stand still on a good link."""

_SPEEDS = re.compile(r"(\d{1,3}(?:\.\d)?)G[^(]*(?:\((\d{1,3}(?:\.\d)?)G)?")
_WIDTHS = re.compile(r"(\d{1,2})X\s*(?:\((\d{1,2})X)?")
_COUNT = re.compile(r"\d{1,20}")
_LANE = re.compile(r"\blane[ _]?(\d{1,2})\b")
_BER = re.compile(r"\d{1,3}E-\d{1,3}")

_COUNTERS = {
    "link_downs": "dl down",
    "rx_errors": "rx errors",
    "tx_errors": "tx errors",
    "crc_dllp": "crc error dllp",
    "crc_tlp": "crc error tlp",
    "fec_corrected": "fec correctable error count",
    "fec_uncorrected": "fec uncorrectable error count",
}
"""Counter of ours to the tool's row."""


def parse_pcie(text: str) -> PcieReport:
    """Return the page from text or JSON of any version; empty where nothing was understood.

    >>> page = parse_pcie("Link Width Active (Enabled)    : 4X (16X)\\nRX Errors      : 7")
    >>> page.width, page.enabled_width, page.errors
    (4, 16, {'rx_errors': 7})
    """
    rows = parse_rows(text)
    place = _COUNT.findall(rows.get("depth, pcie index, node", ""))
    speeds = _SPEEDS.match(rows.get("link speed active (enabled)", ""))
    widths = _WIDTHS.match(rows.get("link width active (enabled)", ""))
    ber = _BER.search(rows.get("effective ber", ""))
    counts = {name: _COUNT.fullmatch(rows.get(row, "")) for name, row in _COUNTERS.items()}
    return PcieReport(
        place=tuple(map(int, place[:3])),
        speed=real(speeds[1]) if speeds else None,
        enabled_speed=real(speeds[2]) if speeds and speeds[2] else None,
        width=int(widths[1]) if widths else None,
        enabled_width=int(widths[2]) if widths and widths[2] else None,
        status=rows.get("device status", "").rstrip("."),
        errors={name: int(match[0]) for name, match in counts.items() if match},
        lane_errors=_lanes(rows),
        ber=real(ber[0]) if ber else None,
    )


def _lanes(rows: Mapping[str, str]) -> tuple[int, ...]:
    """Return the errors of each lane, from a row a lane or from one row of all."""
    lanes: dict[int, int] = {}
    for key, value in rows.items():
        counts = list(map(int, _COUNT.findall(value)))
        if "error" not in key or not counts:
            continue
        if one := _LANE.search(key):
            lanes[int(one[1])] = counts[0]
        elif "per lane" in key:
            return tuple(counts)
    return tuple(count for _, count in sorted(lanes.items()))


def read_pcie_report(system: System, function: str, tool: str) -> PcieReport:
    """Run the tool for the PCIe link of a function. Raises OSError where it cannot be run.

    What it does not answer is the report's caveat: older tools and some cards have no such page.
    A card in several slots has a page of each, and the first is asked for by its place.
    """
    argv = [tool, "-d", function, "--port_type", "PCIE", "-c"]
    with system.claim(card_lock(system, function), INTERVAL):
        try:
            finished = system.run([*argv, "--json"], timeout=INTERVAL)
            if "--depth" in (failure(finished) or ""):
                first = ["--depth", "0", "--pcie_index", "0", "--node", "0"]
                finished = system.run([*argv, *first, "--json"], timeout=INTERVAL)
        except FileNotFoundError as error:  # a capture without the page
            return PcieReport(caveat=error.strerror, tick=system.now(), source=tool)
    page, trouble = parse_pcie(finished.stdout), failure(finished)
    if page == PcieReport():
        trouble = explain(system, trouble or "the tool printed nothing that is understood")
    return page._replace(caveat=trouble, tick=system.now(), source=tool)
