"""What a port's priorities carry, which of them are held, and where packets wait or are lost.

Received pause stops this host's sending, sent pause the peer's: the share of time is what counts,
since one frame can ask for a moment or for a long break.
Documentation/networking/device_drivers/ethernet/mellanox/mlx5/counters.rst
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from mlxtop.model.catalogue import counters_of
from mlxtop.model.counters import Counter, Origin, Schema
from mlxtop.model.frame import PortFrame
from mlxtop.model.pause import PAUSE_TIME, PFC_PAUSE
from mlxtop.model.qos import PRIORITIES

TOO_LONG = 1.1
"""Share of the time above which a duration is not in microseconds: clocks differ less."""

ALL = 0.995
"""Share that is all, but for the time between readings of two tables."""

_ROLES: Mapping[str, str] = {
    **{
        f"{way}_prio{dash}{{n}}_{unit}": f"{way}_{unit}"
        for way in PFC_PAUSE
        for dash in ("", "_")
        for unit in ("bytes", "packets")
    },
    **{family: f"{way}_pauses" for way, keys in PFC_PAUSE.items() for family in keys},
    **{
        family: f"{way}_paused"
        for way, keys in PAUSE_TIME.items()
        for family in keys
        if "{n}" in family
    },
    **{
        family: f"{way}_stops"
        for way in PFC_PAUSE
        for family in (f"{way}_prio{{n}}_pause_transition", f"{way}_pause_transition_prio_{{n}}")
    },
    "rx_prio{n}_marked": "marked",
    **{
        f"{way}_novlan_{unit}": f"{way}_{unit}"
        for way in PFC_PAUSE
        for unit in ("bytes", "packets")
    },
}
"""What a family counts of a priority, in the spellings of mlx5 and mlx4."""
DISCARDS = ("rx_prio{n}_discards", "rx_prio{n}_buf_discard", "rx_prio{n}_cong_discard")
"""Families of frames that a priority lost, in the port's and in the host's buffers: the largest
counts, since two may count the same frames."""


class Priority(NamedTuple):
    """One priority; rates are per second, None where they are not counted or need two readings."""

    number: int | None
    """None: frames without a VLAN tag, which mlx4 counts apart."""
    lossless: bool | None
    """It has a pause of its own (PFC); None where that is not known."""
    rx_bps: float | None
    tx_bps: float | None
    rx_bytes: int | None
    tx_bytes: int | None
    held: float | None
    """Share of the time for which this host was not allowed to send."""
    holds: float | None
    """Share of the time for which this host did not allow the peer to send."""
    rx_pauses: int | None
    tx_pauses: int | None
    """Pause frames since the driver was loaded."""
    rx_stops: int | None
    tx_stops: int | None
    """Times that somebody was stopped since then; mlx5 counts those of this host alone."""
    discards: float | None
    discarded: int | None
    """Since the driver was loaded."""
    marked: float | None

    @property
    def moving(self) -> bool:
        """Return whether anything of it moved between the last two readings."""
        rates = (self.rx_bps, self.tx_bps, self.held, self.holds, self.discards, self.marked)
        return any(rates)


_Row = Mapping[str, tuple[Counter, ...]]
"""The counters of a priority by their role; only lost frames have several."""


@lru_cache(maxsize=64)
def by_priority(schema: Schema) -> Mapping[int | None, _Row]:
    """Return the counters of each priority that has any; those without a VLAN tag come last."""
    rows: dict[int | None, dict[str, tuple[Counter, ...]]] = {n: {} for n in (*PRIORITIES, None)}
    for counter in counters_of(Origin.DRIVER, schema):
        family = counter.family or counter.key
        role = "discards" if family in DISCARDS else _ROLES.get(family)
        if role is not None and counter.number in rows:
            row = rows[counter.number]
            row[role] = (*row.get(role, ()), counter)
    return {number: row for number, row in rows.items() if row}


def driver_schema(frame: PortFrame) -> Schema | None:
    """Return the names of the driver's counters; None where it gives none."""
    reading = frame.now.readings.get(Origin.DRIVER)
    return reading.schema if reading is not None else None


