"""Three hosts in a triangle of cables and a slow network, as network namespaces of the test.

Each cable is a bridge without memory, so that it can drop everything one way or both ways while
both ends keep their carrier; the slow network is one more bridge, with a rate limit.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAID: dict[int, Path] = {}
"""Files with what programs have said, by their process."""
HOSTS = ("a", "b", "c")
CABLES = (("a", "b"), ("a", "c"), ("b", "c"))
ADDRESS = {"a": "10.15.15.1", "b": "10.15.15.2", "c": "10.15.15.3"}
ADDRESS6 = {"a": "fd15::1", "b": "fd15::2", "c": "fd15::3"}
SLOW = {"a": "192.168.77.1", "b": "192.168.77.2", "c": "192.168.77.3"}
_SECONDS = 20.0


def device(host: str, other: str) -> str:
    """Return the name of a host's device on the cable to another one, or `slow0`."""
    return f"to{other}0"


def run(*argv: str, check: bool = True) -> str:
    """Run a command and return its output."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_SECONDS)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


@dataclass(slots=True)
class Triangle:
    """The namespaces: one a host, and `wires` with the bridges."""

    tag: str
    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def space(self, host: str) -> str:
        """Return the name of a host's namespace."""
        return f"mlxtop-{host}-{self.tag}"

    def ip(self, host: str, *words: str, check: bool = True) -> str:
        """Run `ip` in a host's namespace."""
        return run("ip", "-n", self.space(host), *words, check=check)

    def on(self, host: str, *argv: str) -> list[str]:
        """Return the command line that runs `argv` on a host."""
        return ["ip", "netns", "exec", self.space(host), *argv]

    # Cables

    def _end(self, host: str, other: str) -> str:
        return f"w{host}{other}"

    def drop(self, host: str, other: str, dropped: bool = True) -> None:
        """Drop everything that goes to `host` from `other`, with the carrier up; or do not."""
        how = "off" if dropped else "on"
        words = ("flood", how, "mcast_flood", how, "bcast_flood", how)
        run(
            *("ip", "netns", "exec", self.space("wires"), "bridge", "link", "set"),
            *("dev", self._end(host, other), *words),
        )

    def silence(self, host: str, other: str, silent: bool = True) -> None:
        """Drop everything on the cable, with the carrier up at both ends; or do not."""
        self.drop(host, other, silent)
        self.drop(other, host, silent)

    def isolate(self, host: str, alone: bool = True) -> None:
        """Drop everything to and from a host, on every cable and on the slow network."""
        how = "off" if alone else "on"
        words = ("flood", how, "mcast_flood", how, "bcast_flood", how)
        for other in HOSTS:
            if other != host:
                self.silence(host, other, alone)
        on = ("ip", "netns", "exec", self.space("wires"), "bridge", "link", "set", "dev")
        run(*on, f"ws{host}", *words)

    def cut(self, host: str, other: str, is_cut: bool = True) -> None:
        """Take the carrier away at both ends of a cable, or give it back."""
        for one, far in ((host, other), (other, host)):
            self.ip("wires", "link", "set", self._end(one, far), "down" if is_cut else "up")

    # Hosts

    def routes(self, host: str) -> str:
        """Return the routes and rules of a host that are not ours, in order."""
        texts = [
            self.ip(host, *family, *what)
            for family in ((), ("-6",))
            for what in (("route", "show", "table", "all"), ("rule", "show"))
        ]
        lines = "\n".join(texts).splitlines()
        ours = ("proto 77", "table 77")
        kernel = ("fe80", "ff00", "linkdown", "dead")  # made as devices come, and marks of theirs
        foreign = {
            " ".join(word for word in line.split() if word not in kernel)
            for line in lines
            if not any(part in line for part in ours)
        }
        return "\n".join(
            sorted(line for line in foreign if "fe80" not in line and "ff00" not in line)
        )

    def route(self, host: str, address: str) -> str:
        """Return `ip route get` of an address."""
        return self.ip(host, "route", "get", address, check=False).splitlines()[0]

    def settings(self, host: str, text: str) -> dict[str, str]:
        """Write a settings file for a host; return the environment that leads there."""
        base = self.folder / host
        (base / "mlxtop-nic").mkdir(parents=True, exist_ok=True)
        (base / "mlxtop-nic" / "settings.toml").write_text(text)
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        return {**kept, "XDG_CONFIG_HOME": str(base), "XDG_STATE_HOME": str(base)}

    def start(
        self, host: str, *words: str, text: str | None = None, more: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start `mlxtop path …` on a host."""
        environ = self.settings(host, peers_of(host) if text is None else text)
        argv = self.on(host, sys.executable, "-m", "mlxtop", "path", *words)
        return self.program(argv, {**environ, **(more or {})})

    def program(
        self, argv: list[str], environ: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a program whose words are kept in a file."""
        place = self.folder / f"said-{len(self.started)}"
        with place.open("w") as out:
            process = subprocess.Popen(
                argv, stdout=out, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=environ
            )
        SAID[process.pid] = place
        self.started.append(process)
        return process

    def keep(self, *hosts: str, text: str | None = None) -> list[subprocess.Popen[str]]:
        """Keep the paths on hosts; return when each has set its routes."""
        processes = [self.start(host, "keep", text=text) for host in hosts]
        for host in hosts:
            until(lambda host=host: self.kept(host) == 2, f"{host} has its routes")
        return processes

    def kept(self, host: str) -> int:
        """Return the number of routes to peers that a keeper has set."""
        table = [*self.ip(host, "route", "show", "proto", "77").splitlines()]
        return len(table)

    def release(self, *processes: subprocess.Popen[str]) -> list[str]:
        """End keepers; return what each has said."""
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(_SECONDS)
        return [said(process) for process in processes]

    def end(self) -> None:
        """End what was started, and remove everything."""
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
                process.wait()
        for host in (*HOSTS, "wires"):
            run("ip", "netns", "del", self.space(host), check=False)


def until(holds: object, what: str, seconds: float = _SECONDS) -> float:
    """Wait until something holds; return the seconds that took."""
    begin = time.monotonic()
    while not holds():  # type: ignore[operator]
        if time.monotonic() - begin > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - begin


def ready(process: subprocess.Popen[str], word: str, seconds: float = _SECONDS) -> None:
    """Wait until a program has said something."""
    until(lambda: word in said(process), f"{word!r}; said: {said(process)}", seconds)


def said(process: subprocess.Popen[str]) -> str:
    """Return everything that a program has said."""
    return SAID[process.pid].read_text()


def peers_of(host: str, heat: bool = False) -> str:
    """Return settings with both peers of a host, three ways each."""
    lines = ["[path]", f"heat = {str(heat).lower()}"]
    for peer in HOSTS:
        if peer == host:
            continue
        third = next(one for one in HOSTS if one not in (host, peer))
        lines += [
            "[[path.peers]]",
            f'name = "{peer}"',
            f'address = "{ADDRESS[peer]}"',
            "ways = [",
            f'  {{ dev = "{device(host, peer)}" }},',
            f'  {{ dev = "{device(host, third)}", via = "{ADDRESS[third]}" }},',
            f'  {{ dev = "slow0", via = "{SLOW[peer]}" }},',
            "]",
        ]
    return "\n".join(lines) + "\n"


@contextmanager
def triangle(folder: Path, links: bool = True) -> Iterator[Triangle]:
    """Make the hosts, their cables and the slow network; remove them whatever happens."""
    made = Triangle(uuid.uuid4().hex[:6], folder)
    try:
        for host in (*HOSTS, "wires"):
            run("ip", "netns", "add", made.space(host))
            made.ip(host, "link", "set", "lo", "up")
        for host in HOSTS:
            for key in ("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0"):
                run(*made.on(host, "sysctl", "-qw", key))
        _slow(made)
        if links:
            for pair in CABLES:
                cable(made, *pair)
        yield made
    finally:
        made.end()


def cable(made: Triangle, one: str, other: str) -> None:
    """Lay the cable between two hosts, with their addresses and the routes by it."""
    bridge = f"br{one}{other}"
    _bridge(made, bridge)
    for host, far in ((one, other), (other, one)):
        plug(made, host, device(host, far), (made._end(host, far), bridge))
        made.ip(host, "addr", "add", f"{ADDRESS[host]}/32", "dev", device(host, far))
        made.ip(
            host, "route", "add", f"{ADDRESS[far]}/32", "dev", device(host, far), "metric", "10"
        )


def _slow(made: Triangle) -> None:
    _bridge(made, "brslow")
    for host in HOSTS:
        plug(made, host, "slow0", (f"ws{host}", "brslow"))
        made.ip(host, "addr", "add", f"{SLOW[host]}/24", "dev", "slow0")
        run(
            *made.on(host, "tc", "qdisc", "add", "dev", "slow0", "root"),
            *("tbf", "rate", "100mbit", "burst", "64k", "latency", "50ms"),
            check=False,  # without the module it is fast: the test holds all the same
        )
        for far in HOSTS:
            if far != host:
                via = ("via", SLOW[far], "dev", "slow0", "metric", "100")
                made.ip(host, "route", "add", f"{ADDRESS[far]}/32", *via)


def _bridge(made: Triangle, name: str) -> None:
    made.ip("wires", "link", "add", name, "type", "bridge", "stp_state", "0", "forward_delay", "0")
    made.ip("wires", "link", "set", name, "up")


def plug(made: Triangle, host: str, name: str, bridge: tuple[str, str], address: str = "") -> None:
    """Put a device of a host into a bridge; `bridge` has the name of the other end, and its own."""
    end, into = bridge
    hardware = ("address", address) if address else ()
    made.ip(
        *("wires", "link", "add", end, "type", "veth", "peer", "name", name, *hardware),
        *("netns", made.space(host)),
    )
    made.ip("wires", "link", "set", end, "master", into, "up")
    run(
        *("ip", "netns", "exec", made.space("wires"), "bridge", "link", "set"),
        *("dev", end, "learning", "off"),
    )
    made.ip(host, "link", "set", name, "up")


STREAM = """
import socket, sys, time
role, address = sys.argv[1:3]
if role == "serve":
    server = socket.create_server((address, 5900))
    print("ready", flush=True)
    peer, _ = server.accept()
    while data := peer.recv(65536):
        peer.sendall(data)
else:
    peer = socket.create_connection((address, 5900), 10, (sys.argv[3], 0))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("ready", flush=True)
    while True:
        peer.sendall(b"x" * 64)
        got = 0
        while got < 64:
            part = peer.recv(64 - got)
            if not part:
                sys.exit(1)
            got += len(part)
        print(time.monotonic(), flush=True)
        time.sleep(0.005)
"""


class Stream:
    """A TCP connection on which a line goes there and back, all the time."""

    def __init__(self, made: Triangle, client: str, server: str) -> None:
        code = (sys.executable, "-u", "-c", STREAM)
        self._server = made.program(made.on(server, *code, "serve", ADDRESS[server]))
        ready(self._server, "ready")
        ends = ADDRESS[server], ADDRESS[client]
        self._client = made.program(made.on(client, *code, "call", *ends))
        ready(self._client, "ready")

    def end(self) -> None:
        """End both programs."""
        for process in (self._client, self._server):
            process.kill()
            process.wait()

    @property
    def times(self) -> list[float]:
        """Return when each exchange was over."""
        lines = said(self._client).split("\n")[1:-1]
        return [float(line) for line in lines if line]

    def gap_after(self, begin: float, seconds: float) -> float:
        """Return the longest time without an exchange from `begin` on, until all is well again.

        It is well when exchanges have come for half a second.
        """
        end = begin + seconds
        while True:
            now = time.monotonic()
            after = [one for one in self.times if one >= begin]
            recent = [one for one in after if one > now - 0.5]
            if now > begin + 1.5 and len(recent) > 20:
                break
            if now > end:
                return float("inf")
            time.sleep(0.05)
        points = [begin, *after]
        return max(after - before for before, after in pairwise(points))
