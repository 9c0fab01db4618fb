"""Routes are set before old ones go, refused ones are told, and all is taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.change.privilege import Access, RootCommands
from mlxtop.lab.routes import LabRoute
from mlxtop.model.path import Peer
from mlxtop.path.switch import OTHERS_S, Switch
from mlxtop.system.door import Answer, Question
from tests.path_story import CEPH2, CEPH3, Story

NAMES = {"enp3s0": "enp3s0", "enp3s0d1": "enp3s0d1", "eno1": "eno1"}


def ready() -> tuple[Story, Switch, Peer]:
    story = Story()
    assert story.switch is not None
    story.switch.devices(NAMES)
    return story, story.switch, story.settings.peers[1]


def test_a_way_is_taken_once_and_again_where_somebody_removed_it() -> None:
    _, switch, peer = ready()
    fast = peer.ways[0]
    assert switch.wants(peer, fast, is_route=True, now=10.0), "ours is to be there"
    assert switch.take(peer, fast, 10.0) is None
    assert not switch.wants(peer, fast, is_route=True, now=10.1)
    assert not switch.wants(peer, fast, is_route=False, now=10.9)
    assert switch.wants(peer, fast, is_route=False, now=11.0)
    assert switch.wants(peer, peer.ways[1], is_route=False, now=10.1)


def test_a_refused_route_leaves_the_old_one_and_is_tried_later() -> None:
    story, switch, peer = ready()
    fast, through, _ = peer.ways
    assert switch.take(peer, fast, 10.0) is None
    story.system.refuses = lambda argv: "replace" in argv
    told = switch.take(peer, through, 11.0)
    assert told is not None
    assert "No buffer space available" in told
    assert story.route(CEPH3) == fast.words
    assert switch.refusal(peer, through) == told
    assert not switch.wants(peer, through, is_route=False, now=15.9)
    assert switch.wants(peer, through, is_route=False, now=16.0)
    assert switch.wants(peer, through, is_route=False, now=5.0), "the clock went back"


def test_what_waits_on_the_dead_link_is_dropped_after_the_change() -> None:
    story, switch, peer = ready()
    switch.take(peer, peer.ways[0], 10.0)
    switch.take(peer, peer.ways[1], 11.0)
    replaced, flushed = story.system.changes[-2:]
    assert replaced[:3] == ("ip", "route", "replace")
    assert flushed == tuple(f"ip neigh flush to {CEPH3} dev enp3s0d1 nud incomplete".split())


def test_present_names_of_devices_are_used() -> None:
    story, switch, peer = ready()
    with story.system.world.lock:
        story.system._network.others[1] = story.system._network.others[1]
    switch.devices({"eno1": "eno1"})
    assert not switch.wants(peer, peer.ways[0], is_route=False, now=10.0)
    assert switch.take(peer, peer.ways[0], 10.0) == "its device is not there"
    assert switch.take(peer, peer.ways[2], 10.0) is None


def test_nothing_is_left_behind_and_what_an_earlier_run_left_is_removed() -> None:
    story, switch, peer = ready()
    fib = story.system._network.fib
    before = [route for route in fib.routes if route.protocol != "77"]
    fib.routes.append(LabRoute(CEPH2, "eno1", metric=3, protocol="77"))
    switch.begin()
    assert fib.routes == before
    assert fib.rules == []
    switch._names = {}
    switch._ruled_probes.clear()
    switch.devices(NAMES)
    switch.take(peer, peer.ways[0], 10.0)
    assert len(fib.rules) == 2
    switch.end()
    assert list(switch.notes()) == []
    assert (fib.routes, fib.rules) == (before, [])


def test_left_routes_stay_and_probes_do_not() -> None:
    story, switch, peer = ready()
    switch.take(peer, peer.ways[0], 10.0)
    switch.end(leave=story.settings.peers)
    fib = story.system._network.fib
    assert [route.table for route in fib.routes if route.protocol == "77"] == ["main"]
    assert fib.rules == []


def test_a_peer_that_others_look_after_is_only_watched() -> None:
    story = Story()
    fib = story.system._network.fib
    fib.routes.append(LabRoute("10.7.0.0/16", "enp3s0d1", protocol="zebra"))
    root = RootCommands(story.system, Access.ROOT)
    switch = Switch(story.system, story.settings, root, None)
    switch.devices(NAMES)
    for peer in story.settings.peers:
        assert switch.left_to_others(peer) == "FRR sets routes on enp3s0d1"
        assert not switch.wants(peer, peer.ways[0], is_route=False, now=10.0)
    assert not [line for line in switch.plan().lines(sudo=False) if "main" in line]


def test_what_somebody_removed_of_the_probes_is_set_again() -> None:
    story, switch, _ = ready()
    fib, now = story.system._network.fib, story.system.now()
    rules, routes = list(fib.rules), list(fib.routes)
    assert len(rules) == 2
    switch.look_for_others(now + OTHERS_S)
    assert (fib.rules, fib.routes) == (rules, routes), "nothing is missing"
    before = len(story.system.changes)
    fib.rules.clear()
    switch.look_for_others(now + 2 * OTHERS_S)
    assert fib.rules == rules
    gone = next(one for one in fib.routes if one.table == "7711")
    fib.routes.remove(gone)
    switch.look_for_others(now + 3 * OTHERS_S)
    assert gone in fib.routes
    assert len(story.system.changes) == before + 5, "routes and rules of two, a route of one"
    assert not list(switch.notes())


def test_a_rule_that_somebody_removed_is_added_again_with_the_route() -> None:
    story = Story(begun=False)
    fib = story.system._network.fib
    fib.routes = [replace(one, metric=0) for one in fib.routes]
    story.begin()
    switch, peer = story.switch, story.settings.peers[1]
    assert switch is not None
    switch.devices(NAMES)
    assert switch.take(peer, peer.ways[0], 10.0) is None
    mine = [one for one in fib.rules if one.to]
    assert len(mine) == 1
    assert switch.take(peer, peer.ways[0], 12.0) is None, "it is there: no failure"
    fib.rules.remove(mine[0])
    assert switch.take(peer, peer.ways[0], 14.0) is None
    assert [one for one in fib.rules if one.to] == mine


READ = "mlxtop.path.routes.read_routes"


def test_who_sets_routes_is_still_known_while_they_cannot_be_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story, switch, peer = ready()
    now = story.system.now()
    with monkeypatch.context() as patch:
        patch.setattr(READ, lambda system, ipv6: None)
        assert switch.look_for_others(now + OTHERS_S) == []
        assert switch.left_to_others(peer) is None, "it is kept on"
    fib = story.system._network.fib
    fib.routes.append(LabRoute("10.7.0.0/16", "enp3s0d1", protocol="zebra"))
    assert switch.look_for_others(now + 119.9) == []
    assert len(switch.look_for_others(now + 120.0)) == 2
    monkeypatch.setattr(READ, lambda system, ipv6: None)
    switch.look_for_others(now + 3 * OTHERS_S)
    assert switch.left_to_others(peer) == "FRR sets routes on enp3s0d1"


def test_nothing_is_switched_before_all_routes_could_be_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story(begun=False)
    with monkeypatch.context() as patch:
        patch.setattr(READ, lambda system, ipv6: None)
        story.begin()
    switch, peer = story.switch, story.settings.peers[1]
    assert switch is not None
    switch.devices(NAMES)
    assert "cannot all be listed" in (switch.left_to_others(peer) or "")
    assert not switch.wants(peer, peer.ways[0], is_route=True, now=10.0)
    switch.look_for_others(story.system.now() + OTHERS_S)
    assert switch.left_to_others(peer) is None
    assert switch.wants(peer, peer.ways[0], is_route=True, now=10.0)


def test_an_ssh_session_from_a_peer_is_known() -> None:
    story, switch, peer = ready()
    assert not switch.needs_session(peer)
    ask = story.system.ask

    def with_session(question: Question, subject: str = "", *details: int) -> Answer:
        answer = ask(question, subject, *details)
        if question is Question.SOCKETS:
            return [*answer, {**answer[1], "remote": f"::ffff:{CEPH3}"}]
        return answer

    story.system.ask = with_session  # type: ignore[method-assign]
    assert switch.needs_session(peer)
    assert switch.carries_session(peer)


def test_connections_that_cannot_be_listed_count_as_sessions() -> None:
    story, switch, peer = ready()

    def fails(question: Question, subject: str = "", *details: int) -> Answer:
        raise OSError(1, "Operation not permitted")

    story.system.ask = fails  # type: ignore[method-assign]
    assert switch.needs_session(peer)


def test_a_route_is_left_where_a_session_needs_it_and_the_way_before_is_dead() -> None:
    story = Story()
    assert story.switch is not None
    story.run(2.0)
    story.cut("enp3s0d1")
    story.run(1.0)
    story.switch.needs_session = lambda peer: peer.address == CEPH3  # type: ignore[method-assign]
    assert [peer.address for peer, _ in story.session.cut_off()] == [CEPH3]
    story.cut("enp3s0d1", is_cut=False)
    story.run(13.0)
    assert story.session.cut_off() == [], "the way before is good again"


def test_a_kernel_that_refuses_rules_is_told() -> None:
    story = Story()
    story.system.refuses = lambda argv: argv[:2] == ("ip", "rule")
    story.run(1.0)
    notes = list(story.switch.notes()) if story.switch else []
    assert any("cannot be probed" in note for note in notes)
    assert story.session.status.notes
