"""PCIe bandwidth against the lines that kernels printed, and payload against hand-made figures."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mlxtop.model.pcie import Direction, PcieLink, PciePath, payload

_LINE = re.compile(
    r"(?P<device>[0-9a-f:.]+): (?P<text>[\d.]+ Gb/s available PCIe bandwidth"
    r"(?:, limited by (?P<speed>[\d.]+) GT/s PCIe x(?P<width>\d+) link at (?P<at>\S+))?"
    r" \((?:capable of [\d.]+ Gb/s with )?(?P<max>[\d.]+) GT/s PCIe x(?P<lanes>\d+) link\))"
)


def test_the_limit_of_equal_links_is_the_one_nearest_to_the_root() -> None:
    path = PciePath(
        (
            PcieLink("0000:43:00.0", 8.0, 8, 8.0, 16),
            PcieLink("0000:40:03.0", 8.0, 8, 8.0, 16),
        )
    )
    assert path.kernel_line() == (
        "63.008 Gb/s available PCIe bandwidth, limited by 8.0 GT/s PCIe x8 link at 0000:40:03.0"
        " (capable of 126.016 Gb/s with 8.0 GT/s PCIe x16 link)"
    )


def test_a_link_of_unknown_speed_has_no_line() -> None:
    assert PciePath((PcieLink("0000:43:00.0", None, 8, 8.0, 16),)).kernel_line() is None
    assert PciePath(()).payload_mbps(None) is None


@pytest.mark.parametrize(
    ("speed", "width", "mps", "gbps"),
    [
        # 63.008 * 256/280, 126.016 * 256/280, 31.504 * 128/152, 16 * 256/280, 252.048 * 512/536
        (8.0, 8, 256, 57.607),
        (8.0, 16, 256, 115.214),
        (8.0, 4, 128, 26.529),
        (5.0, 4, 256, 14.628),
        (16.0, 16, 512, 240.762),
    ],
)
def test_payload_is_what_packet_overhead_leaves(
    speed: float, width: int, mps: int, gbps: float
) -> None:
    mbps = PciePath((PcieLink("x", speed, width, speed, width),)).payload_mbps(mps)
    assert mbps is not None
    assert mbps / 1000 == gbps


def test_sending_reads_memory_with_smaller_overhead() -> None:
    # 63.008 * 256/276
    assert payload(63008, 256, Direction.TX) == 58442
    assert payload(None, 256) is None


def _printed() -> list[tuple[str, re.Match[str]]]:
    folder = os.environ.get("MLXTOP_CAPTURES")
    if not folder:
        return []
    return [
        (path.name, match)
        for path in sorted(Path(folder, "dmesg").iterdir())
        for match in _LINE.finditer(path.read_text(errors="replace"))
    ]


@pytest.mark.captures
@pytest.mark.skipif("MLXTOP_CAPTURES" not in os.environ, reason="MLXTOP_CAPTURES is not set")
def test_the_arithmetic_equals_what_real_kernels_printed() -> None:
    printed = _printed()
    assert len(printed) >= 4
    for name, line in printed:
        best = float(line["max"]), int(line["lanes"])
        now = (float(line["speed"]), int(line["width"])) if line["speed"] else best
        links = [PcieLink(line["device"], *now, *best)]
        if line["at"]:
            links.append(PcieLink(line["at"], *now, *now))
        assert PciePath(tuple(links)).kernel_line() == line["text"], name
