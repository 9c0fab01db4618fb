"""What link types the cards of a machine have, and by which way they could get others.

The way is found by asking the card, not by its name: mlx4 drivers have `mlx4_portN` files, cards
from ConnectX-3 on have LINK_TYPE_Pn in their configuration or say that they have not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from mlxtop.change.privilege import LOCK_SECONDS, Access, NotAllowed
from mlxtop.link_type.stored import read_config
from mlxtop.model.identity import Adapter, Function, Port, PortId, PortKind
from mlxtop.model.linktype import LinkType, PortType, parse_port_type
from mlxtop.sampler.discover import Inventory
from mlxtop.sources.kernel.pci import DEVICES, card_lock
from mlxtop.sources.kernel.sysfs import ADDRESS, names, read_count, read_text
from mlxtop.sources.tools import mstconfig
from mlxtop.sources.tools.mstconfig import Column, ConfigReport, Trouble
from mlxtop.system.door import REGISTERS, System

_INFINIBAND_CLASS = 0x0207
_NOT_STORED = ("ConnectX", "ConnectX-2")
"""Families that mlxconfig never knew."""
_ONE_TYPE = "this firmware has no LINK_TYPE: the card has one link type only"
_PORT_NAME = re.compile(r"^p(\d)$")
_VIRTUAL = re.compile(r"QEMU|KVM|VMware|VirtualBox|Xen|Bochs|Virtual Machine|EC2|Google Compute")


@dataclass(frozen=True, slots=True)
class PortTypes:
    """A port's link types, as far as they are known."""

    port: Port
    now: LinkType | None
    """What the port is: InfiniBand or Ethernet."""
    configured: LinkType | None = None
    """mlx4: what `mlx4_portN` says, auto included."""
    parameter: int | None = None
    """n of its LINK_TYPE_Pn; None where it does not exist or it is unclear which it is."""
    unclear: str | None = None
    """Why it is unclear which parameter is this port's."""
    next_boot: LinkType | None = None
    default: LinkType | None = None
    current: LinkType | None = None
    """What the firmware started with."""
    read_only: bool = False

    @property
    def id(self) -> PortId:
        """The port's identity."""
        return self.port.id

    @property
    def pending(self) -> bool:
        """The next boot brings another type, as far as it is known what this one brought.

        On mlx4 it is not: the driver may have changed types since.
        """
        before = self.current or (self.now if self.configured is None else None)
        return self.next_boot is not None and before is not None and self.next_boot != before


@dataclass(frozen=True, slots=True)
class Card:
    """An adapter with the link types of its ports."""

    adapter: Adapter
    device: str
    """PCI address that tools are pointed at: the first physical function."""
    ports: tuple[PortTypes, ...]
    tool: str | None = None
    """mstconfig or mlxconfig, whichever answered for this card."""
    parameters: tuple[int, ...] = ()
    """The LINK_TYPE_Pn that the card has."""
    stored: Mapping[int, LinkType] = field(default_factory=dict)
    """LINK_TYPE_Pn to the type of the next boot."""
    switchable: bool = False
    """`mlx4_portN` takes types at once."""
    asked: bool = False
    """The stored configuration was asked for, with or without success."""
    reasons: tuple[str, ...] = ()
    """Why a way is not open, and what would help."""

    @property
    def unanswered(self) -> str | None:
        """Why the stored configuration is not known; None where it is, or where there is none."""
        stored = self.adapter.family not in _NOT_STORED and _ONE_TYPE not in self.reasons
        return self.reasons[-1] if stored and self.tool is None and self.reasons else None

    @property
    def mlx4(self) -> bool:
        """A card of the mlx4 driver: ConnectX-3 and older."""
        return (self.adapter.driver or "").startswith("mlx4")

    def port(self, wanted: PortId) -> PortTypes | None:
        """The types of one port."""
        return next((port for port in self.ports if port.id == wanted), None)


@contextmanager
def claimed(system: System, card: Card) -> Iterator[None]:
    """Be the only tool on a card, on a card in two slots too. Raises BlockingIOError.

    Not being root, this holds nothing: see `sudo_locks`.
    """
    with ExitStack() as stack:
        for slot in _slots(system, card):
            stack.enter_context(system.claim(slot, LOCK_SECONDS))
        yield


