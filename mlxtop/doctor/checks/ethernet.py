"""Settings that both ends of a link share: negotiation, error correction, flow control."""

from __future__ import annotations

import re

from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.verdict import LIGHT
from mlxtop.doctor.check import ETHERNET, FAST, FAST_ETHERNET, Outcomes, PortCase, check, ports
from mlxtop.doctor.checks.link import when_up
from mlxtop.model.catalogue import CATALOGUE, counters_of
from mlxtop.model.counters import Origin
from mlxtop.model.identity import PortKind
from mlxtop.model.pause import PFC_PAUSE
from mlxtop.model.tuning import Fec

_ETHTOOL = "https://docs.kernel.org/networking/ethtool-netlink.html"
_ROCE = (
    "man 8 dcb-pfc;"
    " https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
)
_NEEDS_RS = re.compile(r"100GBASE-[SC]R4|25GBASE-[SC]R\b|CWDM4")
_SLOW_LANES = 40_000_000_000
"""bit/s of the one speed above 25 Gb/s whose lanes carry 10 Gb/s and need no correction."""
_NEEDS_NONE = "CA-N"
"""In a module's type: copper of 25 Gb/s that is short enough for no correction at all."""
_NEGOTIATES = "Autoneg"
"""The mode that drivers add to the peer's when negotiation was completed with it."""
_CODES = ("None", "RS", "BASER", "LLRS")
_PFC = {family for families in PFC_PAUSE.values() for family in families}
_MARKS = ("np_cnp_sent", "np_ecn_marked_roce_packets", "rp_cnp_handled")
_LOSSES = ("out_of_sequence", "packet_seq_err", "implied_nak_seq_err")


@check(
    "autonegotiation",
    needs=ETHERNET,
    explains="Over copper both ends tell each other what they can do and train the signal. If only"
    " one of them does, they may not find each other, or disagree on error correction and pause.",
    normal="on at both ends, or off at both ends with the same settings",
)
@when_up
def _autonegotiation(port: PortCase) -> Outcomes:
    modes, module = port.settings.modes, port.now.module
    if modes is None or modes.autoneg is None:
        yield port.unread("autonegotiation", "modes")
        return
    copper = module is not None and module.identity.passive is True
    identity = port.now.port
    shows_peer = (identity.driver or "").startswith("mlx5") and identity.kind is PortKind.PHYSICAL
    if not modes.autoneg and _NEGOTIATES in modes.peer:
        state, command = "off here, but the peer negotiates", "autoneg on"
    elif modes.autoneg and not modes.peer and copper and shows_peer and port.speed >= FAST:
        state, command = "on here, but the peer does not answer", "autoneg on, at the peer"
    else:
        return
    yield port.note(
        f"autonegotiation {state} (ethtool {port.name})",
        "over copper the two ends agree on speed, error correction and pause only if both"
        " negotiate; a link that is up may come up otherwise, or not at all, next time",
        f"ethtool -s {port.name} {command}; set it alike at both ends",
        _ETHTOOL,
    )


@check(
    "forward error correction",
    needs=FAST_ETHERNET,
    explains="Lanes of 25 Gb/s and more have bit errors that forward error correction (FEC)"
    " repairs. Both ends must use the same code; RS for 100GBASE-CR4, -SR4 and CWDM4.",
    normal="RS and the same at both ends, none with short copper (CA-N) or at 40 Gb/s; corrected"
    " errors may grow, uncorrectable ones not",
)
@when_up
def _fec(port: PortCase) -> Outcomes:
    fec, module = port.settings.fec, port.now.module
    if port.speed == _SLOW_LANES:
        return
    if fec is None or fec.active is None:
        yield port.unread("FEC", "fec", "the driver is silent")
        return
    yield from _fec_mismatch(port, fec)
    types = module.identity.types if module else ()
    needed = next(
        (text for text in types if _NEEDS_RS.search(text) and _NEEDS_NONE not in text), None
    )
    if fec.active.lower() in ("off", "none") and needed:
        yield port.warning(
            f"FEC is off on a {needed} link (ethtool --show-fec {port.name})",
            "lanes of 25 Gb/s have bit errors; without correction they become lost packets",
            f"ethtool --set-fec {port.name} encoding rs, at both ends alike",
            _ETHTOOL,
        )


