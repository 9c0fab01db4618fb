"""Light that is lost between two modules, lane by lane, and the lane that loses more than others.

Both ends measure power with an error of up to 3 dB each (SFF-8636, section 6.3.6; SFF-8472, table
9-5), so that one lane's loss says little, and the difference between lanes of one pair more.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from mlxtop.model.module import Lane, Module

OUTLIER_DB = 3.0
"""dB above the median of the other lanes from which a lane is an outlier."""
_LEAST_OTHERS = 2
"""Lanes beside it that have to be lit: of two, none says which is the odd one."""


class LaneLoss(NamedTuple):
    """One lane in one direction."""

    number: int
    """From 1."""
    sent_dbm: float | None
    """None: dark, or not measured."""
    received_dbm: float | None
    is_dark: bool = False
    """It is lit where it begins, and the other end measures no light."""
    over_db: float | None = None
    """dB that it loses beyond the median of the others, where that makes it an outlier."""

    @property
    def loss_db(self) -> float | None:
        """Return what is lost on the way; below 0 where the ends measure differently."""
        if self.sent_dbm is None or self.received_dbm is None:
            return None
        return self.sent_dbm - self.received_dbm

    @property
    def is_weak(self) -> bool:
        """Return whether it loses much more than the others, or everything."""
        return self.is_dark or self.over_db is not None


class Budget(NamedTuple):
    """All lanes in one direction, or why they cannot be told."""

    lanes: tuple[LaneLoss, ...] = ()
    absent: str = ""
    caveat: str = ""
    """Why the figures are not what is lost, although lanes can be compared."""


def budget(sender: Module | None, receiver: Module | None) -> Budget:
    """Return what the light loses from one module to the other."""
    if sender is None or receiver is None:
        return Budget(absent="a module was not read")
    cables = [one for one in (sender, receiver) if one.identity.passive]
    if cables or not sender.lanes or not receiver.lanes:
        return Budget(absent="copper: no light" if cables else "a module measures no light")
    if len(sender.lanes) != len(receiver.lanes):
        lanes = f"{len(sender.lanes)} and {len(receiver.lanes)}"
        return Budget(absent=f"the modules have {lanes} lanes: which is which is not known")
    if all(one.tx_mw is None for one in sender.lanes):
        return Budget(absent="the sender does not measure its light")
    if not any(one.tx_dbm is not None for one in sender.lanes):
        return Budget(absent="the sender measures no light: its lasers are off, or it cannot tell")
    pairs = zip(sender.lanes, receiver.lanes, strict=True)
    lanes_ = [_lane(number, *pair) for number, pair in enumerate(pairs, 1)]
    oma = receiver.rx_power_type == "OMA"
    caveat = "received as modulation amplitude (OMA): only differences between lanes count"
    return Budget(_marked(lanes_), caveat=caveat if oma else "")


def _lane(number: int, sent: Lane, received: Lane) -> LaneLoss:
    lit = sent.tx_dbm is not None and not sent.laser_is_off
    return LaneLoss(number, sent.tx_dbm, received.rx_dbm, lit and received.is_dark)


def _marked(lanes: Sequence[LaneLoss]) -> tuple[LaneLoss, ...]:
    marked = []
    for lane in lanes:
        losses = [one.loss_db for one in lanes if one is not lane and one.loss_db is not None]
        if lane.loss_db is not None and len(losses) >= _LEAST_OTHERS:
            over = lane.loss_db - median(losses)
            lane = lane._replace(over_db=over if over >= OUTLIER_DB else None)  # noqa: PLW2901
        marked.append(lane)
    return tuple(marked)
