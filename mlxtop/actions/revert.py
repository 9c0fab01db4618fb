"""Change the port types of an mlx4 card, and take them back unless somebody says to keep them.

Run as root as a program of its own (`python -I -S …/revert.py 0000:09:00.0 1=eth`), for three
reasons: it needs root's rights where the rest of mlxtop does not, it has to outlive the terminal,
and it must work when nothing else does. So it takes the standard library only, is loaded as a
whole before anything is written, and never touches a disk until all is done.

The part that waits leaves the session and the terminal behind (setsid(2), two forks) and the
control group of the login (systemd-logind ends it with KillUserProcesses=yes). It listens on a
socket of the person who asked: `keep`, `revert` or `state`, a line each.

mlx4_portN: drivers/net/ethernet/mellanox/mlx4/main.c. A type that was refused stays noted there
and would come true with the next change of the other port; so the old one is written over it.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import json
import os
import re
import select
import signal
import socket
import stat
import struct
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

if __name__ == "__main__":
    # At the end: the standard library comes first whatever lies beside us.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from mlxtop.actions.log import ActionLog, Owner

PCI_DEVICES = "/sys/bus/pci/devices"
RUN = "/run/mlxtop-nic"
PREFIX = "revert-"
TYPES = ("ib", "eth", "auto")
TRIES = 5
"""Attempts to write the old types back, a second apart."""
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_WISH = re.compile(r"([1-8])=(ib|eth|auto)")
_CREDENTIALS = struct.Struct("3i")
_MCL_CURRENT_AND_FUTURE = 3


class Failed(Exception):
    """The change was not begun; its text says why."""


def socket_path(run: str, device: str) -> str:
    """Where the program that waits for a card listens."""
    return f"{run}/{PREFIX}{device}"


class Card:
    """The `mlx4_portN` files of a card."""

    def __init__(self, device: str, base: str = PCI_DEVICES) -> None:
        if not _ADDRESS.fullmatch(device):
            raise Failed(f"{device!r} is no PCI address")
        self.device = device
        self._base = base

    def path(self, port: int) -> str:
        """The file of a port."""
        return f"{self._base}/{self.device}/mlx4_port{port}"

    def read(self, port: int) -> str | None:
        """The configured type; None where it cannot be read."""
        try:
            with open(self.path(port), encoding="ascii", errors="replace") as file:
                word = file.read(64).split(" ")[0].strip()
        except OSError:
            return None
        return word if word in TYPES else None

    def write(self, port: int, kind: str) -> str | None:
        """Write a type, newline included, in one write; what went wrong, None when all is well."""
        try:
            fd = os.open(self.path(port), os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.write(fd, f"{kind}\n".encode())
            finally:
                os.close(fd)
        except OSError as error:
            return (
                f"port {port}: {kind}: {error.strerror} ({errno.errorcode.get(error.errno or 0)})"
            )
        return None

    def writable(self, port: int) -> bool:
        """Whether the driver takes types at all; not with SR-IOV."""
        return bool(os.stat(self.path(port)).st_mode & stat.S_IWUSR)

    def put(self, types: Mapping[int, str]) -> list[str]:
        """Write types and compare; what is not as it should be.

        A card that takes only equal types refuses the first of two ports, and sets both with the
        second: so the files have the last word, not the errors.
        """
        errors = [text for port, kind in types.items() if (text := self.write(port, kind))]
        wrong = {port for port, kind in types.items() if self.read(port) != kind}
        if not wrong:
            return []
        return errors or [f"port {port} is not {types[port]} afterwards" for port in sorted(wrong)]


def before(card: Card, wanted: Mapping[int, str]) -> dict[int, str]:
    """The types to go back to. Raises Failed where the card is not as it should be."""
    found = {}
    for port in wanted:
        kind = card.read(port)
        if kind is None:
            raise Failed(f"{card.path(port)} cannot be read")
        if not card.writable(port):
            raise Failed(f"{card.path(port)} is read-only: the driver does not change types")
        found[port] = kind
    return found


def take_back(card: Card, old: Mapping[int, str]) -> list[str]:
    """Write the old types until they are there; what is still wrong after all attempts."""
    wrong: list[str] = []
    for _ in range(TRIES):
        wrong = card.put(old)
        if not wrong:
            return []
        time.sleep(1.0)
    return wrong


def listen(path: str, owner: int) -> socket.socket:
    """The socket that `owner` may say `keep` on. Raises Failed where one is waiting already."""
    mask = os.umask(0o022)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.umask(mask)
    if say(path, "state") is not None:
        raise Failed("an earlier change of this card still waits to be kept or taken back")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    mask = os.umask(0o177)
    try:
        server.bind(path)
    finally:
        os.umask(mask)
    if os.geteuid() == 0:
        os.chown(path, owner, -1, follow_symlinks=False)
    server.listen(4)
    return server


def leave_login() -> bool:
    """Leave the control group of the login, which may be ended as a whole with it."""
    for path in ("/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/systemd/cgroup.procs"):
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(str(os.getpid()))
        except OSError:
            continue
        return True
    return False


def detach() -> None:
    """Become nobody's child, without a terminal, a directory or open files of the caller."""
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    for name in ("SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT", "SIGPIPE", "SIGTSTP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    leave_login()
    ctypes.CDLL(None).mlockall(_MCL_CURRENT_AND_FUTURE)  # no page is read from disk any more


def answer(client: socket.socket, owner: int, left: float) -> str | None:
    """Hear one caller out: `keep` or `revert`, else None."""
    client.settimeout(1.0)
    raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    if _CREDENTIALS.unpack(raw)[1] not in (0, owner):
        return None
    word = client.recv(16).decode("ascii", "replace").strip()
    if word == "state":
        client.sendall(f"{max(0.0, left):.1f}\n".encode())
    return word if word in ("keep", "revert") else None


def wait(server: socket.socket, owner: int, seconds: float) -> tuple[str, socket.socket | None]:
    """Wait for the word of the person, or the end of the time, which counts as `revert`."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([server], [], [], left)[0]:
            continue
        client = server.accept()[0]
        try:
            word = answer(client, owner, deadline - time.monotonic())
        except OSError:
            word = None
        if word is not None:
            return word, client
        client.close()
    return "revert", None


def note(text: str) -> None:
    """A line for the kernel's log, where a person looks who finds a port changed."""
    with contextlib.suppress(OSError):
        fd = os.open("/dev/kmsg", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, f"{text}\n".encode())
        finally:
            os.close(fd)


@dataclass(frozen=True, slots=True)
class Rollback:
    """A change that waits to be kept."""

    card: Card
    old: Mapping[int, str]
    seconds: float
    path: str
    """Of the socket."""
    log: ActionLog

    def watch(self, server: socket.socket) -> None:
        """Wait, take back unless kept, and say how it went."""
        word, client = wait(server, self.log.owner.uid, self.seconds)
        wrong = [] if word == "keep" else take_back(self.card, self.old)
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        reply = "kept" if word == "keep" else "; ".join(wrong) or "reverted"
        if client is not None:
            with contextlib.suppress(OSError):
                client.sendall(f"{reply}\n".encode())
        types = {str(port): kind for port, kind in self.old.items()}
        if word != "keep":
            note(f"mlxtop: {self.card.device}: link types not kept: {reply} {types}")
        action = "keep" if word == "keep" else "take back"
        asked = client is not None
        self.log.record(
            action=action, device=self.card.device, types=types, result=reply, asked=asked
        )


def arm(rollback: Rollback) -> None:
    """Start the program that waits. Raises Failed."""
    try:
        server = listen(rollback.path, rollback.log.owner.uid)
    except OSError as error:
        text = f"taking back cannot be prepared: {rollback.path}: {error.strerror}"
        raise Failed(text) from None
    ready, armed = os.pipe()
    if os.fork() == 0:
        try:
            os.close(ready)
            detach()
            os.write(armed, b"1")
            os.close(armed)
            rollback.watch(server)
        finally:
            os._exit(0)
    os.close(armed)
    server.close()
    try:
        if os.read(ready, 1) != b"1":
            raise Failed("the program that would take it back did not start")
    finally:
        os.close(ready)


def say(path: str, word: str, seconds: float = 15.0) -> str | None:
    """Tell the waiting program a word; its answer, None where nobody waits any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(seconds)
        try:
            client.connect(path)
            client.sendall(f"{word}\n".encode())
            return client.recv(4096).decode("utf-8", "replace").strip() or None
        except OSError:
            return None


def switch(
    card: Card, wanted: Mapping[int, str], seconds: float, run: str, log: ActionLog
) -> dict[str, object]:
    """Arm, write, compare; on failure everything is as before and nobody waits."""
    rollback = Rollback(card, before(card, wanted), seconds, socket_path(run, card.device), log)
    arm(rollback)
    errors = card.put(wanted)
    if errors:
        reply = say(rollback.path, "revert")
        return {"errors": errors, "back": reply == "reverted", "reply": reply}
    return {"errors": [], "socket": rollback.path, "before": rollback.old, "seconds": seconds}


def main(argv: list[str] | None = None) -> int:
    """Run as a program; prints one JSON object."""
    parser = argparse.ArgumentParser(prog="revert")
    parser.add_argument("device")
    parser.add_argument("types", nargs="+")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--owner", type=int, nargs=2, default=(0, 0))
    parser.add_argument("--home", default="/")
    parser.add_argument("--log", required=True)
    parser.add_argument("--base", default=PCI_DEVICES)
    parser.add_argument("--run", default=RUN)
    args = parser.parse_args(argv)
    wishes = [_WISH.fullmatch(wish) for wish in args.types]
    try:
        if not all(wishes):
            raise Failed("types are given as 1=eth")
        wanted = {int(wish[1]): wish[2] for wish in wishes if wish}
        log = ActionLog(args.log, Owner(args.owner[0], args.owner[1], args.home))
        result = switch(Card(args.device, args.base), wanted, args.seconds, args.run, log)
    except (Failed, OSError) as error:
        result = {"errors": [str(error)], "back": True}
    print(json.dumps(result), flush=True)
    return 1 if result["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
