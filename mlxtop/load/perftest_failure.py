"""What the errors of `ib_write_bw` and its kin mean.

They print the deepest cause first and then, function by function, what it led to. Completions
have the codes of `enum ibv_wc_status` in libibverbs/verbs.h of https://github.com/linux-rdma/rdma-core.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlxtop.model.load import Tool

_NO_SERVER = "no {tool} server listens at {host}; start the same tool there first"
_LIMITED = "locked memory is limited (ulimit -l): {text}"

_EXPLAINED = {
    r"failed to query device capabilities": (
        "this {tool} is too new for ConnectX-3 and older (mlx4), which it asks for what mlx5 has:"
        " use perftest older than 6.28, at one end at least ({text})"
    ),
    r"mismatch: local=": "the two ends run different tests: {text}",
    r"couldn't connect|connection refused|unable to open file descriptor": _NO_SERVER,
    r"port number \d+ state is": "the RDMA port here has no link: {text}",
    r"did not detect devices": "this host has no RDMA device that {tool} can use",
    r"addr_error|route_error|unreachable|event_rejected": (
        "rdma_cm finds no way to {host}: give the IP address of its RDMA port ({text})"
    ),
    r"couldn't listen to port": "another test listens on that port here: {text}",
    r"failed to modify qp|failed to connect through rdma": (
        "the two ends cannot reach each other by RDMA: {text}"
    ),
    r"cannot allocate memory|couldn't allocate mr": _LIMITED,
    r"versions": "the two ends have different versions of perftest: {text}",
    r"unrecognized option|invalid option|invalid command": (
        "this version of {tool} does not know an option: {text}"
    ),
    r"couldn't read|couldn't write|unable to (?:read|write)|failed to exchange": (
        "the {tool} at {host} ended or is busy with another test: {text}"
    ),
    r"not found": "{text}",
}
"""Part of a line to what it means."""

_COMPLETIONS = {
    1: "local length error",
    2: "local QP operation error",
    3: "local EE context operation error",
    4: "local protection error",
    5: "Work Request flushed",
    6: "memory management operation error",
    7: "bad response",
    8: "local access error",
    9: "remote invalid request",
    10: "remote access error",
    11: "remote operation error",
    12: "transport retry counter exceeded",
    13: "RNR retry counter exceeded",
    14: "local RDD violation",
    15: "remote invalid RD request",
    16: "aborted",
    17: "invalid EE context number",
    18: "invalid EE context state",
    19: "fatal error",
    20: "response timeout",
    21: "general error",
    22: "tag matching error",
    23: "tag matching, rendezvous incomplete",
}
_HINTS = {
    4: "a buffer is not registered, or the IOMMU or the PCIe path to it refuses",
    10: "the other end refused the access: both ends need the same version and options",
    12: "the other end does not answer: GID index, MTU, VLAN or a firewall (UDP 4791), or it ended",
    13: "the other end had no receive buffer in time",
}
_FLUSHED = 5
"""Work that was thrown away after another completion had failed."""
_STATUS = re.compile(
    r"(?:failed|error|bad wc|wqe) status[ =:-]*(\d{1,2})\b|^status: (\d{1,2}) ;", re.IGNORECASE
)
_WORDS = {re.sub(r"\W+", " ", words.lower()): code for code, words in _COMPLETIONS.items()}
_REPORT = re.compile(
    r"-{3}|\*|#bytes|[\d.\s]+$|(?:local|remote) address|GID:|scnt=|warning|conflicting"
    r"|(?!failed|.*error).{16}: |rdma_cm QPs|.*\b(?:BW|Latency) Test$",
    re.IGNORECASE,
)
"""Lines of the report, and what is no error."""
_GENERAL = re.compile(r"completion with error|event error:$|bad wqe status|usage:", re.IGNORECASE)
"""Headings: the line after them has the cause."""
_FAULT = re.compile(
    r"fail|error|couldn't|can't|cannot|unable|invalid|unsupported|not support|mismatch|did not"
    r"|no such|not found|denied|refused|timed? ?out|abort|must ",
    re.IGNORECASE,
)


def explain_failure(output: str, tool: Tool, host: str) -> str:
    """Return why a perftest tool failed, in one line for people.

    >>> explain_failure("Couldn't connect to 10.0.0.3:18515", Tool.IB_WRITE_BW, "10.0.0.3")
    'no ib_write_bw server listens at 10.0.0.3; start the same tool there first'
    """
    lines = [line.strip() for line in output.splitlines()]
    messages = [line for line in lines if line and not _REPORT.match(line)]
    known = next(_completions(messages), None)
    known = known or next(_explanations(messages), None)
    if known is not None:
        text, words = known
        return words.format(tool=tool, host=host, text=text)
    causes = [line for line in messages if not _GENERAL.search(line)]
    cause = next((line for line in causes if _FAULT.search(line)), None) or "".join(causes[-1:])
    return f"{tool}: {cause}" if cause else f"{tool} failed and did not say why"


def _explanations(messages: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the lines that are understood with what they mean, the deepest first."""
    for line in messages:
        for part, words in _EXPLAINED.items():
            if re.search(part, line, re.IGNORECASE):
                yield line, words
                break


def _completions(messages: list[str]) -> Iterator[tuple[str, str]]:
    """Yield failed completions with what they mean; flushed work last, which is no cause."""
    codes = [code for code in map(_code, messages) if code]
    for code in sorted(codes, key=lambda code: code == _FLUSHED):
        words = _COMPLETIONS.get(code, "unknown")
        hint = f": {_HINTS[code]}" if code in _HINTS else ""
        yield f"status {code}, {words}{hint}", "{tool} with {host}: {text}"


def _code(line: str) -> int | None:
    """Return the code of a failed completion, by its number or its words.

    >>> _code("Failed status 12: wr_id 0 syndrom 0x81"), _code("Failed status 0")
    (12, None)
    """
    if match := _STATUS.search(line):
        return int(match[1] or match[2]) or None
    plain = re.sub(r"\W+", " ", line.lower())
    codes = (code for words, code in _WORDS.items() if words in plain)
    return next(codes, None) if "status" in plain or "completion" in plain else None
