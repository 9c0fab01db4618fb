"""RDMA over Ethernet: it needs a network that loses nothing, or senders that slow down in time."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.analysis.throughput import throughput
from mlxtop.analysis.verdict import LIGHT
from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome
from mlxtop.doctor.checks.needs import is_infiniband, needs
from mlxtop.model.catalogue import CATALOGUE, PFC_PAUSE, counters_of
from mlxtop.model.counters import Origin, Severity
from mlxtop.model.frame import PortFrame
from mlxtop.model.tuning import PortTuning

_ROCE = (
    "man 8 dcb-pfc;"
    " https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
)
_PFC = {family for families in PFC_PAUSE.values() for family in families}
_MARKS = ("np_cnp_sent", "np_ecn_marked_roce_packets", "rp_cnp_handled")
_LOSSES = ("out_of_sequence", "packet_seq_err", "implied_nak_seq_err")


def _runs(frame: PortFrame) -> bool:
    """Return whether an Ethernet port carries RDMA now."""
    speed = frame.now.link.speed
    if is_infiniband(frame) or not speed:
        return False
    flow = throughput(frame)
    return max(flow.rdma_rx_bps or 0.0, flow.rdma_tx_bps or 0.0) >= LIGHT * speed


@needs("no RoCE traffic", _runs)
def check_roce(case: Case) -> Iterator[Outcome]:
    """PFC, pause or congestion notification stands between RoCE and lost packets."""
    for name, frame, settings in case.each():
        if not _runs(frame) or _protected(frame, settings):
            continue
        reading = frame.now.readings.get(Origin.DRIVER)
        lost = sum(frame.since_start(CATALOGUE[Origin.RDMA_HW, key]) or 0 for key in _LOSSES)
        if reading is None or settings.pause is None:
            yield CouldNotTell(f"{name}: RoCE flow control", "PFC and pause could not be read")
        elif settings.ecn is False or lost:
            yield _unprotected(name, settings, lost)
        else:
            yield CouldNotTell(
                f"{name}: RoCE flow control",
                "neither PFC nor pause is on, no congestion notification was counted, and this"
                " driver does not show whether ECN is on",
            )


def _protected(frame: PortFrame, settings: PortTuning) -> bool:
    """Something is on, or was seen at work."""
    reading, pause = frame.now.readings.get(Origin.DRIVER), settings.pause
    rows = counters_of(Origin.DRIVER, reading.schema) if reading is not None else ()
    if any(counter.family in _PFC for counter in rows):
        return True
    if settings.ecn or (pause is not None and pause.rx and pause.tx):
        return True
    return any(frame.total(CATALOGUE[Origin.RDMA_HW, key]) for key in _MARKS)


def _unprotected(name: str, settings: PortTuning, lost: int) -> Finding:
    ecn = "ECN" if settings.ecn is False else "a single congestion notification (CNP)"
    losing = f"; {lost} packets out of order or missing while watched" if lost else ""
    return Finding(
        Severity.WARNING if lost else Severity.NOTE,
        name,
        f"RoCE runs with neither PFC nor pause nor {ecn} (ethtool -S and -a {name},"
        f" hw_counters){losing}",
        "a full buffer in a switch drops packets, and RoCE repeats far more than was lost",
        f"dcb pfc set dev {name} prio-pfc 3:on, and the same priority in the switch; or ECN marking"
        " in the switch, which cards obey by default",
        _ROCE,
    )
