"""What reads one process of a load test: lines in, events out, and why it failed at its end."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from mlxtop.model.load import LoadError, LoadEvent, LoadResult
from mlxtop.system.door import Finished

_CAUSE = re.compile(
    r"error|fail|cannot|can't|not found|no such|invalid|refused|unable|unreachable", re.IGNORECASE
)


class Heard(NamedTuple):
    """What a process has reported by its end."""

    result: LoadResult | None
    intervals: bool
    """It has reported at least one."""
    error: LoadError | None
    """The first one."""

    @property
    def reported(self) -> bool:
        return self.result is not None or self.intervals


class FarEnd(NamedTuple):
    """Where the server of a process is."""

    host: str
    port: int

    @property
    def words(self) -> str:
        """Return it in one word, `10.0.0.3:5201`.

        >>> FarEnd("10.0.0.3", 5201).words, FarEnd("fe80::1", 5201).words
        ('10.0.0.3:5201', '[fe80::1]:5201')
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Reader(Protocol):
    """Reads the output of one process; nothing but `failure` tells what went wrong."""

    def feed(self, line: str) -> list[LoadEvent]:
        """Take a line of standard output, or after the end of standard error."""

    def finish(self) -> list[LoadEvent]:
        """Return what was still held back when the process has ended."""

    def failure(self, ended: Finished, heard: Heard, at: FarEnd) -> str | None:
        """Return why the process failed, in one line; None when it did not."""


def cause_of(printed: str) -> LoadError:
    """Return the line of a dying tool that tells why: the first of an error, else the last.

    >>> cause_of("iperf3: error while loading libiperf.so.0\\nbye")
    LoadError(text='iperf3: error while loading libiperf.so.0')
    """
    lines = [line for line in map(str.strip, printed.splitlines()) if line]
    return LoadError(next(filter(_CAUSE.search, lines), "".join(lines[-1:])))


_EXPLAINED = (
    ("connection refused", "no {tool} server listens at {where}"),
    ("no route to host", "{host} cannot be reached: no route to it, or it rejects us"),
    ("network is unreachable", "{host} cannot be reached: no route to its network"),
    ("name or service not known", "{host} is not a known host name"),
    ("timed out", "{where} does not answer (down, or behind a firewall)"),
    ("failed to connect", "no {tool} server answers at {where}"),
    ("broken pipe", "the {tool} server at {where} went away"),
    ("connection reset", "the {tool} server at {where} went away"),
    ("address already in use", "the port for the data is in use at one end: {text}"),
    ("cannot assign requested address", "the address to send from is not one of this host: {text}"),
    ("any infiniband devices", "no RDMA device that {tool} can use: {text}"),
    ("unrecognized option", "this version of {tool} does not know an option: {text}"),
    ("invalid option", "this version of {tool} does not know an option: {text}"),
    ("version", "the two ends have different versions of {tool}: {text}"),
)
"""Part of an error to what it means, the surest first."""


def explain_text(printed: str, tool: str, at: FarEnd) -> str:
    """Return an error of a tool in one line for people.

    >>> explain_text("tcp connect failed: Connection refused", "iperf", FarEnd("10.0.0.3", 5001))
    'no iperf server listens at 10.0.0.3:5001'
    """
    low = printed.lower()
    text = cause_of(printed).text
    for part, words in _EXPLAINED:
        if part in low:
            return words.format(tool=tool, where=at.words, host=at.host, text=text)
    return f"{tool}: {text}" if text else f"{tool} failed and did not say why"
