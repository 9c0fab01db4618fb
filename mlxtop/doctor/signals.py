"""What a module, the firmware and its tool signal about a link, in words.

SFF-8636 and CMIS latch signals until they are read: what was signalled before the link came up
is still there at the first reading after it. A link that is up disproves a loss of signal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlxtop.doctor.check import PortCase
from mlxtop.model.module import Bound, Flag, LinkReport, Module
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


def lanes_in_use(port: PortCase) -> list[int]:
    """Return the module's lanes that a link that is up uses, from 1: the first ones.

    Others are dark by right: of a breakout, of a link over fewer lanes, or with their laser off.
    """
    module, modes = port.now.module, port.settings.modes
    if module is None:
        return []
    lanes = module.lanes[: modes.lanes] if modes and modes.lanes else module.lanes
    return [
        number
        for number, lane in enumerate(lanes, 1)
        if not (lane.bias_ma == 0.0 and not lane.tx_mw and not lane.rx_mw)
        or Flag(_LOST[0], number) in (module.flags or ())
        or _complains(module, number)
    ]


def _complains(module: Module, number: int) -> bool:
    """Return whether a module signals that a lane is below its limits."""
    bounds = (Bound.LOW_ALARM, Bound.LOW_WARNING)
    return any(f.lane == number and f.text.endswith(bounds) for f in module.flags or ())


def on_lanes(lanes: Iterable[int], count: int) -> str:
    """Return lanes in words.

    >>> on_lanes((1, 2, 3, 4), 4), on_lanes((3,), 4), on_lanes((1, 3), 4)
    ('on all lanes', 'on lane 3', 'on lanes 1 and 3')
    """
    numbers = sorted(set(lanes))
    if count > 1 and len(numbers) == count:
        return "on all lanes"
    if len(numbers) == 1:
        return f"on lane {numbers[0]}"
    return f"on lanes {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _by_text(flags: Iterable[Flag], module: Module) -> dict[str, str]:
    """Return signals by their text, with their lanes in words."""
    count = max(len(module.lanes), max((flag.lane or 0 for flag in module.flags or ()), default=0))
    lanes: dict[str, list[int]] = {}
    for flag in sorted(flags, key=lambda flag: (flag.text, flag.lane or 0)):
        lanes.setdefault(flag.text, []).extend([flag.lane] if flag.lane else [])
    return {
        text: f"{text} {on_lanes(numbers, count)}" if numbers else text
        for text, numbers in lanes.items()
    }


def broken(port: PortCase) -> list[str]:
    """Return what says that the module does not work, whatever the state of the link."""
    module = port.now.module
    if module is None:
        return []
    flags = _by_text(module.flags or (), module)
    signs = [words for text, words in flags.items() if text.startswith(_BROKEN)]
    if module.state is not None and "fault" in module.state:
        signs.append(f"module state {module.state}")
    return signs


def lost(port: PortCase) -> list[str]:
    """Return the signals of light and clocks that are lost, and the lanes that are dark."""
    module = port.now.module
    if module is None:
        return []
    flags = _by_text(module.flags or (), module)
    signs = [flags[text] for text in (*_LOST, *_BESIDE) if text in flags]
    dark = [number for number, lane in enumerate(module.lanes, 1) if lane.rx_mw == 0.0]
    if dark:
        signs.append(f"no light {on_lanes(dark, len(module.lanes))}")
    return signs


def stays_lost(port: PortCase) -> list[str]:
    """Return losses that a later reading showed again: they are not from before the link."""
    module = port.now.module
    if module is None:
        return []
    again = [
        flag
        for flag in module.flags or ()
        if flag.text in _LOST[:2] and module.seen.get(flag, module.tick) < module.tick
    ]
    return list(_by_text(again, module).values())


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


def asleep(port: PortCase) -> Iterator[str]:
    """Yield what says that the module was never switched on."""
    module = port.now.module
    if module is not None and "low" in (module.state or "") and not module.identity.passive:
        yield f"module state {module.state}"


def why_down(port: PortCase) -> list[str]:
    """Return what was read about a link that is down, the gravest first."""
    advice = recommended(port.now.report)
    return [*broken(port), *([advice] if advice else []), *asleep(port), *lost(port)]
