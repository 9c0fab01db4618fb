"""The whole vocabulary by the head of a line and its first word, so that few texts are tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from mlxtop.sources.kernel.vocabulary import driver, health, mlx4, others, pci, queues
from mlxtop.sources.kernel.vocabulary.row import Row, table_rows

_CARD = (health.HEALTH, health.HEAT, health.MODULES, health.SLOT)
_LOAD = (driver.COMMANDS, driver.PAGES, queues.EVENTS, queues.QUEUES)
_MORE = (queues.BONDS, queues.ESWITCH, driver.RESET, mlx4.MLX4, others.RDMA, others.IPOIB_MLX5)
DRIVER = (*_CARD, *_LOAD, *_MORE, pci.HANDLERS, pci.PCIE, health.LINK, driver.LOAD, others.NAME)
"""After the head of a driver; the first text that fits counts."""
DEVICE = (pci.PCIE, health.SLOT)
"""After the head of a PCI device that no driver of ours has: a port, or a function in a VM."""
NAME = (queues.BOND_NAME, others.IPOIB, others.NAME)
"""After the name of a network device alone."""
BARE = (others.BARE, others.RDMA_BARE, pci.BARE)
"""Without a head."""

_WORD = re.compile(r"[a-z_]+", re.IGNORECASE)
Match = Callable[[str], "re.Match[str] | None"]


class Text(NamedTuple):
    """One text of a row; its expression is compiled when a line asks for it."""

    row: Row
    pattern: str


class Texts:
    """Texts by their first word."""

    def __init__(self, tables: Iterable[str]) -> None:
        rows = [row for table in tables for row in table_rows(table)]
        self.rows = tuple(row._replace(number=number) for number, row in enumerate(rows))
        self._by_word: dict[str, list[Text]] = {}
        for row in self.rows:
            for pattern, word in zip(row.patterns, row.keys, strict=True):
                self._by_word.setdefault(word, []).append(Text(row, pattern))
        self._matches: dict[str, tuple[tuple[Match, Row], ...]] = {}

    def knows(self, text: str) -> bool:
        """Return whether a text may be known, by its first word."""
        word = _WORD.match(text)
        return word is not None and word[0].lower() in self._by_word

    def find(self, text: str) -> tuple[re.Match[str], Row] | None:
        """Return the first text that fits, and its row."""
        word = _WORD.match(text)
        key = word[0].lower() if word is not None else ""
        for match, row in self._of(key):
            if (fit := match(text)) is not None:
                return fit, row
        for match, row in self._of("") if key else ():
            if (fit := match(text)) is not None:
                return fit, row
        return None

    def _of(self, key: str) -> tuple[tuple[Match, Row], ...]:
        if key not in self._by_word:
            return ()
        matches = self._matches.get(key)
        if matches is None:
            matches = self._matches[key] = tuple(
                (re.compile(pattern, re.IGNORECASE | re.DOTALL).match, row)
                for row, pattern in self._by_word[key]
            )
        return matches


@cache
def texts(head: str) -> Texts:
    """Return what may follow a kind of head: `driver`, `device`, `name` or `bare`."""
    tables = {"driver": DRIVER, "device": DEVICE, "name": NAME, "bare": BARE}
    return Texts(tables[head])
