"""The words around a small chart of one port: who it is, what is wrong, what it carries."""

from __future__ import annotations

from mlxtop.model.sample import LinkState, Temperature, sensor_title
from mlxtop.present import units
from mlxtop.present.cells import PortRow, thermometer, warmth
from mlxtop.present.heat import degrees
from mlxtop.present.text import Line, Role, Run, clean, crop, line_width, spread
from mlxtop.present.view import link_mark, link_run, speed_name

_GAP: Run = ("  ", Role.DIM)
_AIRY = 28
"""Columns from which the rates keep away from the edges."""
_RATE = 12
"""Columns of a rate with its name."""
_NAMED = 40
"""Columns from which the sensor that is nearest to its limit has its name."""


def tile_title(row: PortRow, columns: int, selected: bool) -> Line:
    """Return name and link at the left, heat and what is wrong at the right."""
    state = row.now.link.state
    mark, role = link_mark(state)
    name = (clean(row.now.port.name), Role.ACCENT if selected else Role.STRONG)
    words = (speed_name(row.now.link), Role.DIM)
    if state is not LinkState.UP:
        words = link_run(state)[0].removeprefix(f"{mark} "), role
    cursor = ("▸" if selected else " ", Role.ACCENT)
    left: Line = (cursor, (mark, role), (" ", Role.TEXT), name)
    least = (*left, _GAP, words) if state is not LinkState.UP else left
    signs = _signs(row, named=columns >= _NAMED)
    while signs and line_width((*least, *_flat(signs))) > columns:
        signs.pop(0)
    right = _flat(signs)
    if line_width((*left, _GAP, words, *right)) <= columns:
        left = (*left, _GAP, words)
    return spread(left, right, columns)


def _signs(row: PortRow, named: bool) -> list[Line]:
    """Return heat, flaps and errors, the least important first."""
    signs: list[Line] = []
    nearest = warmth(row)
    if nearest is not None:
        heat = row.heat_of(nearest.sensor)
        text, role = degrees(row.now.sensor(nearest.sensor), units.CELSIUS_WIDTH + 1, heat)
        name: Line = ((f"{sensor_title(nearest.sensor)} ", Role.DIM),) if named else ()
        signs.append((*name, (text.strip(), role), *thermometer(row, 1)))
    else:
        signs += [_silent(sensor) for sensor in row.now.temperatures if sensor.stale][:1]
    if row.flaps:
        signs.append(((f"↕{row.flaps}", Role.WARNING),))
    events, moving = row.errors
    if events:
        mark, role = ("!", Role.CRITICAL) if moving else ("", Role.WARNING)
        signs.append(((f"{mark}{units.short(events).replace(' ', '')} err", role),))
    return signs


def _silent(sensor: Temperature) -> Line:
    """Return a sensor that no longer answers, with its last value."""
    text, role = degrees(sensor, units.CELSIUS_WIDTH + 1)
    return (f"{sensor_title(sensor.name)} ", Role.DIM), (text.strip(), role)


def _flat(parts: list[Line]) -> Line:
    return tuple(run for part in parts for run in ((" ", Role.DIM), *part))


def tile_rates(row: PortRow, columns: int) -> Line:
    """Return what the port receives and sends now; side by side where the next tile is near."""
    flow, bits = row.flow, row.context.bits
    rx, tx = (units.rate(rate, bits).strip() for rate in (flow.rx_bps, flow.tx_bps))
    gap = " " if columns >= _AIRY else ""
    left: Line = ((f"{gap}RX ", Role.RX), (rx, Role.TEXT))
    right: Line = (("TX ", Role.TX), (tx + gap, Role.TEXT))
    if 2 * _RATE < columns < _AIRY and line_width(left) <= _RATE:
        return crop((*crop(left, _RATE + 1), *right), columns)
    return spread(left, right, columns)
