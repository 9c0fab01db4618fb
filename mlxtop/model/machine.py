"""Machines beside each other: each with its name, its newest Frame, and how well it is reached."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId

OFFSET_SHOWN_S = 0.05
"""A machine's clock is told of where it is off by more."""


class PortRef(NamedTuple):
    """A port on a machine: PCI addresses repeat between machines."""

    host: str
    port: PortId


class MachineState(StrEnum):
    """How a machine is reached."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"


class ClockOffset(NamedTuple):
    """How far a machine's monotonic clock is ahead of ours, and how wrong that may be."""

    seconds: float = 0.0
    error_s: float = 0.0


OUR_CLOCK = ClockOffset()


class Reach(NamedTuple):
    """How a machine is reached, and since when."""

    state: MachineState
    since: float = 0.0
    """Second of our monotonic clock of its last Sample, or of the start before that."""
    why: str = ""
    """Why it is lost."""
    via: str = ""
    """What reads it there: the mlxtop that is installed, or the one that was sent."""
    sent: bool = False
    """Nothing fitting is installed there, so that we sent ourselves."""
    offset: float | None = None
    """Seconds by which its wall clock is ahead of ours; None while unknown, or too small."""
    clock: ClockOffset | None = OUR_CLOCK
    """Of its monotonic clock; None while unknown."""


class SeenMachine(NamedTuple):
    """A machine as it was last seen."""

    host: str
    """The name by which it was asked for; no two machines have the same."""
    frame: Frame
    state: MachineState = MachineState.LIVE
    age: float = 0.0
    """Seconds since this Frame came, where the machine is lost."""
    offset: float | None = None
    """Seconds by which its wall clock is ahead of ours; None while unknown, or too small."""
    why: str = ""
    """Why it is lost."""
    clock: ClockOffset | None = OUR_CLOCK
    """Of the clock of its ticks; None while unknown."""
