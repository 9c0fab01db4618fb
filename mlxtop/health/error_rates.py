"""Error rates of a link between two readings.

Bit errors before correction are counted by the driver (`rx_corrected_bits_phy`, without root) or
by mlxlink; what a rate since somebody cleared the counters says is old, so differences are taken.
"""

from __future__ import annotations

from math import log10
from typing import NamedTuple

from mlxtop.model.counters import Origin
from mlxtop.model.module import LinkReport
from mlxtop.model.sample import PortSample
from mlxtop.model.tuning import FecBin

_CORRECTED, _LOST = "rx_corrected_bits_phy", "rx_pcs_symbol_err_phy"


class Counts(NamedTuple):
    """What had been counted at an instant."""

    tick: float
    corrected: int | None = None
    lost: int | None = None
    raw: float | None = None
    """Bit errors before correction, by mlxlink."""
    effective: int | None = None
    minutes: float | None = None
    """Over which mlxlink counted."""
    bins: tuple[FecBin, ...] = ()


def fec_bins(now: PortSample) -> tuple[FecBin, ...]:
    """Return what FEC had to correct so far; empty where nothing tells it."""
    settings = now.settings.value
    return settings.fec.bins if settings and settings.fec else ()


def counts_of(now: PortSample, tick: float) -> Counts:
    """Return what has been counted so far, by the driver and by mlxlink."""
    reading, report = now.readings.get(Origin.DRIVER), now.report
    corrected = reading.get(_CORRECTED) if reading else None
    lost = reading.get(_LOST) if reading else None
    when = reading.tick if reading else tick
    counts = Counts(when, corrected, lost, bins=fec_bins(now))
    if report is None:
        return counts
    raw = float(sum(report.raw_errors)) if report.raw_errors else None
    return counts._replace(raw=raw, effective=report.effective_errors, minutes=report.minutes)


def most_corrected(before: Counts | None, now: Counts) -> int | None:
    """Return the most symbols that FEC corrected in a code word between two instants.

    None where no bin has grown, for they are read more rarely than that, or have begun anew.
    """
    if before is None or len(before.bins) != len(now.bins):
        return None
    pairs = list(zip(before.bins, now.bins, strict=True))
    if any(new.words < old.words or new[:2] != old[:2] for old, new in pairs):
        return None
    return max((new.low for old, new in pairs if new.words > old.words), default=None)


class Rates(NamedTuple):
    """Bit error rates as decimal logarithms, and what FEC could not correct."""

    raw: float | None = None
    effective: float | None = None
    lost: int = 0


def rates(before: Counts | None, now: Counts, speed: int, report: LinkReport | None) -> Rates:
    """Return the errors between two instants of a link that was up.

    Counters that went back say nothing. No error at all counts as half a one.
    """
    told = Rates(_decades(report and report.raw_ber), _decades(report and report.effective_ber))
    if before is None:
        return Rates()
    bits = speed * (now.tick - before.tick)
    corrected, lost = _gain(before.corrected, now.corrected), _gain(before.lost, now.lost)
    if corrected is not None and now.corrected and bits > 0:
        effective = None if lost is None else log10((lost + 0.5) / bits)
        return Rates(log10((corrected + 0.5) / bits), effective, int(lost or 0))
    minutes = _gain(before.minutes, now.minutes)
    raw, after = _gain(before.raw, now.raw), _gain(before.effective, now.effective)
    if raw is not None and minutes:
        bits = speed * minutes * 60
        effective = None if after is None else log10((after + 0.5) / bits)
        return Rates(log10((raw + 0.5) / bits), effective, int(after or 0))
    return told if now.minutes is None else Rates()


def _gain(before: float | None, now: float | None) -> float | None:
    return None if before is None or now is None or now < before else now - before


def _decades(rate: float | None) -> float | None:
    """Return a rate as its logarithm; the firmware's 15E-255 stands for none at all."""
    return None if rate is None or not 1e-50 < rate < 1 else log10(rate)
