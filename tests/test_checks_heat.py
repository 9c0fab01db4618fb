"""Temperatures and light against the limits of this chip and this module."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Finding
from mlxtop.model.counters import Severity
from mlxtop.model.module import Flag, Identity, Lane, Module, Quantity, Thresholds
from mlxtop.model.sample import Temperature
from tests.cases import (
    CARD,
    CRITICAL,
    FUNCTION,
    GOOD,
    MODULE,
    WARNING,
    linked,
    only,
    report,
    run,
    unknown,
)


@pytest.mark.parametrize(
    ("sensor", "severity"),
    [
        (Temperature("asic", 50.0, 1.0, critical=105.0), None),
        (Temperature("asic", 104.9, 1.0, critical=105.0), None),
        (Temperature("asic", 105.0, 1.0, critical=105.0), WARNING),
        (Temperature("asic", 114.9, 1.0, critical=105.0), WARNING),
        (Temperature("asic", 115.0, 1.0, critical=105.0), CRITICAL),
        (Temperature("module", 64.9, 1.0, critical=75.0), None),
        (Temperature("module", 65.0, 1.0, critical=75.0), WARNING),
        (Temperature("module", 74.9, 1.0, critical=75.0), WARNING),
        (Temperature("module", 75.0, 1.0, critical=75.0), CRITICAL),
        (Temperature("module", 60.0, 1.0), None),
    ],
)
def test_temperatures_are_judged_by_their_own_limits(
    sensor: Temperature, severity: Severity | None
) -> None:
    cool = Temperature("asic", 50.0, 1.0, critical=105.0)
    sensors = (sensor,) if sensor.name == "asic" else (cool, sensor)
    finding = run("temperatures", temperatures=sensors)
    assert finding == [] if severity is None else only(finding).severity is severity


def test_a_sensor_without_number_could_not_tell() -> None:
    hanging = Temperature("asic", 50.0, 1.0, stale=True, problem="no answer for 8 s")
    assert unknown(run("temperatures", temperatures=(hanging,))).reason == "no answer for 8 s"
    mlx4 = replace(GOOD, driver="mlx4_core")
    assert "mlx4" in unknown(run("temperatures", mlx4, temperatures=())).reason
    sensor = CARD._replace(functions=(FUNCTION._replace(hwmon="/sys/class/hwmon/hwmon3"),))
    silent = run("temperatures", replace(GOOD, adapter=sensor), temperatures=())
    assert unknown(silent).reason == "the sensor has not answered yet"


def test_a_dim_lane_is_found() -> None:
    dim = MODULE._replace(lanes=(Lane(0.8), Lane(0.8), Lane(0.07), Lane(0.8)))
    finding = only(run("optical power", module=dim))
    assert finding.severity is WARNING
    assert "rx power of lane 3 is 0.070 mW, below its low warning" in finding.evidence
    dark = MODULE._replace(lanes=(Lane(0.01),))
    assert only(run("optical power", module=dark)).severity is CRITICAL
    assert "memory" in unknown(run("optical power", module=None)).reason


def test_light_is_nothing_to_look_at_without_an_optical_module() -> None:
    copper = Module(Identity("QSFP28", types=("100GBASE-CR4",)))
    assert "optical power" in report(module=copper).idle["no optical module with a link"]
    assert "optical power" in report().fine


@pytest.mark.parametrize(
    ("milliwatts", "severity"),
    [
        (0.05, CRITICAL),
        (0.051, WARNING),
        (0.1, WARNING),
        (0.101, None),
        (2.199, None),
        (2.2, WARNING),
        (3.399, WARNING),
        (3.4, CRITICAL),
    ],
)
def test_light_is_judged_by_the_modules_own_limits(
    milliwatts: float, severity: Severity | None
) -> None:
    findings = run("optical power", module=MODULE._replace(lanes=(Lane(milliwatts),)))
    assert findings == [] if severity is None else only(findings).severity is severity


DARK = Lane(0.0, 0.0, 0.0)
LIMITS = {
    Quantity.RX_POWER: Thresholds(3.4, 0.05, 2.2, 0.1),
    Quantity.TX_POWER: Thresholds(3.4, 0.05, 2.2, 0.1),
}


def test_a_lane_that_is_switched_off_is_unused() -> None:
    lit = Lane(0.8, 0.9, 7.0)
    module = MODULE._replace(lanes=(lit, DARK, lit, lit), thresholds=LIMITS)
    for flags in (frozenset[Flag](), None, frozenset({Flag("rx loss of signal", 2)})):
        assert run("optical power", module=module._replace(flags=flags)) == []
    breakout = module._replace(lanes=(lit, DARK, DARK, DARK), flags=frozenset())
    assert run("optical power", module=breakout) == []


def test_a_dark_lane_that_the_module_complains_of_is_found() -> None:
    lit = Lane(0.8, 0.9, 7.0)
    flags = frozenset({Flag("rx power low alarm", 2)})
    module = MODULE._replace(lanes=(lit, DARK), thresholds=LIMITS, flags=flags)
    assert "rx power of lane 2" in only(run("optical power", module=module)).evidence
    flags = frozenset({Flag("bias low alarm", 2)})
    found = run("optical power", module=module._replace(flags=flags))
    assert [isinstance(one, Finding) and one.severity for one in found] == [CRITICAL, CRITICAL]


def test_a_lane_whose_laser_is_on_and_that_gets_no_light_is_found() -> None:
    module = MODULE._replace(lanes=(Lane(0.0, 0.9, 7.0),), thresholds=LIMITS, flags=frozenset())
    assert "rx power of lane 1" in only(run("optical power", module=module)).evidence


def test_sent_light_that_is_not_measured_is_no_finding() -> None:
    module = MODULE._replace(lanes=(Lane(0.8, None, 6.75),) * 4, thresholds=LIMITS)
    assert run("optical power", module=module) == []


def test_dark_lanes_of_a_split_module_are_of_another_port() -> None:
    alarms = frozenset(Flag("rx power low alarm", lane) for lane in (2, 3, 4))
    lit, dark = Lane(0.8, 0.9, 7.0), Lane(0.0, 0.9, 7.0)
    split = MODULE._replace(lanes=(lit, dark, dark, dark), thresholds=LIMITS, flags=alarms)
    assert run("optical power", GOOD, linked(1), module=split) == []
    assert len(run("optical power", GOOD, linked(2), module=split)) == 3
    assert len(run("optical power", GOOD, linked(None), module=split)) == 3
    faint = MODULE._replace(lanes=(lit, *[Lane(0.0001, 0.9, 7.0)] * 3), thresholds=LIMITS)
    assert run("optical power", GOOD, linked(1), module=faint) == []
