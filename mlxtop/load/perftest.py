"""perftest: RDMA without TCP in the way (`ib_write_bw` and its kin).

https://github.com/linux-rdma/perftest, `perftest_parameters.h` for the report's columns. Its JSON
came with 23.04 and repeats this table, so the text serves every version.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from mlxtop.model.load import FlowResult, Latency, LoadResult, Tool
from mlxtop.model.number import whole
from mlxtop.system.door import System

PORT = 18515
"""The TCP port on which the two ends meet by default."""

MOST_GIDS = 65535
"""GIDs of a port at most: their number has 16 bits."""
_MICRO = 1e-6
_TITLE = re.compile(
    r"^\s*(RDMA_Write|RDMA_Read|Send|RDMA_Atomic|Atomic)\s+"
    r"(?:\w+ )*?(BW|Latency) Test\s*$"
)
_VERBS = {"RDMA_Write": "write", "RDMA_Read": "read", "Send": "send"}
_NUMBER = re.compile(r"^-?\d{1,18}(?:\.\d{1,12})?$", re.ASCII)
_UNITS = {"Gb/sec": 1e9, "MB/sec": 8 * 2.0**20, "MiB/sec": 8 * 2.0**20}
_COLUMNS = {
    "bytes": re.compile(r"#bytes"),
    "iterations": re.compile(r"#iterations"),
    "peak": re.compile(r"BW peak\[([^\]]*)\]"),
    "average": re.compile(r"BW average\[([^\]]*)\]"),
    "messages": re.compile(r"MsgRate\[Mpps\]"),
    "cpu": re.compile(r"CPU_Util\[%\]"),
    "t_min": re.compile(r"t_min\[usec\]"),
    "t_max": re.compile(r"t_max\[usec\]"),
    "t_typical": re.compile(r"t_typical\[usec\]"),
    "t_avg": re.compile(r"t_avg\[usec\]"),
    "t_stdev": re.compile(r"t_stdev\[usec\]"),
    "p99": re.compile(r"\b99% percentile\[usec\]"),
    "p999": re.compile(r"\b99\.9% percentile\[usec\]"),
    "tps": re.compile(r"tps average"),
}


@dataclass(frozen=True, slots=True)
class PerftestRow:
    """One message size: bandwidth, or latency."""

    size: int
    """Bytes of a message."""
    iterations: int
    peak_bps: float | None = None
    """None for a test of fixed duration, which has no peak."""
    average_bps: float | None = None
    message_rate: float | None = None
    """Messages a second."""
    cpu: float | None = None
    latency: Latency | None = None


@dataclass(frozen=True, slots=True)
class PerftestReport:
    """What a perftest tool printed."""

    tool: str | None
    """`ib_write_bw` …; None when the title is missing."""
    device: str | None
    link_type: str | None
    """`IB` or `Ethernet`."""
    mtu: int | None
    """Bytes of an RDMA packet's payload."""
    rows: tuple[PerftestRow, ...]

    @property
    def result(self) -> LoadResult | None:
        """The last row as a load's result; None without one."""
        if not self.rows:
            return None
        row = self.rows[-1]
        bps = row.average_bps
        flow = FlowResult(sent_bps=bps, received_bps=bps)
        return LoadResult(None, flow, cpu_local=row.cpu, latency=row.latency)


def parse_version(text: str) -> str | None:
    """The version, whatever the exit status; None for what is none.

    >>> parse_version("Version: 6.06")
    '6.06'
    """
    match = re.search(r"^Version: (\S{1,20})", text, re.MULTILINE)
    return match[1] if match else None


def parse_report(text: str) -> PerftestReport:
    """The report of any perftest tool; without rows where the test did not get so far."""
    tool = device = link_type = None
    mtu: int | None = None
    columns: list[tuple[str, float]] = []
    rows: list[PerftestRow] = []
    for line in text.splitlines():
        if title := _TITLE.match(line):
            verb = _VERBS.get(title[1], "atomic")
            tool = f"ib_{verb}_{'bw' if title[2] == 'BW' else 'lat'}"
        elif "#bytes" in line:
            columns = _columns(line)
        elif columns and (row := _row(line, columns)) is not None:
            rows.append(row)
        elif field := re.search(r"\bDevice\s*: (\S+)", line):
            device = field[1]
        elif field := re.match(r"\s*Mtu\s*: (\d{1,6})\[B\]", line):
            mtu = int(field[1])
        elif field := re.match(r"\s*Link type\s*: (\S+)", line):
            link_type = field[1]
    return PerftestReport(tool, device, link_type, mtu, tuple(rows))


