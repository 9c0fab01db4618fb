"""A machine among several, as the line above its ports tells of it."""

from __future__ import annotations

from mlxtop.model.frame import Frame
from mlxtop.model.machine import MachineState, Reach
from mlxtop.present import units
from mlxtop.present.text import Line, Role, Run, clean

_GAP = "  "


def machine_title(name: str, frame: Frame | None, reach: Reach, now: float) -> Line:
    """Return a machine's name, how it is reached, and what it is. `now`: our monotonic clock."""
    parts: list[Run] = [(f" {clean(name)}", Role.ACCENT)]
    if reach.state is MachineState.LOST:
        ago = units.duration(round(max(0.0, now - reach.since)))
        last = f"last seen {ago} ago" if frame is not None else "not reached yet"
        parts += [(f"lost, {last}", Role.CRITICAL), (clean(reach.why), Role.WARNING)]
        return _joined(parts)
    if reach.state is MachineState.CONNECTING:
        parts.append(("connecting …", Role.DIM))
    if reach.offset is not None:
        way = "ahead" if reach.offset > 0 else "behind"
        parts.append((f"its clock is {_span(abs(reach.offset))} {way}", Role.WARNING))
    if reach.via:
        parts.append((clean(reach.via), Role.DIM))
    if frame is not None:
        host = frame.sample.host
        own = host.name if host.name != name else ""
        about = (own, f"Linux {host.kernel}" if host.kernel else "")
        parts += [(clean(text), Role.DIM) for text in about if text]
    return _joined(parts)


def _span(seconds: float) -> str:
    """Return a length of time, finely where it is short.

    >>> _span(0.0824), _span(3.21), _span(400.0)
    ('82 ms', '3.2 s', '6 min 40 s')
    """
    if seconds < 1.0:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else units.duration(round(seconds))


def _joined(parts: list[Run]) -> Line:
    runs: list[Run] = []
    for text, role in parts:
        if text:
            runs += [(_GAP, Role.DIM)] * bool(runs) + [(text, role)]
    return tuple(runs)
