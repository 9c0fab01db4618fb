"""Bounded pings, which tell whether packets of a given size reach a host undivided.

https://man7.org/linux/man-pages/man8/ping.8.html (iputils)
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mlxtop.sources.kernel.sysfs import ask_or_none
from mlxtop.system.answers import Fields
from mlxtop.system.door import Finished, Question, System

_HEAD = re.compile(r"^PING \S+?\s?\(([0-9a-fA-F.:]+)", re.MULTILINE)
_COUNT = re.compile(r"\b(\d{1,4}) received")
_TOO_LONG = re.compile(r"message too long,? mtu[:=] ?(\d{1,6})")
_NEEDED = re.compile(r"Frag(?:mentation)? needed.*?mtu = (\d{1,6})|Packet too big: mtu=(\d{1,6})")
_UNREACHABLE = re.compile(r"^From \S+ icmp_seq=\d+ (?!Frag|Packet too big)\S.*", re.MULTILINE)
_HOST = re.compile(r"[A-Za-z0-9_.:%-]{1,253}")

_SMALL = 56
_HEADERS = {4: 28, 6: 48}
"""Bytes of IP and ICMP headers by IP version."""


class Ping(NamedTuple):
    """The output of one run of ping."""

    address: str | None
    received: int
    mtu: int | None
    """The largest packet that somebody on the way said it takes."""
    error: str | None
    """What ping complained about."""


def parse_ping(finished: Finished) -> Ping:
    """Return the output of iputils' ping."""
    text = f"{finished.stdout}\n{finished.stderr}"
    head, count = _HEAD.search(text), _COUNT.search(text)
    size = _TOO_LONG.search(text) or _NEEDED.search(text)
    number = next((part for part in size.groups() if part), None) if size else None
    return Ping(
        head[1] if head else None,
        int(count[1]) if count else 0,
        int(number) if number else None,
        _complaint(finished),
    )


def _complaint(finished: Finished) -> str | None:
    """Return ping's first error; a warning is none, and what routers answer stands elsewhere."""
    lines = map(str.strip, finished.stderr.splitlines())
    errors = [line for line in lines if line and "warning" not in line.lower()]
    answer = _UNREACHABLE.search(finished.stdout)
    return next(iter(errors), answer[0] if answer else None)


def valid_host(host: str) -> bool:
    """Return whether a name or address can be handed to a command: no option, no blank, no escape.

    >>> valid_host("10.0.0.3"), valid_host("-f"), valid_host("a b")
    (True, False, False)
    """
    return _HOST.fullmatch(host) is not None and not host.startswith("-")


def ping(system: System, host: str, size: int, netdev: str | None, whole: bool) -> Ping:
    """Send two packets of `size` bytes of data; `whole`: not to be divided. Raises OSError."""
    argv = ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-s", str(size)]
    if whole:
        argv += ["-M", "do"]
    if netdev is not None:
        argv += ["-I", netdev]
    return parse_ping(system.run([*argv, host], timeout=5.0))


def full_size(mtu: int, address: str) -> int:
    """Return bytes of data that make a packet of the whole MTU."""
    return mtu - _HEADERS[6 if ":" in address else 4]


def small_ping(system: System, host: str, netdev: str | None) -> Ping:
    """Return whether the host answers at all. Raises OSError."""
    return ping(system, host, _SMALL, netdev, whole=False)


def route_device(system: System, address: str) -> str | None:
    """Return the network device that packets to an address leave by."""
    return Fields(ask_or_none(system, Question.ROUTE, address)).text("dev")