def _columns(header: str) -> list[tuple[str, float]]:
    """The columns of a header from left to right, each with its factor to bit/s."""
    found: list[tuple[int, str, float]] = []
    for name, pattern in _COLUMNS.items():
        match = pattern.search(header)
        if match:
            unit = match[1] if pattern.groups else ""
            found.append((match.start(), name, _UNITS.get(unit, 0.0)))
    return [(name, factor) for _, name, factor in sorted(found)]


def _row(line: str, columns: list[tuple[str, float]]) -> PerftestRow | None:
    words = line.split()
    if len(words) < min(3, len(columns)) or not all(_NUMBER.match(word) for word in words):
        return None
    value = {name: float(word) for (name, _), word in zip(columns, words, strict=False)}
    factor = dict(columns)
    if "bytes" not in value or "iterations" not in value:
        return None

    def rate(name: str) -> float | None:
        # 0 is what a test of fixed duration prints for the peak that it does not know
        bps = value.get(name, 0.0) * factor.get(name, 0.0)
        return bps or None

    def micros(name: str) -> float | None:
        return value[name] * _MICRO if name in value else None

    timed = any(name in value for name in ("t_avg", "t_typical"))
    return PerftestRow(
        size=int(value["bytes"]),
        iterations=int(value["iterations"]),
        peak_bps=rate("peak"),
        average_bps=value["average"] * factor["average"] if "average" in value else None,
        message_rate=value["messages"] * 1e6 if "messages" in value else None,
        cpu=value.get("cpu"),
        latency=Latency(
            minimum=micros("t_min"),
            maximum=micros("t_max"),
            typical=micros("t_typical"),
            average=micros("t_avg"),
            deviation=micros("t_stdev"),
            p99=micros("p99"),
            p999=micros("p999"),
        )
        if timed
        else None,
    )


_EXPLAINED = (
    ("couldn't connect", "no {tool} server listens at {host}; start the same tool there first"),
    ("connection refused", "no {tool} server listens at {host}; start the same tool there first"),
    (
        "unable to open file descriptor",
        "no {tool} server listens at {host}; start the same tool there first",
    ),
    ("did not detect devices", "this host has no RDMA device that {tool} can use"),
    ("not found", "{text}"),
    ("failed to modify qp", "the two ends cannot reach each other by RDMA: {text}"),
    ("cannot allocate memory", "locked memory is limited (ulimit -l): {text}"),
    ("couldn't allocate mr", "locked memory is limited (ulimit -l): {text}"),
    ("versions", "the two ends have different versions of perftest: {text}"),
)


def explain_failure(output: str, tool: Tool, host: str) -> str:
    """Why a perftest tool failed, in one line for people.

    >>> explain_failure("Couldn't connect to 10.0.0.3:18515", Tool.IB_WRITE_BW, "10.0.0.3")
    'no ib_write_bw server listens at 10.0.0.3; start the same tool there first'
    """
    lines = [line.strip() for line in output.splitlines()]
    told = [line for line in lines if line and not line.startswith(("---", "WARNING"))]
    for line in reversed(told):
        low = line.lower()
        for known, words in _EXPLAINED:
            if known in low:
                return words.format(tool=tool, host=host, text=line)
    return f"{tool}: {told[-1]}" if told else f"{tool} failed and did not say why"


def read_gid_index(system: System, device: str, port: int, address: str | None) -> int | None:
    """The GID index of RoCE v2 that belongs to `address`, else the first of RoCE v2.

    None where there is none: InfiniBand, or a kernel that does not tell. Raises nothing.
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
    """The GID of an IPv4 address, as sysfs writes it.

    >>> _mapped("10.0.0.2")
    '0000:0000:0000:0000:0000:ffff:0a00:0002'
    """
    try:
        packed = ipaddress.IPv4Address(address or "").packed
    except ValueError:
        return None
    return f"0000:0000:0000:0000:0000:ffff:{packed.hex(':', 2)}"
