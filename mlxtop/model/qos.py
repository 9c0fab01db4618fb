"""How a port sorts traffic into priorities, and what RoCE has of it: settings, never changed here.

IEEE 802.1Q (priorities 0 to 7, PFC, ETS), RFC 2474 (DSCP). None is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PRIORITIES = range(8)
DSCP, PCP = "dscp", "pcp"


class Dcb(NamedTuple):
    """Data center bridging of a port as its driver tells it over netlink."""

    pfc: tuple[int, ...] | None = None
    """Priorities that have a pause of their own: frames of these are not dropped."""
    classes: tuple[int, ...] = ()
    """Traffic class of each priority."""
    algorithms: tuple[str, ...] = ()
    """How each traffic class is chosen for sending: `strict`, `ets` …"""
    bandwidth: tuple[int, ...] = ()
    """Percent of each traffic class where it has `ets`."""
    dscp: Mapping[int, int] = {}
    """Priority of each DSCP that is mapped."""
    trust: str | None = None
    """What decides a received packet's priority: `dscp` of its IP header, `pcp` of its VLAN tag."""
    trust_from: str = ""
    """Where `trust` was seen."""

    def priority(self, dscp: int) -> int | None:
        """Return the priority of packets with a DSCP; None where that is not what decides.

        >>> Dcb(dscp={26: 3}, trust="dscp").priority(26), Dcb(trust="pcp").priority(26)
        (3, None)
        """
        return self.dscp.get(dscp) if self.trust == DSCP else None


class Gid(NamedTuple):
    """An address of an RDMA port, a row of what `show_gids` prints."""

    row: int
    gid: str
    kind: str
    """`RoCE v2`, `IB/RoCE v1`."""
    netdev: str | None = None


class Roce(NamedTuple):
    """RoCE of a port."""

    gids: tuple[Gid, ...] = ()
    mode: str | None = None
    """`default_roce_mode` of connections that the kernel's rdma_cm makes."""
    tos: int | None = None
    """`default_roce_tos` of the same."""
    traffic_class: int | None = None
    """What the vendor's driver puts on every packet; its upper six bits are the DSCP."""
    notify: tuple[int, ...] | None = None
    """Priorities for which ECN marks are answered by notifications (CNP)."""
    react: tuple[int, ...] | None = None
    """Priorities whose senders slow down when notifications come."""
    cnp_dscp: int | None = None
    cnp_priority: int | None = None

    @property
    def dscp(self) -> int | None:
        """Return the DSCP that RoCE packets are given here; None where no setting says it.

        A program can choose another one for its own connections. A `tos` of 0 is what the kernel
        begins with: nobody has chosen it.
        """
        octet = self.traffic_class if self.traffic_class is not None else self.tos or None
        return None if octet is None or not 0 <= octet <= 255 else octet >> 2
