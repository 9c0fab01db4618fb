"""Temperatures and optical power against the limits of this chip and this module."""

from __future__ import annotations

from mlxtop.analysis.fields import why_empty
from mlxtop.analysis.port_view import port_view
from mlxtop.doctor.check import Case, Outcomes, PortCase, check, ports
from mlxtop.doctor.signals import lanes_in_use
from mlxtop.model.module import DARK_MW, Bound, Quantity
from mlxtop.model.sample import LinkState, Temperature
from mlxtop.watch.heat_limits import CHIP, MODULE, HeatLimits, limits_of

_HWMON = "https://docs.kernel.org/hwmon/sysfs-interface.html"
_SFF = "SFF-8636, SFF-8472, CMIS: the module's own limits"
_POWERS = (Quantity.RX_POWER, Quantity.TX_POWER)


@check(
    "temperatures",
    needs=ports(
        "no card with a sensor", lambda port: port.now.port.is_mlx or bool(port.now.temperatures)
    ).whole,
    explains="Chip and module have limits of their own: above the warning they age faster, at the"
    " end they switch themselves off.",
    normal="module below 70 °C, chip below 95 to 105 °C, and below the limits shown",
)
def _temperatures(case: Case) -> Outcomes:
    judged: set[tuple[str, str]] = set()
    cards = case.frame.sample.adapters
    with_sensor = {card.key for card in cards if any(one.hwmon for one in card.functions)}
    for port in case.each():
        adapter = case.frame.adapter(port.now.port.id)
        for sensor in port.now.temperatures:
            of_card = sensor.name == CHIP and port.now.port.adapter
            key = (of_card or port.name, sensor.name)
            if key not in judged:
                judged.add(key)
                yield from _sensor(port, sensor, limits_of(sensor, port.now, adapter))
        if port.now.port.is_mlx and not any(s.name == CHIP for s in port.now.temperatures):
            reason = (
                "the sensor has not answered yet"
                if port.now.port.adapter in with_sensor
                else why_empty(port_view(case.frame, port.frame.id)).get("asic_c", "no sensor")
            )
            yield port.unknown(f"{CHIP} temperature", reason)


def _sensor(port: PortCase, sensor: Temperature, limits: HeatLimits) -> Outcomes:
    if sensor.celsius is None or sensor.stale:
        reason = sensor.problem or ("the last reading is old" if sensor.stale else "no number")
        yield port.unknown(f"{sensor.title} temperature", reason)
        return
    if sensor.celsius < limits.warning:
        return
    alarm = sensor.celsius >= limits.alarm
    part = "the module" if sensor.name == MODULE else "the chip"
    yield (port.critical if alarm else port.warning)(
        f"{sensor.title} at {sensor.celsius:.1f} °C, limit"
        f" {limits.alarm if alarm else limits.warning:.0f} °C"
        f" ({sensor.source or 'sensor'}; limit: {limits.source})",
        f"{part} switches itself off when it gets hotter, and ages faster until then",
        "improve the airflow over the card (fan profile, slot, blanking plates), lower the load",
        _HWMON,
    )


def _may_have_light(port: PortCase) -> bool:
    """Return True for a module that measures light on a link, or one that was not read."""
    module, state = port.now.module, port.link.state
    if module is None:
        return port.now.port.is_mlx and state is not LinkState.NO_MODULE
    powers = (value for quantity in _POWERS for value in module.values(quantity))
    return state is LinkState.UP and any(value is not None for value in powers)


@check(
    "optical power",
    needs=ports("no optical module with a link", _may_have_light),
    explains="Modules measure the light that they send and receive on each lane. Too little comes"
    " from dirt, bends or age, too much from optics that are made for longer fibres.",
    normal="between the module's own warnings, and alike on all lanes that are used. Not judged:"
    " lanes whose laser is off, those that the link does not use, and light that is sent over a"
    " link that is up and reads 0 throughout: the module does not measure it",
)
def _optics(port: PortCase) -> Outcomes:
    module = port.now.module
    if module is None:
        reason = port.now.absent.get("module", "the module's memory was not read")
        yield port.unknown("optical power", reason)
        return
    for quantity in _POWERS:
        values, bounds = module.values(quantity), module.crossings(quantity)
        used = [lane for lane in lanes_in_use(port) if values[lane - 1] is not None]
        unlit = used and all((values[lane - 1] or 0.0) <= DARK_MW for lane in used)
        if unlit and quantity is Quantity.TX_POWER:
            yield port.unknown(str(quantity), "it reads 0 on a link that is up: not measured")
            continue
        for lane in used:
            bound, value = bounds[lane - 1], values[lane - 1]
            if bound is None:
                continue
            low = bound in (Bound.LOW_ALARM, Bound.LOW_WARNING)
            yield (port.critical if bound.is_alarm else port.warning)(
                f"{quantity} of lane {lane} is {value:.3f} mW, {'below' if low else 'above'} its"
                f" {bound}",
                "too little light: dirt, a bend, a bad fibre or an ageing laser"
                if low
                else "too much light dazzles the receiver",
                "clean both ends, then swap the fibre, then the module"
                if low
                else "use an attenuator, or optics for the real distance",
                _SFF,
            )
