"""The counters of a port against what a load test moved, in words; of an outcome or its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlxtop.analysis.counter_check import Judgement
from mlxtop.analysis.throughput import NETDEV
from mlxtop.load.record import number, table
from mlxtop.model.counters import Miscount
from mlxtop.present import units
from mlxtop.present.text import Role, Run, clean

_UNITS = {0.125: "an eighth of", 0.25: "a quarter of", 0.5: "half of"}
_HAS = "{has}"
"""Stands for `has` or `have` until it is known how many counters show the same."""
_WHY = {
    Judgement.MORE: "other traffic at that time explains it, such as RDMA or virtual functions",
    Judgement.LESS: "part of it may have gone another way; cannot tell if the counter is wrong",
    Judgement.RESET: "the counter began anew while the test ran; cannot tell",
    Judgement.WRAPS: "the counter starts again at 0 after 32 bits",
    Judgement.FULL: "the counter stays at its highest number",
}
_KEPT = {
    True: "kept for this card and driver until kernel or firmware change",
    False: "not kept: the machine is simulated",
}


def times(factor: float) -> str:
    """Return how many times too much or too little is counted.

    >>> times(4.0), times(0.25), times(1.37)
    ('4 times', 'a quarter of', '1.4 times')
    """
    return _UNITS.get(factor) or f"{factor:.2g} times"


def counted_runs(check: Mapping[str, Any], tool: str) -> Iterator[Run]:
    """Yield what speaks against counters, the worst first, then what agrees; of a document."""
    if isinstance(why := check.get("unsure"), str):
        yield f"not checked: {clean(why)}", Role.DIM
        return
    given = check.get("rows")
    rows = [table(row) for row in given] if isinstance(given, list) else []
    odd = [row for row in rows if _judgement(row) is not Judgement.AGREES]
    by_words: dict[tuple[str, Role], list[str]] = {}
    for row in sorted(odd, key=lambda row: not _judgement(row).proven):
        role = Role.WARNING if _judgement(row).proven else Role.TEXT
        by_words.setdefault((_words(row, check, tool), role), []).append(_source(row))
    for (text, role), names in by_words.items():
        has = "has" if len(names) == 1 else "have"
        yield f"{', '.join(names)} {text.replace(_HAS, has, 1)}", role
    others = set(map(_source, odd))
    agree = [name for name in dict.fromkeys(map(_source, rows)) if name not in others]
    if agree:
        verb = "agrees" if len(agree) == 1 else "agree"
        yield f"{', '.join(agree)} {verb} with what {clean(tool)} moved", Role.TEXT
    if isinstance(instead := check.get("instead"), str):
        usual = clean(str(check.get("usual")))
        text = f"throughput is taken from {clean(instead)} instead of {usual} from now on"
        yield f"{text} ({_KEPT[check.get('kept') is True]})", Role.WARNING


def _source(row: Mapping[str, Any]) -> str:
    return clean(str(row.get("source")))


def _judgement(row: Mapping[str, Any]) -> Judgement:
    try:
        return Judgement(str(row.get("judgement")))
    except ValueError:
        return Judgement.LESS


def _words(row: Mapping[str, Any], check: Mapping[str, Any], tool: str) -> str:
    """Return what a counter shows, and what that means."""
    judgement = _judgement(row)
    way = "sent" if row.get("direction") == "tx" else "received"
    counted, expected = (number(row.get(f"{name}_bytes")) for name in ("counted", "expected"))
    if judgement is Judgement.ELSEWHERE:
        return f"({way}) {_HAS} next to nothing of it: {_elsewhere(row)}"
    factor = number(row.get("unit")) or number(row.get("factor")) or 0.0
    amounts = f"{_bytes(counted)} where {_bytes(expected)} were expected, headers included"
    head = f"({way}) {_HAS} {times(factor)} what {clean(tool)} moved: {amounts}"
    if judgement in (Judgement.WRAPS, Judgement.FULL, Judgement.RESET):
        head = f"({way}) {_HAS} {amounts}"
    return f"{head}; {_WHY.get(judgement) or _wrong(row, factor, check)}"


def _elsewhere(row: Mapping[str, Any]) -> str:
    if row.get("source") == NETDEV.name:
        return "it passed the kernel's network stack by, as with SMC-R or VMA"
    return "it did not leave the card, as between its own functions (VF hairpin)"


def _wrong(row: Mapping[str, Any], factor: float, check: Mapping[str, Any]) -> str:
    """Return why nothing but the counter explains a wrong unit."""
    size, mtu = number(row.get("frame_bytes")), number(check.get("mtu"))
    if factor > 1:
        frame = f"frames of {size:,.0f} bytes" if size is not None else "frames of that size"
        return f"no other traffic explains it: {frame} do not exist at MTU {mtu or 1500:g}"
    return "no other traffic explains it: another counter of the port has all of it"


def _bytes(value: float | None) -> str:
    return units.size(None if value is None else int(value)).strip()


def miscount_text(miscount: Miscount) -> str:
    """Return why a port's throughput is not taken from its usual source."""
    run = f" (mlxtop runs show {miscount.run})" if miscount.run else ""
    wrong = "loses count" if miscount.factor is None else f"has {times(miscount.factor)} the bytes"
    return f"not by {clean(miscount.source)}, which {wrong} on this driver{clean(run)}"
