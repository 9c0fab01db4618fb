"""Who holds RDMA objects on a simulated machine: rdma netlink's messages, and files in /proc.

drivers/infiniband/core/nldev.c has the order of the attributes.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mlxtop.lab.spec import MachineSpec
from mlxtop.lab.tree import LabTree
from mlxtop.lab.world import World
from mlxtop.system.door import Answer, os_error
from mlxtop.system.netlink import attribute, u32
from mlxtop.system.rdma_objects import KINDS, QP_STATES, QP_TYPES, Tally

_TYPES = {name: number for number, name in QP_TYPES.items()}
_STATES = {name: number for number, name in QP_STATES.items()}
_CONNECT, _TCP_SPACE = 5, 0x0106
APPLICATION = 4711
"""PID of what moves data by RDMA where the machine's file names nobody."""
_IN_MESSAGE = 200
"""Entries of one message: what fits into 32 KB."""
FIRST_NAMESPACE = "pid:[4026531836]"


def _u64(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=Q", value))


def _u8(kind: int, value: int) -> bytes:
    return attribute(kind, bytes((value,)))


def owner(holder: Mapping[str, Any]) -> bytes:
    """The attribute that names a process or a module; none for a process that is gone."""
    if "module" in holder:
        return attribute(29, f"{holder['module']}\0".encode())
    return u32(28, holder["pid"]) if holder.get("pid") else b""


def qp_entry(who: bytes, number: int, kind: str, state: str, port: int = 1) -> bytes:
    """A QP: connected ones name the other one."""
    joined = kind in ("RC", "UC")
    peer = (u32(22, number ^ 0x55), u32(23, 7)) if joined else ()
    path = (_u8(25, 0),) if joined else ()
    head = u32(3, port), u32(21, number), u32(60, 3), who
    rest = *peer, u32(24, number), *path, _u8(26, _TYPES[kind]), _u8(27, _STATES[state])
    return attribute(KINDS["qp"].entry, b"".join((*head, *rest)))


def mr_entry(who: bytes, number: int, size: int) -> bytes:
    """A memory region, as root sees it."""
    keys = u32(42, number << 8), u32(43, number << 8)
    parts = *keys, _u64(45, size), u32(62, number), u32(60, 3), who
    return attribute(KINDS["mr"].entry, b"".join(parts))


def _cm_entry(who: bytes, number: int, peer: str) -> bytes:
    ends = (
        attribute(kind, struct.pack("=H2s4s120x", socket.AF_INET, b"\x11\x44", packed))
        for kind, packed in ((33, socket.inet_aton("10.0.0.9")), (34, socket.inet_aton(peer)))
    )
    head = u32(21, number), _u8(26, 2), u32(32, _TCP_SPACE), _u8(27, _CONNECT)
    return attribute(KINDS["cm_id"].entry, b"".join((*head, *ends, u32(63, number), who)))


def _plain(kind: str, who: bytes, number: int) -> bytes:
    return attribute(KINDS[kind].entry, u32(61, number) + who)


def messages(kind: str, device: str, entries: Iterable[bytes]) -> Iterator[bytes]:
    """The contents of the messages of a list."""
    several = list(entries)
    head = u32(1, 0) + attribute(2, f"{device}\0".encode())
    for start in range(0, len(several), _IN_MESSAGE):
        part = b"".join(several[start : start + _IN_MESSAGE])
        yield head + attribute(KINDS[kind].table, part)


def _entries(holder: Mapping[str, Any]) -> dict[str, list[bytes]]:
    """The objects of a holder by their kind."""
    who, first = owner(holder), (holder.get("pid") or 1) % 1000 * 100
    pairs = [(kind, state) for kind, state, count in holder.get("qps", ()) for _ in range(count)]
    regions, size = holder.get("mrs", (0, 0))
    peers: Sequence[str] = holder.get("peers", ())
    port = holder.get("port", 1)
    return {
        "qp": [qp_entry(who, first + n, *pair, port) for n, pair in enumerate(pairs)],
        "mr": [mr_entry(who, first + n, size) for n in range(regions)],
        "cm_id": [_cm_entry(who, first + n, peer) for n, peer in enumerate(peers)],
        **{
            kind: [_plain(kind, who, first + n) for n in range(holder.get(field, 0))]
            for kind, field in (("cq", "cqs"), ("pd", "pds"), ("ctx", "contexts"), ("srq", "srqs"))
        },
    }


def holders(spec: MachineSpec) -> list[dict[str, Any]]:
    """Return who holds something, one a device; `copies` of a holder count up PID and device."""
    copies = []
    for table in spec.extra.get("holder", ()):
        for number in range(table.get("copies", 1)):
            one = dict(table) | {"device": table["device"].replace("{n}", str(number))}
            if "pid" in table:
                one["pid"] = table["pid"] + number
            copies.append(one)
    return copies


class RdmaObjects:
    """The lists of rdma netlink; called with the world's lock held."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._holders = holders(world.spec)

    def answer(self, device: str) -> Answer:
        """The answer to `Question.RDMA_OBJECTS`, made by the real parser."""
        ports = [p for p in self._world.ports if p.present and p.spec.rdma == device]
        if not ports:
            raise os_error(errno.ENODEV)
        here = [{"module": "ib_core", "qps": [["GSI", "RTS", 1]], "cqs": 1, "pds": 1, "port": 1}]
        here += [one for one in self._holders if one["device"] == device]
        for port in ports:
            busy = any(not flow.kernel and any(flow.offered) for flow in port.flows)
            if busy and len(here) == 1:
                number = port.spec.number
                here.append({"pid": APPLICATION, "qps": [["RC", "RTS", 1]], "port": number})
        lists = [_entries(one) for one in here]
        answer: dict[str, Answer] = {"held": {}, "absent": {}, "counters": []}
        for kind, how in KINDS.items():
            entries = [entry for one in lists for entry in one[kind]]
            tally = Tally(how)
            for message in messages(kind, device, entries):
                tally.take(memoryview(message))
            answer[kind], answer["held"][kind] = tally.groups(), len(entries)
        return answer


def add_holders(tree: LabTree, spec: MachineSpec) -> None:
    """The files in /proc of those who hold something, and names of users."""
    tree.link("/proc/self/ns/pid", FIRST_NAMESPACE)
    processes = {one["pid"]: one for one in holders(spec) if one.get("comm")}
    if any(phase.rdma_rx or phase.rdma_tx for phase in spec.profile):
        tree.file(f"/proc/{APPLICATION}/comm", "rdma_app")
    for pid, one in processes.items():
        uid, begin = one.get("uid", 0), max(1, round((spec.uptime - one.get("age", 7500)) * 100))
        pinned = one.get("mrs", (0, 0))[0] * one.get("mrs", (0, 0))[1] >> 10
        limit = str(one.get("memlock", "unlimited"))
        comm = one["comm"]
        tree.file(f"/proc/{pid}/comm", comm)
        tree.raw(f"/proc/{pid}/cmdline", f"{comm}\0".encode())
        tree.file(f"/proc/{pid}/cgroup", one.get("cgroup", "0::/user.slice"))
        status = f"Name:\t{comm}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nVmPin:\t{pinned:8} kB"
        tree.file(f"/proc/{pid}/status", f"{status}\nCapEff:\t{one.get('capabilities', 0):016x}")
        locked = f"Max locked memory         {limit:<20} {limit:<20} bytes"
        tree.file(f"/proc/{pid}/limits", locked)
        zeros = " ".join("0" * 18)
        tree.file(f"/proc/{pid}/stat", f"{pid} ({comm}) S {zeros} {begin} 0")
    users = spec.extra.get("users", {"root": 0})
    rows = [f"{name}:x:{uid}:{uid}::/home/{name}:/bin/bash" for name, uid in users.items()]
    tree.raw("/etc/passwd", ("\n".join(rows) + "\n").encode())
