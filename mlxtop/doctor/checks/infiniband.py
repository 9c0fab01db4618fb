"""InfiniBand: lanes, speed, subnet manager, IPoIB mode."""

from __future__ import annotations

from mlxtop.doctor.check import INFINIBAND, Outcomes, PortCase, check, ports
from mlxtop.doctor.checks.link import when_up
from mlxtop.model.fabric import OwnLink, rank
from mlxtop.model.linkrate import parse_rate
from mlxtop.model.sample import LinkState

_ABI = "https://docs.kernel.org/ABI/stable/sysfs-class-infiniband.html"
_IPOIB = "https://docs.kernel.org/infiniband/ipoib.html"
_FOUR_LANES = ("SDR", "DDR", "QDR", "FDR10", "FDR", "EDR")
"""Generations whose ports are four lanes wide; later ones have cards and cables of two."""
_ORDER = (*_FOUR_LANES, "HDR", "NDR", "XDR")
_CONNECTED_MTU = 65520
_BEST = {
    "ConnectX-2": "QDR",
    "ConnectX-3": "FDR",
    "Connect-IB": "FDR",
    "ConnectX-4": "EDR",
    "ConnectX-5": "EDR",
    "ConnectX-6": "HDR",
    "ConnectX-7": "NDR",
    "ConnectX-8": "XDR",
}
"""The fastest generation that a family has; its slower models are not told apart."""


@check(
    "InfiniBand lanes",
    needs=INFINIBAND,
    explains="InfiniBand cables have four lanes; a port that loses some goes on with the rest.",
    normal="4X; 2X only with HDR100 and NDR200 cards and splitter cables",
)
@when_up
def _lanes(port: PortCase) -> Outcomes:
    rate = parse_rate(port.link.rate)
    if rate is None:
        yield port.unknown("lanes", "its rate is not one that is known")
    elif rate.lanes < (4 if rate.generation in _FOUR_LANES else 2):
        share = f"{rate.lanes} quarters" if rate.lanes > 1 else "a quarter"
        yield port.warning(
            f"{port.link.rate} (/sys/class/infiniband/*/ports/*/rate): {rate.lanes} of 4 lanes",
            f"it carries {share} of what it could",
            "reseat and clean both ends, then replace cable or module; a splitter cable is"
            " meant to be so",
            _ABI,
        )


@check(
    "InfiniBand speed",
    needs=INFINIBAND,
    explains="Both ends, card and cable agree on the fastest generation that all have: QDR, FDR10,"
    " FDR, EDR, HDR, NDR. FDR10 exists between Mellanox devices only.",
    normal="the slowest of port, cable and peer; half of what both ports name with an adapter of"
    " half the rate (HDR100, NDR200)",
)
@when_up
def _generation(port: PortCase) -> Outcomes:
    rate, report = parse_rate(port.link.rate), port.now.report
    adapter = port.case.frame.adapter(port.now.port.id)
    best = _BEST.get(adapter.family.partition(" ")[0]) if adapter else None
    if rate is None or rate.generation == best:
        return
    own = _fastest(report.enabled_speeds if report else None)
    cable = _fastest(report.cable_speeds if report else None)
    fabric = port.case.frame.sample.fabric
    peer = fabric.value.of(port.now.port) if fabric.value else None
    if peer is not None and peer.link.is_settled and peer.link.speed == rate.generation:
        yield from _both_ends(port, peer, cable)
    elif report is None or own is None or cable is None:
        reason = (
            "an mlx4 port does not tell what it and its cable allow, nor does iblinkinfo:"
            f" {fabric.absent or 'no answer of this port'}"
            if port.now.port.is_mlx4
            else port.now.absent.get("report", "mstlink has not told what port and cable allow")
        )
        yield port.unknown("InfiniBand speed against what is possible", reason)
    elif _ORDER.index(rate.generation) < min(_ORDER.index(own), _ORDER.index(cable)):
        yield port.note(
            f"{port.link.rate} (/sys/class/infiniband/*/ports/*/rate); possible: port {own},"
            f" cable {cable} ({report.source or 'mstlink'})",
            "the lanes are slower than this end and the cable allow; the switch or peer may be"
            " the reason, and FDR10 needs Mellanox at both ends",
            "look at the enabled speeds of the peer's port; reseat and clean both ends, then"
            " try another cable",
            _ABI,
        )


