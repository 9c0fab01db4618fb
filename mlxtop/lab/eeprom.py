"""EEPROM images of modules, by the byte tables of the standards: SFF-8636 and CMIS 5.0."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from mlxtop.lab.spec import ModuleSpec

FLAGS = (0x80, 0x40, 0x20, 0x10)
"""Bits of high alarm, low alarm, high warning, low warning in SFF-8636 byte 6."""
VOLT_LIMITS = (3.63, 2.97, 3.465, 3.135)
TX_LIMITS = (4.4668, 0.1, 3.5481, 0.2239)
"""Sent light in mW, in the order of `RX_LIMITS`."""
BIAS_LIMITS = (1.6, 0.35, 1.45, 0.45)
"""Shares of the usual bias current."""
RX_LIMITS = (3.3884, 0.0302, 2.6915, 0.0759)
"""Received light in mW: high alarm, low alarm, high warning, low warning."""


@dataclass(frozen=True, slots=True)
class Monitors:
    """What a module measures of itself."""

    celsius: float
    volts: float
    rx_mw: tuple[float, ...]
    tx_mw: tuple[float, ...]
    bias_ma: tuple[float, ...]
    latched: int = 0
    """Temperature flags that were raised since the last reading."""


def over(celsius: float, limits: tuple[float, float, float, float]) -> int:
    """Return the temperature limits that are passed, as the bits of `FLAGS`."""
    high, low, warm, cool = limits
    passed = (celsius > high, celsius < low, celsius > warm, celsius < cool)
    return sum(flag for flag, now in zip(FLAGS, passed, strict=True) if now)


def _weakness(power: float) -> int:
    """Flags of one lane's light: 8, 4, 2, 1 for high alarm, low alarm, high, low warning."""
    high, low, strong, weak = RX_LIMITS
    return 8 * (power > high) + 4 * (power < low) + 2 * (power > strong) + (power < weak)


def _degrees(celsius: float) -> bytes:
    return struct.pack(">h", max(-32768, min(32767, round(celsius * 256))))


def _words(values: tuple[float, ...], scale: float) -> bytes:
    return b"".join(struct.pack(">H", max(0, min(65535, round(value * scale)))) for value in values)


def _text(text: str, size: int) -> bytes:
    return text.encode("ascii", "replace")[:size].ljust(size)


def _sum(data: bytes | bytearray) -> int:
    return sum(data) & 0xFF


def _sff8636(module: ModuleSpec, now: Monitors) -> Image:
    """QSFP+ and QSFP28: lower half, then upper pages 00, 01, 02 and 03."""
    kind = module.kind
    lower = bytearray(128)
    lower[0:3] = bytes((kind.identifier, 0x07, 0x06 if kind.passive else 0x02))
    if not kind.passive:
        dark = sum(1 << lane for lane, power in enumerate(now.rx_mw) if power < 0.02)
        lower[3], lower[5], lower[6] = dark, dark, now.latched
        weak = [_weakness(power) for power in now.rx_mw]
        lower[9:11] = bytes((weak[0] << 4 | weak[1], weak[2] << 4 | weak[3]))
        lower[22:24] = _degrees(now.celsius)
        lower[26:28] = _words((now.volts,), 10_000)
        lower[34:42] = _words(now.rx_mw, 10_000)
        lower[42:50] = _words(now.bias_ma, 500)
        lower[50:58] = _words(now.tx_mw, 10_000)
        lower[98] = 0xFF
    pages = {0: _sff8636_page0(module)}
    if not kind.passive:
        pages |= {1: bytes(128), 2: bytes(128), 3: _sff8636_limits(module)}
    return Image(bytes(lower), pages)


