"""A pluggable module: its maker, its sensors and limits; and the firmware's report on the link.

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
        """Return whether it is the outer of the two limits on its side."""
        return self in (Bound.HIGH_ALARM, Bound.LOW_ALARM)


class Thresholds(NamedTuple):
    """The maker's limits of one quantity, in its unit; None where there is none."""

    high_alarm: float | None = None
    low_alarm: float | None = None
    high_warning: float | None = None
    low_warning: float | None = None

    def crossed(self, value: float | None) -> Bound | None:
        """Return the worst limit that `value` lies beyond.

        >>> Thresholds(75, -5, 70, 0).crossed(72.0)
        <Bound.HIGH_WARNING: 'high warning'>
        """
        if value is None:
            return None
        for bound, limit in zip(Bound, self, strict=True):  # in the same order
            low = bound in (Bound.LOW_ALARM, Bound.LOW_WARNING)
            if limit is not None and (value <= limit if low else value >= limit):
                return bound
        return None


def dbm(milliwatts: float | None) -> float | None:
    """Return optical power in dBm, or None where it is unknown and where there is no light.

    >>> dbm(1.0), dbm(0.0)
    (0.0, None)
    """
    if milliwatts is None or milliwatts <= 0.0:
        return None
    return 10.0 * math.log10(milliwatts)


DARK_MW = 0.0001
"""Optical power in mW at and below which there is no light: modules print -40 dBm, or nothing."""


class Lane(NamedTuple):
    """One lane: optical power in mW, laser bias in mA. A power of 0 is a dark lane."""

    rx_mw: float | None = None
    tx_mw: float | None = None
    bias_ma: float | None = None
    data_path: str | None = None
    """`activated`, `deactivated`, `initialising` …; CMIS modules only."""

    @property
    def rx_dbm(self) -> float | None:
        """Return the received power; None when dark or unknown."""
        return dbm(self.rx_mw)

    @property
    def tx_dbm(self) -> float | None:
        """Return the sent power; None when dark or unknown."""
        return dbm(self.tx_mw)

    def value(self, quantity: Quantity) -> float | None:
        """Return the lane's value of a quantity that is measured by lane."""
        measured = (Quantity.RX_POWER, Quantity.TX_POWER, Quantity.BIAS)
        return self[:3][measured.index(quantity)] if quantity in measured else None

    @property
    def laser_is_off(self) -> bool:
        """Return whether its laser has no current and it sends no light."""
        return self.bias_ma == 0.0 and (self.tx_mw or 0.0) <= DARK_MW

    @property
    def is_dark(self) -> bool:
        """Return whether it measures that no light arrives."""
        return self.rx_mw is not None and self.rx_mw <= DARK_MW


@dataclass(frozen=True, slots=True, order=True)
class Flag:
    """Something the module signals; lanes count from 1, None for the whole module."""

    text: str
    """`temperature high alarm`, `rx loss of signal` …"""
    lane: int | None = None

    def __str__(self) -> str:
        return self.text if self.lane is None else f"{self.text} (lane {self.lane})"


