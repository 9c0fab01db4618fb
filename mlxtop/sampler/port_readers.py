"""The readers of one port that ask the firmware: each at its own pace, none in the sampler."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from mlxtop.model.counters import Origin
from mlxtop.model.identity import Port, PortKind
from mlxtop.model.sample import Link, LinkLayer, LinkState, Problem, Reading, Temperature
from mlxtop.sampler.background import CALM, Background
from mlxtop.sampler.slow import SlowReader
from mlxtop.sampler.workers import Workers
from mlxtop.sources.kernel.ethtool import DriverStatistics, read_mac
from mlxtop.sources.kernel.hwmon import Sensor, read_sensors, read_temperatures
from mlxtop.sources.kernel.link import known_link, read_link, refresh
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.rdma import DATA, port_path, read_data, read_table, table_schema
from mlxtop.system.door import System

STATISTICS_EVERY, ERRORS_EVERY, LINK_EVERY, SENSORS_EVERY = 2.0, 5.0, 2.0, 2.0
"""Seconds between reads; `ethtool -S` is some 35 firmware commands on a full-featured card."""

WIRE_EVERY = 1.0
"""Seconds between reads of the driver's statistics where they are the only count of the wire;
mlx4 refreshes them four times a second."""

DEADLINE = 5.0
"""Seconds after which a read without an answer is told as such."""

_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOENT, errno.ENOTTY)


class ReaderInputs(NamedTuple):
    """All that the readers of a port depend on; another attachment needs new readers."""

    port: Port
    layer: LinkLayer | None
    hwmon: str | None


def _supported(read: Callable[[], Reading | None]) -> Reading | None:
    """A table; None where the driver has no such thing, which is not an error."""
    try:
        return read()
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        raise


class PortReaders:
    """Counters, link and sensors of one port."""

    def __init__(
        self,
        system: System,
        attachment: ReaderInputs,
        netdev: NetLink | None,
        workers: Workers,
        calm: float = CALM,
    ) -> None:
        """`workers`: of all ports; `calm`: seconds after which tools may run."""
        self.attachment = attachment
        self._system = system
        self._workers = workers
        self._netdev = netdev
        self.known = known_link(attachment.layer, netdev)
        """The link as the device list has it."""
        self._channels: tuple[Sensor, ...] = ()
        self.fast: dict[Origin, SlowReader[Reading | None]] = {}
        """Read at every tick."""
        self.tables: dict[Origin, SlowReader[Reading | None]] = {}
        self.link: SlowReader[Link] | None = None
        self.sensors: SlowReader[tuple[Temperature, ...]] | None = None
        port = attachment.port
        chip_is_known = attachment.hwmon is not None
        self.background = Background(system, port, attachment.layer, chip_is_known, calm)
        self.bare = port.kind is PortKind.VIRTUAL and not port.rdma
        """Whether the port has no reader at all: a virtual device, known from netlink alone."""
        if self.bare:
            return
        if port.netdev and port.kind is not PortKind.VIRTUAL:
            self._add_ethtool(port, port.netdev)
        if port.rdma and port.rdma_port:
            self._add_rdma(port, port.rdma, port.rdma_port)
        name = f"{port.id} link"
        self.link = SlowReader(name, self._read_link, LINK_EVERY, DEADLINE, workers)
        if attachment.hwmon:
            read = partial(self._read_sensors, attachment.hwmon)
            name = f"{port.id} hwmon"
            self.sensors = SlowReader(name, read, SENSORS_EVERY, DEADLINE, workers)

    def _add_ethtool(self, port: Port, netdev: str) -> None:
        system = self._system
        if port.driver != "mlx4_core" and self.attachment.layer is not LinkLayer.INFINIBAND:
            self._add(self.fast, Origin.MAC, partial(read_mac, system, netdev), 0.0)
        statistics = DriverStatistics()
        read = partial(statistics.read, system, netdev)
        if Origin.MAC in self.fast or self.attachment.layer is LinkLayer.INFINIBAND:
            self._add(self.tables, Origin.DRIVER, read, STATISTICS_EVERY)
        else:
            self._add(self.fast, Origin.DRIVER, read, WIRE_EVERY)

    def _add_rdma(self, port: Port, device: str, number: int) -> None:
        system = self._system
        base = port_path(device, number)
        self._add(self.fast, Origin.RDMA, partial(read_data, system, device, number), 0.0)
        hardware = table_schema(system, f"{base}/hw_counters")
        if hardware is not None:
            read = partial(read_table, system, f"{base}/hw_counters", hardware)
            self._add(self.tables, Origin.RDMA_HW, read, STATISTICS_EVERY)
        errors = table_schema(system, f"{base}/counters", DATA.keys)
        # On Ethernet the error files of `counters` are meaningless or always 0.
        if errors is not None and self.attachment.layer is LinkLayer.INFINIBAND:
            read = partial(read_table, system, f"{base}/counters", errors)
            self._add(self.tables, Origin.RDMA_ERRORS, read, ERRORS_EVERY)

    def _add(
        self,
        group: dict[Origin, SlowReader[Reading | None]],
        origin: Origin,
        read: Callable[[], Reading | None],
        every: float,
    ) -> None:
        name = f"{self.attachment.port.id} {origin}"
        known = partial(_supported, read)
        group[origin] = SlowReader(name, known, every, DEADLINE, self._workers)

    def _read_link(self) -> Link:
        attachment = self.attachment
        return read_link(self._system, attachment.port, attachment.layer, self._netdev)

    def _read_sensors(self, directory: str) -> tuple[Temperature, ...]:
        # Channels, labels and limits stay as they are for the life of the hwmon device.
        self._channels = self._channels or read_sensors(self._system, directory)
        return tuple(read_temperatures(self._system, self._channels))

    def update(self, netdev: NetLink | None) -> None:
        """Take what the device list says now; a change makes the link be read again at once."""
        if netdev == self._netdev:
            return
        self._netdev = netdev
        self.known = known_link(self.attachment.layer, netdev)
        if self.link is not None:
            self.link.again()

    def poll(self, now: float, slow: bool) -> None:
        """Start the reads that are due: of this tick's counters, or of everything slower."""
        for reader in self.slow() if slow else self.fast.values():
            reader.poll(now)
        if slow:
            self.background.poll(now)
        if slow:
            self._prefer_driver()

    def _prefer_driver(self) -> None:
        """Without standard statistics (kernels before 5.13) the driver's are those of the wire."""
        mac = self.fast.get(Origin.MAC)
        if mac is None or mac.tick is None or mac.value is not None or mac.busy():
            return
        driver = self.tables.pop(Origin.DRIVER, None)
        if driver is not None:
            driver.every = WIRE_EVERY
            self.fast[Origin.DRIVER] = driver

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
        layer, link = self.attachment.layer, self.link.value
        if any(reader.gone for reader in self.fast.values()):
            detail = "the device no longer answers"
            return (link or self.known)._replace(state=LinkState.LOST, detail=detail)
        if link is None:
            return self.known
        return refresh(link, layer, self._netdev)

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
                yield Problem(reader.name, f"no answer for more than {DEADLINE:g} s")
            elif reader.error is not None:
                yield Problem(reader.name, reader.error)

    def close(self) -> None:
        """No more reads."""
        for reader in self.every():
            reader.close()
