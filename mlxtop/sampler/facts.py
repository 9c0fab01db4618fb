"""Facts that change slowly: each is read in the background, at its own pace, if somebody wants it.

To add one: a member of `Fact`, a row of `FACTS`, and a field of the sample that it goes to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from errno import ENODEV
from typing import TYPE_CHECKING, Any, NamedTuple

from mlxtop.model.identity import Adapter, Function, Port, PortId, PortKind
from mlxtop.model.sample import UNREAD
from mlxtop.sampler.discover import Inventory
from mlxtop.sources.kernel.pci import DEVICES, read_pcie
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.model.fabric import LocalFabric
    from mlxtop.model.flash import CardFlash
    from mlxtop.model.linktype import StoredConfig
    from mlxtop.model.lldp import LldpNeighbour
    from mlxtop.model.rdma_objects import RdmaObjects
    from mlxtop.model.sample import HardwareNeighbour, PcieStatus
    from mlxtop.model.tuning import HostTuning, PortTuning
    from mlxtop.sampler.fact_readers import FactReaders

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


class Row(NamedTuple):
    """The way to read a fact."""

    fact: Fact
    read: Callable[[FactReaders, Any], object]
    """Reads it of one of the objects that `when` gives."""
    every: float
    """Seconds between reads."""
    when: Callable[[FactReaders], Mapping[Subject, object]]
    """Return of what it is read; what has changed is read anew."""
    absent: Callable[[FactReaders], str | None] = lambda facts: None
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


def _read_pcie(facts: FactReaders, path: str) -> PcieStatus:
    return read_pcie(facts.system, path)


def _read_host(facts: FactReaders, functions: tuple[Function, ...]) -> HostTuning:
    from mlxtop.sampler.settings import read_host

    return read_host(facts.system, functions)


def _read_port(facts: FactReaders, port: Port) -> PortTuning:
    from mlxtop.sampler.settings import read_port

    used = filter(None, (port.function, *port.extra_functions))
    own = [(address, facts.functions.get(address)) for address in used]
    places = [each.path if each else f"{DEVICES}/{address}" for address, each in own]
    return read_port(facts.system, port, places, facts.handlers())


def _read_streams(facts: FactReaders, ports: tuple[Port, ...]) -> Mapping[PortId, int] | None:
    from mlxtop.sources.kernel.tcp import StreamCounter

    facts.streams = facts.streams or StreamCounter(facts.system)
    return facts.streams.read(ports)


def _read_neighbours(
    facts: FactReaders, ports: tuple[Port, ...]
) -> Mapping[PortId, tuple[HardwareNeighbour, ...]]:
    from mlxtop.sources.kernel.neighbours import read_hardware

    return read_hardware(facts.system, ports, facts.inventory.links if facts.inventory else {})


def _read_lldp(
    facts: FactReaders, ports: tuple[Port, ...]
) -> Mapping[PortId, tuple[LldpNeighbour, ...]]:
    from mlxtop.sources.tools.lldp import read_lldp

    return read_lldp(facts.system, ports)


def _read_fabric(facts: FactReaders, _: None) -> LocalFabric:
    from mlxtop.sources.tools.fabric import own_ports, read_local

    if not own_ports(facts.system):
        raise OSError(ENODEV, "no InfiniBand port of this host has a link")
    return read_local(facts.system)


def _read_rdma_objects(facts: FactReaders, _: None) -> RdmaObjects:
    from mlxtop.sources.kernel.rdma_objects import RdmaObjectReader

    facts.rdma_objects = facts.rdma_objects or RdmaObjectReader(facts.system)
    return facts.rdma_objects.read(facts.system.now())


def _read_rdma_limits(facts: FactReaders, device: str) -> Mapping[str, int]:
    from mlxtop.sources.tools.ibv_devinfo import read_limits

    return read_limits(facts.system, device)


def _rdma_devices(facts: FactReaders) -> Mapping[Subject, object]:
    """Return the devices of ports of our own: planes and sub-functions have the same limits."""
    named = (port.rdma for port in facts.ports if port.kind is PortKind.PHYSICAL)
    return {device: device for device in named if device is not None}


def _read_in_use(facts: FactReaders, _: None) -> frozenset[str]:
    from mlxtop.sources.kernel.routes import read_used_devices

    return read_used_devices(facts.system)


def _read_stored(facts: FactReaders, card: Adapter) -> StoredConfig:
    assert facts.inventory is not None
    assert facts.ask_card is not None
    ports = tuple(facts.ports_of.get(card.key, ()))
    return facts.ask_card(facts.system, facts.inventory._replace(adapters=(card,), ports=ports))


def _read_flash(facts: FactReaders, card: Adapter) -> CardFlash:
    from mlxtop.sampler.card_flash import read_card_flash

    now = facts.system.now()
    known = facts.flash_of.get(card.key)
    if known is not None and known[0] == card and now - known[1] < FLASH_S:
        return known[2]
    flash = read_card_flash(facts.system, card)
    facts.flash_of[card.key] = card, now, flash
    return flash


def _flash_cards(facts: FactReaders) -> Mapping[Subject, object]:
    every = Fact.FLASH in facts.wants
    cards = (card for card in facts.adapters if every or facts.looked_at in card.ports)
    return {card.key: card for card in cards if card.functions}


def _real_ports(facts: FactReaders) -> Mapping[Subject, object]:
    kinds = {PortKind.PHYSICAL}
    if Fact.VIRTUAL_FUNCTIONS in facts.wants:
        kinds.add(PortKind.VF)
    return {
        port.id: port
        for port in facts.ports
        if port.kind in kinds or (port.id == facts.looked_at and port.kind is PortKind.VF)
    }


def _why_not_stored(facts: FactReaders) -> str | None:
    if facts.ask_card is None:
        return UNREAD.absent
    return None if facts.system.root or facts.system.captured else "needs root"


FACTS = (
    Row(
        Fact.PCIE,
        _read_pcie,
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
