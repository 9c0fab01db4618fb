"""Tell the service manager how we are: sd_notify(3), without its library.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from mlxtop.model.number import PID, whole

MOST_USEC = 10**12
"""Microseconds of a watchdog at most: eleven days."""


class Notifier:
    """Messages to the service manager; nothing is sent where there is none."""

    def __init__(self, environ: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._path = environ.get("NOTIFY_SOCKET", "")
        self._every_s = watchdog_s(environ, os.getpid() if pid is None else pid)
        self._alive_at = float("-inf")

    def send(self, *lines: str) -> bool:
        """Send lines such as `READY=1`; return whether somebody took them."""
        if not self._path.startswith(("/", "@")):
            return False
        place = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        text = "\n".join(line.replace("\n", " ") for line in lines)
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(text.encode(), place)
            return True
        return False

    def alive(self, now: float) -> None:
        """Tell the watchdog that work goes on, as often as half its time."""
        if self._every_s is not None and not 0 <= now - self._alive_at < self._every_s / 2:
            self._alive_at = now
            self.send("WATCHDOG=1")


def watchdog_s(environ: Mapping[str, str], pid: int) -> float | None:
    """Return the seconds after which the watchdog ends us; None where it does not watch us.

    >>> watchdog_s({"WATCHDOG_USEC": "10000000"}, 7), watchdog_s({}, 7)
    (10.0, None)
    >>> watchdog_s({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "8"}, 7)
    """
    usec = whole(environ.get("WATCHDOG_USEC", ""), MOST_USEC)
    if not usec:
        return None
    whose = whole(environ.get("WATCHDOG_PID", str(pid)), PID)
    return usec / 1e6 if whose == pid else None
