"""The machine itself: name, kernel, processors; and firmware versions from devlink.

https://docs.kernel.org/networking/devlink/devlink-info.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mlxtop.model.identity import Host
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.system.door import Answer, Question, System

_MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_CPU = re.compile(r"^processor\s*:", re.MULTILINE)


def read_host(system: System) -> Host:
    """Name, kernel and processors of the machine."""
    cpuinfo = read_text(system, "/proc/cpuinfo") or ""
    model = _MODEL.search(cpuinfo)
    cpus = len(_CPU.findall(cpuinfo))
    return Host(
        name=read_text(system, "/proc/sys/kernel/hostname") or system.label,
        kernel=read_text(system, "/proc/sys/kernel/osrelease"),
        cpus=cpus or None,
        cpu_model=model[1].strip() if model else None,
        root=system.root,
    )


class DeviceInfo(NamedTuple):
    """Firmware of one device as devlink tells it."""

    psid: str | None
    running: str | None
    stored: str | None
    """Version in flash: differs from `running` until a reset or reboot activates it."""
    part: str | None


def _version(table: object, *keys: str) -> str | None:
    for key in keys:
        if isinstance(table, dict) and isinstance(value := table.get(key), str) and value:
            return value
    return None


def parse_devlink(answer: Answer) -> dict[str, DeviceInfo]:
    """A DEVLINK_INFO answer by PCI address; other busses are left out."""
    found = {}
    for handle, entry in answer.items() if isinstance(answer, dict) else ():
        bus, _, address = str(handle).partition("/")
        if bus != "pci" or not isinstance(entry, dict):
            continue
        found[address] = DeviceInfo(
            psid=_version(entry.get("fixed"), "fw.psid"),
            running=_version(entry.get("running"), "fw.version", "fw"),
            stored=_version(entry.get("stored"), "fw.version", "fw"),
            part=_version(entry.get("fixed"), "board.id", "board.part_number"),
        )
    return found


def read_devlink(system: System) -> dict[str, DeviceInfo]:
    """Firmware of every devlink device; none where the kernel has no devlink."""
    try:
        return parse_devlink(system.ask(Question.DEVLINK_INFO))
    except OSError:
        return {}
