"""The memory of QSFP-DD, OSFP, QSFP112 and other modules that follow CMIS.

OIF-CMIS-05.2: a lower half that measures the module, page 00h that says who it is, 01h what it
can do, 02h its limits, 11h (bank 0) what lanes 1 to 8 measure.
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
    HOST_INTERFACES,
    IDENTIFIERS,
    MULTI_MODE,
    SINGLE_MODE,
    TECHNOLOGIES,
    named,
)

LANES = 8

STATES = {1: "low power", 2: "powering up", 3: "ready", 4: "powering down", 5: "fault"}

THRESHOLDS = {
    Quantity.TEMPERATURE: 128,
    Quantity.VOLTAGE: 136,
    Quantity.TX_POWER: 176,
    Quantity.BIAS: 184,
    Quantity.RX_POWER: 192,
}
"""Bytes of page 02h."""

_SIGNALS = (
    (135, "tx fault"),
    (136, "tx loss of signal"),
    (137, "tx loss of lock"),
    (147, "rx loss of signal"),
    (148, "rx loss of lock"),
)
"""Bytes of page 11h, a bit a lane."""

_LANE_FLAGS = ((Quantity.TX_POWER, 139), (Quantity.BIAS, 143), (Quantity.RX_POWER, 149))
"""Bytes of page 11h: one for each bound, a bit a lane."""

_MODULE_FLAGS = ((Quantity.TEMPERATURE, 0), (Quantity.VOLTAGE, 4))
"""First bit in byte 9 of the lower half."""


_ATTENUATION = {"5GHz": (204, 1), "7GHz": (205, 1), "12.9GHz": (206, 1), "25.8GHz": (207, 1)}
"""Bytes of page 00h, dB."""


def is_flat(lower: Memory) -> bool:
    """Return whether there is no page besides 00h (byte 2 bit 7), as in cables."""
    return bool(lower.bit(2, 7))


def decode_identity(lower: Memory, page0: Memory, page1: Memory) -> Identity:
    """Return who made it and what it is."""
    code = lower.u8(0)
    technology = page0.u8(212)
    copper = technology is not None and COPPER <= technology < len(TECHNOLOGIES)
    power = page0.u8(200)
    listed = technology is not None and technology < len(TECHNOLOGIES)
    return Identity(
        identifier=named(IDENTIFIERS, code),
        code=code,
        vendor=page0.text(129, 16),
        oui=page0.oui(145),
        part=page0.text(148, 16),
        serial=page0.text(166, 16),
        revision=page0.text(164, 2),
        date=page0.text(182, 8),
        types=_applications(lower),
        connector=named(CONNECTORS, page0.u8(203)),
        technology=TECHNOLOGIES[technology] if listed and technology is not None else None,
        wavelength=None if copper else (page1.u16(138) or 0) / 20.0 or None,
        lengths=_lengths(page0, page1),
        attenuation=by_name(page0, _ATTENUATION) if copper else {},
        power_class=None if power is None else (power >> 5) + 1,
        max_power=(page0.u8(201) or 0) / 4.0 or None,
        passive=None if technology is None else COPPER <= technology <= COPPER + 1,
    )


def _applications(lower: Memory) -> tuple[str, ...]:
    """Return what it can be used as: `400GAUI-8 C2M / 400GBASE-DR4`, bytes 85 to 117."""
    media = {1: MULTI_MODE, 2: SINGLE_MODE}.get(lower.u8(85) or 0, {})
    applications = []
    for at in range(86, 118, 4):
        host = lower.u8(at)
        if host in (None, 0, 0xFF):
            break
        sides = [named(HOST_INTERFACES, host)]
        if media:
            sides.append(named(media, lower.u8(at + 1)))
        applications.append(" / ".join(side for side in sides if side))
    return tuple(applications)


def _lengths(page0: Memory, page1: Memory) -> dict[str, float]:
    cable, single = page0.u8(202) or 0, page1.u8(132) or 0
    reach = {
        "cable": (cable & 0x3F) * (0.1, 1.0, 10.0, 100.0)[cable >> 6],
        "SMF": (single & 0x3F) * {0: 100.0, 1: 1000.0}.get(single >> 6, 0.0),
    }
    reach = {medium: metres for medium, metres in reach.items() if metres}
    return reach | by_name(
        page1, {"OM5": (133, 2), "OM4": (134, 2), "OM3": (135, 2), "OM2": (136, 1)}
    )


def decode(lower: Memory, page0: Memory, page1: Memory, page2: Memory, page11: Memory) -> Module:
    """Return the whole module from as much as was read; upper pages of flat modules are empty."""
    identity = decode_identity(lower, page0, page1)
    if lower.erased:
        return Module(identity, refused={"diagnostics": "its diagnostics read 0xff throughout"})
    limits, refused = read_thresholds(page2, THRESHOLDS, bias_scale(page1))
    monitors = read_monitors(lower.s16(14), lower.u16(16), refused)
    state = STATES.get((lower.u8(3) or 0) >> 1 & 7)
    if monitors is None:
        what = "a passive cable has" if identity.passive else "the module has"
        refused["diagnostics"] = f"{what} no diagnostics: its monitors all read zero"
        return Module(identity, thresholds=limits, state=state, refused=refused)
    return Module(
        identity,
        *monitors,
        lanes=() if identity.passive else _lanes(page0, page1, page11),
        thresholds=limits,
        flags=decode_flags(lower, page11, limits),
        state=state,
        refused=refused,
    )


def bias_scale(page1: Memory) -> int:
    """Return how many times 2 µA a bias count is: bits 4 and 3 of byte 160 of page 01h."""
    return (1, 2, 4, 1)[(page1.u8(160) or 0) >> 3 & 3]


def _lanes(page0: Memory, page1: Memory, page11: Memory) -> tuple[Lane, ...]:
    """Return lanes that exist (byte 210 of page 00h marks the missing ones) and are monitored."""
    missing, monitors = page0.u8(210) or 0, page1.u8(160)
    if page11.u16(200) is None or not monitors:
        return ()
    scale = bias_scale(page1)
    lanes = []
    for lane in range(LANES):
        if missing >> lane & 1:
            continue
        at = 2 * lane
        bias = milliamperes(page11.u16(170 + at)) if monitors & 1 else None
        lanes.append(
            Lane(
                milliwatts(page11.u16(186 + at)) if monitors & 4 else None,
                milliwatts(page11.u16(154 + at)) if monitors & 2 else None,
                None if bias is None else bias * scale,
            )
        )
    return tuple(lanes)


def decode_flags(
    lower: Memory, page11: Memory, limits: dict[Quantity, Thresholds]
) -> frozenset[Flag] | None:
    """Return latched flags of the module and its lanes; reading them clears them."""
    if lower.u8(9) is None:
        return None
    flags = {
        Flag(f"{quantity} {bound}")
        for quantity, first in _MODULE_FLAGS
        for place, bound in enumerate(BOUNDS)
        if quantity in limits and lower.bit(9, first + place)
    }
    for at, text in _SIGNALS:
        flags |= {Flag(text, lane + 1) for lane in range(LANES) if page11.bit(at, lane)}
    for quantity, at in _LANE_FLAGS if page11.u8(152) is not None else ():
        for place, bound in enumerate(BOUNDS) if quantity in limits else ():
            flags |= {
                Flag(f"{quantity} {bound}", lane + 1)
                for lane in range(LANES)
                if page11.bit(at + place, lane)
            }
    return frozenset(flags)
