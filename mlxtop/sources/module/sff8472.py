"""The memory of SFP, SFP+ and SFP28 modules.

SFF-8472 Rev 12.4: A0h (I2C 0x50) says who the module is, A2h (I2C 0x51) what it measures.
"""

from __future__ import annotations

import struct

from mlxtop.model.module import Flag, Identity, Lane, Module, Quantity, Thresholds
from mlxtop.sources.module.memory import (
    BOUNDS,
    Memory,
    by_name,
    milliamperes,
    milliwatts,
    read_monitors,
    read_thresholds,
)
from mlxtop.sources.module.sff8024 import CONNECTORS, EXTENDED, IDENTIFIERS, named

_TYPES = (
    (3, 7, "10GBASE-ER"),
    (3, 6, "10GBASE-LRM"),
    (3, 5, "10GBASE-LR"),
    (3, 4, "10GBASE-SR"),
    (3, 3, "InfiniBand 1X SX"),
    (3, 2, "InfiniBand 1X LX"),
    (3, 1, "InfiniBand 1X copper active"),
    (3, 0, "InfiniBand 1X copper passive"),
    (6, 3, "1000BASE-T"),
    (6, 2, "1000BASE-CX"),
    (6, 1, "1000BASE-LX"),
    (6, 0, "1000BASE-SX"),
    (8, 3, "active copper cable"),
    (8, 2, "passive copper cable"),
)
"""Byte, bit and meaning of the compliance codes (table 5-3) that a ConnectX meets."""

_POWER = {0b000: (1, 1.0), 0b001: (2, 1.5), 0b010: (3, 2.0), 0b100: (4, None)}

THRESHOLDS = {
    Quantity.TEMPERATURE: 0,
    Quantity.VOLTAGE: 8,
    Quantity.BIAS: 16,
    Quantity.TX_POWER: 24,
    Quantity.RX_POWER: 32,
}
_FLAGS = (
    (Quantity.TEMPERATURE, 0, 7),
    (Quantity.VOLTAGE, 0, 5),
    (Quantity.BIAS, 0, 3),
    (Quantity.TX_POWER, 0, 1),
    (Quantity.RX_POWER, 1, 7),
)
"""Quantity, byte after 112 (alarms) or 116 (warnings), and the bit of its high flag."""


def decode_identity(a0: Memory) -> Identity:
    """Return who made it and what it is, from bytes 0 to 95 of A0h."""
    code = a0.u8(0)
    option = a0.u8(64) or 0
    level = _POWER.get(option >> 1 & 1 | option >> 4 & 6, (None, None))
    passive = a0.bit(8, 2)
    types = [name for at, number, name in _TYPES if a0.bit(at, number)]
    extended = named(EXTENDED, a0.u8(36))
    copper = passive or a0.bit(8, 3)
    return Identity(
        identifier=named(IDENTIFIERS, code),
        code=code,
        vendor=a0.text(20, 16),
        oui=a0.oui(37),
        part=a0.text(40, 16),
        serial=a0.text(68, 16),
        revision=a0.text(56, 4),
        date=a0.text(84, 8),
        types=(*types, extended) if extended else tuple(types),
        connector=named(CONNECTORS, a0.u8(2)),
        technology="copper" if copper else None,
        wavelength=None if copper else float(a0.u16(60) or 0) or None,
        lengths=_lengths(a0, bool(copper)),
        power_class=level[0],
        max_power=level[1],
        passive=passive,
    )


def _lengths(a0: Memory, copper: bool) -> dict[str, float]:
    single = (a0.u8(14) or 0) * 1000.0 or (a0.u8(15) or 0) * 100.0
    last = ("cable", 1.0) if copper else ("OM4", 10.0)
    places = {"OM2": (16, 10.0), "OM1": (17, 10.0), last[0]: (18, last[1]), "OM3": (19, 10.0)}
    return ({"SMF": single} if single else {}) | by_name(a0, places)


def has_diagnostics(a0: Memory) -> bool:
    """Return whether A2h exists: byte 92 bit 6, and no change of the bus address (bit 2)."""
    return bool(a0.bit(92, 6)) and not a0.bit(92, 2)


def decode(a0: Memory, a2: Memory) -> Module:
    """Return the whole module from A0h and as much of A2h as was read."""
    identity = decode_identity(a0)
    if not has_diagnostics(a0):
        reason = "the module says it has no diagnostics (SFF-8472 byte 92)"
        return Module(identity, refused={"diagnostics": reason})
    if a2.erased:
        return Module(identity, refused={"diagnostics": "its diagnostics read 0xff throughout"})
    limits, refused = read_thresholds(a2, THRESHOLDS)
    scale = _Calibration(a2) if a0.bit(92, 4) else None
    raw_temperature, raw_voltage = a2.s16(96), a2.u16(98)
    if scale is not None:
        raw_temperature = scale.linear(raw_temperature, 84, signed=True)
        raw_voltage = scale.linear(raw_voltage, 88)
    monitors = read_monitors(raw_temperature, raw_voltage, refused)
    if monitors is None:
        return Module(identity, refused={"diagnostics": "its monitors all read zero"})
    return Module(
        identity,
        *monitors,
        lanes=(_lane(a2, scale),) if a2.u16(104) is not None else (),
        thresholds=limits,
        flags=decode_flags(a0, a2, limits),
        refused=refused,
    )


def _lane(a2: Memory, scale: _Calibration | None) -> Lane:
    bias, tx, rx = a2.u16(100), a2.u16(102), a2.u16(104)
    if scale is not None:
        bias, tx, rx = scale.linear(bias, 76), scale.linear(tx, 80), scale.received(rx)
    return Lane(milliwatts(rx), milliwatts(tx), milliamperes(bias))


def decode_flags(
    a0: Memory, a2: Memory, limits: dict[Quantity, Thresholds]
) -> frozenset[Flag] | None:
    """Return flags of bytes 110 to 117; None where they are not there or not implemented.

    A quantity whose limits make no sense has flags that make none.
    """
    if a2.u8(117) is None:
        return None
    flags = set()
    for quantity, byte, high in _FLAGS if a0.bit(93, 7) else ():
        if quantity not in limits:
            continue
        for place, bound in enumerate(BOUNDS):
            if a2.bit((112 if place < 2 else 116) + byte, high - place % 2):
                flags.add(Flag(f"{quantity} {bound}"))
    if a0.bit(93, 4) and a2.bit(110, 1):
        flags.add(Flag("rx loss of signal", 1))
    if a0.bit(93, 5) and a2.bit(110, 2):
        flags.add(Flag("tx fault", 1))
    return frozenset(flags)


class _Calibration:
    """Constants of externally calibrated modules, bytes 56 to 91 of A2h (section 9.3)."""

    def __init__(self, a2: Memory) -> None:
        self._a2 = a2

    def linear(self, raw: int | None, at: int, signed: bool = False) -> int | None:
        """Return slope (1/256) times raw plus offset, in the register's own unit."""
        slope, offset = self._a2.u16(at), self._a2.s16(at + 2)
        if raw is None or slope is None or offset is None:
            return None
        value = round(raw * slope / 256 + offset)
        low, high = (-0x8000, 0x7FFF) if signed else (0, 0xFFFF)
        return min(max(value, low), high)

    def received(self, raw: int | None) -> int | None:
        """Return receiver power: a polynomial of four floats, from the fourth power down."""
        data = self._a2.bytes(56, 20)
        if raw is None or data is None:
            return None
        value = 0.0
        for factor in struct.unpack(">5f", data):
            value = value * raw + factor
        return min(max(round(value), 0), 0xFFFF) if abs(value) < 1e9 else None
