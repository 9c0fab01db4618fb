"""PCIe: the links from a card to the root, power management and error counts.

drivers/pci/pci-sysfs.c; Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats
"""

from __future__ import annotations

import re
from contextlib import suppress

from mlxtop.model.identity import slot_of
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import AerError, PcieStatus
from mlxtop.sources.kernel.sysfs import ADDRESS, parse_count, read_count, read_text
from mlxtop.system.door import System

DEVICES = "/sys/bus/pci/devices"

_SPEED = re.compile(r"([\d.]{1,9})\s*GT/s")
_AER = ("aer_dev_correctable", "aer_dev_nonfatal", "aer_dev_fatal")
_AER_ROOT = ("total_err_cor", "total_err_nonfatal", "total_err_fatal")


def card_lock(system: System, function: str) -> str:
    """The directory whose lock says that a tool is at work on a card: its first function's.

    Tools run one at a time on a card, since they share its command interface and semaphore.
    """
    slot = slot_of(function)
    for number in range(8):
        with suppress(OSError):
            system.real(f"{DEVICES}/{slot}.{number}")
            return f"{DEVICES}/{slot}.{number}"
    return f"{DEVICES}/{function}"


def parse_speed(text: str | None) -> float | None:
    """GT/s of a link-speed file; None for `Unknown`.

    >>> parse_speed("8.0 GT/s PCIe"), parse_speed("8 GT/s"), parse_speed("Unknown")
    (8.0, 8.0, None)
    """
    match = _SPEED.search(text or "")
    try:
        return float(match[1]) if match else None
    except ValueError:
        return None


def parse_width(text: str | None) -> int | None:
    """Lanes of a link-width file; None for the 0 and 255 of an unknown width."""
    width = parse_count(text)
    return width if width and 0 < width <= 32 else None


def parse_aer(text: str | None) -> dict[str, int]:
    """Errors by short name, without totals; the count is after the last blank.

    >>> parse_aer("RxErr 0\\nBad TLP 3\\nTOTAL_ERR_COR 3\\n")
    {'Bad TLP': 3}
    """
    found = {}
    for line in (text or "").splitlines():
        name, _, count = line.strip().rpartition(" ")
        value = parse_count(count)
        if name and value and value > 0 and not name.startswith("TOTAL_ERR"):
            found[name] = value
    return found


def ancestry(path: str) -> list[str]:
    """Canonical directories from a PCI device up to its root port.

    >>> ancestry("/sys/devices/pci0000:40/0000:40:03.0/0000:43:00.0")[1]
    '/sys/devices/pci0000:40/0000:40:03.0'
    """
    found = []
    while ADDRESS.fullmatch(path.rpartition("/")[2]):
        found.append(path)
        path = path.rpartition("/")[0]
    return found


def read_path(system: System, path: str) -> PciePath:
    """The links of a device (canonical directory) and all bridges above it."""
    links = []
    for place in ancestry(path):
        link = PcieLink(
            device=place.rpartition("/")[2],
            speed=parse_speed(read_text(system, f"{place}/current_link_speed")),
            width=parse_width(read_text(system, f"{place}/current_link_width")),
            max_speed=parse_speed(read_text(system, f"{place}/max_link_speed")),
            max_width=parse_width(read_text(system, f"{place}/max_link_width")),
        )
        if link.mbps is not None or link.capable_mbps is not None:
            links.append(link)
    return PciePath(tuple(links))


def read_pcie(system: System, path: str) -> PcieStatus:
    """Links, ASPM and error counts of a slot; errors of its link often land on the port above."""
    absent = {}
    status = read_path(system, path)
    if not status.links:
        absent["pcie"] = "no PCIe link in sysfs: a virtual machine, or integrated in the chipset"
    aer: dict[AerError, int] = {}
    seen = False
    for place in ancestry(path)[:2]:
        name = place.rpartition("/")[2]
        for kind in _AER:
            text = read_text(system, f"{place}/{kind}")
            seen = seen or text is not None
            aer |= {AerError(name, error): count for error, count in parse_aer(text).items()}
    root = next(reversed(ancestry(path)), path)
    for kind in _AER_ROOT:
        count = read_count(system, f"{root}/aer_rootport_{kind}")
        if count and count > 0:
            aer[AerError(root.rpartition("/")[2], kind)] = count
    if not seen:
        absent["aer"] = "no AER here: not supported, or handled by the firmware"
    return PcieStatus(status, read_aspm(system, path), aer, absent)


def read_aspm(system: System, path: str) -> str | None:
    """`off`, or which states are enabled on the card's link; None where it does not say."""
    states = {state: read_text(system, f"{path}/link/{state}_aspm") for state in ("l0s", "l1")}
    if all(value is None for value in states.values()):
        return None
    return " ".join(s.upper() for s, value in states.items() if value == "1") or "off"
