"""TCP connections: which are SSH sessions, and how many carry a port's traffic.

sshd's port is what it listens on, not 22: its processes, their command lines, its configuration
and its systemd sockets tell; https://man.openbsd.org/sshd_config
"""

from __future__ import annotations

import fnmatch
import ipaddress
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mlxtop.model.identity import Port, PortId
from mlxtop.model.number import PORT, whole
from mlxtop.sources.kernel.net import read_links
from mlxtop.sources.kernel.proc import Process, option, socket_inodes
from mlxtop.sources.kernel.routes import below, route_devices
from mlxtop.sources.kernel.sysfs import ask_or_none, names, read_text
from mlxtop.system.answers import rows
from mlxtop.system.door import Answer, Question, System

SSH_PORT, IPERF3_PORT = 22, 5201
_DAEMONS = ("sshd", "sshd-session", "sshd-auth", "dropbear")
_CONFIG = "/etc/ssh/sshd_config"
_UNIT_FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_UNITS = ("ssh.socket", "sshd.socket")
_PORT_LINE = re.compile(
    r"^[ \t]*+(?:Port[ \t=]++\"?|ListenAddress[ \t=]++\S*?[\]\w.]:)(\d{1,5})\b", re.I | re.M
)
_INCLUDE_LINE = re.compile(r"^[ \t]*+Include[ \t=]++(.+)$", re.IGNORECASE | re.MULTILINE)
_STREAM_LINE = re.compile(
    r"^[ \t]*+ListenStream[ \t]*+=[ \t]*+(?:\S*:)?(\d{1,5})\s*?$", re.MULTILINE
)
_SESSION = re.compile(r"^sshd(?:-session)?: \S+(?:@| \[priv\])")


class Connection(NamedTuple):
    """An established TCP connection, or a listening socket (`remote` is None)."""

    local: str
    local_port: int
    remote: str | None = None
    remote_port: int = 0
    interface: int = 0
    """ifindex of the device it is bound to; 0 for none."""
    inode: int = 0
    sent: int | None = None
    """Bytes of data that arrived at the other end."""
    received: int | None = None

    @property
    def inside(self) -> bool:
        """Return whether both ends are on this machine."""
        if self.remote is None or self.remote == self.local:
            return True
        return ipaddress.ip_address(self.remote).is_loopback


def _address(text: str | None) -> str | None:
    try:
        address = ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def parse_sockets(answer: Answer) -> list[Connection]:
    """Return the connections of a SOCKETS answer; entries without addresses are left out."""
    connections = []
    for entry in rows(answer):
        local, remote = _address(entry.text("local")), _address(entry.text("remote"))
        if local is None or (remote is None and "remote" in entry):
            continue
        connections.append(
            Connection(
                local,
                entry.count("local_port") or 0,
                remote,
                entry.count("remote_port") or 0,
                entry.count("interface") or 0,
                entry.count("inode") or 0,
                entry.count("sent"),
                entry.count("received"),
            )
        )
    return connections


def read_sockets(system: System) -> list[Connection]:
    """Return every TCP connection of this namespace. Raises OSError."""
    return parse_sockets(system.ask(Question.SOCKETS))


def parse_sshd_ports(text: str) -> set[int]:
    """Return the ports that an sshd_config names."""
    return {int(number) for number in _PORT_LINE.findall(text)}


def parse_unit_ports(text: str) -> set[int]:
    """Return the ports that a systemd socket listens on."""
    return {int(number) for number in _STREAM_LINE.findall(text)}


def _config_ports(system: System, path: str, depth: int = 0) -> set[int]:
    text = read_text(system, path) or ""
    ports = parse_sshd_ports(text)
    for line in _INCLUDE_LINE.findall(text) if depth < 4 else ():
        for pattern in line.split():
            folder, _, last = posixpath.join("/etc/ssh", pattern).rpartition("/")
            files = fnmatch.filter(names(system, folder), last) if "*" in last else [last]
            for name in files:
                ports |= _config_ports(system, f"{folder}/{name}", depth + 1)
    return ports


def _unit_ports(system: System) -> set[int]:
    paths = [f"{folder}/{unit}" for folder in _UNIT_FOLDERS for unit in _UNITS]
    paths += [f"{path}.d/{name}" for path in paths for name in names(system, f"{path}.d")]
    texts = (read_text(system, path) or "" for path in paths)
    return {port for text in texts for port in parse_unit_ports(text)}


