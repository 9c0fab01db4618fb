"""Everything that Prometheus is told of a port: fields, traffic, heat, light, errors, ceiling."""

from __future__ import annotations

from mlxtop.analysis.crossing import Crossing
from mlxtop.analysis.faults import meaningful
from mlxtop.analysis.fields import PORT_FIELDS, Field
from mlxtop.analysis.port_view import PortView
from mlxtop.analysis.throughput import totals
from mlxtop.health.ber_limit import floor_of, limit_of
from mlxtop.health.link_health import LinkHealth
from mlxtop.health.signs import flap_days, is_stale, last_point, most_symbols, outlook_at
from mlxtop.health.trend import DAY_S
from mlxtop.model.catalogue import CATALOGUE
from mlxtop.model.counters import Origin
from mlxtop.model.module import DARK_MW, Bound, Module, Quantity, dbm
from mlxtop.model.sample import LinkState
from mlxtop.outputs.counter_metrics import add_counters
from mlxtop.outputs.metric_families import Families, Labels
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.heat_limits import CHIP, MODULE
from mlxtop.watch.watch import Watch

UNITS = {
    "": ("", 1.0),
    "bit/s": ("_bytes_per_second", 1 / 8),
    "Mb/s": ("_bytes_per_second", 1e6 / 8),
    "packets/s": ("_packets_per_second", 1.0),
    "bytes": ("_bytes", 1.0),
    "°C": ("_celsius", 1.0),
}
"""Unit of a field to the end of a metric's name, and the factor to the base unit."""
_ENDINGS = ("_mbps", "_bps", "_pps", "_bytes", "_c")
"""Endings of fields' names that say the unit."""


def metric_of(field: Field[PortView] | Field[object], of: str) -> str | None:
    """Return the name of a number's metric without prefix; None where it has none.

    >>> metric_of(Field("speed_mbps", "", lambda view: 1, "Mb/s"), "port")
    'port_speed_bytes_per_second'
    """
    if field.metric != "" or field.private or not field.unit:
        return field.metric or None
    ending = next((one for one in _ENDINGS if field.name.endswith(one)), "")
    return f"{of}_{field.name.removesuffix(ending)}{UNITS[field.unit][0]}"


def add_port(into: Families, view: PortView, watch: Watch, at: Labels) -> None:
    """Add all samples of a port but those about how it was read."""
    _fields(into, view, at)
    _link(into, view, watch, at)
    for total in totals(view.now):
        name, text = f"port_{total.unit}_total", f"{total.unit.capitalize()} of a port, by share"
        text += ": all on the wire, the kernel's, RDMA past the kernel"
        into.add(name, total.value, text, at, direction=total.direction, share=total.share)
    for name in (CHIP, MODULE):
        heat = watch.heat.of(view.id, name)
        if heat is not None:
            _heat(into, heat, view.frame.sample.tick, at)
    if view.now.now.module is not None:
        _module(into, view.now.now.module, at)
    _ceiling(into, view, at)
    _report(into, view, at)
    _health(into, view, watch.health.of(view.id), at)
    add_counters(into, view, at)
    _lossless(into, view, at)


def _fields(into: Families, view: PortView, at: Labels) -> None:
    for field in PORT_FIELDS:
        name = metric_of(field, "port")
        value = field.get(view) if name is not None else None
        if name is not None and isinstance(value, int | float):
            factor = 1.0 if name.endswith("_total") else UNITS[field.unit][1]
            into.add(name, value * factor, _sentence(field.help), at)


def _sentence(help: str) -> str:
    return help[:1].upper() + help[1:]


def _link(into: Families, view: PortView, watch: Watch, at: Labels) -> None:
    state = view.now.now.link.state
    into.add("port_up", state is LinkState.UP, "Whether the link carries traffic", at)
    into.add("port_state", 1, "The state of the link: 1 for the present one", at, state=state)
    text = "Times that the link was lost since the driver was loaded"
    into.add("port_flaps_total", _flaps(view), text, at)
    last = watch.last_loss(view.id)
    text = "When the link was lost last, as far as mlxtop or the kernel log knows"
    into.add("port_last_flap_timestamp_seconds", last, text, at)


