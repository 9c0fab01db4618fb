"""The memory of QSFP, QSFP+ and QSFP28 modules.

SFF-8636 Rev 2.11 (and its older form SFF-8436): a lower half that measures, upper page 00h that
says who the module is, upper page 03h with its limits. Bytes are numbered 0 to 255 as there.
"""

from __future__ import annotations

from mlxtop.model.module import Flag, Identity, Lane, Module, Quantity
from mlxtop.sources.module.claims import Claims, qsfp_power
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

LANES = 4

_TYPES = {
    6: "10GBASE-LRM",
    5: "10GBASE-LR",
    4: "10GBASE-SR",
    3: "40GBASE-CR4",
    2: "40GBASE-SR4",
    1: "40GBASE-LR4",
    0: "40G active cable (XLPPI)",
}
"""Bits of byte 131."""

THRESHOLDS = {
    Quantity.TEMPERATURE: 128,
    Quantity.VOLTAGE: 144,
    Quantity.RX_POWER: 176,
    Quantity.BIAS: 184,
    Quantity.TX_POWER: 192,
}
"""Bytes of page 03h."""

_SIGNALS = (
    (3, 0, None, "rx loss of signal"),
    (3, 4, (195, 1), "tx loss of signal"),
    (4, 0, (195, 3), "tx fault"),
    (4, 4, (193, 3), "tx adaptive eq fault"),
    (5, 0, (194, 4), "rx loss of lock"),
    (5, 4, (194, 5), "tx loss of lock"),
)
"""Byte and bit of lane 1, byte and bit of page 00h that say whether it is implemented, meaning."""

_LANE_FLAGS = ((Quantity.RX_POWER, 9), (Quantity.BIAS, 11), (Quantity.TX_POWER, 13))
_MODULE_FLAGS = ((Quantity.TEMPERATURE, 6), (Quantity.VOLTAGE, 7))

_FIBRES = {"SMF": (142, 1000.0), "OM3": (143, 2.0), "OM2": (144, 1.0), "OM1": (145, 1.0)}
"""Bytes of page 00h, metres."""
_LOSSES = {"2.5GHz": (186, 1), "5.0GHz": (187, 1), "7.0GHz": (188, 1), "12.9GHz": (189, 1)}
"""Bytes of page 00h, dB."""


def is_flat(lower: Memory) -> bool:
    """Return whether there are no upper pages besides 00h (byte 2 bit 2), so no limits either."""
    return bool(lower.bit(2, 2))


def decode_identity(lower: Memory, page0: Memory) -> Identity:
    """Return who made it and what it is, from bytes 128 to 223 of page 00h."""
    power = qsfp_power(page0.u8(129), lower.u8(107))
    return (
        _claims(lower, page0)
        .identity()
        ._replace(
            vendor=page0.text(148, 16),
            oui=page0.oui(165),
            part=page0.text(168, 16),
            serial=page0.text(196, 16),
            revision=page0.text(184, 2),
            date=page0.text(212, 8),
            power_class=power.level,
            max_power=power.watts,
        )
    )


def _claims(lower: Memory, page0: Memory) -> Claims:
    technology = page0.u8(147)
    types = [name for number, name in _TYPES.items() if page0.bit(131, number)]
    extended = named(EXTENDED, page0.u8(192))
    return Claims(
        code=page0.u8(128) or lower.u8(0),
        connector=page0.u8(130),
        technology=None if technology is None else technology >> 4,
        types=(*types, extended) if extended else tuple(types),
        wavelength=(page0.u16(186) or 0) / 20.0,
        reach=by_name(page0, _FIBRES),
        cable=float(page0.u8(146) or 0),
        om4_step=2.0,
        losses=by_name(page0, _LOSSES),
        om1_is_loss=True,
    )


def decode(lower: Memory, page0: Memory, page3: Memory) -> Module:
    """Return the whole module from as much as was read."""
    identity = decode_identity(lower, page0)
    if lower.erased:
        return Module(identity, refused={"diagnostics": "its diagnostics read 0xff throughout"})
    volts = lower.u16(26)
    readings = Readings(
        temperature=degrees(lower.s16(22)),
        voltage=None if volts is None else volts / 1e4,
        lanes=_lanes(lower),
        limits=read_thresholds(page3, THRESHOLDS),
        flags=decode_flags(lower, page0, page3),
        measures_tx=page0.bit(220, 2),
        absent={"diagnostics": TOO_LITTLE} if volts is None else {},
    )
    average = page0.bit(220, 3)
    kind = None if average is None or identity.passive else "average" if average else "OMA"
    return judge(identity, readings)._replace(rx_power_type=kind)


def _lanes(lower: Memory) -> tuple[Lane, ...]:
    if lower.u16(56) is None:
        return ()
    return tuple(
        Lane(
            milliwatts(lower.u16(34 + 2 * lane)),
            milliwatts(lower.u16(50 + 2 * lane)),
            milliamperes(lower.u16(42 + 2 * lane)),
        )
        for lane in range(LANES)
    )


def decode_flags(lower: Memory, page0: Memory, page3: Memory) -> frozenset[Flag] | None:
    """Return latched flags of bytes 3 to 14; reading them clears them.

    A module whose limits were not read has flags that make none.
    """
    if lower.u8(14) is None:
        return None
    flags = {
        Flag(text, lane + 1)
        for at, first, option, text in _SIGNALS
        if option is None or page0.bit(*option) is not False
        for lane in range(LANES)
        if lower.bit(at, first + lane)
    }
    for quantity, at in _MODULE_FLAGS if page3.data else ():
        for place, bound in enumerate(BOUNDS):
            if lower.bit(at, 7 - place):
                flags.add(Flag(f"{quantity} {bound}"))
    for quantity, at in _LANE_FLAGS if page3.data else ():
        for lane in range(LANES):
            for place, bound in enumerate(BOUNDS):
                if lower.bit(at + lane // 2, (3 if lane % 2 else 7) - place):
                    flags.add(Flag(f"{quantity} {bound}", lane + 1))
    return frozenset(flags)
