"""What processes and kernel modules hold of RDMA devices, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

KERNEL_USERS = {
    "nvme_rdma": "NVMe/RDMA host",
    "nvmet_rdma": "NVMe/RDMA target",
    "rpcrdma": "NFS/RDMA",
    "xprtrdma": "NFS/RDMA client",
    "svcrdma": "NFS/RDMA server",
    "ib_iser": "iSER initiator",
    "ib_isert": "iSER target",
    "ib_srp": "SRP initiator",
    "ib_srpt": "SRP target",
    "cifs": "SMB Direct client",
    "smbdirect": "SMB Direct",
    "ksmbd": "SMB Direct server",
    "ko2iblnd": "Lustre",
    "rds_rdma": "RDS",
    "smc": "SMC-R",
    "rtrs_client": "RTRS client",
    "rtrs_server": "RTRS server",
    "9pnet_rdma": "9P/RDMA",
}
"""Kernel modules that use RDMA for somebody, and what they are."""
STORAGE = frozenset(KERNEL_USERS) - {"rds_rdma", "smc"}
"""Those of which file systems and block devices depend."""
OWN_MODULES = frozenset(
    ("ib_core", "ib_ipoib", "ib_mad", "ib_cm", "ib_umad", "ib_uverbs", "rdma_cm", "rdma_ucm")
) | {"mlx4_ib", "mlx4_core", "mlx5_ib", "mlx5_core", "rdma_rxe", "siw", "ib_sa"}
"""Kernel modules whose objects every device has: management, IP over InfiniBand, its driver."""
UNNAMED = "not named"
_MANAGEMENT = ("SMI", "GSI")
_FAILED = ("ERR", "SQE")
"""States of a QP that carries nothing until it is made anew."""
_JOINED = ("RTR", "RTS", "SQD", "SQE")
_WITH_PEER = ("RC", "UC", "XRC_INI", "XRC_TGT")


class QueuePairs(NamedTuple):
    """QPs of one type in one state."""

    type: str
    state: str
    number: int


class RdmaPeer(NamedTuple):
    """The other end of connections that were made with the connection manager."""

    address: str
    connections: int


class LockedMemory(NamedTuple):
    """What a process has pinned, and may; bytes."""

    pinned: int
    """VmPin of /proc/PID/status, which the kernel compares with the limit."""
    limit: int | None
    """RLIMIT_MEMLOCK; None: unlimited."""
    exempt: bool
    """It has CAP_IPC_LOCK: the limit does not hold for it."""


class RdmaHolder(NamedTuple):
    """Who holds objects of one RDMA device: a process, or a kernel module.

    Neither `pid` nor `module`: made by a process or thread that has ended, or by one of another
    PID namespace.
    """

    device: str
    pid: int | None = None
    module: str | None = None
    comm: str | None = None
    """Name of the process; None where it cannot be seen."""
    user: str | None = None
    service: str | None = None
    """Container, job or unit that it belongs to, from its cgroup."""
    since: float | None = None
    """Epoch seconds at which the process began."""
    seen: float = 0.0
    """Monotonic second of the first reading in which it held something here."""
    failed_since: float | None = None
    """Monotonic second of the first of all newest readings with QPs in error."""
    ports: tuple[int, ...] = ()
    """Ports of the device that its QPs use."""
    qps: tuple[QueuePairs, ...] = ()
    cqs: int = 0
    mrs: int = 0
    mr_bytes: int = 0
    pds: int = 0
    contexts: int = 0
    srqs: int = 0
    cm_ids: int = 0
    listening: int = 0
    """CM ids that wait for connections."""
    peers: tuple[RdmaPeer, ...] = ()
    """Those with the most connections."""
    more_peers: int = 0
    rx_bytes: int | None = None
    tx_bytes: int | None = None
    """Counters that somebody has bound to its QPs; None without them."""
    memory: LockedMemory | None = None

    @property
    def name(self) -> str:
        """Return who it is in words."""
        if self.module is not None:
            return KERNEL_USERS.get(self.module, self.module)
        if self.pid is None:
            return UNNAMED
        return self.comm or f"process {self.pid}"

    @property
    def is_unnamed(self) -> bool:
        """Return whether neither a process nor a module can be named."""
        return self.pid is None and self.module is None

    @property
    def is_own(self) -> bool:
        """Return whether it is a part of the kernel that every device has."""
        return self.module in OWN_MODULES

    @property
    def work(self) -> tuple[QueuePairs, ...]:
        """Return its QPs without those of the fabric's management."""
        return tuple(one for one in self.qps if one.type not in _MANAGEMENT)

    @property
    def qp_count(self) -> int:
        return sum(one.number for one in self.qps)

    @property
    def failed(self) -> int:
        """Return how many QPs are in error."""
        return sum(one.number for one in self.qps if one.state in _FAILED)

    @property
    def connected(self) -> int:
        """Return how many QPs have another one at the far end."""
        return sum(
            one.number for one in self.qps if one.type in _WITH_PEER and one.state in _JOINED
        )

    @property
    def uses_device(self) -> bool:
        """Return whether it holds what data go through: whoever resets the device breaks it."""
        return bool(self.work) and not self.is_own


class RdmaObjects(NamedTuple):
    """What is held of every RDMA device."""

    holders: tuple[RdmaHolder, ...] = ()
    held: Mapping[str, Mapping[str, int]] = {}
    """By device: how many objects of a kind there are in all, whoever holds them."""
    absent: Mapping[str, str] = {}
    """`mlx5_0 mr` to why a list is not there or not whole, `bytes`, `limits`."""
    left_out: int = 0
    """Holders with few objects that are not among `holders`."""
    first_pid_namespace: bool | None = None
    """The reader is in the machine's first PID namespace: every process has a number here."""
    shared: bool | None = None
    """Every network namespace has every RDMA device."""

    def of(self, device: str | None, port: int | None = None) -> tuple[RdmaHolder, ...]:
        """Return who holds objects of a device; with `port` without those on other ports."""
        return tuple(
            one
            for one in self.holders
            if one.device == device and (not port or not one.ports or port in one.ports)
        )
