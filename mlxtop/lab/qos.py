"""Priorities of a simulated port: data center bridging, GID table, RoCE settings.

include/uapi/linux/dcbnl.h; mlx5: drivers/net/ethernet/mellanox/mlx5/core/en_dcbnl.c, mlx4:
drivers/net/ethernet/mellanox/mlx4/en_dcb_nl.c. A port's table `qos` has `dscp` (pairs of DSCP and
priority, laid over what the firmware begins with), `trust`, `traffic_class` and `ecn`
(priorities); the last two are files of NVIDIA's own driver.
"""

from __future__ import annotations

import errno

from mlxtop.lab.ports import PortState
from mlxtop.lab.tree import LabTree
from mlxtop.system.door import Answer, os_error

_DSCP_SELECTOR = 5
_STRICT, _ETS, _VENDOR = 0, 2, 255


def dscp_map(port: PortState) -> dict[int, int]:
    """Priority of each DSCP: its upper three bits, but for what was set."""
    own = {int(code): int(priority) for code, priority in port.spec.qos.get("dscp", {}).items()}
    return {code: own.get(code, code >> 3) for code in range(64)}


def trusts_dscp(port: PortState) -> bool:
    """Return whether the IP header decides; unless set, it does where a priority is lossless."""
    given = port.spec.qos.get("trust", "dscp" if port.card.spec.pfc else "pcp")
    return bool(given == "dscp") and not port.card.spec.family.mlx4


def rdma_priority(port: PortState) -> int:
    """The priority of RoCE, which has no VLAN tag here."""
    if not trusts_dscp(port):
        return 0
    octet = port.spec.qos.get("traffic_class")
    return dscp_map(port)[int(octet) >> 2] if octet is not None else (*port.card.spec.pfc, 0)[0]


def bridging(port: PortState) -> Answer:
    """The answer to DCB_CMD_IEEE_GET; raises OSError where the driver has none."""
    if port.infiniband:
        raise os_error(errno.EOPNOTSUPP)
    pfc = port.card.spec.pfc
    mlx4 = port.card.spec.family.mlx4
    share = [100 // 8] * 8
    algorithm = _STRICT if mlx4 else _ETS if pfc else _VENDOR
    apps = [[_DSCP_SELECTOR, *pair] for pair in dscp_map(port).items()] if trusts_dscp(port) else []
    return {
        "pfc": {"most": 8, "mask": sum(1 << priority for priority in pfc)},
        "ets": {
            "classes": list(range(8)) if pfc else [1, 0, *range(2, 8)],
            "algorithms": [algorithm] * 8,
            "bandwidth": share if algorithm == _ETS else [0] * 8,
        },
        "apps": apps,
        "trusted": None,
    }


def add_gids(tree: LabTree, port: PortState, directory: str, local: str) -> None:
    """The GID table of an Ethernet port: each address twice, and a row that holds none."""
    address = port.spec.ip.partition("/")[0]
    gids = [f"fe80:0000:0000:0000:{local}"]
    if address and not port.spec.bond:
        octets = [int(part) for part in address.split(".")]
        low = ":".join(f"{octets[n]:02x}{octets[n + 1]:02x}" for n in (0, 2))
        gids.append(f"0000:0000:0000:0000:0000:ffff:{low}")
    kinds = ("IB/RoCE v1",) if port.card.spec.family.mlx4 else ("IB/RoCE v1", "RoCE v2")
    rows = [(gid, kind) for gid in gids for kind in kinds]
    for number, (gid, kind) in enumerate(rows):
        tree.file(f"{directory}/gids/{number}", gid)
        tree.file(f"{directory}/gid_attrs/types/{number}", kind)
        tree.file(f"{directory}/gid_attrs/ndevs/{number}", port.netdev)
    last = len(rows)
    tree.file(f"{directory}/gids/{last}", "0000:0000:0000:0000:0000:0000:0000:0000")
    tree.fails(f"{directory}/gid_attrs/types/{last}")
    tree.fails(f"{directory}/gid_attrs/ndevs/{last}")


def add_vendor_files(tree: LabTree, port: PortState, device: str, netdev: str) -> None:
    """Traffic class and congestion control, as NVIDIA's own driver shows them."""
    qos = port.spec.qos
    if "traffic_class" in qos:
        place = f"{device}/tc/{port.spec.rdma_port}/traffic_class"
        tree.file(place, f"Global tclass={qos['traffic_class']}")
    if "ecn" in qos:
        for role in ("roce_np", "roce_rp"):
            for priority in range(8):
                on = int(priority in qos["ecn"])
                tree.file(f"{netdev}/ecn/{role}/enable/{priority}", on)
        tree.files(f"{netdev}/ecn/roce_np", {"cnp_dscp": 48, "cnp_802p_prio": 6})
