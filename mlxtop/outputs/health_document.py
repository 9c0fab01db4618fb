"""What is remembered of a link, as a part of JSON documents: unknown is null, times are UTC."""

from __future__ import annotations

from typing import Any

from mlxtop.health.link_health import LinkHealth
from mlxtop.health.signs import Outlook, flap_days, is_stale, last_point, lost_lately, most_symbols
from mlxtop.health.trend import DAY_S
from mlxtop.model.json_text import attributes

Json = dict[str, Any]
_BEST = {"speed": "speed_bps", "lanes": "lanes", "pcie": "pcie_mbps", "pcie_lanes": "pcie_lanes"}
"""What is remembered at its best, to the key in a document."""


def health_document(
    health: LinkHealth | None, told: Outlook | None, limit: float | None, wall: float
) -> Json | None:
    """Return a history at an instant; null where nothing is remembered."""
    if health is None or told is None:
        return None
    point = None if is_stale(health, wall) else last_point(health)
    count, way = flap_days(health, wall), told.failing
    rates = {"raw_ber": point.raw, "effective_ber": point.effective} if point else {}
    return {
        "since": health.since or None,
        "module": health.part or None,
        "best": {
            key: {"value": health.best[name].value, "last": health.best[name].last}
            if name in health.best
            else None
            for name, key in _BEST.items()
        },
        "raw_ber": None,
        "effective_ber": None,
        **{name: None if value is None else 10**value for name, value in rates.items()},
        "correctable_ber": limit,
        "most_symbols_corrected": most_symbols(health, wall - DAY_S, wall),
        **attributes(told.errors, decades_a_day="slope", decades_a_day_error="error"),
        **attributes(told.errors, decades_a_kelvin="per_kelvin"),
        "fails_in_days": way and [way.earliest, way.days, way.latest],
        "not_corrected_in_a_day": lost_lately(health, wall),
        "faded_lanes": [one._asdict() for one in told.faded],
        "aged_lasers": [one._asdict() for one in told.aged],
        "lost_in_a_day": count.day,
        "lost_in_a_week": count.week,
        "losses": [
            {"time": one.wall, "reason": one.reason or None, "seconds": one.down_s}
            for one in health.flaps
        ],
        "changes": [one._asdict() for one in health.changes],
    }
