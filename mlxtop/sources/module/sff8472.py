"""The memory of SFP, SFP+ and SFP28 modules.

SFF-8472 Rev 12.4: A0h (I2C 0x50) says who the module is, A2h (I2C 0x51) what it measures.
"""

from __future__ import annotations

import struct

from mlxtop.model.module import Flag, Identity, Lane, Module, Quantity
from mlxtop.sources.module.claims import Claims, sfp_power
from mlxtop.sources.module.memory import (
    BOUNDS,
    Memory,
    by_name,
    degrees,
    milliamperes,
    milliwatts,
)
from mlxtop.sources.module.readings import TOO_LITTLE, Readings, judge, read_thresholds
from mlxtop.sources.module.sff8024 import EXTENDED, named

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
    (8, 3, "active cable"),
    (8, 2, "passive cable"),
)
"""Byte, bit and meaning of the compliance codes (table 5-3) that a ConnectX meets."""

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


_FIBRES = {"OM2": (16, 10.0), "OM1": (17, 10.0), "OM3": (19, 10.0)}
"""Bytes of A0h, metres."""


def decode_identity(a0: Memory) -> Identity:
    """Return who made it and what it is, from bytes 0 to 95 of A0h."""
    power = sfp_power(a0.u8(64))
    return (
        _claims(a0)
        .identity()
        ._replace(
            vendor=a0.text(20, 16),
            oui=a0.oui(37),
            part=a0.text(40, 16),
            serial=a0.text(68, 16),
            revision=a0.text(56, 4),
            date=a0.text(84, 8),
            power_class=power.level,
            max_power=power.watts,
        )
    )


def _claims(a0: Memory) -> Claims:
    passive, active = a0.bit(8, 2), a0.bit(8, 3)
    types = [name for at, number, name in _TYPES if a0.bit(at, number)]
    extended = named(EXTENDED, a0.u8(36))
    single = (a0.u8(14) or 0) * 1000.0 or (a0.u8(15) or 0) * 100.0
    return Claims(
        code=a0.u8(0),
        connector=a0.u8(2),
        types=(*types, extended) if extended else tuple(types),
        wavelength=None if passive or active else float(a0.u16(60) or 0),
        passive=passive,
        active=active,
        reach={"SMF": single} | by_name(a0, _FIBRES),
        cable=float(a0.u8(18) or 0),
        om4_step=10.0,
    )


def has_diagnostics(a0: Memory) -> bool:
    """Return whether A2h exists: byte 92 bit 6, and no change of the bus address (bit 2)."""
    return bool(a0.bit(92, 6)) and not a0.bit(92, 2)


def decode(a0: Memory, a2: Memory) -> Module:
    """Return the whole module from A0h and as much of A2h as was read."""
    identity = decode_identity(a0)
    if not has_diagnostics(a0):
        reason = "the module says it has no diagnostics (SFF-8472 byte 92)"
        if a0.u8(92) is None:
            reason = TOO_LITTLE
        return Module(identity, refused={"diagnostics": reason})
    if a2.erased:
        return Module(identity, refused={"diagnostics": "its diagnostics read 0xff throughout"})
    scale = _Calibration(a2 if a0.bit(92, 4) else None)
    value = scale.calibrated
    readings = Readings(
        temperature=degrees(value(Quantity.TEMPERATURE, a2.s16(96))),
        voltage=None if (raw := value(Quantity.VOLTAGE, a2.u16(98))) is None else raw / 1e4,
        lanes=(_lane(a2, scale),) if a2.u16(104) is not None else (),
        limits=read_thresholds(a2, THRESHOLDS, calibrate=value),
        flags=decode_flags(a0, a2),
    )
    average = "average" if a0.bit(92, 3) else "OMA"
    return judge(identity, readings)._replace(rx_power_type=average if readings.lanes else None)


def _lane(a2: Memory, scale: _Calibration) -> Lane:
    bias = scale.calibrated(Quantity.BIAS, a2.u16(100))
    tx = scale.calibrated(Quantity.TX_POWER, a2.u16(102))
    rx = scale.calibrated(Quantity.RX_POWER, a2.u16(104))
    return Lane(milliwatts(rx), milliwatts(tx), milliamperes(bias))


def decode_flags(a0: Memory, a2: Memory) -> frozenset[Flag] | None:
    """Return flags of bytes 110 to 117; None where they are not there or not implemented."""
    if a2.u8(117) is None:
        return None
    flags = set()
    for quantity, byte, high in _FLAGS if a0.bit(93, 7) else ():
        lane = None if quantity in (Quantity.TEMPERATURE, Quantity.VOLTAGE) else 1
        for place, bound in enumerate(BOUNDS):
            if a2.bit((112 if place < 2 else 116) + byte, high - place % 2):
                flags.add(Flag(f"{quantity} {bound}", lane))
    if a0.bit(93, 4) and a2.bit(110, 1):
        flags.add(Flag("rx loss of signal", 1))
    if a0.bit(93, 5) and a2.bit(110, 2):
        flags.add(Flag("tx fault", 1))
    return frozenset(flags)


_CONSTANTS = {
    Quantity.BIAS: 76,
    Quantity.TX_POWER: 80,
    Quantity.TEMPERATURE: 84,
    Quantity.VOLTAGE: 88,
}
"""First byte of slope and offset in A2h."""


class _Calibration:
    """Constants of externally calibrated modules, bytes 56 to 91 of A2h (section 9.3).

    They hold for readings and for thresholds. Others than those modules are None.
    """

    def __init__(self, a2: Memory | None) -> None:
        self._a2 = a2

    def calibrated(self, quantity: Quantity, raw: int | None) -> int | None:
        """Return a register in the unit that the standard gives it."""
        if self._a2 is None or raw is None:
            return raw
        if quantity is Quantity.RX_POWER:
            return self._received(self._a2, raw)
        return self._linear(self._a2, raw, _CONSTANTS[quantity], quantity is Quantity.TEMPERATURE)

    def _linear(self, a2: Memory, raw: int, at: int, signed: bool) -> int | None:
        """Return slope (1/256) times raw plus offset, in the register's own unit."""
        slope, offset = a2.u16(at), a2.s16(at + 2)
        if slope is None or offset is None:
            return None
        value = round(raw * slope / 256 + offset)
        low, high = (-0x8000, 0x7FFF) if signed else (0, 0xFFFF)
        return min(max(value, low), high)

    def _received(self, a2: Memory, raw: int) -> int | None:
        """Return receiver power: a polynomial of four floats, from the fourth power down."""
        data = a2.bytes(56, 20)
        if data is None:
            return None
        value = 0.0
        for factor in struct.unpack(">5f", data):
            value = value * raw + factor
        return min(max(round(value), 0), 0xFFFF) if abs(value) < 1e9 else None
