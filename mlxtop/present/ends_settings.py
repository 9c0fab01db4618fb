"""Tables of both ends of a link with one column an end: errors, settings, and cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlxtop.ends.compare import ALIKE, differs
from mlxtop.model.catalogue import lookup
from mlxtop.model.counters import Origin
from mlxtop.model.pcie import link_words
from mlxtop.model.tuning import PortTuning, settled
from mlxtop.present import units
from mlxtop.present.ends_tables import BothEnds, end_heads, end_pair
from mlxtop.present.link import bit_error_rate
from mlxtop.present.text import Line, Role, Run, clean
from mlxtop.present.view import View

_MOST_LANES = 8
UNEQUAL = "≠"
"""Mark of what has to be the same at both ends and is not."""


def error_lines(ends: BothEnds, columns: int) -> Iterator[Line]:
    """Yield how well each end receives."""
    rows: dict[str, Callable[[View], Run]] = {
        "FEC": _fec,
        "corrected": lambda view: _counted(view, "rx_corrected_bits_phy", Role.TEXT),
        "not corrected": lambda view: _counted(view, "rx_pcs_symbol_err_phy", Role.WARNING),
        "bit error rate": _bit_errors,
        "errors by lane": _lane_errors,
    }
    a, b = ends.views
    told = [(label, cell(a), cell(b)) for label, cell in rows.items()]
    known = [one for one in told if any(role is not Role.FAINT for _, role in one[1:])]
    if not known:
        yield (("neither end tells what it receives badly", Role.DIM),)
        return
    yield end_heads(ends, columns)
    for label, here, there in known:
        yield end_pair(label, here, there, columns)


def _fec(view: View) -> Run:
    told, report = settled(view.now.now.settings, PortTuning).fec, view.now.now.report
    text = told.active if told and told.active else report.fec if report else None
    return (text, Role.TEXT) if text else (f"{units.NONE} not told", Role.FAINT)


def _counted(view: View, key: str, role: Role) -> Run:
    counter = lookup(Origin.DRIVER, key)
    count = None if counter is None else view.now.since_start(counter)
    if counter is None or count is None:
        return f"{units.NONE} not counted", Role.FAINT
    rate = view.now.rate(counter)
    text = f"{units.short(count).strip()} since start"
    if rate:
        text = f"{units.events_per_second(rate).strip()}, {text}"
    return text, role if count else Role.DIM


def _bit_errors(view: View) -> Run:
    report = view.now.now.report
    if report is None or (report.raw_ber is None and report.effective_ber is None):
        return f"{units.NONE} {view.why().get('report', 'not told')}", Role.FAINT
    raw, effective = bit_error_rate(report.raw_ber), bit_error_rate(report.effective_ber)
    return f"{raw} before, {effective} after", Role.TEXT


def _lane_errors(view: View) -> Run:
    counters = (lookup(Origin.DRIVER, f"rx_err_lane_{lane}_phy") for lane in range(_MOST_LANES))
    counts = [view.now.since_start(one) if one is not None else None for one in counters]
    known = [count for count in counts if count is not None]
    if not known:
        return f"{units.NONE} not counted", Role.FAINT
    text = " ".join(units.short(count).strip() for count in known)
    return text, Role.TEXT if any(known) else Role.DIM


# Settings and cards


def setting_lines(ends: BothEnds, columns: int) -> Iterator[Line]:
    """Yield what has to be the same at both ends, and what their cards are."""
    yield end_heads(ends, columns)
    both = ends.sides
    for what, told in ALIKE.items():
        if all(told(side) is None for side in both):
            continue
        unequal = differs(what, both)
        role = Role.WARNING if unequal else Role.TEXT
        texts = [_value(what, told(side)) for side in both]
        a, b = ((text, role if text != units.NONE else Role.FAINT) for text in texts)
        if unequal:
            b = f"{UNEQUAL} {b[0]}", b[1]
        yield end_pair(what, a, b, columns)
    rows: dict[str, Callable[[View], str | None]] = {
        "PCIe": _pcie,
        "card": lambda view: view.adapter.family if view.adapter else None,
        "part number": lambda view: view.adapter.part if view.adapter else None,
        "firmware": lambda view: view.adapter.firmware if view.adapter else None,
        "PSID": lambda view: view.adapter.psid if view.adapter else None,
        "module": _module,
    }
    for label, text_of in rows.items():
        known = [text_of(view) for view in ends.views]
        a, b = ((clean(one), Role.TEXT) if one else (units.NONE, Role.FAINT) for one in known)
        if any(known):
            yield end_pair(label, a, b, columns)


def _value(what: str, value: object) -> str:
    if value is None:
        return units.NONE
    return units.speed(value) if what == "data rate" and isinstance(value, int) else str(value)


def _pcie(view: View) -> str | None:
    path = view.derived.pcie.path if view.derived.pcie else None
    if path is None or not path.links:
        return None
    one = path.limiting or path.links[0]
    card = path.links[0].capability
    return f"{link_words(one.running, card)}".removeprefix("PCIe ")


def _module(view: View) -> str | None:
    module = view.now.now.module
    return module and " ".join(filter(None, (module.identity.vendor, module.identity.part)))
