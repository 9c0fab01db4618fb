"""Servers of load tests that the far side runs when it is asked to.

The command is put together here, of words that are known: whoever may log in as a user with few
rights, or run the far side by sudo, gets no other command by it. Every server ends with us.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from itertools import pairwise
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, NamedTuple

from mlxtop.model.json_text import encode
from mlxtop.model.load import Tool
from mlxtop.model.number import whole
from mlxtop.sources.kernel.gids import read_gid_index
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.sources.kernel.tcp import read_sockets
from mlxtop.system.door import System

LOOK_S = 0.1
CM_S = 3.0
"""Seconds after which a server counts as listening whose port is rdma_cm's, which shows none."""
FREE_S = 5.0
"""Seconds that a port may still be in use."""
AGAIN_S = 1.0
"""Seconds that a server has to last to be started again after its test."""
REFUSED = -1
"""Number of the answer to an order that makes no sense."""
KEPT_LINES = 20
MOST = 1 << 40
"""What an option's number is at most."""
HELP_S = 20.0
_FLAGS = frozenset({"-u", "-F", "-b", "-R", "--reversed", "--report_gbits"})
_NUMBERED = frozenset({"-D", "-n", "-f", "-q", "-s"})
_DEVICE = re.compile(r"\w[\w.-]{0,63}", re.ASCII)
_UDP_ROW = re.compile(r"^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) ", re.MULTILINE)
_BIND = ("--bind_source_ip", "--source_ip")
"""perftest's option for the address to listen at, newer and older."""


class ServeOrder(NamedTuple):
    """A server that is to be started."""

    tool: Tool
    address: str
    """Of the link's port; the server listens there alone where the tool can do that."""
    port: int
    once: bool = True
    """It serves one test."""
    words: tuple[str, ...] = ()
    """Options that both ends share."""
    device: str | None = None
    """RDMA device with that address."""
    device_port: int = 1
    number: int = 0
    """By which its answers are told from those of others."""

    def text(self) -> str:
        """Return the order as a line of the far side's input."""
        return f"serve {encode(self._asdict())}"


def parse_order(text: str) -> ServeOrder:
    """Return the server that is asked for in JSON. Raises ValueError for whatever is not one."""
    try:
        order = ServeOrder(**json.loads(text))
        words = tuple(order.words)
        port, device_port = whole(str(order.port), 65535), whole(str(order.device_port), 254)
        checked = order._replace(
            tool=Tool(order.tool), address=str(ip_address(order.address)), words=words
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"no server is known by {text[:100]}") from error
    known = all(_is_known(*two) for two in pairwise(("", *words)))
    device = order.device is None or _DEVICE.fullmatch(str(order.device))
    numbered = whole(str(order.number), MOST) is not None
    if not (known and port and device_port and device and numbered):
        raise ValueError(f"an option of that server is not allowed: {' '.join(map(str, words))}")
    return checked


def _is_known(before: str, word: object) -> bool:
    """Return whether a word may stand in a server's command, after the one before."""
    if not isinstance(word, str):
        return False
    return word in _FLAGS | _NUMBERED or (before in _NUMBERED and whole(word, MOST) is not None)


def command(system: System, order: ServeOrder) -> list[str]:
    """Return the command of a server. Raises OSError and ValueError where there is none."""
    tool, address, port = order.tool, order.address, str(order.port)
    six = ["-V"] if ":" in address else []
    match tool:
        case Tool.IPERF3:
            once = ["-1"] if order.once else []
            return ["iperf3", "-s", *once, "-B", address, "-p", port, "--forceflush"]
        case Tool.IPERF:
            return ["iperf", "-s", *order.words, *six, "-B", address, "-p", port]
        case Tool.NUTTCP:
            family = ["-6"] if six else []
            return ["nuttcp", "-1" if order.once else "-S", "--nofork", *family, "-P", port]
        case Tool.QPERF:
            return ["qperf", "-lp", port]
    if not tool.perftest or order.device is None:
        raise ValueError(f"{tool} needs no server" if not tool.perftest else "no RDMA device there")
    return _perftest(system, order, order.device)


