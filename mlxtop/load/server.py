"""One-shot iperf3 servers on this host, for a client at the far end."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock

from mlxtop.load.commands import server_command
from mlxtop.load.iperf3 import INSTALL, probe
from mlxtop.system.door import System


class IperfServers:
    """Servers on consecutive ports; each serves one test and ends, or ends when nobody comes."""

    def __init__(self, system: System, tell: Callable[[str], None]) -> None:
        """`tell` is called with what the servers print, by threads of their own."""
        self._system = system
        self._tell = tell
        self._stop = Event()
        self._lock = Lock()
        self._running = 0
        self.failed = False
        """A server could not be started, as when its port is in use."""

    @property
    def running(self) -> int:
        """How many have not ended yet."""
        with self._lock:
            return self._running

    def start(self, first: int, count: int = 1) -> tuple[str, ...]:
        """Start them; the command lines. Raises OSError where there is no iperf3."""
        tool = probe(self._system)
        if tool is None:
            raise FileNotFoundError(INSTALL)
        commands = [server_command(tool, first + number) for number in range(count)]
        with self._lock:
            self._running += count
        for argv in commands:
            self._system.clock.thread(self._serve, "iperf3 server", argv)
        return tuple(" ".join(argv) for argv in commands)

    def stop(self) -> None:
        """End them all."""
        self._stop.set()

    def _serve(self, argv: tuple[str, ...]) -> None:
        try:
            ended = self._system.stream(argv, self._tell, self._stop)
            if ended.status and not self._stop.is_set():
                self.failed = True
                self._tell(ended.stderr.strip() or f"iperf3 ended with status {ended.status}")
        except OSError as error:
            self.failed = True
            self._tell(f"iperf3 cannot be run: {error.strerror or error}")
        finally:
            with self._lock:
                self._running -= 1
