"""Readers of slow facts: each at its own pace, in the background, as `FACTS` has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from mlxtop.model.identity import Adapter, Function, Port, PortId
from mlxtop.model.sample import UNREAD, PcieStatus, Slow
from mlxtop.sampler.discover import Inventory
from mlxtop.sampler.facts import FACTS, AskCard, Fact, Row, Subject
from mlxtop.sampler.slow import SlowReader, Workers
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.model.flash import CardFlash
    from mlxtop.model.linktype import StoredConfig
    from mlxtop.sources.kernel.rdma_objects import RdmaObjectReader
    from mlxtop.sources.kernel.tcp import StreamCounter


class FactReaders:
    """Readers of the facts that are wanted, of what there is."""

    def __init__(
        self, system: System, wants: frozenset[Fact], workers: Workers, ask_card: AskCard | None
    ) -> None:
        self.system = system
        self.wants = wants
        self.reads_all = Fact.VIRTUAL_FUNCTIONS in wants
        """What costs much is read of every port, not only of the one that is looked at."""
        self.ask_card = ask_card
        self.looked_at: PortId | None = None
        """The port that somebody looks at: read also where it is a virtual function."""
        self.more_wants: frozenset[Fact] = frozenset()
        """What is wanted for a while, as long as somebody looks at it."""
        self.stale = False
        """Somebody changed settings: everything is to be read anew."""
        self.inventory: Inventory | None = None
        self.adapters: tuple[Adapter, ...] = ()
        self.ports: tuple[Port, ...] = ()
        """The selected ones, and their cards."""
        self.functions: dict[str, Function] = {}
        """Those of the cards, by PCI address."""
        self.ports_of: dict[str | None, list[Port]] = {}
        """All ports of the inventory, by `Adapter.key`."""
        self.streams: StreamCounter | None = None
        self.rdma_objects: RdmaObjectReader | None = None
        self.flash_of: dict[str, tuple[Adapter, float, CardFlash]] = {}
        """What was read of cards, and when: who looks again soon does not ask again."""
        self._workers = workers
        self._tools = Workers("tools", system.clock)
        self._updated_for: tuple[PortId | None, frozenset[Fact]] = None, frozenset()
        self._polled = 0.0
        self._lock = Lock()
        self._handlers: tuple[float | None, Mapping[int, str]] = (None, {})
        self._readers: dict[tuple[Fact, Subject], tuple[Row, object, SlowReader[Any]]] = {}
        """With what is read of a subject: another one needs another reader."""
        self._absent: dict[Fact, Slow[Any]] = {}

    def update(
        self, inventory: Inventory, ports: tuple[Port, ...], adapters: tuple[Adapter, ...]
    ) -> None:
        """Take what there is: end the reads of what has gone, begin those of what has come."""
        self.inventory, self.ports, self.adapters = inventory, ports, adapters
        self.functions = {each.address: each for card in adapters for each in card.functions}
        ports_of: dict[str | None, list[Port]] = {}
        for port in inventory.ports:
            ports_of.setdefault(port.adapter, []).append(port)
        self.ports_of = ports_of  # at once: another thread reads it
        self._update()

    def _update(self) -> None:
        self._updated_for = self.looked_at, self.more_wants
        before, self._readers = self._readers, {}
        self._absent.clear()
        for row in FACTS:
            if row.fact not in self.wants | self.more_wants:
                continue
            reason = row.absent(self)
            self._absent[row.fact] = UNREAD if reason is None else Slow(absent=reason)
            for subject, what in row.when(self).items() if reason is None else ():
                entry = before.get((row.fact, subject))
                if entry is None or entry[1] != what:
                    entry = row, what, self._reader(row, subject, what)
                self._readers[row.fact, subject] = entry
        for key, entry in before.items():
            if self._readers.get(key) is not entry:
                entry[2].close()

    def _reader(self, row: Row, subject: Subject, what: object) -> SlowReader[Any]:
        worker = self._tools if row.tool else self._workers
        read = partial(row.read, self, what)
        reader: SlowReader[Any] = SlowReader(
            row.fact, read, row.every, row.deadline, worker, subject=subject
        )
        reader.unsupported_every = 0.0
        reader.rest = row.rest
        if row.fact is Fact.PCIE and Fact.PCIE_ERRORS in self.wants:
            reader.every = 0.0
        return reader

    def poll(self, now: float, calm: bool, hurried: bool = False) -> None:
        """Start the reads that are due; `calm`: programs may run, `hurried`: only what is quick."""
        self._polled = now
        if self._tools.behind:  # one card that hangs holds up no other
            self._tools.relieve()
        if (self.looked_at, self.more_wants) != self._updated_for:
            self._update()
        if self.stale:
            self.stale = False
            for reader in self.readers():
                reader.again()
        for row, _, reader in self._readers.values():
            if (calm or not row.tool) and (row.quick or not hurried):
                reader.poll(now)

    def close(self) -> None:
        """Read no more."""
        for reader in self.readers():
            reader.close()
        self._tools.close()

    def readers(self) -> Iterator[SlowReader[Any]]:
        """Yield all readers."""
        return (reader for _, _, reader in self._readers.values())

    def get(self, fact: Fact, now: float, subject: Subject = None) -> Slow[Any]:
        """Return what was read last of a port, a card or the machine."""
        entry = self._readers.get((fact, subject))
        return self._absent.get(fact, UNREAD) if entry is None else entry[2].fact(now)

    def pcie(self) -> dict[str, PcieStatus]:
        """Return PCIe of every slot, as far as it was read."""
        return {
            str(slot): reader.value
            for (fact, slot), (_, _, reader) in self._readers.items()
            if fact is Fact.PCIE and reader.value is not None
        }

    def stored(self, now: float) -> dict[str, Slow[StoredConfig]]:
        """Return what every card with a driver stores, by `Adapter.key`."""
        if Fact.STORED not in self.wants:
            return {}
        cards = (card.key for card in self.adapters if card.driver)
        return {key: self.get(Fact.STORED, now, key) for key in cards}

    def flash(self, now: float) -> dict[str, Slow[CardFlash]]:
        """Return label and flash of the cards that were asked, or why none is."""
        return {
            str(card): reader.fact(now)
            for (fact, card), (_, _, reader) in self._readers.items()
            if fact is Fact.FLASH
        }

    def rdma_limits(self, now: float) -> dict[str, Slow[Mapping[str, int]]]:
        """Return what RDMA devices can have at most, of those that were asked."""
        return {
            str(device): reader.fact(now)
            for (fact, device), (_, _, reader) in self._readers.items()
            if fact is Fact.RDMA_LIMITS
        }

    def handlers(self) -> Mapping[int, str]:
        """Return number and handler of all interrupts: milliseconds, so once for all ports."""
        from mlxtop.sources.kernel.pci import parse_interrupts

        with self._lock:
            if self._handlers[0] != self._polled:
                text = read_text(self.system, "/proc/interrupts")
                self._handlers = self._polled, parse_interrupts(text or "")
            return self._handlers[1]
