"""Prepare a change of link types: the method, the plan, what it breaks, or why it is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mlxtop.change.guard import Hazard
from mlxtop.change.plan import Command, Plan, Switch
from mlxtop.link_type.card import Card, PortTypes, Refused
from mlxtop.link_type.survey import LinkTypeSurvey
from mlxtop.model.identity import PCI_ADDRESS, Port, PortId
from mlxtop.model.linktype import LinkType

REVERT_SECONDS = 60
"""Time to confirm a change that acts at once."""


class Method(StrEnum):
    """Ways to change a link type."""

    NOW = "mlx4_portN"
    """By the mlx4 driver, at once; not kept over a reboot."""
    STORED = "mstconfig"
    """In the card's configuration, from the next boot on."""
    RESET = "mstfwreset"
    """Firmware reset: the stored type takes effect."""
    PERSIST = "modprobe"
    """A settings file from which the mlx4 driver takes its types at every start."""


class NothingToDo(Refused):
    """The type is as wanted already."""


@dataclass(frozen=True, slots=True)
class Change:
    """A plan with its card, ports and hazards, ready to be shown and carried out."""

    plan: Plan
    card: Card
    method: Method
    wanted: Mapping[PortId, LinkType]
    """New types; empty for a reset."""
    affected: tuple[PortId, ...]
    """Ports that stop working because of it, now or at the next boot."""
    hazards: tuple[Hazard, ...] = ()
    then: Change | None = None
    """A change that is made as soon as a person has confirmed this one."""

    @property
    def endangered(self) -> tuple[PortId, ...]:
        """Return the ports whose names a person has to type before the change is made."""
        named: set[PortId] = set()
        for hazard in self.hazards:
            named |= set(self.wanted or self.affected) if hazard.ports is None else hazard.ports
        return tuple(port for port in self.affected if port in named)


def methods(card: Card, ports: Collection[PortId]) -> tuple[Method, ...]:
    """Return the methods that work for these ports, the one to prefer first."""
    usable = []
    types = [port for port in card.ports if port.id in ports]
    if card.switchable:
        usable.append(Method.NOW)
    # for all ports of the card it does not matter which parameter is whose
    if card.parameters and (len(types) == len(card.ports) or all(t.parameter for t in types)):
        usable.append(Method.STORED)
    return tuple(usable)


def prepare(
    survey: LinkTypeSurvey,
    card: Card,
    wanted: Mapping[PortId, LinkType],
    method: Method | None = None,
) -> Change:
    """Return the change that gives ports their wanted types. Raises Refused.

    Without `method` the first of `methods` is used.
    """
    types = _checked(card, wanted)
    usable = methods(card, wanted)
    chosen = method or next(iter(usable), None)
    if chosen is None or chosen not in usable:
        raise Refused(_why_not(card, types, chosen))
    now = chosen is Method.NOW
    affected = tuple(port.id for port in card.ports) if now else tuple(wanted)
    plan = (_plan_now if now else _plan_stored)(card, types, wanted)
    plan = replace(plan, breaks=breaks_of(survey, card, affected, wanted))
    return Change(plan, card, chosen, wanted, affected, survey.uses.of(affected))


def _checked(card: Card, wanted: Mapping[PortId, LinkType]) -> list[PortTypes]:
    """Return the wanted ports of the card. Raises Refused where one of them cannot get its type."""
    if not PCI_ADDRESS.fullmatch(card.device):
        raise Refused(f"{card.device!r} is no PCI address")
    types = [port for port in card.ports if port.id in wanted]
    if not types or len(types) != len(wanted):
        raise Refused("not all of these ports are on this card")
    if not card.mlx4 and LinkType.AUTO in wanted.values():
        raise Refused(f"{card.adapter.family} has no auto-sensing: ib or eth")
    return types


def _why_not(card: Card, types: Sequence[PortTypes], method: Method | None) -> str:
    unclear = [f"{port.id}: {port.unclear}" for port in types if port.unclear]
    reasons = [*card.reasons, *unclear]
    if method is Method.NOW and not card.mlx4:
        reasons.insert(0, f"{card.adapter.family} cannot change its type while it runs")
    elif card.mlx4 and not card.switchable:
        reasons.insert(0, "the mlx4 driver offers no mlx4_portN here")
    return "; ".join(reasons) or "this card's link type cannot be changed"


def _names(ports: Sequence[PortTypes]) -> str:
    return " and ".join(f"{port.id} ({port.port.name})" for port in ports)


def _title(types: Sequence[PortTypes], wanted: Mapping[PortId, LinkType]) -> str:
    kinds = list(dict.fromkeys(wanted[port.id].words for port in types))
    return f"{_names(types)}: {' and '.join(kinds)}"


