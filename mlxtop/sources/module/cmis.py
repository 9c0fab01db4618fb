"""The memory of QSFP-DD, OSFP, QSFP112 and other modules that follow CMIS.

OIF-CMIS-05.2: a lower half that measures the module, page 00h that says who it is, 01h what it
can do, 02h its limits, 11h (bank 0) what lanes 1 to 8 measure.
"""

from __future__ import annotations

from mlxtop.model.module import Flag, Identity, Lane, Module, Quantity
from mlxtop.sources.module.claims import Claims, cmis_power
from mlxtop.sources.module.memory import (
    BOUNDS,
    Memory,
    by_name,
    degrees,
    milliamperes,
    milliwatts,
)
from mlxtop.sources.module.readings import TOO_LITTLE, Readings, judge, read_thresholds
from mlxtop.sources.module.sff8024 import HOST_INTERFACES, MULTI_MODE, SINGLE_MODE, named

LANES = 8

STATES = {1: "low power", 2: "powering up", 3: "ready", 4: "powering down", 5: "fault"}
FAULTS = {1: "TEC runaway", 2: "data memory corrupted", 3: "program memory corrupted"}
"""Causes of the state `fault`, byte 41 of the lower half."""
DATA_PATHS = {
    1: "deactivated",
    2: "initialising",
    3: "deinitialising",
    4: "activated",
    5: "turning light on",
    6: "turning light off",
    7: "initialised",
}
"""States of a lane's data path, four bits a lane from byte 128 of page 11h."""
FIRMWARE_FAULT, DATA_PATH_FAULT = "module firmware fault", "data path firmware fault"

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
    (138, "tx adaptive eq fault"),
    (147, "rx loss of signal"),
    (148, "rx loss of lock"),
)
"""Bytes of page 11h, a bit a lane."""

_LANE_FLAGS = ((Quantity.TX_POWER, 139), (Quantity.BIAS, 143), (Quantity.RX_POWER, 149))
"""Bytes of page 11h: one for each bound, a bit a lane."""

_MODULE_FLAGS = ((Quantity.TEMPERATURE, 0), (Quantity.VOLTAGE, 4))
"""First bit in byte 9 of the lower half."""


_LOSSES = {"5GHz": (204, 1), "7GHz": (205, 1), "12.9GHz": (206, 1), "25.8GHz": (207, 1)}
"""Bytes of page 00h, dB."""
_FIBRES = {"OM5": (133, 2), "OM4": (134, 2), "OM3": (135, 2), "OM2": (136, 1)}
"""Bytes of page 01h, metres."""


def is_flat(lower: Memory) -> bool:
    """Return whether there is no page besides 00h (byte 2 bit 7), as in cables."""
    return bool(lower.bit(2, 7))


def decode_identity(lower: Memory, page0: Memory, page1: Memory) -> Identity:
    """Return who made it and what it is."""
    option = page0.u8(200)
    power = cmis_power(
        lower.u8(0), None if option is None else (option >> 5) + 1, (page0.u8(201) or 0) / 4.0
    )
    return (
        _claims(lower, page0, page1)
        .identity()
        ._replace(
            vendor=page0.text(129, 16),
            oui=page0.oui(145),
            part=page0.text(148, 16),
            serial=page0.text(166, 16),
            revision=page0.text(164, 2),
            date=page0.text(182, 8),
            firmware=_firmware(lower),
            power_class=power.level,
            max_power=power.watts,
        )
    )


def _claims(lower: Memory, page0: Memory, page1: Memory) -> Claims:
    cable, single = page0.u8(202) or 0, page1.u8(132) or 0
    reach = (single & 0x3F) * {0: 100.0, 1: 1000.0}.get(single >> 6, 0.0)
    return Claims(
        code=lower.u8(0),
        connector=page0.u8(203),
        technology=page0.u8(212),
        types=_applications(lower),
        wavelength=(page1.u16(138) or 0) / 20.0,
        reach={"SMF": reach} | by_name(page1, _FIBRES),
        cable=(cable & 0x3F) * (0.1, 1.0, 10.0, 100.0)[cable >> 6],
        losses=by_name(page0, _LOSSES),
    )


def _firmware(lower: Memory) -> str | None:
    """Return the version of the active firmware, bytes 39 and 40; None where it has none."""
    version = lower.bytes(39, 2)
    if version is None or version in (b"\0\0", b"\xff\xff"):
        return None
    return f"{version[0]}.{version[1]}"


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


def decode(lower: Memory, page0: Memory, page1: Memory, page2: Memory, page11: Memory) -> Module:
    """Return the whole module from as much as was read; upper pages of flat modules are empty."""
    identity = decode_identity(lower, page0, page1)
    if lower.erased:
        return Module(identity, refused={"diagnostics": "its diagnostics read 0xff throughout"})
    volts = lower.u16(16)
    readings = Readings(
        temperature=degrees(lower.s16(14)),
        voltage=None if volts is None else volts / 1e4,
        lanes=_lanes(page0, page1, page11),
        limits=read_thresholds(page2, THRESHOLDS, bias_scale(page1)),
        flags=decode_flags(lower, page2, page11),
        absent=_absent(page1) if volts is not None else {"diagnostics": TOO_LITTLE},
    )
    average = page1.bit(151, 4)
    return judge(identity, readings)._replace(
        state=STATES.get((lower.u8(3) or 0) >> 1 & 7),
        rx_power_type=None if average is None else "average" if average else "OMA",
    )


def _absent(page1: Memory) -> dict[str, str]:
    """Return what lanes do not measure by byte 160 of page 01h, and the reason."""
    reason = "the module does not measure it (CMIS page 01h, byte 160)"
    return {
        str(quantity): reason
        for bit, quantity in enumerate((Quantity.BIAS, Quantity.TX_POWER, Quantity.RX_POWER))
        if page1.bit(160, bit) is False
    }


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
        state = (page11.u8(128 + lane // 2) or 0) >> (lane % 2 * 4) & 0xF
        lanes.append(
            Lane(
                milliwatts(page11.u16(186 + at)) if monitors & 4 else None,
                milliwatts(page11.u16(154 + at)) if monitors & 2 else None,
                None if bias is None else bias * scale,
                DATA_PATHS.get(state),
            )
        )
    return tuple(lanes)


def decode_flags(lower: Memory, page2: Memory, page11: Memory) -> frozenset[Flag] | None:
    """Return latched flags of the module and its lanes; reading them clears them.

    A module whose limits were not read has flags of its readings that make none.
    """
    if lower.u8(9) is None:
        return None
    flags = {
        Flag(f"{quantity} {bound}")
        for quantity, first in _MODULE_FLAGS
        for place, bound in enumerate(BOUNDS)
        if page2.data and lower.bit(9, first + place)
    }
    flags |= {
        Flag(text) for text, bit in ((FIRMWARE_FAULT, 1), (DATA_PATH_FAULT, 2)) if lower.bit(8, bit)
    }
    cause = FAULTS.get(lower.u8(41) or 0)
    if cause is not None and STATES.get((lower.u8(3) or 0) >> 1 & 7) == "fault":
        flags.add(Flag(f"module fault: {cause}"))
    for at, text in _SIGNALS:
        flags |= {Flag(text, lane + 1) for lane in range(LANES) if page11.bit(at, lane)}
    for quantity, at in _LANE_FLAGS if page2.data and page11.u8(152) is not None else ():
        for place, bound in enumerate(BOUNDS):
            flags |= {
                Flag(f"{quantity} {bound}", lane + 1)
                for lane in range(LANES)
                if page11.bit(at + place, lane)
            }
    return frozenset(flags)
