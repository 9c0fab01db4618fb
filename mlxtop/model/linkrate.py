"""Line rates after encoding, and the share of them that is left for an application's data.

InfiniBand: `rate_show()` in drivers/infiniband/core/sysfs.c and the IBTA's encodings (8b/10b up to
QDR, 64b/66b from FDR10 on). Frame sizes: IEEE 802.3, RFC 4391 (IPoIB), RFC 4755 (connected mode),
RoCE v2 annex A17.
"""

from __future__ import annotations

import re
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

_RATE = re.compile(r"^\s*(\d{1,5})(?:\.(\d))?\s*Gb/sec\s*\((\d{1,2})X(?:\s*([A-Z]+\d*))?\)\s*$")

LANE_BITS: dict[str, int | Fraction] = {
    "SDR": 2_000_000_000,
    "DDR": 4_000_000_000,
    "QDR": 8_000_000_000,
    "FDR10": 10_000_000_000,
    "FDR": Fraction(14_062_500_000 * 64, 66),
    "EDR": 25_000_000_000,
    "HDR": 50_000_000_000,
    "NDR": 100_000_000_000,
    "XDR": 200_000_000_000,
}
"""Data rate of one lane after encoding, bit/s."""


class InfinibandRate(NamedTuple):
    """An InfiniBand rate as sysfs words it, taken apart."""

    signalling: float
    """Gb/s as the kernel prints it: raw, before encoding up to QDR; truncated for FDR."""
    lanes: int
    generation: str
    """SDR, DDR, QDR, FDR10, FDR, EDR, HDR, NDR or XDR."""

    @property
    def bits(self) -> int:
        """Return the data rate after encoding, bit/s, rounded down."""
        return int(LANE_BITS[self.generation] * self.lanes)


def parse_rate(text: str | None) -> InfinibandRate | None:
    """Return the `rate` file of an RDMA port; None for what is no InfiniBand rate.

    Old kernels name every generation but SDR.

    >>> parse_rate("40 Gb/sec (4X QDR)").bits, parse_rate("40 Gb/sec (4X FDR10)").bits
    (32000000000, 40000000000)
    """
    match = _RATE.match(text or "")
    if match is None:
        return None
    signalling = float(f"{int(match[1])}.{match[2] or 0}")
    lanes = int(match[3])
    generation = match[4] or ("SDR" if signalling == 2.5 * lanes else "")
    if generation not in LANE_BITS or lanes == 0:
        return None
    return InfinibandRate(signalling, lanes, generation)


class Protocol(StrEnum):
    """A protocol that carries an application's data."""

    TCP = "TCP"
    UDP = "UDP"
    RDMA = "RDMA"


ETHERNET_FRAME = 38
"""Bytes on the wire beside the MTU: header 14, FCS 4, preamble 8, gap 12."""
_ROCE = 14 + 20 + 8 + 12 + 4 + 4 + 20
"""Bytes of a RoCE v2 frame beside its payload: Ethernet, IPv4, UDP, BTH, ICRC, FCS, gap."""
_IB_PACKET = 8 + 12 + 4 + 2
"""LRH, BTH, ICRC and VCRC of an InfiniBand packet."""
_DETH = 8
_IPOIB = 4
_IB_MTUS = (4096, 2048, 1024, 512, 256)
_USUAL_IB_MTU = 2048
_HEADERS = {Protocol.TCP: 20 + 20 + 12, Protocol.UDP: 20 + 8}
"""Bytes of an IPv4 packet that are no data, TCP with timestamps."""


def roce_mtu(mtu: int) -> int | None:
    """Return the RDMA MTU that fits into a network device's MTU, the kernel's `iboe_get_mtu()`."""
    return next((size for size in _IB_MTUS if size <= mtu - 96), None)


def ethernet_goodput(protocol: Protocol, mtu: int | None) -> float | None:
    """Return the share of an Ethernet line rate that is data, frames full; None where unknown."""
    if mtu is None:
        return None
    if protocol is Protocol.RDMA:
        size = roce_mtu(mtu)
        return size / (size + _ROCE) if size else None
    data = mtu - _HEADERS[protocol]
    return data / (mtu + ETHERNET_FRAME) if data > 0 else None


def infiniband_goodput(
    protocol: Protocol, mtu: int | None, *, connected: bool = False
) -> float | None:
    """Return the share of an InfiniBand data rate that is data; None where unknown.

    `mtu` is that of the IPoIB device. A datagram MTU tells the fabric's (4 bytes more); for
    connected mode it is taken to be 2048.
    """
    if protocol is Protocol.RDMA:
        fabric = 0 if connected or mtu is None else mtu + _IPOIB
        size = next((size for size in _IB_MTUS if size <= fabric), _USUAL_IB_MTU)
        return size / (size + _IB_PACKET)
    if mtu is None:
        return None
    data, message = mtu - _HEADERS[protocol], mtu + _IPOIB
    if data <= 0:
        return None
    if not connected:
        return data / (message + _DETH + _IB_PACKET)
    return data / (message + -(-message // _USUAL_IB_MTU) * _IB_PACKET)
