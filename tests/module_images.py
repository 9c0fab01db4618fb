"""Memories of modules, built from the byte tables of the standards; names and numbers invented."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.model.module import Module
from mlxtop.sources.module.layouts import PLANS, split_eeprom


def put(image: bytearray, at: int, *registers: float) -> None:
    """16-bit registers, big endian, negative ones in two's complement."""
    for place, value in enumerate(registers):
        image[at + 2 * place : at + 2 * place + 2] = (round(value) & 0xFFFF).to_bytes(2)


def write(image: bytearray, at: int, size: int, text: str) -> None:
    image[at : at + size] = text.encode().ljust(size)


def degrees(*values: float) -> Sequence[float]:
    return [value * 256 for value in values]


def volts(*values: float) -> Sequence[float]:
    return [value * 10_000 for value in values]


def milliamperes(*values: float) -> Sequence[float]:
    return [value * 500 for value in values]


def milliwatts(*values: float) -> Sequence[float]:
    return [value * 10_000 for value in values]


def sfp28() -> bytearray:
    """25GBASE-SR: A0h, then A2h."""
    a, d = bytearray(256), bytearray(256)
    a[0:3] = 0x03, 0x04, 0x07
    a[16], a[18], a[19] = 2, 10, 7
    write(a, 20, 16, "ACME OPTICS")
    a[36], a[37:40] = 0x02, b"\x00\x90\x65"
    write(a, 40, 16, "AC-SFP28-SR")
    write(a, 56, 4, "A1")
    put(a, 60, 850)
    a[64] = 0x02
    write(a, 68, 16, "AC28A00001")
    write(a, 84, 8, "240412")
    a[92:94] = 0x68, 0xB0
    put(d, 0, *degrees(78, -13, 73, -8), *volts(3.7, 2.9, 3.6, 3.0), *milliamperes(12, 2, 11, 3))
    put(d, 24, *milliwatts(3.4674, 0.0724, 1.7378, 0.1445), *milliwatts(3.4674, 0.0468, 1.7, 0.09))
    put(d, 96, *degrees(38.5), *volts(3.31), *milliamperes(6.8), *milliwatts(0.8128, 0.6918))
    return a + d


def qsfp28() -> bytearray:
    """100G CWDM4: the lower half, then upper pages 00h to 03h."""
    b = bytearray(640)
    b[0], b[1] = 0x11, 0x07
    put(b, 22, *degrees(36.25))
    put(b, 26, *volts(3.28))
    put(b, 34, *milliwatts(0.8318, 0.7762, 0.8913, 0.7244))
    put(b, 42, *milliamperes(41.2, 40.8, 42.0, 41.5))
    put(b, 50, *milliwatts(1.1482, 1.2303, 1.0965, 1.1749))
    b[128:132] = 0x11, 0xCC, 0x07, 0x80
    b[142], b[147] = 2, 0x40
    write(b, 148, 16, "ACME OPTICS")
    b[165:168] = b"\x00\x90\x65"
    write(b, 168, 16, "AC-Q28-CWDM4")
    write(b, 184, 2, "1B")
    put(b, 186, 1301 * 20)
    b[192] = 0x06
    write(b, 196, 16, "AC28C00001")
    write(b, 212, 8, "240930")
    page3 = 3 * 128
    put(b, page3 + 128, *degrees(75, -5, 70, 0))
    put(b, page3 + 144, *volts(3.63, 2.97, 3.465, 3.135))
    put(b, page3 + 176, *milliwatts(2.2387, 0.0355, 1.7783, 0.0708))
    put(b, page3 + 184, *milliamperes(75, 15, 70, 20))
    put(b, page3 + 192, *milliwatts(2.8184, 0.1122, 2.2387, 0.2239))
    return b


def qsfp28_dac() -> bytearray:
    """A passive copper cable: flat memory and no monitors."""
    b = bytearray(640)
    b[0:3] = 0x11, 0x07, 0x04
    b[128:132] = 0x11, 0x00, 0x23, 0x88
    b[146], b[147] = 2, 0xA0
    write(b, 148, 16, "ACME CABLES")
    write(b, 168, 16, "AC-DAC-2M")
    b[186:190] = 7, 10, 13, 18
    b[192] = 0x0B
    return b


def qsfpdd() -> bytearray:
    """400GBASE-DR4: the lower half, then upper pages 00h, 01h, 02h, 10h and 11h."""
    lower, p0, p1, p2, p10, p11 = (bytearray(256) for _ in range(6))
    lower[0:4] = 0x18, 0x40, 0x04, 0x06
    put(lower, 14, *degrees(47.25), *volts(3.29))
    lower[85] = 2
    lower[86:95] = 0x11, 0x1C, 0x84, 0x01, 0x0D, 0x14, 0x21, 0x55, 0xFF
    p0[128] = 0x18
    write(p0, 129, 16, "ACME OPTICS")
    p0[145:148] = b"\x00\x90\x65"
    write(p0, 148, 16, "AC-QDD-DR4")
    write(p0, 164, 2, "03")
    write(p0, 166, 16, "ACDD400001")
    write(p0, 182, 8, "250118")
    p0[200:204] = 0xA0, 44, 0, 0x0C
    p0[210], p0[212] = 0xF0, 0x06
    p1[132] = 0x05
    put(p1, 138, 1311 * 20)
    p1[159:161] = 0x03, 0x0F
    put(p2, 128, *degrees(75, -5, 70, 0), *volts(3.63, 2.97, 3.465, 3.135))
    put(p2, 176, *milliwatts(5.0119, 0.257, 2.5119, 0.5129))
    put(p2, 184, *milliamperes(60, 10, 55, 15))
    put(p2, 192, *milliwatts(5.0119, 0.1288, 2.5119, 0.257))
    put(p11, 154, *milliwatts(1.349, 1.2882, 1.3804, 1.2303))
    put(p11, 170, *milliamperes(39, 39.75, 38.6, 39.4))
    put(p11, 186, *milliwatts(1.0471, 0.9772, 1.122, 0.871))
    return bytearray(b"".join([lower[:128], *(page[128:] for page in (p0, p1, p2, p10, p11))]))


IMAGES = {"sfp28": sfp28, "qsfp28": qsfp28, "qsfp28-dac": qsfp28_dac, "qsfpdd": qsfpdd}


def decode_eeprom(data: bytes) -> Module:
    """Return the module of a whole image. Raises ModuleSilent."""
    kind, memories = split_eeprom(data)
    return PLANS[kind].module(memories)
