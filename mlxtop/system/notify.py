"""What a service tells systemd: that it is ready, that it lives, that it ends.

https://man7.org/linux/man-pages/man3/sd_notify.3.html
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from mlxtop.model.number import COUNT, whole


class ServiceManager:
    """The socket of the program that started this one; without one nothing is told."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        usec = whole(environ.get("WATCHDOG_USEC", ""), COUNT)
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._every = usec / 2e6 if usec and mine else None
        """Seconds after which it has to be told that the service lives."""
        self._told: float | None = None

    def ready(self, status: str) -> None:
        """Tell that the service does its work, and what it is doing."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def status(self, text: str) -> None:
        """Tell what the service is doing."""
        self._send(f"STATUS={_line(text)}")

    def alive(self, now: float) -> None:
        """Tell that it lives, where that is wanted and due at a monotonic second."""
        if self._every is None or (self._told is not None and now - self._told < self._every):
            return
        self._told = now
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Tell that it ends."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address.startswith(("/", "\0")):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one:
            one.setblocking(False)
            try:
                one.sendto(text.encode(), self._address)
            except OSError:
                return  # whoever does not listen need not know


def _line(text: str) -> str:
    return text.replace("\n", " ")
