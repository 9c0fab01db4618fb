"""What the firmware itself says of a link: speed, error correction, bit errors, advice."""

from __future__ import annotations

from typing import NamedTuple

from mlxtop.model.module import Module


class LinkReport(NamedTuple):
    """One run of `mstlink` or `mlxlink`; None is what it did not print or printed as N/A."""

    state: str | None = None
    """`Active`, `Polling`, `Disable` …"""
    physical_state: str | None = None
    speed: str | None = None
    width: str | None = None
    """`4x`, lanes in use."""
    fec: str | None = None
    loopback: str | None = None
    auto_negotiation: str | None = None
    enabled_mask: str | None = None
    enabled_speeds: tuple[str, ...] | None = None
    cable_speeds: tuple[str, ...] | None = None
    opcode: int | None = None
    """Status opcode; 0 is no trouble, 1024 an unplugged cable."""
    group: str | None = None
    recommendation: str | None = None
    """The firmware's advice in words, `Bad signal integrity`."""
    firmware: str | None = None
    amber: str | None = None
    tool: str | None = None
    """Version of the tool that was run."""
    raw_ber: float | None = None
    """Bit error rate before correction."""
    effective_ber: float | None = None
    """Bit error rate after correction."""
    symbol_ber: float | None = None
    raw_errors: tuple[int, ...] = ()
    """Bit errors before correction, by lane."""
    raw_lane_ber: tuple[float, ...] = ()
    effective_errors: int | None = None
    symbol_errors: int | None = None
    link_down: int | None = None
    recoveries: int | None = None
    """Times the link had to recover."""
    minutes: float | None = None
    """Since the counters were last cleared."""
    module: Module | None = None
    tick: float = 0.0
    """Monotonic second of the reading."""
    source: str = ""

    @property
    def healthy(self) -> bool | None:
        """Whether the firmware sees no trouble; None where it did not say."""
        if self.recommendation is None:
            return None
        return self.recommendation.lower().startswith("no issue")
