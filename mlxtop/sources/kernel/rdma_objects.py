"""Who holds objects of RDMA devices: what rdma netlink lists, with the processes' names.

https://man7.org/linux/man-pages/man8/rdma-resource.8.html
"""

from __future__ import annotations

import errno
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mlxtop.model.identity import natural
from mlxtop.model.number import COUNT, PID
from mlxtop.model.rdma_objects import (
    QueuePairs,
    RdmaHolder,
    RdmaObjects,
    RdmaPeer,
)
from mlxtop.sources.kernel.process_facts import Processes
from mlxtop.sources.kernel.rdma import CLASS
from mlxtop.sources.kernel.sysfs import ask_or_none, names
from mlxtop.system.answers import Fields, reason
from mlxtop.system.door import Answer, Question, System

MOST_HOLDERS = 256
"""Holders that are told one by one, those with the most objects; and processes that are read."""
MOST_PEERS = 16
FIRST_PID_NAMESPACE = "pid:[4026531836]"
"""PROC_PID_INIT_INO of include/linux/proc_ns.h."""
_NUMBERS = {
    "cq": "cqs",
    "mr": "mrs",
    "pd": "pds",
    "ctx": "contexts",
    "srq": "srqs",
    "cm_id": "cm_ids",
}
"""Kind of objects to the field with their number."""
_RX, _TX = "rdma_rx_bytes", "rdma_tx_bytes"
"""Optional counters of newer mlx5_ib, drivers/infiniband/hw/mlx5/counters.c."""

_Owner = tuple[int | None, str | None]
"""PID and module."""


def _owner(group: Fields) -> _Owner:
    pid = group.count("pid")
    return pid if pid and pid <= PID else None, group.text("module")


def parse_objects(
    answer: Answer, device: str, leader: Callable[[int], int] = lambda pid: pid
) -> list[RdmaHolder]:
    """Return who holds objects of a device, by an RDMA_OBJECTS answer; processes without names.

    `leader` returns the process of a thread: objects are told by the thread that made them.
    """
    fields = Fields(answer)
    groups: defaultdict[_Owner, defaultdict[str, list[Fields]]]
    groups = defaultdict(lambda: defaultdict(list))
    for kind in ("qp", *_NUMBERS, "counters"):
        for group in fields.rows(kind):
            pid, module = _owner(group)
            groups[leader(pid) if pid else None, module][kind].append(group)
    return [_holder(device, pid, module, kinds) for (pid, module), kinds in groups.items()]


def _holder(
    device: str, pid: int | None, module: str | None, kinds: Mapping[str, list[Fields]]
) -> RdmaHolder:
    qps: Counter[tuple[str, str]] = Counter()
    ports = set[int]()
    for group in kinds.get("qp", ()):
        qps[group.text("type") or "?", group.text("state") or "?"] += group.count("count") or 0
        ports.add(group.count("port") or 0)
    peers: Counter[str] = Counter()
    for group in kinds.get("cm_id", ()):
        if peer := group.text("peer"):
            peers[peer] += group.count("count") or 0
    numbers: dict[str, Any] = {
        name: sum(group.count("count") or 0 for group in kinds.get(kind, ()))
        for kind, name in _NUMBERS.items()
    }
    known = peers.most_common(MOST_PEERS)
    return RdmaHolder(
        device,
        pid,
        module,
        ports=tuple(sorted(ports - {0})) if 0 not in ports else (),
        qps=tuple(QueuePairs(*key, count) for key, count in sorted(qps.items())),
        mr_bytes=min(COUNT, sum(group.count("bytes") or 0 for group in kinds.get("mr", ()))),
        listening=sum(
            group.count("count") or 0
            for group in kinds.get("cm_id", ())
            if group.text("state") == "LISTEN"
        ),
        peers=tuple(RdmaPeer(*pair) for pair in known),
        more_peers=len(peers) - len(known),
        rx_bytes=_counted(kinds, _RX),
        tx_bytes=_counted(kinds, _TX),
        **numbers,
    )


