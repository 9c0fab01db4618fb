"""What the drivers told the kernel log: power, health, heat and modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome
from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind

_LOG = "dmesg; drivers/net/ethernet/mellanox in the kernel"

_ADVICE: Mapping[IncidentKind, tuple[str, str]] = {
    IncidentKind.POWER: (
        "the card may not power its modules, or not start at all",
        "connect the extra 12 V supply of the riser or M.2 adapter, or use a full slot",
    ),
    IncidentKind.HEALTH: (
        "the card's firmware failed; links drop and commands hang",
        "note the lines for the maker, then power the machine off and on; look for new firmware",
    ),
    IncidentKind.OVERHEAT: (
        "the card or module was over its limit, and may have switched itself off",
        "improve the airflow; look at the temperatures under load",
    ),
    IncidentKind.MODULE_FAULT: (
        "the module does not work or was refused",
        "reseat it, try it in another port, then replace it",
    ),
}
_MENDED: Mapping[IncidentKind, tuple[IncidentKind, ...]] = {
    IncidentKind.MODULE_FAULT: (IncidentKind.MODULE_PLUGGED, IncidentKind.LINK_UP),
}
"""What later event shows that it is over."""


def check_log(case: Case) -> Iterator[Outcome]:
    """The newest trouble of each kind for each device, if nothing shows that it is over."""
    if reason := case.absent.get("kernel log"):
        yield CouldNotTell("kernel log", reason)
    names: dict[str, str] = {}
    for name, frame, _ in case.each():
        for key in (frame.now.port.function, frame.now.port.netdev):
            if key:
                names.setdefault(key, name)
    last: dict[tuple[str, IncidentKind], Incident] = {}
    for incident in case.incidents:
        owner = names.get(incident.device or "") or names.get(incident.ifname or "")
        if owner is None:
            continue
        for kind, signs in _MENDED.items():
            if incident.kind in signs:
                last.pop((owner, kind), None)
        if incident.kind in _ADVICE and incident.severity is not Severity.NOTE:
            last[owner, incident.kind] = incident
    for (name, kind), incident in last.items():
        why, advice = _ADVICE[kind]
        yield Finding(
            incident.severity,
            name,
            f"{incident.text} ({incident.source}{_when(incident)})",
            why,
            advice,
            _LOG,
        )


def _when(incident: Incident) -> str:
    return "" if incident.tick is None else f", {incident.tick:.0f} s after the start"
