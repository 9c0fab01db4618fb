"""Read the link types of a machine's cards, and the methods there are to change them.

The method follows from the card's answer, not from its name: mlx4 drivers have `mlx4_portN` files,
cards from ConnectX-3 on have LINK_TYPE_Pn in their configuration or report that they lack it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from mlxtop.change.guard import Uses, find_uses
from mlxtop.change.privilege import Access
from mlxtop.link_type.card import (
    Card,
    PortTypes,
    Refused,
    claimed,
    read_config,
    read_lldp_agents,
    read_values,
)
from mlxtop.model.identity import PCI_ADDRESS, Adapter, Function, Port, PortId, PortKind, slot_of
from mlxtop.model.linktype import LinkType, Pending, StoredConfig, parse_port_type
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.sources.kernel.pci import DEVICES
from mlxtop.sources.kernel.sysfs import read_count, read_text
from mlxtop.sources.tools import mstconfig
from mlxtop.sources.tools.card_tool import Trouble, explain, installed
from mlxtop.sources.tools.iproute2 import Address, read_addresses
from mlxtop.sources.tools.mstconfig import Column, ConfigReport
from mlxtop.system.door import System

_INFINIBAND_CLASS = 0x0207
_NOT_STORED = ("ConnectX", "ConnectX-2")
"""Families that mlxconfig never supported."""
_PORT_NAME = re.compile(r"^p(\d)$")
_VIRTUAL = re.compile(r"QEMU|KVM|VMware|VirtualBox|Xen|Bochs|Virtual Machine|EC2|Google Compute")


@dataclass(frozen=True, slots=True)
class LinkTypeSurvey:
    """The state of a machine from which changes are prepared."""

    inventory: Inventory
    cards: tuple[Card, ...]
    uses: Uses
    addresses: tuple[Address, ...] | None = ()
    """None where they cannot be listed."""

    def card_of(self, port: PortId) -> Card:
        """Return the card of a port. Raises Refused where there is none."""
        card = next((card for card in self.cards if card.port(port)), None)
        if card is None:
            raise Refused(f"{port} is no physical port of a card: its type is set where that is")
        return card


def look(
    system: System, rights: Access, ask: bool = False, keys: Collection[str] | None = None
) -> LinkTypeSurvey:
    """Read everything that a change of the cards `keys` depends on; takes seconds."""
    inventory = discover(system)
    cards = survey(system, inventory, rights, ask, keys)
    uses = find_uses(system, inventory, hidden_ports(cards))
    addresses = read_addresses(system)
    known = None if addresses is None else tuple(addresses)
    return LinkTypeSurvey(inventory, cards, uses, known)


def named_ports(inventory: Inventory, word: str) -> tuple[PortId, ...]:
    """Return the ports that a word names exactly; never a guess. Raises Refused.

    `0000:43:00.0/1` and the names of network and RDMA devices name one port, a PCI function all
    of its ports, a slot (`0000:43:00`) all ports of the card in it. The domain may be left out.
    """
    own = [port for port in inventory.ports if port.is_mlx]
    ports = [port for port in own if word in _names(port)]
    ports = ports or [port for port in own if port.rdma == word]
    if len(ports) > 1:
        shared = len({port.rdma_port for port in ports}) < len(ports)  # by the members of a bond
        names = ", ".join(
            port.name if shared else f"{port.rdma}/{port.rdma_port}" for port in ports
        )
        places = {port.function for port in ports}
        every = places.pop() if len(places) == 1 else slot_of(ports[0].function or "")
        raise Refused(f"{word} has several ports: {names}; {every} means all of them")
    if not ports:
        place = word.lower() if word.count(":") == 2 else f"0000:{word.lower()}"
        ports = [port for port in own if place in (port.function, slot_of(port.function or ""))]
    if not ports:
        raise Refused(f"{word}: no such port; mlxtop link-type lists them")
    return tuple(port.id for port in ports)


def _names(port: Port) -> set[str | None]:
    short = str(port.id).removeprefix("0000:")
    return {str(port.id), short, port.netdev, f"{port.rdma}/{port.rdma_port}"} - {None}


def survey(
    system: System,
    inventory: Inventory,
    rights: Access,
    ask: bool = False,
    keys: Collection[str] | None = None,
) -> tuple[Card, ...]:
    """Return every card, or those of `keys`, with the types of its ports; takes seconds a card.

    With `ask` sudo may ask for a password on this terminal; without, no tool that needs one runs.
    """
    ports: dict[str | None, list[Port]] = {}
    for port in inventory.ports:
        if port.kind is PortKind.PHYSICAL:
            ports.setdefault(port.adapter, []).append(port)
    cards = []
    for adapter in inventory.adapters:
        if adapter.functions and (keys is None or adapter.key in keys):
            card = _read_card(system, adapter, ports.get(adapter.key, []))
            if card.ports:
                cards.append(_ask_card(system, inventory, card, rights, ask))
    return tuple(cards)


def _read_card(system: System, adapter: Adapter, ports: list[Port]) -> Card:
    """Return a card with what the kernel knows of its physical ports; runs no tool."""
    functions = {function.address: function for function in adapter.functions}
    types = []
    for port in ports:
        function = functions.get(port.function or "")
        kind = None
        if port.function is not None and PCI_ADDRESS.fullmatch(port.function):
            path = f"{DEVICES}/{port.function}/mlx4_port{port.id.number}"
            kind = parse_port_type(read_text(system, path))
        now = kind.active if kind else _mlx5_type(function, port)
        types.append(PortTypes(port, now, kind.configured if kind else None))
    switchable = bool(types) and all(port.configured is not None for port in types)
    reasons = []
    if switchable and any(read_count(system, f"{DEVICES}/{f}/sriov_numvfs") for f in functions):
        switchable = False
        reasons.append("SR-IOV is on: the driver takes no other port type until it is off")
    device = adapter.functions[0].address
    return Card(adapter, device, tuple(types), switchable=switchable, reasons=tuple(reasons))


def _mlx5_type(function: Function | None, port: Port) -> LinkType | None:
    """Return the type from the PCI class, which the mlx5 driver sets by the type it started."""
    if function is None or not (port.driver or "").startswith("mlx5"):
        return None
    return LinkType.IB if function.pci_class >> 8 == _INFINIBAND_CLASS else LinkType.ETH


def hidden_ports(cards: Iterable[Card]) -> tuple[PortId, ...]:
    """Return Ethernet ports without a network device here: the guard cannot see their uses."""
    return tuple(
        port.id
        for card in cards
        for port in card.ports
        if port.now is LinkType.ETH and port.port.netdev is None and port.port.driver is not None
    )


def _ask_card(system: System, inventory: Inventory, card: Card, rights: Access, ask: bool) -> Card:
    """Add the stored configuration, from the first tool that answers."""
    reasons = list(card.reasons)
    stores = card.adapter.family not in _NOT_STORED
    tools = [tool for tool in mstconfig.TOOLS if system.which(tool)]
    for tool in tools:
        try:
            with claimed(system, card, rights, ask) as root:
                report = read_config(root, tool, card.device)
        except (Refused, OSError) as error:
            who = "" if isinstance(error, Refused) else f"{tool}: "
            reasons.append(f"{who}{error.args[-1] if error.args else error}")
            break
        if report.parameters:
            return _with_config(system, inventory, replace(card, tool=tool), report)
        reasons.append(_explain(system, card, tool, report))
        if report.trouble is Trouble.NO_PARAMETER:
            stores = False
            break
    if not tools:
        missing = "neither mstconfig (package mstflint) nor mlxconfig (NVIDIA MFT) is installed"
        reasons.append(missing)
    return replace(card, reasons=tuple(reasons), unanswered=reasons[-1] if stores else None)


def _explain(system: System, card: Card, tool: str, report: ConfigReport) -> str:
    """Return why a tool did not answer for this card, and what would help."""
    family = card.adapter.family
    match report.trouble:
        case Trouble.NO_PARAMETER:
            return "this firmware has no LINK_TYPE: the card has one link type only"
        case Trouble.UNSUPPORTED if family in _NOT_STORED:
            return f"{family} keeps no link type; the driver alone changes it"
        case Trouble.UNSUPPORTED if card.mlx4:
            return f"this {tool} no longer supports {family}: mstflint 4.25 is the last"
        case Trouble.UNSUPPORTED:
            return f"this {tool} does not support {family}: try a newer mstflint"
    return f"{tool}: {explain(system, report.error or 'its output is not understood')}"


def _with_config(system: System, inventory: Inventory, card: Card, report: ConfigReport) -> Card:
    numbers = tuple(n for n in range(1, 9) if f"LINK_TYPE_P{n}" in report.parameters)
    next_boot = {n: report.link_type(n, Column.NEXT) for n in numbers}
    stored = {n: kind for n, kind in next_boot.items() if kind is not None}
    card = replace(card, parameters=numbers, stored=stored)
    ports = []
    for port in card.ports:
        if unclear := _unclear(system, inventory, card, report, port):
            ports.append(replace(port, unclear=unclear))
            continue
        number = _number(card, port)
        types = replace(
            port,
            parameter=number,
            next_boot=next_boot[number],
            default=report.link_type(number, Column.DEFAULT),
            current=report.link_type(number, Column.CURRENT),
            read_only=report.parameters[f"LINK_TYPE_P{number}"].read_only,
        )
        ports.append(types)
    return replace(card, ports=tuple(ports))


def _number(card: Card, port: PortTypes) -> int:
    """Return the number of a port on its card: on mlx5 port n + 1 is function n."""
    return port.id.number if card.mlx4 else int((port.port.function or "0")[-1]) + 1


def _unclear(
    system: System, inventory: Inventory, card: Card, report: ConfigReport, port: PortTypes
) -> str | None:
    """Return why LINK_TYPE_Pn may not be that of port n; None where it is."""
    number = _number(card, port)
    if number not in card.parameters:
        function = "" if card.mlx4 else f" for function {number - 1}"
        return f"the card has no LINK_TYPE_P{number}{function}"
    if card.mlx4:
        return None
    link = inventory.links.get(port.port.ifindex or 0)
    name = _PORT_NAME.match((link.port_name if link else None) or "")
    if name is not None and int(name[1]) + 1 != number:
        return f"function {number - 1} calls itself {name[0]}: it is unclear which port it is"
    alone = len(card.ports) == 1 and card.parameters == (1,)
    if name is not None or alone or _types_differ(card, report):
        return None
    numbers = sorted(_number(card, other) for other in card.ports)
    if numbers != list(card.parameters) or _virtual_machine(system):
        return (
            "nothing confirms which of its ports this function is (InfiniBand has no "
            "phys_port_name); both ports can be set together"
        )
    return None


def _types_differ(card: Card, report: ConfigReport) -> bool:
    """Tell whether the firmware started the ports with types that fit in this order only."""
    current = {n: report.link_type(n, Column.CURRENT) for n in card.parameters}
    fits = all(p.now is not None and current.get(_number(card, p)) is p.now for p in card.ports)
    return fits and len(card.ports) == len(current) == len(set(current.values()))


def _virtual_machine(system: System) -> bool:
    """Tell whether a hypervisor gave out the PCI addresses, so that functions may be renumbered."""
    if re.search(r"^flags\s*:.*\bhypervisor\b", read_text(system, "/proc/cpuinfo") or "", re.M):
        return True
    names = [read_text(system, f"/sys/class/dmi/id/{n}") for n in ("sys_vendor", "product_name")]
    return any(name and _VIRTUAL.search(name) for name in names)


def read_stored(system: System, inventory: Inventory) -> StoredConfig:
    """Return what the one card of an inventory stores, a fact of every sample; as root only.

    Parameters without an answer are left out. sudo would report each question to administrators.
    """
    cards = survey(system, inventory, Access.ROOT)
    if not cards:
        return StoredConfig()
    (card,) = cards
    pending = {
        port.id: Pending(port.current or port.now or port.next_boot, port.next_boot)
        for port in card.ports
        if port.pending and port.next_boot is not None
    }
    speed: dict[str, str] = {}
    agents: dict[PortId, str] = {}
    tool = card.tool or installed(system, mstconfig.TOOLS)
    if card.unanswered is None and tool is not None and not card.mlx4:
        with suppress(OSError, Refused), claimed(system, card, Access.ROOT) as root:
            speed = read_values(root, tool, card.device)
            placed = enumerate(card.ports, 1)  # cards without link types have no parameter to go by
            numbers = {p.parameter or place: p.id for place, p in placed if p.unclear is None}
            texts = read_lldp_agents(root, tool, card.device, min(len(card.ports), 2))
            agents = {numbers[n]: text for n, text in texts.items() if n in numbers}
    return StoredConfig(pending, speed, card.unanswered, agents)
