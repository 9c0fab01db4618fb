"""Why an InfiniBand port is not active: the cable, or the logical port that something holds down.

https://docs.kernel.org/infiniband/index.html; the states are those of the InfiniBand
specification, 14.2.5.6 (PortInfo).
"""

from __future__ import annotations

from mlxtop.doctor.check import Finding, Outcomes, PortCase
from mlxtop.doctor.signals import was_up
from mlxtop.model.identity import PortKind
from mlxtop.model.sample import LinkState

_ABI = "https://docs.kernel.org/ABI/stable/sysfs-class-infiniband.html"
_LINK_UP = "LinkUp"
_STATES = "(/sys/class/infiniband/*/ports/*/state, phys_state)"


def infiniband_down(port: PortCase) -> Outcomes:
    """Yield what the two states of an InfiniBand port that is not active mean."""
    link = port.link
    if link.state is LinkState.ARMED:
        yield port.warning(
            f"state ARMED {_STATES}",
            "the subnet manager has configured the port and has not made it active",
            "look at the log of the subnet manager: it may be held up by another port",
            _ABI,
        )
    elif link.phys_state == _LINK_UP:
        yield _held_down(port)
    elif link.detail is not None and link.state is LinkState.DOWN:
        yield port.warning(
            f"{link.detail} {_STATES}",
            "the two ends see each other and do not get to a link",
            "reseat and clean both ends; then try another cable",
            _ABI,
        )
    elif was_up(link) and link.state is not LinkState.DISABLED:
        yield port.warning(
            f"{link.detail or link.state}, but there was a link: it changed"
            f" {link.carrier_changes} times {_STATES}",
            "the link worked before and was lost",
            "look at the switch's port or the peer, then at the cable at both ends",
            _ABI,
        )
    else:
        yield port.unknown("link", link.detail or str(link.state))


def _held_down(port: PortCase) -> Finding:
    adapter = port.case.frame.adapter(port.now.port.id)
    if port.now.port.kind is PortKind.VF:
        holder = "the host gives this virtual function no GUID or no link"
        advice = (
            "on the host: ip link set PF vf N node_guid …, port_guid … and state auto (or the"
            " files sriov/N/node, port and policy), then bind the function again"
        )
    elif adapter is not None and adapter.is_dpu:
        holder = "in DPU mode the BlueField owns the port and has not passed it on"
        advice = (
            "on the BlueField: ibstat, and mlxconfig q INTERNAL_CPU_MODEL; a port that the host is"
            " to use needs NIC mode, or a link type that the DPU serves"
        )
    else:
        holder = "the subnet manager or the firmware holds it down"
        advice = (
            "look at the subnet manager: virtualization (opensm's virt_enabled) for cards with"
            " virtual ports, and whether it disabled the port (ibportstate LID PORT query)"
        )
    return port.warning(
        f"state DOWN with the physical link up {_STATES}, LID {port.link.lid or 0}",
        f"the cable is fine; the logical port is held down: {holder}",
        advice,
        _ABI,
    )
