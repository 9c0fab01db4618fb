"""Counters of pause frames of links and priorities, in the spellings of mlx5 and mlx4.

drivers/net/ethernet/mellanox/mlx5/core/en_stats.c and mlx4/en_ethtool.c
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.model.counters import Counter, Origin, Severity, Unit

WAYS = ("rx", "tx")
GLOBAL_PAUSE = {
    way: (f"{way}_pause_ctrl_phy", f"{way}_global_pause", f"{way}_pause") for way in WAYS
}
"""Pause frames of the whole link by direction: each driver has all of them in the first of these
that it has; the last is mlx4's."""
PFC_PAUSE = {way: (f"{way}_prio{{n}}_pause", f"{way}_pause_prio_{{n}}") for way in WAYS}
"""Families of PFC pause frames by direction; drivers show their members where PFC is on."""

PAUSE_TIME = {
    way: (
        *(f"{way}_global_pause_duration", f"{way}_pause_duration"),
        *(f"{way}_prio{{n}}_pause_duration", f"{way}_pause_duration_prio_{{n}}"),
    )
    for way in WAYS
}
"""Microseconds for which pause frames stopped sending (rx) or the peer (tx); keys and families."""

_WORDS = {
    "rx": ("Pause frames received: the peer or switch is slow", "sending", "look at the peer"),
    "tx": ("Pause frames sent: this host is slow", "the peer", "look at PCIe, CPU and buffers"),
}


def _frames(keys: Mapping[str, tuple[str, ...]], where: str) -> Iterator[Counter]:
    for way, (text, _, advice) in _WORDS.items():
        for key in keys[way]:
            yield _fault(key, f"{text}{where}", advice)


def _effects(pattern: str, where: str) -> Iterator[Counter]:
    """Yield how often and for how long pause frames stopped somebody."""
    for way, (_, whose, advice) in _WORDS.items():
        key = pattern.replace("WAY", way)
        yield _fault(
            key.replace("WHAT", "transition"), f"Times that {whose} was stopped{where}", advice
        )
        text = f"Time for which {whose} was stopped{where}"
        yield Counter(Origin.DRIVER, key.replace("WHAT", "duration"), Unit.MICROSECONDS, text)


def _fault(key: str, text: str, advice: str) -> Counter:
    counter = Counter(Origin.DRIVER, key, Unit.EVENTS, text)
    return counter._replace(severity=Severity.NOTE, advice=advice)


PAUSES = (
    *_frames(GLOBAL_PAUSE, ""),
    *_effects("WAY_global_pause_WHAT", ""),
    *_effects("WAY_pause_WHAT", ""),
)
PFC_PAUSES = (
    *_frames(PFC_PAUSE, ", priority {n} (PFC)"),
    *_effects("WAY_prio{n}_pause_WHAT", ", priority {n} (PFC)"),
    *_effects("WAY_pause_WHAT_prio_{n}", ", priority {n} (PFC)"),
)
"""A row a family of priorities."""
