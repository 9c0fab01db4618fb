"""The far side of `mlxtop -H`: it writes a recording to its output until its input ends.

It is started by ssh, installed or sent, as `agent TOKEN PROTOCOL`; nobody else needs it. The first
line is the token with what runs here, so that no banner is taken for it, and with orders that an
older one did not know. Options come as the first
line of the input, in JSON; then orders, a line each: `clock N` is answered with both clocks, so
that they can be compared, `pace SECONDS`, `port ID`, `guard on` and `wants NAME …` change what is
read, `addresses` asks for those of this machine, and `serve JSON` starts the server of a load test
where the options allow it. Whoever sends nothing for half a minute is gone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from threading import Lock, Thread
from typing import Any, BinaryIO

from mlxtop import __version__
from mlxtop.hosts.serve import ServerSet
from mlxtop.model.identity import PortId
from mlxtop.model.json_text import encode
from mlxtop.model.number import real, whole
from mlxtop.model.sample import Problem, Sample
from mlxtop.recording.lines import Line, Lines, Members
from mlxtop.sampler.facts import JOINED, JUDGED, RDMA, AskCard, Fact
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import Stop
from mlxtop.sources.tools.iproute2 import read_addresses
from mlxtop.system.door import System
from mlxtop.system.local import LocalSystem

PROTOCOL = 2
"""Raised when the near side needs what an older agent does not do."""
SILENCE_S = 30.0
"""Seconds without an order after which nobody is there any more."""
GRACE_S = 2.0
"""Seconds that everything has to end, also what hangs in the kernel."""
LONGEST_ORDER = 1024
"""Bytes of an order."""
LEAST_S, MOST_S = 0.1, 60.0
"""Seconds between samples."""
NO_STORED = Problem("stored settings", "only an installed mlxtop reads them")
WANTABLE = {fact.name.lower(): fact for fact in (*RDMA, Fact.FLASH)}
"""Slow facts that somebody may want for a while, by their names in an order."""
WANTS = "wants"
"""The order for them, which older agents do not know."""
TOO_OLD = 3
"""Exit status of an agent that does not know the protocol."""


class Output:
    """The recording, to which two threads add."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._members = Members()
        self._lock = Lock()

    def write(self, *lines: Line) -> None:
        """Write lines, at once. Raises OSError when nobody reads."""
        with self._lock:
            data = b""
            for line in lines:
                if line.opens and self._members.is_open:
                    data += self._members.finish()
                data += self._members.add(line)
            while data:
                data = data[os.write(self._fd, data) :]


class Agent:
    """One session."""

    def __init__(self, system: System, options: dict[str, Any], ask_card: AskCard | None) -> None:
        interval = min(MOST_S, max(LEAST_S, real(str(options.get("interval"))) or 1.0))
        include = options.get("include")
        everything = bool(options.get("everything"))
        wants = JUDGED if everything else JOINED
        wants |= {Fact.FLASH} if options.get("flash") else frozenset()
        self.source = LiveSource(
            system,
            interval,
            bool(options.get("all")),
            tuple(map(str, include)) if isinstance(include, list) else (),
            incidents=True,
            wants=wants,
            calm=0.0 if everything or Fact.FLASH in wants else 5.0,
            ask_card=ask_card,
        )
        self.stop = Stop()
        self._system = system
        self._lines = Lines(self.source.kind, interval)
        self._heard = time.monotonic()
        self._serves = bool(options.get("serve"))
        self._lacking = () if ask_card else (NO_STORED,)

    def run(self, orders: BinaryIO, fd: int) -> None:
        """Write samples until the orders end, or nobody reads."""
        output = Output(fd)
        servers = ServerSet(self._system, lambda **values: output.write(_answer(**values)))
        Thread(
            target=self._obey, args=(orders, output, servers), name="orders", daemon=True
        ).start()
        Thread(target=self._listen, name="silence", daemon=True).start()
        try:
            for sample in self.source.samples(self.stop):
                output.write(*self._lines.of(self._complete(sample)))
        except OSError:
            pass  # nobody reads any more
        finally:
            self.stop.set()
            self.source.close()

    def _complete(self, sample: Sample) -> Sample:
        return sample._replace(problems=(*sample.problems, *self._lacking))

    def _obey(self, orders: BinaryIO, output: Output, servers: ServerSet) -> None:
        """Carry orders out until they end; then everything does, also what hangs."""
        try:
            while line := orders.readline(LONGEST_ORDER):
                self._heard = time.monotonic()
                self._carry_out(line.decode("ascii", "replace").split(), output, servers)
        except (OSError, ValueError):
            pass
        self.stop.set()
        time.sleep(GRACE_S)
        os._exit(0)

    def _carry_out(self, words: Sequence[str], output: Output, servers: ServerSet) -> None:
        system = self._system
        match words:
            case ["clock", number] if number.isdecimal():
                times = {"wall": system.wall(), "tick": system.now()}
                output.write(_answer(clock=int(number), **times))
            case ["addresses"]:
                addresses = [(one.device, one.text) for one in read_addresses(system) or ()]
                output.write(_answer(addresses=addresses))
            case ["serve", order] if self._serves:
                servers.start(order)
            case ["unserve"]:
                servers.end()
            case ["pace", text] if (seconds := real(text)) is not None:
                self.source.interval = min(MOST_S, max(LEAST_S, seconds))
            case ["port", text]:
                device, _, number = text.rpartition("/")
                self.source.looked_at = PortId(device, whole(number, 1 << 16) or 1)
            case ["guard", text]:
                self.source.guarded = text == "on"
            case ["wants", *named]:
                self.source.more_wants = frozenset(
                    fact for name, fact in WANTABLE.items() if name in named
                )
            case _:
                pass

    def _listen(self) -> None:
        while time.monotonic() - self._heard < SILENCE_S:
            time.sleep(1.0)
        os._exit(0)


def _answer(**values: Any) -> Line:
    """Return the line of an answer, which is none of a recording."""
    return Line(encode(values).encode())


def main(
    words: Sequence[str],
    orders: BinaryIO | None = None,
    ask_card: AskCard | None = None,
    system: System | None = None,
) -> int:
    """Run the far side; 0, and 3 where the near side needs a newer one.

    `orders`: the input of one that was sent. `ask_card` reads what a card stores. `system`: the
    machine, this one if None.
    """
    token, protocol = (*words, "", "")[:2]
    if not token.isalnum() or (whole(protocol, 1 << 16) or PROTOCOL + 1) > PROTOCOL:
        return TOO_OLD
    how = "installed" if orders is None else "sent"
    orders = sys.stdin.buffer if orders is None else orders
    fd = os.dup(1)
    os.dup2(2, 1)  # whatever else prints does not get into the recording
    python = ".".join(map(str, sys.version_info[:3]))
    os.write(fd, f"\n{token} {how} {__version__} {python} {WANTS}\n".encode())
    try:
        options = json.loads(orders.readline(1 << 16) or b"null")
    except ValueError:
        return 1
    if isinstance(options, dict):
        system = system or LocalSystem(readonly=not options.get("serve"))
        Agent(system, options, ask_card).run(orders, fd)
    return 0
