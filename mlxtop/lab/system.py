"""A simulated machine behind the same door as the real one."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Lock
from typing import TypeVar

from mlxtop.lab.aging import add_histories
from mlxtop.lab.answers import Kernel
from mlxtop.lab.bootlog import boot_records, kmsg_text
from mlxtop.lab.clock import Either
from mlxtop.lab.drivers import Drivers
from mlxtop.lab.faults import play
from mlxtop.lab.icmp import LabPinger
from mlxtop.lab.netdir import add_hwmon, add_netdev, add_rdma
from mlxtop.lab.network import Network
from mlxtop.lab.pcidir import add_card, add_gpu, function_directory
from mlxtop.lab.ports import CardState, PortState
from mlxtop.lab.procdir import add_host
from mlxtop.lab.spec import MachineSpec
from mlxtop.lab.tools.registry import installed, start
from mlxtop.lab.tools.shell import SLICE, Machine, execute
from mlxtop.lab.tree import LabTree
from mlxtop.lab.world import STEP, World
from mlxtop.system.capture import Capture, Node
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.clock import Clock
from mlxtop.system.door import (
    FILE_LIMIT,
    Answer,
    DeviceEvent,
    Finished,
    KernelRecord,
    Question,
    os_error,
)

T = TypeVar("T")

CLAIM_EVERY = 0.05
"""Seconds between two looks at a lock that somebody else holds."""


class _Hangs(Exception):
    """The firmware does not answer; whoever reads waits until the machine is closed."""


class LabSystem(CapturedSystem):
    """A machine whose counters move; files, answers and commands come from a `World`."""

    demo = True
    captured = False

    def __init__(self, spec: MachineSpec, capture: Capture, clock: Clock, seed: int) -> None:
        self.world = World(spec, seed)
        self._base = capture
        self.clock = clock
        self.started = clock.now()
        self._paths: dict[str, str] = {}
        self._built = -1
        self._asked: tuple[float, list[float]] | None = None
        self._network = Network(spec, self.world)
        self._kernel = Kernel(self.world, self._network)
        for port in self.world.ports:
            if port.netdev is not None:
                port.ifindex = self._network.next_index
                self._network.next_index += 1
            port.carrier = port.wants_carrier
            port.carrier_changes = int(port.carrier) + int(port.netdev is not None)
        self.world.records += boot_records(self.world.cards)
        self._live = LabTree(capture)
        super().__init__(spec.label, self._live, capture)
        self._drivers = Drivers(self.world, self._network)
        self.world.inject = lambda event: play(self.world, self._drivers, event)
        self._closed = Event()
        self._claims: dict[str, Lock] = {}
        world, network, drivers = self.world, self._network, self._drivers
        self._machine = Machine(
            world, self._kernel, network, drivers, self.root, self._keep, self._text
        )
        self.world.wall_start = clock.wall()
        self.world.start()
        self._build()

    def _build(self) -> None:
        """Lay out the files anew, after devices came, went or changed their names."""
        world, tree = self.world, LabTree(self._base)
        add_host(tree, world, self._network)
        number = 2
        for card in world.cards:
            if card.present:
                add_card(tree, world, card)
                for port in card.ports:
                    add_netdev(tree, world, port)
                    self._add_type(tree, port)
                add_rdma(tree, world, card)
                number = add_hwmon(tree, card, number, self._sensor)
        add_histories(tree, world)
        for text, node in world.spec.extra.get("host", {}).get("gpus", ()):
            add_gpu(tree, world, text, node)
        if tree.node("/dev/kmsg") is None:
            tree.changing("/dev/kmsg", lambda: kmsg_text(world.records))
        self._tree = self._live = tree
        self._paths = {}
        self._built = world.generation

    def _add_type(self, tree: LabTree, port: PortState) -> None:
        """`mlx4_portN`, which switches the port's type."""
        if not port.card.spec.family.mlx4:
            return
        directory = function_directory(port.card, port.spec.function)
        path = f"{directory}/mlx4_port{port.spec.number}"
        tree.changing(path, lambda: f"{port.kind}\n")
        tree.writers[path] = lambda data: self._drivers.write_port_type(port, data)
        if port.infiniband:
            tree.file(f"{directory}/mlx4_port{port.spec.number}_mtu", 2048)

    def _now(self) -> World:
        """The world, worked out up to now; call with its lock held."""
        self.world.advance(self.clock.now() - self.started)
        if self._built != self.world.generation:
            self._build()
        return self.world

    def _sensor(self, card: CardState, module: int, what: str) -> str:
        """A hwmon attribute in thousandths of a degree."""
        if module < 0 and card.hanging:
            raise _Hangs
        heat = self.world.heats[card.index]
        mass = heat.asic if module < 0 else heat.modules[module]
        if what == "crit":
            limit = card.spec.family.warning
            if module >= 0:
                spec = card.spec.ports[module].module
                limit = round(spec.limits[2]) if spec else 0
            return f"{limit * 1000}\n"
        if module >= 0 and card.ports[module].unplugged:
            raise os_error(errno.EIO)
        celsius = mass.highest if what == "highest" else mass.celsius
        step = card.spec.resolution
        return f"{round(round(celsius / step) * step * 1000)}\n"

    @property
    def root(self) -> bool:
        """Simulated machines are read as root."""
        return self._base.properties.get("root", "yes") == "yes"

    def read(self, path: str) -> bytes:
        """The content of a file now."""
        try:
            with self.world.lock:
                self._now()
                place = self._paths.get(path)
                if place is None:
                    place = self._paths[path] = super().real(path)
                content = self._live.live.get(place)
                if content is None:
                    return super().read(place)
                return content().encode()[:FILE_LIMIT]
        except _Hangs:
            self.clock.wait(None, self._closed)
            raise os_error(errno.EIO, path) from None

    def list(self, path: str) -> list[str]:
        """Names in a directory now."""
        with self.world.lock:
            self._now()
            return super().list(path)

    def link(self, path: str) -> str:
        """The target of a link now."""
        with self.world.lock:
            self._now()
            return super().link(path)

    def real(self, path: str) -> str:
        """The canonical path now."""
        with self.world.lock:
            self._now()
            return super().real(path)

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        """The simulated kernel's answer; what the machine's file records comes first."""
        with self.world.lock:
            self._now()
            key = tuple(part for part in (question, subject, *map(str, details)) if part)
            if key in self._base.answers:
                return super().ask(question, subject, *details)
            return self._kernel.ask(question, subject, details)

    def cpu(self) -> tuple[float, ...]:
        """Busy percent of every core since the last call; empty at the first."""
        with self.world.lock:
            world = self._now()
            time = world.time + world.rest
            busy = [
                seconds + share * world.rest
                for seconds, share in zip(world.cores, world.busy, strict=True)
            ]
            before, self._asked = self._asked, (time, busy)
        if before is None or time <= before[0]:
            return ()
        passed = time - before[0]
        return tuple(
            min(100.0, 100.0 * (now - then) / passed)
            for now, then in zip(busy, before[1], strict=True)
        )

    def now(self) -> float:
        """Monotonic seconds: since this machine was started."""
        return self.world.spec.uptime + self.clock.now() - self.started

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self.clock.wall()

    def wait(self, seconds: float, stop: Event) -> bool:
        """Let the machine's time pass."""
        return self.clock.wait(seconds, stop)

    def kernel_log(self, stop: Event, history: bool = True) -> Iterator[KernelRecord]:
        """Records of the kernel log as the world goes on."""
        with self.world.lock:
            place = 0 if history else len(self._now().records)
        return self._follow(self.world.records, place, stop)

    def events(self, stop: Event) -> Iterator[DeviceEvent]:
        """Device and link events as they happen."""
        with self.world.lock:
            place = len(self._now().happened)
        return self._follow(self.world.happened, place, stop)

    def _follow(self, told: Sequence[T], place: int, stop: Event) -> Iterator[T]:
        """Yield what is told from `place` on, as the world goes on."""
        while not stop.is_set():
            with self.world.lock:
                self._now()
                fresh = told[place:]
            place += len(fresh)
            yield from fresh
            self.clock.wait(STEP, stop)  # more often there is nothing new

    def pinger(self) -> LabPinger:
        """Probes, which see the links of this machine."""
        return LabPinger(self._network, self._now, self.clock, self.now)

    def which(self, command: str) -> str | None:
        """Return where a simulated command would lie."""
        return f"/usr/bin/{command}" if installed(self._machine, command) else None

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        """Run a simulated command to its end; the machine's time passes meanwhile."""
        return self._execute(argv, stdin, None if change else timeout, None, Event())

    def foreground(
        self, argv: Sequence[str], *, stdin: str | None = None, change: bool = False
    ) -> Finished:
        """Run a simulated command; it never asks for a password."""
        return self._execute(argv, stdin or "", None, None, Event())

    def stream(self, argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        """Run a simulated command line by line until its end or `stop`."""
        return self._execute(argv, "", None, line, stop)

    def _execute(
        self,
        argv: Sequence[str],
        stdin: str,
        timeout: float | None,
        line: Callable[[str], None] | None,
        stop: Event,
    ) -> Finished:
        running = start(self._machine, argv, stdin)
        return execute(
            self._machine,
            self.clock,
            running,
            Either(stop, self._closed),
            timeout=timeout,
            advance=self._now,
            line=line,
        )

    @contextmanager
    def claim(self, path: str, seconds: float) -> Iterator[None]:
        """Hold a directory's lock; raises BlockingIOError when it stays taken."""
        lock = self._claims.setdefault(self.real(path), Lock())
        until = self.clock.now() + seconds
        while not lock.acquire(blocking=False):
            if self.clock.now() >= until or self.clock.wait(CLAIM_EVERY, self._closed):
                raise os_error(errno.EAGAIN, path)
        try:
            yield
        finally:
            lock.release()

    def _keep(self, path: str, text: str) -> None:
        """A file that a command wrote. Raises OSError where the kernel does not take it."""
        with suppress(FileNotFoundError):  # a new one
            writer = self._live.writers.get(super().real(path))
            if writer is not None:
                writer(text.encode())
                return
        for tree in (self._base, self._live):
            tree.add(path, Node(content=text.encode()))

    def _text(self, path: str) -> str | None:
        """A file for a command; None where there is none."""
        try:
            return self.read(path).decode("utf-8", "replace")
        except OSError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """Write a simulated file."""
        with self.world.lock:
            self._now()
            place = super().real(path)
            writer = self._live.writers.get(place)
            if writer is None:
                raise os_error(errno.EACCES, path)
            writer(data)
        while self._changing():
            self.clock.wait(SLICE, Event())

    def _changing(self) -> bool:
        """Return whether a driver is still busy: writes return when it is done."""
        with self.world.lock:
            return any(card.changing for card in self._now().cards)

    def close(self) -> None:
        """End commands, and let go those who wait for a sensor that hangs."""
        self._closed.set()