def _counted(kinds: Mapping[str, list[Fields]], name: str) -> int | None:
    """Return the sum of a counter over all that are bound; None where none has it."""
    values = [group.fields("values").count(name) for group in kinds.get("counters", ())]
    told = [value for value in values if value is not None]
    return sum(told) if told else None


class _State(NamedTuple):
    """What readings before told of a holder."""

    seen: float
    failed_since: float | None


class RdmaObjectReader:
    """Reads who holds what, and remembers since when."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._states: dict[tuple[str, int | None, str | None], _State] = {}
        self._begins: Mapping[tuple[int, float], float] = {}

    def read(self, now: float) -> RdmaObjects:
        """Return what is held now. Raises OSError where there is no RDMA device."""
        system = self._system
        devices = read_devices(system)
        if not devices:
            raise OSError(errno.ENOENT, "no RDMA device here")
        absent: dict[str, str] = {}
        held: dict[str, dict[str, int]] = {}
        holders: list[RdmaHolder] = []
        processes = Processes(system, self._begins)
        for device in devices:
            try:
                answer = system.ask(Question.RDMA_OBJECTS, device)
            except OSError as error:
                absent[device] = reason(error, system.captured)
                continue
            holders += parse_objects(answer, device, processes.leader)
            held[device] = _counts(Fields(answer).fields("held"))
            for kind, text in Fields(answer).fields("absent").items():
                absent[f"{device} {kind}"] = str(text)
        holders.sort(key=lambda one: -(one.qp_count + one.mrs + one.cqs + one.cm_ids))
        kept = sorted(
            self._named(holders[:MOST_HOLDERS], processes, now),
            key=lambda one: (devices.index(one.device), one.module or "", one.pid or 0),
        )
        self._begins = processes.begins
        return RdmaObjects(
            tuple(kept),
            held,
            absent,
            len(holders) - len(kept),
            read_first_namespace(system),
            Fields(ask_or_none(system, Question.RDMA_SYSTEM)).flag("shared"),
        )

    def _named(
        self, holders: Iterable[RdmaHolder], processes: Processes, now: float
    ) -> list[RdmaHolder]:
        """Return holders with what is told of their processes, and since when it is so."""
        before, self._states = self._states, {}
        facts: dict[int | None, dict[str, Any]] = {None: {}}
        named = []
        for one in holders:
            if one.pid is not None and one.pid not in facts:
                facts[one.pid] = processes.facts(one.pid)
            key = one.device, one.pid, one.module
            state = before.get(key, _State(now, None))
            since = now if state.failed_since is None else state.failed_since
            failed = since if one.failed else None
            self._states[key] = _State(state.seen, failed)
            named.append(one._replace(**facts[one.pid], seen=state.seen, failed_since=failed))
        return named


def _counts(fields: Fields) -> dict[str, int]:
    return {
        kind: number for kind, _ in fields.items() if (number := fields.count(kind)) is not None
    }


def read_devices(system: System) -> list[str]:
    """Return the RDMA devices of this network namespace."""
    told = [name for name, _ in Fields(ask_or_none(system, Question.RDMA_DEVICES)).items()]
    return sorted(told or names(system, CLASS), key=natural)


def read_first_namespace(system: System) -> bool | None:
    """Return whether we are in the machine's first PID namespace; None where it cannot be seen."""
    try:
        return system.link("/proc/self/ns/pid") == FIRST_PID_NAMESPACE
    except OSError:
        return None


def read_users(system: System, device: str) -> list[RdmaHolder]:
    """Return who uses a device just now, with their names. Raises OSError where it is not told."""
    answer = system.ask(Question.RDMA_OBJECTS, device)
    missing = Fields(answer).fields("absent").text("qp")
    processes = Processes(system, {})
    users = [one for one in parse_objects(answer, device, processes.leader) if one.uses_device]
    if missing and not users:
        raise OSError(errno.EIO, missing)
    return [one._replace(**processes.facts(one.pid)) if one.pid else one for one in users]
