"""Choose a way to a peer from what is known of every one: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mlxtop.model.path import Way, WayState

CONFIRM_S = 0.1
"""Seconds into the silence of one way at which another one must still have answered, to be taken:
else both may have died together, which a dead peer looks like."""


class Candidate(NamedTuple):
    """A way as the choice sees it."""

    way: Way
    state: WayState
    own_answers: bool
    """Its answers do not depend on the routes of other hosts: a lost one is evidence."""
    avoid: str | None = None
    """Why another way is better though this one answers: its module is about to get too hot."""
    doubtful: bool = False
    """Its newest probe was lost: no way to change to, and none to leave for that."""
    heard_at: float = float("inf")
    """When the newest answer by it came."""
    silent_since: float | None = None
    """When the first probe was sent that has had no answer, of a way that is silent."""


class Choice(NamedTuple):
    """The way to take, None to leave everything as it is, and why."""

    way: Way | None
    why: str
    dead: bool = False


def choose(ways: Sequence[Candidate], current: Way | None, allow_unproven: bool = True) -> Choice:
    """Choose a way; one that nobody has proven only where no other can tell.

    Where nothing answers, the peer is dead as far as anybody can see, and no route is touched.
    """
    ordered = sorted(ways, key=lambda one: one.way.prefer)
    now = next((one for one in ordered if one.way == current), None)
    usable = [one for one in ordered if one.state is WayState.UP]
    if usable and not (usable := [one for one in usable if _is_confirmed(one, now)]):
        return Choice(None, "no other way has answered since")
    usable.sort(key=lambda one: (one.avoid is not None, one.doubtful and one.way != current))
    if usable:
        up = usable[0]
        better = [one for one in ordered if one.way.prefer < up.way.prefer]
        if any(one.state is WayState.UNKNOWN for one in better):
            return Choice(None, "not enough probes yet")
        if not better:
            return Choice(up.way, up.avoid or "the most preferred way")
        told = ", ".join(f"{one.way.words} is {one.avoid or one.state}" for one in better)
        return Choice(up.way, f"the best that is up: {told}")
    answering = next((one for one in ordered if one.state is WayState.WAITING), None)
    if answering is not None:
        if now is None or now.state is not WayState.WAITING:
            return Choice(answering.way, "the only one that answers")
        return Choice(current, "it answers")
    if any(one.state is WayState.UNKNOWN for one in ordered):
        return Choice(None, "not enough probes yet")
    unproven = next((one for one in ordered if one.state is WayState.UNPROVEN), None)
    others = [one for one in ordered if one.own_answers and one.way != current]
    if unproven is not None and not others:
        if not _is_confirmed(unproven, now):
            return Choice(None, "its first hop has not answered since")
        if allow_unproven:
            return Choice(unproven.way, "tried: only its first hop answers")
        return Choice(None, "no way is proven, and none is tried on trust", dead=True)
    return Choice(None, "no way answers: the peer is dead, or does not answer pings", dead=True)


def _is_confirmed(one: Candidate, current: Candidate | None) -> bool:
    """Return whether a way has answered since the one that is used fell silent."""
    if current is None or one.way == current.way or current.silent_since is None:
        return True
    return one.heard_at >= current.silent_since + CONFIRM_S