def _sff8636_page0(module: ModuleSpec) -> bytes:
    kind = module.kind
    page = bytearray(128)
    classes = {1.5: 0x00, 2.0: 0x40, 2.5: 0x80, 3.5: 0xC0}
    page[0] = kind.identifier
    page[1] = classes.get(kind.watts, 0xC0) | (0 if kind.passive else 0x0C)
    page[2] = kind.connector
    page[3] = kind.compliance
    page[11] = 0x05
    page[12] = min(255, kind.nominal // 100)
    metres = kind.reach
    page[14] = metres // 1000 if kind.single_mode else 0
    page[15] = 0 if kind.single_mode or kind.passive else metres // 2
    page[18] = metres if kind.passive else 0
    page[19] = kind.technology << 4
    page[20:36] = _text(kind.vendor, 16)
    page[37:40] = bytes.fromhex(kind.oui)
    page[40:56] = _text(kind.part, 16)
    page[56:58] = b"A0"
    if kind.wavelength:
        page[58:60] = struct.pack(">H", round(kind.wavelength * 20))
        page[60:62] = struct.pack(">H", 1300)
    page[62] = 70
    page[63] = _sum(page[:63])
    page[64] = kind.code
    page[66:68] = bytes((0x1F, 0xDE)) if not kind.passive else bytes(2)
    page[68:84] = _text(module.serial, 16)
    page[84:92] = b"190412  "
    page[92] = 0 if kind.passive else 0x3C
    page[95] = _sum(page[64:95])
    return bytes(page)


def _sff8636_limits(module: ModuleSpec) -> bytes:
    """Page 03: alarm and warning limits, each as high alarm, low alarm, high, low warning."""
    page = bytearray(128)
    page[0:8] = b"".join(_degrees(value) for value in module.limits)
    page[16:24] = _words(VOLT_LIMITS, 10_000)
    page[48:56] = _words(RX_LIMITS, 10_000)
    page[56:64] = _words(tuple(module.kind.bias_ma * share for share in BIAS_LIMITS), 500)
    page[64:72] = _words(TX_LIMITS, 10_000)
    return bytes(page)


def _cmis(module: ModuleSpec, now: Monitors) -> Image:
    """OSFP, QSFP-DD, QSFP112: lower half, then upper pages 00, 01, 02, 10h and 11h."""
    kind = module.kind
    lower = bytearray(128)
    lower[0:4] = bytes((kind.identifier, 0x50, 0x00, 0x07))
    lower[9] = sum(1 << bit for bit, flag in enumerate(FLAGS) if now.latched & flag)
    lower[14:16] = _degrees(now.celsius)
    lower[16:18] = _words((now.volts,), 10_000)
    lower[85] = 0x02 if kind.single_mode else 0x01
    lower[86:90] = bytes((0x50, kind.code, kind.lanes << 4 | kind.lanes, 0x01))
    lower[90] = 0xFF
    pages = {0: _cmis_page0(module), 1: _cmis_page1(module), 2: _cmis_limits(module)}
    return Image(bytes(lower), pages | {0x10: bytes(128), 0x11: _cmis_lanes(module, now)})


def _cmis_page0(module: ModuleSpec) -> bytes:
    kind = module.kind
    page = bytearray(128)
    page[0] = kind.identifier
    page[1:17] = _text(kind.vendor, 16)
    page[17:20] = bytes.fromhex(kind.oui)
    page[20:36] = _text(kind.part, 16)
    page[36:38] = b"A1"
    page[38:54] = _text(module.serial, 16)
    page[54:62] = b"230804  "
    page[72] = 0x80
    page[73] = round(kind.watts * 4)
    page[75] = kind.connector
    page[82] = 0xFF << kind.lanes & 0xFF
    page[84] = kind.technology
    page[94] = _sum(page[:94])
    return bytes(page)


def _cmis_page1(module: ModuleSpec) -> bytes:
    """Page 01h: reach, wavelength, and which monitors there are."""
    kind = module.kind
    page = bytearray(128)
    page[6] = kind.reach // 2 if not kind.single_mode else 0
    page[4] = 0x40 | kind.reach // 1000 if kind.single_mode else 0
    page[10:12] = struct.pack(">H", round(kind.wavelength * 20))
    page[12:14] = struct.pack(">H", 2000)
    page[31], page[32] = 0x03, 0x07
    page[127] = _sum(page[2:127])
    return bytes(page)


def _cmis_limits(module: ModuleSpec) -> bytes:
    """Page 02h: limits as high alarm, low alarm, high warning, low warning."""
    page = bytearray(128)
    page[0:8] = b"".join(_degrees(value) for value in module.limits)
    page[8:16] = _words(VOLT_LIMITS, 10_000)
    page[48:56] = _words(TX_LIMITS, 10_000)
    page[56:64] = _words(tuple(module.kind.bias_ma * share for share in BIAS_LIMITS), 500)
    page[64:72] = _words(RX_LIMITS, 10_000)
    page[127] = _sum(page[:127])
    return bytes(page)


def _cmis_lanes(module: ModuleSpec, now: Monitors) -> bytes:
    """Page 11h: data path states, loss of signal, powers and bias of each lane."""
    page = bytearray(128)
    lanes = module.kind.lanes
    page[0:4] = bytes.fromhex("44444444")[: lanes // 2].ljust(4, b"\0")
    dark = sum(1 << lane for lane, power in enumerate(now.rx_mw) if power < 0.02)
    page[19], page[20] = dark, dark
    for row in range(4):
        page[21 + row] = sum(
            1 << lane for lane, power in enumerate(now.rx_mw) if _weakness(power) & 8 >> row
        )
    page[26 : 26 + 2 * lanes] = _words(now.tx_mw, 10_000)
    page[42 : 42 + 2 * lanes] = _words(now.bias_ma, 500)
    page[58 : 58 + 2 * lanes] = _words(now.rx_mw, 10_000)
    return bytes(page)


@dataclass(frozen=True, slots=True)
class Image:
    """An EEPROM: its lower half and upper pages of 128 bytes."""

    lower: bytes
    pages: Mapping[int, bytes]

    def read(self, page: int, i2c: int, offset: int, length: int) -> bytes | None:
        """Bytes by page as netlink asks for them; None where there is no such page."""
        part = self.lower if offset < 128 else self.pages.get(page)
        start = offset % 128
        if part is None or i2c != 0x50 or length <= 0 or start + length > 128:
            return None
        return part[start : start + length]

    def flat(self) -> bytes:
        """All of it, as the old ioctl gives it."""
        return self.lower + b"".join(self.pages[page] for page in sorted(self.pages))


def encode(module: ModuleSpec, now: Monitors) -> Image:
    """The image of a module as it is now."""
    if module.garbage:
        blank = b"\xff" * 128
        return Image(blank, dict.fromkeys(range(4), blank))
    return _cmis(module, now) if module.kind.cmis else _sff8636(module, now)
