"""Hides what names a machine, its cards and modules in a capture: the same value the same way.

MAC addresses, GUIDs, GIDs and InfiniBand addresses keep their vendor part, so that ports of one
card can still be grouped; serial numbers keep their length.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

from mlxtop.system.capture_file import Capture, Node
from mlxtop.system.door import Question

_HEX = "[0-9a-fA-F]"
_ADDRESS = re.compile(
    r"(?<!\w)(?<!\w[:.-])(?:"
    rf"(?P<octets>(?:{_HEX}{{2}}:){{19}}{_HEX}{{2}}|(?:{_HEX}{{2}}[:-]){{7}}{_HEX}{{2}}"
    rf"|(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}})"
    rf"|(?P<groups>(?:{_HEX}{{4}}:){{7}}{_HEX}{{4}}|(?:{_HEX}{{4}}:){{3}}{_HEX}{{4}})"
    rf"|(?:{_HEX}{{0,4}}:){{2,7}}{_HEX}{{0,4}}"
    r")(?!\w|[:.-]\w)"
)
"""Hardware addresses, GUIDs and GIDs, and what may be an IPv6 address."""
_LABELLED = re.compile(
    rf"((?:GUID|MAC)s?(?: address)?\s*[:=]\s*(?:0x)?)({_HEX}{{12}}(?:{_HEX}{{4}})?)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"\b((?:en|eth|wl|ib|roce)x)({_HEX}{{12}}(?:{_HEX}{{4}})?)(?!{_HEX})")
_SERIAL = re.compile(
    r"\b(?:vendor[ _])?(?:sn|serial(?:[ _]?(?:number|num|no))?)\"?\]?\s*[:=]\s*\"?"
    r"([A-Za-z0-9][\w./-]{4,})",
    re.IGNORECASE,
)
_OPAQUE = ("/phys_switch_id", "/phys_port_id")
"""Files whose content is a GUID in an order of the driver's own."""
_MODULE_SERIALS = {
    **dict.fromkeys((0x02, 0x03, 0x0B), (0, 68)),
    **dict.fromkeys((0x0C, 0x0D, 0x11), (0, 196)),
}
"""Module kind (SFF-8024 identifier) to page and byte of the 16 bytes of its serial number."""
_CMIS_SERIAL = (0, 166)
_A0 = 0x50
"""I2C address of the pages that identify a module."""
_SHORT = 4
"""Host names shorter than this are only replaced where they stand alone."""


def mask(capture: Capture) -> Capture:
    """A copy of a capture with the names of the machine and its parts replaced."""
    return _Mask(capture).capture()


def _word(data: bytes) -> str:
    return data.decode("latin-1").strip(" \0")


