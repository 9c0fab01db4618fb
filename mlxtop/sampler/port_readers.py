"""What is read of one port: each at its own pace, in the background.

To add a reader: a row of `READERS`, and what becomes of its value in `PortReaders` or `Background`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from mlxtop.model.counters import Origin
from mlxtop.model.identity import Port, PortKind
from mlxtop.model.sample import Link, LinkLayer, LinkState, Problem, Reading, Temperature
from mlxtop.sampler.background import CALM, CHIP, MODULE, REPORT, Background, why_no_sensor
from mlxtop.sampler.slow import SlowReader
from mlxtop.sampler.workers import Workers
from mlxtop.sources.kernel.ethtool import DriverStatistics, read_mac
from mlxtop.sources.kernel.hwmon import Sensor, read_sensors, read_temperatures
from mlxtop.sources.kernel.link import known_link, read_link, refresh
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.rdma import DATA, port_path, read_data, read_table, table_schema
from mlxtop.sources.module.reader import GUARDED_INTERVAL, ModuleReader
from mlxtop.sources.tools import mget_temp, mlxlink
from mlxtop.system.door import System

LINK, SENSORS = "link", "hwmon"

WIRE_EVERY = 1.0
"""Seconds between reads of the driver's statistics where they are the only count of the wire;
mlx4 refreshes them four times a second."""

DEADLINE = 5.0
"""Seconds after which a read without an answer is told as such; tools have twice their interval."""

_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOENT, errno.ENOTTY)


class ReaderInputs(NamedTuple):
    """All that the readers of a port depend on; other inputs need new readers."""

    port: Port
    layer: LinkLayer | None
    hwmon: str | None

    @property
    def infiniband(self) -> bool:
        """Return whether the port is in InfiniBand mode."""
        return self.layer is LinkLayer.INFINIBAND


class PortReaders:
    """Counters, link, sensors, module and tools of one port."""

    def __init__(
        self,
        system: System,
        inputs: ReaderInputs,
        netdev: NetLink | None,
        workers: Workers,
        calm: float = CALM,
    ) -> None:
        """`workers`: of all ports; `calm`: seconds after which tools may run."""
        self.inputs = inputs
        self.system = system
        self.known = known_link(inputs.layer, netdev)
        """The link as the device list has it."""
        self.port = port = inputs.port
        self.netdev = system, port.netdev or ""
        self.rdma = system, port.rdma or "", port.rdma_port or 0
        self.function = system, port.function or ""
        self.memory = ModuleReader(*self.netdev)
        self.statistics = DriverStatistics().read
        self._workers = workers
        self._link = netdev
        self._channels: tuple[Sensor, ...] = ()
        self.fast: dict[Origin, SlowReader[Reading | None]] = {}
        """Read at every tick."""
        self.tables: dict[Origin, SlowReader[Reading | None]] = {}
        self.bare = port.kind is PortKind.VIRTUAL and not port.rdma
        """Whether the port has no reader at all: a virtual device, known from netlink alone."""
        readers: dict[str, SlowReader[Any]] = {}
        absent: dict[str, str] = {}
        for row in () if self.bare else READERS:
            if not row.when(inputs):
                continue
            what = row.what if row.tool is None else row.tool(system, port)
            if row.absent is not None and not (what and system.root):
                absent[row.what] = row.absent(port, what)
            elif what and (reader := self._make(row, what)) is not None:
                readers[row.what] = reader
                if isinstance(row.what, Origin):
                    (self.tables if row.every else self.fast)[row.what] = reader
        self.link: SlowReader[Link] | None = readers.get(LINK)
        self.sensors: SlowReader[tuple[Temperature, ...]] | None = readers.get(SENSORS)
        self.background = Background(system, port, readers, absent, calm)
        if Origin.MAC not in self.fast and not inputs.infiniband:
            self._count_wire_by_driver()

    def _make(self, row: Row, what: str) -> SlowReader[Any] | None:
        read = row.read(self, what)
        if read is None:
            return None
        if isinstance(row.what, Origin):
            read = partial(_supported, read)
        deadline = 2 * row.every if row.tool else DEADLINE
        worker = self.system.clock if row.alone else self._workers
        return SlowReader(what, read, row.every, deadline, worker, subject=self.port.id)

    def _count_wire_by_driver(self) -> None:
        """Read the driver's statistics as often as they change: they are those of the wire."""
        driver = self.tables.pop(Origin.DRIVER, None)
        if driver is not None:
            driver.every = WIRE_EVERY
            self.fast[Origin.DRIVER] = driver

    def read_link(self) -> Link:
        """Return the link as the driver has it now."""
        return read_link(self.system, self.port, self.inputs.layer, self._link)

    def read_sensors(self) -> tuple[Temperature, ...]:
        """Return temperatures; channels, labels and limits stay for the life of the device."""
        self._channels = self._channels or read_sensors(self.system, self.inputs.hwmon or "")
        return tuple(read_temperatures(self.system, self._channels))

    def update(self, netdev: NetLink | None) -> None:
        """Take what the device list says now; a change makes the link be read again at once."""
        if netdev == self._link:
            return
        self._link = netdev
        self.known = known_link(self.inputs.layer, netdev)
        if self.link is not None:
            self.link.again()

    def poll(self, now: float, slow: bool) -> None:
        """Start the reads that are due: of this tick's counters, or of everything slower."""
        for reader in self.slow() if slow else self.fast.values():
            reader.poll(now)
        if slow:
            self.background.poll(now)
            self._prefer_driver()

    def _prefer_driver(self) -> None:
        """Without standard statistics (kernels before 5.13) the driver's are those of the wire."""
        mac = self.fast.get(Origin.MAC)
        if mac is None or mac.tick is None or mac.value is not None or mac.busy():
            return
        self._count_wire_by_driver()

    def slow(self) -> Iterator[SlowReader[Any]]:
        """Every reader but those of every tick."""
        yield from self.tables.values()
        if self.link is not None:
            yield self.link
        if self.sensors is not None:
            yield self.sensors

    def every(self) -> Iterator[SlowReader[Any]]:
        """All readers."""
        yield from self.fast.values()
        yield from self.slow()
        yield from self.background.readers()

    def readings(self, now: float) -> dict[Origin, Reading]:
        """The newest reading of every table that still answers."""
        return {
            origin: reader.value
            for group in (self.fast, self.tables)
            for origin, reader in group.items()
            if reader.value is not None and reader.error is None and not reader.stale(now)
        }

    def current_link(self) -> Link:
        """The link as it was last read, and as the device list has it now."""
        if self.link is None:
            return self.known
        layer, link = self.inputs.layer, self.link.value
        if any(reader.gone for reader in self.fast.values()):
            detail = "the device no longer answers"
            return (link or self.known)._replace(state=LinkState.LOST, detail=detail)
        if link is None:
            return self.known
        return refresh(link, layer, self._link)

    def temperatures(self, now: float) -> tuple[Temperature, ...]:
        """The sensors' last numbers; old ones are marked stale."""
        return self.background.temperatures(self._hwmon(now), now)

    def _hwmon(self, now: float) -> tuple[Temperature, ...]:
        reader = self.sensors
        if reader is None or reader.value is None:
            return ()
        if not reader.stale(now):
            return reader.value
        return tuple(
            t._replace(stale=True, problem=f"no answer for {now - t.tick:.0f} s")
            for t in reader.value
        )

    def absent(self, now: float) -> dict[str, str]:
        """Field name to the reason why there is no value."""
        found = self.background.absent()
        sensors = self.sensors
        if sensors is not None and sensors.value is None:
            reason = sensors.error or "the sensor has not answered yet"
            if sensors.stale(now):
                reason = f"the sensor has not answered for more than {DEADLINE:g} s"
            found["asic_c"] = reason
            found.setdefault("module_c", reason)
        return found

    def problems(self, now: float) -> Iterator[Problem]:
        """What does not answer, and what failed."""
        for reader in self.every():
            if reader.stale(now):
                yield reader.problem(f"no answer for more than {DEADLINE:g} s")
            elif reader.error is not None:
                yield reader.problem(reader.error)

    def close(self) -> None:
        """No more reads."""
        for reader in self.every():
            reader.close()


