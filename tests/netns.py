"""Two network namespaces joined by a veth pair, made and removed by the test that uses them."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """Names of the namespaces, their devices and addresses."""

    near: str
    far: str
    near_device: str = "near0"
    far_device: str = "far0"
    near_address: str = "10.99.7.1"
    far_address: str = "10.99.7.2"

    def on(self, host: str, *argv: str) -> list[str]:
        """The command line that runs `argv` in a namespace."""
        return ["ip", "netns", "exec", host, *argv]


def missing() -> str | None:
    """Why namespaces cannot be made here; None when they can."""
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    tried = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "network namespaces are not allowed here"


@contextmanager
def pair(mtu: int = 9000) -> Iterator[Pair]:
    """Make the namespaces, and remove them whatever happens."""
    tag = uuid.uuid4().hex[:8]
    made = Pair(f"mlxtop-near-{tag}", f"mlxtop-far-{tag}")
    try:
        for host in (made.near, made.far):
            _ip("netns", "add", host)
            _ip("-n", host, "link", "set", "lo", "up")
        _ip(
            *("-n", made.near, "link", "add", made.near_device, "mtu", str(mtu), "type", "veth"),
            *("peer", "name", made.far_device, "mtu", str(mtu), "netns", made.far),
        )
        for host, device, address in (
            (made.near, made.near_device, made.near_address),
            (made.far, made.far_device, made.far_address),
        ):
            _ip("-n", host, "address", "add", f"{address}/24", "dev", device)
            _ip("-n", host, "link", "set", device, "up")
        yield made
    finally:
        for host in (made.near, made.far):
            subprocess.run(["ip", "netns", "del", host], capture_output=True, check=False)


def _ip(*words: str) -> None:
    argv: Sequence[str] = ["ip", *words]
    subprocess.run(argv, check=True, capture_output=True)
