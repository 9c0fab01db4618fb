"""Temperatures of the chip and the module, from the driver's hwmon device.

drivers/net/ethernet/mellanox/mlx5/core/hwmon.c (kernel 6.6 and later);
https://docs.kernel.org/hwmon/sysfs-interface.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mlxtop.model.sample import Temperature
from mlxtop.sources.kernel.sysfs import names, parse_count, read_text
from mlxtop.system.door import System

_INPUT = re.compile(r"^temp(\d{1,6})_input$", re.ASCII)

LOWEST, HIGHEST = -40.0, 150.0
"""Degrees Celsius outside of which a number is not a temperature: the driver multiplies a signed
register as unsigned, so that frost reads as 8190 °C."""


def parse_celsius(text: str | None) -> float | None:
    """Return degrees from hwmon's thousandths; None for what cannot be a temperature.

    Exactly 0 is what a sensor without a number reads as.

    >>> parse_celsius("69125"), parse_celsius("0"), parse_celsius("8190000")
    (69.125, None, None)
    """
    raw = parse_count(text)
    if not raw:
        return None
    celsius = raw / 1000
    return celsius if LOWEST <= celsius <= HIGHEST else None


class Sensor(NamedTuple):
    """One channel: what of it does not change."""

    name: str
    path: str
    """Its files without the ending: `…/temp1`."""
    critical: float | None


def sensor_name(label: str | None, channel: int) -> str:
    """Return `asic` or `module`; firmware labels are `asic`, `asic0`, `Module0`, `sensor64` …

    >>> sensor_name("Module0", 2), sensor_name("asic", 1), sensor_name("sensor64", 2)
    ('module', 'asic', 'module')
    """
    label = (label or "").lower()
    number = re.fullmatch(r"sensor(\d{1,6})", label, re.ASCII)
    if label.startswith("module") or (number and int(number[1]) >= 64):
        return "module"
    if label.startswith("asic") or channel == 1:
        return "asic"
    return label or f"temp{channel}"


def read_sensors(system: System, directory: str) -> tuple[Sensor, ...]:
    """Return the channels of a hwmon directory, with the limits that never change."""
    channels = sorted(int(m[1]) for name in names(system, directory) if (m := _INPUT.match(name)))
    return tuple(
        Sensor(
            sensor_name(read_text(system, f"{directory}/temp{channel}_label"), channel),
            f"{directory}/temp{channel}",
            parse_celsius(read_text(system, f"{directory}/temp{channel}_crit")),
        )
        for channel in channels
    )


def read_temperatures(system: System, sensors: tuple[Sensor, ...]) -> Iterator[Temperature]:
    """Yield what each sensor says now; one that fails says why and has no number."""
    for sensor in sensors:
        text, problem = None, "the sensor has no number"
        try:
            text = system.read(f"{sensor.path}_input").decode("ascii", "replace")
        except OSError as error:
            problem = error.strerror or str(error)
        celsius = parse_celsius(text)
        yield Temperature(
            name=sensor.name,
            celsius=celsius,
            tick=system.now(),
            critical=sensor.critical,
            highest=parse_celsius(read_text(system, f"{sensor.path}_highest")),
            limits_from="firmware (hwmon)" if sensor.critical is not None else None,
            source="hwmon",
            problem=problem if celsius is None else None,
        )