class Row(NamedTuple):
    """How a port is read of one thing."""

    what: str
    """A table of counters, or a name."""
    every: float
    """Seconds between reads; 0: at every sample."""
    when: Callable[[ReaderInputs], object]
    """Return whether such a port has it."""
    read: Callable[[PortReaders, str], Callable[[], Any] | None]
    """Return what reads it, None where the driver shows no such thing; gets the tool's name."""
    alone: bool = False
    """Read in a thread of its own: it takes seconds."""
    tool: Callable[[System, Port], str | None] | None = None
    """Return the installed program that reads it, as root."""
    absent: Callable[[Port, str | None], str] | None = None
    """Return why that program is not run: it is not installed, or needs root."""


def _has_statistics(it: ReaderInputs) -> bool:
    return bool(it.port.netdev) and it.port.kind is not PortKind.VIRTUAL


def _has_standard_statistics(it: ReaderInputs) -> bool:
    return _has_statistics(it) and it.port.driver != "mlx4_core" and not it.infiniband


def _has_rdma(it: ReaderInputs) -> bool:
    return bool(it.port.rdma and it.port.rdma_port)


def _has_module(it: ReaderInputs) -> bool:
    return bool(it.port.netdev) and it.port.kind is PortKind.PHYSICAL and not it.infiniband


