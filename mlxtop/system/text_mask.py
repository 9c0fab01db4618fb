"""Hides names in text: of machines, addresses of their parts, and serial numbers.

A serial number is replaced wherever it stands once it is known; before that where a label says
what it is.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from mlxtop.system.pseudonyms import Pseudonyms

PSEUDONYM = "host"
"""What a machine is called instead."""

SERIAL = re.compile(
    r"(?:(?<![A-Za-z0-9])S/?N|serial)(?:"
    r"(?:[ _.-]?(?:number|num|no|nr)\b\.?)?[\"'\])]*+\s*+[:=#]\s*+"
    r"|[ _.-]?(?:number|num|no|nr)\.?\s+)"
    r"[\"'\[(]*([A-Za-z0-9][\w./+-]{4,})",
    re.IGNORECASE,
)
_NAMED_HOST = r"(?:(?<=@)|(?<=[Hh]ostname[ =:])|(?<=[Hh]ostname[=:] )|(?<=\d\d:\d\d:\d\d ))"
"""Before what can only be a host's name."""
_AMBIGUOUS = re.compile(r"..?|\d+|[a-z]\d+", re.IGNORECASE)
"""Names that could be a number, or lanes of a PCIe link."""


def names_of(*full: str) -> set[str]:
    """Return what machines are called, in full and without their domains, and their domains.

    >>> sorted(names_of("pacu.example.org", ""))
    ['example.org', 'pacu', 'pacu.example.org']
    """
    parts = [name.partition(".") for name in full]
    short, domains = {name for name, _, _ in parts}, {domain for _, _, domain in parts}
    return ({*full} | short | {domain for domain in domains if "." in domain}) - {""}


def host_pattern(names: Iterable[str], vocabulary: Container[str] | None) -> re.Pattern[str] | None:
    """Return what finds the names; a word of other meanings only where a host is meant.

    With `vocabulary` None a host is meant everywhere.
    """
    patterns = []
    for name in sorted(names, key=len, reverse=True):
        word = re.escape(name)
        if vocabulary is not None:
            if name.lower() in vocabulary or _AMBIGUOUS.fullmatch(name):
                word = _NAMED_HOST + word
            elif not name.strip("0123456789abcdefABCDEF"):  # a part of an address looks the same
                word = rf"(?<!:)(?<![0-9a-f][0-9a-f]-)(?<!0x){word}(?!:\w|-[0-9a-f][0-9a-f]\b)"
        patterns.append(word)
    if not patterns:
        return None
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(patterns)})(?![A-Za-z0-9])", re.IGNORECASE)


class TextMask:
    """Replaces names in texts, the same name in the same way."""

    def __init__(self, hosts: Iterable[str], vocabulary: Container[str] = ()) -> None:
        """`vocabulary`: words of kernels, drivers and tools, in small letters.

        A host that is called like one of them is replaced only where nothing else can be meant.
        """
        names = set(hosts)
        self.pseudonyms = Pseudonyms()
        self.any_host = host_pattern(names, None)
        """Finds the names of the machine where a host is meant."""
        self.serials: dict[str, str] = {}
        self._hosts = host_pattern(names, vocabulary)
        self._known_serials: re.Pattern[str] | None = None

    def learn_serials(self, serials: Iterable[str]) -> None:
        """Hide serial numbers from now on; what is too short to be one is left out."""
        before = len(self.serials)
        for serial in serials:
            if len(serial) > 4 and any(map(str.isdigit, serial)) and serial not in self.serials:
                number = self.pseudonyms.number("serial", serial.upper())
                self.serials[serial] = f"SN{number}".ljust(len(serial), "X")[: len(serial)]
        if len(self.serials) == before:
            return
        self.serials |= {serial.upper(): hidden for serial, hidden in self.serials.items()}
        # a short one of digits alone could be any number
        sure = [serial for serial in self.serials if len(serial) > 7 or not serial.isdecimal()]
        pattern = "|".join(map(re.escape, sorted(sure, key=len, reverse=True)))
        whole = rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])"
        self._known_serials = re.compile(whole, re.IGNORECASE) if sure else None

    def text(self, text: str) -> str:
        """Return a text, path or name without names of machines, cards and modules."""
        text = self.without_serials(self.pseudonyms.addresses(text))
        return self._hosts.sub(PSEUDONYM, text) if self._hosts is not None else text

    def without_serials(self, text: str) -> str:
        """Return a text with its serial numbers replaced."""
        text = SERIAL.sub(self._labelled, text)
        if self._known_serials is None:
            return text
        return self._known_serials.sub(lambda match: self.serials[match[0].upper()], text)

    def _labelled(self, match: re.Match[str]) -> str:
        head = match[0][: match.start(1) - match.start()]
        return head + self.serials.get(match[1], match[1])
