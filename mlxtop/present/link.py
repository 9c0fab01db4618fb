"""Page 2: the link, the module in the cage, and how hot both ends of it are."""

from __future__ import annotations

from shlex import quote

from mlxtop.model.sample import LinkLayer, LinkState
from mlxtop.present import units
from mlxtop.present.columns import link_runs
from mlxtop.present.events import port_events
from mlxtop.present.heat import temperatures
from mlxtop.present.linkreport import link_quality
from mlxtop.present.module import module
from mlxtop.present.text import Role, Section
from mlxtop.present.view import View, fact, prose

ADVICE = {
    LinkState.DOWN: "No signal from the other side: cable, module, or the peer's port is off.",
    LinkState.ADMIN_DOWN: "Switched off here: ip link set {name} up",
    LinkState.NO_MODULE: "The cage is empty, or the module is not seated.",
    LinkState.MODULE_FAULT: "The module reports a fault: reseat it, try another one.",
    LinkState.OVERHEAT: "The module was switched off because of heat: cool it, then reseat it.",
    LinkState.INIT: "Physically up, but no subnet manager has configured the port: start opensm "
    "on one of the hosts, or on the switch.",
    LinkState.POLLING: "Looking for a partner: cable, or the peer is off.",
    LinkState.LOST: "The device no longer answers: see the kernel log; a power cycle may help.",
}


def link(view: View) -> list[Section]:
    """The sections of the page."""
    sections = [_link(view)]
    if view.now.now.link.layer is LinkLayer.INFINIBAND:
        sections.append(_infiniband(view))
    return [*sections, temperatures(view), *module(view), *link_quality(view), *port_events(view)]


def _link(view: View) -> Section:
    now, why = view.now.now, view.why()
    state = now.link
    ((text, role),) = link_runs(state.state)
    lines = [fact("state", text, role=role, note=state.detail or "")]
    if state.state in ADVICE:
        advice = ADVICE[state.state].format(name=quote(now.port.name))
        lines.extend(prose(advice, view.columns))
    speed = None if state.speed is None else units.bits_per_second(state.speed).strip()
    note = state.rate if state.layer is LinkLayer.INFINIBAND else ""
    lines += [
        fact("link layer", state.layer, why.get("link_layer", "")),
        fact("physical state", state.phys_state, why.get("phys_state", "")),
        fact("data rate", speed, why.get("speed_mbps", ""), note=note or ""),
        fact("MTU", state.mtu, why.get("mtu", "")),
        fact("carrier changes", state.carrier_changes, why.get("carrier_changes", "")),
        fact("address", state.address, why.get("address", "")),
    ]
    return Section("Link", tuple(lines))


def _infiniband(view: View) -> Section:
    state, why = view.now.now.link, view.why()
    manager = state.sm_lid
    lines = [
        fact("LID", state.lid, why.get("lid", "")),
        fact(
            "subnet manager",
            "none" if manager == 0 else None if manager is None else f"LID {manager}",
            why.get("sm_lid", ""),
            role=Role.WARNING if manager == 0 else Role.TEXT,
        ),
        fact("rate", state.rate, why.get("rate", ""), note="signalling; data rate is above"),
        fact("IPoIB mode", state.ipoib_mode, why.get("ipoib_mode", "no IPoIB device")),
    ]
    return Section("InfiniBand", tuple(lines))