LOST = (
    CATALOGUE[Origin.DRIVER, "link_down_events_phy"],
    CATALOGUE[Origin.RDMA_ERRORS, "link_downed"],
)
"""Counters of lost links, the better first."""


def _flaps(view: PortView) -> int | None:
    """Return how often the link was lost: by the card's count, else half of the kernel's changes.

    Of a link that is down now the last loss has no return yet.
    """
    for counter in LOST:
        count = view.now.total(counter)
        if count is not None and counter.origin in dict(meaningful(view.now)):
            return count
    link = view.now.now.link
    if link.carrier_changes is None:
        return None
    return (link.carrier_changes + (link.state is not LinkState.UP)) // 2


def _heat(into: Families, heat: SensorHeat, tick: float, at: Labels) -> None:
    sensor, limits = heat.sensor, heat.limits
    what = f"{sensor.name}_temperature"
    part = "module or cable" if sensor.name == MODULE else "card's chip"
    celsius = None if sensor.stale else sensor.celsius
    into.add(f"{what}_celsius", celsius, f"Temperature of the {part}", at)
    levels = {"warning": limits.warning, "critical": limits.alarm, "shutdown": limits.shutdown}
    text = f"Limits of the {part}, and where each comes from"
    for level, limit in levels.items():
        into.add(f"{what}_limit_celsius", limit, text, at, level=level, **{"from": limits.source})
    future = heat.forecast
    if future is None or sensor.stale:
        return
    text = f"Seconds until the {part} reaches a limit if nothing changes; only where that is sure"
    for level, crossing in (("warning", future.warning), ("critical", future.alarm)):
        if crossing is not None and crossing.seconds is not None and not _reached(heat, crossing):
            left = max(0.0, crossing.seconds - (tick - future.tick))
            into.add(f"{what}_forecast_seconds", left, text, at, level=level)


def _reached(heat: SensorHeat, crossing: Crossing) -> bool:
    """Return whether a limit has been reached: that is no forecast any more."""
    return heat.sensor.celsius is not None and heat.sensor.celsius >= crossing.limit


_OPTICS = {
    Quantity.VOLTAGE: ("voltage", "volts", "Supply voltage"),
    Quantity.BIAS: ("bias", "amperes", "Laser bias current, by lane"),
    Quantity.TX_POWER: ("tx_power", "dbm", "Optical power sent, by lane"),
    Quantity.RX_POWER: ("rx_power", "dbm", "Optical power received, by lane"),
}


def _base(quantity: Quantity, value: float | None) -> float | None:
    """Return a module's value in the unit of its metric: V, A, dBm."""
    if value is None or quantity is Quantity.VOLTAGE:
        return value
    return value / 1000 if quantity is Quantity.BIAS else dbm(value)


def _module(into: Families, module: Module, at: Labels) -> None:
    for quantity, (name, unit, text) in _OPTICS.items():
        for lane, value in enumerate(module.values(quantity), 1):
            more = {} if quantity is Quantity.VOLTAGE else {"lane": str(lane)}
            into.add(f"module_{name}_{unit}", _base(quantity, value), text, at, **more)
        limits = module.thresholds.get(quantity)
        for bound, limit in zip(Bound, limits or (), strict=False):
            level, words = bound.replace(" ", "_"), f"{text.partition(',')[0]}: the module's limits"
            value = _base(quantity, limit)
            into.add(f"module_{name}_limit_{unit}", value, words, at, level=level)
    for number, received in enumerate(module.values(Quantity.RX_POWER), 1):
        dark = None if received is None else received <= DARK_MW
        into.add("module_lane_dark", dark, "Whether no light arrives", at, lane=str(number))
    who = module.identity
    into.add("module_power_class", who.power_class, "Power class of the module", at)
    into.add("module_max_power_watts", who.max_power, "Power that the module takes at most", at)


