"""Who uses RDMA: queue pairs in error, objects that nobody living holds, locked memory."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.doctor.check import Case, Finding, Outcomes, PortCase, Setting, check, ports
from mlxtop.model.rdma_objects import KERNEL_USERS, RdmaHolder, RdmaObjects

_MODIFY = "https://man7.org/linux/man-pages/man3/ibv_modify_qp.3.html"
_RESOURCE = "https://man7.org/linux/man-pages/man8/rdma-resource.8.html"
_REGISTER = "https://man7.org/linux/man-pages/man3/ibv_reg_mr.3.html"
_LASTING_S = 60.0
"""Seconds after which QPs in error are not those of a program that is just closing."""
_NEAR = 0.9
"""Share of what may be locked from which the next region may not fit."""

RDMA = ports("no RDMA device", lambda port: port.now.port.rdma is not None)


def objects_of(case: Case) -> RdmaObjects | None:
    """Return what is held; None where it was not read."""
    return case.frame.sample.rdma_objects.value


def holders_of(port: PortCase) -> Iterator[RdmaHolder]:
    """Yield who holds objects of the port's device; of a shared device on its first port only."""
    objects, own = objects_of(port.case), port.now.port
    for one in objects.of(own.rdma) if objects else ():
        place = one.ports[0] if one.ports else 1
        if place == (own.rdma_port or 1) and not one.is_own:
            yield one


def who(holder: RdmaHolder) -> str:
    """Return a holder with its PID and service, `python3 (PID 7, Slurm job 3)`."""
    if holder.pid is None:
        return holder.name
    more = f", {holder.service}" if holder.service else ""
    return f"{holder.name} (PID {holder.pid}{more})"


@check(
    "who uses RDMA",
    needs=RDMA.whole,
    explains="The kernel lists queue pairs (QPs), memory regions and other objects of RDMA devices"
    " with the processes and kernel modules that hold them.",
    normal="the programs that you started; storage over RDMA shows as a kernel module",
)
def _users(case: Case) -> Outcomes:
    fact = case.frame.sample.rdma_objects
    objects = fact.value
    if objects is None:
        yield case.unknown("who uses RDMA", fact.absent or "no answer yet")
        return
    if objects.first_pid_namespace is False:
        yield case.unknown(
            "who uses RDMA",
            "read in a PID namespace (a container): processes outside of it are hidden",
        )
    if objects.shared is False:
        text = "rdma system netns exclusive: RDMA devices of other network namespaces are not seen"
        yield Setting("host", text)
    for key, text in objects.absent.items():
        yield case.unknown(f"RDMA objects of {key}", text)
    for port in case.each():
        for one in holders_of(port):
            if one.module in KERNEL_USERS and one.work:
                text = f"{one.device} is used by the kernel: {one.name} ({one.module})"
                yield port.setting(f"{text}, {one.qp_count} QPs")


@check(
    "QPs in error",
    needs=RDMA,
    explains="A queue pair (QP) is one end of an RDMA connection. After a failure it is in state"
    " ERR or SQE and carries nothing; only the program can make a new one.",
    normal="none; for a moment while a program closes",
)
def _failed(port: PortCase) -> Outcomes:
    tick = port.case.frame.sample.tick
    for one in holders_of(port):
        if not one.failed:
            continue
        seconds = tick - (tick if one.failed_since is None else one.failed_since)
        lasting = seconds >= _LASTING_S
        how_long = f", for {seconds / 60:.0f} min at least" if lasting else ""
        make = port.warning if lasting else port.note
        yield make(
            f"{who(one)} has {one.failed} of {one.qp_count} QPs of {one.device} in error"
            f" (rdma resource show qp dev {one.device}){how_long}",
            "these connections carry nothing any more: the far end went away or did not answer in"
            " time, or an access was refused",
            "look into the log of the program at this time, and at the transport counters of page"
            " 5 for timeouts and refused accesses; a program that is closing has such QPs for a"
            " moment",
            _MODIFY,
        )


@check(
    "RDMA objects without a process",
    needs=RDMA,
    explains="Objects belong to whoever has the device's file open. They outlive the process that"
    " made them where a child has got that file.",
    normal="none where no process uses the device",
)
def _left_over(port: PortCase) -> Outcomes:
    objects = objects_of(port.case)
    if objects is None or not objects.first_pid_namespace:
        return
    held = objects.of(port.now.port.rdma)
    # A thread that made them may have ended while its process goes on: then that has others.
    if any(one.pid is not None for one in held):
        return
    for one in holders_of(port):
        if one.is_unnamed:
            yield _without_process(port, one)


def _without_process(port: PortCase, one: RdmaHolder) -> Finding:
    return port.note(
        f"{one.qp_count} QPs, {one.mrs} MRs and {one.contexts} contexts of {one.device} were made"
        f" by a process that has ended (rdma resource show qp dev {one.device})",
        "somebody still has the device open: memory stays locked, and the device cannot be reset",
        "fuser -v /dev/infiniband/uverbs* (as root) names who has it open",
        _RESOURCE,
    )


@check(
    "locked memory",
    needs=RDMA,
    explains="Registered memory stays in RAM. How much of it a process may lock is RLIMIT_MEMLOCK"
    " (ulimit -l); those with CAP_IPC_LOCK, such as root, may lock everything.",
    normal="unlimited for programs that use RDMA",
)
def _memory(port: PortCase) -> Outcomes:
    for one in holders_of(port):
        memory = one.memory
        if memory is None or memory.limit is None or not one.mrs:
            continue
        locked = f"{memory.pinned / 1e6:.0f} MB locked of {memory.limit / 1e6:.0f} MB"
        source = f"/proc/{one.pid}/status VmPin, limits"
        if not memory.exempt and memory.pinned >= _NEAR * memory.limit:
            yield port.note(
                f"{who(one)} has {locked} that it may lock ({source})",
                "the next registration of memory may fail with ENOMEM",
                "ulimit -l unlimited before the program starts; LimitMEMLOCK=infinity in its unit,"
                " --ulimit memlock=-1 for a container",
                _REGISTER,
            )
        elif memory.pinned > memory.limit:
            text = f"{who(one)} has {locked}: it may, by CAP_IPC_LOCK; without, it would fail"
            yield port.setting(text)
