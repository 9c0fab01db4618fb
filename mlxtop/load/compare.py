"""What changed between two recorded runs: hardware, settings, result, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlxtop.load.record import Run, number

_IGNORED = {"commands", "server", "warnings", "refusals", "notes", "bound_by"}
"""Parts of a plan that follow from others."""
_RESULT = (
    ("received_bps", "bit/s"),
    ("sent_bps", "bit/s"),
    ("retransmits", ""),
    ("lost", ""),
    ("seconds", "s"),
    ("cpu_local_percent", "%"),
    ("cpu_remote_percent", "%"),
)
_HEAT = ("start_c", "peak_c", "settled_c", "warning_c")
_SOAK = (("rise_c", "°C"), ("settles_c", "°C"), ("time_constant_s", "s"), ("c_per_gbps", "°C/Gb/s"))


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not the same in both runs."""

    part: str
    """`hardware`, `settings`, `result`, `heat` or `soak`."""
    name: str
    before: Any
    after: Any
    unit: str = ""

    @property
    def difference(self) -> float | None:
        """By how much a number changed."""
        old, new = number(self.before), number(self.after)
        return None if old is None or new is None else new - old

    @property
    def percent(self) -> float | None:
        """By how many percent; None from 0."""
        old, difference = number(self.before), self.difference
        return None if not old or difference is None else 100 * difference / old

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "part": self.part,
            "name": self.name,
            "before": self.before,
            "after": self.after,
            "unit": self.unit,
            "difference": self.difference,
            "percent": self.percent,
        }


def compare(before: Run, after: Run) -> list[Change]:
    """What differs, in the order in which one looks for causes."""
    found = _tables("hardware", before.fingerprint, after.fingerprint)
    found += _tables("settings", _settings(before), _settings(after))
    found += [
        Change("result", name, before.result.get(name), after.result.get(name), unit)
        for name, unit in _RESULT
        if before.result.get(name) != after.result.get(name)
    ]
    found += _text(before, after, "verdict")
    found += _text(before, after, "ended")
    for sensor in _both(before.sensors, after.sensors):
        old, new = before.sensors.get(sensor, {}), after.sensors.get(sensor, {})
        found += [
            Change("heat", f"{sensor} {key.removesuffix('_c')}", old.get(key), new.get(key), "°C")
            for key in _HEAT
            if old.get(key) != new.get(key)
        ]
    return found + _soaks(before, after)


def _settings(run: Run) -> dict[str, Any]:
    return {key: value for key, value in run.plan.items() if key not in _IGNORED}


def _both(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [*old, *(key for key in new if key not in old)]


def _tables(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    return [
        Change(part, key, old.get(key), new.get(key))
        for key in _both(old, new)
        if old.get(key) != new.get(key)
    ]


def _text(before: Run, after: Run, key: str) -> list[Change]:
    old, new = (before.end or {}).get(key), (after.end or {}).get(key)
    return [Change("result", key, old, new)] if old != new else []


def _soaks(before: Run, after: Run) -> list[Change]:
    def soaks(run: Run) -> dict[str, Mapping[str, Any]]:
        listed = (run.end or {}).get("soak")
        found = (
            [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        )
        return {str(item.get("name")): item for item in found}

    old, new = soaks(before), soaks(after)
    return [
        Change("soak", f"{name} {key}", one.get(key), other.get(key), unit)
        for name in _both(old, new)
        for key, unit in _SOAK
        for one, other in [(old.get(name, {}), new.get(name, {}))]
        if one.get(key) != other.get(key)
    ]
