"""A pluggable module: who made it, what its own sensors say and what its maker allows.

The same values whether they come from the module's memory or from a tool that decoded it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Quantity(StrEnum):
    """What a module measures of itself; units °C, V, mA and mW."""

    TEMPERATURE = "temperature"
    VOLTAGE = "voltage"
    BIAS = "bias"
    TX_POWER = "tx power"
    RX_POWER = "rx power"


class Bound(StrEnum):
    """One of the four limits that a module's maker sets for a quantity."""

    HIGH_ALARM = "high alarm"
    LOW_ALARM = "low alarm"
    HIGH_WARNING = "high warning"
    LOW_WARNING = "low warning"

    @property
    def is_alarm(self) -> bool:
        """Whether it is the outer of the two limits on its side."""
        return self in (Bound.HIGH_ALARM, Bound.LOW_ALARM)


class Thresholds(NamedTuple):
    """The maker's limits of one quantity, in its unit; None where there is none."""

    high_alarm: float | None = None
    low_alarm: float | None = None
    high_warning: float | None = None
    low_warning: float | None = None

    def crossed(self, value: float | None) -> Bound | None:
        """The worst limit that `value` lies beyond.

        >>> Thresholds(75, -5, 70, 0).crossed(72.0)
        <Bound.HIGH_WARNING: 'high warning'>
        """
        if value is None:
            return None
        if self.high_alarm is not None and value >= self.high_alarm:
            return Bound.HIGH_ALARM
        if self.low_alarm is not None and value <= self.low_alarm:
            return Bound.LOW_ALARM
        if self.high_warning is not None and value >= self.high_warning:
            return Bound.HIGH_WARNING
        if self.low_warning is not None and value <= self.low_warning:
            return Bound.LOW_WARNING
        return None


def dbm(milliwatts: float | None) -> float | None:
    """Optical power in dBm; None where it is unknown and where there is no light at all.

    >>> dbm(1.0), dbm(0.0)
    (0.0, None)
    """
    if milliwatts is None or milliwatts <= 0.0:
        return None
    return 10.0 * math.log10(milliwatts)


class Lane(NamedTuple):
    """One lane: optical power in mW, laser bias in mA. A power of 0 is a dark lane."""

    rx_mw: float | None = None
    tx_mw: float | None = None
    bias_ma: float | None = None

    @property
    def rx_dbm(self) -> float | None:
        """Received power; None when dark or unknown."""
        return dbm(self.rx_mw)

    @property
    def tx_dbm(self) -> float | None:
        """Sent power; None when dark or unknown."""
        return dbm(self.tx_mw)

    def value(self, quantity: Quantity) -> float | None:
        """The lane's value of a quantity that is measured by lane."""
        match quantity:
            case Quantity.RX_POWER:
                return self.rx_mw
            case Quantity.TX_POWER:
                return self.tx_mw
            case Quantity.BIAS:
                return self.bias_ma
        return None


@dataclass(frozen=True, slots=True, order=True)
class Flag:
    """Something the module signals; lanes count from 1, None for the whole module."""

    text: str
    """`temperature high alarm`, `rx loss of signal` …"""
    lane: int | None = None

    def __str__(self) -> str:
        return self.text if self.lane is None else f"{self.text} (lane {self.lane})"


class Identity(NamedTuple):
    """What the module says of itself; read once, as it does not change."""

    identifier: str | None = None
    """`QSFP28`, the form factor by SFF-8024."""
    code: int | None = None
    """The identifier's number, byte 0 of the module."""
    vendor: str | None = None
    oui: str | None = None
    part: str | None = None
    serial: str | None = None
    revision: str | None = None
    date: str | None = None
    types: tuple[str, ...] = ()
    """`100GBASE-SR4` …, what it complies with."""
    connector: str | None = None
    technology: str | None = None
    wavelength: float | None = None
    """nm."""
    lengths: Mapping[str, float] = {}
    """Reach in metres by medium: `SMF`, `OM3`, `cable` …; media it does not support left out."""
    attenuation: Mapping[str, float] = {}
    """dB of a copper cable by frequency, `5GHz`."""
    power_class: int | None = None
    max_power: float | None = None
    """W."""
    passive: bool | None = None
    """A passive copper cable: it has no laser and as a rule no sensors."""


class Module(NamedTuple):
    """A module as it was last read."""

    identity: Identity
    temperature: float | None = None
    """°C."""
    voltage: float | None = None
    """V."""
    lanes: tuple[Lane, ...] = ()
    thresholds: Mapping[Quantity, Thresholds] = {}
    flags: frozenset[Flag] | None = None
    """What is signalled now; None where the module does not tell."""
    seen: Mapping[Flag, float] = {}
    """Flag to the monotonic second since which it was seen: reading clears most of them."""
    state: str | None = None
    """`ready`, `low power`, `fault` …; CMIS modules only."""
    source: str = ""
    tick: float = 0.0
    """Monotonic second of the reading."""
    refused: Mapping[str, str] = {}
    """Field name to the reason why its value was not believed or is not there."""

    @property
    def has_diagnostics(self) -> bool:
        """Whether it measures anything."""
        return self.temperature is not None or self.voltage is not None or bool(self.lanes)

    def values(self, quantity: Quantity) -> tuple[float | None, ...]:
        """The values of a quantity: one for the module, or one a lane."""
        if quantity is Quantity.TEMPERATURE:
            return (self.temperature,)
        if quantity is Quantity.VOLTAGE:
            return (self.voltage,)
        return tuple(lane.value(quantity) for lane in self.lanes)

    def crossings(self, quantity: Quantity) -> tuple[Bound | None, ...]:
        """Which limit each value of a quantity lies beyond."""
        limits = self.thresholds.get(quantity, Thresholds())
        return tuple(limits.crossed(value) for value in self.values(quantity))

    def imbalance(self, quantity: Quantity) -> float | None:
        """dB between the strongest and the weakest lit lane of a power; None below two lanes.

        >>> round(Module(Identity(), lanes=(Lane(1.0), Lane(0.5))).imbalance(Quantity.RX_POWER), 2)
        3.01
        """
        lit = [level for level in map(dbm, self.values(quantity)) if level is not None]
        return max(lit) - min(lit) if len(lit) > 1 else None


def merge_seen(
    before: Mapping[Flag, float], flags: Iterable[Flag] | None, tick: float
) -> Mapping[Flag, float]:
    """Keep the first sight of every flag: reading clears them, so a later reader sees nothing."""
    new = {flag: tick for flag in flags or () if flag not in before}
    return {**before, **new} if new else before
