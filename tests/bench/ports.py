"""Network namespaces with many real veth ports, made and removed by the benchmark itself."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

SENDER = """
import socket, time
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    one.sendto(bytes(900), ("10.98.0.2", 9))
    time.sleep(0.02)
"""
"""A little traffic on the first pair, so that there is something to draw."""


@contextmanager
def veths(count: int) -> Iterator[str]:
    """The name of a namespace with `count` veth ports, which are `count / 2` pairs, all up."""
    name = f"mlxtop-bench-{uuid.uuid4().hex[:8]}"
    batch = ["link set lo up"]
    for pair in range(count // 2):
        batch.append(f"link add a{pair} type veth peer name b{pair}")
        batch += [f"link set a{pair} up", f"link set b{pair} up"]
    batch += [
        "address add 10.98.0.1/24 dev a0",
        "neigh add 10.98.0.2 lladdr 02:00:00:00:00:02 dev a0",
    ]
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(
            ["ip", "-n", name, "-batch", "-"], input="\n".join(batch), text=True, check=True
        )
        with subprocess.Popen(inside(name, sys.executable, "-c", SENDER)) as sender:
            try:
                yield name
            finally:
                sender.kill()
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def inside(name: str, *argv: str) -> list[str]:
    """The command line that runs `argv` in a namespace."""
    return ["ip", "netns", "exec", name, *argv]
