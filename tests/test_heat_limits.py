"""Which temperatures are too hot, and who says so."""

from __future__ import annotations

import pytest

from mlxtop.model.module import Identity, Module, Quantity, Thresholds
from mlxtop.model.sample import Link, PortSample, Temperature
from mlxtop.watch.heat_limits import HeatLimits, chip_limits, limits_of, module_limits
from tests.samples import PACU, card

OWN = Module(Identity(), thresholds={Quantity.TEMPERATURE: Thresholds(80, -10, 72, 0)})


@pytest.mark.parametrize(
    ("family", "reported", "limits"),
    [
        ("ConnectX-4", None, (105.0, 115.0, 130.0)),
        ("ConnectX-4 Lx", 105.0, (105.0, 115.0, 130.0)),
        ("ConnectX-5 Ex", None, (105.0, 115.0, 130.0)),
        ("ConnectX-7", 105.0, (97.0, 102.0, 110.0)),
        ("ConnectX-8", None, (97.0, 102.0, 115.0)),
        ("ConnectX-6", 105.0, (95.0, 105.0, None)),
        ("ConnectX-3", None, (90.0, 100.0, None)),
        (None, None, (90.0, 100.0, None)),
    ],
)
def test_a_chip_has_its_familys_limits(
    family: str | None, reported: float | None, limits: tuple[float, float, float | None]
) -> None:
    found = chip_limits(family, reported)
    assert (found.warning, found.alarm, found.shutdown) == limits
    assert found.source


def test_a_modules_own_limits_count_most() -> None:
    module = Module(Identity(), thresholds={Quantity.TEMPERATURE: Thresholds(80, -10, 72, 0)})
    assert module_limits(module, 70.0) == HeatLimits(72, 80, None, "module's own thresholds")
    bare = Module(Identity(), thresholds={Quantity.TEMPERATURE: Thresholds(high_alarm=80.0)})
    assert module_limits(bare).warning == 75.0
    assert module_limits(Module(Identity()), 70.0).alarm == 70.0
    assert (module_limits(None).warning, module_limits(None).alarm) == (70.0, 75.0)


def test_a_module_with_a_warning_limit_alone_is_in_alarm_there() -> None:
    module = Module(Identity(), thresholds={Quantity.TEMPERATURE: Thresholds(high_warning=72.0)})
    assert module_limits(module)[:2] == (72.0, 72.0)


@pytest.mark.parametrize(
    ("sensor", "module", "source"),
    [
        (Temperature("asic", 60.0, 1.0, 95.0, 105.0), OWN, "the sensor's own limits"),
        (Temperature("asic", 60.0, 1.0, critical=105.0), OWN, "ConnectX-4 manual"),
        (Temperature("module", 60.0, 1.0, critical=70.0), OWN, "module's own thresholds"),
        (Temperature("module", 60.0, 1.0, critical=70.0), None, "limit reported by the driver"),
        (Temperature("module", 60.0, 1.0), None, "usual for commercial optics"),
    ],
)
def test_a_sensors_own_limits_count_before_those_of_its_maker_and_the_driver(
    sensor: Temperature, module: Module | None, source: str
) -> None:
    assert limits_of(sensor, PortSample(PACU, Link(), module=module), card(PACU)).source == source
