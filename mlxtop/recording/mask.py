"""Hides in Samples what names a machine, its parts and its processes, as captures do it.

Serial numbers and addresses are learned from where they stand by name, so that they are found in
all other texts too. Whoever masks a recording lets everything be learned before: `learn` for all
Samples, then `masked` for each. The same value is hidden in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from mlxtop.model.fabric import FabricEnd, SubnetManager
from mlxtop.model.lldp import mac_of
from mlxtop.model.sample import Reading, Sample
from mlxtop.model.tuning import LoadProgram
from mlxtop.system.text_mask import PSEUDONYM, TextMask, names_of

MOST_REMEMBERED = 20_000
"""Parts of Samples whose masked copies are kept; most stay the same from Sample to Sample."""
_SERIALS = ("serial", "V3")
"""Fields, and keys of mappings, whose texts are serial numbers; V3 of a label is a UUID."""
_PROCESSES = dict.fromkeys(("comm", "process", "command"), "process") | {
    "user": "user",
    "service": "service",
    "chassis": "device",
    "chassis_name": "device",
    "chassis_description": "system",
    "port_description": "description",
}
"""The same for names of processes, people, what they run and what they call their switches, with
the words that stand for those."""
_HOSTS = ("host", "target", "problems")
"""Fields in which a name can only be a host's."""
_ADDRESSES = ("address", "target", "gateway", "peer")
"""Fields in which four numbers are an IPv4 address, and no version."""
_COMM = re.compile(r"(\bcomm[:=] ?)([\w./-]+)", re.IGNORECASE)


class SampleMask:
    """Masks Samples and texts about them."""

    def __init__(self, hosts: Iterable[str], vocabulary: Container[str] = ()) -> None:
        """`hosts`: what the machine and its peers are called; `vocabulary` as of `TextMask`."""
        self._text = TextMask(names_of(*hosts), vocabulary)
        self._parts: dict[tuple[int, str], tuple[Any, Any]] = {}
        self._texts: dict[str, str] = {}
        self._learned: dict[int, Any] = {}

    def learn(self, sample: Sample) -> None:
        """Take in the serial numbers and addresses of a Sample."""
        serials: list[str] = []
        self._collect(sample, "", serials)
        self._text.learn_serials(serials)

    def masked(self, sample: Sample) -> Sample:
        """Return a copy in which nothing names the machine."""
        one: Sample = self.value(sample)
        return one._replace(host=one.host._replace(name=PSEUDONYM))

    def value(self, value: Any) -> Any:
        """Return a copy of a value of ours, with all texts in it masked."""
        return self._value(value, "")

    def host(self, text: str) -> str:
        """Return a text in which a host is meant where its name stands, whatever else it means."""
        pattern = self._text.any_host
        return self.text(pattern.sub(PSEUDONYM, text) if pattern is not None else text)

    def text(self, text: str) -> str:
        """Return a text without names."""
        hidden = self._texts.get(text)
        if hidden is None:
            if len(self._texts) >= MOST_REMEMBERED:
                self._texts.clear()
            hidden = self._texts[text] = _COMM.sub(self._comm, self._text.text(text))
        return hidden

    def _comm(self, match: re.Match[str]) -> str:
        return match[1] + self._process(match[2], "process")

    def _process(self, name: str, word: str) -> str:
        return f"{word}{self._text.pseudonyms.number(word, name)}"

    def _collect(self, value: Any, key: str, serials: list[str]) -> None:
        """Find serial numbers by their keys, and let addresses be known."""
        if isinstance(value, str):
            if not isinstance(value, Enum):
                if key in _SERIALS:
                    serials.append(value.strip())
                if key in _ADDRESSES:
                    self._text.pseudonyms.ip4(value)
                self._text.pseudonyms.addresses(value)
            return
        if value is None or isinstance(value, bool | int | float | Reading | Enum):
            return
        if self._learned.get(id(value)) is value:
            return
        if len(self._learned) >= MOST_REMEMBERED:
            self._learned.clear()
        self._learned[id(value)] = value
        for name, part in _parts(value, key):
            self._collect(part, name, serials)

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            if isinstance(value, Enum):
                return value
            if key in _PROCESSES and not (key == "chassis" and mac_of(value)):
                return self._process(value, _PROCESSES[key])
            if key in _HOSTS:
                return self.host(self._text.pseudonyms.ip4(value))
            return self.text(self._text.pseudonyms.ip4(value) if key in _ADDRESSES else value)
        if value is None or isinstance(value, bool | int | float | Reading | Enum):
            return value
        known = self._parts.get((id(value), key))
        if known is not None and known[0] is value:
            return known[1]
        if len(self._parts) >= MOST_REMEMBERED:
            self._parts.clear()
        hidden = self._copy(value, key)
        self._parts[id(value), key] = value, hidden
        return hidden

    def _copy(self, value: Any, key: str) -> Any:
        if isinstance(value, LoadProgram):
            return value._replace(words=tuple(map(self._word, value.words)))
        if isinstance(value, FabricEnd):
            name = value.name and self._process(value.name, "node")
            node, guid = self._guid(value.node), self._guid(value.guid)
            return value._replace(name=name, node=node, guid=guid)
        if isinstance(value, SubnetManager):
            where = value.where and self._process(value.where, "node")
            return value._replace(guid=self._guid(value.guid), where=where)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            pairs = zip(value._fields, value, strict=True)
            return type(value)(*(self._value(part, name) for name, part in pairs))
        if is_dataclass(value) and not isinstance(value, type):
            names = [one.name for one in fields(value)]
            return replace(value, **{n: self._value(getattr(value, n), n) for n in names})
        if isinstance(value, Mapping):
            return {
                self._value(name, ""): self._value(part, str(name)) for name, part in value.items()
            }
        if isinstance(value, tuple | frozenset):
            return type(value)(self._value(part, key) for part in value)
        return value

    def _guid(self, text: str) -> str:
        """Return a GUID, `0x` and its digits, whoever made the device."""
        try:
            octets = bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            return text
        return f"0x{self._text.pseudonyms.octets(octets).hex()}" if len(octets) == 8 else text

    def _word(self, word: str) -> str:
        """Return a word of a command line: an option or a number, or a name that is hidden."""
        plain = word.startswith("-") or word.replace(".", "").isdecimal()
        return self.text(word) if plain else "name"


def _parts(value: Any, key: str) -> Iterable[tuple[str, Any]]:
    """Return the parts of a value with the names that they have there."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return zip(value._fields, value, strict=True)
    if is_dataclass(value):
        return ((one.name, getattr(value, one.name)) for one in fields(value))
    if isinstance(value, Mapping):
        return (*((("", name)) for name in value), *((str(n), part) for n, part in value.items()))
    return ((key, part) for part in value) if isinstance(value, tuple | frozenset) else ()
