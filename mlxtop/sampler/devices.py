"""The devices of a machine as they come and go, and the readers of the selected ports."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from threading import Event

from mlxtop.model.identity import Adapter, Port, PortId
from mlxtop.model.sample import Link, PortSample, Problem, Temperature
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.sampler.fact_readers import FactReaders
from mlxtop.sampler.facts import Fact
from mlxtop.sampler.port_readers import PortReaders
from mlxtop.sampler.reader_table import ReaderInputs
from mlxtop.sampler.slow import Workers
from mlxtop.sources.kernel.net import LinkCounters, NetLink, read_link_counters, read_links
from mlxtop.system.door import System

DISCOVER_EVERY, DISCOVER_BLIND = 60.0, 3.0
"""Seconds between looks for new devices, with and without events that tell of them."""

MOST_NAMES = 12
"""Ports named in one line at most."""


def selected(port: Port, patterns: tuple[str, ...]) -> bool:
    """Return whether globs of netdev, RDMA or PCI names select a port; later ones win, `!` negates.

    >>> from mlxtop.model.identity import PortKind
    >>> port = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, netdev="enp67s0np0")
    >>> selected(port, ("enp*",)), selected(port, ("!0000:43*",)), selected(port, ("mlx5_*",))
    (True, False, False)
    """
    chosen = not patterns or patterns[0].startswith("!")
    names = [port.netdev, port.rdma, port.id.device, str(port.id), *port.extra_netdevs]
    names += port.extra_rdma
    for pattern in patterns:
        glob = pattern.removeprefix("!")
        if any(name and fnmatchcase(name, glob) for name in names):
            chosen = glob == pattern
    return chosen


class Devices:
    """The inventory of a machine, and the readers of its selected ports."""

    def __init__(
        self, system: System, everything: bool, include: tuple[str, ...], workers: Workers
    ) -> None:
        self.inventory: Inventory | None = None
        self.readers: dict[PortId, PortReaders] = {}
        self.asking: list[PortReaders] = []
        """Those that ask the firmware."""
        self.changed = Event()
        """Devices came or went."""
        self._bare: list[tuple[PortId, Port, Link]] = []
        """The ports of the other readers."""
        self._system = system
        self._everything = everything
        self._include = include
        self._workers = workers
        self._discovered = 0.0
        self._links_changed = Event()
        self._blind = True

    def watch(self, stop: Event, lost: Callable[[], None]) -> None:
        """Note that devices or links change; what exactly is read from the kernel again."""
        with suppress(Exception):  # whatever it is: without events we look more often
            self._blind = False
            for event in self._system.events(stop):
                if event.action == "lost":
                    lost()
                if event.action != "link":
                    self.changed.set()
                self._links_changed.set()
        self._blind = True

    def look(self, facts: FactReaders) -> Inventory:
        """Return what there is; read again when an event says so, else now and then."""
        now = self._system.now()
        inventory = self.inventory
        pause = DISCOVER_BLIND if self._blind else DISCOVER_EVERY
        if inventory is None or self.changed.is_set() or now - self._discovered > pause:
            self.changed.clear()
            self._links_changed.clear()
            return self._discover(now, facts)
        if self._links_changed.is_set():
            self._links_changed.clear()
            links = {link.index: link for link in read_links(self._system)}
            if _moved(inventory.links, links):
                return self._discover(now, facts)
            self.inventory = inventory = inventory._replace(links=links)
            self._update_links(links)
        return inventory

    def _discover(self, now: float, facts: FactReaders) -> Inventory:
        self._discovered = now
        self.inventory = inventory = discover(self._system, self._everything)
        hwmon = {f.address: f.hwmon for a in inventory.adapters for f in a.functions}
        wanted: dict[PortId, ReaderInputs] = {}
        for port in inventory.ports:
            if selected(port, self._include):
                sensors = hwmon.get(port.function or "") if port.id.number == 1 else None
                wanted[port.id] = ReaderInputs(port, inventory.layers.get(port.id), sensors)
        for port_id, readers in list(self.readers.items()):
            if wanted.get(port_id) != readers.inputs:
                self.readers.pop(port_id).close()
        kept, self.readers = self.readers, {}
        for port_id, inputs in wanted.items():
            link = inventory.links.get(inputs.port.ifindex or 0)
            self.readers[port_id] = kept.get(port_id) or PortReaders(
                self._system, inputs, link, self._workers
            )
        self.asking = [readers for readers in self.readers.values() if not readers.bare]
        self._update_links(inventory.links)
        facts.update(inventory, tuple(one.port for one in wanted.values()), self.adapters())
        return inventory

    def _update_links(self, links: Mapping[int, NetLink]) -> None:
        for readers in self.readers.values():
            if readers.port.ifindex is not None:
                readers.update(links.get(readers.port.ifindex))
        self._bare = [
            (port, readers.port, readers.device_list_link)
            for port, readers in self.readers.items()
            if readers.bare
        ]

    def adapters(self) -> tuple[Adapter, ...]:
        """Return the cards that have a selected port, and those that have none at all."""
        return tuple(
            adapter
            for adapter in (self.inventory.adapters if self.inventory else ())
            if any(port in self.readers for port in adapter.ports)
            or (not adapter.ports and not self._include)
        )

    def nothing_selected(self) -> str | None:
        """Return which globs select no port, and which ports there are; None where one is shown."""
        ports = self.inventory.ports if self.inventory else ()
        if not self._include or not ports or self.readers:
            return None
        names = ", ".join(port.name for port in ports[:MOST_NAMES])
        names += f" and {len(ports) - MOST_NAMES} more" if len(ports) > MOST_NAMES else ""
        names += "" if self._everything else " (with --all every network device)"
        return f"-i {shlex.join(self._include)} selects no port; there are {names}"

    def counters(self, problems: list[Problem]) -> LinkCounters:
        """Return the counters of all network devices; none, and why, where they cannot be read."""
        try:
            return read_link_counters(self._system)
        except OSError as error:
            if not self._system.captured:
                problems.append(Problem("netdev counters", error.strerror or str(error)))
            return LinkCounters({}, 0.0)

    def samples(
        self, counters: LinkCounters, facts: FactReaders, problems: list[Problem]
    ) -> dict[PortId, PortSample]:
        """Return every selected port as it was last read."""
        ports = counters.bare(self._bare)
        if not self.asking:
            return ports
        asking = {}
        for readers in self.asking:
            now, port = self._system.now(), readers.port
            problems += readers.problems(now)
            settings = facts.get(Fact.PORTS, now, port.id)
            asking[port.id] = readers.sample(now, counters.get(port.ifindex), settings)
        every = {port: ports.get(port) or asking[port] for port in self.readers}
        return _share_modules(_share_asic(every))

    def close(self) -> None:
        """Read no more."""
        for readers in self.readers.values():
            readers.close()


def _moved(before: Mapping[int, NetLink], now: Mapping[int, NetLink]) -> bool:
    """Return whether devices came, went, were renamed or changed their master."""
    return before.keys() != now.keys() or any(
        (link.name, link.master) != (now[index].name, now[index].master)
        for index, link in before.items()
    )


def _share_asic(ports: dict[PortId, PortSample]) -> dict[PortId, PortSample]:
    """Give every port of a card the chip's temperature: its functions share one sensor."""
    chips: dict[str | None, Temperature] = {}
    for sample in ports.values():
        chip = sample.sensor("asic")
        if not sample.port.adapter or chip is None:
            continue
        other = chips.setdefault(sample.port.adapter, chip)
        if (other.celsius is None or other.stale) and chip.celsius is not None and not chip.stale:
            chips[sample.port.adapter] = chip
    if not chips:
        return ports
    shared = {}
    for port_id, sample in ports.items():
        chip = chips.get(sample.port.adapter)
        rest = (t for t in sample.temperatures if t.name != "asic")
        shared[port_id] = sample._replace(temperatures=(chip, *rest)) if chip else sample
    return shared


def _share_modules(ports: dict[PortId, PortSample]) -> dict[PortId, PortSample]:
    """Give the ports of one cage the module that was read at any of them."""
    sources: dict[PortId, PortSample] = {}
    for sample in ports.values():
        cage = sample.port.cage
        if cage is not None and (cage not in sources or sources[cage].module is None):
            sources[cage] = sample
    return {
        port: _with_module(sample, sources[cage]) if (cage := sample.port.cage) else sample
        for port, sample in ports.items()
    }


def _with_module(sample: PortSample, source: PortSample) -> PortSample:
    """Return a sample with the module of another one, where its own could not be read."""
    if sample.module is None and source.module is not None:
        absent = {field: why for field, why in sample.absent.items() if field != "module"}
        sample = sample._replace(module=source.module, absent=absent)
    theirs, own = source.sensor("module"), sample.sensor("module")
    if theirs is None or theirs.celsius is None or (own is not None and own.celsius is not None):
        return sample
    rest = (sensor for sensor in sample.temperatures if sensor.name != "module")
    absent = {field: why for field, why in sample.absent.items() if field != "module_c"}
    return sample._replace(temperatures=(*rest, theirs), absent=absent)
