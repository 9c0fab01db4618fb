"""PCI functions: links up to the root, error counts, packet sizes, interrupts, firmware versions.

drivers/pci/pci-sysfs.c; Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats
PCI Express Base Specification, 7.5.3 (capability 0x10); all but 64 bytes of `config` need root
Documentation/core-api/irq/irq-affinity.rst; drivers name their queues' interrupts
`mlx5_comp3@pci:0000:43:00.0`, `mlx4-3@0000:03:00.0`, `eth0-3`
https://docs.kernel.org/networking/devlink/devlink-info.html
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from mlxtop.model.identity import PCI_ADDRESS, slot_of
from mlxtop.model.number import COUNT, parse_cores, real, whole
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import AerError, PcieStatus
from mlxtop.model.tuning import Interrupt, PciControl
from mlxtop.sources.kernel.sysfs import (
    ask_or_none,
    parse_count,
    parse_hex,
    read_count,
    read_text,
)
from mlxtop.system.answers import Fields
from mlxtop.system.door import Answer, Question, System, os_error

DEVICES = "/sys/bus/pci/devices"

_SPEED = re.compile(r"([\d.]{1,9})\s*GT/s")
_AER = ("aer_dev_correctable", "aer_dev_nonfatal", "aer_dev_fatal")
_AER_ROOT = ("total_err_cor", "total_err_nonfatal", "total_err_fatal")


def card_lock(system: System, function: str) -> str:
    """Return the directory whose lock says that a tool is at work on a card: its first function's.

    Tools run one at a time on a card, since they share its command interface and semaphore.
    """
    for number in range(8):
        path = f"{DEVICES}/{slot_of(function)}.{number}"
        with suppress(OSError):
            system.real(path)
            return path
    return f"{DEVICES}/{function}"


def parse_speed(text: str | None) -> float | None:
    """Return GT/s of a link-speed file; None for `Unknown`.

    >>> parse_speed("8.0 GT/s PCIe"), parse_speed("8 GT/s"), parse_speed("Unknown")
    (8.0, 8.0, None)
    """
    match = _SPEED.search(text or "")
    return real(match[1]) if match else None


def parse_width(text: str | None) -> int | None:
    """Return lanes of a link-width file; None for the 0 and 255 of an unknown width."""
    width = parse_count(text)
    return width if width and 0 < width <= 32 else None


def parse_aer(text: str | None) -> dict[str, int]:
    """Return errors by short name, without totals; the count is after the last blank.

    >>> parse_aer("RxErr 0\\nBad TLP 3\\nTOTAL_ERR_COR 3\\n")
    {'Bad TLP': 3}
    """
    counts = {}
    for line in (text or "").splitlines():
        name, _, count = line.strip().rpartition(" ")
        value = parse_count(count)
        if name and value and value > 0 and not name.startswith("TOTAL_ERR"):
            counts[name] = value
    return counts


_HYPERVISORS = (0x1B36, 0x15AD)
"""Vendors of emulated ports: QEMU, VMware."""


def ancestry(path: str) -> list[str]:
    """Return canonical directories from a PCI device up to its root port."""
    directories = []
    while PCI_ADDRESS.fullmatch(path.rpartition("/")[2]):
        directories.append(path)
        path = path.rpartition("/")[0]
    return directories


def _read_link(system: System, place: str) -> PcieLink:
    return PcieLink(
        device=place.rpartition("/")[2],
        speed=parse_speed(read_text(system, f"{place}/current_link_speed")),
        width=parse_width(read_text(system, f"{place}/current_link_width")),
        max_speed=parse_speed(read_text(system, f"{place}/max_link_speed")),
        max_width=parse_width(read_text(system, f"{place}/max_link_width")),
    )


def read_pcie(system: System, path: str) -> PcieStatus:
    """Return links, ASPM and errors of a slot; those of its link often land on the port above."""
    absent = {}
    places = ancestry(path)
    own = _read_link(system, path)
    above = ((place, _read_link(system, place)) for place in places if place != path)
    real = (link for place, link in above if not _is_made_up(system, place, link, own))
    links = tuple(link for link in (own, *real) if link.mbps or link.capable_mbps)
    if not links:
        absent["pcie"] = "no PCIe link in sysfs: a virtual machine, or integrated in the chipset"
    texts = {place: [read_text(system, f"{place}/{kind}") for kind in _AER] for place in places[:2]}
    aer = {
        AerError(place.rpartition("/")[2], name): count
        for place, kinds in texts.items()
        for text in kinds
        for name, count in parse_aer(text).items()
    }
    root = places[-1] if places else path
    for kind in _AER_ROOT:
        count = read_count(system, f"{root}/aer_rootport_{kind}")
        if count and count > 0:
            aer[AerError(root.rpartition("/")[2], kind)] = count
    if not any(text is not None for kinds in texts.values() for text in kinds):
        absent["aer"] = "no AER here: not supported, or handled by the firmware"
    outside = read_text(system, f"{path}/removable")
    return PcieStatus(
        PciePath(links),
        read_aspm(system, path),
        aer,
        absent,
        root=_identity(system, root) if root != path else None,
        removable=None if outside in (None, "unknown") else outside == "removable",
    )


def _is_made_up(system: System, path: str, link: PcieLink, below: PcieLink) -> bool:
    """Return whether a hypervisor's port shows less than the device below it, which is real.

    Where the device does not tell its link, as a virtual function of a guest, nothing is real.
    QEMU's ports show 2.5 GT/s x1 unless they are told otherwise, VMware's 5 GT/s x32.
    """
    less = not below.mbps or (link.mbps or 0) < below.mbps
    return less and parse_hex(read_text(system, f"{path}/vendor")) in _HYPERVISORS


def _identity(system: System, path: str) -> str | None:
    """Return vendor and device of a function, `8086:6f08`."""
    vendor, device = (
        parse_hex(read_text(system, f"{path}/{name}")) for name in ("vendor", "device")
    )
    return None if vendor is None or device is None else f"{vendor:04x}:{device:04x}"


def read_aspm(system: System, path: str) -> str | None:
    """Return `off` or the states that are enabled on the card's link, or None without the files."""
    states = {state: read_text(system, f"{path}/link/{state}_aspm") for state in ("l0s", "l1")}
    if all(value is None for value in states.values()):
        return None
    return " ".join(s.upper() for s, value in states.items() if value == "1") or "off"


