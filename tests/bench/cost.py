"""What a program costs in a terminal: CPU of its whole tree, memory, output, paint, keys, quit."""

from __future__ import annotations

import os
import random
import re
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.screen import Screen
from tests.terminal import GAP, Terminal

SKIP = 3.0
"""Seconds that belong to the start and not to the steady state."""
QUIET = 0.15
"""Seconds without output before a key is pressed."""
FULL = 0.6
"""Share of the cells of the last screen that a complete one has."""
LOST = 2.5
"""Seconds after which a key counts as not answered."""
TICKS = os.sysconf("SC_CLK_TCK")
HIDDEN = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": ""}
"""Set empty, so that modules are compiled once, as they are where a program is installed."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to talk to it."""

    name: str
    argv: Sequence[str]
    ready: str
    """Pattern of a screen that holds data."""
    keys: Sequence[str] = ("\x1b[B", "\x1b[A")
    """Pressed in turn; each changes what is shown."""
    quit: str = "q"
    size: tuple[int, int] = (120, 40)
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds, shares of one core in percent, bytes, MB."""

    paint: float | None
    """From fork to the first complete screen with data."""
    start_cpu: float
    """Seconds of CPU in the first `SKIP` seconds."""
    cpu: float
    bytes: float
    """Per second."""
    bursts: float
    """Per second."""
    pss: float
    keys: tuple[float, ...]
    """Milliseconds from each key to the first output."""
    quit: float
    status: int | None
    leftovers: tuple[str, ...]
    other: float
    """CPU that the rest of the machine used meanwhile."""


@contextmanager
def _group() -> Iterator[Path | None]:
    """A control group of our own; None where there are none."""
    mount = re.search(r"^\S+ (\S+) cgroup2 ", _read("/proc/mounts"), re.MULTILINE)
    own = re.search(r"^0::(.*)$", _read("/proc/self/cgroup"), re.MULTILINE)
    if mount is None or own is None:
        yield None
        return
    place = Path(f"{mount[1]}{own[1].rstrip('/')}/mlxtop-bench-{os.getpid()}")
    try:
        place.mkdir()
    except OSError:
        yield None
        return
    try:
        yield place if (place / "cpu.stat").exists() else None
    finally:
        _remove(place)


def _remove(place: Path) -> None:
    for _ in range(100):
        try:
            place.rmdir()
        except OSError:
            time.sleep(0.02)  # its last process is still being reaped
        else:
            return


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with_children = _read(task)
            found += [int(child) for child in with_children.split()]
    return found


def _read(place: Path | str) -> str:
    try:
        return Path(place).read_text()
    except OSError:
        return ""


def pss(pid: int) -> float:
    """Proportional memory of a tree, MB (10⁶ bytes)."""
    kib = 0
    for one in tree(pid):
        match = re.search(r"^Pss:\s+(\d+)", _read(f"/proc/{one}/smaps_rollup"), re.MULTILINE)
        kib += int(match[1]) if match else 0
    return kib * 1024 / 1e6


def _cpu(pid: int, group: Path | None) -> float:
    """Seconds of CPU that a tree has used, dead children included."""
    if group is not None:
        match = re.search(r"usage_usec (\d+)", _read(group / "cpu.stat"))
        return int(match[1]) / 1e6 if match else 0.0
    total = 0
    for one in tree(pid):
        fields = _read(f"/proc/{one}/stat").rpartition(") ")[2].split()
        total += sum(map(int, fields[11:15])) if fields else 0
    return total / TICKS


def busy() -> float:
    """Seconds of CPU that the whole machine has used."""
    fields = [int(n) for n in _read("/proc/stat").splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def bursts(chunks: Sequence[tuple[float, bytes]]) -> list[list[tuple[float, bytes]]]:
    """Pieces of output that came without a pause."""
    found: list[list[tuple[float, bytes]]] = []
    for chunk in chunks:
        if found and chunk[0] - found[-1][-1][0] < GAP:
            found[-1].append(chunk)
        else:
            found.append([chunk])
    return found


def first_paint(terminal: Terminal, ready: str) -> float | None:
    """Seconds to the end of the first burst whose screen is complete and holds data."""
    last = terminal.screen().filled()
    screen = Screen(*terminal.size)
    for burst in bursts(terminal.chunks):
        for _, data in burst:
            screen.feed(data)
        if screen.filled() >= FULL * last and re.search(ready, screen.text()):
            return burst[-1][0] - terminal.started
    return None


def _press(terminal: Terminal, key: str) -> float:
    """Milliseconds from a key, pressed in silence, to the first output."""
    terminal.pump(random.uniform(0, 0.35))
    terminal.quiet(QUIET)
    count, begin = len(terminal.chunks), time.monotonic()
    terminal.send(key)
    answered = terminal.pump(LOST, lambda: len(terminal.chunks) > count)
    end = terminal.chunks[count][0] if answered else begin + LOST
    terminal.quiet(GAP)
    return (end - begin) * 1000


def _environ(program: Program) -> dict[str, str]:
    return {"LC_ALL": "C.UTF-8", **HIDDEN, **program.environ}


def start(program: Program) -> float | None:
    """Seconds to the first complete screen of one more start."""
    with Terminal(program.argv, size=program.size, environ=_environ(program)) as terminal:
        terminal.pump(SKIP / 2)
        found = first_paint(terminal, program.ready)
        terminal.send(program.quit)
        terminal.wait(5.0)
        return found


def measure(program: Program, seconds: float = 30.0, presses: int = 20) -> Run:
    """Run a program: start, steady seconds without keys, keys, quit."""
    with (
        _group() as group,
        Terminal(
            program.argv,
            size=program.size,
            environ=_environ(program),
            enter=lambda: group and (group / "cgroup.procs").write_text("0"),
        ) as terminal,
    ):
        pid = terminal.process.pid
        terminal.pump(SKIP)
        start_cpu = _cpu(pid, group)
        begin, others, count = time.monotonic(), busy(), len(terminal.chunks)
        terminal.pump(seconds)
        spent, used = time.monotonic() - begin, _cpu(pid, group) - start_cpu
        other = busy() - others - used
        steady = terminal.chunks[count:]
        paint = first_paint(terminal, program.ready)
        memory = pss(pid)
        keys = [_press(terminal, program.keys[n % len(program.keys)]) for n in range(presses)]
        end = time.monotonic()
        terminal.send(program.quit)
        status = terminal.wait(5.0)
        return Run(
            paint=paint,
            start_cpu=start_cpu,
            cpu=used / spent * 100,
            bytes=sum(len(data) for _, data in steady) / spent,
            bursts=len(bursts(steady)) / spent,
            pss=memory,
            keys=tuple(keys),
            quit=time.monotonic() - end,
            status=status,
            leftovers=tuple(terminal.leftovers()),
            other=other / spent * 100,
        )


def middle(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def high(values: Sequence[float], share: float = 0.95) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
