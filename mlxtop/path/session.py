"""Watch or keep the paths to peers: one thread that probes, judges, chooses and tells.

Screen and command line run the same session. `round` is one turn of its loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from threading import Event

from mlxtop.model.path import (
    NO_PATHS,
    PathSettings,
    PathStatus,
    Peer,
    PeerStatus,
    Way,
    WayState,
    WayStatus,
)
from mlxtop.path.choose import choose
from mlxtop.path.decide import Judge, Stream
from mlxtop.path.devices import Devices
from mlxtop.path.faults import DeviceFault
from mlxtop.path.probe import Prober, Target
from mlxtop.path.routes import existing, read_all_routes, read_existing
from mlxtop.path.switch import Switch
from mlxtop.path.tracks import PeerTrack, Reach, WayTrack, retrack, track
from mlxtop.sources.kernel.net import read_links
from mlxtop.system.answers import Fields
from mlxtop.system.door import Question, System

LOOK_S = 0.05
"""Seconds between two looks while answers are awaited."""
REST_S = 0.25
"""Seconds at most that the loop rests."""
LINKS_S, ROUTES_S = 1.0, 1.0
"""Seconds between looks at devices and routes that no event asked for."""
WAYS_S = 5.0
"""Seconds between looks at the routes by which ways through a third host can be watched."""
TELL_S = 0.25
"""Seconds between two states that are handed out where nothing has changed."""
TRIAL_S = 3.0
"""Seconds for which a way on trust is tried until the peer answers by it."""
TRIAL_AGAIN_S = 300.0
"""Seconds until such a way is tried again."""


class PathSession:
    """The paths to all peers of the settings; with a `switch` their routes are kept."""

    def __init__(
        self,
        system: System,
        settings: PathSettings,
        switch: Switch | None = None,
        faults: Callable[[], Mapping[str, DeviceFault]] = dict,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`told` gets a sentence for everything that changes; `faults` tells of devices."""
        self.status: PathStatus = NO_PATHS
        """What was seen last: replaced as a whole, so that any thread may read it."""
        self.changed = Event()
        """Set when a device or route may be another."""
        self._system, self._settings, self._switch = system, settings, switch
        self._faults, self._told = faults, told
        peers = settings.peers
        known = read_all_routes(system, peers)
        self._reach = Reach(switch.marks if switch else {}, existing(peers, known))
        self._led = self._reach.existing
        """Ways that a route takes when the device is given, as they were read last."""
        self.peers = [track(peers, peer, self._reach) for peer in peers]
        self._devices = Devices(dict.fromkeys(way.dev for peer in peers for way in peer.ways))
        self._pinger = system.pinger()
        self._prober = Prober(self._pinger, self._targets(), 1.0 / settings.probes)
        self._prober.begin(system.now())
        self._links_at = self._routes_at = self._told_at = float("-inf")
        self._indices: dict[str, int] = {}
        self._carrier_changes: dict[str, int] = {}

    # The loop

    def run(self, stop: Event, each: Callable[[], None] = lambda: None) -> None:
        """Go on until `stop`; `each` is called after every round."""
        system = self._system
        with suppress(RuntimeError):  # no room for a thread: links are looked at every second
            system.clock.thread(self._hear, "path events", stop)
            if self._switch is None and any(w.third for one in self.peers for w in one.ways):
                system.clock.thread(self._look_for_routes, "path routes", stop)
        answers = self._pinger.wait(0.0, stop)
        while not stop.is_set():
            self._prober.take(answers)
            self.round()
            each()
            now = system.now()
            rest = LOOK_S if self._prober.waits_for_answers() else REST_S
            answers = self._pinger.wait(max(0.0, min(rest, self._prober.next_due() - now)), stop)

    def _hear(self, stop: Event) -> None:
        """Wake the loop when the kernel tells that a link has changed."""
        with suppress(OSError):
            for event in self._system.events(stop):
                if event.subsystem in ("net", "udev"):
                    self.changed.set()
                    self._pinger.wake()

    def _look_for_routes(self, stop: Event) -> None:
        """See now and then by which ways a route leads; a program is run, so not between probes."""
        while not self._system.wait(WAYS_S, stop):
            with suppress(OSError):
                led = read_existing(self._system, self._settings.peers)
                self._led = self._led if led is None else led

    def round(self) -> None:
        """Look at devices, judge every way, choose, switch and send what is due."""
        now = self._system.now()
        woken = self.changed.is_set()
        if woken:
            self.changed.clear()
        if woken or not 0 <= now - self._links_at < LINKS_S:
            self._look_at_links(now)
        if self._led != self._reach.existing:
            self._track_anew(now)
        flapped = self._judge(now)
        if woken or flapped or not 0 <= now - self._routes_at < ROUTES_S:
            self._look_at_routes(now)
        switched = False
        for peer in self.peers:
            switched = self._decide(peer, now) or switched
        names = {
            device.named: None if device.fault else device.name for device in self._devices.all()
        }
        self._prober.send(self._system.now, names)
        self._prober.tidy()
        if flapped or switched or woken or not 0 <= now - self._told_at < TELL_S:
            self._tell(now)

    def wake(self) -> None:
        """End the rest between two rounds; from any thread or signal handler."""
        self._pinger.wake()

    def cut_off(self) -> list[tuple[Peer, Way | None]]:
        """Return the peers whose SSH session would be lost with our route, and the way before."""
        switch = self._switch
        if switch is None:
            return []
        lost = []
        for peer in self.peers:
            good = any(
                one.way == peer.before and one.judge.state is WayState.UP for one in peer.ways
            )
            if not good and switch.has_route(peer.peer) and switch.needs_session(peer.peer):
                lost.append((peer.peer, peer.before))
        return lost

    def close(self) -> None:
        """Close the sockets."""
        self._pinger.close()

    # Devices and routes

    def _targets(self) -> list[Target]:
        return [t for peer in self.peers for way in peer.ways for t in way.targets]

    def _track_anew(self, now: float) -> None:
        """Judge a way end to end where a route leads by it now, else by its first hop."""
        self._reach = self._reach._replace(existing=self._led)
        for peer in self.peers:
            for _, new in retrack(self._settings.peers, peer, self._reach):
                self._told(f"{peer.peer.name} {new.way.words} is judged by {new.judged_by}")
        self._prober.follow(self._targets(), now)

    def _look_at_links(self, now: float) -> None:
        self._links_at = now
        for sentence in self._devices.take(read_links(self._system)):
            self._told(sentence)
        for peer in self.peers:
            for one in peer.ways:
                self._note_device(one)
        for device in self._devices.all():
            self._indices[device.named] = device.index
            self._carrier_changes[device.named] = device.carrier_changes
        if self._switch is not None:
            there = {d.named: d.name for d in self._devices.all() if d.link and d.link.up}
            self._switch.devices(there)
            for left, reason in self._switch.look_for_others(now):
                self._told(f"{left.name} is only watched: {reason}")

    def _note_device(self, one: WayTrack) -> None:
        """Begin a way anew that has another device, or that lost its carrier unseen."""
        device = self._devices[one.way.dev]
        before = self._indices.get(device.named)
        if before is not None and device.index and device.index != before:
            for target in one.targets:
                target.stream.restart()
        changes = self._carrier_changes.get(device.named)
        if changes is not None and before == device.index and device.carrier_changes > changes + 1:
            one.judge.drop("lost its carrier for a moment")

    def _look_at_routes(self, now: float) -> None:
        self._routes_at = now
        for peer in self.peers:
            try:
                answer = Fields(self._system.ask(Question.ROUTE, peer.peer.address))
            except OSError as error:
                peer.route, peer.route_words = None, error.strerror
                continue
            dev, via = answer.text("dev"), answer.text("via")
            peer.route = next(
                (
                    one.way
                    for one in peer.ways
                    if (self._devices[one.way.dev].name, one.way.via) == (dev, via)
                ),
                None,
            )
            words = Way(dev, via).words if dev else None
            peer.route_words = "this host itself" if answer.flag("local") else words
            if self._switch is None or not self._switch.has_route(peer.peer):
                peer.before = peer.route

    # Judging and choosing

    def _judge(self, now: float) -> bool:
        """Judge every way; return whether one has changed."""
        faults = self._faults()
        flapped = False
        for peer in self.peers:
            for one in sorted(peer.ways, key=lambda one: one.third is not None):
                device = self._devices[one.way.dev]
                known = faults.get(device.name, DeviceFault())
                one.judge.fault = device.fault or known.fault
                one.judge.avoid = known.heat if self._settings.heat else None
                flap = one.judge.look(now, partial(self._is_dead, peer))
                if flap is not None:
                    flapped = True
                    self._told(f"{peer.peer.name} {one.way.words} {flap}: {peer.why(one)}")
        return flapped

    def _is_dead(self, peer: PeerTrack, device: str) -> bool:
        """Return whether the way that answers came back by is down."""
        return any(
            one.judge.state is WayState.DOWN
            for one in peer.ways
            if one.way.via is None and self._devices[one.way.dev].name == device
        )

    def _decide(self, peer: PeerTrack, now: float) -> bool:
        """Choose a way for a peer and take it; return whether a route was changed."""
        candidates = [one.candidate for one in peer.ways]
        switch = self._switch
        trust = (
            switch is not None
            and now >= peer.no_trial_before
            and any(one.state is WayState.UNPROVEN for one in candidates)
            and not switch.carries_session(peer.peer)  # reads all sockets and processes
        )
        before = peer.choice
        peer.choice = choose(candidates, peer.route, trust)
        if peer.choice.dead and not before.dead:
            self._told(f"{peer.peer.name}: {peer.choice.why}; no route is touched")
        if switch is None:
            return False
        return self._give_up_trial(peer, now) or self._take(peer, now)

    def _take(self, peer: PeerTrack, now: float) -> bool:
        """Lead the traffic by the chosen way, where that is not so; the old one stays till then."""
        switch, way = self._switch, peer.choice.way
        if switch is None or way is None:
            return False
        if not switch.wants(peer.peer, way, peer.route == way, now):
            return False
        refused = switch.take(peer.peer, way, now)
        if refused is not None:
            self._told(f"{peer.peer.name} {way.words}: {refused}")
            return False
        state = next(one.judge.state for one in peer.ways if one.way == way)
        peer.trial = (now, peer.route) if state is WayState.UNPROVEN else None
        if peer.route != way:
            self._told(f"{peer.peer.name} goes {way.words}: {peer.choice.why}")
        self._look_at_routes(now)
        if peer.route != way:  # one that was set after the start goes before ours
            switch.take(peer.peer, way, now)
            self._look_at_routes(now)
        return True

    def _give_up_trial(self, peer: PeerTrack, now: float) -> bool:
        """Go back from a way on trust by which the peer did not answer either."""
        if peer.trial is None or self._switch is None:
            return False
        since, before = peer.trial
        tried = next((one for one in peer.ways if one.way == peer.route), None)
        if tried is None or tried.judge.state in (WayState.UP, WayState.WAITING):
            peer.trial = None
            return False
        if now - since < TRIAL_S:
            return False
        peer.trial, peer.no_trial_before = None, now + TRIAL_AGAIN_S
        words = f"did not answer {tried.way.words} either: the route is put back"
        self._told(f"{peer.peer.name} {words}")
        if before is not None and self._switch.take(peer.peer, before, now) is None:
            self._look_at_routes(now)
            return True
        return False

    # Telling

    def _tell(self, now: float) -> None:
        self._told_at = now
        notes = list(self._switch.notes()) if self._switch else []
        for address, who in self._prober.elsewhere.items():
            notes.append(f"{who} answers probes to {address}: these do not count")
        peers = tuple(self._peer_status(peer, now) for peer in self.peers)
        self.status = PathStatus(peers, self._switch is not None, tuple(notes))

    def _peer_status(self, peer: PeerTrack, now: float) -> PeerStatus:
        ways = tuple(self._way_status(peer, one, now) for one in peer.ways)
        choice = peer.choice
        if peer.route is None and peer.route_words:
            why = f"the kernel's route goes {peer.route_words}, which is none of the ways"
        elif choice.way is None or choice.way == peer.route:
            why = choice.why
        elif self._switch is None:
            why = f"{choice.way.words} would be better: {choice.why}"
        else:
            why = self._switch.refusal(peer.peer, choice.way) or choice.why
        left = self._switch.left_to_others(peer.peer) if self._switch else None
        why = f"only watched: {left}" if left else why
        return PeerStatus(
            peer.peer.name, peer.peer.address, ways, peer.route_words, why, choice.dead
        )

    def _way_status(self, peer: PeerTrack, one: WayTrack, now: float) -> WayStatus:
        judge: Judge = one.judge
        stream: Stream = judge.stream
        rtt, loss = stream.recent(now)
        return WayStatus(
            one.way._replace(dev=self._devices[one.way.dev].name),
            judge.state,
            judge.avoid or peer.why(one),
            used=one.way == peer.route,
            third=one.third,
            judged_by=one.judged_by,
            rtt_s=rtt,
            loss=loss,
            flaps=judge.flaps,
            up_in_s=judge.wait_left(now),
            last_rtt_s=stream.newest() if judge.fault is None else None,
        )
