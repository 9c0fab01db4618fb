"""Rows that ethtool prints of a module: one field in words and in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

_CONNECTORS = {0x01: "SC", 0x07: "LC", 0x0C: "MPO Parallel Optic", 0x21: "Copper pigtail"}
_CONNECTORS |= {0x22: "RJ45", 0x23: "No separable connector", 0x0B: "Optical pigtail"}
BOUNDS = ("high alarm", "low alarm", "high warning", "low warning")


class Row(NamedTuple):
    """One field: its name in text, its text, its key and value in JSON; None leaves it out."""

    name: str
    text: str | None
    value: Any = None
    key: str = ""


def u16(image: bytes, at: int) -> int:
    return int.from_bytes(image[at : at + 2])


def s16(image: bytes, at: int) -> int:
    return int.from_bytes(image[at : at + 2], signed=True)


def coded(name: str, value: int, words: str) -> Iterator[Row]:
    yield Row(name, f"0x{value:02x} ({words})", value)
    key = name.lower().replace(" ", "_")
    yield Row(name, None, words, f"{key}_description")


def ascii(name: str, data: bytes) -> Row:
    words = "".join(chr(byte) if 32 <= byte <= 126 else "_" for byte in data.rstrip(b" "))
    return Row(name, words, words)


def oui(data: bytes) -> Row:
    return Row("Vendor OUI", data.hex(":"), list(data))


def connector(code: int) -> Iterator[Row]:
    return coded("Connector", code, _CONNECTORS.get(code, "reserved or unknown"))


def identifier(code: int, words: str) -> Iterator[Row]:
    return coded("Identifier", code, words)


def degrees(raw: int) -> str:
    return f"{raw / 256:.2f} degrees C / {raw / 256 * 1.8 + 32:.2f} degrees F"


def milliwatts(raw: int) -> str:
    dbm = 10 * math.log10(raw / 1e4) if raw else -math.inf
    return f"{raw / 1e4:.4f} mW / {dbm:.2f} dBm"


def milliamperes(raw: int) -> str:
    return f"{raw / 500:.3f} mA"


def volts(raw: int) -> str:
    return f"{raw / 1e4:.4f} V"


def limits(image: bytes, base: int, places: dict[str, int]) -> Iterator[Row]:
    show = {
        "Laser bias current": (milliamperes, u16, 500),
        "Laser output power": (milliwatts, u16, 1e4),
        "Module temperature": (degrees, s16, 256),
        "Module voltage": (volts, u16, 1e4),
        "Laser rx power": (milliwatts, u16, 1e4),
    }
    for name, (text, register, scale) in show.items():
        raw = [register(image, base + places[name] + 2 * n) for n in range(4)]
        for bound, value in zip(BOUNDS, raw, strict=True):
            yield Row(f"{name} {bound} threshold", text(value))
        keys = [f"{bound.replace(' ', '_')}_threshold" for bound in BOUNDS]
        yield Row(name, None, dict(zip(keys, (value / scale for value in raw), strict=True)))


def monitors(temperature: int, voltage: int) -> Iterator[Row]:
    yield Row("Module temperature", degrees(temperature), temperature / 256)
    yield Row("Module voltage", volts(voltage), voltage / 1e4)


def lanes(image: bytes, places: tuple[int, int, int], count: int, oma: bool) -> Iterator[Row]:
    """Lanes by the first bytes of sent light, bias and received light; -1 is not measured."""
    tx, bias, rx = places
    kind = "Receiver signal OMA" if oma else "Rcvr signal avg optical power"
    for name, at, text, scale in (
        ("Laser tx bias current", bias, milliamperes, 500),
        ("Transmit avg optical power", tx, milliwatts, 1e4),
        (kind, rx, milliwatts, 1e4),
    ):
        if at < 0:
            continue
        raw = [u16(image, at + 2 * lane) for lane in range(count)]
        for lane, value in enumerate(raw, 1):
            yield Row(f"{name} (Channel {lane})", text(value))
        values = [value / scale for value in raw]
        if name == kind:
            yield Row("rx_power", None, {"values": values, "type": kind})
        else:
            yield Row(name, None, values)


def signal(name: str, bits: int, count: int) -> Row:
    on = [bool(bits >> lane & 1) for lane in range(count)]
    words = "[ " + ", ".join("Yes" if one else "No" for one in on) + " ]" if bits else "None"
    return Row(name, words, on)


def onoff(name: str, value: bool) -> Row:
    return Row(name, "On" if value else "Off", value)
