"""InfiniBand: subnet manager, lanes, IPoIB mode."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome
from mlxtop.doctor.checks.link import not_up
from mlxtop.doctor.checks.needs import is_infiniband, needs_infiniband, needs_ipoib
from mlxtop.model.counters import Severity
from mlxtop.model.frame import PortFrame
from mlxtop.model.linkrate import parse_rate
from mlxtop.model.sample import LinkState

_ABI = "https://docs.kernel.org/ABI/stable/sysfs-class-infiniband.html"
_IPOIB = "https://docs.kernel.org/infiniband/ipoib.html"
_FOUR_LANES = ("SDR", "DDR", "QDR", "FDR10", "FDR", "EDR")
"""Generations whose ports are four lanes wide; later ones have cards and cables of two."""
_CONNECTED_MTU = 65520
_ORDER = ("SDR", "DDR", "QDR", "FDR10", "FDR", "EDR", "HDR", "NDR", "XDR")
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


@needs_infiniband
def check_subnet_manager(case: Case) -> Iterator[Outcome]:
    """A port stays in INIT until a subnet manager gives it an address."""
    for name, frame, _ in case.each():
        link = frame.now.link
        if not is_infiniband(frame) or link.state is not LinkState.INIT:
            continue
        services = case.tuning.host.processes
        running = services is not None and "opensm" in services
        yield Finding(
            Severity.CRITICAL,
            name,
            f"state INIT with the link up, subnet manager LID {link.sm_lid or 0}"
            " (/sys/class/infiniband/*/ports/*/state, sm_lid)",
            "without a subnet manager the port carries nothing but its packets",
            "opensm runs here but does not serve this port: start one for it, opensm -g PORT_GUID"
            " (ibstat shows it)"
            if running
            else "apt install opensm && systemctl start opensm on one machine of the fabric, or"
            " switch on the one in the switch",
            _ABI,
        )


@needs_infiniband
def check_lanes(case: Case) -> Iterator[Outcome]:
    """All lanes of the cable carry data."""
    for name, frame, _ in case.each():
        link = frame.now.link
        if not is_infiniband(frame):
            continue
        rate = parse_rate(link.rate)
        if down := not_up(name, frame):
            yield down
        elif rate is None:
            yield CouldNotTell(f"{name}: lanes", "its rate is not one that is known")
        elif rate.lanes < (4 if rate.generation in _FOUR_LANES else 2):
            yield Finding(
                Severity.WARNING,
                name,
                f"{link.rate} (/sys/class/infiniband/*/ports/*/rate): {rate.lanes} of 4 lanes",
                f"it carries {rate.lanes} quarters of what it could"
                if rate.lanes > 1
                else "it carries a quarter of what it could",
                "reseat and clean both ends, then replace cable or module; a splitter cable is"
                " meant to be so",
                _ABI,
            )


@needs_infiniband
def check_generation(case: Case) -> Iterator[Outcome]:
    """Lanes are as fast as card, port and cable allow."""
    for name, frame, _ in case.each():
        rate = parse_rate(frame.now.link.rate)
        if not is_infiniband(frame):
            continue
        if down := not_up(name, frame):
            yield down
            continue
        adapter = case.frame.adapter(frame.now.port.id)
        best = _BEST.get(adapter.family.partition(" ")[0]) if adapter else None
        if rate is None or rate.generation == best:
            continue
        report = frame.now.report
        bounds = {
            "port": _fastest(report.enabled_speeds if report else None),
            "cable": _fastest(report.cable_speeds if report else None),
        }
        known = {who: speed for who, speed in bounds.items() if speed is not None}
        if len(known) < len(bounds):
            yield CouldNotTell(
                f"{name}: InfiniBand speed against what is possible", _no_report(frame)
            )
        elif _ORDER.index(rate.generation) < min(map(_ORDER.index, known.values())):
            told = ", ".join(f"{who} {speed}" for who, speed in known.items())
            yield Finding(
                Severity.NOTE,
                name,
                f"{frame.now.link.rate} (/sys/class/infiniband/*/ports/*/rate); possible: {told}"
                f" ({report.source if report and report.source else 'mstlink'})",
                "the lanes are slower than this end and the cable allow; the switch or peer may be"
                " the reason, and FDR10 needs Mellanox at both ends",
                "look at the enabled speeds of the peer's port; reseat and clean both ends, then"
                " try another cable",
                _ABI,
            )


def _fastest(speeds: tuple[str, ...] | None) -> str | None:
    """The fastest generation among the words of mstlink."""
    known = [word for word in speeds or () if word in _ORDER]
    return max(known, key=_ORDER.index, default=None)


def _no_report(frame: PortFrame) -> str:
    if (frame.now.port.driver or "").startswith("mlx4"):
        return "no tool tells what an mlx4 port and its cable allow"
    return frame.now.absent.get("report", "mstlink has not told what port and cable allow")


@needs_ipoib
def check_ipoib(case: Case) -> Iterator[Outcome]:
    """Connected mode, where the driver has it, spares the processor most of the work."""
    for name, frame, _ in case.each():
        link, port = frame.now.link, frame.now.port
        if not is_infiniband(frame) or port.netdev is None:
            continue
        if link.ipoib_mode is None:
            yield CouldNotTell(f"{name}: IPoIB mode", f"/sys/class/net/{name}/mode is not readable")
            continue
        if not (port.driver or "").startswith("mlx4"):
            continue
        mtu_advice = f"ip link set {name} mtu {_CONNECTED_MTU}"
        if link.ipoib_mode == "datagram":
            yield Finding(
                Severity.NOTE,
                name,
                f"IPoIB in datagram mode, MTU {link.mtu} (/sys/class/net/{name}/mode)",
                "packets of 2 or 4 KB cost the processor more than the 64 KB of connected mode",
                f"ip link set {name} down; echo connected > /sys/class/net/{name}/mode;"
                f" {mtu_advice}; ip link set {name} up (all hosts of the subnet alike)",
                _IPOIB,
            )
        elif link.mtu is not None and link.mtu < _CONNECTED_MTU:
            yield Finding(
                Severity.NOTE,
                name,
                f"IPoIB in connected mode with MTU {link.mtu} (/sys/class/net/{name}/mtu)",
                "changing the mode resets the MTU; connected mode takes 65520",
                mtu_advice,
                _IPOIB,
            )
