"""What sampling costs without a screen: a whole process, one sample, a day.

python -m tests.bench.sampling sample     JSON, to be run where the ports are
python -m tests.bench.sampling day HOURS  JSON
"""

from __future__ import annotations

import gc
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from threading import Event

from mlxtop.cli import GARBAGE
from mlxtop.lab import ManualClock, load_lab
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.system.door import DeviceEvent
from mlxtop.system.local import LocalSystem
from mlxtop.tui.state import State
from tests.bench.cost import HIDDEN
from tests.bench.ports import inside, veths

PORTS = 200
FULL = 3
"""Hours after which every history is full."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Seconds of CPU, bytes."""

    once: float
    """`mlxtop --once --delay 0 --json` as a whole."""
    python: float
    """Python with asyncio, json and argparse."""
    sample: float
    """One sample of 200 ports."""
    dump: float
    """One RTM_GETSTATS dump of them, bytes thrown away."""
    proc: float
    """One read of /proc/net/dev, bytes thrown away."""
    hours: float
    growth: int
    """Bytes of memory over the hours after the history is full."""
    day: float
    """Seconds of CPU of all samples."""

    @property
    def kernel(self) -> float:
        """Both bare reads."""
        return self.dump + self.proc

    def lines(self) -> Iterator[str]:
        """The rest of the figures in words."""
        yield (
            f"CPU of a whole process: `--once --delay 0 --json` {self.once * 1e3:.0f} ms, "
            f"`python -c 'import asyncio, json, argparse'` {self.python * 1e3:.0f} ms"
        )
        yield (
            f"{PORTS} veth ports: a sample {self.sample * 1e6:.0f} µs, bare reads without looking "
            f"at the bytes: netlink dump {self.dump * 1e6:.0f} µs, /proc/net/dev "
            f"{self.proc * 1e6:.0f} µs"
        )
        yield f"a simulated day of one port, sampled each second: {self.day:.0f} s of CPU"


def measure(quick: bool) -> Sampling:
    """All of it."""
    words = ["-m", "mlxtop", "--all", "--once", "--delay", "0", "--json"]
    with veths(PORTS) as space:
        sample = _json(inside(space, sys.executable, "-m", "tests.bench.sampling", "sample"))
    hours = FULL + 1 if quick else 24
    day = _json([sys.executable, "-m", "tests.bench.sampling", "day", str(hours)])
    with veths(2) as space:
        once = _process(inside(space, sys.executable, *words))
        python = _process(inside(space, sys.executable, "-c", "import asyncio, json, argparse"))
    return Sampling(
        once=once,
        python=python,
        sample=sample["sample"],
        dump=sample["dump"],
        proc=sample["proc"],
        hours=hours - FULL,
        growth=int(day["growth"]),
        day=day["cpu"],
    )


def _json(argv: list[str]) -> dict[str, float]:
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _process(argv: list[str], times: int = 15) -> float:
    """Median CPU of a process, its children included."""
    found = []
    for _ in range(times):
        before = os.times()
        subprocess.run(argv, stdout=subprocess.DEVNULL, env={**os.environ, **HIDDEN}, check=True)
        after = os.times()
        found.append(
            after.children_user
            - before.children_user
            + after.children_system
            - before.children_system
        )
    return median(found)


def _each(deed: Callable[[], object], times: int = 300) -> float:
    """Median CPU of a deed in this thread."""
    found = []
    for _ in range(times):
        begin = time.thread_time()
        deed()
        found.append(time.thread_time() - begin)
    return median(found)


def _dump(link: socket.socket, buffer: bytearray) -> None:
    """RTM_GETSTATS of all links, as bytes."""
    link.send(struct.pack("=IHHIIBBHII", 28, 94, 0x301, 1, 0, 0, 0, 0, 0, 1))
    while True:
        size = link.recv_into(buffer)
        if (
            struct.unpack_from("=H", buffer, 4)[0] == 3
            or b"\x14\0\0\0\x03\0" in buffer[size - 20 : size]
        ):
            return


def sample() -> dict[str, float]:
    """A sample of everything here, and the bare reads."""
    gc.set_threshold(*GARBAGE)  # as in the program
    source = LiveSource(LocalSystem(), 1.0, everything=True)
    source.take()
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    buffer = bytearray(1 << 18)
    fd = os.open("/proc/net/dev", os.O_RDONLY)

    def proc() -> None:
        offset = 0
        while data := os.pread(fd, 1 << 18, offset):
            offset += len(data)

    found = {
        "sample": _each(source.take),
        "dump": _each(lambda: _dump(link, buffer)),
        "proc": _each(proc),
    }
    source.close()
    return found


def _memory() -> int:
    """Bytes that belong to this process alone."""
    gc.collect()
    with open("/proc/self/smaps_rollup") as file:
        return 1024 * sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))


def day(hours: float) -> dict[str, float]:
    """A sample a second of a simulated machine, taken in by the state of the screen."""
    state, stop = State(), Event()
    machine = load_lab("pacu", ManualClock())

    def events(stop: Event) -> Iterator[DeviceEvent]:
        machine.clock.wait(None, stop)  # who follows them in simulated time is not measured
        yield from ()

    machine.events = events  # type: ignore[method-assign]
    source = LiveSource(machine, 1.0, patience=1.0)
    full, begin = 0, time.process_time()
    for count, frame in enumerate(frames(source, stop), 1):
        state.arrive(frame)
        if count == FULL * 3600:
            full = _memory()
        if count >= hours * 3600:
            break
    source.close()
    return {"growth": _memory() - full, "cpu": time.process_time() - begin}


if __name__ == "__main__":
    found = sample() if sys.argv[1] == "sample" else day(float(sys.argv[2]))
    print(json.dumps(found))