def is_sshd(process: Process) -> bool:
    """Return whether it is a process of an SSH server: the listener or a session."""
    return process.name in _DAEMONS


def has_session(processes: Iterable[Process]) -> bool:
    """Return whether somebody is logged in through sshd, by the titles of its processes."""
    return any(is_sshd(p) and _SESSION.match(" ".join(p.words)) for p in processes)


def ssh_ports(
    system: System,
    processes: Sequence[Process],
    sockets: Sequence[Connection],
    hint: int | None = None,
) -> set[int]:
    """Return every port an SSH server listens on here; `hint` is one more that is known."""
    ports = {SSH_PORT} | _config_ports(system, _CONFIG) | _unit_ports(system)
    inodes: set[int] = set()
    for process in filter(is_sshd, processes):
        inodes |= socket_inodes(system, process.pid)
        words = " ".join(process.words).removeprefix("sshd: ").split()
        ports |= _option_ports(system, tuple(words))
    ports |= {s.local_port for s in sockets if s.inode and s.inode in inodes}
    return (ports | {hint} if hint else ports) - {0}


def _option_ports(system: System, words: tuple[str, ...]) -> set[int]:
    """Return the ports that sshd's own command line names, itself or through a configuration."""
    ports: set[int] = set()
    port, config = option(words, "p"), option(words, "f")
    if config is not None and config.startswith("/"):
        ports |= _config_ports(system, config)
    given = [word.partition("Port=")[2] for word in words if word.startswith(("Port=", "-oPort="))]
    numbers = {whole(number, PORT) for number in (port or "", *given)}
    return ports | {number for number in numbers if number is not None}


def iperf3_ports(processes: Iterable[Process]) -> set[int]:
    """Return the control ports of the iperf3 processes, clients and servers."""
    words = (process.words for process in processes if process.name == "iperf3")
    return {whole(option(each, "p", "port") or "", PORT) or IPERF3_PORT for each in words}


Ends = tuple[str, int, str, int]
"""Address and port here, address and port there."""

BUSY = 0.1
"""Share of what the busiest connection moved from which one counts as a stream: the connection
that iperf3 talks over, and an idle login, do not."""
PEERS = 32
"""Peers whose route is asked for at most, the busiest."""


def moved(connections: Iterable[Connection]) -> dict[Ends, int]:
    """Return bytes of both directions by connection; without listening and inner ones."""
    return {
        (tcp.local, tcp.local_port, tcp.remote, tcp.remote_port): tcp.sent + tcp.received
        for tcp in connections
        if tcp.remote and not tcp.inside and tcp.sent is not None and tcp.received is not None
    }


def read_moved(system: System) -> dict[Ends, int]:
    """Return what every TCP connection has moved so far; nothing where the kernel does not tell."""
    return moved(parse_sockets(ask_or_none(system, Question.SOCKETS)))


def streams(before: Mapping[Ends, int], now: Mapping[Ends, int]) -> Counter[str]:
    """Return the number of connections that carry data by peer."""
    gains = {ends: amount - before[ends] for ends, amount in now.items() if ends in before}
    least = max(max(gains.values(), default=0) * BUSY, 1)
    return Counter(ends[2] for ends, gain in gains.items() if gain >= least)


class StreamCounter:
    """The streams of every port since the last look."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._moved: dict[Ends, int] | None = None

    def read(self, ports: Iterable[Port]) -> Mapping[PortId, int] | None:
        """Return the streams of each port; None at the first look."""
        now, before = read_moved(self._system), self._moved
        self._moved = now
        return None if before is None else by_port(self._system, ports, streams(before, now))


def by_port(system: System, ports: Iterable[Port], peers: Counter[str]) -> dict[PortId, int]:
    """Return the streams of each port, by the routes to their peers; a bond's are not split."""
    if not peers:
        return {}
    links = {link.index: link for link in read_links(system)}
    by_name = {name: port.id for port in ports for name in (port.netdev, *port.extra_netdevs)}
    counts: Counter[PortId] = Counter()
    for peer, count in peers.most_common(PEERS):
        devices = route_devices(ask_or_none(system, Question.ROUTE, peer))
        real = {device for device in devices if device in by_name}.union(
            *(below(system, links, device) for device in devices if device not in by_name)
        )
        if len(real) == 1 and (name := real.pop()) in by_name:
            counts[by_name[name]] += count
    return dict(counts)
