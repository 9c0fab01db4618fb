"""Hides what names a machine, its cards and modules in a capture: the same value the same way.

MAC addresses, GUIDs, GIDs and InfiniBand addresses keep their vendor part, so that ports of one
card can still be grouped; serial numbers keep their length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from typing import Any

from mlxtop.model.lldp import mac_of
from mlxtop.model.number import COUNT, whole
from mlxtop.system.capture import Capture, Node
from mlxtop.system.door import Question
from mlxtop.system.neighbour_mask import without_names
from mlxtop.system.text_mask import PSEUDONYM, SERIAL, TextMask, names_of

_SERIAL_FILE = re.compile(r"/[^/]*(?:serial|asset_tag)[^/]*$")
_VPD_SERIAL = re.compile(rb"SN(.)", re.DOTALL)
"""Keyword of a serial number in vital product data, with the number of its bytes."""
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
_FIRST_BYTES = ("0", "0", str(_A0), "0")
"""Details of the question for them: page, bank, address and offset."""
_HOST_FILES = ("/proc/sys/kernel/hostname", "/etc/hostname")


def mask(capture: Capture, vocabulary: Container[str] = ()) -> Capture:
    """Return a copy of a capture with the names of the machine and its parts replaced.

    `vocabulary`: words of kernels, drivers and tools, in small letters. A host that is called like
    one of them is replaced only where nothing else can be meant.
    """
    hidden = _Mask(capture, vocabulary)
    hidden.capture()  # so that what stands in one place is known in all others
    return hidden.capture()


def _word(data: bytes) -> str:
    return data.decode("latin-1").strip(" \0")


def _texts(answer: Any, change: Callable[[str, str], str], key: str = "") -> Any:
    """Return an answer with every string changed, keys too; `change` also gets a value's key."""
    if isinstance(answer, str):
        return change(key, answer)
    if isinstance(answer, dict):
        return {
            _texts(name, change): _texts(value, change, str(name)) for name, value in answer.items()
        }
    if isinstance(answer, (list, tuple)):
        return [_texts(value, change) for value in answer]
    return answer


def _host_names(capture: Capture) -> set[str]:
    """Return what the machine is called, in full and without its domain, and its domain."""
    names = {capture.properties.get("label", "")}
    for path in _HOST_FILES:
        node = capture.nodes.get(path)
        names.add((node.content or b"").decode("utf-8", "replace").strip() if node else "")
    return names_of(*names)


