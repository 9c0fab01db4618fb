"""Cards that are there but do not work, and changes that wait for a restart."""

from __future__ import annotations

from mlxtop.doctor.by_design import speaks_for
from mlxtop.doctor.check import (
    ALWAYS,
    CARD,
    PORT,
    CardCase,
    Case,
    Nothing,
    Outcomes,
    PortCase,
    card_name,
    check,
)
from mlxtop.doctor.from_log import card_incidents, log_advice, log_evidence
from mlxtop.model.identity import PortKind

_PCI = "https://docs.kernel.org/PCI/sysfs-pci.html"
_DEVLINK = "https://docs.kernel.org/networking/devlink/devlink-info.html"
_IPOIB = "https://docs.kernel.org/infiniband/ipoib.html"
_ETHERNET = 0x020000
"""Class of a function whose driver mlx5_core makes a network device without other modules."""
_FIRST_AID = (
    "switch the machine off and on again (a reboot alone keeps the card's power); check the extra"
    " 12 V supply of M.2 and riser adapters, seating, and PCIe clock gating in the BIOS"
)


@check(
    "cards answer and have a driver",
    needs=ALWAYS,
    explains="A card that answers has its vendor number in the first bytes of its configuration"
    " space; one without power or after a crash reads as all ones there. A driver (mlx4_core up to"
    " ConnectX-3, mlx5_core later) makes network and RDMA devices of it.",
    normal="driver bound, no byte pattern of ones; without a port only the second of two functions"
    " that one network device uses (multi-PF)",
)
def _cards(case: Case) -> Outcomes:
    for card in case.cards():
        dead = [f.address for f in card.adapter.functions if f.address in case.host.dead]
        if dead:
            yield card.critical(
                f"the configuration space of {', '.join(dead)} reads as all ones",
                "the card is listed but no longer answers: no power, a crash, or overheated",
                f"echo 1 > /sys/bus/pci/devices/{dead[0]}/remove; echo 1 > /sys/bus/pci/rescan;"
                f" if it stays so, {_FIRST_AID}",
                _PCI,
            )
        elif not card_incidents(card) and (speaker := speaks_for(case, card.adapter)):
            reason = (
                f"the second function of a network device over two (multi-PF), here that of"
                f" {card_name(speaker)}, is silent by design; else its device is in another"
                " network namespace"
            )
            yield card.unknown("ports", reason)
        elif card.adapter.state is not None:
            yield from _without_port(card, card.adapter.state)
    if case.frame.sample.adapters:
        return
    if case.each():
        yield Nothing(CARD.missing)
    else:
        reason = "no ConnectX adapter on the PCI bus; if there should be one: echo 1 >"
        yield case.unknown("cards", f"{reason} /sys/bus/pci/rescan; then {_FIRST_AID}")


def _without_port(card: CardCase, state: str) -> Outcomes:
    """Yield the finding of a card that works but has no port for this machine."""
    family, driver = card.adapter.family, card.adapter.driver or ""
    module = "mlx4_core" if family.startswith(("ConnectX-2", "ConnectX-3")) else "mlx5_core"
    judge, why = card.critical, "the card cannot carry traffic"
    if driver == "vfio-pci":
        judge, why = card.note, "the host does not see its ports"
        advice = "look at them in the virtual machine"
    elif driver == "mlx5_core" and card.adapter.functions[0].pci_class == _ETHERNET:
        advice = f"ip netns list shows other namespaces; dmesg | grep {driver} tells what failed"
    elif driver.startswith("mlx"):
        advice = (
            f"modprobe {module.replace('_core', '_ib')} && modprobe ib_ipoib; ip netns list shows"
            " other namespaces"
        )
    else:
        advice = f"modprobe {module}; then dmesg | grep {module}; if it fails, {_FIRST_AID}"
    place = f"/sys/bus/pci/devices/{card.adapter.functions[0].address}/driver"
    if reasons := card_incidents(card):
        missing = "no network or RDMA device" if driver else "no driver is bound"
        evidence = "; ".join(log_evidence(one) for one in reasons)
        yield card.critical(f"{missing} ({place}): {evidence}", why, log_advice(reasons), _PCI)
    else:
        yield judge(f"{state} ({place})", why, advice, _PCI)


@check(
    "ports have network devices",
    needs=PORT,
    explains="A port in InfiniBand mode carries IP only with the module ib_ipoib; without it there"
    " is an RDMA device and no ib0.",
    normal="ib_ipoib loaded where IP is wanted",
)
def _netdev(port: PortCase) -> Outcomes:
    identity, host = port.now.port, port.case.host
    has_netdev = identity.netdev is not None or identity.extra_netdevs
    if has_netdev or identity.kind is not PortKind.PHYSICAL or not port.is_infiniband:
        return
    if host.modules is None:
        yield port.unknown("ib_ipoib", host.absent.get("modules", "not read"))
    elif "ib_ipoib" not in host.modules:
        yield port.note(
            "an InfiniBand port without network device; module ib_ipoib is not loaded"
            " (/sys/module)",
            "RDMA works, IP does not",
            "modprobe ib_ipoib; to keep it: echo ib_ipoib > /etc/modules-load.d/ipoib.conf",
            _IPOIB,
        )


def _restart(card: CardCase) -> str:
    """Return what makes a card start anew."""
    if card.adapter.is_dpu:
        return "switch the machine off and on (in DPU mode the card runs on over a reboot)"
    return "reboot"


@check(
    "firmware in flash is the running one",
    needs=CARD,
    explains="Burning new firmware writes it to flash; the card goes on with the old one until it"
    " is reset or the machine is restarted.",
    normal="both versions the same; a BlueField needs a power cycle, as it runs on over a reboot",
)
def _firmware(card: CardCase) -> Outcomes:
    runs, stored = card.adapter.firmware, card.adapter.firmware_stored
    if runs is None or stored is None:
        key = "firmware" if runs is None else "firmware_stored"
        yield card.unknown("firmware in flash", card.adapter.absent.get(key, "not told"))
    elif runs != stored:
        yield card.warning(
            f"firmware {runs} runs, {stored} is in flash (devlink dev info)",
            "the new firmware does nothing until the card restarts",
            f"{_restart(card)}, or mstfwreset -d {card.adapter.functions[0].address} reset (takes"
            " all its links down for a minute)",
            _DEVLINK,
        )


@check(
    "no link type is pending",
    needs=CARD.whole,
    explains="The link type of VPI cards, InfiniBand or Ethernet, is stored in the card and read"
    " when it starts. A change waits there for the next start.",
    normal="type now and type of the next start the same",
)
def _link_type(case: Case) -> Outcomes:
    for card in case.cards():
        if reason := card.stored.unanswered:
            yield card.unknown("pending link type", reason)
    cards = {port: card for card in case.cards() for port in card.stored.pending}
    for port in case.each():
        owner = cards.get(port.now.port.id)
        pending = owner.stored.pending[port.now.port.id] if owner else None
        if owner and pending is not None and pending.now is not pending.next:
            start = "power cycle" if owner.adapter.is_dpu else "reboot"
            yield port.warning(
                f"{pending.now.words} now, {pending.next.words} after the next start (mstconfig)",
                f"after a {start} the port changes its type, and with it its name",
                f"{_restart(owner)} to have it, or mlxtop link-type {port.name} {pending.now} to"
                " keep what is now",
                "man mstconfig",
            )
