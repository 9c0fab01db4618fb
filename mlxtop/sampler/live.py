"""The sampler: one loop that looks at a machine, live, simulated or captured.

Counters that the kernel holds in memory are read here at every tick; everything that asks the
firmware is read by other threads, and their newest values are put beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from mlxtop.model.identity import PortId
from mlxtop.model.incident import Incident
from mlxtop.model.path import NO_PATHS, PathStatus
from mlxtop.model.sample import Cpu, Problem, Sample, SourceKind
from mlxtop.sampler.devices import Devices
from mlxtop.sampler.discover import Inventory
from mlxtop.sampler.fact_readers import FactReaders
from mlxtop.sampler.facts import AskCard, Fact
from mlxtop.sampler.kernel_log import MODULE_KINDS, KernelLogFollower
from mlxtop.sampler.lacking import lacking
from mlxtop.sampler.miscounts import Miscounts
from mlxtop.sampler.slow import HELD_UP, SlowReader, Workers
from mlxtop.sampler.source import Stop
from mlxtop.system.door import System

HURRIED, UNHURRIED = (0.25, 1.5), (2.0, 10.0)
"""Seconds that the first sample waits, so that it is complete: for a reader that gives no sign, and
in all while one after the other does, on a machine that is slow itself."""

CALM_S = 5.0
"""Time after the start before the first tool is run."""

LATER = 0.3
"""Seconds that all which is not in the first sample is put off, so that its picture comes first."""

CPU_EVERY = 1.9
"""Seconds between looks at the load of the cores, but for the first two."""


class LiveSource:
    """Samples of a machine, `interval` apart."""

    def __init__(
        self,
        system: System,
        interval: float = 1.0,
        everything: bool = False,
        include: tuple[str, ...] = (),
        *,
        patience: float | None = None,
        incidents: bool = False,
        calm: float = CALM_S,
        hurry: bool = False,
        wants: frozenset[Fact] = frozenset(),
        ask_card: AskCard | None = None,
    ) -> None:
        """`patience`: seconds to wait for firmware counters, a quarter of the interval if None.

        `incidents`: follow the kernel log. `calm`: seconds after which tools may run. `hurry`:
        somebody waits for the first sample, which may lack what is slow. `wants`: slow facts to
        read; `ask_card` reads what a card stores.
        """
        self.paths: Callable[[], PathStatus] = lambda: NO_PATHS
        """Returns what was last seen of the ways to peers; somebody else probes them."""
        kept = not (system.demo or system.captured)
        self.miscounts = Miscounts.own() if kept else Miscounts()
        """Counters that load tests have proven wrong; of a simulated machine nothing is kept."""
        self._interval = interval
        self._stop: Event | None = None
        self.guarded = False
        self.looked_at: PortId | None = None
        self.more_wants: frozenset[Fact] = frozenset()
        """Slow facts that somebody wants for a while."""
        self._lacking = lacking(system)
        self._calm = 0.0 if system.captured else calm
        self._system = system
        self._patience = patience
        self._hurry = hurry and not system.captured
        self._first = HURRIED if hurry else UNHURRIED
        self._kernel_log = KernelLogFollower(system) if incidents else None
        self._workers = Workers("readers", system.clock)
        self._devices = Devices(system, everything, include, self._workers)
        self._facts = FactReaders(system, wants | {Fact.PCIE, Fact.IN_USE}, self._workers, ask_card)
        self._begun: float | None = None
        self._cpu: Cpu | None = None

    @property
    def interval(self) -> float:
        """Seconds between samples."""
        return self._interval

    @interval.setter
    def interval(self, seconds: float) -> None:
        """Change it, also for the sample that is being waited for where `samples` got a `Stop`."""
        self._interval = seconds
        if isinstance(self._stop, Stop):
            self._stop.nudged.set()

    def read_again(self) -> None:
        self._facts.stale = True

    @property
    def label(self) -> str:
        return self._system.label

    @property
    def kind(self) -> SourceKind:
        if self._system.captured:
            return SourceKind.CAPTURED
        return SourceKind.DEMO if self._system.demo else SourceKind.LIVE

    def samples(self, stop: Event) -> Iterator[Sample]:
        """Yield samples until `stop`; a captured machine gives one."""
        system = self._system
        system.clock.take_part()
        later = self._hurry
        if not later:
            self._listen(stop)
        self._stop = stop
        due = system.now()
        while not stop.is_set():
            sample = self.take()
            yield sample
            if system.captured:
                return
            if later:
                later = False
                if system.wait(LATER, stop):
                    return
                self._listen(stop)
                self._devices.changed.set()  # nobody heard what changed until now
            if self._cpu is None:  # its load is known from the second look on
                self._cpu = Cpu(sample.tick, system.cpu())
            self._clear_up(stop)
            due = self._await_next(due, stop)

    def _await_next(self, last: float, stop: Event) -> float:
        """Wait until the interval has passed since `last`; return when the next sample is due."""
        system, nudged = self._system, stop.nudged if isinstance(stop, Stop) else stop
        now = system.now()
        if not now < last + self.interval <= now + self.interval:
            last = now  # late, or the machine was suspended: nothing is made up for
        while system.wait(max(0.0, last + self.interval - system.now()), nudged):
            if nudged is not stop:
                nudged.clear()
            if stop.is_set():
                break
        return last + self.interval

    def _listen(self, stop: Event) -> None:
        """Follow events and the kernel log."""
        if not self._system.captured:
            self._system.clock.thread(self._devices.watch, "events", stop, self._tell_lost)
        if self._kernel_log is not None:
            self._kernel_log.start(stop)

    def _tell_lost(self) -> None:
        if self._kernel_log is not None:
            self._kernel_log.tell_lost("device events", self._system.now())

    def _clear_up(self, stop: Event) -> None:
        """Let no reader wait for the next sample behind one that hangs."""
        clock = self._system.clock
        until = clock.now() + self.interval / 2
        while self._workers.behind and clock.now() < until and not clock.wait(HELD_UP, stop):
            self._workers.relieve()

    def close(self) -> None:
        for each in (self._devices, self._facts, self._workers, self._system):
            each.close()

    def take(self) -> Sample:
        """Return one sample now."""
        system, devices, facts = self._system, self._devices, self._facts
        problems: list[Problem] = []
        first = devices.inventory is None
        inventory = self._look()
        now = system.now()
        for readers in devices.asking:
            readers.poll(now)
        counters = devices.counters(problems)
        self._poll_slow(now, hurried=first and self._hurry)
        self._settle(everything=first or self._patience is not None)
        ports = devices.samples(counters, facts, problems)
        log = self._kernel_log
        absent = {"kernel_log": log and log.reason, "ports": devices.nothing_selected()}
        sample = Sample(
            wall=system.wall(),
            tick=now,
            host=inventory.host,
            adapters=devices.adapters(),
            ports=ports,
            pcie=facts.pcie(),
            cpu=self._load(now),
            host_settings=facts.get(Fact.HOST, now),
            streams=facts.get(Fact.STREAMS, now),
            rdma_objects=facts.get(Fact.RDMA_OBJECTS, now),
            rdma_limits=facts.rdma_limits(now),
            in_use=facts.get(Fact.IN_USE, now),
            neighbours=facts.get(Fact.NEIGHBOURS, now),
            lldp=facts.get(Fact.LLDP, now),
            fabric=facts.get(Fact.FABRIC, now),
            stored=facts.stored(now),
            flash=facts.flash(now),
            incidents=log.take(self._note) if log else (),
            absent={what: reason for what, reason in absent.items() if reason},
            problems=(*inventory.problems, *problems, *self._lacking),
            paths=self.paths(),
        )
        return self.miscounts.apply(sample)

    def _poll_slow(self, now: float, hurried: bool) -> None:
        """Start the slow reads that are due; `hurried`: of facts only those that are quick."""
        facts = self._facts
        self._begun = now if self._begun is None else self._begun
        calm = now - self._begun >= self._calm
        facts.looked_at, facts.more_wants = self.looked_at, self.more_wants
        facts.poll(now, calm, hurried=hurried)
        for readers in self._devices.asking:
            readers.memory.guarded = self.guarded
            readers.wanted = facts.reads_all or readers.port.id == self.looked_at
            readers.poll_slow(now, calm)

    def _look(self) -> Inventory:
        """Return what there is; what stumbles over one odd device does not end the count."""
        devices = self._devices
        try:
            return devices.look(self._facts)
        except Exception as error:
            if devices.inventory is None:
                raise
            problem = Problem("discovery", f"{type(error).__name__}: {error}")
            devices.inventory = devices.inventory._replace(problems=(problem,))
            return devices.inventory

    def _note(self, incident: Incident) -> None:
        """Read a module anew after it or its link has changed."""
        if incident.kind in MODULE_KINDS:
            for readers in self._devices.readers.values():
                if incident.device in (None, readers.port.function):
                    readers.memory.forget()

    def _settle(self, everything: bool) -> None:
        """Wait for the readers that belong to this tick, but for none that already hangs."""
        patience, at_most = self._first if everything else (self.interval / 4, 0.0)
        patience = patience if self._patience is None else self._patience
        clock = self._system.clock
        began = clock.now()
        waiting: list[SlowReader[Any]] = []
        for readers in self._devices.asking:
            waiting += readers.readers.values() if everything else readers.fast
        waiting += (fact for fact in self._facts.readers() if everything or not fact.every)

        def left() -> float:
            until = began + patience
            if at_most > patience:
                until = min(max(until, self._workers.moved + patience), began + at_most)
            return max(0.0, until - clock.now())

        for reader in waiting:
            if not reader.hung:
                while not reader.settle(left()) and left():
                    pass

    def _load(self, now: float) -> Cpu | None:
        if self._cpu is None:
            return None
        if not self._cpu.busy or now - self._cpu.tick >= CPU_EVERY:
            self._cpu = Cpu(now, self._system.cpu())
        return self._cpu if self._cpu.busy else None