def _module_answers(capture: Capture) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield the questions about module EEPROMs with the bytes that answer them."""
    for key, answer in capture.answers.items():
        numbers = {"module-page": 5, "module-eeprom": 0}.get(key[0])
        if numbers != len(key) - 2 or None in [whole(part, COUNT) for part in key[2:]]:
            continue
        text = answer.get("data") if isinstance(answer, dict) else answer
        if isinstance(text, str):
            with suppress(ValueError):
                yield key, bytes.fromhex(text)


class _Mask:
    """Replaces the names in one capture, the same name in the same way."""

    def __init__(self, capture: Capture, vocabulary: Container[str]) -> None:
        self._capture = capture
        self._names = TextMask(_host_names(capture), vocabulary)
        self._pseudonyms = self._names.pseudonyms
        self._modules = dict(_module_answers(capture))
        self._kinds = {
            key[1]: data[0]
            for key, data in self._modules.items()
            if data and (key[0] == Question.MODULE_EEPROM or key[2:6] == _FIRST_BYTES)
        }
        """Identifier of the module in each netdev."""
        self._names.learn_serials(self._collect())

    def _collect(self) -> list[str]:
        """Return the serial numbers, wherever a place or a label says what they are."""
        serials: list[str] = []

        def collect(key: str, text: str) -> str:
            serials.extend([text] if "serial" in key.lower() else [])
            return text

        for answer in self._capture.answers.values():
            _texts(answer, collect)
        for path, node in self._capture.nodes.items():
            content = node.content or b""
            serials += SERIAL.findall(content.decode("utf-8", "replace"))
            if _SERIAL_FILE.search(path):
                serials.append(_word(content.strip()))
            if path.endswith("/vpd"):
                serials += [
                    _word(content[match.end() : match.end() + match[1][0]])
                    for match in _VPD_SERIAL.finditer(content)
                ]
        for finished in self._capture.commands.values():
            serials += SERIAL.findall(finished.stdout) + SERIAL.findall(finished.stderr)
        for key, data in self._modules.items():
            serials.append(_word(data[self._serial_bytes(key, len(data))]))
        return serials

    def capture(self) -> Capture:
        """Return the masked copy."""
        old = self._capture
        new = Capture(blocks=dict(old.blocks))
        new.properties = old.properties | {"label": "host", "masked": "yes"}
        for path, node in old.nodes.items():
            new.add(self.text(path), self._node(path, node))
        for key, answer in old.answers.items():
            new.answers[tuple(map(self.text, key))] = self._answer(key, answer)
        for argv, finished in old.commands.items():
            stdout = self.text(without_names(argv, finished.stdout, self._device))
            stderr = self.text(finished.stderr)
            masked = finished._replace(stdout=stdout, stderr=stderr)
            new.commands[tuple(map(self.text, argv))] = masked
        return new

    def _node(self, path: str, node: Node) -> Node:
        if node.target is not None:
            return Node(target=self.text(node.target))
        if node.content is None:
            return node
        if path.endswith("/config"):
            return Node(content=self._config(node.content))
        try:
            text = node.content.decode()
        except UnicodeDecodeError:  # every byte stays where it is
            text = self._names.without_serials(node.content.decode("latin-1"))
            return Node(content=text.encode("latin-1"))
        if path.endswith(_OPAQUE) and text.strip():
            return Node(content=f"{self._pseudonyms.number('opaque', text):016x}\n".encode())
        if path in _HOST_FILES:
            return Node(content=f"{PSEUDONYM}\n".encode())
        if path.endswith("/node_desc") and self._names.any_host is not None:
            text = self._names.any_host.sub(PSEUDONYM, text, count=1)
        return Node(content=self.text(text).encode())

    def _answer(self, key: tuple[str, ...], answer: Any) -> Any:
        if isinstance(answer, OSError):
            return answer
        if (data := self._modules.get(key)) is not None:
            place = self._serial_bytes(key, len(data))
            hidden = self._names.serials.get(_word(data[place]), "").encode("latin-1")
            size = place.stop - place.start
            text = (data[: place.start] + hidden.ljust(size) + data[place.stop :]).hex()
            return text if isinstance(answer, str) else {**answer, "data": text}
        if key[0] in (Question.SOCKETS, Question.ROUTE, Question.RDMA_OBJECTS):
            return _texts(answer, lambda _, text: self.text(self._pseudonyms.ip4(text)))
        return _texts(answer, lambda _, text: self.text(text))

    def _device(self, kind: str, text: str) -> str:
        """Return what stands for the name of a neighbour; its address is hidden as all are."""
        return text if mac_of(text) else f"{kind} {self._pseudonyms.number(kind, text)}"

    def text(self, text: str) -> str:
        """Return a text, path or name without names of machines, cards and modules."""
        return self._names.text(text)

    def _config(self, data: bytes) -> bytes:
        """Return a PCI configuration space with another serial number (capability 0x0003)."""
        place, hidden = 0x100, bytearray(data)
        for _ in range(64):
            if place < 0x100 or place + 12 > len(data):
                break
            head = int.from_bytes(data[place : place + 4], "little")
            if head & 0xFFFF == 0x0003:
                serial = self._pseudonyms.octets(data[place + 4 : place + 12][::-1])
                hidden[place + 4 : place + 12] = serial[::-1]
            place = head >> 20
        return bytes(hidden)

    def _serial_bytes(self, key: tuple[str, ...], size: int) -> slice:
        """Return where, in the bytes that answer a question, those of the serial number are."""
        page, place = _MODULE_SERIALS.get(self._kinds.get(key[1], 0), _CMIS_SERIAL)
        if key[0] == Question.MODULE_PAGE:
            asked, _, address, offset, _ = map(int, key[2:])
            if (asked, address) != (page, _A0):
                return slice(0, 0)
            place -= offset
        first, last = (min(max(end, 0), size) for end in (place, place + 16))
        return slice(first, last)
