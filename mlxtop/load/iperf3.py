"""iperf3: which one is installed, how it is run, and what its output and errors mean.

`iperf3 --help` names its options; whether it has threads (3.16 and later) follows from its version.
https://software.es.net/iperf/invoking.html
"""

from __future__ import annotations

import errno
import re
from typing import NamedTuple

from mlxtop.load.iperf3_json import parse_stream_line
from mlxtop.load.iperf3_text import TextReader
from mlxtop.load.reader import FarEnd, Heard, cause_of
from mlxtop.load.request import LoadRequest
from mlxtop.model.load import Direction, LoadError, LoadEvent, LoadInterval
from mlxtop.system.door import Finished, System

COMMAND = "iperf3"
INSTALL = "iperf3 is not installed; on Debian and Ubuntu: apt install iperf3"

_VERSION = re.compile(r"^iperf (\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?", re.MULTILINE | re.ASCII)
_OPTION = re.compile(r"^[ \t]*+(?:-\w, )?(--[a-z0-9][a-z0-9-]*+)", re.MULTILINE)

THREADS = (3, 16)
CONNECT_MS = "3000"
"""Milliseconds that the control connection may take."""
IDLE_S = "120"
"""Seconds that a server waits for a test."""
PROBE_S = 20.0
"""Seconds to wait for what it tells of itself."""


class Iperf3(NamedTuple):
    """The iperf3 of this machine."""

    path: str
    version: tuple[int, ...]
    """Empty where it is unknown."""
    options: frozenset[str]
    """Long options that its help names."""

    @property
    def threads(self) -> bool:
        """Return whether every stream has a thread; before 3.16 one core carries all streams."""
        return self.version >= THREADS

    @property
    def words(self) -> str:
        return ".".join(map(str, self.version)) or "of unknown version"


def parse_version(text: str) -> tuple[int, ...]:
    """Return the version, empty where the text has none.

    >>> parse_version("iperf 3.19.1 (cJSON 1.7.15)"), parse_version("iperf 3.0.11")
    ((3, 19, 1), (3, 0, 11))
    """
    match = _VERSION.search(text)
    return tuple(int(part) for part in match.groups() if part) if match else ()


def parse_options(text: str) -> frozenset[str]:
    """Return the long options that a help text names.

    >>> sorted(parse_options("  -B, --bind <host>\\n  --bind-dev <dev>  bind"))
    ['--bind', '--bind-dev']
    """
    return frozenset(_OPTION.findall(text))


def probe(system: System) -> Iperf3 | None:
    """Return the iperf3 that would run, or None where there is none. Raises OSError."""
    path = system.which(COMMAND)
    if path is None:
        return None
    version = system.run([COMMAND, "--version"], timeout=PROBE_S)
    if version.timed_out:
        raise TimeoutError(errno.ETIMEDOUT, "iperf3 does not answer", path)
    usage = system.run([COMMAND, "--help"], timeout=PROBE_S)
    texts = [answer.stdout + answer.stderr for answer in (version, usage)]
    return Iperf3(path, parse_version(texts[0]), parse_options(texts[1]))


class Client(NamedTuple):
    """One client process: where it sends to and from, and its part of the test."""

    target: str
    source: str | None
    device: str | None
    port: int
    streams: int
    of: int
    """Streams of all processes."""
    core: int | None = None
    cores: str | None = None


def client_command(tool: Iperf3, request: LoadRequest, client: Client) -> tuple[str, ...]:
    """Return the command of a client.

    Rates come as lines of JSON, else as text in kbit/s, which rounds nothing off.
    """
    argv = ["taskset", "-c", client.cores] if client.cores else []
    argv += ["iperf3", "-c", client.target, "-p", str(client.port)]
    length = ["-t", str(request.seconds)]
    if request.amount:  # iperf3 counts all streams of a process together
        length = ["-n", str(request.amount * client.streams)]
    argv += [*length, "-i", f"{request.interval:g}", "-P", str(client.streams)]
    json = "--json-stream" in tool.options
    rows: list[tuple[object, tuple[object, ...]]] = [
        (request.omit, ("-O", request.omit)),
        (request.direction is Direction.RECEIVE, ("-R",)),
        (request.direction is Direction.BOTH, ("--bidir",)),
        (request.udp, ("-u",)),
        (request.bitrate, ("-b", int((request.bitrate or 0) / client.of))),
        (client.source, ("-B", client.source)),
        (client.device, ("--bind-dev", client.device)),
        (client.core is not None and "--affinity" in tool.options, ("-A", client.core)),
        (request.size, ("-l", request.size)),
        (request.zero_copy, ("-Z",)),
        ("--connect-timeout" in tool.options, ("--connect-timeout", CONNECT_MS)),
        (json, ("--json-stream",)),
        (not json, ("-V", "-f", "k")),
        (not json and "--forceflush" in tool.options, ("--forceflush",)),
    ]
    return (*argv, *(str(word) for wanted, words in rows if wanted for word in words))


def far_servers(request: LoadRequest, processes: int) -> tuple[str, ...]:
    """Return the commands of one-shot servers at the far end, a line each."""
    first = request.first_port
    *lines, last = (f"iperf3 -s -1 -p {first + n}" for n in range(processes))
    return (*(f"{line} &" for line in lines), last)


def server_command(tool: Iperf3, port: int) -> tuple[str, ...]:
    """Return the command of a one-shot server here, which ends when nobody comes where it can."""
    wanted = (("--forceflush",), ("--idle-timeout", IDLE_S))
    more = [word for words in wanted if words[0] in tool.options for word in words]
    return ("iperf3", "-s", "-1", "-p", str(port), *more)


class Iperf3Reader:
    """Reads the output of one iperf3, text or lines of JSON; never raises.

    Fragments of an interval, as they come when the warm-up or the test ends, are left out: over
    a few milliseconds their rates mean nothing.
    """

    def __init__(self, interval: float = 1.0) -> None:
        self._shortest = interval / 2
        self._text = TextReader()

    def feed(self, line: str) -> list[LoadEvent]:
        json = line.lstrip().startswith("{")
        return self._whole(parse_stream_line(line) if json else self._text.feed(line))

    def finish(self) -> list[LoadEvent]:
        return self._whole(self._text.finish())

    def failure(self, ended: Finished, heard: Heard, at: FarEnd) -> str | None:
        """Return what went wrong, in one line; iperf3 can fail with status 0."""
        error = heard.error
        if error is None and (ended.status or not heard.reported):
            error = cause_of(ended.stderr)
        return explain(error, at.host, at.port) if error else None

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
    ("connection reset", "the server at {where} went away: {text}"),
    ("broken pipe", "the server at {where} went away: {text}"),
    ("authorization failed", "the server at {where} wants a user and a password"),
    ("operation not permitted", "binding to the device is not permitted: {text}"),
    ("cannot assign requested address", "the address to send from is not one of this host: {text}"),
)


def explain(error: LoadError, host: str, port: int) -> str:
    """Return an error of iperf3 in one line for people.

    >>> explain(LoadError("unable to connect to server: Connection refused"), "10.0.0.3", 5201)
    'no iperf3 server listens at 10.0.0.3:5201'
    """
    low = error.text.lower()
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    for part, words in _EXPLAINED:
        if part in low:
            return words.format(where=where, host=host, text=error.text)
    return f"iperf3: {error.text}" if error.text else "iperf3 failed and did not say why"
