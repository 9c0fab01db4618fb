"""How two ports that talk to each other differ in what keeps RDMA lossless.

Both ends of a link, or two hosts behind the same switches: PFC, pause, trust and the DSCP map only
help if all of them agree. A pure function of two ports' settings; what one side does not tell is
no difference.
"""

from __future__ import annotations

from typing import NamedTuple

from mlxtop.model.counters import Severity
from mlxtop.model.qos import PRIORITIES, Dcb, Roce
from mlxtop.model.tuning import Pause, PortTuning


class Difference(NamedTuple):
    """A setting that is not the same at both ends."""

    setting: str
    """`PFC`, `trust`, `DSCP map`, `pause`, `ECN`, `RoCE DSCP`."""
    here: str
    there: str
    why: str
    severity: Severity = Severity.WARNING


def differences(here: PortTuning, there: PortTuning) -> list[Difference]:
    """Return what differs between two ends; the worst first.

    >>> off, on = PortTuning(dcb=Dcb(pfc=())), PortTuning(dcb=Dcb(pfc=(3,)))
    >>> [(one.setting, one.here, one.there) for one in differences(off, on)]
    [('PFC', 'none', '3')]
    """
    compared = [
        _pfc(here.dcb, there.dcb),
        _pause_or_pfc(here, there),
        _trust(here.dcb, there.dcb),
        _dscp_map(here.dcb, there.dcb),
        _dscp(here.roce, there.roce),
        _ecn(here.roce, there.roce),
    ]
    known = [one for one in compared if one is not None]
    return sorted(known, key=lambda one: one.severity is Severity.NOTE)


def _list(priorities: tuple[int, ...]) -> str:
    return ", ".join(map(str, priorities)) or "none"


def _pfc(here: Dcb | None, there: Dcb | None) -> Difference | None:
    if here is None or there is None or here.pfc is None or there.pfc is None:
        return None
    if set(here.pfc) == set(there.pfc):
        return None
    why = "an end without PFC for a priority neither stops the other nor lets itself be stopped:"
    return Difference("PFC", _list(here.pfc), _list(there.pfc), f"{why} frames of it are dropped")


def _pause_or_pfc(here: PortTuning, there: PortTuning) -> Difference | None:
    """Return that one end stops the whole link and the other single priorities."""
    sides = [(side.dcb or Dcb()).pfc for side in (here, there)]
    links = [_sends(side.pause) for side in (here, there)]
    if None in sides or None in links:
        return None
    if (sides[0] and links[1] and not sides[1]) or (sides[1] and links[0] and not sides[0]):
        first, second = ("PFC" if pfc else "pause of the link" for pfc in sides)
        why = "cards obey one kind only: the other end's stop is not understood"
        return Difference("pause", first, second, why)
    return None


def _sends(pause: Pause | None) -> bool | None:
    return None if pause is None or pause.tx is None else pause.tx


def _lossless(*ends: Dcb) -> bool:
    """Return whether some end has PFC: else nothing depends on priorities."""
    return any(end.pfc for end in ends)


def _trust(here: Dcb | None, there: Dcb | None) -> Difference | None:
    if here is None or there is None or not _lossless(here, there):
        return None
    if here.trust is None or there.trust is None or here.trust == there.trust:
        return None
    why = "the same packets have another priority at each end, and PFC is for one of them"
    return Difference("trust", here.trust, there.trust, why)


def _dscp_map(here: Dcb | None, there: Dcb | None) -> Difference | None:
    """Return DSCPs that lead to a lossless priority at one end alone; others do no harm."""
    if here is None or there is None or not (here.dscp and there.dscp):
        return None
    safe = {n for n in PRIORITIES if n in (here.pfc or ()) or n in (there.pfc or ())}
    codes = [
        code
        for code in sorted(here.dscp.keys() | there.dscp.keys())
        if here.dscp.get(code) != there.dscp.get(code)
        and safe.intersection((here.dscp.get(code, 0), there.dscp.get(code, 0)))
    ]
    if not codes:
        return None
    shown = codes[:4]
    more = f" and {len(codes) - 4} more" if len(codes) > 4 else ""
    first, second = (
        ", ".join(f"{code} → {end.dscp.get(code, 0)}" for code in shown) for end in (here, there)
    )
    why = "packets with these DSCPs are lossless at one end only"
    return Difference("DSCP map", f"{first}{more}", f"{second}{more}", why)


def _dscp(here: Roce | None, there: Roce | None) -> Difference | None:
    first, second = (here.dscp if here else None), (there.dscp if there else None)
    if first is None or second is None or first == second:
        return None
    why = "the two directions of one connection have different DSCPs"
    return Difference("RoCE DSCP", str(first), str(second), why)


def _ecn(here: Roce | None, there: Roce | None) -> Difference | None:
    """Return that one end marks or obeys congestion for a priority and the other does not."""
    if here is None or there is None:
        return None
    for name in ("notify", "react"):
        first, second = getattr(here, name), getattr(there, name)
        if first is not None and second is not None and set(first) != set(second):
            why = "a sender slows down only if the receiver tells it and it obeys"
            return Difference("ECN", _list(first), _list(second), why, Severity.NOTE)
    return None
