"""ping as a test: round trips of packets that fill the path's MTU, with their percentiles.

https://man7.org/linux/man-pages/man8/ping.8.html (iputils)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlxtop.load.commands import Planning
from mlxtop.load.reader import FarEnd, Heard, explain_text
from mlxtop.load.request import LoadPlan
from mlxtop.model.load import Direction, FlowResult, Latency, LoadEvent, LoadResult
from mlxtop.model.number import COUNT, real, whole
from mlxtop.sources.tools.ping import full_size, parse_ping
from mlxtop.system.door import Finished

PAUSE_S = 0.2
"""Seconds between packets; fewer are root's."""
_TIME = re.compile(r"\btime=(\d{1,9}(?:\.\d{1,6})?) ms", re.ASCII)
_COUNTS = re.compile(r"^(\d{1,9}) packets transmitted, (\d{1,9}) received", re.MULTILINE)
_SHARES = (0.5, 0.99, 0.999)
_MOST = 100_000


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value that a share of the others does not exceed, by the nearest rank.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5), percentile([1.0, 2.0, 3.0, 4.0], 0.99)
    (2.0, 4.0)
    """
    if not ordered:
        return None
    place = -(-len(ordered) * share // 1)
    return ordered[max(0, min(len(ordered), int(place)) - 1)]


class PingReader:
    """Reads the output of a ping; never raises."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._text: list[str] = []

    def feed(self, line: str) -> list[LoadEvent]:
        match = _TIME.search(line)
        if match is not None and len(self._times) < _MOST:
            milliseconds = real(match[1])
            self._times += [] if milliseconds is None else [milliseconds / 1e3]
        elif len(self._text) < _MOST:
            self._text.append(line[:1000])
        return []

    def finish(self) -> list[LoadEvent]:
        times = sorted(self._times)
        if not times:
            return []
        counts = _COUNTS.search("\n".join(self._text))
        sent = whole(counts[1], COUNT) if counts else None
        received = whole(counts[2], COUNT) if counts else None
        lost = None if sent is None or received is None else max(0, sent - received)
        median, p99, p999 = (percentile(times, share) for share in _SHARES)
        average = sum(times) / len(times)
        latency = Latency(times[0], times[-1], median, average, p99, p999)
        return [LoadResult(None, FlowResult(lost=lost, packets=sent), latency=latency)]

    def failure(self, ended: Finished, heard: Heard, at: FarEnd) -> str | None:
        if heard.result is not None:
            return None
        answer = parse_ping(ended._replace(stdout="\n".join(self._text)))
        if answer.mtu is not None:
            return f"packets of that size do not reach {at.host}: the path takes {answer.mtu} bytes"
        if answer.error is None and not ended.status:
            return f"{at.host} does not answer"
        if answer.error is None:
            return f"{at.host} does not answer packets of that size"
        return explain_text(answer.error, "ping", at)


def plan(planning: Planning) -> LoadPlan:
    """Return the plan with the command of ping: undivided packets of the device's whole MTU."""
    request, way = planning.request, planning.way
    planning.installed("ping", "iputils-ping")
    if request.direction is not Direction.SEND or request.udp or request.bitrate or request.amount:
        planning.refuse("ping has no direction, UDP, bitrate or amount")
    if (request.streams or 1) > 1 or (request.processes or 1) > 1 or request.test:
        planning.refuse("ping has one stream, and no test by name")
    mtu = way.port.now.link.mtu
    size = request.size or (full_size(mtu, way.target) if mtu else 56)
    count = max(2, round(request.seconds / PAUSE_S))
    argv = ["ping", "-n", "-c", str(count), "-i", f"{PAUSE_S:g}", "-W", "1", "-M", "do"]
    argv += ["-s", str(max(0, size))]
    if way.device is not None and (way.bind or way.bind_device):
        argv += ["-I", way.device]
    return planning.plan._replace(streams=1, commands=((*argv, way.target),), server=())
