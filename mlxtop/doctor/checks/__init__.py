"""The checks of `mlxtop doctor`, a file for each subject."""

from __future__ import annotations

from mlxtop.doctor.check import Check
from mlxtop.doctor.checks import (
    bonds,
    bus,
    cards,
    errors,
    ethernet,
    heat,
    host,
    infiniband,
    link,
    module,
    mtu,
    pcie,
    place,
    queues,
    traffic,
)

_FILES = (
    cards,
    link,
    ethernet,
    infiniband,
    mtu,
    pcie,
    bus,
    queues,
    host,
    place,
    bonds,
    heat,
    module,
    errors,
    traffic,
)
"""In the order of the report."""

CHECKS: tuple[Check, ...] = tuple(
    check for file in _FILES for check in vars(file).values() if isinstance(check, Check)
)
