"""Who is at the other end of a port by LLDP: switch, port, and what they say of the link."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.lldp import LldpNeighbour
from mlxtop.present import units
from mlxtop.present.text import Line, Role, Section, clean
from mlxtop.present.view import View, age, below, fact


def neighbours(view: View) -> list[Section]:
    """Return the section about LLDP; none on InfiniBand, which has none."""
    if view.now.now.link.is_infiniband:
        return []
    told = view.derived.neighbours
    lines: list[Line] = []
    for place, one in enumerate(told.value or ()):
        lines += [(), *_about(view, one)] if place else _about(view, one)
    if told.value is None:
        lines += below("neighbour", f"{units.NONE}  {told.absent}", view.columns)
    elif not told.value:
        lines += below("neighbour", f"{units.NONE}  nobody there has said anything", view.columns)
    if not told.value and (agent := view.derived.lldp_agent):
        text = f"{agent}: the card's firmware may take LLDP frames before this host sees them"
        lines += below("firmware", text, view.columns)
    if told.value is not None and told.tick is not None:
        source = next((one.source for one in told.value), "")
        if told.absent:
            lines += below("not newer", told.absent, view.columns, Role.WARNING)
        lines += (
            [fact("source", source, role=Role.DIM, note=age(view, told.tick))] if source else []
        )
    return [Section("Neighbour by LLDP", tuple(lines))]


def _about(view: View, one: LldpNeighbour) -> Iterator[Line]:
    kind = {True: "switch", False: "host", None: ""}[one.is_switch]
    yield fact("neighbour", clean(one.title), note=kind)
    if one.chassis_description:
        yield from below("", clean(one.chassis_description), view.columns)
    described = one.port_description if one.port_description != one.where else ""
    yield fact("its port", clean(one.where), "it does not say", note=clean(described or ""))
    if one.vlan is not None:
        yield fact("VLAN", one.vlan, note="of frames without a tag")
    if one.mtu is not None:
        yield fact("largest frame", f"{one.mtu} bytes", note="at its end, with the header")
    if one.power is not None:
        yield fact("power", clean(one.power))