def largest(values: Iterable[float | None]) -> float | None:
    """Return the largest of the values that are known; None where none is."""
    return max((value for value in values if value is not None), default=None)


def lossless(frame: PortFrame) -> tuple[int, ...] | None:
    """Return the priorities with a pause of their own: as configured, else as counted.

    mlx5 shows a priority's pause counters only while it has one. None where neither is told.
    """
    settings = frame.now.settings.value
    if settings is not None and settings.dcb is not None and settings.dcb.pfc is not None:
        return settings.dcb.pfc
    schema = driver_schema(frame)
    if schema is None or not (frame.now.port.driver or "").startswith("mlx5"):
        return None
    rows = by_priority(schema).items()
    return tuple(
        n for n, row in rows if n is not None and ("rx_pauses" in row or "tx_pauses" in row)
    )


def priorities(frame: PortFrame) -> tuple[Priority, ...]:
    """Return the priorities that the driver counts; none on InfiniBand and virtual functions."""
    schema = driver_schema(frame)
    if schema is None:
        return ()
    mask = lossless(frame)
    rows = by_priority(schema).items()
    return tuple(_priority(frame, number, row, mask) for number, row in rows)


def _priority(
    frame: PortFrame,
    number: int | None,
    row: _Row,
    mask: tuple[int, ...] | None,
) -> Priority:
    def rate(role: str) -> float | None:
        return largest(frame.rate(counter) for counter in row.get(role, ()))

    def total(role: str) -> int | None:
        value = largest(frame.total(counter) for counter in row.get(role, ()))
        return None if value is None else int(value)

    rx, tx = rate("rx_bytes"), rate("tx_bytes")
    return Priority(
        number=number,
        lossless=None if mask is None else number in mask,
        rx_bps=None if rx is None else rx * 8,
        tx_bps=None if tx is None else tx * 8,
        rx_bytes=total("rx_bytes"),
        tx_bytes=total("tx_bytes"),
        held=share_of(rate("rx_paused")),
        holds=share_of(rate("tx_paused")),
        rx_pauses=total("rx_pauses"),
        tx_pauses=total("tx_pauses"),
        rx_stops=total("rx_stops"),
        tx_stops=total("tx_stops"),
        discards=rate("discards"),
        discarded=total("discards"),
        marked=rate("marked"),
    )


def share_of(microseconds: float | None) -> float | None:
    """Return the share of time of a duration a second; None where its unit must be another."""
    if microseconds is None or microseconds / 1e6 > TOO_LONG:
        return None
    return min(microseconds / 1e6, 1.0)


class Outside(NamedTuple):
    """RDMA traffic that the lossless priorities cannot have carried."""

    way: str
    share: float
    """Of the RDMA traffic, at least."""
    busiest: int | None
    """The priority without PFC that carried most."""

    @property
    def text(self) -> str:
        """Return which RDMA it is, `at least 60 % of the RDMA that is sent`."""
        part = "all" if self.share >= ALL else f"at least {self.share * 100:.0f} %"
        return f"{part} of the RDMA that is {'received' if self.way == 'rx' else 'sent'}"


def rdma_outside(
    frame: PortFrame, rx_bps: float | None, tx_bps: float | None, light: float
) -> Outside | None:
    """Return the RDMA traffic that cannot be in a lossless priority; None where all of it may be.

    What RDMA carried beyond everything that the lossless priorities carried was in others: no
    guess which. `light` is the rate in bit/s below which nothing is said.
    """
    rows = priorities(frame)
    if not any(row.lossless for row in rows):
        return None
    worst: Outside | None = None
    for way, rdma in (("rx", rx_bps), ("tx", tx_bps)):
        if rdma is None or rdma < light:
            continue
        rates = {row: row.rx_bps if way == "rx" else row.tx_bps for row in rows}
        known = {row: rate for row, rate in rates.items() if rate is not None}
        others = {row.number: rate for row, rate in known.items() if not row.lossless}
        safe = sum(rate for row, rate in known.items() if row.lossless)
        share = (rdma - safe) / rdma
        if len(known) == len(rows) and others and (worst is None or share > worst.share):
            worst = Outside(way, share, max(others, key=others.__getitem__))
    return worst if worst is not None and worst.share > 0 else None
