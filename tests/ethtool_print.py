"""What ethtool prints of a module's bytes, after its qsfp.c, sfpid.c, sfpdiag.c and cmis.c.

Written from the byte tables again, not from the product: both must come to the same module.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.ethtool_rows import (
    BOUNDS,
    Row,
    ascii,
    coded,
    connector,
    identifier,
    lanes,
    limits,
    milliamperes,
    milliwatts,
    monitors,
    onoff,
    oui,
    s16,
    signal,
    u16,
)

_LASERS = ("850 nm VCSEL", "1310 nm VCSEL", "1550 nm VCSEL", "1310 nm FP", "1310 nm DFB")
_STATES = {1: "ModuleLowPwr", 2: "ModulePwrUp", 3: "ModuleReady", 4: "ModulePwrDn"}
_STATES |= {5: "ModuleFault"}


def text_of(image: bytes) -> str:
    """Return the report in words."""
    rows = (row for row in _rows(image) if row.text is not None)
    return "".join(f"\t{row.name:<41} : {row.text}\n" for row in rows)


def json_of(image: bytes) -> str:
    """Return the report in JSON, with the duplicate keys of ethtool 6.14."""
    pairs = []
    for row in _rows(image):
        if row.value is not None:
            key = row.key or row.name.lower().replace(" ", "_")
            pairs.append(f"{json.dumps(key)}: {json.dumps(row.value)}")
    return "[ { " + ", ".join(pairs) + " } ]"


def dump_of(image: bytes) -> str:
    """Return the bytes of an image in one hex dump."""
    return "Offset\t\tValues\n------\t\t------" + "".join(_lines(image, 0)) + "\n"


def pages_of(image: bytes) -> str:
    """Return the bytes page by page, as ethtool from 2026 on."""
    if image[0] in (0x02, 0x03, 0x0B):
        parts = [("I2C Address: 0x50\nPage: 0x0", image[:128], 0)]
        parts += [("I2C Address: 0x51\nPage: 0x0", image[256:384], 0)] if len(image) > 256 else []
    else:
        parts = [("Page: 0x0", image[:128], 0)]
        numbers = (0, 1, 2, 3) if image[0] in (0x0C, 0x0D, 0x11) else (0, 1, 2, 0x10, 0x11)
        for place, number in enumerate(numbers, 1):
            parts.append((f"Page: 0x{number:x}", image[128 * place : 128 * place + 128], 128))
    return "\n".join(
        f"{head}\n\nOffset\t\tValues\n------\t\t------{''.join(_lines(data, at))}\n"
        for head, data, at in parts
    )


def _lines(data: bytes, start: int) -> Iterator[str]:
    for at in range(0, len(data), 16):
        yield f"\n0x{start + at:04x}:\t\t{data[at : at + 16].hex(' ')} "


def _rows(image: bytes) -> Iterator[Row]:
    if image[0] in (0x02, 0x03, 0x0B):
        yield from _sfp(image)
    elif image[0] in (0x0C, 0x0D, 0x11):
        yield from _qsfp(image)
    else:
        yield from _cmis(image)


def _qsfp(b: bytes) -> Iterator[Row]:
    words = {0x0C: "QSFP", 0x0D: "QSFP+", 0x11: "QSFP28"}[b[0]]
    yield from identifier(b[0], words)
    classes = {0x00: "1.5", 0x40: "1.5", 0x80: "2.5", 0xC0: "3.5"}
    described = [f"{classes[b[129] & 0xC0]}W max. Power consumption", "No CDR in TX, No CDR in RX"]
    more = {0: "", 1: "4.0W max. Power consumption,", 2: "4.5W max. Power consumption,"}
    more |= {3: "5.0W max. Power consumption,"}
    described.append(f"{more[b[129] & 3]} High Power Class (> 3.5 W) not enabled")
    yield Row("Extended identifier", f"0x{b[129]:02x}", {"value": b[129], "description": described})
    for line in described:
        yield Row("Extended identifier description", line)
    yield from connector(b[130])
    yield from _qsfp_types(b)
    for name, at, unit, scale in (
        ("Length (SMF)", 142, "km", 1),
        ("Length (OM3)", 143, "m", 2),
        ("Length (OM2)", 144, "m", 1),
        ("Length (OM1)", 145, "m", 1),
        ("Length (Copper or Active cable)", 146, "m", 1),
    ):
        yield Row(name, f"{b[at] * scale}{unit}", b[at] * scale)
    technology = b[147] >> 4
    laser = _LASERS[technology] if technology < len(_LASERS) else "Copper cable, unequalized"
    yield from coded("Transmitter technology", technology, laser)
    if technology >= 10:
        for name, at in (("2.5", 186), ("5.0", 187), ("7.0", 188), ("12.9", 189)):
            yield Row(f"Attenuation at {name}GHz", f"{b[at]}db", b[at])
    else:
        yield Row("Laser wavelength", f"{u16(b, 186) * 0.05:.4f}nm", u16(b, 186) * 0.05)
    yield ascii("Vendor name", b[148:164])
    yield oui(b[165:168])
    yield ascii("Vendor PN", b[168:184])
    yield ascii("Vendor rev", b[184:186])
    yield ascii("Vendor SN", b[196:212])
    yield ascii("Date code", b[212:220])
    yield from _qsfp_signals(b)
    yield from monitors(s16(b, 22), u16(b, 26))
    if s16(b, 22) in (0, -1):
        return
    paged = not b[2] & 4 and len(b) >= 640
    yield Row("Alarm/warning flags implemented", "Yes" if paged else "No", paged)
    yield from lanes(b, (50, 42, 34), 4, not b[220] & 8)
    if not paged:
        return
    yield from _qsfp_flags(b)
    places = {"Laser bias current": 184, "Laser output power": 192, "Module temperature": 128}
    yield from limits(b, 384, {**places, "Module voltage": 144, "Laser rx power": 176})


def _qsfp_types(b: bytes) -> Iterator[Row]:
    types = [
        f"40G Ethernet: {name}"
        for bit, name in (
            (3, "40G Base-CR4"),
            (2, "40G Base-SR4"),
            (1, "40G Base-LR4"),
            (0, "40G Active Cable (XLPPI)"),
        )
        if b[131] >> bit & 1
    ]
    if b[131] & 0x80:
        types.append(_EXTENDED.get(b[192], "(reserved or unknown)"))
    for one in types:
        yield Row("Transceiver type", one)
    yield Row("Transceiver type", None, types)


def _qsfp_signals(b: bytes) -> Iterator[Row]:
    for name, at, shift, option in (
        ("Rx loss of signal", 3, 0, b[195] & 2),
        ("Tx loss of signal", 3, 4, b[195] & 2),
        ("Rx loss of lock", 5, 0, b[194] & 0x10),
        ("Tx loss of lock", 5, 4, b[194] & 0x20),
        ("Tx fault", 4, 0, b[195] & 8),
        ("Tx adaptive eq fault", 4, 4, b[193] & 8),
    ):
        if option:
            yield signal(name, b[at] >> shift & 0xF, 4)


def _qsfp_flags(b: bytes) -> Iterator[Row]:
    for name, at in (("Laser bias current", 11), ("Laser tx power", 13), ("Laser rx power", 9)):
        for place, bound in enumerate(BOUNDS):
            on = [
                bool(b[at + lane // 2] >> ((3 if lane % 2 else 7) - place) & 1) for lane in range(4)
            ]
            for lane, one in enumerate(on, 1):
                yield Row(f"{name} {bound:<12} (Chan {lane})", "On" if one else "Off")
            yield Row(f"{name} {bound}", None, on)
    for name, at in (("Module temperature", 6), ("Module voltage", 7)):
        for place, bound in enumerate(BOUNDS):
            yield onoff(f"{name} {bound}", bool(b[at] >> (7 - place) & 1))


_EXTENDED = {
    0x01: "100G Ethernet: 100G AOC or 25GAUI C2M AOC with worst BER of 5x10^(-5)",
    0x02: "100G Ethernet: 100G Base-SR4 or 25GBase-SR",
    0x06: "100G Ethernet: 100G CWDM4 MSA with FEC",
    0x08: "100G Ethernet: 100G ACC or 25GAUI C2M ACC with worst BER of 5x10^(-5)",
    0x0B: "100G Ethernet: 100G Base-CR4 or 25G Base-CR CA-L",
    0x40: "50GBASE-CR, 100GBASE-CR2, or 200GBASE-CR4",
}


def _sfp(b: bytes) -> Iterator[Row]:
    yield from identifier(b[0], {2: "module soldered to motherboard", 3: "SFP"}.get(b[0], "X"))
    yield from connector(b[2])
    yield from _sfp_types(b)
    yield Row("Length (SMF,km)", f"{b[14]}km")
    yield Row("Length (SMF)", f"{b[15] * 100}m", b[14] or b[15] / 10)
    for name, at, scale in (
        ("50um", 16, 10),
        ("62.5um", 17, 10),
        ("Copper", 18, 1),
        ("OM3", 19, 10),
    ):
        yield Row(f"Length ({name})", f"{b[at] * scale}m", b[at] * scale)
    if b[8] & 4:
        yield from coded("Passive Cu cmplnce.", b[60], "unspecified) [SFF-8472 rev10.4 only]")
    elif b[8] & 8:
        yield from coded("Active Cu cmplnce.", b[60], "unspecified) [SFF-8472 rev10.4 only]")
    else:
        yield Row("Laser wavelength", f"{u16(b, 60)}nm", u16(b, 60))
    yield ascii("Vendor name", b[20:36])
    yield oui(b[37:40])
    yield ascii("Vendor PN", b[40:56])
    yield ascii("Vendor rev", b[56:60])
    yield Row("Option values", f"0x{b[64]:02x} 0x{b[65]:02x}", [b[64], b[65]])
    yield ascii("Vendor SN", b[68:84])
    yield ascii("Date code", b[84:92])
    if not b[92] & 0x40 or len(b) < 512:
        yield Row("Optical diagnostics support", "No", False)
        return
    yield Row("Optical diagnostics support", "Yes", True)
    yield from _sfp_diagnostics(b)


def _sfp_diagnostics(b: bytes) -> Iterator[Row]:
    d = b[256:]
    average = bool(b[92] & 8)
    kind = "Receiver signal average optical power" if average else "Receiver signal OMA"
    yield Row("Laser bias current", milliamperes(u16(d, 100)), u16(d, 100) / 500)
    yield Row("Laser output power", milliwatts(u16(d, 102)), u16(d, 102) / 1e4)
    yield Row(kind, milliwatts(u16(d, 104)))
    yield Row("rx_power", None, {"value": u16(d, 104) / 1e4, "type": kind})
    yield from monitors(s16(d, 96), u16(d, 98))
    yield Row(
        "Alarm/warning flags implemented", "Yes" if b[93] & 0x80 else "No", bool(b[93] & 0x80)
    )
    if not b[93] & 0x80:
        return
    for name, byte, high in (
        ("Laser bias current", 0, 3),
        ("Laser output power", 0, 1),
        ("Module temperature", 0, 7),
        ("Module voltage", 0, 5),
        ("Laser rx power", 1, 7),
    ):
        for place, bound in enumerate(BOUNDS):
            raised = d[(112 if place < 2 else 116) + byte] >> (high - place % 2) & 1
            yield onoff(f"{name} {bound}", bool(raised))
    places = {"Laser bias current": 16, "Laser output power": 24, "Module temperature": 0}
    yield from limits(d, 0, {**places, "Module voltage": 8, "Laser rx power": 32})


_SFP_TYPES = (
    (3, 7, "10G Ethernet: 10G Base-ER [SFF-8472 rev10.4 onwards]"),
    (3, 6, "10G Ethernet: 10G Base-LRM"),
    (3, 5, "10G Ethernet: 10G Base-LR"),
    (3, 4, "10G Ethernet: 10G Base-SR"),
    (3, 3, "Infiniband: 1X SX"),
    (3, 2, "Infiniband: 1X LX"),
    (3, 1, "Infiniband: 1X Copper Active"),
    (3, 0, "Infiniband: 1X Copper Passive"),
    (6, 3, "Ethernet: 1000BASE-T"),
    (6, 2, "Ethernet: 1000BASE-CX"),
    (8, 3, "Active Cable"),
    (8, 2, "Passive Cable"),
)


def _sfp_types(b: bytes) -> Iterator[Row]:
    types = [name for at, bit, name in _SFP_TYPES if b[at] >> bit & 1]
    if b[36] in _EXTENDED:
        types.append("Extended: " + _EXTENDED[b[36]].removeprefix("100G Ethernet: "))
    for one in types:
        yield Row("Transceiver type", one)
    yield Row("Transceiver type", None, types)


def _cmis(b: bytes) -> Iterator[Row]:
    words = {0x18: "QSFP-DD Double Density 8X Pluggable Transceiver (INF-8628)"}
    yield from identifier(b[0], words.get(b[0], "OSFP 8X Pluggable Transceiver"))
    yield Row("Power class", str((b[200] >> 5) + 1), (b[200] >> 5) + 1)
    yield Row("Max power", f"{b[201] / 4:.2f}W", b[201] / 4)
    yield from connector(b[203])
    metres = (b[202] & 0x3F) * (0.1, 1.0, 10.0, 100.0)[b[202] >> 6]
    far = b[202] == 0xFF
    yield Row(
        "Cable assembly length",
        "> 6.3km" if far else f"{metres:.2f}m",
        "> 6.3km" if far else metres,
    )
    copper = b[212] >= 10
    laser = _LASERS[b[212]] if b[212] < len(_LASERS) else "Copper cable, unequalized"
    yield from coded("Transmitter technology", b[212], laser)
    paged = not b[2] & 0x80
    if copper:
        for name, at in (("5", 204), ("7", 205), ("12.9", 206), ("25.8", 207)):
            yield Row(f"Attenuation at {name}GHz", f"{b[at]}db", b[at])
    elif paged:
        yield Row("Laser wavelength", f"{u16(b, 266) * 0.05:.3f}nm", u16(b, 266) * 0.05)
    if paged:
        reach = (b[260] & 0x3F) * {0: 0.1, 1: 1.0}.get(b[260] >> 6, 0.0)
        yield Row("Length (SMF)", f"{reach:.2f}km", reach)
        for name, at, scale in (("OM5", 261, 2), ("OM4", 262, 2), ("OM3", 263, 2), ("OM2", 264, 1)):
            yield Row(f"Length ({name})", f"{b[at] * scale}m", b[at] * scale)
    yield ascii("Vendor name", b[129:145])
    yield oui(b[145:148])
    yield ascii("Vendor PN", b[148:164])
    yield ascii("Vendor rev", b[164:166])
    yield ascii("Vendor SN", b[166:182])
    yield ascii("Date code", b[182:190])
    state = b[3] >> 1 & 7
    yield from coded("Module State", state, _STATES.get(state, "reserved or unknown"))
    if state == 5:
        causes = {1: "TEC runaway", 2: "Data memory corrupted", 3: "Program memory corrupted"}
        cause = causes.get(b[41], "No fault detected / not supported")
        yield from coded("Module Fault Cause", b[41], cause)
    if not paged:
        return
    yield from monitors(s16(b, 14), u16(b, 16))
    measured, page11 = b[288], 640 - 128
    registers = ((2, 154), (1, 170), (4, 186))
    tx, bias, rx = (page11 + at if measured & bit else -1 for bit, at in registers)
    yield from lanes(b, (tx, bias, rx), 8, not b[279] & 0x10)
    for name, first in (("Module temperature", 0), ("Module voltage", 4)):
        for place, bound in enumerate(BOUNDS):
            yield onoff(f"{name} {bound}", bool(b[9] >> (first + place) & 1))
    places = {"Laser bias current": 184, "Laser output power": 176, "Module temperature": 128}
    yield from limits(b, 384 - 128, {**places, "Module voltage": 136, "Laser rx power": 192})
    if (b[39], b[40]) == (0xFF, 0xFF):
        yield Row("Active firmware version", "Invalid", "Invalid")
    elif b[39] or b[40]:
        yield Row("Active firmware version", f"{b[39]}.{b[40]}", {"major": b[39], "minor": b[40]})
