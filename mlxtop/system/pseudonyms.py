"""Other values for hardware and IP addresses: the same one for the same, of the same shape.

MAC addresses, GUIDs, GIDs and InfiniBand addresses keep their vendor part, so that ports of one
card can still be grouped. What was seen in one spelling is replaced in all of them.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress

_HEX = "[0-9a-fA-F]"
_OCTET = f"{_HEX}{{2}}"
_MORE = f"(?:{_OCTET}(?P=separator))"
_ADDRESS = re.compile(
    rf"(?<!{_HEX})(?<![^0-9a-zA-Z](?!01-){_OCTET}[:-])(?<!^(?!01-){_OCTET}[:-])"
    rf"(?P<octets>{_OCTET}(?P<separator>[:-]){_MORE}{{4}}(?:{_MORE}{{2}}(?:{_MORE}{{12}})?)?{_OCTET})"
    rf"(?!{_HEX}|[:-]{_OCTET})"
    rf"|(?<!\w)(?<!\w[:.-])(?:"
    rf"(?P<groups>(?:{_HEX}{{4}}:){{7}}{_HEX}{{4}}|(?:{_HEX}{{4}}:){{3}}{_HEX}{{4}})"
    rf"|(?:{_HEX}{{0,4}}:){{2,7}}{_HEX}{{0,4}})(?!\w|[:.-]\w)"
)
"""Hardware addresses, GUIDs and GIDs, and what may be an IPv6 address."""
_BARE = re.compile(
    rf"(?P<label>(?:GUID|MAC|EUI|GID|id_ext|service_id|initiator_ext|hw_?addr)s?"
    rf"(?: ?addr(?:ess)?)?[\"']?\s*+(?:[:=]\s*+)?[\"']?(?:0x)?|\b(?:en|eth|wl|ib|roce)x"
    rf"|(?<![0-9a-zA-Z])(?:0x)?)"
    rf"(?P<octets>{_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}"
    rf"|{_HEX}{{40}}|{_HEX}{{32}}|{_HEX}{{16}}|{_HEX}{{12}})(?!{_HEX}|\.{_HEX}{{4}}\b)",
    re.IGNORECASE,
)
"""The same without punctuation: nothing but digits unless a label or the vendor says more."""
_RUN = re.compile(rf"(?:{_HEX}(?:[:._-]|, ?0x| (?={_OCTET}(?!{_HEX})))?){{11,}}{_HEX}")
_IP4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)", re.ASCII)
_UUID = re.compile(rf"(?<!{_HEX}){_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}(?!{_HEX})")

_VENDORS = frozenset(
    {
        *("0002c9", "00258b", "043f72", "08c0eb", "0c42a1", "1070fd", "1c34da", "248a07", "2c5eab"),
        *("30c6d7", "38253f", "48b02d", "506b4b", "58a2e1", "5c2573", "6cb311", "7c8c09", "7cfe90"),
        *("900a84", "946dae", "98039b", "9c0591", "9c63c0", "a088c2", "b0cf0e", "b45ca9", "b83fd2"),
        *("b8599f", "b8cef6", "b8e924", "c470bd", "cc40f3", "e09d73", "e41d2d", "e89e49", "e8ebd3"),
        *("ec0d9a", "f45214", "fc6a1c"),
    }
)
"""Mellanox and NVIDIA: sixteen digits that begin so are a GUID."""

_PLAIN = "0123456789abcdefABCDEF"
_DONE = str.maketrans(_PLAIN, "".join(chr(0xE000 + place) for place in range(len(_PLAIN))))
_SHOWN = str.maketrans({0xE000 + place: digit for place, digit in enumerate(_PLAIN)})
"""Digits of a pseudonym while the text is worked on, so that none is replaced by another one."""


class Pseudonyms:
    """Pseudonyms of one capture."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[object, int]] = {}
        self._cards: dict[str, dict[str, int]] = {}
        """Three octets of the vendor and the last three of every address, in hexadecimal."""
        self._backwards: dict[str, dict[str, int]] = {}
        """The same from the last octet to the first."""
        self._ip4: set[bytes] = set()

    def number(self, kind: str, value: object) -> int:
        """Return the same small number for the same value, from 1."""
        numbers = self._numbers.setdefault(kind, {})
        return numbers.setdefault(value, len(numbers) + 1)

    def addresses(self, text: str) -> str:
        """Return a text with every address in it replaced."""
        text = _UUID.sub(self._uuid, text)
        text = _ADDRESS.sub(self._address, text)
        text = _RUN.sub(self._run, text)
        text = _BARE.sub(self._bare, text)
        if self._ip4:
            text = _IP4.sub(self._known_ip4, text)
        return text.translate(_SHOWN)

    def octets(self, octets: bytes) -> bytes:
        """Return a MAC (6), GUID (8), GID (16) or InfiniBand address (20) with another end."""
        if octets.strip(b"\0") in (b"", b"\1") or not octets.strip(b"\xff"):
            return octets
        if len(octets) == 20:
            return octets[:4] + self.octets(octets[4:])
        if len(octets) == 16:
            prefix, rest = octets[:8], octets[8:]
            if prefix == bytes(8):  # an IPv4 address as a GID
                return prefix + rest[:4] + self._packed_ip4(rest[4:])
            if prefix[:2] != b"\xfe\x80":
                number = self.number("prefix", prefix)
                prefix = bytes.fromhex("20010db80000") + (number & 0xFFFF).to_bytes(2, "big")
            return prefix + self.octets(rest)
        return octets[:-3] + self._last(octets[:3], octets[-3:])

    def ip4(self, text: str) -> str:
        """Return another public IPv4 address; private ones and other texts as they are."""
        try:
            packed = ipaddress.IPv4Address(text).packed
        except ValueError:
            return text
        return str(ipaddress.IPv4Address(self._packed_ip4(packed)))

    def _known_ip4(self, match: re.Match[str]) -> str:
        """Replace only what stood where nothing else stands: versions look the same."""
        with suppress(ValueError):
            if ipaddress.IPv4Address(match[0]).packed in self._ip4:
                return self.ip4(match[0])
        return match[0]

    def _last(self, vendor: bytes, last: bytes) -> bytes:
        """Return the last octets of a card's pseudonym, and know the card in every spelling."""
        number = self.number("card", (bytes([vendor[0] & ~2]) + vendor[1:], last)) & 0xFFFFFF
        if vendor[1:] != b"\0\0":  # zeros stand everywhere
            for first in (vendor[0] & ~2, vendor[0] | 2):
                whole = bytes([first]) + vendor[1:]
                self._cards.setdefault(whole.hex(), {})[last.hex()] = number
                self._backwards.setdefault(last[::-1].hex(), {})[whole[::-1].hex()] = number
        return number.to_bytes(3, "big")

    def _packed_ip4(self, packed: bytes) -> bytes:
        address = ipaddress.IPv4Address(packed)
        if address.is_private or address.is_multicast:
            return packed
        self._ip4.add(packed)
        number = self.number("ip4", packed) % 256
        return ipaddress.IPv4Address(f"203.0.113.{number}").packed

    def _uuid(self, match: re.Match[str]) -> str:
        if not match[0].strip("0-"):
            return match[0]
        number = self.number("uuid", match[0].lower())
        return f"00000000-0000-0000-0000-{number:012x}".translate(_DONE)

    def _address(self, match: re.Match[str]) -> str:
        if match["octets"] or match["groups"]:
            separator, size = (match["separator"], 1) if match["octets"] else (":", 2)
            octets = self.octets(bytes.fromhex(match[0].replace(separator, "")))
            return octets.hex(separator, size).translate(_DONE)
        try:
            address = ipaddress.IPv6Address(match[0])
        except ValueError:
            return match[0]
        if address.is_loopback or address.is_multicast or int(address) == 0:
            return match[0]
        return str(ipaddress.IPv6Address(self.octets(address.packed))).translate(_DONE)

    def _bare(self, match: re.Match[str]) -> str:
        digits = match["octets"].replace(".", "").lower()
        dotted = "." in match["octets"]
        vendor = digits[{32: 16, 40: 24}.get(len(digits), 0) :][:6]
        sure = vendor in _VENDORS or match["label"].lower() not in ("", "0x")
        if not sure and not (dotted and re.search("[a-f]", digits)):
            return match[0]
        hidden = self.octets(bytes.fromhex(digits)).hex()
        if dotted:
            hidden = f"{hidden[:4]}.{hidden[4:8]}.{hidden[8:]}"
        return match["label"] + hidden.translate(_DONE)

    def _run(self, match: re.Match[str]) -> str:
        """Return digits in which addresses that are known from elsewhere are replaced."""
        characters = list(match[0])
        places = [m.start() for m in re.finditer(rf"{_HEX}(?!x)", match[0])]
        digits = "".join(characters[place] for place in places).lower()
        at = 0
        while at + 12 <= len(digits):
            size = self._replace(digits, at, places, characters)
            at += size or 1
        return "".join(characters)

    def _replace(self, digits: str, at: int, places: list[int], characters: list[str]) -> int:
        """Replace an address that begins at a digit; returns its digits, 0 where there is none."""
        head = digits[at : at + 6]
        for cards, backwards in ((self._cards, False), (self._backwards, True)):
            others = cards.get(head)
            if others is None:
                continue
            for size in (12, 16):
                number = others.get(digits[at + size - 6 : at + size])
                if number is None or at + size > len(digits):
                    continue
                octets = number.to_bytes(3, "big")
                hidden = (octets[::-1] if backwards else octets).hex()
                start = at if backwards else at + size - 6
                for place, digit in zip(places[start : start + 6], hidden, strict=True):
                    characters[place] = digit.translate(_DONE)
                return size
        return 0
