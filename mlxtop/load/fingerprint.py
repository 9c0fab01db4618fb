"""What a run was made on: enough to tell later what changed between two of them."""

from __future__ import annotations

import hashlib
from typing import Any

from mlxtop.analysis.slot import lanes
from mlxtop.load.request import LoadPlan
from mlxtop.model.frame import Frame
from mlxtop.model.pcie import PcieLink
from mlxtop.model.tuning import Tuning


def mask(serial: str | None) -> str | None:
    """A serial number that can be told from others and not be read.

    >>> mask("MX1234567")
    'MX…#07eb'
    >>> mask("")
    """
    serial = (serial or "").strip()
    if not serial:
        return None
    return f"{serial[:2]}…#{hashlib.sha256(serial.encode()).hexdigest()[:4]}"


def _pcie(link: PcieLink | None) -> str | None:
    return None if link is None or link.mbps is None else lanes(link)


def fingerprint(frame: Frame, plan: LoadPlan, tuning: Tuning | None) -> dict[str, Any]:
    """Hardware and settings of a run, as JSON; unknown is null."""
    assert plan.port is not None
    port = frame.ports[plan.port].now
    adapter = frame.adapter(plan.port)
    settings = tuning.ports.get(plan.port) if tuning else None
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
