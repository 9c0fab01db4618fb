"""Trouble that the kernel log reports of a port or a card."""

from __future__ import annotations

from collections.abc import Mapping

from mlxtop.doctor.check import ALWAYS, CardCase, Case, Finding, Outcomes, check
from mlxtop.doctor.from_log import CARD_KINDS, card_incidents, log_evidence
from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.watch.settled import card_of

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
    IncidentKind.MODULE_DISABLED: (
        "the module is switched off: no link",
        "look who switched it off: ethtool, mlxlink, the firmware or the power of the slot",
    ),
    IncidentKind.AER: (
        "transfers over PCIe fail or are repeated; the card can fall off the bus",
        "reseat the card, leave out the riser, try another slot",
    ),
    IncidentKind.IOMMU: (
        "the card's transfers to memory were stopped: data is lost",
        "update driver and firmware; look at the set-up of virtual machines",
    ),
    IncidentKind.COMMAND: (
        "driver and tools can no longer manage the card; traffic may go on for a while",
        "reload the driver or reboot; look for new firmware",
    ),
    IncidentKind.DRIVER: (
        "the function has no network or RDMA device",
        "read the lines around it: dmesg | grep mlx; power the machine off and on",
    ),
    IncidentKind.QUEUE: (
        "a queue stands still or was reset: packets are lost",
        "look for lost interrupts; update driver and firmware",
    ),
    IncidentKind.RESET: (
        "new firmware does not run, or the card is not back",
        "reboot; if that does not help, power the machine off and on",
    ),
}
_WHY: Mapping[str, str] = {
    "command": "the firmware refused what the driver or a program asked for; the rest goes on",
    "lockup": "the core does nothing else: queues that it serves stand still",
    "pages-left": "memory of the host is lost until a reboot",
}
"""Why, of causes that are less, or other, than their kind."""
_OF_A_DRIVER = frozenset({"lockup", "pages-left"})
"""Causes of which the kernel names the driver alone."""
_LESS = ("something of the card does not work as it was set up", "dmesg | grep mlx")
"""Why, and what to do, of other kinds."""
_BY_STATE = frozenset(
    {
        IncidentKind.LINK_DOWN,
        IncidentKind.LINK_UP,
        IncidentKind.MODULE_UNPLUGGED,
        IncidentKind.ADDED,
        IncidentKind.REMOVED,
        IncidentKind.ALARM,
        IncidentKind.LOST,
    }
)
"""Kinds that other checks judge by what is there now."""
_OF_A_PORT = frozenset(
    {
        IncidentKind.MODULE_FAULT,
        IncidentKind.MODULE_DISABLED,
        IncidentKind.QUEUE,
        IncidentKind.IPOIB,
        IncidentKind.RDMA,
    }
)
"""Kinds that are about one port; others are about the card."""
_MENDED: Mapping[IncidentKind, tuple[IncidentKind, ...]] = {
    IncidentKind.MODULE_FAULT: (IncidentKind.MODULE_PLUGGED, IncidentKind.LINK_UP)
}
"""Trouble to the later events that show that it is over."""


@check(
    "kernel log",
    needs=ALWAYS,
    explains="Drivers write to the kernel log when a module is refused, power is missing, the card"
    " is too hot or its firmware has failed.",
    normal="nothing of this since the last start, or a sign that it is over",
)
def _log(case: Case) -> Outcomes:
    if reason := case.absent.get("kernel log"):
        yield case.unknown("kernel log", reason)
    names = _ports_by_name(case)
    cards = {card.adapter.key: card for card in case.cards()}
    newest: dict[tuple[str, str], Incident] = {}
    for incident in case.incidents:
        owner = _owner(incident, case, names, cards)
        if owner is None:
            continue
        for kind, signs in _MENDED.items():
            if incident.kind in signs:
                newest.pop((_port(incident, names) or owner, kind), None)
        if _is_trouble(incident):
            where = (owner, incident.cause or incident.kind)
            newest[where] = _joined(newest.get(where), incident)
    for (name, _), incident in newest.items():
        why, advice = _ADVICE.get(incident.kind, _LESS)
        yield Finding(
            incident.severity,
            name,
            log_evidence(incident),
            _WHY.get(incident.cause, why),
            incident.advice or advice,
            _LOG,
        )


def _ports_by_name(case: Case) -> dict[str, str]:
    names: dict[str, str] = {}
    for port in case.each():
        for key in filter(None, (port.now.port.function, port.now.port.netdev)):
            names.setdefault(key, port.name)
    return names


def _is_trouble(incident: Incident) -> bool:
    """Return whether an incident goes on and no check judges it by what is there now."""
    return (
        incident.severity is not Severity.NOTE
        and incident.until is None
        and incident.source == "kernel log"
        and incident.kind not in _BY_STATE
        and not (incident.kind is IncidentKind.PCIE and incident.cause in ("", "bandwidth"))
    )


def _owner(
    incident: Incident, case: Case, names: Mapping[str, str], cards: Mapping[str, CardCase]
) -> str | None:
    """Return the port or card that an incident is about; None where it is not to be judged.

    A card that is gone, or never came, is told by its address: the log alone knows of it. What
    hinders a card without ports is told with its state.
    """
    adapter = card_of(incident, case.frame)
    port = _port(incident, names)
    if adapter is None and port is None and incident.cause in _OF_A_DRIVER:
        return _of_driver(incident, cards)
    if adapter is None:
        whole = set(case.ports) == set(case.frame.ports)
        lost = incident.kind in CARD_KINDS and incident.device is not None and whole
        return port or (f"card at {incident.device}" if lost and incident.cause else None)
    card = cards.get(adapter.key)
    if port is not None and (incident.kind in _OF_A_PORT or card is None):
        return port
    if card is None or (adapter.state is not None and incident in card_incidents(card)):
        return None
    return card.name


def _of_driver(incident: Incident, cards: Mapping[str, CardCase]) -> str | None:
    """Return the only card of a driver, or the host where there are more of them."""
    driver = incident.details.get("driver", "mlx5")
    names = [card.name for card in cards.values() if (card.adapter.driver or "").startswith(driver)]
    return names[0] if len(names) == 1 else "host" if names else None


def _port(incident: Incident, names: Mapping[str, str]) -> str | None:
    return names.get(incident.ifname or "") or names.get(incident.device or "")


def _joined(before: Incident | None, incident: Incident) -> Incident:
    """Return the worse of two incidents of one cause, with the count of both."""
    if before is None:
        return incident
    worse = before if before.severity is Severity.CRITICAL else incident
    return worse._replace(times=before.times + incident.times)
