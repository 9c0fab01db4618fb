"""The line on top of every screen: which machine, how much, what is wrong."""

from __future__ import annotations

from time import localtime, strftime

from mlxtop.model.frame import Frame
from mlxtop.present import units
from mlxtop.present.clean import clean
from mlxtop.present.overview import totals
from mlxtop.present.text import Line, Role, Run, crop, line_width


def header_line(
    frame: Frame | None,
    columns: int,
    *,
    label: str,
    interval: float,
    bits: bool = True,
    badges: tuple[str, ...] = (),
    alarm: Run | None = None,
) -> Line:
    """Name, machine and badges at the left; totals, what is wrong, pace and time at the right."""
    left: list[Run] = [(" mlxtop ", Role.ACCENT)]
    left.extend((f" {badge} ", Role.BADGE) for badge in badges)
    host = frame.sample.host.name if frame else label
    left.append((f"  {clean(host)}", Role.STRONG))
    parts = _right(frame, interval, bits)
    if alarm is not None:
        parts.append(((f"  {alarm[0]} ", alarm[1]),))
    if columns >= 100 and frame is not None:
        left.extend(_about(frame))
    room = columns - line_width(tuple(left))
    while parts and line_width(tuple(run for part in parts for run in part)) + 1 > room:
        parts.pop(0)
    right = tuple(run for part in parts for run in part)
    return (*crop(tuple(left), columns - line_width(right)), *right)


def _about(frame: Frame) -> list[Run]:
    host = frame.sample.host
    about = [host.kernel and f"Linux {clean(host.kernel)}"]
    about.append(f"{host.cpus} CPUs" if host.cpus else None)
    return [(f"  {text}", Role.DIM) for text in about if text]


def _right(frame: Frame | None, interval: float, bits: bool) -> list[Line]:
    """Parts from the least to the most important."""
    pace: Line = ((f"  every {interval:g} s", Role.DIM),)
    if frame is None:
        return [pace]
    rx, tx = totals(frame)
    flows: Line = (
        ("  RX ", Role.RX),
        (units.rate(rx, bits), Role.STRONG),
        ("  TX ", Role.TX),
        (units.rate(tx, bits), Role.STRONG),
    )
    problems = len(frame.sample.problems)
    word = "problem" if problems == 1 else "problems"
    clock = strftime("%H:%M:%S", localtime(frame.sample.wall))
    parts = [pace, flows, ((f"  {clock} ", Role.DIM),)]
    if problems:
        parts.insert(2, ((f"  ! {problems} {word}", Role.WARNING),))
    return parts