def _both_ends(port: PortCase, own: OwnLink, cable: str | None) -> Outcomes:
    """Yield a note where both ends can do more, and so can the cable as far as it tells."""
    link, could = own.link, own.link.could
    if could is None or link.b is None or could[1] == link.speed or link.is_half:
        return
    if cable is not None and rank(cable) <= rank(link.speed or ""):
        return
    limited = bool(own.enabled) and could[1] not in own.enabled.replace(",", " ").split()
    told = f"; enabled here: {own.enabled}" if limited else f"; cable {cable}" if cable else ""
    where = f"-G {link.b.guid} {link.b.port}" if link.b.guid else "LID PORT"
    why = "the lanes are slower than both ends allow: "
    why += "the other port may be limited" if cable else "the cable may be made for less"
    yield port.note(
        f"{port.link.rate} (/sys/class/infiniband/*/ports/*/rate); both ends can do {could[1]}"
        f" (iblinkinfo), the other one is {link.b.name or link.b.node} port {link.b.port}{told}",
        "somebody has limited this port" if limited else why,
        f"if nobody meant that: ibportstate -D 0 {link.a.port} query, and ibportstate {where} query"
        " show what is enabled here and there; reseat and clean both ends, then try another cable",
        _ABI,
    )


def _fastest(speeds: tuple[str, ...] | None) -> str | None:
    return max((word for word in speeds or () if word in _ORDER), key=_ORDER.index, default=None)


@check(
    "subnet manager",
    needs=INFINIBAND,
    explains="A subnet manager (opensm, or one in a switch) gives every InfiniBand port its address"
    " (LID). Until then the port is up but stays in state INIT. Two hosts back to back need"
    " one on either of them.",
    normal="state ACTIVE, LID and SM LID not 0; further managers are in STANDBY",
)
def _subnet_manager(port: PortCase) -> Outcomes:
    if port.link.state is not LinkState.INIT:
        return
    yield port.critical(
        f"state INIT with the link up, subnet manager LID {port.link.sm_lid or 0}"
        " (/sys/class/infiniband/*/ports/*/state, sm_lid)",
        "without a subnet manager the port carries nothing but its packets",
        "opensm runs here but does not serve this port: start one for it, opensm -g PORT_GUID"
        " (ibstat shows it)"
        if "opensm" in (port.case.host.processes or ())
        else "apt install opensm && systemctl start opensm on one machine of the fabric, or"
        " switch on the one in the switch",
        _ABI,
    )


@check(
    "IPoIB mode",
    needs=ports(
        "no IP over InfiniBand",
        lambda port: port.is_infiniband and port.now.port.netdev is not None,
    ),
    explains="IP over InfiniBand sends packets of at most the fabric's MTU in datagram mode (2044"
    " or 4092 bytes), and of 64 KB over connections in connected mode, which needs fewer of"
    " them. Drivers of ConnectX-4 and later have datagram mode only, with offloads instead.",
    normal="mlx4: connected, MTU 65520; mlx5: datagram, MTU 4092",
)
def _ipoib(port: PortCase) -> Outcomes:
    link, name = port.link, port.name
    mtu_advice = f"ip link set {name} mtu {_CONNECTED_MTU}"
    if link.ipoib_mode is None:
        yield port.unknown("IPoIB mode", f"/sys/class/net/{name}/mode is not readable")
    elif port.now.port.is_mlx4 and link.ipoib_mode == "datagram":
        yield port.note(
            f"IPoIB in datagram mode, MTU {link.mtu} (/sys/class/net/{name}/mode)",
            "packets of 2 or 4 KB cost the processor more than the 64 KB of connected mode",
            f"ip link set {name} down; echo connected > /sys/class/net/{name}/mode;"
            f" {mtu_advice}; ip link set {name} up (all hosts of the subnet alike)",
            _IPOIB,
        )
    elif port.now.port.is_mlx4 and link.mtu is not None and link.mtu < _CONNECTED_MTU:
        yield port.note(
            f"IPoIB in connected mode with MTU {link.mtu} (/sys/class/net/{name}/mtu)",
            "changing the mode resets the MTU; connected mode takes 65520",
            mtu_advice,
            _IPOIB,
        )
