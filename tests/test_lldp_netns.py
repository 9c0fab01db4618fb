"""Real lldpd on both ends of a veth between two namespaces."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mlxtop.ends.match import MatchedBy, Surety
from mlxtop.ends.matching import match
from mlxtop.model.identity import Port, PortKind
from mlxtop.model.lldp import LldpNeighbour
from mlxtop.sources.tools.lldp import LLDPCLI, LLDPCLI_AS_OWNER, read_lldp
from mlxtop.system.door import Finished
from mlxtop.system.local import LocalSystem
from tests import netns
from tests.ends import PORT, A, B, End
from tests.test_lldp import heard

pytestmark = pytest.mark.slow
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_DEADLINE_S = 30.0


def tool(name: str) -> str:
    path = shutil.which(name, path=_PATH)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@contextmanager
def daemon(pair: netns.Pair, host: str, device: str, socket: Path) -> Iterator[None]:
    """An lldpd that knows one device alone, with a socket of its own."""
    argv = [tool("lldpd"), "-d", "-u", str(socket), "-I", device, "-C", device]
    running = subprocess.Popen(
        pair.on(host, *argv), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        running.terminate()
        running.wait(10)


def ask(socket: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [tool("lldpcli"), "-u", str(socket), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def until(what: str, condition: object) -> None:
    end = time.monotonic() + _DEADLINE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, what
        time.sleep(0.1)


class OfSocket(LocalSystem):
    """This machine, whose lldpcli asks the daemon of a socket."""

    socket = Path()

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        assert argv in (LLDPCLI, LLDPCLI_AS_OWNER)
        socket = ("-u", str(self.socket))
        place = argv.index("lldpcli") + 1
        return super().run((*argv[:place], *socket, *argv[place:]), timeout=timeout)


def neighbours(device: str, socket: Path) -> tuple[LldpNeighbour, ...]:
    """What mlxtop reads of a device."""
    with closing(OfSocket()) as system:
        system.socket = socket
        port = Port(PORT, PortKind.VIRTUAL, netdev=device)
        return read_lldp(system, [port]).get(PORT, ())


def address(host: str, device: str) -> str:
    argv = ["ip", "netns", "exec", host, "cat", f"/sys/class/net/{device}/address"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def test_both_ends_are_known_by_real_daemons_and_a_switch_is_told() -> None:
    if reason := netns.missing():
        pytest.skip(reason)
    tool("lldpcli")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="mlxtop-lldp-")))
        folder.chmod(0o755)  # lldpd has no rights of its own left when it needs its socket
        near, far = folder / "near.sock", folder / "far.sock"
        pair = stack.enter_context(netns.pair())
        ends = ((pair.near, pair.near_device, near, "a"), (pair.far, pair.far_device, far, "b"))
        for host, device, socket, _ in ends:
            stack.enter_context(daemon(pair, host, device, socket))
        for *_, socket, name in ends:
            words = ("configure", "system", "hostname", name)
            until("lldpd answers", lambda s=socket, w=words: ask(s, *w).returncode == 0)
            ask(socket, "configure", "lldp", "tx-interval", "1")
        for *_, socket, name in ends:
            other = {"a": "b", "b": "a"}[name]
            until("neighbour", lambda s=socket, o=other: f'"{o}"' in ask(s, *LLDPCLI[1:]).stdout)
        told = [neighbours(device, socket) for _, device, socket, _ in ends]
        macs = [address(host, device) for host, device, *_ in ends]
        machines = [
            heard(End(name, address=mac).machine, *some)
            for name, mac, some in zip("ab", macs, told, strict=True)
        ]
        (link,) = match(machines).links
        assert (link.ends, link.by, link.surety) == ((A, B), MatchedBy.LLDP, Surety.SURE)
        ask(far, "configure", "system", "capabilities", "enabled", "bridge")
        ask(far, "configure", "system", "hostname", "leaf1")
        ask(far, "configure", "lldp", "portidsubtype", "local", "Eth1/5")
        ask(far, "update")
        until("leaf1", lambda: '"leaf1"' in ask(near, *LLDPCLI[1:]).stdout)
        some = neighbours(pair.near_device, near)
    assert {one.chassis_name for one in some} <= {"b", "leaf1"}
    assert any((one.title, one.where, one.is_switch) == ("leaf1", "Eth1/5", True) for one in some)
