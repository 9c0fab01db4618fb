"""What a module complains of, and what it tells about a link that is down."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.doctor.check import Outcome, PortCase, check, ports
from mlxtop.model.module import Flag, Module, signals
from mlxtop.model.sample import LinkState

_STANDARDS = "SFF-8636 bytes 3 to 5, CMIS bytes 3 and 8 and page 11h; mlxlink -m"
_OFF = (LinkState.ADMIN_DOWN, LinkState.NO_MODULE, LinkState.DISABLED, LinkState.NO_DEVICE)
"""States in which a module has no reason to work."""


def _flags(port: PortCase) -> frozenset[Flag]:
    """Return what the module signals by its memory and by the firmware's tool."""
    report = port.now.report
    readings = (port.now.module, report.module if report else None)
    return frozenset().union(*(one.flags or () for one in readings if one is not None))


def _is_told(port: PortCase) -> bool:
    """Return True for a module that should work and tells how it is."""
    module = port.now.module
    speaks = module is not None and (module.flags is not None or module.state is not None)
    return port.link.state not in _OFF and (speaks or bool(_flags(port)))


@check(
    "module faults",
    needs=ports("no module that tells of its faults", _is_told),
    explains="Modules signal when a laser, their firmware or the path of the data through them"
    " fails. Signals stay until they are read, so one may be from before the link came up.",
    normal="none",
)
def _faults(port: PortCase) -> Iterator[Outcome]:
    module, faults = port.now.module, [flag for flag in _flags(port) if "fault" in flag.text]
    failed = module is not None and module.state == "fault"
    if not faults and not failed:
        return
    words = [*(["it is in the state of fault"] if failed else []), *signals(faults)]
    arguments = (
        f"the module: {', '.join(words)} ({module.source if module else 'mlxlink'})",
        "a part of the module failed, or did when the link last came up; data may be lost or the"
        " link may not come up",
        "read it again after a minute (ethtool -m, mlxlink -m): what is still signalled is so now;"
        " then reseat the module, update its firmware, or replace it",
        _STANDARDS,
    )
    yield port.critical(*arguments) if failed else port.warning(*arguments)


def why_down(port: PortCase) -> str | None:
    """Return what module and tool tell about a link that is down; None where they tell nothing."""
    module, report = port.now.module, port.now.report
    flags = [flag for flag in _flags(port) if not flag.text.endswith(("alarm", "warning"))]
    parts = [f"the module signals {', '.join(signals(flags))}"] if flags else []
    if module is not None:
        parts += _dark(module)
        if module.state not in (None, "ready"):
            parts.append(f"the module's state is {module.state}")
    if report is not None and report.recommendation and report.healthy is False:
        parts.append(f"{report.source or 'mlxlink'}: {report.recommendation}")
    return "; ".join(parts) or None


def _dark(module: Module) -> Iterator[str]:
    dark = [n for n, lane in enumerate(module.lanes, 1) if lane.rx_mw == 0.0]
    if dark and len(dark) == len(module.lanes):
        yield "no light arrives"
    elif dark:
        yield f"no light arrives on {'lanes' if len(dark) > 1 else 'lane'} {str(dark)[1:-1]}"