def _plan_now(card: Card, types: Sequence[PortTypes], wanted: Mapping[PortId, LinkType]) -> Plan:
    changing = [port for port in types if port.configured is not wanted[port.id]]
    if not changing:
        raise NothingToDo(f"{_names(types)}: already so")
    pairs = tuple((port.id.number, wanted[port.id]) for port in changing)
    old = tuple((p.id.number, p.configured) for p in changing if p.configured is not None)
    if len(old) != len(pairs):
        raise Refused("the present type cannot be read, so it could not be brought back")
    step = Switch(card.device, pairs, old, REVERT_SECONDS)
    notes = ["lost at the next boot, unless it is stored too"]
    if any(kind is LinkType.AUTO for _, kind in pairs):
        notes.append("auto goes by what the cable brings, and may choose again while it is down")
    return Plan(
        _title(changing, wanted),
        (step,),
        undo=(replace(step, types=old),),
        takes_effect=f"at once; taken back after {REVERT_SECONDS} s unless you confirm",
        notes=tuple(notes),
    )


def _plan_stored(card: Card, types: Sequence[PortTypes], wanted: Mapping[PortId, LinkType]) -> Plan:
    if card.tool is None:
        raise Refused("no tool answered for this card")
    if frozen := [port for port in types if port.read_only]:
        raise Refused(f"{_names(frozen)}: the card marks its link type as read-only")
    values, before = _settings(card, types, wanted)
    if values == before:
        raise NothingToDo(f"{_names(types)}: already so from the next boot on")
    store, restore = (
        tuple(f"LINK_TYPE_P{n}={kind.number}" for n, kind in sorted(numbered.items()))
        for numbered in (values, before)
    )
    words = (card.tool, "-d", card.device, "-y", "set")
    return Plan(
        _title(types, wanted),
        (Command((*words, *store), "store the new type in the card"),),
        undo=(Command((*words, *restore), "as before"),) if before else (),
        takes_effect="with a firmware reset, or after a power cycle: in DPU mode not at a reboot"
        if card.adapter.is_dpu
        else "at the next boot, or with a firmware reset",
    )


def _settings(
    card: Card, types: Sequence[PortTypes], wanted: Mapping[PortId, LinkType]
) -> tuple[dict[int, LinkType], dict[int, LinkType]]:
    """Return the LINK_TYPE_Pn to set by n, and their values for the next boot as they are now."""
    if all(port.parameter is not None for port in types):
        pairs = [(p.parameter, wanted[p.id], p.next_boot) for p in types if p.parameter]
        return {n: new for n, new, _ in pairs}, {n: old for n, _, old in pairs if old}
    kinds = set(wanted.values())
    if len(kinds) != 1:
        raise Refused(_why_not(card, types, Method.STORED))
    return dict.fromkeys(card.parameters, kinds.pop()), dict(card.stored)


def breaks_of(
    survey: LinkTypeSurvey,
    card: Card,
    affected: Collection[PortId],
    wanted: Mapping[PortId, LinkType],
) -> tuple[str, ...]:
    """Return what the change interrupts or removes, a line each."""
    lines: list[str] = []
    for types in card.ports:
        if types.id not in affected:
            continue
        if wanted and types.id not in wanted:
            lines.append(f"{types.id}: the other port is registered anew too, down for seconds")
        lines += _port_breaks(survey, types.port)
        if count := survey.uses.connections.get(types.id, 0):
            lines.append(f"{types.id}: {count} TCP connection{'s' * (count > 1)} run through it")
    if survey.addresses is None:
        lines.append("addresses cannot be listed, `ip` does not answer: note them before they go")
    return tuple(dict.fromkeys(lines))


def _port_breaks(survey: LinkTypeSurvey, port: Port) -> list[str]:
    lines = []
    for name in filter(None, (port.netdev, *port.extra_netdevs)):
        given = [a.text for a in survey.addresses or () if a.device == name]
        has = f" with {', '.join(given)}" if given else ""
        lines.append(f"network device {name}{has} goes; a new one may have another name")
    for name in filter(None, (port.rdma, *port.extra_rdma)):
        lines.append(f"RDMA device {name} goes; a new one may have another name")
    if port.bond:
        lines.append(f"{port.bond_kind or 'bond'} {port.bond} loses {port.netdev}")
    above = [k.name for k in survey.inventory.links.values() if k.link and k.link == port.ifindex]
    lines += [f"{name} on top of it goes" for name in above if name not in port.extra_netdevs]
    if port.vfs:
        lines.append(f"{port.vfs} virtual functions lose their link")
    return lines
