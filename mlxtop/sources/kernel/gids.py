"""GIDs of RDMA ports: which index belongs to an address of RoCE v2.

https://docs.kernel.org/ABI/stable/sysfs-class-infiniband.html
"""

from __future__ import annotations

import ipaddress

from mlxtop.model.number import whole
from mlxtop.sources.kernel import sysfs
from mlxtop.system.door import System

MOST_GIDS = 65535
"""GIDs of a port at most: their number has 16 bits."""


def read_gid_index(
    system: System,
    device: str,
    port: int,
    address: str | None,
    netdevs: tuple[str | None, ...] = (),
) -> int | None:
    """Return the GID index of RoCE v2 that belongs to `address`, else the first of RoCE v2.

    Those of `netdevs` come before those of VLANs and other devices on top. It is None on
    InfiniBand, and where the kernel has no such files. Raises nothing.
    """
    base = f"/sys/class/infiniband/{device}/ports/{port}"
    wanted = _mapped(address)
    best: tuple[bool, int] | None = None
    numbers = (whole(name, MOST_GIDS) for name in sysfs.names(system, f"{base}/gids"))
    for number in sorted(number for number in numbers if number is not None)[:512]:
        # an unused row fails with EINVAL
        gid = sysfs.read_text(system, f"{base}/gids/{number}")
        kind = sysfs.read_text(system, f"{base}/gid_attrs/types/{number}")
        if gid is None or kind != "RoCE v2":
            continue
        if gid == wanted:
            return number
        netdev = sysfs.read_text(system, f"{base}/gid_attrs/ndevs/{number}")
        other = netdev is None or netdev not in netdevs
        best = min(best or (other, number), (other, number))
    return best[1] if best else None


def _mapped(address: str | None) -> str | None:
    """Return the GID of an IPv4 address, as sysfs writes it.

    >>> _mapped("10.0.0.2")
    '0000:0000:0000:0000:0000:ffff:0a00:0002'
    """
    try:
        packed = ipaddress.IPv4Address(address or "").packed
    except ValueError:
        return None
    return f"0000:0000:0000:0000:0000:ffff:{packed.hex(':', 2)}"
