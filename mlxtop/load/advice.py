"""What is the worst in the outcome of a load test, and what to try next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from mlxtop.analysis.verdict import Limit
from mlxtop.load.hold import HOLD_TIME_S, regulable
from mlxtop.load.outcome import GOOD, Outcome
from mlxtop.load.request import LoadRequest
from mlxtop.model.load import Direction, Tool
from mlxtop.model.sample import sensor_title


class Trouble(NamedTuple):
    """Something in an outcome that a person has to know."""

    text: str
    critical: bool


def troubles(outcome: Outcome) -> list[Trouble]:
    """Return what is bad in an outcome, the worst first; empty for one that is well."""
    return sorted(_troubles(outcome), key=lambda trouble: not trouble.critical)


def _troubles(outcome: Outcome) -> Iterator[Trouble]:
    for sensor in outcome.sensors:
        if sensor.passed is not None:
            name, limit = sensor.passed
            text = f"{sensor_title(sensor.name)} passed its {name} limit of {limit:g} °C"
            yield Trouble(text, name != "warning")
    if outcome.ended != "complete":
        yield Trouble(outcome.ended, outcome.failed or outcome.heat.reason is not None)
    for moved in outcome.moved:
        text = f"{moved.name} +{moved.events} ({moved.severity}): {moved.help}"
        yield Trouble(text, moved.severity == "critical")


def next_step(outcome: Outcome) -> str | None:
    """Return what to try next, in one line; None where nothing follows from the outcome."""
    plan, request = outcome.plan, outcome.plan.request
    alarmed = any(one.passed and one.passed[0] != "warning" for one in outcome.sensors)
    if outcome.hot and (outcome.heat.reason is not None or alarmed):
        if outcome.hold is not None or not regulable(request):
            return None
        return f"{_line(request, '--hold')} finds the rate that this slot cools for ever"
    if outcome.failed:
        server = "; ".join(plan.server)
        return f"at the far end: {server}" if server and "listens at" in outcome.ended else None
    if outcome.hold is not None:
        if outcome.hold.bps is None and outcome.ended == "complete":
            minutes = max(HOLD_TIME_S, 2 * request.seconds) // 60
            return f"{_line(request, '--hold', '-t', f'{minutes}m')}: more time to find it"
        held_back = outcome.hold.bps is not None and not outcome.hold.full
        return "more air over the card, then the same again: what it gained" if held_back else None
    if request.latency or outcome.share is None or outcome.ended != "complete":
        return None
    limit = outcome.verdict.limit if outcome.verdict is not None else None
    if request.protocol != "RDMA":
        if outcome.share < GOOD and limit is Limit.CPU and request.tool is Tool.IPERF3:
            streams = min(2 * plan.streams, 64)
            return f"{_line(request, f'-P {streams}')}: more streams, more cores"
        if outcome.share < GOOD:
            return f"mlxtop measure {shlex.quote(request.host)}: every tool, and where it is lost"
        if request.direction is Direction.SEND:
            return f"{_line(request, '-R')} for the other direction"
    elif outcome.share < GOOD:
        return "mlxtop doctor: what slows the port down"
    return None


def _line(request: LoadRequest, *words: str) -> str:
    """Return the command of another test of the same kind."""
    tool = () if request.tool is Tool.IPERF3 else ("--tool", str(request.tool))
    via = () if request.via is None else ("--via", shlex.quote(request.via))
    return " ".join(("mlxtop load", shlex.quote(request.host), *via, *tool, *words))
