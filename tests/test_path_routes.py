"""The exact commands, and the metric that goes before routes which are there."""

from __future__ import annotations

import pytest

from mlxtop.model.path import Peer, Way
from mlxtop.path import routes
from mlxtop.path.routes import PeerRoutes, existing, keep_plan, metric_for, prepare, route_command
from mlxtop.sources.tools.ip_routes import Route

B = Peer("b", "10.0.0.2", (Way("fast0"), Way("fast1", "10.0.0.3", 2), Way("slow0", "192.0.2.2", 3)))
C = Peer("c", "10.0.0.3", (Way("fast1"),))
SIX = Peer("six", "fd00::2", (Way("fast0"),))


@pytest.mark.parametrize(
    ("peer", "metrics", "metric"),
    [
        (B, [], 77),
        (B, [10, 100], 9),
        (B, [1], 0),
        (B, [0, 100], None),
        (SIX, [1024], 1023),
        (SIX, [2], 1),
        (SIX, [1], None),
    ],
)
def test_a_metric_goes_before_every_other(peer: Peer, metrics: list[int], metric: int) -> None:
    known = [Route(peer.address, "fast0", metric=each) for each in metrics]
    known += [
        Route(peer.address, "fast0", protocol="77", metric=3),
        Route(peer.address, "fast0", metric=2, table="7710"),
        Route("10.9.9.9", "fast0"),
    ]
    assert metric_for(peer, known) == metric


def test_the_commands_name_protocol_source_and_metric() -> None:
    own = PeerRoutes(B, 9, "10.0.0.1")
    lines = [route_command(own, way).lines(sudo=False)[0] for way in B.ways]
    assert lines == [
        "ip route replace 10.0.0.2/32 dev fast0 src 10.0.0.1 proto 77 metric 9",
        "ip route replace 10.0.0.2/32 via 10.0.0.3 dev fast1 src 10.0.0.1 proto 77 metric 9",
        "ip route replace 10.0.0.2/32 via 192.0.2.2 dev slow0 src 10.0.0.1 proto 77 metric 9",
    ]
    six = route_command(PeerRoutes(SIX, 77, None), SIX.ways[0]).lines(sudo=False)
    assert six == ("ip -6 route replace fd00::2/128 dev fast0 proto 77 metric 77",)


def test_a_route_of_metric_0_is_gone_before_by_a_table_and_a_rule() -> None:
    own, probes = prepare((B, C), {False: [Route("10.0.0.2", "fast0")]}, {})
    plan = keep_plan(own, probes)
    lines = plan.lines(sudo=False)
    assert "ip route replace 10.0.0.2/32 dev fast0 proto 77 table 7700" in lines
    assert "ip rule add pref 7700 to 10.0.0.2/32 lookup 7700 proto 77" in lines
    assert "ip route replace 10.0.0.3/32 dev fast1 proto 77 metric 77" in lines
    assert plan.undo_lines(sudo=False)[0] == (
        "ip rule del pref 7700 to 10.0.0.2/32 lookup 7700 proto 77"
    )
    assert any("table 7700" in note for note in plan.notes)


def test_only_probes_through_a_third_host_and_ipv6_have_a_table() -> None:
    _, probes = prepare((B, C, SIX), {}, {B.address: "10.0.0.1"})
    assert [(one.peer.name, one.way.words, one.table) for one in probes] == [
        ("b", "via 10.0.0.3 dev fast1", 7710),
        ("six", "dev fast0", 7711),
    ]
    assert routes.probe_route(probes[0], probes[0].way).lines(sudo=False) == (
        "ip route replace 10.0.0.2/32 via 10.0.0.3 dev fast1 src 10.0.0.1 proto 77 table 7710",
    )
    assert routes.probe_rule(probes[0]).lines(sudo=False) == (
        "ip rule add pref 7600 fwmark 0x4d580001 lookup 7710 proto 77",
    )


def test_what_is_undone_is_of_protocol_77_and_to_these_hosts_alone() -> None:
    own, probes = prepare((B, C), {}, {})
    for line in keep_plan(own, probes).undo_lines(sudo=False):
        assert "proto 77" in line
        assert "10.0.0." in line or "771" in line
    left = keep_plan(own, probes, leave=True).undo_lines(sudo=False)
    assert all("main" not in line for line in left)


def test_a_route_that_is_there_serves_probes_where_it_is_the_first_of_its_device() -> None:
    through = Route("10.0.0.2", "fast1", "10.0.0.3", 20)
    assert existing((B,), {False: [through]}) == {("10.0.0.2", B.ways[1])}
    straight = Route("10.0.0.2", "fast1", metric=5)
    assert existing((B,), {False: [through, straight]}) == set()
