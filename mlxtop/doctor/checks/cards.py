"""Cards that are there but do not work, and changes that wait for a restart."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.doctor.check import Case, CouldNotTell, Finding, Nothing, Outcome, card_name
from mlxtop.doctor.checks.needs import needs_card
from mlxtop.model.counters import Severity
from mlxtop.model.identity import Adapter, PortKind
from mlxtop.model.sample import LinkLayer

_PCI = "https://docs.kernel.org/PCI/sysfs-pci.html"
_DEVLINK = "https://docs.kernel.org/networking/devlink/devlink-info.html"
_IPOIB = "https://docs.kernel.org/infiniband/ipoib.html"
_FIRST_AID = (
    "switch the machine off and on again (a reboot alone keeps the card's power); check the extra"
    " 12 V supply of M.2 and riser adapters, seating, and PCIe clock gating in the BIOS"
)


def check_cards(case: Case) -> Iterator[Outcome]:
    """Every card answers and is bound to its driver."""
    for adapter in case.adapters():
        dead = [f.address for f in adapter.functions if f.address in case.tuning.dead]
        if dead:
            yield Finding(
                Severity.CRITICAL,
                card_name(adapter),
                f"the configuration space of {', '.join(dead)} reads as all ones",
                "the card is listed but no longer answers: no power, a crash, or overheated",
                f"echo 1 > /sys/bus/pci/devices/{dead[0]}/remove; echo 1 > /sys/bus/pci/rescan;"
                f" if it stays so, {_FIRST_AID}",
                _PCI,
            )
        elif adapter.state is not None:
            yield _without_port(adapter, adapter.state)
    if not case.frame.sample.adapters and not any(True for _ in case.each()):
        yield CouldNotTell(
            "cards",
            "no ConnectX adapter on the PCI bus; if there should be one: echo 1 >"
            f" /sys/bus/pci/rescan; then {_FIRST_AID}",
        )
    elif not case.frame.sample.adapters:
        yield Nothing("no card")


def _without_port(adapter: Adapter, state: str) -> Finding:
    """A card that works but has no port for this machine."""
    address = adapter.functions[0].address
    if adapter.driver == "vfio-pci":
        return Finding(
            Severity.NOTE,
            card_name(adapter),
            f"{state} (/sys/bus/pci/devices/{address}/driver)",
            "the host does not see its ports",
            "look at them in the virtual machine",
            _PCI,
        )
    module = "mlx4_core" if adapter.family.startswith(("ConnectX-2", "ConnectX-3")) else "mlx5_core"
    if adapter.driver is not None and adapter.driver.startswith("mlx"):
        advice = (
            f"modprobe {module.replace('_core', '_ib')} && modprobe ib_ipoib; ip netns list shows"
            " other namespaces"
        )
    else:
        advice = f"modprobe {module}; then dmesg | grep {module}; if it fails, {_FIRST_AID}"
    return Finding(
        Severity.CRITICAL,
        card_name(adapter),
        f"{state} (/sys/bus/pci/devices/{address}/driver)",
        "the card cannot carry traffic",
        advice,
        _PCI,
    )


def check_netdev(case: Case) -> Iterator[Outcome]:
    """InfiniBand ports carry IP only through ib_ipoib."""
    for name, frame, _ in case.each():
        port = frame.now.port
        if (
            port.netdev is not None
            or port.extra_netdevs
            or port.kind is not PortKind.PHYSICAL
            or frame.now.link.layer is not LinkLayer.INFINIBAND
        ):
            continue
        modules = case.tuning.host.modules
        if modules is None:
            yield CouldNotTell(
                f"{name}: ib_ipoib", case.tuning.host.absent.get("modules", "not read")
            )
        elif "ib_ipoib" not in modules:
            yield Finding(
                Severity.NOTE,
                name,
                "an InfiniBand port without network device; module ib_ipoib is not loaded"
                " (/sys/module)",
                "RDMA works, IP does not",
                "modprobe ib_ipoib; to keep it: echo ib_ipoib > /etc/modules-load.d/ipoib.conf",
                _IPOIB,
            )


@needs_card
def check_firmware(case: Case) -> Iterator[Outcome]:
    """What is in flash is what runs."""
    for adapter in case.adapters():
        if adapter.firmware is None or adapter.firmware_stored is None:
            missing = "firmware" if adapter.firmware is None else "firmware_stored"
            yield CouldNotTell(
                f"{card_name(adapter)}: firmware in flash",
                adapter.absent.get(missing, "not told"),
            )
        elif adapter.firmware != adapter.firmware_stored:
            address = adapter.functions[0].address
            yield Finding(
                Severity.WARNING,
                card_name(adapter),
                f"firmware {adapter.firmware} runs, {adapter.firmware_stored} is in flash"
                " (devlink dev info)",
                "the new firmware does nothing until the card restarts",
                f"reboot, or mstfwreset -d {address} reset (takes all its links down for a minute)",
                _DEVLINK,
            )


@needs_card
def check_link_type(case: Case) -> Iterator[Outcome]:
    """No change of the link type waits for a restart."""
    for adapter in case.adapters():
        if reason := case.unanswered.get(adapter.key):
            yield CouldNotTell(f"{card_name(adapter)}: pending link type", reason)
    for name, frame, _ in case.each():
        pending = case.pending.get(frame.now.port.id)
        if pending is not None and pending.now is not pending.next:
            yield Finding(
                Severity.WARNING,
                name,
                f"{pending.now.words} now, {pending.next.words} after the next start (mstconfig)",
                "after a reboot the port changes its type, and with it its name",
                f"reboot to have it, or mlxtop link-type {name} {pending.now} to keep what is now",
                "man mstconfig",
            )
