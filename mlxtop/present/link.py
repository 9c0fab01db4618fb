"""Page 2: the link, the signal on it, the module in the cage, and how hot both ends of it are."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from mlxtop.model.catalogue import lookup
from mlxtop.model.counters import Origin
from mlxtop.model.module import LinkReport
from mlxtop.model.sample import LinkState
from mlxtop.present import units
from mlxtop.present.health import health
from mlxtop.present.heat import temperatures
from mlxtop.present.module import module
from mlxtop.present.neighbours import neighbours
from mlxtop.present.text import Line, Role, Section
from mlxtop.present.view import View, age, event_line, fact, link_run, prose

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
_LANES = 8
_EVENTS = 8
"""Events on the page."""


def link(view: View) -> list[Section]:
    """Return the sections of the page."""
    sections = [_link(view)]
    if view.now.now.link.is_infiniband:
        sections.append(_infiniband(view))
    sections += [temperatures(view), *health(view), *module(view), *neighbours(view)]
    if signal := tuple(_signal(view)):
        sections.append(Section("Signal", signal))
    if view.events:
        now, newest = view.frame.sample.wall, reversed(view.events[-_EVENTS:])
        lines = (event_line(wall, incident, now) for wall, incident in newest)
        sections.append(Section("Events", tuple(lines)))
    return sections


def _link(view: View) -> Section:
    now, why = view.now.now, view.why()
    state = now.link
    text, role = link_run(state.state)
    lines = [fact("state", text, role=role, note=state.detail or "")]
    if state.state in ADVICE:
        advice = ADVICE[state.state].format(name=quote(now.port.name))
        lines.extend(prose(advice, view.columns))
    speed = None if state.speed is None else units.rate(state.speed).strip()
    note = state.rate if state.is_infiniband else ""
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
    manager = None if state.sm_lid is None else f"LID {state.sm_lid}" if state.sm_lid else "none"
    role = Role.WARNING if manager == "none" else Role.TEXT
    lines = [
        fact("LID", state.lid, why.get("lid", "")),
        fact("subnet manager", manager, why.get("sm_lid", ""), role=role),
        fact("rate", state.rate, why.get("rate", ""), note="signalling; data rate is above"),
        fact("IPoIB mode", state.ipoib_mode, why.get("ipoib_mode", "no IPoIB device")),
    ]
    return Section("InfiniBand", tuple(lines))


def _signal(view: View) -> Iterator[Line]:
    """Yield error correction and bit errors: what the driver counts, what the firmware reports."""
    yield from _counted(view)
    if view.now.now.report is not None:
        yield from _reported(view, view.now.now.report)
    elif "report" in (why := view.why()):
        yield fact("firmware", None, why["report"])


def _counted(view: View) -> Iterator[Line]:
    corrected = _since_start(view, "rx_corrected_bits_phy")
    lost = _since_start(view, "rx_pcs_symbol_err_phy")
    if corrected is not None:
        yield fact("corrected", f"{units.count(corrected)} bits", note="since the start")
    if lost is not None:
        role = Role.WARNING if lost else Role.TEXT
        yield fact("not corrected", f"{units.count(lost)} symbols", role=role)
    lanes = [_since_start(view, f"rx_err_lane_{lane}_phy") for lane in range(_LANES)]
    if any(lane is not None for lane in lanes):
        text = ", ".join(units.count(lane) for lane in lanes if lane is not None)
        yield fact("errors by lane", text, note="before correction")


def _since_start(view: View, key: str) -> int | None:
    counter = lookup(Origin.DRIVER, key)
    return None if counter is None else view.now.since_start(counter)


def _reported(view: View, report: LinkReport) -> Iterator[Line]:
    if report.recommendation is not None:
        role = Role.GOOD if report.healthy else Role.WARNING
        note = f"opcode {report.opcode} {report.group or ''}".strip() if report.opcode else ""
        yield fact("advice", report.recommendation, role=role, note=note)
    state = ", ".join(filter(None, (report.state, report.physical_state)))
    lanes = " ".join(filter(None, (report.speed, report.width)))
    yield fact("firmware says", state or None, "nothing", note=lanes)
    yield fact("FEC", report.fec, "it does not say")
    if report.raw_ber is not None or report.effective_ber is not None:
        raw, effective = map(bit_error_rate, (report.raw_ber, report.effective_ber))
        text = f"{raw} before, {effective} after correction"
        minutes = report.minutes
        since = "" if minutes is None else f"in {units.duration(round(minutes * 60))}"
        yield fact("bit error rate", text, note=since)
    if report.raw_errors:
        text = ", ".join(units.count(count) for count in report.raw_errors)
        yield fact("errors by lane", text, note="before correction, by the tool")
    for label, count in (
        ("effective errors", report.effective_errors),
        ("symbol errors", report.symbol_errors),
        ("link downs", report.link_down),
        ("recoveries", report.recoveries),
    ):
        if count is not None:
            yield fact(label, units.count(count), role=Role.WARNING if count else Role.TEXT)
    if report.caveat is not None:
        yield fact("left out", report.caveat, role=Role.DIM)
    yield fact("source", report.source, role=Role.DIM, note=age(view, report.tick))


def bit_error_rate(rate: float | None) -> str:
    """Return a bit error rate; the firmware's 15E-255 stands for none at all."""
    return units.NONE if rate is None else "0" if rate < 1e-50 else f"{rate:.0e}"