def _strings(answer: Any) -> Iterator[tuple[str, str]]:
    """Every string of an answer with the key that it stands under."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            if isinstance(value, str):
                yield str(key), value
            else:
                yield from _strings(value)
    elif isinstance(answer, (list, tuple)):
        for value in answer:
            yield from _strings(value)


def _texts(answer: Any, change: Callable[[str], str]) -> Any:
    """An answer with every string changed, keys too."""
    if isinstance(answer, str):
        return change(answer)
    if isinstance(answer, dict):
        return {
            change(key) if isinstance(key, str) else key: _texts(value, change)
            for key, value in answer.items()
        }
    if isinstance(answer, (list, tuple)):
        return [_texts(value, change) for value in answer]
    return answer


class _Mask:
    """What was replaced by what, in one capture."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._seen: dict[str, dict[object, int]] = {}
        label = capture.properties.get("label", "")
        node = capture.nodes.get("/proc/sys/kernel/hostname")
        said = (node.content or b"").decode("utf-8", "replace").strip() if node else ""
        names = {name for full in (label, said) for name in (full, full.partition(".")[0])}
        self._hosts = sorted(filter(None, names), key=len, reverse=True)
        long = [re.escape(name) for name in self._hosts if len(name) >= _SHORT]
        self._host = re.compile(rf"(?<![\w-])(?:{'|'.join(long)})(?![\w-])") if long else None
        self._kinds = self._module_kinds()
        self._serials: dict[str, str] = {}
        self._collect()

    def _number(self, kind: str, value: object) -> int:
        """The same small number for the same value, from 1."""
        return self._seen.setdefault(kind, {}).setdefault(value, len(self._seen[kind]) + 1)

    def _collect(self) -> None:
        """Find the serial numbers, so that they are replaced wherever else they stand."""
        found: list[str] = []
        for answer in self._capture.answers.values():
            found += [text for key, text in _strings(answer) if "serial" in key.lower()]
        for node in self._capture.nodes.values():
            found += _SERIAL.findall((node.content or b"").decode("utf-8", "replace"))
        for finished in self._capture.commands.values():
            found += _SERIAL.findall(finished.stdout) + _SERIAL.findall(finished.stderr)
        for key, data in self._module_answers():
            found.append(_word(data[self._serial_bytes(key, len(data))]))
        for serial in found:
            if len(serial) > 4 and any(map(str.isdigit, serial)) and serial not in self._serials:
                number = self._number("serial", serial)
                self._serials[serial] = f"SN{number}".ljust(len(serial), "X")[: len(serial)]
        serials = sorted(self._serials, key=len, reverse=True)
        pattern = "|".join(map(re.escape, serials))
        self._known = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)") if serials else None

    def capture(self) -> Capture:
        """The masked copy."""
        old = self._capture
        new = Capture(blocks=dict(old.blocks))
        new.properties = old.properties | {"label": "host", "masked": "yes"}
        for path, node in old.nodes.items():
            new.add(self._names(path), self._node(path, node))
        for key, answer in old.answers.items():
            new.answers[tuple(map(self._names, key))] = self._answer(key, answer)
        for argv, finished in old.commands.items():
            new.commands[tuple(map(self._names, argv))] = finished._replace(
                stdout=self.text(finished.stdout), stderr=self.text(finished.stderr)
            )
        return new

    def _node(self, path: str, node: Node) -> Node:
        if node.target is not None:
            return Node(target=self._names(node.target))
        if node.content is None:
            return node
        if path.endswith("/config"):
            return Node(content=self._config(node.content))
        try:
            text = node.content.decode()
        except UnicodeDecodeError:
            return node
        if path.endswith(_OPAQUE) and text.strip():
            return Node(content=f"{self._number('opaque', text):016x}\n".encode())
        if text.strip() in self._hosts:
            return Node(content=b"host\n")
        return Node(content=self.text(text).encode())

    def _answer(self, key: tuple[str, ...], answer: Any) -> Any:
        if isinstance(answer, OSError):
            return answer
        for known, data in self._module_answers():
            if known == key:
                place = self._serial_bytes(key, len(data))
                hidden = self._serials.get(_word(data[place]), "").encode("latin-1")
                size = place.stop - place.start
                text = (data[: place.start] + hidden.ljust(size) + data[place.stop :]).hex()
                return text if isinstance(answer, str) else {**answer, "data": text}
        if key[0] in (Question.SOCKETS, Question.ROUTE):
            return _texts(answer, lambda text: self.text(self._ip4(text)))
        return _texts(answer, self.text)

    def text(self, text: str) -> str:
        """A text without names of machines, cards and modules."""
        text = self._names(text)
        if self._known is not None:
            text = self._known.sub(lambda match: self._serials[match[0]], text)
        return self._host.sub("host", text) if self._host is not None else text

    def _names(self, text: str) -> str:
        """A path, name or text without hardware addresses."""
        text = _ADDRESS.sub(self._address, text)
        text = _LABELLED.sub(self._bare, text)
        return _NAMED.sub(self._bare, text)

    def _bare(self, match: re.Match[str]) -> str:
        return match[1] + self._octets(bytes.fromhex(match[2])).hex()

    def _address(self, match: re.Match[str]) -> str:
        if match["octets"]:
            separator = match[0][2]
            octets = bytes.fromhex(match[0].replace(separator, ""))
            return self._octets(octets).hex(separator)
        if match["groups"]:
            return self._octets(bytes.fromhex(match[0].replace(":", ""))).hex(":", 2)
        try:
            address = ipaddress.IPv6Address(match[0])
        except ValueError:
            return match[0]
        if address.is_loopback or address.is_multicast or int(address) == 0:
            return match[0]
        return str(ipaddress.IPv6Address(self._octets(address.packed)))

    def _octets(self, octets: bytes) -> bytes:
        """A MAC (6), GUID (8), GID (16) or InfiniBand address (20) with another last part."""
        if octets.strip(b"\0") in (b"", b"\1") or not octets.strip(b"\xff"):
            return octets
        if len(octets) == 20:
            return octets[:4] + self._octets(octets[4:])
        if len(octets) == 16:
            prefix, rest = octets[:8], octets[8:]
            if prefix == bytes(8):  # an IPv4 address as a GID
                return prefix + rest[:4] + self._packed_ip4(rest[4:])
            if prefix[:2] != b"\xfe\x80":
                number = self._number("prefix", prefix)
                prefix = bytes.fromhex("20010db80000") + (number & 0xFFFF).to_bytes(2, "big")
            return prefix + self._octets(rest)
        vendor, last = octets[:3], octets[-3:]
        key = (bytes([vendor[0] & ~2]) + vendor[1:], last)
        number = self._number("card", key) & 0xFFFFFF
        return octets[:-3] + number.to_bytes(3, "big")

    def _packed_ip4(self, packed: bytes) -> bytes:
        address = ipaddress.IPv4Address(packed)
        if address.is_private or address.is_multicast:
            return packed
        number = self._number("ip4", packed) % 256
        return ipaddress.IPv4Address(f"203.0.113.{number}").packed

    def _ip4(self, text: str) -> str:
        try:
            address = ipaddress.IPv4Address(text)
        except ValueError:
            return text
        return str(ipaddress.IPv4Address(self._packed_ip4(address.packed)))

    def _config(self, data: bytes) -> bytes:
        """A PCI configuration space with another device serial number (capability 0x0003)."""
        place, hidden = 0x100, bytearray(data)
        for _ in range(64):
            if place < 0x100 or place + 12 > len(data):
                break
            head = int.from_bytes(data[place : place + 4], "little")
            if head & 0xFFFF == 0x0003:
                serial = self._octets(data[place + 4 : place + 12][::-1])
                hidden[place + 4 : place + 12] = serial[::-1]
            place = head >> 20
        return bytes(hidden)

    def _module_answers(self) -> Iterator[tuple[tuple[str, ...], bytes]]:
        """Bytes of module EEPROMs with the question that they answer."""
        for key, answer in self._capture.answers.items():
            numbers = {"module-page": 5, "module-eeprom": 0}.get(key[0])
            if numbers != len(key) - 2 or not all(map(str.isdecimal, key[2:])):
                continue
            text = answer.get("data") if isinstance(answer, dict) else answer
            if isinstance(text, str):
                try:
                    yield key, bytes.fromhex(text)
                except ValueError:
                    continue

    def _module_kinds(self) -> dict[str, int]:
        """Identifier of the module in each netdev."""
        kinds: dict[str, int] = {}
        for key, data in self._module_answers():
            first = key[0] == Question.MODULE_EEPROM or key[2:6] == ("0", "0", str(_A0), "0")
            if first and data:
                kinds[key[1]] = data[0]
        return kinds

    def _serial_bytes(self, key: tuple[str, ...], size: int) -> slice:
        """Where, in the bytes that answer a question, those of the serial number are."""
        page, place = _MODULE_SERIALS.get(self._kinds.get(key[1], 0), _CMIS_SERIAL)
        if key[0] == Question.MODULE_PAGE:
            asked, _, address, offset, _ = map(int, key[2:])
            if (asked, address) != (page, _A0):
                return slice(0, 0)
            place -= offset
        first, last = (min(max(end, 0), size) for end in (place, place + 16))
        return slice(first, last)
