"""What /proc tells of a process: whose it is, since when it runs, what memory it may lock.

https://man7.org/linux/man-pages/man5/proc_pid_status.5.html, proc_pid_limits.5, proc_pid_stat.5
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlxtop.model.number import COUNT, PID, real, whole
from mlxtop.model.rdma_objects import LockedMemory
from mlxtop.sources.kernel.cgroup import parse_service
from mlxtop.sources.kernel.sysfs import parse_hex, read_text
from mlxtop.system.door import System

MOST_THREADS = 1024
"""Threads that are asked for their process."""
_CLOCK = 100
"""Ticks a second in /proc: USER_HZ, the same on all machines of ours."""
_CAP_IPC_LOCK = 14
_STATUS = re.compile(r"^(Tgid|Uid|VmPin|CapEff):\s*(\S+)", re.MULTILINE)
_LIMIT = re.compile(r"^Max locked memory\s+(\S+)", re.MULTILINE)


def parse_status(text: str | None) -> dict[str, str]:
    """Return the lines of a `/proc/PID/status` that we want, by their names.

    >>> parse_status("Name:\\tx\\nTgid:\\t7\\nUid:\\t0\\t0\\t0\\t0\\nVmPin:\\t    12 kB\\n")
    {'Tgid': '7', 'Uid': '0', 'VmPin': '12'}
    """
    return dict(_STATUS.findall(text or ""))


def locked_memory(status: Mapping[str, str], limits: str | None) -> LockedMemory | None:
    """Return what a process has pinned and may pin; None where either file does not tell.

    >>> limits = "Max locked memory         8388608              8388608              bytes"
    >>> locked_memory({"VmPin": "1024", "CapEff": "0000000000004000"}, limits)
    LockedMemory(pinned=1048576, limit=8388608, exempt=True)
    """
    limit = _LIMIT.search(limits or "")
    pinned = whole(status.get("VmPin", ""), COUNT >> 10)
    if pinned is None or limit is None:
        return None
    most = None if limit[1] == "unlimited" else whole(limit[1], COUNT)
    if most is None and limit[1] != "unlimited":
        return None
    capabilities = parse_hex(status.get("CapEff")) or 0
    return LockedMemory(pinned << 10, most, bool(capabilities >> _CAP_IPC_LOCK & 1))


def parse_begin(stat: str | None) -> float | None:
    """Return the seconds after boot at which a process began, from `/proc/PID/stat`.

    >>> parse_begin("7 (a) b) S 1 7 7 0 -1 4194304 5 0 0 0 1 2 0 0 20 0 1 0 4200 9 9")
    42.0
    """
    fields = (stat or "").rpartition(")")[2].split()
    ticks = whole(fields[19], COUNT) if len(fields) > 19 else None
    return None if ticks is None else ticks / _CLOCK


def parse_users(text: str | None) -> dict[str, str]:
    """Return names by their numbers, from /etc/passwd.

    >>> parse_users("root:x:0:0::/root:/bin/sh\\nodd\\n")
    {'0': 'root'}
    """
    lines = (line.split(":") for line in (text or "").splitlines())
    return {fields[2]: fields[0] for fields in lines if len(fields) > 3}


class Processes:
    """What /proc tells of processes, each read once."""

    def __init__(self, system: System, begins: Mapping[tuple[int, float], float]) -> None:
        self._system = system
        self._before = begins
        self.begins: dict[tuple[int, float], float] = {}
        """Epoch seconds by PID and seconds after boot: told once, so that it does not waver."""
        self._statuses: dict[int, dict[str, str]] = {}
        self._users = parse_users(read_text(system, "/etc/passwd"))

    def _status(self, pid: int) -> dict[str, str]:
        known = self._statuses.get(pid)
        if known is None:
            text = read_text(self._system, f"/proc/{pid}/status")
            known = self._statuses[pid] = parse_status(text)
        return known

    def leader(self, pid: int) -> int:
        """Return the process that a thread belongs to; itself where that cannot be seen."""
        if pid not in self._statuses and len(self._statuses) >= MOST_THREADS:
            return pid
        return whole(self._status(pid).get("Tgid", ""), PID) or pid

    def facts(self, pid: int) -> dict[str, Any]:
        """Return what is told of a process, as fields of a holder."""
        base, status = f"/proc/{pid}", self._status(pid)
        uid = status.get("Uid")
        return {
            "comm": read_text(self._system, f"{base}/comm") or None,
            "user": self._users.get(uid, uid) if uid else None,
            "service": parse_service(read_text(self._system, f"{base}/cgroup")),
            "since": self._since(pid),
            "memory": locked_memory(status, read_text(self._system, f"{base}/limits")),
        }

    def _since(self, pid: int) -> float | None:
        begin = parse_begin(read_text(self._system, f"/proc/{pid}/stat"))
        if begin is None:
            return None
        since = self._before.get((pid, begin))
        if since is None:
            words = (read_text(self._system, "/proc/uptime") or "").split()
            uptime = real(words[0]) if words else None
            if uptime is None:
                return None
            since = float(round(self._system.wall() - uptime + begin))
        self.begins[pid, begin] = since
        return since
