"""The pluggable module: who made it, what each lane sends and gets, and what it complains of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import localtime, strftime

from mlxtop.model.module import Bound, Identity, Module, Quantity, Thresholds, dbm, signals
from mlxtop.present import units
from mlxtop.present.text import Line, Role, Run, Section, fit
from mlxtop.present.view import View, age, below, fact

_CELL = 10
_COLUMNS = {Quantity.RX_POWER: "RX dBm", Quantity.TX_POWER: "TX dBm", Quantity.BIAS: "bias mA"}


def module(view: View) -> list[Section]:
    """Return sections about the module, or why nothing can be read of it."""
    plugged = view.now.now.module
    if plugged is None:
        why = view.why().get("module") or "no way to read the module of this port"
        return [Section("Module", (fact("module", None, why),))]
    sections = [Section("Module", tuple(_about(view, plugged)))]
    if plugged.lanes:
        sections.append(Section("Lanes", tuple(_lanes(plugged))))
    return sections


def _about(view: View, plugged: Module) -> Iterator[Line]:
    who = plugged.identity
    name = " ".join(filter(None, (who.vendor, who.part, who.revision and f"rev {who.revision}")))
    yield fact("module", name or None, "it does not say", note=who.identifier or "")
    made = f"made {who.date}" if who.date else ""
    yield fact("serial number", who.serial, "it does not say", note=made)
    if who.firmware is not None:
        yield fact("firmware", who.firmware)
    for text in who.types[:4] or (None,):
        yield fact("type", text, "it does not say")
    yield fact("medium", _medium(who), "it does not say")
    yield fact("power", _power(who), "it does not say")
    if who.attenuation:
        losses = ", ".join(f"{loss:g} dB at {name}" for name, loss in who.attenuation.items())
        yield fact("attenuation", losses)
    if plugged.state is not None:
        bad = plugged.state not in ("ready", "low power")
        yield fact("state", plugged.state, role=Role.WARNING if bad else Role.TEXT)
    if plugged.voltage is not None:
        bound = plugged.crossings(Quantity.VOLTAGE)[0]
        limits = _limits(plugged.thresholds.get(Quantity.VOLTAGE), "V")
        yield fact("voltage", f"{plugged.voltage:.3f} V", role=_role(bound), note=limits)
    if plugged.rx_power_type == "OMA":
        yield fact("received power", "OMA", note="modulation amplitude, not the average")
    yield from _flags(view, plugged)
    for field, reason in plugged.refused.items():
        yield from below("refused", f"{field}: {reason}", view.columns, Role.WARNING)
    yield fact("source", plugged.source, role=Role.DIM, note=age(view, plugged.tick))


def _medium(who: Identity) -> str | None:
    """Return `1310 nm DFB, LC, 2 km SMF`."""
    parts = [who.technology]
    if who.wavelength and str(round(who.wavelength)) not in (who.technology or ""):
        parts.append(f"{who.wavelength:g} nm")
    parts.append(who.connector)
    parts += [
        f"{length / 1000:g} km {medium}" if length >= 1000 else f"{length:g} m {medium}"
        for medium, length in who.lengths.items()
    ]
    return ", ".join(filter(None, parts)) or None


def _power(who: Identity) -> str | None:
    power_class = f"class {who.power_class}" if who.power_class else None
    most = f"{who.max_power:g} W at most" if who.max_power else None
    return ", ".join(filter(None, (power_class, most))) or None


def _flags(view: View, plugged: Module) -> Iterator[Line]:
    """Yield what the module signals now, and what it signalled since it was first read."""
    if plugged.flags is None:
        yield fact("signals", None, "the module does not tell, or root is needed")
        return
    now = sorted(plugged.flags, key=str)
    for text in signals(now) or ["none"]:
        yield fact("signals", text, role=Role.WARNING if now else Role.GOOD)
    sample = view.frame.sample
    past = {flag: tick for flag, tick in plugged.seen.items() if flag not in plugged.flags}
    for tick in sorted(set(past.values())):
        when = strftime("%H:%M:%S", localtime(sample.wall - (sample.tick - tick)))
        for text in signals(flag for flag, then in past.items() if then == tick):
            yield fact("signalled", text, note=f"seen since {when}, not now")


def _lanes(plugged: Module) -> Iterator[Line]:
    yield (
        (fit("lane", 6), Role.HEAD),
        *((_right(title), Role.HEAD) for title in _COLUMNS.values()),
    )
    crossings = {quantity: plugged.crossings(quantity) for quantity in _COLUMNS}
    for place, lane in enumerate(plugged.lanes):
        cells = (_cell(q, lane.value(q), bounds[place]) for q, bounds in crossings.items())
        yield ((fit(str(place + 1), 6), Role.DIM), *cells)
    spreads = [plugged.imbalance(quantity) for quantity in (Quantity.RX_POWER, Quantity.TX_POWER)]
    if any(spread is not None for spread in spreads):
        texts = [units.NONE if spread is None else f"{spread:.1f} dB" for spread in spreads]
        yield _footer("apart", texts)
    for title, level in (("alarm", "alarm"), ("warn", "warning")):
        limits = [_span(plugged.thresholds.get(quantity), level, quantity) for quantity in _COLUMNS]
        if any(limits):
            yield _footer(title, limits)


def _footer(title: str, cells: Iterable[str]) -> Line:
    return ((fit(title, 6), Role.DIM), *((_right(cell or units.NONE), Role.DIM) for cell in cells))


def _right(text: str) -> str:
    return fit(text, _CELL, right=True) + "  "


def _cell(quantity: Quantity, value: float | None, bound: Bound | None) -> Run:
    if value is None:
        return _right(units.NONE), Role.FAINT
    if quantity is Quantity.BIAS:
        text = f"{value:.2f}"
    else:
        level = dbm(value)
        text = "dark" if level is None else f"{level:.2f}"
    mark = " " if bound is None else "!" if bound.is_alarm else "▲"
    return fit(text, _CELL, right=True) + mark + " ", _role(bound)


def _role(bound: Bound | None) -> Role:
    if bound is None:
        return Role.TEXT
    return Role.CRITICAL if bound.is_alarm else Role.WARNING


def _span(limits: Thresholds | None, level: str, quantity: Quantity) -> str:
    """Return the low and the high limit of a level, `alarm` or `warning`."""
    if limits is None:
        return ""
    ends = [getattr(limits, f"{end}_{level}") for end in ("low", "high")]
    if quantity is not Quantity.BIAS:
        ends = [None if value is None else dbm(value) for value in ends]
    return "…".join(units.NONE if value is None else f"{value:.3g}" for value in ends)


def _limits(limits: Thresholds | None, unit: str) -> str:
    if limits is None or limits.low_alarm is None or limits.high_alarm is None:
        return ""
    return f"{limits.low_alarm:.3g} to {limits.high_alarm:.3g} {unit}"
