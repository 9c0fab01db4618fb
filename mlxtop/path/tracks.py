"""What is kept of every way and peer: the probes, the judge, the choice, the route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mlxtop.model.path import Peer, Way, WayState, third_host
from mlxtop.path.choose import Candidate, Choice
from mlxtop.path.decide import Judge
from mlxtop.path.probe import Target
from mlxtop.path.routes import needs_table


class WayTrack(NamedTuple):
    """A way with its judge and its probes."""

    way: Way
    judge: Judge
    end: Target | None
    """Probes that go to the peer itself; None where only the first hop is probed."""
    hop: Target | None
    third: str | None
    judged_by: str

    @property
    def targets(self) -> list[Target]:
        return [target for target in (self.end, self.hop) if target is not None]

    @property
    def candidate(self) -> Candidate:
        """Return it as the choice sees it: a first hop alone proves nothing about the peer."""
        state = self.judge.state
        if self.third and self.end is None and state in (WayState.UP, WayState.WAITING):
            state = WayState.UNPROVEN
        judge, stream = self.judge, self.judge.stream
        heard = judge.hop if state is WayState.UNPROVEN and judge.hop else stream
        silent = judge.state is not WayState.UP and judge.fault is None
        return Candidate(
            self.way,
            state,
            self.third is None,
            judge.avoid,
            stream.doubtful,
            float("-inf") if heard.answered_at is None else heard.answered_at,
            stream.silent_since if silent else None,
        )

    @property
    def why(self) -> str:
        """Return the reason of its state, with what the kernel said where it sent nothing."""
        judge = self.judge
        error = next((t.error for t in self.targets if t.stream is judge.stream), None)
        silent = judge.fault is None and judge.state is not WayState.UP
        return f"{judge.reason}: {error}" if error and silent else judge.reason

    @property
    def stops_at_third(self) -> bool:
        """Return whether the third host answers, and the peer never has through it."""
        judge, hop = self.judge, self.judge.hop
        if hop is None or judge.state is not WayState.DOWN or judge.fault is not None:
            return False
        answers = hop.answered_at is not None and not hop.doubtful
        return answers and judge.stream.answered_at is None


class PeerTrack:
    """A peer, its ways, and the route to it."""

    def __init__(self, peer: Peer, ways: Sequence[WayTrack]) -> None:
        self.peer = peer
        self.ways = ways
        self.route: Way | None = None
        """The way of the kernel's route, by present names; None where that is none of ours."""
        self.route_words: str | None = None
        self.before: Way | None = None
        """The way of the route that was there before ours."""
        self.choice = Choice(None, "not enough probes yet")
        self.trial: tuple[float, Way | None] | None = None
        """When a way on trust was taken, and the way before it."""
        self.no_trial_before = 0.0

    def why(self, one: WayTrack) -> str:
        """Return the reason of a way's state, and what may be behind it."""
        up = any(w.end is not None and w.judge.state is WayState.UP for w in self.ways)
        if not (up and one.stops_at_third):
            return one.why
        asked = "does it forward (ip_forward), is rp_filter 1 there or at the peer"
        return f"{one.why}; {one.third} itself answers: {asked}?"


class Reach(NamedTuple):
    """How probes get as far as the peer where a device alone does not lead there."""

    marks: Mapping[tuple[str, Way], int]
    """Marks of the ways with a table of their own, by address and way."""
    existing: frozenset[tuple[str, Way]]
    """Ways that a route of this machine takes when the device is given."""


def track(peers: tuple[Peer, ...], peer: Peer, reach: Reach) -> PeerTrack:
    """Return the tracks of a peer's ways."""
    return PeerTrack(peer, [_track_way(peers, peer, way, reach) for way in peer.ways])


def retrack(
    peers: tuple[Peer, ...], track_: PeerTrack, reach: Reach
) -> list[tuple[WayTrack, WayTrack]]:
    """Track anew the ways whose probes get further than before, or less far; return old and new.

    What is known of the first hop is kept.
    """
    changed = []
    for one in track_.ways:
        new = _track_way(peers, track_.peer, one.way, reach)
        if (new.end is None) == (one.end is None):
            continue
        judge = new.judge
        if new.hop is not None and one.hop is not None:
            new = new._replace(hop=one.hop)
            judge = (
                Judge(one.hop.stream) if new.end is None else Judge(judge.stream, one.hop.stream)
            )
        changed.append((one, new._replace(judge=judge)))
    by_way = {old.way: new for old, new in changed}
    track_.ways = [by_way.get(one.way, one) for one in track_.ways]
    return changed


def _track_way(peers: tuple[Peer, ...], peer: Peer, way: Way, reach: Reach) -> WayTrack:
    """Return the track of a way: whom its probes go to, and whose answers count."""
    third = third_host(peers, peer, way)
    mark = reach.marks.get((peer.address, way))
    if way.via is None:
        end = Target(peer.address, way.dev, mark or 0)
        words = "the peer's answers"
        if mark is None and needs_table(peers, peer, way):
            words = "the peer's answers, where a route goes by this device"
        return WayTrack(way, Judge(end.stream), end, None, None, words)
    hop = Target(way.via, way.dev)
    if third is None:
        return WayTrack(way, Judge(hop.stream), None, hop, None, f"the answers of {way.via}")
    if mark is None and (peer.address, way) not in reach.existing:
        words = f"its first hop {way.via} only; path keep probes it end to end"
        return WayTrack(way, Judge(hop.stream), None, hop, third, words)
    end = Target(peer.address, way.dev, mark or 0)
    words = f"the peer's answers through {third}"
    words += ", by the route that is there" if mark is None else ""
    return WayTrack(way, Judge(end.stream, hop.stream), end, hop, third, words)
