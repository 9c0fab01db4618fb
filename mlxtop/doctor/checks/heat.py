"""Temperatures and optical power against the limits of this chip and this module."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.analysis.fields import why_empty
from mlxtop.analysis.port_view import port_view
from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome
from mlxtop.doctor.checks.needs import needs
from mlxtop.model.counters import Severity
from mlxtop.model.frame import PortFrame
from mlxtop.model.module import Bound, Module, Quantity
from mlxtop.model.sample import LinkState, Temperature
from mlxtop.watch.heat_limits import CHIP, HeatLimits, limits_of

_HWMON = "https://docs.kernel.org/hwmon/sysfs-interface.html"
_SFF = "SFF-8636, SFF-8472, CMIS: the module's own limits"
_POWERS = (Quantity.RX_POWER, Quantity.TX_POWER)


@needs(
    "no card with a sensor",
    lambda frame: frame.now.port.is_mlx or bool(frame.now.temperatures),
)
def check_temperatures(case: Case) -> Iterator[Outcome]:
    """Chip and module are below their limits."""
    told: set[tuple[str, str]] = set()
    cards = case.frame.sample.adapters
    watched = {card.key for card in cards if any(one.hwmon for one in card.functions)}
    for name, frame, _ in case.each():
        port = frame.now.port
        adapter = case.frame.adapter(port.id)
        for sensor in frame.now.temperatures:
            owner = port.adapter or name if sensor.name == CHIP else name
            if (owner, sensor.name) in told:
                continue
            told.add((owner, sensor.name))
            yield from _sensor(name, sensor, limits_of(sensor, frame.now, adapter))
        if port.is_mlx and not any(sensor.name == CHIP for sensor in frame.now.temperatures):
            reason = (
                "the sensor has not answered yet"
                if port.adapter in watched
                else why_empty(port_view(case.frame, port.id)).get("asic_c", "no sensor")
            )
            yield CouldNotTell(f"{name}: {CHIP} temperature", reason)


def _sensor(name: str, sensor: Temperature, limits: HeatLimits) -> Iterator[Outcome]:
    if sensor.celsius is None or sensor.stale:
        yield CouldNotTell(
            f"{name}: {sensor.name} temperature",
            sensor.problem or ("the last reading is old" if sensor.stale else "no number"),
        )
        return
    if sensor.celsius < limits.warning:
        return
    alarm = sensor.celsius >= limits.alarm
    limit = limits.alarm if alarm else limits.warning
    what = "the module" if sensor.name == "module" else "the chip"
    yield Finding(
        Severity.CRITICAL if alarm else Severity.WARNING,
        name,
        f"{sensor.name} at {sensor.celsius:.1f} °C, limit {limit:.0f} °C"
        f" ({sensor.source or 'sensor'}; limit: {limits.source})",
        f"{what} switches itself off when it gets hotter, and ages faster until then",
        "improve the airflow over the card (fan profile, slot, blanking plates), lower the load",
        _HWMON,
    )


def _may_have_light(frame: PortFrame) -> bool:
    """A module that measures light on a link, or one that was not read."""
    now = frame.now
    if now.module is None:
        return now.port.is_mlx and now.link.state is not LinkState.NO_MODULE
    powers = (now.module.values(quantity) for quantity in _POWERS)
    return now.link.state is LinkState.UP and any(any(map(_known, lanes)) for lanes in powers)


def _known(value: float | None) -> bool:
    return value is not None


@needs("no optical module with a link", _may_have_light)
def check_optics(case: Case) -> Iterator[Outcome]:
    """Light arrives and leaves as the module's maker intends."""
    for name, frame, _ in case.each():
        module = frame.now.module
        if module is None:
            if frame.now.port.is_mlx and frame.now.link.state is not LinkState.NO_MODULE:
                reason = frame.now.absent.get("module", "the module's memory was not read")
                yield CouldNotTell(f"{name}: optical power", reason)
        elif frame.now.link.state is LinkState.UP:
            yield from _lanes(name, module)


def _lanes(name: str, module: Module) -> Iterator[Finding]:
    for quantity in _POWERS:
        for lane, (bound, value) in enumerate(
            zip(module.crossings(quantity), module.values(quantity), strict=True), 1
        ):
            if bound is None or value is None:
                continue
            low = bound in (Bound.LOW_ALARM, Bound.LOW_WARNING)
            yield Finding(
                Severity.CRITICAL if bound.is_alarm else Severity.WARNING,
                name,
                f"{quantity} of lane {lane} is {value:.3f} mW, below its {bound}"
                if low
                else f"{quantity} of lane {lane} is {value:.3f} mW, above its {bound}",
                "too little light: dirt, a bend, a bad fibre or an ageing laser"
                if low
                else "too much light dazzles the receiver",
                "clean both ends, then swap the fibre, then the module"
                if low
                else "use an attenuator, or optics for the real distance",
                _SFF,
            )
