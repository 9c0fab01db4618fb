"""How many objects an RDMA device can have, from `ibv_devinfo -v` of rdma-core; no root needed.

https://man7.org/linux/man-pages/man1/ibv_devinfo.1.html. Neither sysfs nor netlink tells it.
"""

from __future__ import annotations

import errno
import re

from mlxtop.model.number import COUNT, whole
from mlxtop.system.door import System

TOOL = "ibv_devinfo"
_LIMIT = re.compile(r"^[ \t]*max_(qp|cq|mr|pd|srq):[ \t]*(\d+)[ \t]*$", re.MULTILINE)


def parse_limits(text: str) -> dict[str, int]:
    """Return the most objects of each kind that a device can have.

    >>> parse_limits("\\tmax_qp:\\t\\t\\t131072\\n\\tmax_qp_wr:\\t\\t32768\\n\\tmax_srq:\\t\\t0\\n")
    {'qp': 131072}
    """
    limits = ((kind, whole(number, COUNT)) for kind, number in _LIMIT.findall(text))
    return {kind: number for kind, number in limits if number}


def read_limits(system: System, device: str) -> dict[str, int]:
    """Return the limits of a device. Raises OSError."""
    if system.which(TOOL) is None:
        raise OSError(errno.ENOENT, f"{TOOL} is not installed (apt install ibverbs-utils)")
    finished = system.run((TOOL, "-v", "-d", device), timeout=10.0)
    limits = parse_limits(finished.stdout)
    if not limits:
        said = (finished.stderr or finished.stdout).strip().partition("\n")[0]
        raise OSError(errno.EIO, f"{TOOL}: {said or f'status {finished.status}'}"[:200])
    return limits
