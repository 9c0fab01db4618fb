"""A real sshd on loopback with keys of its own, and a home from which ssh reaches it.

Each of its `hosts` is a name in that home's ~/.ssh/config; what is in the far side's PATH is
chosen by the sshd. Nothing of the person who runs the tests is read or written.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).parent.parent
SSHD = "/usr/sbin/sshd"
MISSING = os.geteuid() != 0 or not (os.path.exists(SSHD) and shutil.which("ssh"))


@dataclass
class Far:
    """An sshd, and the home of who uses it."""

    folder: Path
    port: int
    address: str = "127.0.0.1"
    netns: str = ""
    """Where the sshd runs, if not here."""
    near: str = ""
    """Where mlxtop runs, if not here."""
    user: str = "root"
    """Who logs in."""
    started_by: tuple[str, ...] = ()
    """The command that starts the sshd, where it is not started as it is."""
    started: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the near side."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SSH_")}
        return {**kept, "HOME": str(self.home), "PYTHONPATH": str(ROOT)}

    def key(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
            subprocess.run(keygen, check=True)
        return path

    def path(self, name: str, programs: dict[str, str | None]) -> str:
        """Make a folder of programs: a script's text each, or None for the machine's own."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        for program, text in programs.items():
            place = folder / program
            place.unlink(missing_ok=True)
            if text is None:
                place.symlink_to(shutil.which(program) or f"/bin/{program}")
            else:
                place.write_text(f"#!/bin/sh\n{text}\n")
                place.chmod(0o755)
        return str(folder)

    def with_mlxtop(self) -> str:
        """A PATH in which this tree's mlxtop is installed."""
        text = f'PYTHONPATH={ROOT} exec {sys.executable} -m mlxtop "$@"'
        return f"{self.path('installed', {'mlxtop': text})}:/usr/bin:/bin"

    @property
    def far_home(self) -> Path:
        """Home and folder for temporary files at the far side."""
        return self.folder / "far-home"

    @property
    def config(self) -> Path:
        return self.folder / "sshd_config"

    def start(self, path: str, *options: str) -> None:
        """Start the sshd with this PATH for those who log in."""
        self.prepare(path, *options)
        inside = ["ip", "netns", "exec", self.netns] if self.netns else []
        heard = self.folder / "sshd.log"
        argv = [*inside, *self.started_by, SSHD, "-D", "-e", "-f", str(self.config)]
        with heard.open("ab") as log:
            self.processes.append(subprocess.Popen(argv, stderr=log))
        self.started += 1
        count = self.started
        assert soon(lambda: heard.read_text().count("Server listening") >= count), heard.read_text()

    def prepare(self, path: str, *options: str) -> None:
        """Write the keys and the configuration of both sides."""
        key, user = self.key("host"), self.key("user")
        for folder in (Path("/run/sshd"), self.home / ".ssh", self.far_home):
            folder.mkdir(parents=True, exist_ok=True)
        keys = self.folder / "authorized"
        keys.write_text(user.with_suffix(".pub").read_text())
        set_ = f"PATH={path}; HOME={self.far_home}; TMPDIR=$HOME; export PATH HOME TMPDIR;"
        lines = (
            f"ListenAddress {self.address}:{self.port}",
            f"HostKey {key}",
            f"AuthorizedKeysFile {keys}",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin yes",
            "PidFile none",
            f'ForceCommand {set_} exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"',
            *options,
        )
        self.config.write_text("\n".join(lines) + "\n")
        self.trust(key)

    def trust(self, key: Path, *names: str) -> None:
        """Write the home's ssh configuration, in which the host's key is known."""
        public = key.with_suffix(".pub").read_text().split()
        known = self.folder / "known"
        known.write_text(f"[{self.address}]:{self.port} {public[0]} {public[1]}\n")
        self.configure(self.key("user"))

    def configure(self, identity: Path) -> None:
        """Write ~/.ssh/config: any name is this sshd."""
        (self.home / ".ssh").mkdir(parents=True, exist_ok=True)
        lines = (
            "Host *",
            f"  HostName {self.address}",
            f"  Port {self.port}",
            f"  User {self.user}",
            f"  IdentityFile {identity}",
            "  IdentitiesOnly yes",
            f"  UserKnownHostsFile {self.folder / 'known'}",
            "  StrictHostKeyChecking yes",
        )
        (self.home / ".ssh" / "config").write_text("\n".join(lines) + "\n")

    def stop(self) -> None:
        """End the sshd and the sessions that it has."""
        for process in self.processes:
            for child in children_of(process.pid):
                kill(child)
            process.terminate()
            process.wait()
        self.processes.clear()

    def argv(self, *words: str) -> list[str]:
        """The command line of the near side."""
        inside = ["ip", "netns", "exec", self.near] if self.near else []
        return [*inside, sys.executable, "-m", "mlxtop", *words]

    def run(self, *words: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run mlxtop on the near side."""
        argv = self.argv(*words)
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=seconds, env=self.environ, check=False
        )

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start mlxtop on the near side, with pipes."""
        argv = self.argv(*words)
        return subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environ
        )


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    """All that a process has started, and what these have."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [*children_of(child), child]
    return found


def agents(home: Path | None = None) -> list[int]:
    """Processes of far sides, installed or sent; `home`: those alone that have this home."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            environ = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if home is not None and f"HOME={home}".encode() not in environ:
            continue
        sent = any(b"closefd=False);exec(f.read(" in word for word in words)
        if (b"agent" in words and {b"mlxtop", b"tests.bench.hosts_agent"} & set(words)) or (
            sent and b"-c" in words
        ):
            found.append(int(name))
    return found


def soon(holds: object, seconds: float = 10.0) -> bool:
    """Whether something comes true within some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


@contextmanager
def far_side(folder: Path, path: str | None = None, *options: str) -> Iterator[Far]:
    """A running sshd."""
    far = Far(folder, free_port())
    try:
        far.start(far.with_mlxtop() if path is None else path, *options)
        yield far
    finally:
        far.stop()


def words_of(lines: Sequence[str]) -> str:
    return " ".join(lines)
