"""Facts that change slowly: each is read in the background, at its own pace, if somebody wants it.

To add one: a member of `Fact`, a row of `FACTS`, and a field of the sample that it goes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from errno import ENODEV
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from mlxtop.model.identity import Adapter, Function, Port, PortId, PortKind
from mlxtop.model.sample import UNREAD, PcieStatus, Slow
from mlxtop.sampler.discover import Inventory
from mlxtop.sampler.slow import SlowReader, Workers
from mlxtop.sources.kernel.pci import DEVICES, read_pcie
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.model.fabric import LocalFabric
    from mlxtop.model.flash import CardFlash
    from mlxtop.model.linktype import StoredConfig
    from mlxtop.model.lldp import LldpNeighbour
    from mlxtop.model.rdma_objects import RdmaObjects
    from mlxtop.model.sample import HardwareNeighbour
    from mlxtop.model.tuning import HostTuning, PortTuning
    from mlxtop.sources.kernel.rdma_objects import RdmaObjectReader
    from mlxtop.sources.kernel.tcp import StreamCounter

AskCard = Callable[[System, Inventory], "StoredConfig"]
"""Runs tools, as root, on the one card of an inventory; takes seconds."""
Subject = PortId | str | None
"""A port, the key of a card, an RDMA device, or None for the machine."""


class Fact(StrEnum):
    """Facts that a front end can want in its samples."""

    HOST = "settings of the host"
    PORTS = "settings of ports"
    """Of physical ports, and of the one that is looked at."""
    VIRTUAL_FUNCTIONS = "settings of virtual functions"
    """With `PORTS`, of every one: seven questions each, under RTNL."""
    STREAMS = "TCP streams"
    NEIGHBOURS = "neighbours"
    LLDP = "LLDP neighbours"
    FABRIC = "InfiniBand fabric"
    """This host's links and the subnet managers: packets to the nearest switch."""
    RDMA_OBJECTS = "RDMA objects"
    """Who holds them; of each QP the firmware is asked."""
    RDMA_LIMITS = "limits of RDMA devices"
    STORED = "stored configuration"
    FLASH = "label and flash of cards"
    """Seconds of a tool a card, as root; of the card that is looked at alone, unless of all."""
    IN_USE = "addresses and routes"
    """The network devices that carry one; always read."""
    PCIE = "PCIe"
    """Of every slot; always read."""
    PCIE_ERRORS = "PCIe errors"
    """PCIe at every sample."""


ON_SCREEN = frozenset(
    {Fact.HOST, Fact.PORTS, Fact.STREAMS, Fact.NEIGHBOURS, Fact.LLDP, Fact.STORED}
)
IN_DOCUMENTS = frozenset({Fact.LLDP})
"""What `--json` tells beside what every sample has."""
RDMA = frozenset({Fact.RDMA_OBJECTS, Fact.RDMA_LIMITS})
JOINED = ON_SCREEN | {Fact.FABRIC}
"""What finds the two ends of links, where several machines are shown."""
EVERYTHING = frozenset(Fact) - {Fact.FABRIC, Fact.FLASH}
"""What can be read without a packet to others, and without a card's flash."""
JUDGED = EVERYTHING | {Fact.FABRIC}
"""What `doctor` looks at: of a fabric only this host's links, by some packets."""
FLASH_S = 3600.0
"""Seconds that what was read of a flash is told; who burns it does so rarely."""


class Facts:
    """The slow facts of a machine, as far as they are wanted."""

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


class Row(NamedTuple):
    """The way to read a fact."""

    fact: Fact
    read: Callable[[Facts, Any], object]
    """Reads it of one of the objects that `when` gives."""
    every: float
    """Seconds between reads."""
    when: Callable[[Facts], Mapping[Subject, object]]
    """Return of what it is read; what has changed is read anew."""
    absent: Callable[[Facts], str | None] = lambda facts: None
    """Return why it cannot be read here; None where it can."""
    deadline: float = 10.0
    """Seconds after which no answer is a reason."""
    quick: bool = False
    """Read from memory: in the first sample too."""
    tool: bool = False
    """Read by programs: in threads of their own, and not in the first seconds."""
    rest: float = 0.0
    """Pause after a read at least, in times of what it took."""


# What these take is loaded when it is first wanted, after the first picture.


def _read_host(facts: Facts, functions: tuple[Function, ...]) -> HostTuning:
    from mlxtop.sampler.settings import read_host

    return read_host(facts.system, functions)


def _read_port(facts: Facts, port: Port) -> PortTuning:
    from mlxtop.sampler.settings import read_port

    used = filter(None, (port.function, *port.extra_functions))
    own = [(address, facts.functions.get(address)) for address in used]
    places = [each.path if each else f"{DEVICES}/{address}" for address, each in own]
    return read_port(facts.system, port, places, facts.handlers())


def _read_streams(facts: Facts, ports: tuple[Port, ...]) -> Mapping[PortId, int] | None:
    from mlxtop.sources.kernel.tcp import StreamCounter

    facts.streams = facts.streams or StreamCounter(facts.system)
    return facts.streams.read(ports)