_POINTER, _STATUS = 0x34, 0x06
_CAPABILITY_LIST = 0x10
_EXPRESS = 0x10
_RELAXED = 0x10
OPEN_TO_ALL = 64
"""Bytes of the configuration space that everyone may read."""


def _word(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 2], "little")


def parse_config(data: bytes) -> PciControl | None:
    """Return packet sizes of a PCI Express function; None where the bytes do not hold them."""
    if len(data) <= OPEN_TO_ALL or not _word(data, _STATUS) & _CAPABILITY_LIST:
        return None
    place = data[_POINTER] & 0xFC
    for _ in range(48):
        if place < OPEN_TO_ALL or place + 10 > len(data):
            return None
        if data[place] == _EXPRESS:
            return _control(_word(data, place + 4), _word(data, place + 8))
        place = data[place + 1] & 0xFC
    return None


def _control(capability: int, control: int) -> PciControl | None:
    """Return sizes, 128 bytes shifted by three bits; 6 and 7 are reserved."""
    supported, mps, mrrs = capability & 7, control >> 5 & 7, control >> 12 & 7
    if max(supported, mps, mrrs) > 5:
        return None
    return PciControl(128 << mps, 128 << supported, 128 << mrrs, bool(control & _RELAXED))


def read_config(system: System, path: str) -> PciControl:
    """Return packet sizes of the function in a directory. Raises OSError: EPERM without root."""
    data = system.read(f"{path}/config")
    if len(data) <= OPEN_TO_ALL:
        raise os_error(errno.EPERM)
    control = parse_config(data)
    if control is None:
        raise OSError(errno.ENODATA, "no PCI Express capability in the configuration space")
    return control


def is_dead(system: System, path: str) -> bool:
    """Return whether a function no longer answers: all of its configuration space is 0xff."""
    try:
        head = system.read(f"{path}/config")[:OPEN_TO_ALL]
    except OSError:
        return False
    return bool(head) and head.count(0xFF) == len(head)


_ROW = re.compile(r"\s*+(\d{1,9}):.*?(\S++)\s*+$", re.ASCII)
_NO_QUEUE = re.compile(r"async|cmd|pages|ctrl|aux|fw|asynchronous", re.IGNORECASE)


def parse_interrupts(text: str) -> dict[int, str]:
    """Return number to handler's name, the last word of a row of /proc/interrupts.

    >>> parse_interrupts("      CPU0\\n 64:  5  PCI-MSI 1-edge  mlx5_comp0@pci:0000:43:00.0\\n")
    {64: 'mlx5_comp0@pci:0000:43:00.0'}
    """
    rows = (_ROW.match(line) for line in text.splitlines())
    return {int(row[1]): row[2] for row in rows if row}


def read_interrupts(
    system: System, path: str, handlers: Mapping[int, str]
) -> tuple[Interrupt, ...]:
    """Return the interrupts of a function's queues. Raises OSError where it has none at all.

    Those for commands and events are left out, since they carry no packets.
    """
    interrupts = []
    numbers = (whole(name, COUNT) for name in system.list(f"{path}/msi_irqs"))
    for number in sorted(number for number in numbers if number is not None):
        name = handlers.get(number, "")
        if not name or _NO_QUEUE.search(name.partition("@")[0]):
            continue
        text = read_text(system, f"/proc/irq/{number}/effective_affinity_list")
        cpus = parse_cores(text) or parse_cores(
            read_text(system, f"/proc/irq/{number}/smp_affinity_list")
        )
        interrupts.append(Interrupt(number, name, cpus))
    return tuple(interrupts)


class DeviceInfo(NamedTuple):
    """Firmware of one device as devlink tells it."""

    psid: str | None = None
    running: str | None = None
    stored: str | None = None
    """Version in flash: differs from `running` until a reset or reboot activates it."""
    part: str | None = None
    serial: str | None = None
    """The card's serial number: the same for all of its functions."""


def parse_devlink(answer: Answer) -> dict[str, DeviceInfo]:
    """Return a DEVLINK_INFO answer by PCI address; other busses are left out."""
    devices = {}
    for handle, device in Fields(answer).members():
        bus, _, address = handle.partition("/")
        fixed, running, stored = map(device.fields, ("fixed", "running", "stored"))
        if bus == "pci":
            devices[address] = DeviceInfo(
                psid=fixed.text("fw.psid"),
                running=running.text("fw.version") or running.text("fw"),
                stored=stored.text("fw.version") or stored.text("fw"),
                part=fixed.text("board.id") or fixed.text("board.part_number"),
                serial=device.text("serial"),
            )
    return devices


def read_devlink(system: System) -> dict[str, DeviceInfo]:
    """Return the firmware of every devlink device; none where the kernel has no devlink."""
    return parse_devlink(ask_or_none(system, Question.DEVLINK_INFO))
