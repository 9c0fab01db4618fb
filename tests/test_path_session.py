"""A session on simulated time: it sees the link die, leads around it, and comes back."""

from __future__ import annotations

from random import Random
from threading import Event

import pytest

from mlxtop.lab.routes import LabRoute
from mlxtop.model.path import Peer, WayState
from mlxtop.path.faults import DeviceFault
from mlxtop.path.session import TRIAL_S, WAYS_S
from mlxtop.path.switch import OTHERS_S
from tests.path_story import CEPH2, CEPH3, CUT_S, Story

FAST, THROUGH, SLOW = "dev enp3s0d1", f"via {CEPH2} dev enp3s0", "via 192.168.1.32 dev eno1"


def test_watching_tells_every_way_and_changes_nothing() -> None:
    story = Story(keep=False)
    before = list(story.system._network.fib.routes)
    story.run(2.0)
    peer = story.peer(CEPH3)
    assert [(one.way.words, str(one.state), one.used) for one in peer.ways] == [
        (FAST, "up", True),
        (THROUGH, "up", False),
        (SLOW, "up", False),
    ]
    assert (peer.name, peer.route, peer.dead) == ("ceph3", FAST, False)
    assert story.way(CEPH3, THROUGH).third == "ceph2"
    assert "by the route that is there" in story.way(CEPH3, THROUGH).judged_by
    story.run(CUT_S)
    assert story.way(CEPH3, FAST).state is WayState.DOWN
    assert "would be better" in story.peer(CEPH3).why
    assert story.system._network.fib.routes == before
    assert not story.session.status.keeping


def test_the_scripted_death_is_led_around_at_once_and_undone_at_the_end() -> None:
    story = Story()
    before = list(story.system._network.fib.routes)
    story.run(CUT_S - 1.0)
    assert story.route(CEPH3) == FAST
    assert (story.ours, len(story.system._network.fib.rules)) == (4, 2), "two are for probes"
    story.run(2.0)
    assert story.route(CEPH3) == THROUGH
    assert story.way(CEPH3, FAST).reason == "no carrier"
    assert story.route(CEPH2) == "dev enp3s0"
    assert story.said[-1].startswith(f"ceph3 goes {THROUGH}: the best that is up")
    assert story.switch is not None
    story.switch.end()
    assert story.system._network.fib.routes == before
    assert story.system._network.fib.rules == []


def test_it_comes_back_after_ten_good_seconds() -> None:
    story = Story()
    story.run(2.0)
    story.cut("enp3s0d1")
    story.run(1.0)
    assert story.route(CEPH3) == THROUGH
    story.cut("enp3s0d1", is_cut=False)
    story.run(9.0)
    assert story.route(CEPH3) == THROUGH
    wanted = story.way(CEPH3, FAST).up_in_s
    assert wanted is not None
    assert 0.5 < wanted < 2.5
    story.run(2.5)
    assert story.route(CEPH3) == FAST


def test_when_every_fast_link_is_dead_the_slow_network_carries_all() -> None:
    story = Story()
    story.run(2.0)
    story.cut("enp3s0d1")
    story.cut("enp3s0")
    story.run(1.5)
    assert story.route(CEPH3) == SLOW
    assert story.route(CEPH2) == "via 192.168.1.31 dev eno1"


def test_a_dead_peer_is_told_and_its_route_stays() -> None:
    story = Story()
    story.run(2.0)
    before = list(story.system._network.fib.routes)
    network = story.system._network
    network.neighbour = lambda address, device: False  # type: ignore[method-assign]
    story.run(5.0)
    assert story.peer(CEPH3).dead
    assert network.fib.routes == before
    assert any("ceph3: no way answers" in line for line in story.said)


def test_a_refused_route_is_told_and_the_next_try_waits() -> None:
    story = Story()
    story.run(2.0)
    story.system.refuses = lambda argv: "replace" in argv and CEPH2 in argv
    story.cut("enp3s0d1")
    ours = story.ours
    story.run(2.0)
    assert (story.route(CEPH3), story.ours) == (FAST, ours), "never fewer ways than before"
    refused = [line for line in story.said if "No buffer space available" in line]
    assert len(refused) == 1
    assert "refused" in story.peer(CEPH3).why
    story.run(6.0)
    refused = [line for line in story.said if "No buffer space available" in line]
    assert len(refused) == 2, "tried again after five seconds"
    story.system.refuses = lambda argv: False
    story.run(6.0)
    assert story.route(CEPH3) == THROUGH


def test_a_route_that_somebody_removed_is_set_again() -> None:
    story = Story()
    story.run(2.0)
    fib = story.system._network.fib
    fib.routes = [one for one in fib.routes if one.protocol != "77" or one.table != "main"]
    fib.routes = [one for one in fib.routes if one.destination != CEPH3 or one.metric > 10]
    story.run(2.5)
    assert story.route(CEPH3) == FAST


