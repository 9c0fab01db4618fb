"""Packet sizes of PCI Express, from the configuration space; all but 64 bytes need root.

PCI Express Base Specification, 7.5.3 (capability 0x10); /sys/bus/pci/devices/…/config
"""

from __future__ import annotations

import errno
import os

from mlxtop.model.tuning import PciControl
from mlxtop.system.door import System

_POINTER, _STATUS = 0x34, 0x06
_CAPABILITY_LIST = 0x10
_EXPRESS = 0x10
_RELAXED = 0x10
OPEN_TO_ALL = 64
"""Bytes of the configuration space that everyone may read."""


def _word(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 2], "little")


def parse_config(data: bytes) -> PciControl | None:
    """Packet sizes of a PCI Express function; None where the bytes do not hold them."""
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
    """Sizes are 128 bytes shifted by three bits; 6 and 7 are reserved."""
    supported, mps, mrrs = capability & 7, control >> 5 & 7, control >> 12 & 7
    if max(supported, mps, mrrs) > 5:
        return None
    return PciControl(128 << mps, 128 << supported, 128 << mrrs, bool(control & _RELAXED))


def read_config(system: System, path: str) -> PciControl:
    """Packet sizes of the function in a sysfs directory. Raises OSError: EPERM without root."""
    data = system.read(f"{path}/config")
    if len(data) <= OPEN_TO_ALL:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    control = parse_config(data)
    if control is None:
        raise OSError(errno.ENODATA, "no PCI Express capability in the configuration space")
    return control


def is_dead(system: System, path: str) -> bool:
    """Whether a function no longer answers: every byte of its configuration space is 0xff."""
    try:
        head = system.read(f"{path}/config")[:OPEN_TO_ALL]
    except OSError:
        return False
    return bool(head) and head.count(0xFF) == len(head)
