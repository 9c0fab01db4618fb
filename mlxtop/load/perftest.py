"""perftest: how `ib_write_bw` and its kin are run, and what their reports mean.

https://github.com/linux-rdma/perftest, `perftest_parameters.h` for the report's columns. Its JSON
came with 23.04 and repeats this table, so the text serves every version.
"""

from __future__ import annotations

import re
import shlex
from collections import deque
from dataclasses import replace

from mlxtop.load.perftest_failure import explain_failure
from mlxtop.load.reader import FarEnd, Heard
from mlxtop.load.request import LoadRequest
from mlxtop.model.identity import Port
from mlxtop.model.load import Direction, FlowResult, Latency, LoadEvent, LoadResult, Tool
from mlxtop.system.door import Finished

_KEPT_LINES, _KEPT_CHARACTERS = 1000, 4096
"""Lines of a report that are kept, the last ones, and characters of a line."""
MOST_EXCHANGES, EXCHANGES_A_SECOND = 1_000_000, 20_000
"""Exchanges of a latency test, at most and for each second that it may take: few enough for slow
ways, and enough for its percentiles."""
_MICRO = 1e-6
_NUMBER = re.compile(r"^-?\d{1,18}(?:\.\d{1,12})?$", re.ASCII)
_UNITS = {"Gb/sec": 1e9, "MB/sec": 8 * 2.0**20, "MiB/sec": 8 * 2.0**20}
_COLUMN = re.compile(
    r"(#bytes|#iterations|BW peak|BW average|MsgRate|CPU_Util|t_(?:min|max|typical|avg|stdev)"
    r"|\b99(?:\.9)?% percentile|tps average)(?:\[([^\]]*)\])?"
)
_SETUP = re.compile(r"([A-Za-z][\w.*/-]*(?: [\w.*/-]+)*)\s*: (\S+(?: \S+)*)")
_NO_SETUP = re.compile(r"\s*(?:WARNING|GID:|.* address:)", re.IGNORECASE)
_LATENCIES = ("t_min", "t_max", "t_typical", "t_avg", "99% percentile", "99.9% percentile")
"""Columns of a latency test, in the order of `Latency`."""


def parse_version(text: str) -> str | None:
    """Return the version, or None where the text has none.

    >>> parse_version("Version: 6.06")
    '6.06'
    """
    match = re.search(r"^Version: (\S{1,20})", text, re.MULTILINE)
    return match[1] if match else None


def parse_report(text: str) -> LoadResult | None:
    """Return the last row of any perftest tool's report, or None where it has none."""
    columns: list[tuple[str, float]] = []
    """From left to right, each with its factor to bit/s."""
    result, setup, both = None, {}, False
    for line in text.splitlines():
        if not columns:
            setup.update(_setup(line))
            both = both or "Bidirectional" in line
        if "#bytes" in line:
            columns = [(one[1], _UNITS.get(one[2], 0.0)) for one in _COLUMN.finditer(line)]
        elif columns:
            result = _row(line, columns) or result
    if result is None:
        return None
    result = replace(result, setup=setup)
    return _divided(result) if both else result


def _setup(line: str) -> dict[str, str]:
    """Return settings of the test from a line of its head, `{'rdma_cm QPs': 'ON'}`."""
    if not line.startswith(" ") or _NO_SETUP.match(line):
        return {}
    return {key: value for key, value in _SETUP.findall(line) if key}


def _divided(result: LoadResult) -> LoadResult:
    """Return both directions of a test whose report has their sum: half of it each, about."""
    total = result.flow.sent_bps
    half = None if total is None else total / 2
    each = FlowResult(sent_bps=half, received_bps=half)
    return replace(result, flow=each, reverse=each)


class PerftestReader:
    """Keeps a perftest's report until its end; it has no intervals."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)

    def feed(self, line: str) -> list[LoadEvent]:
        self.lines.append(line[:_KEPT_CHARACTERS])
        return []

    def finish(self) -> list[LoadEvent]:
        result = parse_report("\n".join(self.lines))
        return [] if result is None else [result]

    def failure(self, ended: Finished, heard: Heard, at: FarEnd) -> str | None:
        if not ended.status and heard.result is not None:
            return None
        text = "\n".join(self.lines) + "\n" + ended.stderr
        return explain_failure(text, self._tool, at.host)


def _row(line: str, columns: list[tuple[str, float]]) -> LoadResult | None:
    words = line.split()
    if len(words) < min(3, len(columns)) or not all(_NUMBER.match(word) for word in words):
        return None
    value = {name: float(word) for (name, _), word in zip(columns, words, strict=False)}
    if not {"#bytes", "#iterations"} <= value.keys():
        return None
    bps = value["BW average"] * dict(columns)["BW average"] if "BW average" in value else None
    seconds = {name: number * _MICRO for name, number in value.items() if name in _LATENCIES}
    timed = not seconds.keys().isdisjoint(("t_avg", "t_typical"))
    latency = Latency(*map(seconds.get, _LATENCIES)) if timed else None
    flow = FlowResult(sent_bps=bps, received_bps=bps)
    return LoadResult(None, flow, cpu_local=value.get("CPU_Util"), latency=latency)


def shared_options(request: LoadRequest) -> list[str]:
    """Return the options that both ends must share."""
    argv = ["-D", str(request.seconds), "-F"]
    if request.latency:  # of a fixed length it tells the average alone
        argv = ["-n", str(min(MOST_EXCHANGES, request.seconds * EXCHANGES_A_SECOND)), "-F"]
    elif request.seconds < 6:
        argv += ["-f", "1"]  # the margins at both ends are 2 s otherwise, and nothing is left
    if not request.latency:
        argv.append("--report_gbits")
        if request.streams and request.streams > 1:
            argv += ["-q", str(request.streams)]
    argv += {Direction.BOTH: ["-b"], Direction.RECEIVE: ["--reversed"]}.get(request.direction, [])
    rows: list[tuple[object, list[str]]] = [
        (request.size, ["-s", str(request.size)]),
        (request.rdma_cm, ["-R"]),
        (request.port, ["-p", str(request.port)]),
    ]
    return [*argv, *(word for wanted, words in rows if wanted for word in words)]


def _rate_limit(request: LoadRequest) -> list[str]:
    """Return the options of the sending side that keep all queue pairs below a rate."""
    if not request.bitrate:
        return []
    share = request.bitrate / (request.streams or 1) / 1e9
    return [f"--rate_limit={share:.3f}", "--rate_units=g", "--rate_limit_type=SW"]


def client_command(
    request: LoadRequest, port: Port, gid: int | None, target: str
) -> tuple[str, ...]:
    """Return the command of the client; `gid` is the index of its RoCE address."""
    place = ["-d", port.rdma or "", "-i", str(port.rdma_port or 1)]
    gids = [] if gid is None or request.rdma_cm else ["-x", str(gid)]
    options = [*shared_options(request), *_rate_limit(request)]
    return (str(request.tool), *place, *gids, *options, target)


def far_server(request: LoadRequest, roce: bool) -> tuple[str, ...]:
    """Return the command of the server; the names of its device are left to fill in."""
    gids = ["-x", "GID_INDEX"] if roce and not request.rdma_cm else []
    return (shlex.join([str(request.tool), "-d", "DEVICE", *gids, *shared_options(request)]),)


def again(server: str) -> str:
    """Return what a shell runs to serve one test after the other.

    A server whose client was ended before its time fails, so its status does not end the loop.

    >>> again("ib_write_bw -d mlx5_0")
    'while sleep 0.2; do ib_write_bw -d mlx5_0; done'
    """
    return f"while sleep 0.2; do {server}; done"
