"""The kernel log with its gaps, and the journal in its place."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.system import kernel_log
from mlxtop.system.commands import Commands
from mlxtop.system.door import Finished, KernelRecord
from mlxtop.system.kernel_log import follow, parse_journal, read_records


def record(sequence: int, text: str = "up") -> bytes:
    return f"6,{sequence},{sequence}000000,-;{text}\n SUBSYSTEM=pci\n".encode()


@pytest.fixture
def kmsg(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[KernelRecord]]]:
    """Reads records of a /dev/kmsg that answers what the test lists."""
    fd = os.open("/dev/zero", os.O_RDONLY)

    def read(*answers: bytes | int) -> list[KernelRecord]:
        left = iter(answers)

        def answer(_fd: int, _size: int) -> bytes:
            item = next(left, b"")
            if isinstance(item, int):
                raise OSError(item, os.strerror(item))
            return item

        monkeypatch.setattr(os, "read", answer)
        return list(read_records(fd, Event()))

    yield read
    monkeypatch.undo()
    os.close(fd)


def test_records_come_in_order(kmsg: Callable[..., list[KernelRecord]]) -> None:
    found = kmsg(record(4), errno.EAGAIN, record(5, "down"))
    assert [(entry.seconds, entry.text, entry.lost) for entry in found] == [
        (4.0, "up", 0),
        (5.0, "down", 0),
    ]
    assert found[0].subsystem == "pci"


def test_overwritten_records_are_counted(kmsg: Callable[..., list[KernelRecord]]) -> None:
    found = kmsg(record(4), errno.EPIPE, record(105), record(106))
    assert [entry.lost for entry in found] == [0, 100, 0]
    assert [entry.lost for entry in kmsg(errno.EPIPE, record(9))] == [1]


def test_a_record_that_is_too_large_is_counted_and_passed(
    kmsg: Callable[..., list[KernelRecord]],
) -> None:
    assert [entry.lost for entry in kmsg(record(1), errno.EINVAL, record(3))] == [0, 1]


def test_garbage_is_passed(kmsg: Callable[..., list[KernelRecord]]) -> None:
    assert [entry.text for entry in kmsg(b"\xff\xfe", b";;;", record(1))] == ["up"]


def test_other_errors_end_the_reading(kmsg: Callable[..., list[KernelRecord]]) -> None:
    with pytest.raises(OSError, match="Input/output"):
        kmsg(record(1), errno.EIO)


def test_the_end_of_the_log_is_followed_until_stop() -> None:
    try:
        os.close(os.open("/dev/kmsg", os.O_RDONLY))
    except OSError as error:  # os.access looks at the mode, and the kernel at the user too
        pytest.skip(f"/dev/kmsg cannot be opened: {error.strerror}")
    stop = Event()
    commands = Commands()
    for _ in follow(commands, stop, history=True):
        stop.set()
    assert stop.is_set()


class Journal(Commands):
    """A journalctl that prints given lines and ends."""

    def __init__(self, finished: Finished, *lines: str) -> None:
        super().__init__()
        self.finished = finished
        self.lines = lines

    def run(self, argv: Any, timeout: float, stdin: str) -> Finished:
        return Finished(0, self.lines[0] if self.lines else "", "")

    def stream(self, argv: Any, line: Callable[[str], None], stop: Event) -> Finished:
        for text in self.lines:
            line(text)
        return self.finished


def refuse(*_: Any) -> int:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_the_journal_stands_in_where_kmsg_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlxtop.system.kernel_log.os.open", refuse)
    monkeypatch.setattr(kernel_log, "which", lambda _: "/usr/bin/journalctl")
    line = (
        '{"MESSAGE": "hot", "PRIORITY": "4", "_SOURCE_MONOTONIC_TIMESTAMP": "1500000",'
        ' "_KERNEL_DEVICE": "+pci:0000:43:00.0", "_KERNEL_SUBSYSTEM": "pci"}'
    )
    found = []
    with pytest.raises(OSError, match="not permitted to see") as caught:
        for entry in follow(
            Journal(Finished(1, "", "Hint: not permitted to see\nmore"), "garbage", line),
            Event(),
            True,
        ):
            found.append(entry)
    assert found == [KernelRecord(1.5, 4, "hot", "0000:43:00.0", "pci")]
    assert caught.value.errno == errno.EPERM


def test_a_journal_without_kernel_messages_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlxtop.system.kernel_log.os.open", refuse)
    monkeypatch.setattr(kernel_log, "which", lambda _: "/usr/bin/journalctl")
    with pytest.raises(PermissionError, match="needs root"):
        next(follow(Journal(Finished(0, "", "")), Event(), True))


def test_without_any_log_it_is_said_what_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlxtop.system.kernel_log.os.open", refuse)
    monkeypatch.setattr(kernel_log, "which", lambda _: None)
    with pytest.raises(PermissionError, match="needs root"):
        next(follow(Commands(), Event(), True))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
)
KEYS = st.sampled_from(
    ["MESSAGE", "PRIORITY", "_SOURCE_MONOTONIC_TIMESTAMP", "_KERNEL_DEVICE", "_KERNEL_SUBSYSTEM"]
)


@given(st.text(), st.dictionaries(KEYS, JSON | st.just("12"), max_size=5))
def test_no_line_of_the_journal_raises(text: str, entry: dict[str, Any]) -> None:
    parse_journal(text)
    parse_journal(json.dumps(entry))
