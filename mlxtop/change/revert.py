"""Change the port types of an mlx4 card, and take them back unless a person confirms them.

This runs as root and as a separate program (`python -I -S …/revert.py 0000:09:00.0 1=eth`): it
needs root's rights where the rest of mlxtop does not, and has to outlive the terminal. It must
work when nothing else does: it imports the standard library only, is loaded as a whole before it
writes a type, and touches no disk until all is done.

The part that waits leaves the session and the terminal (setsid(2), two forks) and the control
group of the login, which systemd-logind ends with KillUserProcesses=yes. It listens on a socket of
the person who asked for `keep`, `revert` or `state`, a line each. Everything else counts as
`revert`: an error, a signal, and its death, for which a second process waits.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

if __name__ == "__main__":
    # At the end: the standard library comes first whatever lies beside us.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from mlxtop.change import port_types
from mlxtop.change.log import ActionLog
from mlxtop.change.port_types import Card, Failed
from mlxtop.system.owner import Owner

RUN = "/run/mlxtop-nic"
PREFIX = "revert-"
_TYPE = re.compile(r"([1-8])=(ib|eth|auto)")
_CREDENTIALS = struct.Struct("3i")
_MCL_CURRENT_AND_FUTURE = 3
GRACE = 60.0
"""Seconds beyond the time to confirm that a process which waits may take to take back."""
IGNORED = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE),
    *(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
)
"""Signals of a lost terminal; every other signal counts as `revert`."""


def socket_path(run: str, device: str) -> str:
    """Return the socket of the program that waits for a card's answer."""
    return f"{run}/{PREFIX}{device}"


def listen(path: str, owner: int) -> socket.socket:
    """Return the socket that only `owner` can open; the caller holds the card's lock."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with suppress(FileNotFoundError):
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


def detach() -> None:
    """Become a daemon: no parent, terminal, directory or open files of the caller."""
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    for group in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd"):  # leave that of the login
        with suppress(OSError):
            port_types.write_once(f"{group}/cgroup.procs", str(os.getpid()))
            break
    with suppress(OSError):
        port_types.write_once("/proc/self/oom_score_adj", "-1000")


def answer(client: socket.socket, owner: int, left: float) -> str | None:
    """Return the `keep` or `revert` of a client, else None; answer its `state`."""
    client.settimeout(1.0)
    raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    if _CREDENTIALS.unpack(raw)[1] not in (0, owner):
        return None
    word = client.recv(16).decode("ascii", "replace").strip()
    if word == "state":
        client.sendall(f"{max(0.0, left):.1f}\n".encode())
    return word if word in ("keep", "revert") else None


def wait(server: socket.socket, owner: int, seconds: float) -> tuple[str, socket.socket | None]:
    """Return the person's answer and its socket; the end of the time counts as `revert`."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([server], [], [], left)[0]:
            continue
        client = server.accept()[0]
        with suppress(OSError):
            if word := answer(client, owner, deadline - time.monotonic()):
                return word, client
        client.close()
    return "revert", None


def note(text: str) -> None:
    """Write to the kernel's log, where a person looks who finds a port changed."""
    with suppress(OSError):
        port_types.write_once("/dev/kmsg", f"{text}\n")


@dataclass(frozen=True, slots=True)
class Rollback:
    """A change that is taken back unless it is confirmed."""

    card: Card
    old: Mapping[int, str]
    seconds: float
    path: str
    """Path of the socket."""
    log: ActionLog
    lock: int
    """Descriptor of the card's lock."""

    def watch(self, server: socket.socket, verdict: int) -> None:
        """Wait, take back unless kept, and report; `verdict` gets a byte when that is done.

        Every error while it waits counts as `revert`.
        """
        client, cause = None, ""
        try:
            word, client = wait(server, self.log.owner.uid, self.seconds)
        except Exception as error:
            word, cause = "revert", f"{type(error).__name__}: {error}"
        server.close()  # a descriptor is free now, should there have been none
        reply = "kept" if word == "keep" else self.take_back()
        with suppress(OSError):  # nobody is left who would take it back
            os.write(verdict, b"1")
        self._end(reply, client, cause)

    def succeed(self, waiter: int, verdict: int) -> None:
        """Take back when the process that waits dies, or stops, before it is done."""
        ended = os.pidfd_open(waiter)
        if not select.select([ended], [], [], self.seconds + GRACE)[0]:
            os.kill(waiter, signal.SIGKILL)
        status = os.waitpid(waiter, 0)[1]
        if not os.read(verdict, 1):
            code = os.waitstatus_to_exitcode(status)
            cause = f"the process that waited ended with status {code}"
            self._end(self.take_back(), None, cause)

    def take_back(self) -> str:
        """Write the old types; return `reverted`, or what still differs."""
        return "; ".join(port_types.take_back(self.card, self.old)) or "reverted"

    def _end(self, reply: str, client: socket.socket | None, cause: str) -> None:
        """Release the card for the next change, answer, and report to the logs."""
        with suppress(OSError):
            os.unlink(self.path)
        fcntl.flock(self.lock, fcntl.LOCK_UN)
        if client is not None:
            with suppress(OSError):
                client.sendall(f"{reply}\n".encode())
        kept = reply == "kept"
        types = {str(port): kind for port, kind in self.old.items()}
        if not kept:
            why = f" ({cause})" if cause else ""
            note(f"mlxtop: {self.card.device}: link types not kept: {reply} {types}{why}")
        entry = {"action": "keep" if kept else "take back", "device": self.card.device}
        more = {"cause": cause} if cause else {}
        self.log.record(**entry, types=types, result=reply, asked=client is not None, **more)


