"""Which temperatures are too hot for this module and this chip, and who says so.

The module's own thresholds count most, then the maker's manual of the chip family, then what the
driver reports, then a cautious guess.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mlxtop.model.identity import Adapter
from mlxtop.model.module import Module, Quantity
from mlxtop.model.sample import PortSample, Temperature

CHIP, MODULE = "asic", "module"
"""Names of the two sensors."""


class HeatLimits(NamedTuple):
    """°C from which it is too warm, too hot, and switched off; None where nobody says."""

    warning: float
    alarm: float
    shutdown: float | None
    source: str
    """Who says so, for people."""


FAMILIES = {
    "ConnectX-4": (105.0, 115.0, 130.0),
    "ConnectX-5": (105.0, 115.0, 130.0),
    "ConnectX-7": (97.0, 102.0, 110.0),
    "ConnectX-8": (97.0, 102.0, 115.0),
}
"""Warning, alarm, shutdown of the chip: NVIDIA's product manuals, chapter Monitoring."""

_GUESS = {
    CHIP: HeatLimits(90.0, 100.0, None, "cautious guess: nobody says"),
    MODULE: HeatLimits(70.0, 75.0, None, "usual for commercial optics"),
}
_MARGIN = 10.0
"""°C below the only reported limit at which to warn."""


def chip_limits(family: str | None, reported: float | None = None) -> HeatLimits:
    """Limits of a chip by its family; `reported` is what the driver says of it.

    >>> chip_limits("ConnectX-7").alarm, chip_limits("ConnectX-6 Dx", 105.0).warning
    (102.0, 95.0)
    """
    name = re.match(r"ConnectX-\d+", family or "")
    known = FAMILIES.get(name[0]) if name else None
    if known is not None and name is not None:
        return HeatLimits(*known, f"{name[0]} manual")
    if reported:
        return HeatLimits(reported - _MARGIN, reported, None, "limit reported by the driver")
    return _GUESS[CHIP]


def module_limits(module: Module | None, reported: float | None = None) -> HeatLimits:
    """Limits of a module; `reported` is what the driver says of it.

    >>> module_limits(None, 70.0)
    HeatLimits(warning=60.0, alarm=70.0, shutdown=None, source='limit reported by the driver')
    """
    own = module.thresholds.get(Quantity.TEMPERATURE) if module else None
    if own is not None:
        alarm = own.high_alarm if own.high_alarm is not None else own.high_warning
        if alarm is not None:
            warning = own.high_warning if own.high_warning is not None else alarm - _MARGIN / 2
            return HeatLimits(warning, alarm, None, "module's own thresholds")
    if reported:
        return HeatLimits(reported - _MARGIN, reported, None, "limit reported by the driver")
    return _GUESS[MODULE]


def limits_of(sensor: Temperature, port: PortSample, adapter: Adapter | None) -> HeatLimits:
    """The limits that a port's sensor is to be judged by; both of its own count most."""
    if sensor.warning is not None and sensor.critical is not None:
        source = sensor.limits_from or "the sensor's own limits"
        return HeatLimits(sensor.warning, sensor.critical, None, source)
    if sensor.name == MODULE:
        return module_limits(port.module, sensor.critical)
    return chip_limits(adapter.family if adapter else None, sensor.critical)
