"""Two network namespaces joined by a veth pair, made and removed by the test that uses them."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


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
    """Return why namespaces that `ip` names cannot be made here; None when they can."""
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    return _lacking("unshare", "ip") or _refused(["unshare", "-n"])


def own(*tools: str) -> list[str]:
    """Return what runs a command in a network namespace of its own, with `ip` and `tools`.

    Skips the test, with the reason, where that is not possible.
    """
    argv = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if reason := _lacking("unshare", "ip", *tools) or _refused(argv):
        pytest.skip(reason)
    return argv


def _lacking(*commands: str) -> str | None:
    for command in commands:
        if shutil.which(command) is None:
            return f"{command} is not installed"
    return None


def _refused(argv: list[str]) -> str | None:
    tried = subprocess.run([*argv, "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no network namespace here: {tried.stderr.strip()}"


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
