"""The sampler: one loop that looks at a machine, live, simulated or captured.

Counters that the kernel holds in memory are read here at every tick; everything that asks the
firmware is read by other threads, and what they last said is put beside.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from threading import Event
from typing import Any

from mlxtop.model.counters import Origin
from mlxtop.model.identity import Adapter, Port, PortId
from mlxtop.model.incident import Incident
from mlxtop.model.sample import (
    Cpu,
    Link,
    PortSample,
    Problem,
    Sample,
    SourceKind,
    Temperature,
)
from mlxtop.sampler.background import CALM
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.sampler.facts import AskCard, Fact, Facts
from mlxtop.sampler.kernel_log import MODULE_KINDS, KernelLogFollower
from mlxtop.sampler.port_readers import PortReaders, ReaderInputs
from mlxtop.sampler.slow import SlowReader
from mlxtop.sampler.workers import HELD_UP, Workers
from mlxtop.sources.kernel.net import LinkCounters, NetLink, read_link_counters, read_links
from mlxtop.system.door import System

DISCOVER_EVERY, DISCOVER_BLIND = 60.0, 3.0
"""Seconds between looks for new devices, with and without events that tell of them."""

HURRIED, UNHURRIED = (0.25, 1.5), (2.0, 10.0)
"""Seconds that the first sample waits, so that it is complete: for a reader that gives no sign, and
in all while one after the other does, on a machine that is slow itself."""

LATER = 0.3
"""Seconds that all which is not in the first sample is put off, so that its picture comes first."""

MOST_NAMES = 12
"""Ports named in one line at most."""

CPU_EVERY = 1.9
"""Seconds between looks at the load of the cores, but for the first two."""


def selected(port: Port, patterns: tuple[str, ...]) -> bool:
    """Whether globs of netdev, RDMA or PCI names select a port; `!` negates, later ones win.

    >>> from mlxtop.model.identity import PortKind
    >>> port = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, netdev="enp67s0np0")
    >>> selected(port, ("enp*",)), selected(port, ("!0000:43*",)), selected(port, ("mlx5_*",))
    (True, False, False)
    """
    chosen = not patterns or patterns[0].startswith("!")
    known = [port.netdev, port.rdma, port.id.device, str(port.id), *port.extra_netdevs]
    for pattern in patterns:
        glob = pattern.removeprefix("!")
        if any(name and fnmatchcase(name, glob) for name in known):
            chosen = glob == pattern
    return chosen


def nothing_selected(ports: Sequence[Port], patterns: tuple[str, ...]) -> str:
    """Return which globs select no port, and which ports there are."""
    names = ", ".join(port.name for port in ports[:MOST_NAMES])
    more = f" and {len(ports) - MOST_NAMES} more" if len(ports) > MOST_NAMES else ""
    return f"-i {shlex.join(patterns)} selects no port; there are {names}{more}"


class Stop(Event):
    """An event that ends a source for good; its `nudged` only wakes the source while it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.nudged = Event()

    def set(self) -> None:
        """End it, and wake it."""
        super().set()
        self.nudged.set()


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
        calm: float = CALM,
        hurry: bool = False,
        wants: frozenset[Fact] = frozenset(),
        ask_card: AskCard | None = None,
    ) -> None:
        """`patience`: seconds to wait for firmware counters, a quarter of the interval if None.

        `incidents`: follow the kernel log. `calm`: seconds after which tools may run. `hurry`:
        somebody waits for the first sample, which may lack what is slow. `wants`: slow facts to
        read; `ask_card` reads what a card stores.
        """
        self._interval = interval
        self._stop: Event | None = None
        self.guarded = False
        self.looked_at: PortId | None = None
        self._calm = calm
        self._system = system
        self._everything = everything
        self._include = include
        self._patience = patience
        self._hurry = hurry
        self._first = HURRIED if hurry else UNHURRIED
        self._happenings = KernelLogFollower(system) if incidents else None
        self._inventory: Inventory | None = None
        self._looked = 0.0
        self._workers = Workers("readers", system.clock)
        self._ports: dict[PortId, PortReaders] = {}
        self._asking: list[PortReaders] = []
        """Those of `_ports` that ask the firmware."""
        self._bare: list[tuple[PortId, Port, Link]] = []
        """The others."""
        self._facts = Facts(system, wants | {Fact.PCIE}, self._workers, ask_card)
        self._begun: float | None = None
        self._cpu: Cpu | None = None
        self._changed = Event()
        self._relink = Event()
        self._blind = True

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
        """Read slow facts anew: somebody changed settings."""
        self._facts.stale = True

    @property
    def label(self) -> str:
        """Name of the machine."""
        return self._system.label

    @property
    def kind(self) -> SourceKind:
        """What kind of machine it is."""
        if self._system.captured:
            return SourceKind.CAPTURED
        return SourceKind.DEMO if self._system.demo else SourceKind.LIVE

    def samples(self, stop: Event) -> Iterator[Sample]:
        """Samples until `stop`; a captured machine gives one."""
        system = self._system
        system.clock.take_part()
        later = self._hurry and not system.captured
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
                self._changed.set()  # nobody heard what changed until now
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
            self._system.clock.thread(self._watch, "events", stop)
        if self._happenings is not None:
            self._happenings.start(stop)

    def _clear_up(self, stop: Event) -> None:
        """Let no reader wait for the next sample behind one that hangs."""
        clock = self._system.clock
        until = clock.now() + self.interval / 2
        while self._workers.behind and clock.now() < until and not clock.wait(HELD_UP, stop):
            self._workers.relieve()

    def close(self) -> None:
        """Stop every reader and close the machine."""
        for readers in self._ports.values():
            readers.close()
        self._facts.close()
        self._workers.close()
        self._system.close()

    def _watch(self, stop: Event) -> None:
        """Note that devices or links changed; what exactly is read from the kernel again."""
        with suppress(Exception):  # whatever it is: without events we look more often
            self._blind = False
            for event in self._system.events(stop):
                if event.action == "lost" and self._happenings is not None:
                    self._happenings.tell_lost("device events", self._system.now())
                if event.action != "link":
                    self._changed.set()
                self._relink.set()
        self._blind = True

    def take(self) -> Sample:
        """One sample now."""
        system = self._system
        problems: list[Problem] = []
        first = self._inventory is None
        try:
            inventory = self._look()
        except Exception as error:
            # What stumbles over one odd device must not end the count of all others.
            if self._inventory is None:
                raise
            problem = Problem("discovery", f"{type(error).__name__}: {error}")
            self._inventory = inventory = self._inventory._replace(problems=(problem,))
        now = system.now()
        for readers in self._asking:
            readers.poll(now, slow=False)
        counters = self._counters(problems)
        self._poll_facts(now, hurried=first and self._hurry and not system.captured)
        for readers in self._asking:
            readers.memory.guarded = self.guarded
            readers.poll(now, slow=True)
        self._settle(now, everything=first or self._patience is not None)
        ports = counters.bare(self._bare)
        if self._asking:
            ports = _share_asic(
                {
                    port: ports.get(port) or self._port(readers, counters, problems)
                    for port, readers in self._ports.items()
                }
            )
        return Sample(
            wall=system.wall(),
            tick=now,
            host=inventory.host,
            adapters=self._adapters(inventory),
            ports=ports,
            pcie=self._facts.pcie(),
            cpu=self._load(now),
            host_settings=self._facts.get(Fact.HOST, now),
            streams=self._facts.get(Fact.STREAMS, now),
            stored=self._facts.stored(now),
            incidents=self._happenings.take(self._note) if self._happenings else (),
            absent=self._absent(inventory),
            problems=(*inventory.problems, *problems),
        )

    def _poll_facts(self, now: float, hurried: bool) -> None:
        self._begun = now if self._begun is None else self._begun
        calm = self._system.captured or now - self._begun >= self._calm
        self._facts.looked_at = self.looked_at
        self._facts.poll(now, calm=calm, hurried=hurried)

    def _note(self, incident: Incident) -> None:
        """A module or link changed: what is known of the module is old."""
        if incident.kind in MODULE_KINDS:
            for readers in self._ports.values():
                port = readers.inputs.port
                if incident.device in (None, port.function):
                    readers.memory.forget()

    def _absent(self, inventory: Inventory) -> Mapping[str, str]:
        log = self._happenings.reason if self._happenings else None
        ports = None
        if self._include and inventory.ports and not self._ports:
            ports = nothing_selected(inventory.ports, self._include)
            ports += "" if self._everything else " (with --all every network device)"
        reasons = {"kernel_log": log, "ports": ports}
        return {what: reason for what, reason in reasons.items() if reason}

    def _look(self) -> Inventory:
        """What there is; read again when an event says so, else now and then."""
        now = self._system.now()
        inventory = self._inventory
        pause = DISCOVER_BLIND if self._blind else DISCOVER_EVERY
        if inventory is None or self._changed.is_set() or now - self._looked > pause:
            self._changed.clear()
            self._relink.clear()
            return self._discover(now)
        if self._relink.is_set():
            self._relink.clear()
            links = {link.index: link for link in read_links(self._system)}
            if _moved(inventory.links, links):
                return self._discover(now)
            self._inventory = inventory = inventory._replace(links=links)
            self._update_links(links)
        return inventory

    def _discover(self, now: float) -> Inventory:
        self._looked = now
        inventory = discover(self._system, self._everything)
        self._inventory = inventory
        hwmon = {f.address: f.hwmon for a in inventory.adapters for f in a.functions}
        wanted: dict[PortId, ReaderInputs] = {}
        for port in inventory.ports:
            if selected(port, self._include):
                sensors = hwmon.get(port.function or "") if port.id.number == 1 else None
                wanted[port.id] = ReaderInputs(port, inventory.layers.get(port.id), sensors)
        for port_id, readers in list(self._ports.items()):
            if wanted.get(port_id) != readers.inputs:
                self._ports.pop(port_id).close()
        kept, self._ports = self._ports, {}
        for port_id, inputs in wanted.items():
            link = inventory.links.get(inputs.port.ifindex or 0)
            readers = kept.get(port_id) or PortReaders(
                self._system, inputs, link, self._workers, self._calm
            )
            self._ports[port_id] = readers
        self._asking = [readers for readers in self._ports.values() if not readers.bare]
        self._update_links(inventory.links)
        ports = tuple(one.port for one in wanted.values())
        self._facts.update(inventory, ports, self._adapters(inventory))
        return inventory

    def _update_links(self, links: Mapping[int, NetLink]) -> None:
        for readers in self._ports.values():
            index = readers.inputs.port.ifindex
            if index is not None:
                readers.update(links.get(index))
        self._bare = [
            (port, readers.inputs.port, readers.known)
            for port, readers in self._ports.items()
            if readers.bare
        ]

    def _adapters(self, inventory: Inventory) -> tuple[Adapter, ...]:
        """The cards that have a selected port, and those that have none at all."""
        return tuple(
            adapter
            for adapter in inventory.adapters
            if any(port in self._ports for port in adapter.ports)
            or (not adapter.ports and not self._include)
        )

    def _counters(self, problems: list[Problem]) -> LinkCounters:
        try:
            return read_link_counters(self._system)
        except OSError as error:
            if not self._system.captured:
                problems.append(Problem("netdev counters", error.strerror or str(error)))
            return LinkCounters({}, 0.0)

    def _settle(self, now: float, everything: bool) -> None:
        """Wait for the readers that belong to this tick, but for none that already hangs."""
        patience, at_most = self._first if everything else (self.interval / 4, 0.0)
        patience = patience if self._patience is None else self._patience
        clock = self._system.clock
        began = clock.now()
        waiting: list[SlowReader[Any]] = []
        for readers in self._asking:
            waiting += readers.every() if everything else readers.fast.values()
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

    def _port(
        self,
        readers: PortReaders,
        counters: LinkCounters,
        problems: list[Problem],
    ) -> PortSample:
        port = readers.inputs.port
        now = self._system.now()
        readings = readers.readings(now)
        if (reading := counters.get(port.ifindex)) is not None:
            readings[Origin.NETDEV] = reading
        problems += readers.problems(now)
        background = readers.background
        return PortSample(
            port,
            readers.current_link(),
            readings,
            readers.temperatures(now),
            background.current_module(),
            background.report.value if background.report else None,
            readers.absent(now),
            self._facts.get(Fact.PORTS, now, port.id),
        )

    def _load(self, now: float) -> Cpu | None:
        if self._cpu is None:
            return None
        if not self._cpu.busy or now - self._cpu.tick >= CPU_EVERY:
            self._cpu = Cpu(now, self._system.cpu())
        return self._cpu if self._cpu.busy else None


def _moved(before: Mapping[int, NetLink], now: Mapping[int, NetLink]) -> bool:
    """Whether devices came, went, were renamed or changed their master."""
    return before.keys() != now.keys() or any(
        (link.name, link.master) != (now[index].name, now[index].master)
        for index, link in before.items()
    )


def _share_asic(ports: dict[PortId, PortSample]) -> dict[PortId, PortSample]:
    """Give every port of a card the chip's temperature: its functions share one sensor."""
    asic: dict[str, Temperature] = {}
    for sample in ports.values():
        key = sample.port.adapter
        if key and key not in asic:
            mine = next((t for t in sample.temperatures if t.name == "asic"), None)
            if mine is not None:
                asic[key] = mine
    if not asic:
        return ports
    shared = {}
    for port_id, sample in ports.items():
        chip = asic.get(sample.port.adapter or "")
        if chip is not None:
            rest = tuple(t for t in sample.temperatures if t.name != "asic")
            sample = sample._replace(temperatures=(chip, *rest))  # noqa: PLW2901
        shared[port_id] = sample
    return shared