def _fec_mismatch(port: PortCase, fec: Fec) -> Outcomes:
    """Compare the active code with what is set here, and with what the peer offers."""
    name, modes = port.name, port.settings.modes
    offered = [mode for mode in (modes.peer if modes else ()) if mode in _CODES]
    active = "None" if fec.active in (None, "Off") else fec.active
    fixed = [mode for mode in fec.modes if mode in _CODES]
    if offered and active not in offered:
        difference = f"the peer offers {', '.join(offered)}"
    elif fec.auto is False and fixed and active not in fixed:
        difference = f"{', '.join(fixed)} is set"
    else:
        return
    yield port.warning(
        f"FEC {active} is active, {difference} (ethtool --show-fec {name})",
        "ends that correct errors differently lose the link or every packet",
        f"ethtool --set-fec {name} encoding auto, or the same code at both ends",
        _ETHTOOL,
    )


@check(
    "pause",
    needs=ETHERNET,
    explains="With pause (802.3x) a receiver that is short of buffers stops the sender for a moment"
    " instead of losing packets. Received pause: the peer is slow; sent: this host is.",
    normal="on or off alike in both directions and at both ends; few frames",
)
def _pause(port: PortCase) -> Outcomes:
    pause = port.settings.pause
    if pause is None or pause.rx is None or pause.tx is None:
        yield port.unread("pause", "pause", "not told")
    elif pause.rx != pause.tx:
        on, off = ("rx", "tx") if pause.rx else ("tx", "rx")
        yield port.note(
            f"pause {on} on, {off} off (ethtool -a {port.name})",
            "one side may stop the other but not the other way round: drops under load",
            f"ethtool -A {port.name} rx on tx on, and the same at the peer",
            _ETHTOOL,
        )


def carries_roce(port: PortCase) -> bool:
    """Return whether an Ethernet port carries RDMA that is worth a word."""
    if port.is_infiniband or not port.speed:
        return False
    view = port_view(port.case.frame, port.frame.id)
    flow, shared = view.throughput, view.shared_rdma
    if port.now.port.rdma_lag == port.frame.id:  # of a bond's device, at the port that has it
        rates, speed = (shared.rx_bps, shared.tx_bps), shared.speed or port.speed
    else:
        rates, speed = (flow.rdma_rx_bps, flow.rdma_tx_bps), port.speed
    return max(rate or 0.0 for rate in rates) >= LIGHT * speed


@check(
    "RoCE flow control",
    needs=ports("no RoCE traffic", carries_roce),
    explains="RDMA over Ethernet (RoCE) hardly recovers from lost packets. Either the network loses"
    " none (PFC for one priority, or pause), or switches mark packets before they must drop them"
    " (ECN) and senders slow down (CNP).",
    normal="PFC on one priority or ECN in the switches; best both",
)
def _roce(port: PortCase) -> Outcomes:
    settings, what = port.settings, "RoCE flow control"
    if _protected(port):
        return
    lost = sum(port.frame.since_start(CATALOGUE[Origin.RDMA_HW, key]) or 0 for key in _LOSSES)
    if Origin.DRIVER not in port.now.readings or settings.pause is None:
        yield port.unknown(what, "PFC and pause could not be read")
    elif settings.ecn is False or lost:
        yield from _unprotected(port, lost)
    else:
        reason = (
            "neither PFC nor pause is on, no congestion notification was counted, and this"
            " driver does not show whether ECN is on"
        )
        yield port.unknown(what, reason)


def _protected(port: PortCase) -> bool:
    """Return True where flow control is on, or was counted at work."""
    reading, pause = port.now.readings.get(Origin.DRIVER), port.settings.pause
    rows = counters_of(Origin.DRIVER, reading.schema) if reading is not None else ()
    if any(counter.family in _PFC for counter in rows):
        return True
    if port.settings.ecn or (pause is not None and pause.rx and pause.tx):
        return True
    return any(port.frame.total(CATALOGUE[Origin.RDMA_HW, key]) for key in _MARKS)


def _unprotected(port: PortCase, lost: int) -> Outcomes:
    ecn = "ECN" if port.settings.ecn is False else "a single congestion notification (CNP)"
    losing = f"; {lost} packets out of order or missing while watched" if lost else ""
    yield (port.warning if lost else port.note)(
        f"RoCE runs with neither PFC nor pause nor {ecn} (ethtool -S and -a {port.name},"
        f" hw_counters){losing}",
        "a full buffer in a switch drops packets, and RoCE repeats far more than was lost",
        f"dcb pfc set dev {port.name} prio-pfc 3:on, and the same priority in the switch; or ECN"
        " marking in the switch, which cards obey by default",
        _ROCE,
    )
