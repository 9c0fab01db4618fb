"""Running a simulated command: its lines, its waits, its end.

A command is a generator: it yields lines of standard output (str), of standard error (`Err`) and
waits in seconds (float), and returns its exit status.
"""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from threading import Event

from mlxtop.lab.answers import Kernel
from mlxtop.lab.drivers import Drivers
from mlxtop.lab.network import Network
from mlxtop.lab.ports import CardState
from mlxtop.lab.world import World
from mlxtop.system.clock import Clock
from mlxtop.system.door import Finished, os_error


@dataclass(frozen=True, slots=True)
class Err:
    """A line of standard error."""

    text: str


Running = Generator[str | Err | float, None, int]

SLICE = 0.25
"""Seconds of the machine's clock between two looks at `stop`."""


@dataclass(slots=True)
class Machine:
    """What a command can see and change; its code runs with the world's lock held."""

    world: World
    kernel: Kernel
    network: Network
    drivers: Drivers
    root: bool
    keep: Callable[[str, str], None]
    """Writes a file."""
    text: Callable[[str], str | None]
    """Reads a file; None where there is none."""

    def card(self, device: str) -> CardState | None:
        """The card that a tool's `-d` names: PCI address, RDMA device or /dev/mst name."""
        name = device.removesuffix("/config").rpartition("/")[2].lower()
        for index, card in enumerate(self.world.cards):
            names = [f"mt{card.spec.family.device}_pciconf{index}"]
            for function in card.spec.functions:
                names += [function, function.removeprefix("0000:")]
            names += [port.spec.rdma for port in card.ports]
            if name in names and card.present:
                return card
        return None

    def version(self, tool: str) -> tuple[int, ...]:
        """The installed version of a tool, as numbers."""
        text = self.world.spec.tools.get(tool, "0")
        return tuple(int(part) for part in text.split(".") if part.isdigit())


Tool = Callable[[Machine, Sequence[str], str], Running]
"""A command: machine, arguments with its own name, standard input."""


def execute(
    machine: Machine,
    clock: Clock,
    running: Running,
    stop: Event,
    *,
    timeout: float | None = None,
    advance: Callable[[], object],
    line: Callable[[str], None] | None = None,
) -> Finished:
    """Let a command run to its end, its timeout or `stop`."""
    out: list[str] = []
    errors: list[str] = []
    deadline = clock.now() + timeout if timeout is not None else None
    try:
        while True:
            with machine.world.lock:
                advance()
                item = next(running)
            if isinstance(item, float):
                over = _sleep(clock, item, deadline, stop)
                if over:
                    running.close()
                    return Finished(over, _text(out), _text(errors), stop.is_set() is False)
            elif isinstance(item, Err):
                errors.append(item.text)
            else:
                out.append(item)
                if line is not None:
                    for each in item.split("\n"):
                        line(each)
    except StopIteration as end:
        return Finished(int(end.value or 0), _text(out), _text(errors))


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _sleep(clock: Clock, seconds: float, deadline: float | None, stop: Event) -> int:
    """Wait; the negative signal that ends the command early, 0 to go on."""
    until = clock.now() + seconds
    end = until if deadline is None else min(until, deadline)
    while (left := end - clock.now()) > 1e-9:
        if clock.wait(min(left, SLICE), stop):
            break
    if stop.is_set():
        return -signal.SIGTERM
    return -signal.SIGKILL if deadline is not None and until > deadline else 0


def missing(name: str) -> OSError:
    """Return the error of starting a command that is not installed."""
    return os_error(errno.ENOENT, name)