def _perftest(system: System, order: ServeOrder, device: str) -> list[str]:
    argv = [str(order.tool), "-d", device, "-i", str(order.device_port), *order.words]
    gid = read_gid_index(system, device, order.device_port, order.address)
    if gid is not None and "-R" not in order.words:
        argv += ["-x", str(gid)]
    told = system.run([str(order.tool), "--help"], timeout=HELP_S)
    options = told.stdout + told.stderr
    bind = next((option for option in _BIND if f"{option} " in options), None)
    if bind is not None and ":" not in order.address:
        argv += [bind, order.address]
    return [*argv, "-p", str(order.port)]


def listens(system: System, order: ServeOrder) -> bool:
    """Return whether somebody listens at the port of a server."""
    if "-u" in order.words:
        tables = (read_text(system, f"/proc/net/{name}") or "" for name in ("udp", "udp6"))
        return any(int(row, 16) == order.port for text in tables for row in _UDP_ROW.findall(text))
    places = {order.address, "0.0.0.0", "::"}
    with suppress(OSError):
        return any(
            one.remote is None and one.local_port == order.port and one.local in places
            for one in read_sockets(system)
        )
    return False


class ServerSet:
    """The servers of one far side: each tells when it listens, and why it has ended."""

    def __init__(self, system: System, answer: Callable[..., Any]) -> None:
        """`answer` sends values to the near side. Raises OSError when that is gone."""
        self._system = system
        self._answer = answer
        self._end = Event()
        self._lock = Lock()

    def start(self, text: str) -> None:
        """Start the server of an order, in a thread of its own; tell where it is not one."""
        try:
            order = parse_order(text)
        except ValueError as error:
            self._answer(server=REFUSED, ended=True, text=str(error))
            return
        with self._lock:
            if self._end.is_set():
                self._end = Event()
            end = self._end
        self._thread(self._serve, order, end)

    def end(self) -> None:
        """End all of them."""
        with self._lock:
            self._end.set()

    def _thread(self, work: Callable[..., None], *arguments: Any) -> None:
        Thread(target=work, args=arguments, name="load server", daemon=True).start()

    def _serve(self, order: ServeOrder, end: Event) -> None:
        over, text = Event(), ""
        try:
            if not self._is_free(order, end):
                raise ValueError(f"port {order.port} is in use there")
            argv = command(self._system, order)
            self._thread(self._watch, order, over)
            text = self._run(argv, order, end)
        except (OSError, ValueError) as error:
            text = str(getattr(error, "strerror", None) or error)
        over.set()
        with suppress(OSError):
            text = f"{order.tool}: {text}" if text and not end.is_set() else ""
            self._answer(server=order.number, ended=True, text=text)

    def _is_free(self, order: ServeOrder, end: Event) -> bool:
        """Wait until the port is free, which the server before may still need a moment for."""
        until = monotonic() + FREE_S
        while busy := listens(self._system, order):
            if monotonic() > until or end.wait(LOOK_S):
                break
        return not busy

    def _run(self, argv: list[str], order: ServeOrder, end: Event) -> str:
        """Run a server, again and again unless it is to serve once; return why it has failed."""
        while True:
            began, lines = monotonic(), deque[str](maxlen=KEPT_LINES)
            ended = self._system.stream(argv, lines.append, end)
            if order.once or end.is_set() or monotonic() - began < AGAIN_S:
                break
        printed = [line.strip() for line in (*lines, *ended.stderr.splitlines()) if line.strip()]
        return (printed or [f"ended with status {ended.status}"])[-1] if ended.status else ""

    def _watch(self, order: ServeOrder, over: Event) -> None:
        """Tell once that a server listens."""
        since = monotonic()
        while not over.wait(LOOK_S):
            unseen = "-R" in order.words and monotonic() - since > CM_S
            if unseen or listens(self._system, order):
                with suppress(OSError):
                    self._answer(server=order.number, listening=True)
                return
