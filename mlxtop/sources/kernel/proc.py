"""The machine and its processes: names and command lines, which every user may read.

https://man7.org/linux/man-pages/man5/proc_pid_cmdline.5.html
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import NamedTuple

from mlxtop.model.identity import Host
from mlxtop.model.number import COUNT, PID, parse_cores, whole
from mlxtop.sources.kernel.sysfs import names, read_text
from mlxtop.system.door import System

_ALLOWED = re.compile(r"^Cpus_allowed_list:(.*)$", re.MULTILINE)
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_CPU = re.compile(r"^processor\s*:", re.MULTILINE)


class Process(NamedTuple):
    """A process; kernel threads have no words."""

    pid: int
    name: str
    words: tuple[str, ...]
    """The command line; programs may have written a title over it."""


def parse_words(text: str | None) -> tuple[str, ...]:
    """Return the content of `/proc/PID/cmdline`.

    >>> parse_words("sshd\\0-p\\0" + "2222\\0")
    ('sshd', '-p', '2222')
    """
    return tuple(word for word in (text or "").split("\0") if word)


def parse_allowed_cores(text: str | None) -> tuple[int, ...] | None:
    """Return the cores that `/proc/PID/status` allows; None where it does not tell.

    >>> parse_allowed_cores("Name:\\tiperf3\\nCpus_allowed_list:\\t0-1,4\\n")
    (0, 1, 4)
    """
    line = _ALLOWED.search(text or "")
    return parse_cores(line[1]) or None if line else None


def read_allowed_cores(system: System, pid: int) -> tuple[int, ...] | None:
    """Return the cores that a process may run on."""
    return parse_allowed_cores(read_text(system, f"/proc/{pid}/status"))


def read_processes(system: System) -> list[Process]:
    """Return every process that can be seen; ends of processes in between are no error."""
    return [
        Process(pid, name, parse_words(read_text(system, f"/proc/{entry}/cmdline")))
        for entry in names(system, "/proc")
        if (pid := whole(entry, PID)) is not None
        and (name := read_text(system, f"/proc/{entry}/comm")) is not None
    ]


def option(words: tuple[str, ...], letter: str, name: str = "") -> str | None:
    """Return the value of a command's option: `-p 22`, `-p22`, `--port 22` or `--port=22`."""
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else None
        if word in (f"-{letter}", f"--{name}"):
            return following
        if name and word.startswith(f"--{name}="):
            return word.partition("=")[2]
        if word.startswith(f"-{letter}") and not word.startswith("--"):
            return word[2:]
    return None


def socket_inodes(system: System, pid: int) -> set[int]:
    """Return the sockets a process holds; empty where this user may not look."""
    base = f"/proc/{pid}/fd"
    inodes: set[int | None] = set()
    for name in names(system, base):
        with suppress(OSError):
            socket = _SOCKET.fullmatch(system.link(f"{base}/{name}"))
            inodes.add(whole(socket[1], COUNT) if socket else None)
    return {inode for inode in inodes if inode is not None}


def read_host(system: System) -> Host:
    """Return name, kernel and processors of the machine."""
    cpuinfo = read_text(system, "/proc/cpuinfo") or ""
    model = _MODEL.search(cpuinfo)
    cpus = len(_CPU.findall(cpuinfo))
    return Host(
        name=read_text(system, "/proc/sys/kernel/hostname") or system.label,
        kernel=read_text(system, "/proc/sys/kernel/osrelease"),
        cpus=cpus or None,
        cpu_model=model[1].strip() if model else None,
        root=system.root,
    )
