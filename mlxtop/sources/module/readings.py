"""What a module measures, and what of it can be believed, whatever form it was read in.

A module answers with zeros or ones where it measures nothing; the same zeros come from lasers that
are off. What tells them apart: values that cannot be true together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import copysign
from typing import NamedTuple

from mlxtop.model.module import Bound, Flag, Identity, Lane, Module, Quantity, Thresholds
from mlxtop.sources.module.memory import SCALES, Memory, degrees

COLDEST, HOTTEST = -40.0, 125.0
"""°C between which a module's sensor is believed; its register ends at 127.996."""
LEAST_VOLTS, MOST_VOLTS = 2.5, 4.5
"""Modules run on 3.3 V: what answers has between the two."""

_ZERO_C = 0.005
"""°C that are printed as 0.00."""
_OF_LIGHT = (Quantity.BIAS, Quantity.TX_POWER, Quantity.RX_POWER)
_NO_LIMITS = "the module has none: they all read zero"
TOO_LITTLE = "too little of the module's memory was read"

Limits = dict[Quantity, Thresholds]
Register = Callable[[Quantity, int | None], int | None]
"""Makes of a raw register what its unit is defined for."""


class Readings(NamedTuple):
    """Everything that changes in a module, as it was read."""

    temperature: float | None = None
    voltage: float | None = None
    lanes: tuple[Lane, ...] = ()
    limits: Iterable[tuple[Quantity, Thresholds]] = ()
    flags: frozenset[Flag] | None = None
    measures_tx: bool | None = None
    """Whether the module says that it measures sent light; None where it does not say."""
    absent: Mapping[str, str] = {}
    """Fields to the reason why the module does not measure them."""


def is_erased(celsius: float) -> bool:
    """Return whether a temperature is that of 0xffff, -0.004 °C, or its printed form -0.00.

    >>> is_erased(-1 / 256), is_erased(-0.0), is_erased(0.0), is_erased(-0.5)
    (True, True, False, False)
    """
    return copysign(1.0, celsius) < 0 and celsius > -_ZERO_C


def is_copper(identity: Identity) -> bool:
    """Return whether a module sends no light, RJ45 or a copper cable: its lasers are zeros.

    >>> is_copper(Identity(technology="copper, unequalized")), is_copper(Identity(connector="LC"))
    (True, False)
    """
    return "copper" in (identity.technology or "").lower()


def _without_light(flags: frozenset[Flag] | None) -> frozenset[Flag] | None:
    """Return flags without the alarms of lasers and of light."""
    if flags is None:
        return None
    beginnings = tuple(f"{quantity} " for quantity in _OF_LIGHT)
    bounds = tuple(Bound)
    return frozenset(
        flag
        for flag in flags
        if not (flag.text.startswith(beginnings) and flag.text.endswith(bounds))
    )


def power_type(text: str | None) -> str | None:
    """Return what received power is, `average` or `OMA`; None where the words name neither.

    >>> power_type("Average power"), power_type("Receiver signal OMA"), power_type("N/A")
    ('average', 'OMA', None)
    """
    match = re.search(r"\b(oma|av)", (text or "").lower())
    return None if match is None else "OMA" if match[1] == "oma" else "average"


def judge(identity: Identity, readings: Readings) -> Module:
    """Return a module with what can be believed of its readings, and why the rest is refused."""
    limits, refused = check_thresholds(readings.limits)
    flags = _meant(readings.flags, limits, refused)
    refused |= {name: why for name, why in readings.absent.items() if name != "diagnostics"}
    celsius, volts = readings.temperature, readings.voltage
    reason = _no_diagnostics(identity, readings)
    if reason is not None:
        refused["diagnostics"] = reason
        return Module(identity, thresholds=limits, flags=flags, refused=refused)
    if celsius is not None and (is_erased(celsius) or not COLDEST <= celsius <= HOTTEST):
        refused["temperature"] = f"the sensor reads {celsius:.3f} °C"
        celsius = None
    if volts is not None and not LEAST_VOLTS <= volts <= MOST_VOLTS:
        refused["voltage"] = f"the sensor reads {volts:.3f} V, and modules run on 3.3 V"
        volts = None
    lanes = readings.lanes
    if identity.passive or is_copper(identity):
        lanes, flags = (), _without_light(flags)
        limits = {name: bounds for name, bounds in limits.items() if name not in _OF_LIGHT}
    if lanes and _sent_light_is_unknown(readings):
        refused["tx power"] = "the module does not measure the light that it sends"
        lanes = tuple(lane._replace(tx_mw=None) for lane in lanes)
    return Module(identity, celsius, volts, lanes, limits, flags, refused=refused)