def test_a_hot_module_is_left_in_time_and_taken_again_when_cool() -> None:
    story = Story(heat=True)
    story.run(2.0)
    story.faults["enp3s0d1"] = DeviceFault(heat="its module will reach its alarm in 50 s")
    story.run(0.5)
    assert story.route(CEPH3) == THROUGH
    assert story.way(CEPH3, FAST).state is WayState.UP, "it still answers"
    assert "in 50 s" in story.way(CEPH3, FAST).reason
    story.faults.clear()
    story.run(0.5)
    assert story.route(CEPH3) == FAST


def test_heat_is_no_reason_unless_asked_for_and_a_module_that_is_off_is_one() -> None:
    story = Story(heat=False)
    story.run(2.0)
    story.faults["enp3s0d1"] = DeviceFault(heat="its module will reach its alarm in 50 s")
    story.run(0.5)
    assert story.route(CEPH3) == FAST
    story.faults["enp3s0d1"] = DeviceFault(fault="the module has switched itself off for heat")
    story.run(0.1)
    assert story.route(CEPH3) == THROUGH


def test_a_way_on_trust_is_given_up_and_not_tried_at_once_again() -> None:
    """A ring without a slow network, where the link dies silently and the peer with it."""
    story = Story()
    for track in story.session.peers:
        track.ways = track.ways[:2]
    story.run(2.0)
    network, real = story.system._network, story.system._network.neighbour
    network.neighbour = lambda address, device: (  # type: ignore[method-assign]
        device == "enp3s0" and real(address, device)
    )
    network.forwards = lambda via, address: False  # type: ignore[method-assign]
    # the peer answered probes through the other host by the link that is dead now
    track = next(one for one in story.session.peers if one.peer.address == CEPH3)
    end = track.ways[1].end
    assert end is not None
    end.stream.came_by = "enp3s0d1"
    story.run(1.2)
    assert story.route(CEPH3) == THROUGH, "tried on trust"
    story.run(TRIAL_S + 1.0)
    assert story.route(CEPH3) == FAST, "put back"
    story.run(20.0)
    assert story.route(CEPH3) == FAST
    assert sum("tried" in line for line in story.said) == 1


def test_a_third_host_that_has_never_passed_anything_on_is_suspected() -> None:
    story = Story(begun=False)
    network, passes = story.system._network, story.system._network.forwards
    network.forwards = lambda via, address: False  # type: ignore[method-assign]
    story.begin()
    story.run(1.5)
    asked = "; ceph2 itself answers: does it forward (ip_forward), is rp_filter 1"
    assert asked in story.way(CEPH3, THROUGH).reason
    assert sum(asked in line for line in story.said) == 1
    story.cut("enp3s0d1")  # now the peer may be dead as well
    story.run(0.5)
    assert asked not in story.way(CEPH3, THROUGH).reason
    story.cut("enp3s0d1", is_cut=False)
    network.forwards = passes  # type: ignore[method-assign]
    story.run(1.0)
    network.forwards = lambda via, address: False  # type: ignore[method-assign]
    story.run(1.5)
    assert story.way(CEPH3, THROUGH).state is WayState.DOWN
    assert asked not in story.way(CEPH3, THROUGH).reason, "it did pass on"


