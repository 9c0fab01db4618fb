"""What a module, the firmware and its tool signal about a link, in words.

SFF-8636 and CMIS latch signals until they are read: what was signalled before the link came up
is still there at the first reading after it. A link that is up disproves a loss of signal.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.doctor.check import PortCase
from mlxtop.model.module import Flag, LinkReport, signals
from mlxtop.model.sample import Link

_BROKEN = ("module fault", "module firmware fault", "data path firmware fault", "tx fault")
"""Beginnings of signals of a module that does not work."""
_LOST = ("rx loss of signal", "tx loss of signal", "rx loss of lock", "tx loss of lock")
"""Signals of which a link that is up proves that they are over."""
_BESIDE = ("tx adaptive eq fault", "temperature high alarm", "voltage low alarm")
"""Signals that may be why a link does not come up."""
_NOTHING_WRONG = ("no issue", "info not available", "information not available")
"""Beginnings of recommendations that recommend nothing."""
_BY_COMMAND = "by command"
"""In a recommendation: somebody has switched the port off."""
_UP_AND_DOWN = 2
_UNPLUGGED = 1024
"""Status opcode of a port without cable."""


def was_up(link: Link) -> bool:
    """Return whether a link that is down was up once: up and down are two changes."""
    return (link.carrier_changes or 0) >= _UP_AND_DOWN


def _flags(port: PortCase) -> frozenset[Flag]:
    """Return what the module signals by its memory and by the firmware's tool."""
    report = port.now.report
    readings = (port.now.module, report.module if report else None)
    return frozenset().union(*(one.flags or () for one in readings if one is not None))


def lanes_in_use(port: PortCase) -> list[int]:
    """Return the module's lanes, from 1, without those that are dark by right.

    These are the dark ones of a breakout, or of a link over fewer lanes: as many as it uses have
    light.
    """
    module, modes = port.now.module, port.settings.modes
    lanes = dict(enumerate(module.lanes if module else (), 1))
    lit = [number for number, lane in lanes.items() if not lane.is_dark]
    return lit if modes and modes.lanes and 0 < modes.lanes <= len(lit) else list(lanes)


def broken(port: PortCase) -> list[str]:
    """Return what says that the module does not work, whatever the state of the link."""
    signs = signals(flag for flag in _flags(port) if flag.text.startswith(_BROKEN))
    if has_failed(port):
        signs.insert(0, "the module's state is fault")
    return signs


def has_failed(port: PortCase) -> bool:
    """Return whether the module says that it is in the state of fault."""
    module = port.now.module
    return module is not None and "fault" in (module.state or "")


def lost(port: PortCase) -> list[str]:
    """Return the signals of light and clocks that are lost, and the lanes that are dark."""
    module = port.now.module
    flags = _flags(port)
    signs = [
        words
        for text in (*_LOST, *_BESIDE)
        for words in signals(flag for flag in flags if flag.text == text)
    ]
    lanes = module.lanes if module else ()
    dark = [number for number, lane in enumerate(lanes, 1) if lane.is_dark]
    return signs + signals(Flag("no light arrives", number) for number in dark)


def signals_again(port: PortCase, *texts: str) -> list[str]:
    """Return signals of these texts that a later reading of the module showed again."""
    module = port.now.module
    if module is None:
        return []
    return signals(
        flag
        for flag in module.flags or ()
        if flag.text in texts and module.seen.get(flag, module.tick) < module.tick
    )


def stays_lost(port: PortCase) -> list[str]:
    """Return losses that a later reading showed again: they are not from before the link."""
    return signals_again(port, *_LOST[:2])


def recommended(report: LinkReport | None) -> str | None:
    """Return what the firmware recommends, in the tool's words; None where it is nothing.

    >>> recommended(LinkReport(recommendation="Bad signal integrity", opcode=15, source="mlxlink"))
    'mlxlink: Bad signal integrity (status opcode 15)'
    >>> recommended(LinkReport(recommendation="No issue was observed", opcode=0))
    """
    words = report.recommendation if report else None
    if report is None or words is None or report.opcode == _UNPLUGGED:
        return None
    if words.lower().startswith(_NOTHING_WRONG) or _BY_COMMAND in words.lower():
        return None
    code = f" (status opcode {report.opcode})" if report.opcode else ""
    return f"{report.source or 'mlxlink'}: {words.rstrip('.')}{code}"


def _asleep(port: PortCase) -> Iterator[str]:
    """Yield what says that the module, or a data path through it, was never switched on."""
    module = port.now.module
    if module is None or module.identity.passive:
        return
    if module.state not in (None, "ready") and not has_failed(port):
        yield f"the module's state is {module.state}"
    paths = (
        Flag(f"data path {lane.data_path}", number)
        for number, lane in enumerate(module.lanes, 1)
        if lane.data_path not in (None, "activated")
    )
    yield from signals(paths)


def why_down(port: PortCase) -> list[str]:
    """Return what was read about a link that is down, the gravest first."""
    advice = recommended(port.now.report)
    return [*broken(port), *([advice] if advice else []), *_asleep(port), *lost(port)]
