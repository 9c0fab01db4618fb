"""The bit error rate before correction from which a link's FEC begins to lose frames.

IEEE 802.3: 5e-5 with RS-FEC (528,514) (clause 95.1.1), 2.4e-4 with RS-FEC (544,514) (138.1.1),
1e-8 with Fire code FEC and 1e-12 without any (110.1). The short codes of low latency correct as
much as (528,514).
"""

from __future__ import annotations

import re

from mlxtop.model.linkrate import parse_rate
from mlxtop.model.module import Quantity, dbm
from mlxtop.model.sample import PortSample

_LANES = 50_000_000_000
"""bit/s of a lane from which RS-FEC is (544,514)."""


def ber_limit(fec: str | None, lane_bps: float | None) -> float | None:
    """Return the limit by the name of the FEC, as mlxlink or ethtool writes it; else None.

    >>> ber_limit("Standard RS-FEC - RS(528,514)", None), ber_limit("RS", 53e9), ber_limit(None, 1)
    (5e-05, 0.00024, None)
    """
    name = re.sub(r"[^a-z0-9]", "", (fec or "").lower())
    if not name or name in ("auto", "na"):
        return None
    if "544" in name:
        return 2.4e-4
    if "528" in name or "271" in name or "272" in name or "llrs" in name:
        return 5e-5
    if name.startswith("rs"):
        return None if lane_bps is None else 2.4e-4 if lane_bps >= _LANES else 5e-5
    if "fire" in name or "baser" in name or name.startswith("fc"):
        return 1e-8
    return 1e-12 if name in ("off", "none", "nofec") else None


def limit_of(now: PortSample) -> float | None:
    """Return the limit of a port's link as it runs; None where its FEC is not known."""
    settings = now.settings.value
    fec = now.report.fec if now.report else None
    if not fec and settings is not None and settings.fec is not None:
        fec = settings.fec.active
    lanes, speed = lane_count(now), now.link.speed
    return ber_limit(fec, speed / lanes if speed and lanes else None)


def lane_count(now: PortSample) -> int | None:
    """Return the lanes in use, where that is known."""
    rate = parse_rate(now.link.rate)
    settings = now.settings.value
    modes = settings.modes if settings else None
    return rate.lanes if rate else modes.lanes if modes else None


def floor_of(now: PortSample) -> float | None:
    """Return dBm from which a port's module complains of too little light; None if unknown."""
    limits = now.module.thresholds.get(Quantity.RX_POWER) if now.module else None
    return dbm(limits.low_alarm) if limits else None