def _has_tools(it: ReaderInputs) -> bool:
    """Return whether tools can ask the card about the port: they know its first one only."""
    mine = it.port.is_mlx and it.port.kind is PortKind.PHYSICAL
    return mine and it.port.function is not None and it.port.id.number == 1


def _supported(read: Callable[[], Any]) -> Any:
    """Return what `read` gives; None where the driver has no such table, which is no error."""
    try:
        return read()
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        raise


def _rdma_table(
    own: PortReaders, folder: str, without: tuple[str, ...] = ()
) -> Callable[[], Reading | None] | None:
    system, device, number = own.rdma
    path = f"{port_path(device, number)}/{folder}"
    schema = table_schema(system, path, without)
    return None if schema is None else partial(read_table, system, path, schema)


def _why_no_report(port: Port, tool: str | None) -> str:
    return f"{tool} needs root" if tool else "neither mstlink nor mlxlink is installed"


def _why_no_chip(port: Port, tool: str | None) -> str:
    missing = f"{tool} needs root" if tool else mget_temp.what_would_help(port.driver)
    return f"{why_no_sensor(port)}; {missing}"


READERS = (
    Row(Origin.MAC, 0.0, _has_standard_statistics, lambda own, _: partial(read_mac, *own.netdev)),
    # Some 35 firmware commands on a full-featured card.
    Row(Origin.DRIVER, 2.0, _has_statistics, lambda own, _: partial(own.statistics, *own.netdev)),
    Row(Origin.RDMA, 0.0, _has_rdma, lambda own, _: partial(read_data, *own.rdma)),
    Row(Origin.RDMA_HW, 2.0, _has_rdma, lambda own, _: _rdma_table(own, "hw_counters")),
    # On Ethernet the error files of `counters` are meaningless or always 0.
    Row(
        Origin.RDMA_ERRORS,
        5.0,
        lambda it: it.infiniband and _has_rdma(it),
        lambda own, _: _rdma_table(own, "counters", DATA.keys),
    ),
    Row(LINK, 2.0, lambda it: True, lambda own, _: own.read_link),
    Row(SENSORS, 2.0, lambda it: it.hwmon, lambda own, _: own.read_sensors),
    Row(MODULE, GUARDED_INTERVAL, _has_module, lambda own, _: own.memory.read, alone=True),
    Row(
        REPORT,
        mlxlink.INTERVAL,
        lambda it: _has_tools(it) and (it.port.driver or "").startswith("mlx5"),
        lambda own, tool: partial(mlxlink.read_link_report, *own.function, tool),
        alone=True,
        tool=lambda system, _: mlxlink.find_tool(system),
        absent=_why_no_report,
    ),
    Row(
        CHIP,
        mget_temp.INTERVAL,
        lambda it: _has_tools(it) and it.hwmon is None,
        lambda own, tool: partial(mget_temp.read_mget_temp, *own.function, tool),
        alone=True,
        tool=lambda system, port: mget_temp.find_tool(system, port.driver),
        absent=_why_no_chip,
    ),
)