def _no_diagnostics(identity: Identity, readings: Readings) -> str | None:
    """Return why none of the readings can be believed; None where they can."""
    who = "a passive cable" if identity.passive else "the module"
    celsius, volts = readings.temperature, readings.voltage
    if celsius is None and volts is None:
        reason = readings.absent.get("diagnostics", f"{who} has no diagnostics")
        return None if readings.lanes else reason
    if celsius is None or abs(celsius) >= _ZERO_C:
        return None
    if not volts:
        return f"{who} has no diagnostics: its monitors all read zero"
    if LEAST_VOLTS <= volts <= MOST_VOLTS:
        return None
    return f"its monitors read {celsius:.2f} °C and {volts:.3f} V, which cannot be true together"


def _sent_light_is_unknown(readings: Readings) -> bool:
    """Return whether sent light reads zero because it is not measured.

    Lasers with current send light: where all read zero and no alarm says so, nothing measures it.
    """
    lanes = readings.lanes
    if any(lane.tx_mw != 0.0 for lane in lanes) or readings.measures_tx:
        return False
    low = (f"{Quantity.TX_POWER} {Bound.LOW_ALARM}", f"{Quantity.TX_POWER} {Bound.LOW_WARNING}")
    alarmed = any(flag.text in low for flag in readings.flags or ())
    lit = any(lane.bias_ma for lane in lanes)
    return readings.measures_tx is False or (lit and not alarmed)


def _meant(
    flags: frozenset[Flag] | None, limits: Limits, refused: Mapping[str, str]
) -> frozenset[Flag] | None:
    """Return flags without those of quantities whose limits make no sense."""
    if flags is None:
        return None
    every = "limits" in refused
    names = [quantity for quantity in Quantity if every or f"{quantity} limits" in refused]
    return frozenset(
        flag for flag in flags if not any(flag.text.startswith(f"{name} ") for name in names)
    )


def believed(quantity: Quantity, limits: Thresholds) -> Thresholds | None:
    """Return thresholds that can be limits: not all zero, not inverted; else None.

    >>> believed(Quantity.TEMPERATURE, Thresholds(0.0, 0.0, 0.0, 0.0)) is None
    True
    """
    high, low = limits.high_alarm, limits.low_alarm
    if high is None and limits.high_warning is None:
        lows = (low, limits.low_warning)
        return limits if quantity is not Quantity.TEMPERATURE and any(lows) else None
    if high is not None and low is not None and high <= low:
        return None
    warning, low_warning = limits.high_warning, limits.low_warning
    if warning is not None and low_warning is not None and warning <= low_warning:
        return None
    if high is not None and warning is not None and warning > high:
        return None
    if quantity is Quantity.TEMPERATURE and (high or warning or 0.0) <= 0.0:
        return None
    return limits


def check_thresholds(
    thresholds: Iterable[tuple[Quantity, Thresholds]],
) -> tuple[Limits, dict[str, str]]:
    """Return the thresholds that can be limits, and why the others are refused."""
    limits: Limits = {}
    refused: dict[str, str] = {}
    for quantity, printed in thresholds:
        warm = quantity is Quantity.TEMPERATURE
        bounds = Thresholds(*map(_possible, printed)) if warm else printed
        if believed(quantity, bounds) is not None:
            limits[quantity] = bounds
        elif any(bounds):
            refused[f"{quantity} limits"] = "the module's own limits make no sense"
        else:
            refused[f"{quantity} limits"] = _NO_LIMITS
    if len(refused) > 1 and not limits and set(refused.values()) == {_NO_LIMITS}:
        refused = {"limits": _NO_LIMITS}
    return limits, refused


def _possible(celsius: float | None) -> float | None:
    """Return a limit in °C, None for one that is erased or that no sensor can reach."""
    if celsius is None or is_erased(celsius) or not COLDEST <= celsius <= HOTTEST:
        return None
    return celsius


def read_thresholds(
    memory: Memory,
    places: Mapping[Quantity, int],
    bias_scale: int = 1,
    calibrate: Register = lambda _, raw: raw,
) -> Iterator[tuple[Quantity, Thresholds]]:
    """Yield the thresholds of quantities at `places`, as far as they were read."""
    for quantity, at in places.items():
        register = memory.s16 if quantity is Quantity.TEMPERATURE else memory.u16
        raw = [register(at + 2 * place) for place in range(4)]
        if raw[0] is not None:
            convert = SCALES.get(quantity, degrees)
            values = [convert(calibrate(quantity, value)) for value in raw]
            factor = bias_scale if quantity is Quantity.BIAS else 1
            yield quantity, Thresholds(*(None if v is None else v * factor for v in values))
