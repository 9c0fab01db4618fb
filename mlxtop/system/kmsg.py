"""Records of /dev/kmsg.

https://docs.kernel.org/admin-guide/abi-testing.html (Documentation/ABI/testing/dev-kmsg)
"""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.number import COUNT, whole
from mlxtop.system.door import KernelRecord


def parse_record(text: str) -> KernelRecord | None:
    r"""One record: `prio,seq,usec,flags;text`, then ` KEY=value` lines.

    >>> record = parse_record("4,9,1500000,-;mlx5_core: hot\n DEVICE=+pci:0000:43:00.0\n")
    >>> record.seconds, record.text, record.device
    (1.5, 'mlx5_core: hot', '0000:43:00.0')
    """
    head, mark, rest = text.partition(";")
    fields = head.split(",")
    if not mark or len(fields) < 3:
        return None
    level, micros = whole(fields[0], COUNT), whole(fields[2], COUNT)
    if level is None or micros is None:
        return None
    message, *tags = rest.rstrip("\n").split("\n")
    device = subsystem = None
    for tag in tags:
        if tag.startswith(" DEVICE=+"):
            device = tag.removeprefix(" DEVICE=+").partition(":")[2]
        elif tag.startswith(" SUBSYSTEM="):
            subsystem = tag.removeprefix(" SUBSYSTEM=")
    return KernelRecord(micros / 1e6, level & 7, message, device, subsystem)


def parse_kmsg(text: str) -> Iterator[KernelRecord]:
    """Records one after the other, as a capture keeps them; what is no record is skipped."""
    record = ""
    for line in text.splitlines():
        if not line.startswith(" ") and record:
            if (parsed := parse_record(record)) is not None:
                yield parsed
            record = ""
        record += line + "\n"
    if (parsed := parse_record(record)) is not None:
        yield parsed