def _read_neighbours(
    facts: Facts, ports: tuple[Port, ...]
) -> Mapping[PortId, tuple[HardwareNeighbour, ...]]:
    from mlxtop.sources.kernel.neighbours import read_hardware

    return read_hardware(facts.system, ports, facts.inventory.links if facts.inventory else {})


def _read_lldp(facts: Facts, ports: tuple[Port, ...]) -> Mapping[PortId, tuple[LldpNeighbour, ...]]:
    from mlxtop.sources.tools.lldp import read_lldp

    return read_lldp(facts.system, ports)


def _read_fabric(facts: Facts, _: None) -> LocalFabric:
    from mlxtop.sources.tools.fabric import own_ports, read_local

    if not own_ports(facts.system):
        raise OSError(ENODEV, "no InfiniBand port of this host has a link")
    return read_local(facts.system)


def _read_rdma_objects(facts: Facts, _: None) -> RdmaObjects:
    from mlxtop.sources.kernel.rdma_objects import RdmaObjectReader

    facts.rdma_objects = facts.rdma_objects or RdmaObjectReader(facts.system)
    return facts.rdma_objects.read(facts.system.now())


def _read_rdma_limits(facts: Facts, device: str) -> Mapping[str, int]:
    from mlxtop.sources.tools.ibv_devinfo import read_limits

    return read_limits(facts.system, device)


def _rdma_devices(facts: Facts) -> Mapping[Subject, object]:
    """Return the devices of ports of our own: planes and sub-functions have the same limits."""
    named = (port.rdma for port in facts.ports if port.kind is PortKind.PHYSICAL)
    return {device: device for device in named if device is not None}


def _read_in_use(facts: Facts, _: None) -> frozenset[str]:
    from mlxtop.sources.kernel.routes import read_used_devices

    return read_used_devices(facts.system)


def _read_stored(facts: Facts, card: Adapter) -> StoredConfig:
    assert facts.inventory is not None
    assert facts.ask_card is not None
    ports = tuple(facts.ports_of.get(card.key, ()))
    return facts.ask_card(facts.system, facts.inventory._replace(adapters=(card,), ports=ports))


def _read_flash(facts: Facts, card: Adapter) -> CardFlash:
    from mlxtop.sampler.card_flash import read_card_flash

    now = facts.system.now()
    known = facts.flash_of.get(card.key)
    if known is not None and known[0] == card and now - known[1] < FLASH_S:
        return known[2]
    found = read_card_flash(facts.system, card)
    facts.flash_of[card.key] = card, now, found
    return found


def _flash_cards(facts: Facts) -> Mapping[Subject, object]:
    every = Fact.FLASH in facts.wants
    cards = (card for card in facts.adapters if every or facts.looked_at in card.ports)
    return {card.key: card for card in cards if card.functions}


def _real_ports(facts: Facts) -> Mapping[Subject, object]:
    kinds = {PortKind.PHYSICAL}
    if Fact.VIRTUAL_FUNCTIONS in facts.wants:
        kinds.add(PortKind.VF)
    return {
        port.id: port
        for port in facts.ports
        if port.kind in kinds or (port.id == facts.looked_at and port.kind is PortKind.VF)
    }


def _why_not_stored(facts: Facts) -> str | None:
    if facts.ask_card is None:
        return UNREAD.absent
    return None if facts.system.root or facts.system.captured else "needs root"


FACTS = (
    Row(
        Fact.PCIE,
        lambda facts, path: read_pcie(facts.system, path),
        10.0,
        lambda facts: {s: each.path for card in facts.adapters for s, each in card.slots.items()},
        quick=True,
    ),
    Row(Fact.HOST, _read_host, 30.0, lambda facts: {None: tuple(facts.functions.values())}),
    Row(Fact.PORTS, _read_port, 30.0, _real_ports),
    Row(Fact.IN_USE, _read_in_use, 10.0, lambda facts: {None: None}),
    Row(Fact.STREAMS, _read_streams, 5.0, lambda facts: {None: facts.ports}),
    Row(Fact.NEIGHBOURS, _read_neighbours, 5.0, lambda facts: {None: facts.ports}),
    Row(
        Fact.LLDP,
        _read_lldp,
        30.0,  # as often as neighbours speak
        lambda facts: {None: facts.ports},
        deadline=20.0,
    ),
    Row(
        Fact.FABRIC,
        _read_fabric,
        60.0,
        lambda facts: {None: None},
        deadline=60.0,
        tool=True,
        rest=20.0,
    ),
    Row(
        Fact.RDMA_OBJECTS,
        _read_rdma_objects,
        5.0,
        lambda facts: {None: None},
        deadline=60.0,  # each of a hundred thousand QPs is a question to the firmware
        rest=20.0,
    ),
    Row(Fact.RDMA_LIMITS, _read_rdma_limits, 3600.0, _rdma_devices, tool=True),
    Row(
        Fact.STORED,
        _read_stored,
        600.0,
        lambda facts: {card.key: card for card in facts.adapters if card.driver},
        _why_not_stored,
        deadline=60.0,  # of several questions, and their turn after other tools
        tool=True,
    ),
    Row(
        Fact.FLASH,
        _read_flash,
        FLASH_S,
        _flash_cards,
        deadline=90.0,  # two tools, and their turn after other ones
        tool=True,
    ),
)