def sudo_locks(system: System, card: Card, rights: Access) -> tuple[str, ...]:
    """The files that commands through sudo lock while they work on a card."""
    if rights is not Access.SUDO:
        return ()
    slots = _slots(system, card)
    return tuple(f"{slot}/{REGISTERS}" for slot in slots if REGISTERS in names(system, slot))


def at_work(error: BlockingIOError) -> str:
    """Why nothing can be done with a card now: who holds its lock."""
    return f"another tool is at work on this card: {error.strerror}"


def _slots(system: System, card: Card) -> list[str]:
    """The directories whose locks say that a tool is at work, in the order to take them."""
    return sorted({card_lock(system, function.address) for function in card.adapter.functions})


def survey(
    system: System,
    inventory: Inventory,
    rights: Access,
    ask: bool = False,
    keys: Collection[str] | None = None,
) -> tuple[Card, ...]:
    """Every card, or those of `keys`, with the types of its ports; runs tools, seconds a card.

    With `ask` sudo may ask for a password on this terminal; without, what needs one is left out.
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
    """What can be read of a card and its physical ports without a tool."""
    functions = {function.address: function for function in adapter.functions}
    types = []
    for port in ports:
        function = functions.get(port.function or "")
        kind = _mlx4_type(system, port)
        now = kind.active if kind else _mlx5_type(function, port)
        types.append(PortTypes(port, now, kind.configured if kind else None))
    switchable = bool(types) and all(port.configured is not None for port in types)
    reasons = []
    if switchable and any(read_count(system, f"{DEVICES}/{f}/sriov_numvfs") for f in functions):
        switchable = False
        reasons.append("SR-IOV is on: the driver takes no other port type until it is off")
    return Card(
        adapter, min(functions), tuple(types), switchable=switchable, reasons=tuple(reasons)
    )


def _mlx4_type(system: System, port: Port) -> PortType | None:
    if port.function is None or not ADDRESS.fullmatch(port.function):
        return None
    return parse_port_type(
        read_text(system, f"{DEVICES}/{port.function}/mlx4_port{port.id.number}")
    )


def _mlx5_type(function: Function | None, port: Port) -> LinkType | None:
    """The class of a function of mlx5 follows the type that it was started with."""
    if function is None or not (port.driver or "").startswith("mlx5"):
        return None
    infiniband = function.pci_class >> 8 == _INFINIBAND_CLASS
    return LinkType.IB if infiniband else LinkType.ETH


def hidden_ports(cards: Iterable[Card]) -> tuple[PortId, ...]:
    """Ethernet ports without a network device here: what uses them cannot be seen."""
    return tuple(
        port.id
        for card in cards
        for port in card.ports
        if port.now is LinkType.ETH and port.port.netdev is None and port.port.driver is not None
    )


def _ask_card(system: System, inventory: Inventory, card: Card, rights: Access, ask: bool) -> Card:
    """Add what the stored configuration says."""
    tools = [tool for tool in mstconfig.TOOLS if system.which(tool)]
    reasons = list(card.reasons)
    if not tools:
        reasons.append(
            "neither mstconfig (package mstflint) nor mlxconfig (NVIDIA MFT) is installed"
        )
        return replace(card, reasons=tuple(reasons))
    for tool in tools:
        try:
            with claimed(system, card):
                locks = sudo_locks(system, card, rights)
                report = read_config(system, tool, card.device, rights, ask, locks=locks)
        except BlockingIOError as error:
            reasons.append(at_work(error))
            break
        except (NotAllowed, OSError) as error:
            reasons.append(f"{tool}: {error.args[-1] if error.args else error}")
            break
        if report.trouble is None and report.parameters:
            return _with_config(system, inventory, replace(card, tool=tool, asked=True), report)
        reasons.append(_explain(system, card, tool, report))
        if report.trouble is Trouble.NO_PARAMETER:
            break
    return replace(card, asked=True, reasons=tuple(reasons))


def _explain(system: System, card: Card, tool: str, report: ConfigReport) -> str:
    """Why a tool did not answer for this card, and what would help."""
    match report.trouble:
        case Trouble.NO_PARAMETER:
            return _ONE_TYPE
        case Trouble.UNSUPPORTED if card.adapter.family in _NOT_STORED:
            return f"{card.adapter.family} keeps no link type; the driver alone changes it"
        case Trouble.UNSUPPORTED if card.mlx4:
            return (
                f"this {tool} no longer supports {card.adapter.family}: mstflint 4.25 is the last"
            )
        case Trouble.UNSUPPORTED:
            return f"this {tool} does not support {card.adapter.family}: try a newer mstflint"
        case Trouble.NO_ACCESS if _locked_down(system):
            return (
                f"{tool} cannot open the card: kernel lockdown (Secure Boot) forbids it; "
                "mstflint 4.30 with fwctl (kernel 6.15), or Secure Boot off, would help"
            )
    return f"{tool}: {report.error or 'said nothing that is understood'}"


def _locked_down(system: System) -> bool:
    text = read_text(system, "/sys/kernel/security/lockdown") or ""
    return "[integrity]" in text or "[confidentiality]" in text


def _with_config(system: System, inventory: Inventory, card: Card, report: ConfigReport) -> Card:
    numbers = tuple(n for n in range(1, 9) if f"LINK_TYPE_P{n}" in report.parameters)
    next_boot = {n: report.link_type(n, Column.NEXT) for n in numbers}
    stored = {n: kind for n, kind in next_boot.items() if kind is not None}
    card = replace(card, parameters=numbers, stored=stored)
    mapping = (
        _mlx4_parameters(card) if card.mlx4 else _mlx5_parameters(system, inventory, card, report)
    )
    ports = []
    for port in card.ports:
        number = mapping.get(port.id)
        if not isinstance(number, int):
            ports.append(replace(port, unclear=number))
            continue
        row = report.parameters[f"LINK_TYPE_P{number}"]
        ports.append(
            replace(
                port,
                parameter=number,
                next_boot=report.link_type(number, Column.NEXT),
                default=report.link_type(number, Column.DEFAULT),
                current=report.link_type(number, Column.CURRENT),
                read_only=row.read_only,
            )
        )
    return replace(card, ports=tuple(ports))


def _mlx4_parameters(card: Card) -> dict[PortId, int | str]:
    """On mlx4 both count ports of one function."""
    return {
        port.id: port.id.number
        if port.id.number in card.parameters
        else f"the card has no LINK_TYPE_P{port.id.number}"
        for port in card.ports
    }


def _mlx5_parameters(
    system: System, inventory: Inventory, card: Card, report: ConfigReport
) -> dict[PortId, int | str]:
    """On mlx5 a function is a port, and its number + 1 that of the port; see `_confirmed`."""
    numbers = {port.id: int((port.port.function or "0")[-1]) + 1 for port in card.ports}
    found: dict[PortId, int | str] = {}
    for port in card.ports:
        link = inventory.links.get(port.port.ifindex or 0)
        named = _PORT_NAME.match((link.port_name if link else None) or "")
        number = numbers[port.id]
        if number not in card.parameters:
            found[port.id] = f"the card has no LINK_TYPE_P{number} for function {number - 1}"
        elif named is not None and int(named[1]) + 1 != number:
            found[port.id] = (
                f"function {number - 1} calls itself {named[0]}: it is unclear which port it is"
            )
        elif named is not None or _alone(card) or _told_apart(card, numbers, report):
            found[port.id] = number
        elif sorted(numbers.values()) != list(card.parameters) or _virtual_machine(system):
            found[port.id] = (
                "nothing confirms which of its ports this function is (InfiniBand has no "
                "phys_port_name); both ports can be set together"
            )
        else:
            found[port.id] = number
    return found


def _alone(card: Card) -> bool:
    """A card of one port that is seen as one function."""
    return len(card.ports) == 1 and card.parameters == (1,)


def _told_apart(card: Card, numbers: Mapping[PortId, int], report: ConfigReport) -> bool:
    """The types that the firmware started with differ between ports, and fit in this order only."""
    current = {n: report.link_type(n, Column.CURRENT) for n in card.parameters}
    fits = all(
        port.now is not None and current.get(numbers[port.id]) is port.now for port in card.ports
    )
    return fits and len(card.ports) == len(current) == len(set(current.values()))


def _virtual_machine(system: System) -> bool:
    """Whether PCI addresses are a hypervisor's and functions may have been dealt out anew."""
    if re.search(r"^flags\s*:.*\bhypervisor\b", read_text(system, "/proc/cpuinfo") or "", re.M):
        return True
    names = [read_text(system, f"/sys/class/dmi/id/{n}") for n in ("sys_vendor", "product_name")]
    return any(name and _VIRTUAL.search(name) for name in names)
