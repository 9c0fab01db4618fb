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

_ENCODING = {"SDR": "8b/10b", "DDR": "8b/10b", "QDR": "8b/10b", "FDR10": "64b/66b"} | {
    "FDR": "64b/66b",
    "EDR": "64b/66b",
}


class InfinibandRate(NamedTuple):
    """An InfiniBand rate as sysfs words it, taken apart."""

    signalling: float
    """Gb/s as the kernel prints it: raw, before encoding up to QDR; truncated for FDR."""
    lanes: int
    generation: str
    """SDR, DDR, QDR, FDR10, FDR, EDR, HDR, NDR or XDR."""

    @property
    def bits(self) -> int:
        """Return data rate after encoding, bit/s, rounded down."""
        return int(LANE_BITS[self.generation] * self.lanes)

    @property
    def encoding(self) -> str:
        """Return line code of the generation."""
        return _ENCODING.get(self.generation, "256b/257b with FEC")


def parse_rate(text: str | None) -> InfinibandRate | None:
    """Return the `rate` file of an RDMA port; None for what is no InfiniBand rate.

    Old kernels name every generation but SDR.

    >>> parse_rate("40 Gb/sec (4X QDR)").bits, parse_rate("40 Gb/sec (4X FDR10)").bits
    (32000000000, 40000000000)
    >>> parse_rate("56 Gb/sec (4X FDR)").bits, parse_rate("2.5 Gb/sec (1X SDR)").bits
    (54545454545, 2000000000)
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
    """What carries an application's data."""

    TCP = "TCP"
    UDP = "UDP"
    RDMA = "RDMA"


ETHERNET_FRAME = 38
"""Bytes on the wire beside the MTU: header 14, FCS 4, preamble 8, gap 12."""
VLAN_TAG = 4
_ROCE = 14 + 20 + 8 + 12 + 4 + 4 + 20
"""Bytes of a RoCE v2 frame beside its payload: Ethernet, IPv4, UDP, BTH, ICRC, FCS, gap."""
_IB_PACKET = 8 + 12 + 4 + 2
"""LRH, BTH, ICRC and VCRC of an InfiniBand packet."""
_DETH = 8
_IPOIB = 4
_IB_MTUS = (4096, 2048, 1024, 512, 256)


def _headers(protocol: Protocol, ipv6: bool, timestamps: bool) -> int:
    """Return bytes of an IP packet that are no data."""
    network = 40 if ipv6 else 20
    if protocol is Protocol.UDP:
        return network + 8
    return network + 20 + (12 if timestamps else 0)


def roce_mtu(mtu: int) -> int | None:
    """Return the RDMA MTU that fits into a network device's MTU, the kernel's `iboe_get_mtu()`.

    >>> roce_mtu(1500), roce_mtu(9000)
    (1024, 4096)
    """
    return next((size for size in _IB_MTUS if size <= mtu - 96), None)


def ethernet_goodput(
    protocol: Protocol,
    mtu: int | None,
    *,
    ipv6: bool = False,
    vlan: bool = False,
    timestamps: bool = True,
) -> float | None:
    """Return the share of an Ethernet line rate that is data, frames full; None where unknown.

    >>> [round(ethernet_goodput(Protocol.TCP, mtu), 4) for mtu in (1500, 9000)]
    [0.9415, 0.99]
    """
    if mtu is None:
        return None
    if protocol is Protocol.RDMA:
        size = roce_mtu(mtu)
        if size is None:
            return None
        return size / (size + _ROCE + (20 if ipv6 else 0) + (VLAN_TAG if vlan else 0))
    data = mtu - _headers(protocol, ipv6, timestamps)
    return data / (mtu + ETHERNET_FRAME + (VLAN_TAG if vlan else 0)) if data > 0 else None


def infiniband_goodput(
    protocol: Protocol,
    mtu: int | None,
    *,
    connected: bool = False,
    ipv6: bool = False,
    timestamps: bool = True,
    ib_mtu: int | None = None,
) -> float | None:
    """Return the share of an InfiniBand data rate that is data; None where unknown.

    `mtu` is that of the IPoIB device. `ib_mtu` is the fabric's; when it is not given, a datagram
    MTU tells it (it is 4 bytes smaller), and 2048, the usual one, is taken for connected mode.

    >>> round(infiniband_goodput(Protocol.TCP, 2044), 4)
    0.9568
    >>> round(infiniband_goodput(Protocol.TCP, 65520, connected=True, ib_mtu=4096), 4)
    0.9928
    """
    if protocol is Protocol.RDMA:
        size = ib_mtu or next((size for size in _IB_MTUS if mtu and size <= mtu + _IPOIB), 2048)
        size = 2048 if connected and ib_mtu is None else size
        return size / (size + _IB_PACKET)
    if mtu is None:
        return None
    data, message = mtu - _headers(protocol, ipv6, timestamps), mtu + _IPOIB
    if data <= 0:
        return None
    if not connected:
        return data / (message + _DETH + _IB_PACKET)
    return data / (message + -(-message // (ib_mtu or 2048)) * _IB_PACKET)