def _ceiling(into: Families, view: PortView, at: Labels) -> None:
    ceiling, text = view.ceiling, "What a port can carry by each stage, in one direction"
    stages: dict[str, float] = {}
    if ceiling.line is not None:
        goodput = ceiling.line.goodput
        stages = {"link": ceiling.line.usable, **{str(k).lower(): v for k, v in goodput.items()}}
    if ceiling.pcie is not None:
        stages["pcie"] = min(ceiling.pcie.usable.values())
    for stage, bits in stages.items():
        into.add("port_ceiling_bytes_per_second", bits / 8, text, at, stage=stage)
    limit = ceiling.verdict.limit
    if limit is not None:
        into.add("port_limited", 1, "What limits the traffic just now", at, by=limit)
    if view.pcie is None or view.pcie.is_tunnelled:
        return
    available, capable = view.pcie.path.available_mbps, view.pcie.path.capable_mbps
    for what, mbps, words in (
        ("available", available, "between card and root"),
        ("capable", capable, "that the card could use in the best slot"),
    ):
        value = None if mbps is None else mbps * 1e6 / 8
        into.add(f"pcie_{what}_bytes_per_second", value, f"PCIe bandwidth {words}", at)


def _report(into: Families, view: PortView, at: Labels) -> None:
    report = view.now.now.report
    if report is None:
        return
    text = "Bit error rate of the link: raw before correction, effective after it"
    into.add("port_bit_error_ratio", report.raw_ber, text, at, kind="raw")
    into.add("port_bit_error_ratio", report.effective_ber, text, at, kind="effective")
    text = "Errors since somebody cleared them (mlxlink): effective after correction, symbols"
    into.add("port_link_errors", report.effective_errors, text, at, kind="effective")
    into.add("port_link_errors", report.symbol_errors, text, at, kind="symbol")
    if report.fec is not None:
        into.add(
            "port_fec", 1, "Forward error correction: 1 for the present mode", at, mode=report.fec
        )
    into.add(
        "port_opcode", report.opcode, "What the firmware says of the link; 0 is no trouble", at
    )


def _health(into: Families, view: PortView, health: LinkHealth | None, at: Labels) -> None:
    """Tell what is remembered of the link, and where it is heading."""
    if health is None:
        return
    now, wall = view.now.now, view.frame.sample.wall
    limit = limit_of(now)
    told = outlook_at(health, limit, floor_of(now), wall)
    for name, factor in (("speed", 1 / 8), ("pcie", 1e6 / 8)):
        if name in health.best:
            text = "The best that was seen of link or PCIe, as far as mlxtop remembers"
            value = health.best[name].value * factor
            into.add("port_best_bytes_per_second", value, text, at, of=name)
    into.add("port_correctable_error_ratio", limit, "Bit error rate up to which FEC corrects", at)
    text = "The most symbols that FEC corrected in a code word, in a usual minute (Linux 6.18)"
    into.add("port_fec_symbols_most", most_symbols(health, wall - DAY_S, wall), text, at)
    if told.errors is not None:
        text = "Decades a day by which raw bit errors rise, temperature taken out"
        into.add("port_error_decades_per_day", told.errors.slope, text, at)
    if told.failing is not None:
        text = "Seconds until FEC can correct no longer at this pace; only where that is sure"
        into.add("port_error_forecast_seconds", told.failing.days * DAY_S, text, at)
    newest = None if is_stale(health, wall) else last_point(health)
    pairs = zip(health.new.rx_dbm, newest.rx_dbm, strict=False) if health.new and newest else ()
    for lane, (new, dbm_now) in enumerate(pairs, 1):
        lost = None if new is None or dbm_now is None else round(new - dbm_now, 2)
        text = "Decibels of light less than when the module was new, by lane"
        into.add("module_light_lost_db", lost, text, at, lane=str(lane))
    text = "Times in the last day that the link was lost for less than two minutes, as far as seen"
    into.add("port_lost_last_day", flap_days(health, wall).day, text, at)


def _lossless(into: Families, view: PortView, at: Labels) -> None:
    """Tell which priorities are lossless, where the driver tells it."""
    settings = view.now.now.settings.value
    if settings is None or settings.dcb is None or settings.dcb.pfc is None:
        return
    text = "Priorities that have a pause of their own (PFC)"
    into.add("port_lossless_priorities", len(settings.dcb.pfc), text, at)
    for priority in settings.dcb.pfc:
        text = "1 for a priority that has a pause of its own (PFC)"
        into.add("port_priority_lossless", 1, text, at, priority=str(priority))
