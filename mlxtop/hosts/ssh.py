"""The near side's ssh: the command, and its pipes as one stream that never waits for ever.

ssh_config(5): BatchMode asks for no password; ServerAlive ends a session whose network is cut.
"""

from __future__ import annotations

import os
import secrets
import select
import shlex
from collections.abc import Mapping
from contextlib import suppress

from mlxtop.hosts.agent import PROTOCOL
from mlxtop.hosts.parcel import PYTHON, parcel, program
from mlxtop.system.owner import Owner, invoking_owner
from mlxtop.system.process import piped

OPTIONS = (
    *("BatchMode=yes", "ServerAliveInterval=5", "ServerAliveCountMax=3", "ConnectTimeout=5"),
    *("ClearAllForwardings=yes", "RemoteCommand=none", "PermitLocalCommand=no", "LogLevel=ERROR"),
)
ERRORS = 4096
"""Bytes of ssh's standard error that are kept, the newest."""
HELLO = 1 << 16
"""Bytes that may come before the token: what a login prints."""
NO_PYTHON = "nopython"
SEND = "send"
"""Words after the token in place of what runs there."""
CHUNK = 1 << 16


class NotReached(Exception):
    """Why a machine is not reached, in one line."""


def own_config(owner: Owner, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return options for the file in HOME: ssh itself looks into the user database's only."""
    path = os.path.join(owner.home, ".ssh", "config")
    moved = owner.home == environ.get("HOME") and owner.home != os.path.expanduser(f"~{_user()}")
    return ["-F", path] if moved and os.path.isfile(path) else []


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""


def far_script(token: str, python: str, *, sudo: bool = False) -> str:
    """Return what the far side's shell is to do: run mlxtop, else take it from its input.

    It is one word of `sh -c`, without quotes of its own, so that every login shell hands it on.
    """
    root = "sudo -n " if sudo else ""
    oldest = f"({PYTHON[0]}, {PYTHON[1]})"
    return (
        "LC_ALL=C; export LC_ALL; "
        "if command -v mlxtop >/dev/null; then "
        f"{root}mlxtop agent {token} {PROTOCOL} 2>/dev/null && exit 0; fi; "
        "w=; for p in python3 python3.14 python3.13 python3.12 python3.11; do "
        "command -v $p >/dev/null || continue; "
        f'if $p -I -c "import sys; sys.exit(sys.version_info < {oldest})" 2>/dev/null; then '
        f'echo; echo {token} {SEND}; exec {root}$p -I -c "{python}"; fi; '
        'w="$w, $p is $($p -V 2>/dev/null)"; done; '
        f"echo; echo {token} {NO_PYTHON} $w"
    )


class Session:
    """One ssh to a machine."""

    def __init__(self, host: str, *, sudo: bool = False) -> None:
        """Start it. Raises OSError."""
        self.token = secrets.token_hex(8)
        python, self._loader = program([self.token, str(PROTOCOL)])
        script = far_script(self.token, python.replace('"', '\\"'), sudo=sudo)
        owner = invoking_owner()
        options = [word for option in OPTIONS for word in ("-o", option)]
        command = f"exec sh -c {shlex.quote(script)}"
        argv = ["ssh", *own_config(owner), "-T", *options, "--", host, command]
        self._process = piped(argv, owner)
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        self._in, self._out, self._err = process.stdin, process.stdout, process.stderr
        for file in (self._in, self._out, self._err):
            os.set_blocking(file.fileno(), False)
        self._waiting = bytearray()
        self._errors = b""
        self._err_open = True

    def send(self, data: bytes) -> None:
        """Have bytes written, at once as far as there is room."""
        self._waiting += data
        self._write(self._in.fileno())

    def send_parcel(self) -> None:
        """Send the reading half of the program."""
        self.send(parcel(self._loader))

    def read(self, seconds: float) -> bytes | None:
        """Return what has come, after waiting so long at most; None for nothing, b"" at the end."""
        out, err, sink = (file.fileno() for file in (self._out, self._err, self._in))
        wanted = [out, err] if self._err_open else [out]
        ready, room, _ = select.select(wanted, [sink] if self._waiting else [], [], seconds)
        if room:
            self._write(sink)
        if err in ready:
            data = _read(err)
            self._err_open = data != b""
            self._errors = (self._errors + (data or b""))[-ERRORS:]
        return _read(out) if out in ready else None

    def _write(self, sink: int) -> None:
        try:
            del self._waiting[: os.write(sink, self._waiting[:CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            self._waiting.clear()  # its end will be read

    def why(self) -> str:
        """Return ssh's last words, or that there were none."""
        while self._err_open and self.read(0.5) is not None:
            pass
        lines = [line.strip() for line in self._errors.decode("utf-8", "replace").splitlines()]
        told = [line for line in lines if line and not line.startswith(("@", "Warning:"))]
        return told[-1].removeprefix("ssh: ")[:200] if told else "the connection ended"

    def end(self) -> None:
        """End it, from any thread; what reads it then gets the end."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def close(self) -> None:
        """End it and give everything back. The far side ends when its input does."""
        self.end()
        for file in (self._in, self._out, self._err):
            with suppress(OSError):
                file.close()
        with suppress(Exception):
            self._process.wait(1.0)
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()


def _read(fd: int) -> bytes | None:
    try:
        return os.read(fd, CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""
