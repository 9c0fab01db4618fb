"""Ports of loopback for servers of tests."""

from __future__ import annotations

import os
import socket
from itertools import count

FIRST, MANY = 20_000, 12_000
"""Below those that the kernel gives to whoever asks for any."""
_next = count(os.getpid() * 41)


def free_port() -> int:
    """Return a TCP port that nobody has, and that no other call of this process was given."""
    for number in _next:
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", FIRST + number % MANY))
            except OSError:
                continue
            return int(one.getsockname()[1])
    raise AssertionError
