"""The memory of a pluggable module, as bytes that may be missing or rubbish.

SFF-8472, SFF-8636 and CMIS share their units: 1/256 °C, 100 µV, 2 µA and 0.1 µW, big endian.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from mlxtop.model.module import Bound, Quantity

BOUNDS = (Bound.HIGH_ALARM, Bound.LOW_ALARM, Bound.HIGH_WARNING, Bound.LOW_WARNING)
"""The order of thresholds and of flag bits in all three layouts."""


class Memory:
    """Bytes of one half page by their number in the standard; None for what was not read."""

    __slots__ = ("data", "start")

    def __init__(self, data: bytes = b"", start: int = 0) -> None:
        self.data = data
        self.start = start

    def bytes(self, at: int, size: int) -> bytes | None:
        """Return `size` bytes from number `at`."""
        begin = at - self.start
        if begin < 0 or begin + size > len(self.data):
            return None
        return self.data[begin : begin + size]

    def u8(self, at: int) -> int | None:
        """Return one byte."""
        data = self.bytes(at, 1)
        return None if data is None else data[0]

    def u16(self, at: int) -> int | None:
        """Return two bytes, unsigned."""
        data = self.bytes(at, 2)
        return None if data is None else int.from_bytes(data)

    def s16(self, at: int) -> int | None:
        """Return two bytes, signed."""
        data = self.bytes(at, 2)
        return None if data is None else int.from_bytes(data, signed=True)

    def bit(self, at: int, number: int) -> bool | None:
        """Return one bit of a byte."""
        value = self.u8(at)
        return None if value is None else bool(value >> number & 1)

    def text(self, at: int, size: int) -> str | None:
        """Return ASCII without padding; None where it is empty or erased (0xff).

        >>> Memory(b"ACME    ").text(0, 8)
        'ACME'
        """
        return printable((self.bytes(at, size) or b"").decode("latin-1"))

    def oui(self, at: int) -> str | None:
        """Return the IEEE company id, `00:02:c9`; None where it is zero or erased."""
        data = self.bytes(at, 3)
        return None if data is None or data in (bytes(3), b"\xff" * 3) else data.hex(":")

    def overlaid(self, newer: Memory) -> Memory:
        """Return this memory with the bytes that were read again in place of the old ones.

        >>> Memory(b"abcd").overlaid(Memory(b"X", 2)).data
        b'abXd'
        """
        begin = newer.start - self.start
        if begin < 0 or not newer.data:
            return self
        data = bytearray(self.data.ljust(begin, b"\0"))
        data[begin : begin + len(newer.data)] = newer.data
        return Memory(bytes(data), self.start)

    @property
    def erased(self) -> bool:
        """Return whether every byte is 0xff: nothing answers on the bus."""
        return bool(self.data) and not self.data.strip(b"\xff")


def printable(text: str) -> str | None:
    """Return a field as ethtool prints it, an underscore for what is no ASCII, without padding.

    >>> printable("AB-12\\0\\0  "), printable("__ _")
    ('AB-12', None)
    """
    return re.sub(r"[^ -~]", "_", text).strip("_ ") or None


def degrees(raw: int | None) -> float | None:
    """Return °C of a temperature register."""
    return None if raw is None else raw / 256.0


def scaled(raw: int | None, scale: float) -> float | None:
    """Return a register in units of 1/scale; None where it is erased or beyond its range."""
    return None if raw is None or raw == 0xFFFF else raw / scale


milliamperes = partial(scaled, scale=500.0)
milliwatts = partial(scaled, scale=1e4)

SCALES = {
    Quantity.VOLTAGE: milliwatts,
    Quantity.BIAS: milliamperes,
    Quantity.TX_POWER: milliwatts,
    Quantity.RX_POWER: milliwatts,
}
"""Conversions of registers without a sign; 100 µV and 0.1 µW have the same factor."""


def by_name(memory: Memory, places: Mapping[str, tuple[int, float]]) -> dict[str, float]:
    """Return the bytes at `places` that are not zero, times a unit, by name."""
    values = {name: float((memory.u8(at) or 0) * unit) for name, (at, unit) in places.items()}
    return {name: value for name, value in values.items() if value}