def signals(flags: Iterable[Flag]) -> list[str]:
    """Return flags in words, one text for all lanes of a signal.

    >>> signals([Flag("tx fault", 2), Flag("tx fault", 1), Flag("module firmware fault")])
    ['module firmware fault', 'tx fault on lanes 1, 2']
    """
    lanes: dict[str, list[int]] = {}
    for flag in sorted(flags, key=str):
        lanes.setdefault(flag.text, []).extend(() if flag.lane is None else (flag.lane,))
    texts = []
    for text, numbers in lanes.items():
        word = "lanes" if len(numbers) > 1 else "lane"
        where = ", ".join(map(str, sorted(numbers)))
        texts.append(f"{text} on {word} {where}" if numbers else text)
    return texts


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
    firmware: str | None = None
    """Version of the firmware that the module runs, `1.4`; CMIS modules only."""
    types: tuple[str, ...] = ()
    """`100GBASE-SR4` …, what it complies with."""
    connector: str | None = None
    technology: str | None = None
    wavelength: float | None = None
    """nm."""
    lengths: Mapping[str, float] = {}
    """Reach in metres by medium: `SMF`, `OM3`, `cable` …; media it does not support left out."""
    attenuation: Mapping[str, float] = {}
    """dB of a copper cable by frequency, `5.0GHz`, as ethtool names them."""
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
    rx_power_type: str | None = None
    """`average` or `OMA` (optical modulation amplitude), what the received power is."""
    source: str = ""
    tick: float = 0.0
    """Monotonic second of the reading."""
    refused: Mapping[str, str] = {}
    """Field name to the reason why its value was not believed or is not there."""

    @property
    def has_diagnostics(self) -> bool:
        """Return whether it measures anything."""
        return self.temperature is not None or self.voltage is not None or bool(self.lanes)

    def values(self, quantity: Quantity) -> tuple[float | None, ...]:
        """Return the values of a quantity: one for the module, or one a lane."""
        if quantity is Quantity.TEMPERATURE:
            return (self.temperature,)
        if quantity is Quantity.VOLTAGE:
            return (self.voltage,)
        return tuple(lane.value(quantity) for lane in self.lanes)

    def crossings(self, quantity: Quantity) -> tuple[Bound | None, ...]:
        """Return the limit that each value of a quantity lies beyond.

        None for lanes whose laser was switched off: darkness is what is wanted of them.
        """
        limits = self.thresholds.get(quantity, Thresholds())
        bounds = [limits.crossed(value) for value in self.values(quantity)]
        if quantity in (Quantity.TEMPERATURE, Quantity.VOLTAGE):
            return tuple(bounds)
        meant = self.is_unused if quantity is Quantity.RX_POWER else self._is_off
        return tuple(None if meant(n) else bound for n, bound in enumerate(bounds, 1))

    def is_unused(self, number: int) -> bool:
        """Return whether a lane (from 1) is off and dark, and the module does not complain of it.

        >>> Module(Identity(), lanes=(Lane(0.8, 0.9, 6.5), Lane(0.0, 0.0, 0.0))).is_unused(2)
        True
        """
        dark = self.lanes[number - 1].is_dark
        return dark and self._is_off(number) and not self._complains(number, Quantity.RX_POWER)

    def _is_off(self, number: int) -> bool:
        """Return whether the laser of a lane is off, and the module does not complain of it."""
        sent = (Quantity.TX_POWER, Quantity.BIAS)
        return self.lanes[number - 1].laser_is_off and not self._complains(number, *sent)

    def _complains(self, number: int, *quantities: Quantity) -> bool:
        """Return whether a low alarm or warning of a lane is raised for one of the quantities."""
        low = {
            f"{one} {bound}" for one in quantities for bound in (Bound.LOW_ALARM, Bound.LOW_WARNING)
        }
        return any(flag.lane == number and flag.text in low for flag in self.flags or ())

    def imbalance(self, quantity: Quantity) -> float | None:
        """Return dB between the strongest and weakest lit lane of a power; None below two.

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


class LinkReport(NamedTuple):
    """One run of `mstlink` or `mlxlink`; None is what it did not print or printed as N/A."""

    state: str | None = None
    """`Active`, `Polling`, `Disable` …"""
    physical_state: str | None = None
    speed: str | None = None
    width: str | None = None
    """`4x`, lanes in use."""
    fec: str | None = None
    enabled_speeds: tuple[str, ...] | None = None
    cable_speeds: tuple[str, ...] | None = None
    opcode: int | None = None
    """Status opcode; 0 is no trouble, 1024 an unplugged cable."""
    group: str | None = None
    """Part of the firmware that the opcode is of, `PHY FW`."""
    recommendation: str | None = None
    """The firmware's advice in words, `Bad signal integrity`."""
    raw_ber: float | None = None
    """Bit error rate before correction."""
    effective_ber: float | None = None
    """Bit error rate after correction."""
    raw_errors: tuple[int, ...] = ()
    """Bit errors before correction, by lane."""
    effective_errors: int | None = None
    symbol_errors: int | None = None
    link_down: int | None = None
    recoveries: int | None = None
    """Times the link had to recover."""
    minutes: float | None = None
    """Since the counters were last cleared."""
    module: Module | None = None
    tick: float = 0.0
    """Monotonic second of the reading."""
    source: str = ""
    caveat: str | None = None
    """What the tool could not do, in its words; what it printed is good."""

    @property
    def healthy(self) -> bool | None:
        """Return whether the firmware sees no trouble; None where it did not say."""
        if self.recommendation is None:
            return None
        return self.recommendation.lower().startswith("no issue")
