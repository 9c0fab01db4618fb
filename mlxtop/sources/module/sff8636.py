"""The memory of QSFP, QSFP+ and QSFP28 modules.

SFF-8636 Rev 2.11 (and its older form SFF-8436): a lower half that measures, upper page 00h that
says who the module is, upper page 03h with its limits. Bytes are numbered 0 to 255 as there.
"""

from __future__ import annotations

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
from mlxtop.sources.module.sff8024 import (
    CONNECTORS,
    COPPER,
    EXTENDED,
    IDENTIFIERS,
    TECHNOLOGIES,
    named,
)

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
    (3, 0, "rx loss of signal"),
    (3, 4, "tx loss of signal"),
    (4, 0, "tx fault"),
    (5, 0, "rx loss of lock"),
    (5, 4, "tx loss of lock"),
)
"""Byte, bit of lane 1 and meaning."""

_LANE_FLAGS = ((Quantity.RX_POWER, 9), (Quantity.BIAS, 11), (Quantity.TX_POWER, 13))
_MODULE_FLAGS = ((Quantity.TEMPERATURE, 6), (Quantity.VOLTAGE, 7))


_ATTENUATION = {"2.5GHz": (186, 1), "5GHz": (187, 1), "7GHz": (188, 1), "12.9GHz": (189, 1)}
"""Bytes of page 00h, dB."""


def is_flat(lower: Memory) -> bool:
    """Return whether there are no upper pages besides 00h (byte 2 bit 2), so no limits either."""
    return bool(lower.bit(2, 2))


def decode_identity(lower: Memory, page0: Memory) -> Identity:
    """Return who made it and what it is, from bytes 128 to 223 of page 00h."""
    code = page0.u8(128) or lower.u8(0)
    option = page0.u8(129) or 0
    power_class, watts = _power(option, lower)
    technology = (page0.u8(147) or 0) >> 4
    copper = technology >= COPPER
    extended = named(EXTENDED, page0.u8(192))
    types = [name for number, name in _TYPES.items() if page0.bit(131, number)]
    return Identity(
        identifier=named(IDENTIFIERS, code),
        code=code,
        vendor=page0.text(148, 16),
        oui=page0.oui(165),
        part=page0.text(168, 16),
        serial=page0.text(196, 16),
        revision=page0.text(184, 2),
        date=page0.text(212, 8),
        types=(*types, extended) if extended else tuple(types),
        connector=named(CONNECTORS, page0.u8(130)),
        technology=None if page0.u8(147) is None else TECHNOLOGIES[technology],
        wavelength=None if copper else (page0.u16(186) or 0) / 20.0 or None,
        lengths=_lengths(page0),
        attenuation=by_name(page0, _ATTENUATION) if copper else {},
        power_class=power_class,
        max_power=watts,
        passive=COPPER <= technology <= COPPER + 1,
    )


def _power(option: int, lower: Memory) -> tuple[int, float | None]:
    """Return power class and W of byte 129; class 8 keeps its watts in byte 107."""
    if option & 0x20:
        return 8, (lower.u8(107) or 0) / 10.0 or None
    if option & 3:
        return 4 + (option & 3), 3.5 + 0.5 * (option & 3)
    return (option >> 6) + 1, (1.5, 2.0, 2.5, 3.5)[option >> 6]


def _lengths(page0: Memory) -> dict[str, float]:
    other = {"OM2": (144, 1.0), "OM1": (145, 1.0), "cable": (146, 1.0)}
    return by_name(page0, {"SMF": (142, 1000.0), "OM3": (143, 2.0), **other})


def decode(lower: Memory, page0: Memory, page3: Memory) -> Module:
    """Return the whole module from as much as was read."""
    identity = decode_identity(lower, page0)
    if lower.erased:
        return Module(identity, refused={"diagnostics": "its diagnostics read 0xff throughout"})
    limits, refused = read_thresholds(page3, THRESHOLDS)
    monitors = read_monitors(lower.s16(22), lower.u16(26), refused)
    if monitors is None:
        what = "a passive cable has" if identity.passive else "the module has"
        refused["diagnostics"] = f"{what} no diagnostics: its monitors all read zero"
        return Module(
            identity, thresholds=limits, flags=decode_flags(lower, limits), refused=refused
        )
    return Module(
        identity,
        *monitors,
        lanes=() if identity.passive else _lanes(lower),
        thresholds=limits,
        flags=decode_flags(lower, limits),
        refused=refused,
    )


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


def decode_flags(lower: Memory, limits: dict[Quantity, Thresholds]) -> frozenset[Flag] | None:
    """Return latched flags of bytes 3 to 14; reading them clears them.

    A quantity whose limits make no sense or were not read has flags that make none.
    """
    if lower.u8(14) is None:
        return None
    flags = {
        Flag(text, lane + 1)
        for at, first, text in _SIGNALS
        for lane in range(LANES)
        if lower.bit(at, first + lane)
    }
    for quantity, at in _MODULE_FLAGS:
        for place, bound in enumerate(BOUNDS):
            if quantity in limits and lower.bit(at, 7 - place):
                flags.add(Flag(f"{quantity} {bound}"))
    for quantity, at in _LANE_FLAGS:
        for lane in range(LANES) if quantity in limits else ():
            for place, bound in enumerate(BOUNDS):
                if lower.bit(at + lane // 2, (3 if lane % 2 else 7) - place):
                    flags.add(Flag(f"{quantity} {bound}", lane + 1))
    return frozenset(flags)
