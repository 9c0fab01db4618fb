"""Error correction and bit errors: what the firmware says, and what the driver counts."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.counters import Origin
from mlxtop.model.module import LinkReport
from mlxtop.present import units
from mlxtop.present.heat import age
from mlxtop.present.text import Line, Role, Section
from mlxtop.present.view import View, fact

LANES = 8


def link_quality(view: View) -> list[Section]:
    """The section, where there is anything to say."""
    lines = [*_counted(view)]
    report = view.now.now.report
    if report is not None:
        lines += _reported(view, report)
    elif (why := view.why().get("report")) is not None:
        lines.append(fact("firmware", None, why))
    return [Section("Signal", tuple(lines))] if lines else []


def _counted(view: View) -> Iterator[Line]:
    """What the driver's own counters say of error correction, since the start."""
    corrected = _since_start(view, "rx_corrected_bits_phy")
    lost = _since_start(view, "rx_pcs_symbol_err_phy")
    if corrected is not None:
        yield fact("corrected", f"{units.count(corrected)} bits", note="since the start")
    if lost is not None:
        role = Role.WARNING if lost else Role.TEXT
        yield fact("not corrected", f"{units.count(lost)} symbols", role=role)
    lanes = [_since_start(view, f"rx_err_lane_{lane}_phy") for lane in range(LANES)]
    if any(lane is not None for lane in lanes):
        text = ", ".join(units.count(lane) for lane in lanes if lane is not None)
        yield fact("errors by lane", text, note="before correction")


def _since_start(view: View, key: str) -> int | None:
    now, start = (table.get(Origin.DRIVER) for table in (view.now.now.readings, view.now.start))
    if now is None or start is None:
        return None
    value, first = now.get(key), start.get(key)
    if value is None or first is None:
        return None
    return value - first if value >= first else value


def _reported(view: View, report: LinkReport) -> Iterator[Line]:
    if report.recommendation is not None:
        role = Role.GOOD if report.healthy else Role.WARNING
        yield fact("advice", report.recommendation, role=role, note=_opcode(report))
    state = ", ".join(filter(None, (report.state, report.physical_state)))
    yield fact("firmware says", state or None, "nothing", note=_lanes(report))
    yield fact("FEC", report.fec, "it does not say")
    if report.raw_ber is not None or report.effective_ber is not None:
        text = f"{_ber(report.raw_ber)} before, {_ber(report.effective_ber)} after correction"
        yield fact("bit error rate", text, note=_since(report))
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
    yield fact("source", report.source, role=Role.DIM, note=age(view, report.tick))


def _opcode(report: LinkReport) -> str:
    return "" if not report.opcode else f"opcode {report.opcode}"


def _lanes(report: LinkReport) -> str:
    return " ".join(filter(None, (report.speed, report.width)))


def _ber(rate: float | None) -> str:
    """A bit error rate; the firmware's 15E-255 stands for none at all."""
    if rate is None:
        return units.NONE
    return "0" if rate < 1e-50 else f"{rate:.0e}"


def _since(report: LinkReport) -> str:
    if report.minutes is None:
        return ""
    return f"in {units.duration(round(report.minutes * 60))}"
