"""iperf3: which one is installed, what it can do, and what it says.

Options are told by `iperf3 --help`; threads (3.16 and later) by the version alone.
https://software.es.net/iperf/invoking.html
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass

from mlxtop.load.iperf3_json import parse_document, parse_stream_line
from mlxtop.load.iperf3_text import TextReader
from mlxtop.model.load import LoadError, LoadEvent, LoadInterval
from mlxtop.system.door import System

__all__ = ["Iperf3", "Iperf3Reader", "explain", "parse_document", "parse_stream_line", "probe"]

COMMAND = "iperf3"
INSTALL = "iperf3 is not installed; on Debian and Ubuntu: apt install iperf3"

_VERSION = re.compile(r"^iperf (\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?", re.MULTILINE | re.ASCII)
_OPTION = re.compile(r"^[ \t]*+(?:-\w, )?(--[a-z0-9][a-z0-9-]*+)", re.MULTILINE)

THREADS = (3, 16)


@dataclass(frozen=True, slots=True)
class Iperf3:
    """The iperf3 of this machine."""

    path: str
    version: tuple[int, ...]
    """Empty where it does not say."""
    options: frozenset[str]
    """Long options that its help names."""

    @property
    def threads(self) -> bool:
        """Every stream has a thread of its own; before, one core carries all streams."""
        return self.version >= THREADS

    @property
    def json_stream(self) -> bool:
        """It reports every interval as a line of JSON."""
        return "--json-stream" in self.options

    @property
    def words(self) -> str:
        """`3.12`."""
        return ".".join(map(str, self.version)) or "of unknown version"


def parse_version(text: str) -> tuple[int, ...]:
    """The version; empty for what is none.

    >>> parse_version("iperf 3.19.1 (cJSON 1.7.15)"), parse_version("iperf 3.0.11")
    ((3, 19, 1), (3, 0, 11))
    """
    match = _VERSION.search(text)
    return tuple(int(part) for part in match.groups() if part) if match else ()


def parse_options(text: str) -> frozenset[str]:
    """The long options that a help text names.

    >>> sorted(parse_options("  -B, --bind <host>\\n  --bind-dev <dev>  bind"))
    ['--bind', '--bind-dev']
    """
    return frozenset(_OPTION.findall(text))


def probe(system: System, command: str = COMMAND) -> Iperf3 | None:
    """The iperf3 that would run; None where there is none. Raises OSError."""
    path = system.which(command)
    if path is None:
        return None
    version = system.run([command, "--version"], timeout=5.0)
    if version.timed_out:
        raise TimeoutError(errno.ETIMEDOUT, "iperf3 does not answer", path)
    usage = system.run([command, "--help"], timeout=5.0)
    return Iperf3(
        path,
        parse_version(version.stdout + version.stderr),
        parse_options(usage.stdout + usage.stderr),
    )


class Iperf3Reader:
    """Reads the output of one iperf3, text or lines of JSON; never raises.

    Fragments of an interval, as they come when the warm-up or the test ends, are left out: over
    a few milliseconds their rates mean nothing.
    """

    def __init__(self, interval: float = 1.0) -> None:
        self._shortest = interval / 2
        self._text = TextReader()

    def feed(self, line: str) -> list[LoadEvent]:
        """The events that a line completes."""
        if line.lstrip().startswith("{"):
            return self._whole(parse_stream_line(line))
        return self._whole(self._text.feed(line))

    def finish(self) -> list[LoadEvent]:
        """What is left when the output has ended."""
        return self._whole(self._text.finish())

    def _whole(self, events: list[LoadEvent]) -> list[LoadEvent]:
        return [
            event
            for event in events
            if not isinstance(event, LoadInterval) or event.seconds >= self._shortest
        ]


_EXPLAINED = (
    ("connection refused", "no iperf3 server listens at {where}"),
    ("busy running a test", "the server at {where} is busy with another test; try again later"),
    ("no route to host", "{host} cannot be reached: no route to it, or it rejects us"),
    ("network is unreachable", "{host} cannot be reached: no route to its network"),
    ("name or service not known", "{host} is not a known host name"),
    ("temporary failure in name resolution", "{host} cannot be looked up: no name server answers"),
    ("timed out", "{where} does not answer (down, or behind a firewall)"),
    ("server has terminated", "the server at {where} ended the test"),
    ("control socket has closed", "the server at {where} went away"),
    ("client has terminated", "interrupted"),
    ("operation not permitted", "binding to the device is not permitted: {text}"),
    ("cannot assign requested address", "the address to send from is not one of this host: {text}"),
)


def explain(error: LoadError, host: str, port: int) -> str:
    """An error of iperf3 in one line for people.

    >>> explain(LoadError("unable to connect to server: Connection refused"), "10.0.0.3", 5201)
    'no iperf3 server listens at 10.0.0.3:5201'
    """
    low = error.text.lower()
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    for known, words in _EXPLAINED:
        if known in low:
            return words.format(where=where, host=host, text=error.text)
    return f"iperf3: {error.text}" if error.text else "iperf3 failed and did not say why"