def test_sessions_are_looked_for_only_where_a_way_would_be_tried_on_trust(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reading all sockets and processes takes long on a busy host."""
    story = Story()
    assert story.switch is not None
    asked: list[str] = []

    def carries_session(peer: Peer) -> bool:
        asked.append(peer.address)
        return False

    monkeypatch.setattr(story.switch, "carries_session", carries_session)
    story.run(2.0)
    story.cut("enp3s0d1")
    story.run(2.0)
    assert (story.route(CEPH3), asked) == (THROUGH, [])
    track = next(one for one in story.session.peers if one.peer.address == CEPH3)
    track.ways[0].judge.state = WayState.UNPROVEN
    track.no_trial_before = story.system.now() + 1.0
    story.session._decide(track, story.system.now())
    assert asked == [], "not yet"
    story.session._decide(track, story.system.now() + 1.0)
    assert asked == [CEPH3]


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps_is_no_loss(jump: float) -> None:
    story = Story()
    story.run(2.0)
    real = story.system.now
    story.system.now = lambda: real() + jump  # type: ignore[method-assign]
    for _ in range(3):
        story.session.round()
    assert story.way(CEPH3, FAST).state is WayState.UP
    assert story.route(CEPH3) == FAST


@pytest.mark.parametrize(
    "seconds",
    [pytest.param(1800.0, id="half an hour"), pytest.param(86400.0, marks=pytest.mark.slow)],
)
def test_random_flaps_are_damped_and_leak_nothing(seconds: float) -> None:
    """A flap every five minutes at random, for half an hour and for a day: nothing grows."""
    story, random = Story(), Random(7)
    story.run(2.0)
    ends: list[tuple[int, ...]] = []
    down = False
    left = seconds
    while left > 0:
        pause = random.expovariate(1 / 300.0) if not down else random.uniform(0.1, 20.0)
        step = min(pause, left)
        _sleep_through(story, step)
        left -= step
        down = not down
        story.cut("enp3s0d1", is_cut=down)
        story.run(1.0)
        left -= 1.0
        assert story.ours == 4, "never fewer ways than before"
        prober = story.session._prober
        ends.append((len(prober._by_nonce), len(story.system._network.fib.rules)))
    track = next(one for one in story.session.peers if one.peer.address == CEPH3)
    flaps = track.ways[0].judge.flaps
    changes = sum("ceph3 goes" in line for line in story.said)
    assert changes <= 2 * flaps + 1
    assert 0 < flaps < seconds / 280
    assert max(pending for pending, _ in ends) < 50
    assert {rules for _, rules in ends} == {2}


def _sleep_through(story: Story, seconds: float) -> None:
    """Let a quiet time pass with four looks a second at most, so that a day takes seconds."""
    stop = Event()
    system, session = story.system, story.session
    until = system.now() + seconds
    while system.now() < until:
        rest = min(until - system.now(), 30.0)
        if rest < 1.0:
            story.run(rest)
            return
        story.run(0.5)
        system.clock.wait(max(0.0, rest - 0.5), stop)
        session.changed.set()


def test_a_route_that_was_set_later_by_somebody_else_does_not_hide_ours() -> None:
    story = Story()
    story.run(2.0)
    fib = story.system._network.fib
    foreign = LabRoute(CEPH3, "eno1", "192.168.1.32", metric=0, protocol="static")
    fib.routes.append(foreign)
    story.run(2.5)
    assert story.route(CEPH3) == FAST
    assert foreign in fib.routes, "it is of somebody else"
    story.cut("enp3s0d1")
    story.run(2.0)
    assert story.route(CEPH3) == THROUGH
    assert story.switch is not None
    story.switch.end()
    assert story.ours == 0
    assert not fib.rules


def test_routes_that_come_after_the_start_are_gone_before_at_once() -> None:
    story = Story(begun=False)
    fib = story.system._network.fib
    there = [one for one in fib.routes if one.destination == CEPH3]
    fib.routes = [one for one in fib.routes if one.destination != CEPH3]
    story.begin()
    assert story.switch is not None
    (own,) = [one for one in story.switch.own if one.peer.address == CEPH3]
    assert own.metric == 77, "nothing is there yet"
    fib.routes += there
    story.run(2.0)
    story.cut("enp3s0d1")
    story.run(2.0)
    assert story.route(CEPH3) == THROUGH
    ours = [one for one in fib.routes if one.protocol == "77" and one.destination == CEPH3]
    metrics = [one.metric for one in ours if one.table == "main"]
    assert metrics == [min(one.metric for one in there) - 1], "the one of no use is gone"


def test_routes_are_left_to_others_that_start_later() -> None:
    story = Story()
    story.run(2.0)
    fib = story.system._network.fib
    assert story.ours
    fib.routes.append(LabRoute("10.7.0.0/16", "enp3s0d1", protocol="zebra"))
    story.run(OTHERS_S + 2.0)
    assert any("ceph3 is only watched: FRR sets routes" in line for line in story.said)
    assert not [r for r in fib.routes if r.protocol == "77" and r.table == "main"]
    story.cut("enp3s0d1")
    story.run(3.0)
    assert not [r for r in fib.routes if r.protocol == "77" and r.table == "main"]


def led_through(story: Story, leads: bool) -> None:
    """Have a route to ceph3 through ceph2, or take it away, as somebody else would."""
    with story.system.world.lock:
        routes = story.system._network.fib.routes
        mine = [one for one in routes if one.destination == CEPH3 and one.via == CEPH2]
        if leads and not mine:
            routes.append(story.taken)  # type: ignore[attr-defined]
        elif not leads:
            (story.taken,) = mine  # type: ignore[attr-defined]
            routes.remove(mine[0])


def test_a_route_that_goes_and_comes_while_watching_changes_how_its_way_is_judged() -> None:
    story = Story(keep=False)
    story.run(2.0)
    assert story.way(CEPH3, THROUGH).judged_by.endswith("by the route that is there")
    led_through(story, leads=False)
    story.run(WAYS_S + 2.0)
    alone = story.way(CEPH3, THROUGH)
    assert alone.judged_by.startswith(f"its first hop {CEPH2} only")
    assert alone.state is WayState.UP, "its hop answered all the time"
    led_through(story, leads=True)
    story.run(WAYS_S + 2.0)
    back = story.way(CEPH3, THROUGH)
    assert back.judged_by.endswith("by the route that is there") and back.state is WayState.UP
    told = [line for line in story.said if "is judged by" in line]
    assert [line.split(" is judged by ")[0] for line in told] == [f"ceph3 {THROUGH}"] * 2
    assert [one.state for one in story.peer(CEPH3).ways] == [WayState.UP] * 3


def test_where_ip_does_not_answer_the_ways_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story(keep=False)
    story.run(2.0)
    monkeypatch.setattr("mlxtop.path.routes.read_routes", lambda system, ipv6: None)
    story.run(WAYS_S + 2.0)
    assert story.way(CEPH3, THROUGH).judged_by.endswith("by the route that is there")
    assert not any("is judged by" in line for line in story.said)
