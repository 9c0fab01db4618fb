"""PCIe bandwidth with the kernel's own arithmetic, and what of it is payload.

`pcie_bandwidth_available()` and `PCIE_SPEED2MBS_ENC` in drivers/pci/pci.c and pci.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

LANE_MBPS = {2.5: 2000, 5.0: 4000, 8.0: 7876, 16.0: 15753, 32.0: 31507, 64.0: 64000}
"""GT/s to Mb/s of one lane after encoding, as integers, like the kernel has them."""

GENERATION = {2.5: 1, 5.0: 2, 8.0: 3, 16.0: 4, 32.0: 5, 64.0: 6}


def version(speed: float | None) -> str:
    """Return `3.0` for 8.0 GT/s; the speed itself where it is of no version yet."""
    if speed is None:
        return "–"
    number = GENERATION.get(speed)
    return f"{number}.0" if number else f"{speed:g} GT/s"


def link_words(
    link: tuple[float | None, int | None], card: tuple[float | None, int | None] = (None, None)
) -> str:
    """Return GT/s and lanes of a link in words, with what the card could do where that is more.

    >>> link_words((8.0, 8)), link_words((8.0, 8), (8.0, 16)), link_words((2.5, 1), (16.0, 8))
    ('PCIe 3.0 x8', 'PCIe 3.0 x8 of x16', 'PCIe 1.0 of 4.0 x1 of x8')
    """
    (speed, lanes), (most_speed, most_lanes) = link, card
    slow = f" of {version(most_speed)}" if speed and most_speed and speed < most_speed else ""
    narrow = f" of x{most_lanes}" if lanes and most_lanes and lanes < most_lanes else ""
    return f"PCIe {version(speed)}{slow} x{'–' if lanes is None else lanes}{narrow}"


def bandwidth(speed: float | None, width: int | None) -> int | None:
    """Return Mb/s of a link of `speed` GT/s and `width` lanes; None where one is unknown.

    >>> bandwidth(8.0, 8), bandwidth(8.0, 16), bandwidth(None, 8)
    (63008, 126016, None)
    """
    lane = LANE_MBPS.get(speed) if speed else None
    return lane * width if lane and width else None


class Direction(StrEnum):
    """As seen from the port: what it receives the card writes to memory, what it sends it reads."""

    RX = "rx"
    TX = "tx"


ASSUMED_MPS = 256
"""Bytes of payload in a packet where the configuration space is closed: what most hosts set."""

_OVERHEAD = {Direction.RX: 24, Direction.TX: 20}
"""Bytes of header, sequence number, LCRC and framing of a memory write, of a read completion."""


def payload(mbps: int | None, mps: int | None, direction: Direction = Direction.RX) -> int | None:
    """Return Mb/s of data at most on a link of `mbps`, in packets of `mps` bytes (None: 256).

    Acknowledgements and descriptors take 2 to 5 % more of it. Completions of reads are cut to
    256 bytes by most hosts, whatever the limit is.

    >>> payload(63008, None), payload(63008, 128), payload(63008, 512, Direction.TX)
    (57607, 53059, 58442)
    """
    if mbps is None:
        return None
    size = mps or ASSUMED_MPS
    if direction is Direction.TX:
        size = min(size, 256)
    return mbps * size // (size + _OVERHEAD[direction])


class PcieLink(NamedTuple):
    """The link above one PCI device: GT/s and lanes, now and at most."""

    device: str
    speed: float | None
    width: int | None
    max_speed: float | None
    max_width: int | None

    @property
    def running(self) -> tuple[float | None, int | None]:
        return self.speed, self.width

    @property
    def mbps(self) -> int | None:
        return bandwidth(self.speed, self.width)

    @property
    def capable_mbps(self) -> int | None:
        """Return what the device itself could do, Mb/s."""
        return bandwidth(self.max_speed, self.max_width)

    @property
    def capability(self) -> tuple[float | None, int | None]:
        return self.max_speed, self.max_width


@lru_cache(64)
def _narrowest(links: tuple[PcieLink, ...]) -> PcieLink | None:
    measured = [link for link in reversed(links) if link.mbps is not None]
    return min(measured, key=lambda link: link.mbps or 0, default=None)


class PciePath(NamedTuple):
    """The links from a device (first) up to the root port (last); empty where there is none."""

    links: tuple[PcieLink, ...]

    @property
    def limiting(self) -> PcieLink | None:
        """Return the narrowest link; of equal ones the nearest to the root, as the kernel does."""
        return _narrowest(self.links)

    @property
    def available_mbps(self) -> int | None:
        """Return Mb/s between the device and the root, per direction."""
        return self.limiting.mbps if self.limiting else None

    @property
    def capable_mbps(self) -> int | None:
        """Return Mb/s that the device could use in the best slot."""
        return self.links[0].capable_mbps if self.links else None

    def payload_mbps(self, mps: int | None) -> int | None:
        """Return Mb/s of data at most between the device and memory; `mps` None means 256 bytes."""
        return payload(self.available_mbps, mps)

    def kernel_line(self) -> str | None:
        """Return what the kernel says when the driver starts, `pcie_print_link_status()`."""
        hop, available, capable = self.limiting, self.available_mbps, self.capable_mbps
        if hop is None or available is None or capable is None:
            return None
        top = self.links[0]
        if available >= capable:
            return f"{_gbps(capable)} available PCIe bandwidth ({_link(*top.capability)})"
        return (
            f"{_gbps(available)} available PCIe bandwidth, limited by"
            f" {_link(hop.speed, hop.width)} at {hop.device}"
            f" (capable of {_gbps(capable)} with {_link(*top.capability)})"
        )

    @property
    def limited(self) -> bool:
        """Return whether the path gives less than the device is capable of."""
        available, capable = self.available_mbps, self.capable_mbps
        return available is not None and capable is not None and available < capable


def _gbps(mbps: int) -> str:
    return f"{mbps // 1000}.{mbps % 1000:03d} Gb/s"


def _link(speed: float | None, width: int | None) -> str:
    return f"{speed} GT/s PCIe x{width} link"


class PcieReport(NamedTuple):
    """The card's own registers of its PCIe link, by `mlxlink`; None is what it did not print."""

    place: tuple[int, ...] = ()
    """Depth, PCIe index and node of the link inside the card."""
    speed: float | None = None
    """GT/s."""
    enabled_speed: float | None = None
    width: int | None = None
    enabled_width: int | None = None
    status: str = ""
    """Errors that the device has seen since they were last cleared, in words."""
    errors: Mapping[str, int] = {}
    """Since the card was powered: `link_downs`, `rx_errors`, `tx_errors`, `crc_dllp` …"""
    lane_errors: tuple[int, ...] = ()
    ber: float | None = None
    """Bit error rate."""
    caveat: str | None = None
    """What the tool could not do, in its words; what it printed is good."""
    tick: float = 0.0
    """Monotonic second of the reading."""
    source: str = ""

    @property
    def running(self) -> tuple[float | None, int | None]:
        return self.speed, self.width

    @property
    def enabled(self) -> tuple[float | None, int | None]:
        return self.enabled_speed, self.enabled_width

    @property
    def damaged(self) -> int:
        """Return packets that arrived damaged, or were not repaired, since the card was powered."""
        names = ("crc_dllp", "crc_tlp", "fec_uncorrected")
        return sum(self.errors.get(name, 0) for name in names)
