"""Routes of simulated machines behave as the kernel's."""

from __future__ import annotations

from mlxtop.lab import ManualClock, load_lab
from mlxtop.lab.routes import LabRoute, LabRoutes
from mlxtop.system.door import Question


def made() -> LabRoutes:
    routes = LabRoutes(lambda device: device in ("a", "b"))
    routes.routes = [LabRoute("10.0.0.2", "a", metric=10), LabRoute("10.0.0.0/24", "b")]
    return routes


def change(routes: LabRoutes, words: str) -> str | None:
    return routes.change(words.split())


def test_the_longest_prefix_wins_then_the_lowest_metric() -> None:
    routes = made()
    assert routes.find("10.0.0.2") == routes.routes[0]
    assert routes.find("10.0.0.9") == routes.routes[1]
    assert routes.find("10.1.0.1") is None
    assert routes.find("10.0.0.2", device="b") == routes.routes[1]
    assert change(routes, "route replace 10.0.0.2/32 via 10.0.0.3 dev b metric 9") is None
    found = routes.find("10.0.0.2")
    assert found is not None
    assert (found.via, found.dev) == ("10.0.0.3", "b")


def test_replace_takes_the_place_of_the_same_prefix_and_metric_alone() -> None:
    routes = made()
    for dev in ("a", "b"):
        routes.change(f"route replace 10.0.0.2/32 dev {dev} proto 77 metric 9".split())
    assert [(r.dev, r.metric) for r in routes.routes if r.destination == "10.0.0.2"] == [
        ("a", 10),
        ("b", 9),
    ]
    assert change(routes, "route replace 10.0.0.2/32 dev gone0") == ('Cannot find device "gone0"')


def test_flush_removes_what_it_names_alone() -> None:
    routes = made()
    before = list(routes.routes)
    change(routes, "route replace 10.0.0.2/32 dev b proto 77 metric 9")
    change(routes, "route flush table main exact 10.0.0.3/32 proto 77")
    assert len(routes.routes) == 3
    change(routes, "route flush table main exact 10.0.0.2/32 proto 77")
    assert routes.routes == before


def test_a_marked_packet_follows_its_rule() -> None:
    routes = made()
    change(routes, "route replace 10.0.0.2/32 via 10.0.0.3 dev b proto 77 table 7710")
    rule = ["pref", "7600", "fwmark", "0x4d580001", "lookup", "7710", "proto", "77"]
    routes.change(["rule", "add", *rule])
    marked = routes.find("10.0.0.2", 0x4D580001)
    assert marked is not None
    assert marked.dev == "b"
    assert routes.find("10.0.0.2") == routes.routes[0]
    assert routes.change(["rule", "del", *rule]) is None
    assert routes.change(["rule", "del", *rule]) == "No such file or directory"


def test_traffic_goes_where_the_route_leads() -> None:
    system = load_lab("ceph", ManualClock())
    fib, ports = system._network.fib, {p.netdev: p for p in system.world.ports}
    with system.world.lock:
        system.world.advance(5.0)
        assert len(ports["enp3s0d1"].flows) == 2
        change(fib, "route replace 10.15.15.3/32 via 10.15.15.2 dev enp3s0 metric 9")
        system.world.advance(10.0)
        assert (len(ports["enp3s0"].flows), len(ports["enp3s0d1"].flows)) == (4, 0)
        change(fib, "route replace 10.15.15.3/32 via 192.168.1.32 dev eno1 metric 9")
        system.world.advance(15.0)
        assert (len(ports["enp3s0"].flows), len(ports["enp3s0d1"].flows)) == (2, 0)
        change(fib, "route replace 10.15.15.3/32 dev enp3s0d1 metric 9")
        system.world.advance(20.0)
        assert len(ports["enp3s0d1"].flows) == 2
    answer = system.ask(Question.ROUTE, "10.15.15.3")
    assert (answer["dev"], answer["src"]) == ("enp3s0d1", "10.15.15.1")
