"""`mlxtop rdma`: who uses RDMA: processes and kernel modules, and what they hold of each device.

Everything is asked of the kernel by netlink and needs no root.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlxtop.model.rdma_objects import RdmaHolder, RdmaObjects
from mlxtop.model.sample import Slow
from mlxtop.outputs import console
from mlxtop.present.rdma_objects import COLUMNS, EXCLUSIVE, Limits, lines
from mlxtop.present.view import HolderOrder
from mlxtop.sources.kernel.rdma_objects import RdmaObjectReader
from mlxtop.sources.tools.ibv_devinfo import read_limits
from mlxtop.system.answers import reason
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.recording.recording import Recording
    from mlxtop.settings import Settings

RECORDED_S = 60.0
"""Seconds of a recording before the time that is told: who uses RDMA is read now and then."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add devices and the order."""
    add = parser.add_argument
    add("device", nargs="*", metavar="DEVICE", help="RDMA devices, such as mlx5_0; all without")
    names = tuple(column.id for column in COLUMNS)
    add("--sort", choices=names, default=HolderOrder().by, metavar="COLUMN", help=", ".join(names))
    add("--reverse", action="store_true", help="the least first")


def run(args: argparse.Namespace, system: System, settings: object) -> int:
    """Print who holds what; 0, and 1 where nothing can be told."""
    with console.waiting("asking the kernel who uses RDMA"):
        try:
            objects = RdmaObjectReader(system).read(system.now())
        except OSError as error:
            return _nothing(reason(error, system.captured), args.json)
        objects = _chosen(objects, args.device)
        limits = {device: _limits(system, device) for device in objects.held}
    return _print(args, objects, limits, system.wall())


def _limits(system: System, device: str) -> Slow[Mapping[str, int]]:
    try:
        return Slow(read_limits(system, device))
    except OSError as error:
        return Slow(absent=reason(error, system.captured))


def run_recorded(
    args: argparse.Namespace, recording: Recording, wall: float | None, settings: Settings
) -> int:
    """Print who held what at a time of a recording, else at its end."""
    from mlxtop.recording.then import frames_between

    until = recording.end if wall is None else wall
    sample = None
    for frame in frames_between(recording, until - RECORDED_S, until):
        sample = frame.sample
    if sample is None or sample.rdma_objects.value is None:
        why = sample.rdma_objects.absent if sample else None
        return _nothing(why or "it was not read then", args.json)
    objects = _chosen(sample.rdma_objects.value, args.device)
    return _print(args, objects, sample.rdma_limits, sample.wall)


def _chosen(objects: RdmaObjects, devices: list[str]) -> RdmaObjects:
    """Return only what is of some devices. Raises ValueError for one that is not there."""
    there = {*objects.held, *(key for key in objects.absent if " " not in key)}
    for device in devices:
        if device not in there:
            from mlxtop.commands.mending import did_you_mean

            raise ValueError(
                f"no RDMA device is called {device!r}{did_you_mean(device, sorted(there))}"
            )
    if not devices:
        return objects
    return objects._replace(
        holders=tuple(one for one in objects.holders if one.device in devices),
        held={device: held for device, held in objects.held.items() if device in devices},
        absent={k: text for k, text in objects.absent.items() if k.split(" ")[0] in devices},
    )


def _nothing(why: str, as_json: bool) -> int:
    if as_json:
        console.say_json({"processes": [], "devices": [], "absent": {"devices": why}})
    else:
        console.warn(f"mlxtop: {why}")
    return 1


def _print(args: argparse.Namespace, objects: RdmaObjects, limits: Limits, wall: float) -> int:
    if args.json:
        console.say_json(document(objects, limits))
    else:
        columns = console.columns(120)
        console.show(*lines(objects, limits, wall, columns, HolderOrder(args.sort, args.reverse)))
    return 0 if objects.held else 1


def document(objects: RdmaObjects, limits: Limits) -> dict[str, Any]:
    """Return everything for JSON."""
    absent = dict(objects.absent)
    absent |= {f"{name} limits": fact.absent for name, fact in limits.items() if fact.absent}
    if objects.first_pid_namespace is False:
        absent["processes"] = "names of processes of other PID namespaces cannot be seen from here"
    if objects.shared is False:
        absent["devices"] = EXCLUSIVE
    if objects.left_out:
        absent["more"] = f"{objects.left_out} holders of few objects are left out"
    devices = [
        {
            "device": device,
            "objects": dict(held),
            "limits": dict((limits.get(device) or Slow()).value or {}),
        }
        for device, held in objects.held.items()
    ]
    return {
        "processes": [_process(one) for one in objects.holders],
        "devices": devices,
        "absent": absent,
    }


def _process(one: RdmaHolder) -> dict[str, Any]:
    """Return a holder for JSON; `pid` and `module` are both null where nobody can be named."""
    types: dict[str, int] = {}
    states: dict[str, int] = {}
    for pairs in one.qps:
        types[pairs.type] = types.get(pairs.type, 0) + pairs.number
        states[pairs.state] = states.get(pairs.state, 0) + pairs.number
    return {
        "pid": one.pid,
        "comm": one.comm,
        "module": one.module,
        "user": one.user,
        "service": one.service,
        "device": one.device,
        "ports": list(one.ports),
        "qp": types,
        "qp_states": states,
        "connected": one.connected,
        "mr": {"count": one.mrs, "bytes": one.mr_bytes},
        "cq": one.cqs,
        "pd": one.pds,
        "ctx": one.contexts,
        "srq": one.srqs,
        "cm_id": one.cm_ids,
        "peers": [peer._asdict() for peer in one.peers],
        "more_peers": one.more_peers,
        "rx_bytes": one.rx_bytes,
        "tx_bytes": one.tx_bytes,
        "memory": one.memory._asdict() if one.memory else None,
        "since": one.since,
    }
