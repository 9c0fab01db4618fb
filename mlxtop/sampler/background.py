"""The slowest readers of a port: its module over I2C, and tools that ask the firmware.

None of them runs in the first seconds but the module's, so that a quick look stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlxtop.model.identity import Port, PortKind
from mlxtop.model.module import LinkReport, Module, Quantity
from mlxtop.model.sample import Temperature
from mlxtop.sampler.slow import SlowReader
from mlxtop.sources.module.reader import INTERVAL, ModuleAnswer
from mlxtop.sources.tools import mget_temp
from mlxtop.system.door import System

CALM = 5.0
"""Seconds after the start before the first tool is run."""
OLD = 3.5 * INTERVAL
"""Seconds after which a module's temperature is stale."""
MODULE, REPORT, CHIP = "module", "report", "asic_c"
"""Readers, by the field that is absent without them."""


def why_no_sensor(port: Port) -> str:
    """Return why hwmon has no temperature of a port's chip."""
    if (port.driver or "").startswith("mlx4"):
        return "driver mlx4 has no temperature sensor"
    return "no hwmon sensor: kernel older than 6.6, or firmware that does not offer it"


class Background:
    """Module, link report and chip temperature of one port, as far as there is a way to them."""

    def __init__(
        self,
        system: System,
        port: Port,
        readers: Mapping[str, SlowReader[Any]],
        absent: Mapping[str, str],
        calm: float,
    ) -> None:
        """`absent`: why there is no reader; `calm` as `CALM`."""
        self._calm = 0.0 if system.captured else calm
        self._port = port
        self._begun: float | None = None
        self._absent = absent
        self.module: SlowReader[ModuleAnswer] | None = readers.get(MODULE)
        self.report: SlowReader[LinkReport] | None = readers.get(REPORT)
        self.chip: SlowReader[float] | None = readers.get(CHIP)

    def readers(self) -> Iterator[SlowReader[Any]]:
        """All that there are."""
        for reader in (self.module, self.report, self.chip):
            if reader is not None:
                yield reader

    def poll(self, now: float) -> None:
        """Start the reads that are due."""
        if self._begun is None:
            self._begun = now
        if self.module is not None:
            self.module.poll(now)
        if now - self._begun >= self._calm:
            for reader in (self.report, self.chip):
                if reader is not None:
                    reader.poll(now)

    def current_module(self) -> Module | None:
        """The module as it was last read, by whichever way there is."""
        if self.module is not None and self.module.value is not None:
            module = self.module.value.module
            if module is not None:
                return module
        return self.report.value.module if self.report and self.report.value else None

    def absent(self) -> dict[str, str]:
        """Field name to the reason why there is nothing."""
        found = dict(self._absent)
        if self.module is not None and self.module.value is not None:
            reason = self.module.value.absent
            if reason is not None:
                found["module"] = found["module_c"] = reason
        module = self.current_module()
        if self.module is None and self._port.kind is PortKind.PHYSICAL:
            if self.report is not None:
                why = self.report.error or "mstlink has not answered yet"
            else:
                why = self._absent.get("report", "no tool reads the module of this port")
            found["module"] = f"no Ethernet device to ask; {why}"
        if module is not None:
            found.pop("module", None)
            refused = module.refused.get("temperature") or module.refused.get("diagnostics")
            if refused:
                found["module_c"] = refused
        if self.chip is not None and self.chip.value is None:
            found[CHIP] = f"{why_no_sensor(self._port)}; {self.chip.what} has not answered yet"
        for field, reader in ((REPORT, self.report), (CHIP, self.chip)):
            if reader is not None and reader.error is not None:
                found[field] = f"{reader.what}: {reader.error}"
        return found

    def temperatures(self, known: tuple[Temperature, ...], now: float) -> tuple[Temperature, ...]:
        """Those of hwmon, with the module's own limits, and what hwmon does not have."""
        module = self.current_module()
        found = [_with_own_limits(t, module) if t.name == "module" else t for t in known]
        good = {t.name for t in found if t.celsius is not None and not t.stale}
        if "module" not in good and module is not None and module.temperature is not None:
            found = [t for t in found if t.name != "module"]
            found.append(self._module_temperature(module, module.temperature, now))
        if "asic" not in {t.name for t in found} and self.chip is not None:
            found.extend(self._chip_temperature(self.chip, now))
        return tuple(found)

    def _module_temperature(self, module: Module, celsius: float, now: float) -> Temperature:
        age = now - module.tick
        old = age > OLD or (self.module is not None and self.module.stale(now))
        sensor = Temperature(
            "module",
            celsius,
            module.tick,
            source=module.source,
            problem=f"no answer for {age:.0f} s" if old else None,
            stale=old,
        )
        return _with_own_limits(sensor, module)

    def _chip_temperature(self, reader: SlowReader[float], now: float) -> Iterator[Temperature]:
        if reader.value is None or reader.tick is None:
            return
        stale = reader.stale(now) or now - reader.tick > 3 * mget_temp.INTERVAL
        problem = f"no answer for {now - reader.tick:.0f} s" if stale else None
        yield Temperature(
            "asic", reader.value, reader.tick, source=reader.what, problem=problem, stale=stale
        )


def _with_own_limits(sensor: Temperature, module: Module | None) -> Temperature:
    own = module.thresholds.get(Quantity.TEMPERATURE) if module else None
    if own is None or own.high_alarm is None:
        return sensor
    return sensor._replace(
        warning=own.high_warning,
        critical=own.high_alarm,
        limits_from="module's own thresholds",
    )
