"""The hardware and settings of a run, and what changed between two recorded runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlxtop.load.record import Line, Run, number
from mlxtop.load.request import LoadPlan
from mlxtop.model.frame import Frame
from mlxtop.model.pcie import PcieLink

_IGNORED = {"commands", "server", "warnings", "refusals", "notes", "bound_by"}
"""Parts of a plan that follow from others."""
_RESULT = {
    "received_bps": "bit/s",
    "sent_bps": "bit/s",
    "retransmits": "",
    "lost": "",
    "seconds": "s",
    "cpu_local_percent": "%",
    "cpu_remote_percent": "%",
}
_HEAT = dict.fromkeys(("start_c", "peak_c", "settled_c", "warning_c"), "°C")
_SOAK = {"rise_c": "°C", "settles_c": "°C", "time_constant_s": "s", "c_per_gbps": "°C/Gb/s"}


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
        """Return by how much a number changed."""
        old, new = number(self.before), number(self.after)
        return None if old is None or new is None else new - old

    @property
    def percent(self) -> float | None:
        """Return by how many percent a number changed, or None from 0."""
        old, difference = number(self.before), self.difference
        return None if not old or difference is None else 100 * difference / old

    def document(self) -> dict[str, Any]:
        """Return the change for JSON."""
        names = ("part", "name", "before", "after", "unit", "difference", "percent")
        return {name: getattr(self, name) for name in names}


def compare(before: Run, after: Run) -> list[Change]:
    """Return what differs, in the order in which one looks for causes."""
    changes = _changes("hardware", before.fingerprint, after.fingerprint)
    changes += _changes("settings", _settings(before), _settings(after))
    changes += _changes("result", before.result, after.result, _RESULT)
    changes += _changes("result", before.end or {}, after.end or {}, {"verdict": "", "ended": ""})
    for name in dict.fromkeys((*before.sensors, *after.sensors)):
        one, other = before.sensors.get(name, {}), after.sensors.get(name, {})
        changes += _changes("heat", one, other, _HEAT, name)
    for name in dict.fromkeys((*before.soaks, *after.soaks)):
        one, other = before.soaks.get(name, {}), after.soaks.get(name, {})
        changes += _changes("soak", one, other, _SOAK, name)
    return changes


def _settings(run: Run) -> dict[str, Any]:
    return {key: value for key, value in run.plan.items() if key not in _IGNORED}


def _changes(
    part: str, old: Line, new: Line, units: Mapping[str, str] | None = None, sensor: str = ""
) -> list[Change]:
    """Return the keys whose values differ; with `units` only those that have one."""
    changes = []
    for key in units or dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            name = f"{sensor} {key.removesuffix('_c')}" if sensor else key
            changes.append(
                Change(part, name, old.get(key), new.get(key), (units or {}).get(key, ""))
            )
    return changes


def mask(serial: str | None) -> str | None:
    """Return a serial number that differs from others and cannot be read.

    >>> mask("MX1234567")
    'MX…#07eb'
    >>> mask("")
    """
    serial = (serial or "").strip()
    if not serial:
        return None
    return f"{serial[:2]}…#{hashlib.sha256(serial.encode()).hexdigest()[:4]}"


def _pcie(link: PcieLink | None) -> str | None:
    return None if link is None or link.mbps is None else f"{link.speed} GT/s x{link.width}"


def fingerprint(frame: Frame, plan: LoadPlan) -> dict[str, Any]:
    """Return hardware and settings of a run for JSON; unknown is null."""
    assert plan.port is not None
    port = frame.ports[plan.port].now
    adapter = frame.adapter(plan.port)
    settings = port.settings.value
    status = frame.pcie(plan.port)
    path = status.path if status else None
    host = frame.sample.host
    module = port.module
    return {
        "card": adapter.family if adapter else None,
        "part": adapter.part if adapter else None,
        "psid": adapter.psid if adapter else None,
        "firmware": adapter.firmware if adapter else None,
        "driver": port.port.driver,
        "pcie": _pcie(path.links[0] if path and path.links else None),
        "pcie_limit": _pcie(path.limiting if path else None),
        "pcie_limited_by": path.limiting.device if path and path.limiting else None,
        "mps": settings.control.mps if settings and settings.control else None,
        "link_layer": str(port.link.layer) if port.link.layer else None,
        "link_bps": plan.speed,
        "mtu": plan.mtu,
        "fec": settings.fec.active if settings and settings.fec else None,
        "rings_rx": settings.rings.rx if settings and settings.rings else None,
        "rings_tx": settings.rings.tx if settings and settings.rings else None,
        "channels": settings.channels.combined if settings and settings.channels else None,
        "module_vendor": module.identity.vendor if module else None,
        "module_part": module.identity.part if module else None,
        "module_serial": mask(module.identity.serial) if module else None,
        "host": host.name,
        "kernel": host.kernel,
        "cpu": host.cpu_model,
        "cpus": host.cpus,
        "tool": str(plan.request.tool),
        "tool_version": plan.tool_version,
    }
