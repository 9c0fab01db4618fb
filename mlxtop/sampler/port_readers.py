"""Readers of one port: each at its own pace, in the background, as `READERS` has it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from mlxtop.model.counters import Origin
from mlxtop.model.identity import PortKind
from mlxtop.model.module import LinkReport, Module, Quantity
from mlxtop.model.pcie import PcieReport
from mlxtop.model.sample import Link, LinkState, PortSample, Problem, Reading, Slow, Temperature
from mlxtop.sampler import reader_table
from mlxtop.sampler.reader_table import (
    CHIP,
    LINK,
    MODULE,
    PCIE_REPORT,
    REPORT,
    SENSORS,
    ReaderInputs,
    Row,
)
from mlxtop.sampler.slow import SlowReader, Workers
from mlxtop.sources.kernel.ethtool import DriverStatistics
from mlxtop.sources.kernel.hwmon import Sensor, read_sensors, read_temperatures
from mlxtop.sources.kernel.link import known_link, read_link, refresh
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.module.reader import INTERVAL, ModuleAnswer, ModuleReader
from mlxtop.sources.tools import mget_temp
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.model.tuning import PortTuning

WIRE_EVERY = 1.0
"""Seconds between reads of the driver's statistics where they are the only count of the wire;
mlx4 refreshes them four times a second."""

DEADLINE = 5.0
"""Seconds after which a read without an answer is told as such; tools have twice their interval."""


class PortReaders:
    """Counters, link, sensors, module and tools of one port."""

    def __init__(
        self,
        system: System,
        inputs: ReaderInputs,
        netdev: NetLink | None,
        workers: Workers,
    ) -> None:
        """`workers`: of all ports."""
        self.inputs = inputs
        self.system = system
        self.port = port = inputs.port
        self.netdev: tuple[System, str] = system, port.netdev or ""
        self.rdma: tuple[System, str, int] = system, port.rdma or "", port.rdma_port or 0
        self.function: tuple[System, str] = system, port.function or ""
        self.memory: ModuleReader = ModuleReader(*self.netdev)
        self.statistics: DriverStatistics = DriverStatistics()
        self.device_list_link = known_link(inputs.layer, netdev)
        self.wanted = False
        """Somebody looks at the port, or all of it is recorded."""
        self.bare = port.kind is PortKind.VIRTUAL and not port.rdma
        """The port has no reader at all: a virtual device, of which netlink tells everything."""
        self.readers: dict[str, SlowReader[Any]] = {}
        self.fast: list[SlowReader[Any]] = []
        """Those that read at every tick."""
        self._tools: list[SlowReader[Any]] = []
        self._on_demand: list[SlowReader[Any]] = []
        self._why_no_reader: dict[str, str] = {}
        self._workers = workers
        self._link = netdev
        self._channels: tuple[Sensor, ...] = ()
        for row in () if self.bare else reader_table.READERS:
            if row.when(inputs):
                self._add(row)
        self.link: SlowReader[Link] | None = self.readers.get(LINK)
        self.sensors: SlowReader[tuple[Temperature, ...]] | None = self.readers.get(SENSORS)
        self.module: SlowReader[ModuleAnswer] | None = self.readers.get(MODULE)
        self.report: SlowReader[LinkReport] | None = self.readers.get(REPORT)
        self.pcie_report: SlowReader[PcieReport] | None = self.readers.get(PCIE_REPORT)
        self.chip: SlowReader[float] | None = self.readers.get(CHIP)
        if Origin.MAC not in self.readers and not inputs.infiniband:
            self._count_wire_by_driver()

    def _add(self, row: Row) -> None:
        """Make the reader of a row, or note why there is none."""
        what = row.what if row.tool is None else row.tool(self.system, self.port)
        if row.absent is not None and not (what and self.system.root):
            self._why_no_reader[row.what] = row.absent(self.port, what)
            return
        if not what or (read := row.read(self, what)) is None:
            return
        if isinstance(row.what, Origin):
            read = partial(reader_table.supported, read)
        deadline = 2 * row.every if row.tool else DEADLINE
        worker = self.system.clock if row.alone else self._workers
        reader = SlowReader(what, read, row.every, deadline, worker, subject=self.port.id)
        self.readers[row.what] = reader
        if row.on_demand:
            self._on_demand.append(reader)
        if row.tool:
            self._tools.append(reader)
        elif not row.every:
            self.fast.append(reader)

    def _count_wire_by_driver(self) -> None:
        """Read the driver's statistics as often as they change: they are those of the wire."""
        driver = self.readers.get(Origin.DRIVER)
        if driver is not None and driver not in self.fast:
            driver.every = WIRE_EVERY
            self.fast.append(driver)

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
        self.device_list_link = known_link(self.inputs.layer, netdev)
        if self.link is not None:
            self.link.again()

    def poll(self, now: float) -> None:
        """Start the reads of this tick's counters."""
        for reader in self.fast:
            reader.poll(now)

    def poll_slow(self, now: float, calm: bool) -> None:
        """Start the slower reads that are due; `calm`: tools may run."""
        left_out = self.fast if self.wanted else [*self.fast, *self._on_demand]
        for reader in self.readers.values():
            if reader not in left_out and (calm or reader not in self._tools):
                reader.poll(now)
        mac = self.readers.get(Origin.MAC)
        if mac is not None and mac.tick is not None and mac.value is None and not mac.busy():
            self._count_wire_by_driver()  # kernels before 5.13 have no standard statistics

    def sample(self, now: float, netdev: Reading | None, settings: Slow[PortTuning]) -> PortSample:
        """Return everything as it was last read, with the counters of the network device."""
        readings = self._readings(now)
        if netdev is not None:
            readings[Origin.NETDEV] = netdev
        return PortSample(
            self.port,
            self._current_link(),
            readings,
            self._temperatures(now),
            self._current_module(),
            self.report.value if self.report else None,
            self._reasons(now),
            settings,
            self.pcie_report.value if self.pcie_report else None,
        )

    def _readings(self, now: float) -> dict[Origin, Reading]:
        """Return the newest reading of every table that still answers."""
        return {
            origin: reader.value
            for origin, reader in self.readers.items()
            if isinstance(origin, Origin)
            and reader.value is not None
            and reader.error is None
            and not reader.stale(now)
            and (reader not in self._on_demand or now - reader.value.tick < 3 * reader.every)
        }

    def _current_link(self) -> Link:
        """Return the link as it was last read, and as the device list has it now."""
        if self.link is None:
            return self.device_list_link
        link = self.link.value
        if any(reader.gone for reader in self.fast):
            detail = "the device no longer answers"
            return (link or self.device_list_link)._replace(state=LinkState.LOST, detail=detail)
        if link is None:
            return self.device_list_link
        return refresh(link, self.inputs.layer, self._link)

    def _current_module(self) -> Module | None:
        """Return the module as it was last read, by whichever way there is."""
        answer = self.module.value if self.module else None
        if answer is not None and answer.module is not None:
            return answer.module
        return self.report.value.module if self.report and self.report.value else None

    def _temperatures(self, now: float) -> tuple[Temperature, ...]:
        """Return hwmon's sensors, with the module's own limits, and what hwmon does not have."""
        module = self._current_module()
        sensors: tuple[Temperature, ...] = ()
        if self.sensors is not None and self.sensors.value is not None:
            sensors = self.sensors.value
            if self.sensors.stale(now):
                sensors = tuple(_stale(sensor, now) for sensor in sensors)
        answering = {t.name for t in sensors if t.celsius is not None and not t.stale}
        if "module" not in answering and module is not None and module.temperature is not None:
            own = Temperature("module", module.temperature, module.tick, source=module.source)
            late = now - module.tick > 3.5 * INTERVAL
            if late or (self.module is not None and self.module.stale(now)):
                own = _stale(own, now)
            sensors = (*(t for t in sensors if t.name != "module"), own)
        chip = self.chip
        if chip is not None and chip.value is not None and chip.tick is not None:
            asic = Temperature("asic", chip.value, chip.tick, source=chip.what)
            if chip.stale(now) or now - chip.tick > 3 * mget_temp.INTERVAL:
                asic = _stale(asic, now)
            sensors += () if any(t.name == "asic" for t in sensors) else (asic,)
        return tuple(_with_own_limits(t, module) if t.name == "module" else t for t in sensors)

    def _reasons(self, now: float) -> dict[str, str]:
        """Return the reasons why there is no value, by field name."""
        reasons = dict(self._why_no_reader)
        answer = self.module.value if self.module else None
        if answer is not None and answer.absent is not None:
            reasons["module"] = reasons["module_c"] = answer.absent
        if self.module is None and self.port.kind is PortKind.PHYSICAL:
            if self.report is not None:
                why = self.report.error or "mstlink has not answered yet"
            else:
                why = self._why_no_reader.get(REPORT, "no tool reads the module of this port")
            reasons["module"] = f"no Ethernet device to ask; {why}"
        if (module := self._current_module()) is not None:
            reasons.pop("module", None)
            refused = module.refused.get("temperature") or module.refused.get("diagnostics")
            if refused:
                reasons["module_c"] = refused
        if self.chip is not None and self.chip.value is None:
            why = reader_table.why_no_sensor(self.port)
            reasons[CHIP] = f"{why}; {self.chip.what} has not answered yet"
        for field, reader in (
            (REPORT, self.report),
            (PCIE_REPORT, self.pcie_report),
            (CHIP, self.chip),
        ):
            if reader is not None and reader.error is not None:
                reasons[field] = f"{reader.what}: {reader.error}"
        sensors = self.sensors
        if sensors is not None and sensors.value is None:
            why = sensors.error or "the sensor has not answered yet"
            if sensors.stale(now):
                why = f"the sensor has not answered for more than {DEADLINE:g} s"
            reasons[CHIP] = why
            reasons.setdefault("module_c", why)
        return reasons

    def problems(self, now: float) -> Iterator[Problem]:
        """Yield what does not answer, and what failed."""
        for reader in self.readers.values():
            if reader.stale(now):
                yield reader.problem(f"no answer for more than {DEADLINE:g} s")
            elif reader.error is not None:
                yield reader.problem(reader.error)

    def close(self) -> None:
        """Read no more."""
        for reader in self.readers.values():
            reader.close()


def _stale(sensor: Temperature, now: float) -> Temperature:
    return sensor._replace(stale=True, problem=f"no answer for {now - sensor.tick:.0f} s")


def _with_own_limits(sensor: Temperature, module: Module | None) -> Temperature:
    own = module.thresholds.get(Quantity.TEMPERATURE) if module else None
    if own is None or own.high_alarm is None:
        return sensor
    return sensor._replace(
        warning=own.high_warning,
        critical=own.high_alarm,
        limits_from="module's own thresholds",
    )
