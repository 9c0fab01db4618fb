"""perftest: how `ib_write_bw` and its kin are run, and what their reports and errors mean.

https://github.com/linux-rdma/perftest, `perftest_parameters.h` for the report's columns. Its JSON
came with 23.04 and repeats this table, so the text serves every version.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections import deque

from mlxtop.load.request import LoadRequest
from mlxtop.model.identity import Port
from mlxtop.model.load import Direction, FlowResult, Latency, LoadEvent, LoadResult, Tool
from mlxtop.model.number import whole
from mlxtop.system.door import System

MOST_GIDS = 65535
"""GIDs of a port at most: their number has 16 bits."""
_KEPT_LINES, _KEPT_CHARACTERS = 1000, 4096
"""Lines of a report that are kept, the last ones, and characters of a line."""
_MICRO = 1e-6
_NUMBER = re.compile(r"^-?\d{1,18}(?:\.\d{1,12})?$", re.ASCII)
_UNITS = {"Gb/sec": 1e9, "MB/sec": 8 * 2.0**20, "MiB/sec": 8 * 2.0**20}
_COLUMNS = {
    "bytes": re.compile(r"#bytes"),
    "iterations": re.compile(r"#iterations"),
    "peak": re.compile(r"BW peak\[([^\]]*)\]"),
    "average": re.compile(r"BW average\[([^\]]*)\]"),
    "messages": re.compile(r"MsgRate\[Mpps\]"),
    "cpu": re.compile(r"CPU_Util\[%\]"),
    "min": re.compile(r"t_min\[usec\]"),
    "max": re.compile(r"t_max\[usec\]"),
    "typical": re.compile(r"t_typical\[usec\]"),
    "average_lat": re.compile(r"t_avg\[usec\]"),
    "deviation": re.compile(r"t_stdev\[usec\]"),
    "p99": re.compile(r"\b99% percentile\[usec\]"),
    "p999": re.compile(r"\b99\.9% percentile\[usec\]"),
    "tps": re.compile(r"tps average"),
}
_LATENCIES = ("min", "max", "typical", "average_lat", "p99", "p999")
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
    result = None
    for line in text.splitlines():
        if "#bytes" in line:
            columns = _columns(line)
        elif columns:
            result = _row(line, columns) or result
    return result


class PerftestReader:
    """Keeps a perftest's report until its end; it has no intervals."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)

    def feed(self, line: str) -> list[LoadEvent]:
        """Keep a line; no event comes before the end."""
        self.lines.append(line[:_KEPT_CHARACTERS])
        return []

    def finish(self) -> list[LoadEvent]:
        """Return the result, if the test got so far."""
        result = parse_report("\n".join(self.lines))
        return [] if result is None else [result]


def _columns(header: str) -> list[tuple[str, float]]:
    """Return the columns of a header from left to right, each with its factor to bit/s."""
    columns: list[tuple[int, str, float]] = []
    for name, pattern in _COLUMNS.items():
        match = pattern.search(header)
        if match:
            unit = match[1] if pattern.groups else ""
            columns.append((match.start(), name, _UNITS.get(unit, 0.0)))
    return [(name, factor) for _, name, factor in sorted(columns)]


def _row(line: str, columns: list[tuple[str, float]]) -> LoadResult | None:
    words = line.split()
    if len(words) < min(3, len(columns)) or not all(_NUMBER.match(word) for word in words):
        return None
    value = {name: float(word) for (name, _), word in zip(columns, words, strict=False)}
    if "bytes" not in value or "iterations" not in value:
        return None
    bps = value["average"] * dict(columns)["average"] if "average" in value else None
    seconds = {name: number * _MICRO for name, number in value.items() if name in _LATENCIES}
    timed = "average_lat" in seconds or "typical" in seconds
    return LoadResult(
        None,
        FlowResult(sent_bps=bps, received_bps=bps),
        cpu_local=value.get("cpu"),
        latency=Latency(*(seconds.get(name) for name in _LATENCIES)) if timed else None,
    )


