"""What of a module's readings is believed, and which zeros are measured."""

from __future__ import annotations

import pytest

from mlxtop.model.module import Flag, Identity, Lane, Quantity, Thresholds
from mlxtop.sources.module.readings import Readings, judge

LIT = Lane(0.7, 0.9, 6.5)
WHO = Identity("QSFP28")
LOS = Flag("rx loss of signal", 1)


@pytest.mark.parametrize(
    ("celsius", "volts", "believed"),
    [
        (0.0, 0.3, (None, None)),
        (0.0, 0.0, (None, None)),
        (-0.0, 6.5535, (None, None)),
        (0.001, 1.1, (None, None)),
        (0.0, 3.3, (0.0, 3.3)),
        (41.0, 0.3, (41.0, None)),
        (41.0, 0.0, (41.0, None)),
        (41.0, 6.5535, (41.0, None)),
        (41.0, 2.49, (41.0, None)),
        (41.0, 2.5, (41.0, 2.5)),
        (41.0, 4.51, (41.0, None)),
        (-1 / 256, 3.3, (None, 3.3)),
        (126.0, 3.3, (None, 3.3)),
        (-40.5, 3.3, (None, 3.3)),
    ],
)
def test_readings_that_cannot_be_true_are_refused_with_a_reason(
    celsius: float, volts: float, believed: tuple[float | None, float | None]
) -> None:
    module = judge(WHO, Readings(celsius, volts, (Lane(None, None, 131.0),)))
    assert (module.temperature, module.voltage) == believed
    missing = [name for name in ("temperature", "voltage") if getattr(module, name) is None]
    if believed == (None, None):
        assert "diagnostics" in module.refused
        assert module.lanes == ()
    else:
        assert all(module.refused[name] for name in missing)
        assert len(module.lanes) == 1


def test_impossible_monitors_are_named_with_both_values() -> None:
    reason = judge(WHO, Readings(0.0, 0.3)).refused["diagnostics"]
    assert "0.00 °C and 0.300 V" in reason


def test_sent_light_of_zero_from_lasers_with_current_is_not_measured() -> None:
    lanes = (Lane(0.7, 0.0, 6.5), Lane(0.8, 0.0, 6.5))
    module = judge(WHO, Readings(40.0, 3.3, lanes))
    assert [lane.tx_mw for lane in module.lanes] == [None, None]
    assert "does not measure" in module.refused["tx power"]


@pytest.mark.parametrize(
    "readings",
    [
        Readings(40.0, 3.3, (Lane(0.7, 0.0, 6.5), LIT)),
        Readings(40.0, 3.3, (Lane(0.7, 0.0, 6.5),), measures_tx=True),
        Readings(40.0, 3.3, (Lane(0.7, 0.0, 0.0),)),
        Readings(
            *(40.0, 3.3, (Lane(0.7, 0.0, 6.5),)),
            flags=frozenset({Flag("tx power low alarm", 1)}),
        ),
    ],
    ids=["another lane has light", "the module says so", "laser off", "alarm"],
)
def test_sent_light_of_zero_that_was_measured_stays(readings: Readings) -> None:
    module = judge(WHO, readings)
    assert module.lanes[0].tx_mw == 0.0
    assert "tx power" not in module.refused


def test_a_module_that_says_so_measures_no_sent_light_even_with_lasers_off() -> None:
    module = judge(WHO, Readings(40.0, 3.3, (Lane(0.7, 0.0, 0.0),), measures_tx=False))
    assert module.lanes == (Lane(0.7, None, 0.0),)


def test_a_passive_cable_has_no_lanes() -> None:
    module = judge(Identity(passive=True), Readings(29.0, 3.3, (Lane(0.0, 0.0, 0.0),)))
    assert (module.temperature, module.lanes, module.refused) == (29.0, (), {})


def test_limits_that_are_all_zero_are_none_and_their_flags_mean_nothing() -> None:
    none = Thresholds(0.0, 0.0, 0.0, 0.0)
    flags = frozenset({Flag("rx power low alarm", 1), Flag("tx fault", 1)})
    limits = [(Quantity.RX_POWER, none), (Quantity.BIAS, none)]
    module = judge(WHO, Readings(40.0, 3.3, (LIT,), limits, flags))
    assert module.thresholds == {}
    assert module.refused == {"limits": "the module has none: they all read zero"}
    assert module.flags == frozenset({Flag("tx fault", 1)})


def test_erased_limits_in_celsius_are_none() -> None:
    limits = [(Quantity.TEMPERATURE, Thresholds(75.0, -1 / 256, 70.0, -128.0))]
    module = judge(WHO, Readings(40.0, 3.3, (LIT,), limits))
    assert module.thresholds[Quantity.TEMPERATURE] == Thresholds(75.0, None, 70.0, None)


def test_a_module_without_light_has_no_lanes_and_none_of_their_alarms() -> None:
    who = Identity("SFP", connector="RJ45", technology="copper")
    limits = (
        (Quantity.RX_POWER, Thresholds(1.0, 0.02, 0.9, 0.03)),
        (Quantity.TEMPERATURE, Thresholds(90.0, -5.0, 85.0, 0.0)),
    )
    flags = frozenset({Flag("rx power low alarm", 1), Flag("temperature high alarm"), LOS})
    module = judge(who, Readings(66.0, 3.3, (Lane(0.0, 0.0, 0.0),), limits, flags))
    assert (module.temperature, module.lanes) == (66.0, ())
    assert module.flags == frozenset({Flag("temperature high alarm"), LOS})
    assert set(module.thresholds) == {Quantity.TEMPERATURE}


def test_a_lower_limit_alone_is_a_limit_of_light_and_none_of_heat() -> None:
    alone = Thresholds(None, 0.03, None, None)
    limits = ((Quantity.RX_POWER, alone), (Quantity.TEMPERATURE, Thresholds(None, 1.0)))
    module = judge(WHO, Readings(41.0, 3.3, (LIT,), limits))
    assert module.thresholds == {Quantity.RX_POWER: alone}
