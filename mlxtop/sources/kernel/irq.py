"""Which cores serve a function's interrupts.

Documentation/core-api/irq/irq-affinity.rst; drivers name their queues' interrupts
`mlx5_comp3@pci:0000:43:00.0`, `mlx4-3@0000:03:00.0`, `eth0-3`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlxtop.model.cores import parse_cores
from mlxtop.model.number import COUNT, whole
from mlxtop.model.tuning import Interrupt
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.system.door import System

_ROW = re.compile(r"^\s*(\d{1,9}):", re.ASCII)
_NO_QUEUE = re.compile(r"async|cmd|pages|ctrl|aux|fw|asynchronous", re.IGNORECASE)


def parse_interrupts(text: str) -> dict[int, str]:
    """Number to handler's name, the last word of a row of /proc/interrupts.

    >>> parse_interrupts("      CPU0\\n 64:  5  PCI-MSI 1-edge  mlx5_comp0@pci:0000:43:00.0\\n")
    {64: 'mlx5_comp0@pci:0000:43:00.0'}
    """
    found = {}
    for line in text.splitlines():
        match = _ROW.match(line)
        words = line.split()
        if match and len(words) > 1:
            found[int(match[1])] = words[-1]
    return found


def read_interrupts(
    system: System, path: str, handlers: Mapping[int, str]
) -> tuple[Interrupt, ...]:
    """The queues' interrupts of the function in a sysfs directory. Raises OSError: none at all.

    Those for commands and events are left out, since they carry no packets.
    """
    found = []
    numbers = (whole(name, COUNT) for name in system.list(f"{path}/msi_irqs"))
    for number in sorted(number for number in numbers if number is not None):
        name = handlers.get(number, "")
        if not name or _NO_QUEUE.search(name.partition("@")[0]):
            continue
        text = read_text(system, f"/proc/irq/{number}/effective_affinity_list")
        cpus = parse_cores(text) or parse_cores(
            read_text(system, f"/proc/irq/{number}/smp_affinity_list")
        )
        found.append(Interrupt(number, name, cpus))
    return tuple(found)
