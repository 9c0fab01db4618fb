"""A simulated InfiniBand fabric that real subnet managers and tools talk to (ibsim-utils)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from mlxtop.model.fabric import Fabric
from mlxtop.sources.tools.fabric_scan import read_fabric
from mlxtop.system.door import Finished
from mlxtop.system.local import LocalSystem

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_DEADLINE_S = 60.0
_PRELOADED = sorted(Path("/usr/lib").glob("*/umad2sim/libumad2sim.so"))
PACKAGES = {
    "ibsim": "ibsim-utils",
    "opensm": "opensm",
    "iblinkinfo": "infiniband-diags",
}
NET = """Switch 8 "leaf1"
[1] "node1"[1]
[2] "node2"[1] w=1
[3] "spine"[1] s=7
[4] "spine"[2] s=7

Switch 8 "spine"
[1] "leaf1"[3] s=7
[2] "leaf1"[4] s=7
[5] "node3"[1]

Hca 1 "node1"
[1] "leaf1"[1]

Hca 1 "node2"
[1] "leaf1"[2] w=1

Hca 1 "node3"
[1] "spine"[5]
"""
"""Two switches with two cables, of full speed; node2 has one lane, and the nodes SDR."""


def until(what: str, condition: Callable[[], object]) -> None:
    """Wait until something holds; the limit is generous, for the machine may be busy."""
    end = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


class Simulated:
    """An ibsim with a console."""

    def __init__(self, folder: Path, net: str) -> None:
        for name, package in PACKAGES.items():
            if shutil.which(name, path=_PATH) is None:
                pytest.skip(f"{package} is not installed")
        if not _PRELOADED:
            pytest.skip("libumad2sim.so of ibsim-utils is not installed")
        self.folder = folder
        self._socket = f"mlxtop-{uuid4().hex[:12]}"
        self._log = folder / "ibsim.log"
        path = folder / "net"
        path.write_text(net)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                ["ibsim", "-s", str(path)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
                env={**os.environ, "PATH": _PATH, "IBSIM_SOCKNAME": self._socket},
                cwd=folder,
            )
        until("ibsim is up", lambda: "sim>" in self._log.read_text())

    def environ(self, node: str) -> dict[str, str]:
        """The environment in which a program is on a node, as ibsim-run makes it."""
        return {
            "LD_PRELOAD": str(_PRELOADED[0]),
            "IBSIM_SOCKNAME": self._socket,
            "SIM_HOST": node,
        }

    def command(self, text: str) -> None:
        """Type a line at the console, as `Unlink "node1"[1]`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    @contextmanager
    def manager(self, node: str, priority: int) -> Iterator[Callable[[], str]]:
        """An opensm on a node; gives what it has said. It waits long for answers."""
        log = self.folder / f"opensm-{node}"
        log.mkdir(exist_ok=True)
        variables = {"OSM_CACHE_DIR": str(log), "OSM_TMP_DIR": str(log)}
        with (log / "out").open("w") as out:
            process = subprocess.Popen(
                ["opensm", "-f", str(log / "log"), "-p", str(priority), "-t", "5000"],
                stdout=out,
                stderr=out,
                env={**os.environ, "PATH": _PATH, **variables, **self.environ(node)},
                cwd=log,
            )
        try:
            yield (log / "out").read_text
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


class OnNode(LocalSystem):
    """This machine, whose InfiniBand tools are on a node of the simulation."""

    def __init__(self, fabric: Simulated, node: str) -> None:
        super().__init__()
        self._variables = [f"{key}={value}" for key, value in fabric.environ(node).items()]
        self._folder = str(fabric.folder)
        self.at_once = 0
        self.asked: list[str] = []

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        assert self.at_once == 0, "two tools at once"
        self.at_once += 1
        self.asked.append(argv[0])
        inside = ("env", "-C", self._folder, *self._variables, *argv)
        try:
            return super().run(inside, timeout=timeout)
        finally:
            self.at_once -= 1


@contextmanager
def running(folder: Path, net: str = NET, standby: bool = True) -> Iterator[Simulated]:
    """A fabric with a master on node1, and another manager on node3.

    A master asks one that has just begun before that can answer, and then waits for ever. So the
    other one is there first, on standby for an earlier master, when the real one looks around.
    """
    with ExitStack() as stack:
        fabric = Simulated(folder, net)
        stack.callback(fabric.close)
        if standby:
            with fabric.manager("node1", 5):
                until(
                    "all links", lambda: {link.state for link in read(fabric).links} == {"Active"}
                )
                said = stack.enter_context(fabric.manager("node3", 1))
                until("a standby", lambda: "STANDBY" in said())
        said = stack.enter_context(fabric.manager("node1", 5))
        until("a master", lambda: "MASTER" in said())
        yield fabric


def read(fabric: Simulated, node: str = "node2") -> Fabric:
    """What mlxtop reads of the fabric on a node."""
    system = OnNode(fabric, node)
    try:
        return read_fabric(system)
    finally:
        system.close()


def program(
    fabric: Simulated, *words: str, node: str = "node2"
) -> subprocess.CompletedProcess[str]:
    """The program itself, started on a node as by `ibsim-run`."""
    return subprocess.run(
        [sys.executable, "-m", "mlxtop", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **fabric.environ(node), "PYTHONPATH": str(Path(__file__).parents[1])},
        cwd=fabric.folder,
    )
