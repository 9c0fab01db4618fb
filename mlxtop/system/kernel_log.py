"""The kernel log as it grows: /dev/kmsg, or journalctl for those who may not read it.

https://docs.kernel.org/admin-guide/abi-testing.html (Documentation/ABI/testing/dev-kmsg)
"""

from __future__ import annotations

import errno
import os
import re
import select
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Event, Thread

from mlxtop.model.number import COUNT, whole
from mlxtop.system.commands import Commands
from mlxtop.system.dmesg import parse_dmesg
from mlxtop.system.door import Finished, KernelRecord
from mlxtop.system.owner import which

_RECORD = 1 << 14
"""Bytes of a record at most; the kernel's own limit is 8 KiB."""
_RECORD_LINE = re.compile(r"^\d{1,10},\d+,\d+,[^;\n]*;", re.MULTILINE)
_POLL = 5.0
"""Seconds until a `stop` is noticed at the latest: nobody waits for that."""
BACKLOG = 20_000
"""Lines of journalctl that wait at most; the kernel's ring is no longer."""
_REFUSED = "the kernel log needs root, CAP_SYSLOG or the group adm (kernel.dmesg_restrict is 1)"


def follow(commands: Commands, stop: Event, history: bool) -> Iterator[KernelRecord]:
    """Yield records as they come, those of before first when `history`. Raises OSError (EPERM)."""
    try:
        fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if which("journalctl") is None:
            text = _REFUSED if error.errno in (errno.EPERM, errno.EACCES) else error.strerror
            raise OSError(error.errno, text, "/dev/kmsg") from None
        yield from _journal(commands, stop, history)
        return
    try:
        if not history:
            os.lseek(fd, 0, os.SEEK_END)
        yield from read_records(fd, stop)
    finally:
        os.close(fd)


def read_records(fd: int, stop: Event) -> Iterator[KernelRecord]:
    """Yield records of an open /dev/kmsg; the next one counts those overwritten unread."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    last: int | None = None
    overrun = False
    lost = 0
    while not stop.is_set():
        if not poll.poll(_POLL * 1000):
            continue
        try:
            data = os.read(fd, _RECORD)
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno == errno.EPIPE:
                overrun = True
            elif error.errno == errno.EINVAL:
                lost += 1  # larger than our buffer; the next read gives the one after it
            else:
                raise
            continue
        if not data:
            return
        text = data.decode("utf-8", "replace")
        sequence = _sequence(text)
        if overrun:
            between = sequence - last - 1 if sequence is not None and last is not None else 1
            lost += max(between, 1)
            overrun = False
        last = last if sequence is None else sequence
        if (record := parse_record(text)) is not None:
            yield record._replace(lost=lost)
            lost = 0


def _sequence(text: str) -> int | None:
    fields = text.partition(";")[0].split(",")
    return whole(fields[1], COUNT) if len(fields) > 2 else None


def parse_journal(line: str) -> KernelRecord | None:
    """Return one line of `journalctl -k -o json`.

    >>> parse_journal('{"MESSAGE": "up", "PRIORITY": "6", "_SOURCE_MONOTONIC_TIMESTAMP": "5e5"}')
    """
    try:
        import json  # wanted only where the log is read by journalctl

        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    message = entry.get("MESSAGE")
    if isinstance(message, list):  # what is not UTF-8 comes as numbers
        message = bytes(byte & 0xFF for byte in message if isinstance(byte, int)).decode(
            "utf-8", "replace"
        )
    since_boot = entry.get("_SOURCE_MONOTONIC_TIMESTAMP", entry.get("__MONOTONIC_TIMESTAMP"))
    micros = whole(str(since_boot), COUNT)
    if not isinstance(message, str) or micros is None:
        return None
    level = whole(str(entry.get("PRIORITY")), 7)
    device = entry.get("_KERNEL_DEVICE")
    subsystem = entry.get("_KERNEL_SUBSYSTEM")
    return KernelRecord(
        seconds=micros / 1e6,
        level=6 if level is None else level,
        text=message,
        device=device.partition(":")[2] or None if isinstance(device, str) else None,
        subsystem=subsystem if isinstance(subsystem, str) else None,
    )


def _journal(commands: Commands, stop: Event, history: bool) -> Iterator[KernelRecord]:
    # To those who may not see the kernel's messages it shows none, and waits for more of them.
    if not commands.run(["journalctl", "-k", "-n", "1", "-o", "json"], 10.0, "").stdout.strip():
        raise PermissionError(errno.EPERM, _REFUSED, "/dev/kmsg")
    argv = ["journalctl", "-k", "-f", "-o", "json", "-n", "all" if history else "0"]
    backlog = Backlog()
    queue, over = backlog.queue, Event()

    def run() -> None:
        try:
            queue.put(commands.stream(argv, backlog.put, over))
        except OSError as error:
            queue.put(error)

    Thread(target=run, name="journalctl", daemon=True).start()
    try:
        while not stop.is_set():
            try:
                item = queue.get(timeout=_POLL)
            except Empty:
                continue
            if isinstance(item, OSError):
                raise item
            if isinstance(item, Finished):
                complaint = item.stderr.strip().partition("\n")[0]
                raise OSError(errno.EPERM, f"{_REFUSED}; journalctl: {complaint or item.status}")
            if (record := parse_journal(item)) is not None:
                yield record._replace(lost=backlog.take_lost())
    finally:
        over.set()


class Backlog:
    """Lines that wait to be read; in a flood the newest are dropped, and counted."""

    def __init__(self, most: int = BACKLOG) -> None:
        self.queue: SimpleQueue[str | Finished | OSError] = SimpleQueue()
        self._most = most
        self._dropped = self._told = 0

    def put(self, line: str) -> None:
        """Add a line, unless too many wait."""
        if self.queue.qsize() < self._most:
            self.queue.put(line)
        else:
            self._dropped += 1

    def take_lost(self) -> int:
        """Return how many lines were dropped since the last call."""
        lost = self._dropped - self._told
        self._told += lost
        return lost


def parse_record(text: str) -> KernelRecord | None:
    r"""Return one record: `prio,seq,usec,flags;text`, then ` KEY=value` lines.

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
    """Yield records one after the other, as a capture keeps them; what is no record is skipped.

    A text without records is what dmesg or a journal printed.
    """
    if _RECORD_LINE.search(text) is None:
        yield from parse_dmesg(text)
        return
    record = ""
    for line in text.splitlines():
        if not line.startswith(" ") and record:
            if (parsed := parse_record(record)) is not None:
                yield parsed
            record = ""
        record += line + "\n"
    if (parsed := parse_record(record)) is not None:
        yield parsed
