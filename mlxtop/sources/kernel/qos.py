"""Priorities of a port, and its RoCE settings: data center bridging, GID table, ECN.

include/uapi/linux/dcbnl.h; Documentation/ABI/stable/sysfs-class-infiniband (gid_attrs);
Documentation/ABI/testing/configfs-rdma_cm; `ecn`, `qos` and `tc` are of NVIDIA's own driver
(https://docs.nvidia.com/networking/display/ofedv512580/ecn).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlxtop.model.identity import Port, PortKind
from mlxtop.model.qos import DSCP, PCP, PRIORITIES, Dcb, Gid, Roce
from mlxtop.sources.kernel.rdma import CLASS, port_path
from mlxtop.sources.kernel.sysfs import names, parse_count, read_count, read_text
from mlxtop.system.answers import Fields
from mlxtop.system.door import Answer, System

_APP_DSCP = 5
"""IEEE_8021QAZ_APP_SEL_DSCP."""
_ALGORITHMS = {0: "strict", 1: "cbs", 2: "ets", 255: "vendor"}
"""IEEE_8021QAZ_TSA_*."""
_GAP = 16
"""Empty rows of a GID table after which no more are read: the kernel takes the first that is free,
and a card has 256 a port."""
_ROCE_CM = "/sys/kernel/config/rdma_cm"
_GLOBAL_CLASS = re.compile(r"(?:Global tclass=)?(\d{1,3})")


def _octets(fields: Fields, key: str) -> tuple[int, ...]:
    """Return a list of eight small numbers; empty for anything else."""
    values = dict(fields.items()).get(key)
    if not isinstance(values, list | tuple) or len(values) != len(PRIORITIES):
        return ()
    octets = tuple(value for value in values if type(value) is int and 0 <= value <= 255)
    return octets if len(octets) == len(values) else ()


def _apps(answer: Fields) -> Iterator[tuple[int, int]]:
    """Yield DSCP and priority of the application table."""
    rows = dict(answer.items()).get("apps")
    for row in rows if isinstance(rows, list | tuple) else ():
        if isinstance(row, list | tuple) and len(row) == 3 and row[0] == _APP_DSCP:
            dscp, priority = row[1:]
            if type(dscp) is type(priority) is int and 0 <= dscp < 64 and priority in PRIORITIES:
                yield dscp, priority


def parse_dcb(answer: Answer) -> Dcb:
    """Return what a driver tells of priorities; trust only where the kernel has it as such.

    >>> parse_dcb({"pfc": {"mask": 8}, "apps": [[5, 26, 3]]})[:1], parse_dcb(None).pfc
    (((3,),), None)
    """
    fields = Fields(answer)
    mask, ets = fields.fields("pfc").count("mask"), fields.fields("ets")
    trusted = dict(fields.items()).get("trusted")
    trust = None
    if isinstance(trusted, list | tuple) and trusted:
        trust = DSCP if trusted[0] == _APP_DSCP else PCP
    classes = _octets(ets, "classes")
    return Dcb(
        pfc=None if mask is None else tuple(n for n in PRIORITIES if mask >> n & 1),
        classes=classes if all(one in PRIORITIES for one in classes) else (),
        algorithms=tuple(_ALGORITHMS.get(n, str(n)) for n in _octets(ets, "algorithms")),
        bandwidth=_octets(ets, "bandwidth"),
        dscp=dict(sorted(_apps(fields))),
        trust=trust,
        trust_from="dcb apptrust" if trust else "",
    )


def with_trust(system: System, port: Port, dcb: Dcb) -> Dcb:
    """Return the settings with what decides a packet's priority, where it can be known.

    NVIDIA's driver has a file for it. The kernel's mlx5 has DSCP entries in the application table
    as long as it trusts them and none else (mlx5e_dcbnl_dscp_app), if it answers for the port at
    all; others, and virtual functions, do not tell.
    """
    text = (read_text(system, f"/sys/class/net/{port.netdev}/qos/trust") or "").lower()
    told = next((word for word in (DSCP, PCP) if word in text.split()), None)
    if told is not None:
        return dcb._replace(trust=told, trust_from="qos/trust")
    mlx5 = (port.driver or "").startswith("mlx5") and port.kind is PortKind.PHYSICAL
    if dcb.trust is None and mlx5 and dcb.pfc is not None:
        return dcb._replace(trust=DSCP if dcb.dscp else PCP, trust_from="dcb app")
    return dcb


def ecn_directory(netdev: str) -> str:
    """Return the directory in which NVIDIA's own driver shows congestion control."""
    return f"/sys/class/net/{netdev}/ecn"


def read_roce(system: System, port: Port) -> Roce:
    """Return the RoCE settings of a port, as far as this driver and kernel show them."""
    device, number = port.rdma or "", port.rdma_port or 0
    cm = f"{_ROCE_CM}/{device}/ports/{number}"
    ecn = ecn_directory(port.netdev or device)
    tc = read_text(system, f"{CLASS}/{device}/tc/{number}/traffic_class")
    return Roce(
        gids=read_gids(system, device, number) if device else (),
        mode=read_text(system, f"{cm}/default_roce_mode"),
        tos=read_count(system, f"{cm}/default_roce_tos"),
        traffic_class=parse_traffic_class(tc),
        notify=_enabled(system, f"{ecn}/roce_np/enable"),
        react=_enabled(system, f"{ecn}/roce_rp/enable"),
        cnp_dscp=read_count(system, f"{ecn}/roce_np/cnp_dscp"),
        cnp_priority=read_count(system, f"{ecn}/roce_np/cnp_802p_prio"),
    )


def read_gids(system: System, device: str, port: int) -> tuple[Gid, ...]:
    """Return the rows of a port's GID table that hold an address; the kernel fails the others."""
    base = port_path(device, port)
    kinds = f"{base}/gid_attrs/types"
    numbers = sorted(n for name in names(system, kinds) if (n := parse_count(name)) is not None)
    rows: list[Gid] = []
    empty = 0
    for index in numbers:
        kind = read_text(system, f"{kinds}/{index}")
        empty = 0 if kind else empty + 1
        if empty >= _GAP:
            break
        if not kind:
            continue
        gid = read_text(system, f"{base}/gids/{index}") or ""
        if gid.strip("0:"):
            netdev = read_text(system, f"{base}/gid_attrs/ndevs/{index}")
            rows.append(Gid(index, gid, kind, netdev))
    return tuple(rows)


def parse_traffic_class(text: str | None) -> int | None:
    """Return the traffic class of all packets; None where none is set, or only by destination.

    >>> parse_traffic_class("Global tclass=106"), parse_traffic_class("dst_ip=10.0.0.0/24,tclass=8")
    (106, None)
    """
    line = (text or "").partition("\n")[0]
    match = _GLOBAL_CLASS.fullmatch(line.strip())
    value = int(match[1]) if match else None
    return value if value is not None and value <= 255 else None


def _enabled(system: System, directory: str) -> tuple[int, ...] | None:
    """Return the priorities whose file says 1; None without such a directory."""
    numbers = (parse_count(name) for name in names(system, directory))
    priorities = sorted(n for n in numbers if n is not None and n in PRIORITIES)
    if not priorities:
        return None
    return tuple(n for n in priorities if read_text(system, f"{directory}/{n}") == "1")