_NO_SERVER = "no {tool} server listens at {host}; start the same tool there first"
_LIMITED = "locked memory is limited (ulimit -l): {text}"
_EXPLAINED = (
    ("couldn't connect", _NO_SERVER),
    ("connection refused", _NO_SERVER),
    ("unable to open file descriptor", _NO_SERVER),
    ("did not detect devices", "this host has no RDMA device that {tool} can use"),
    ("not found", "{text}"),
    ("failed to modify qp", "the two ends cannot reach each other by RDMA: {text}"),
    ("cannot allocate memory", _LIMITED),
    ("couldn't allocate mr", _LIMITED),
    ("versions", "the two ends have different versions of perftest: {text}"),
)


def explain_failure(output: str, tool: Tool, host: str) -> str:
    """Return why a perftest tool failed, in one line for people.

    >>> explain_failure("Couldn't connect to 10.0.0.3:18515", Tool.IB_WRITE_BW, "10.0.0.3")
    'no ib_write_bw server listens at 10.0.0.3; start the same tool there first'
    """
    lines = [line.strip() for line in output.splitlines()]
    messages = [line for line in lines if line and not line.startswith(("---", "WARNING"))]
    for line in reversed(messages):
        for part, words in _EXPLAINED:
            if part in line.lower():
                return words.format(tool=tool, host=host, text=line)
    return f"{tool}: {messages[-1]}" if messages else f"{tool} failed and did not say why"


def read_gid_index(system: System, device: str, port: int, address: str | None) -> int | None:
    """Return the GID index of RoCE v2 that belongs to `address`, else the first of RoCE v2.

    It is None on InfiniBand, and where the kernel has no such files. Raises nothing.
    """
    base = f"/sys/class/infiniband/{device}/ports/{port}"
    wanted = _mapped(address)
    first = None
    try:
        numbers = [whole(name, MOST_GIDS) for name in system.list(f"{base}/gids")]
    except OSError:
        return None
    for number in sorted(number for number in numbers if number is not None)[:512]:
        try:
            kind = system.read(f"{base}/gid_attrs/types/{number}").decode("utf-8", "replace")
            gid = system.read(f"{base}/gids/{number}").decode("utf-8", "replace").strip()
        except OSError:
            continue  # an unused row fails with EINVAL
        if kind.strip() != "RoCE v2":
            continue
        if wanted and gid == wanted:
            return number
        first = number if first is None else first
    return first


def _mapped(address: str | None) -> str | None:
    """Return the GID of an IPv4 address, as sysfs writes it.

    >>> _mapped("10.0.0.2")
    '0000:0000:0000:0000:0000:ffff:0a00:0002'
    """
    try:
        packed = ipaddress.IPv4Address(address or "").packed
    except ValueError:
        return None
    return f"0000:0000:0000:0000:0000:ffff:{packed.hex(':', 2)}"


def _perftest_options(request: LoadRequest) -> list[str]:
    """Return the options that both ends must share."""
    argv = ["-D", str(request.seconds), "-F"]
    if request.seconds < 6:
        argv += ["-f", "1"]  # the margins at both ends are 2 s otherwise, and nothing is left
    if request.tool is not Tool.IB_SEND_LAT:
        argv.append("--report_gbits")
        if request.streams and request.streams > 1:
            argv += ["-q", str(request.streams)]
    if request.direction is Direction.BOTH:
        argv.append("-b")
    elif request.direction is Direction.RECEIVE:
        argv.append("--reversed")
    if request.port:
        argv += ["-p", str(request.port)]
    return argv


def client_command(
    request: LoadRequest, port: Port, gid: int | None, target: str
) -> tuple[str, ...]:
    """Return the command of the client; `gid` is the index of its RoCE address."""
    place = ["-d", port.rdma or "", "-i", str(port.rdma_port or 1)]
    gids = [] if gid is None else ["-x", str(gid)]
    return (str(request.tool), *place, *gids, *_perftest_options(request), target)


def far_server(request: LoadRequest, roce: bool) -> tuple[str, ...]:
    """Return the command of the server; the names of its device are left to fill in."""
    gids = ["-x", "GID_INDEX"] if roce else []
    return (shlex.join([str(request.tool), "-d", "DEVICE", *gids, *_perftest_options(request)]),)