def arm(rollback: Rollback) -> None:
    """Start the program that waits. Raises Failed."""
    try:
        server = listen(rollback.path, rollback.log.owner.uid)
    except OSError as error:
        raise _unprepared(rollback.path, error) from None
    ready, armed = os.pipe()
    if os.fork() == 0:
        try:
            os.close(ready)
            detach()
            _wait_in_two(rollback, server, armed)
        finally:
            os._exit(0)
    os.close(armed)
    server.close()
    try:
        if os.read(ready, 1) != b"1":
            raise Failed("the program that would take it back did not start")
    finally:
        os.close(ready)


def _unprepared(path: str, error: OSError) -> Failed:
    return Failed(f"taking back cannot be prepared: {path}: {error.strerror}")


def _wait_in_two(rollback: Rollback, server: socket.socket, armed: int) -> None:
    """Wait for the answer in one process, and for its end in another that ignores signals."""
    done, verdict = os.pipe()
    before_all = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    waiter = os.fork()
    ctypes.CDLL(None).mlockall(_MCL_CURRENT_AND_FUTURE)  # no page is read from disk any more
    if waiter == 0:
        os.close(done)
        signal.pthread_sigmask(signal.SIG_SETMASK, before_all)
        os.write(armed, b"1")
        os.close(armed)
        rollback.watch(server, verdict)
        return
    for fd in (armed, verdict):
        os.close(fd)
    server.close()
    rollback.succeed(waiter, done)


def say(path: str, word: str, seconds: float = 15.0) -> str | None:
    """Send a word to the waiting program; return its reply, None where none waits any more."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(seconds)
            client.connect(path)
            client.sendall(f"{word}\n".encode())
            return client.recv(4096).decode("utf-8", "replace").strip() or None
    except OSError:
        return None


def switch(
    card: Card, wanted: Mapping[int, str], seconds: float, run: str, log: ActionLog
) -> dict[str, object]:
    """Arm, write, compare; on failure everything is as before and no program waits."""
    try:
        lock = port_types.claim(run, card.device)
    except OSError as error:
        raise _unprepared(run, error) from None
    try:
        old = port_types.before(card, wanted)
        rollback = Rollback(card, old, seconds, socket_path(run, card.device), log, lock)
        arm(rollback)
    finally:
        os.close(lock)  # those who wait have it
    errors = card.put(wanted)
    if not errors and say(rollback.path, "state") is not None:
        return {"errors": [], "socket": rollback.path, "before": old, "seconds": seconds}
    reply = say(rollback.path, "revert") if errors else None
    if reply is None:  # nobody waits any more, perhaps since before we wrote
        reply = rollback.take_back()
        errors = errors or ["the program that waits to take it back has ended"]
    return {"errors": errors, "back": reply == "reverted", "reply": reply}


def main(argv: list[str] | None = None) -> int:
    """Run as a program: print one JSON object and return the exit status."""
    parser = argparse.ArgumentParser(prog="revert")
    parser.add_argument("device")
    parser.add_argument("types", nargs="+")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--owner", type=int, nargs=2, default=(0, 0))
    parser.add_argument("--home", default="/")
    parser.add_argument("--log", required=True)
    parser.add_argument("--base", default=port_types.PCI_DEVICES)
    parser.add_argument("--run", default=RUN)
    args = parser.parse_args(argv)
    types = [_TYPE.fullmatch(word) for word in args.types]
    try:
        if not all(types):
            raise Failed("types are given as 1=eth")
        wanted = {int(match[1]): match[2] for match in types if match}
        log = ActionLog(args.log, Owner(args.owner[0], args.owner[1], args.home))
        result = switch(Card(args.device, args.base), wanted, args.seconds, args.run, log)
    except (Failed, OSError) as error:
        result = {"errors": [str(error)], "back": True}
    print(json.dumps(result), flush=True)
    return 1 if result["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
