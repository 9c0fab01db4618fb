"""The far end of a test is guarded like ours: two simulated machines and the cable between them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest

from mlxtop.lab import ManualClock, load_joined
from mlxtop.load.far import FarEnd, leading
from mlxtop.load.measure import Item, MeasurePlan
from mlxtop.load.outcome import Outcome
from mlxtop.load.request import LoadOptions, LoadPlan, LoadRequest, Timing
from mlxtop.load.session import LoadSession
from mlxtop.model.identity import PortKind
from mlxtop.model.load import Tool
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames

from .load_lab import A, B, bonded, shown
from .samples import mlx5_port

FEW = range(3)


class Bench:
    """pacu and fry, and a session of pacu that sees both."""

    def __init__(self, runs: Path, seed: int) -> None:
        self.clock = ManualClock()
        near, far = load_joined(["pacu", "fry"], self.clock, seed).values()
        self.systems, self.stop = (near, far), Event()
        self.session = LoadSession(near, runs, lambda: None)
        self.sources = [LiveSource(one, 1.0, calm=0.0) for one in self.systems]
        feeds = [frames(source, self.stop) for source in self.sources]
        self.first, far_first = (next(feed) for feed in feeds)
        self.session.far = FarEnd("fry", far_first, "enp67s0np0")
        self.clock.thread(self._feed, "near", feeds[0], self.session.frame)
        self.far_feed = feeds[1]

    def _feed(self, feed, take) -> None:  # type: ignore[no-untyped-def]
        for frame in feed:
            take(frame)

    def run(self, seconds: int = 120, *, quiet_after: float | None = None) -> Outcome:
        """Run a test; the far end says nothing any more after some seconds."""
        begin = self.clock.now()

        def take(frame) -> None:  # type: ignore[no-untyped-def]
            if quiet_after is None or self.clock.now() - begin < quiet_after:
                self.session.far_frame(frame)

        self.clock.thread(self._feed, "far", self.far_feed, take)
        request = LoadRequest("10.0.0.3", seconds=seconds)
        self.session.start(self.first, LoadOptions(request, timing=Timing(cooldown=0.0)))
        while self.session.view().busy:
            self.clock.wait(1.0, Event())
        outcome = self.session.view().outcome
        assert outcome is not None
        return outcome

    def close(self) -> None:
        self.stop.set()
        for source in self.sources:
            source.close()


def ended(runs: Path, seed: int) -> Outcome:
    bench = Bench(runs, seed)
    try:
        return bench.run()
    finally:
        bench.close()


@pytest.mark.parametrize(
    "seeds", [FEW, pytest.param(range(100), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_the_load_ends_because_the_far_module_gets_too_hot(tmp_path: Path, seeds: range) -> None:
    for seed in seeds:
        outcome = ended(tmp_path / str(seed), seed)
        assert outcome.ended.startswith("stopped by the heat guard: fry module at "), seed
        assert outcome.ended.endswith(outcome.heat.reason or "?"), seed
        module = next(one for one in outcome.heat.sensors if one.name == "fry module")
        assert module.peak is not None and module.peak < 80.0, seed


def test_the_record_has_both_ends(tmp_path: Path) -> None:
    outcome = ended(tmp_path, 1)
    lines = [json.loads(line) for line in next(tmp_path.glob("*.jsonl")).read_text().splitlines()]
    far = [line for line in lines if line["kind"] == "far"]
    near = [line for line in lines if line["kind"] == "heat"]
    assert lines[0]["far"]["host"] == "fry"
    assert lines[0]["far"]["ports"][0]["card"] == "ConnectX-4"
    assert outcome.heat.sensors and {"fry module", "fry asic"} == set(far[-1]["sensors"])
    carried = [line for line in far if line["rx_bps"] and line["rx_bps"] > 40e9]
    sent = [line for line in near if line["tx_bps"] and line["tx_bps"] > 40e9]
    assert carried and sent


def test_a_far_end_that_says_nothing_any_more_ends_the_load(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 0)
    try:
        outcome = bench.run(quiet_after=3.0)
    finally:
        bench.close()
    assert outcome.ended == "stopped by the heat guard: no reading of fry for 15 s"


def test_only_the_port_that_the_test_comes_in_by_is_guarded() -> None:
    one, other = (mlx5_port(f"0000:43:00.{n}", f"eth{n}", f"mlx5_{n}") for n in range(2))
    virtual = other._replace(kind=PortKind.VIRTUAL)
    assert FarEnd("fry", shown(one, other), "eth1").ports() == [other.id]
    assert FarEnd("fry", shown(one, other), None).ports() == [one.id, other.id]
    assert FarEnd("fry", shown(one, other), "br0").ports() == [one.id, other.id]
    assert FarEnd("fry", shown(one, virtual), None).ports() == [one.id]


def test_a_vlan_on_a_bond_leads_to_the_ports_below_it() -> None:
    host = bonded().bond("802.3ad", "eth0", "eth1").link(12, "top", kind="vlan", link=9)
    to_named, to_any = leading(host.system, shown(A, B), "eth1")
    assert [to_named(name) for name in ("top", "bond0", "eth1", "eth0")] == [
        True,
        True,
        True,
        False,
    ]
    assert [to_any(name) for name in ("top", "eth0", "eth7", "lo")] == [True, True, False, False]
    assert not leading(host.system, shown(A, B), None)[0]("eth0")


class Server:
    """A far end that is asked to serve."""

    def __init__(self, failure: str | None) -> None:
        self.failure, self.asked, self.stopped = failure, 0, 0

    def start(
        self, tool: Tool, ports: Sequence[int], words: tuple[str, ...], *, once: bool
    ) -> str | None:
        assert (tool, list(ports), words, once) == (Tool.IPERF3, [5201], (), True)
        self.asked += 1
        return self.failure

    def stop(self) -> None:
        self.stopped += 1


def test_what_listens_everywhere_is_told_before_and_what_needs_no_server_is_as_it_was() -> None:
    far = FarEnd("fry", shown(mlx5_port("0000:43:00.0", "eth0", "mlx5_0")), "eth0", Server(None))
    plan = LoadPlan(LoadRequest("10.0.0.3", tool=Tool.QPERF), server=("qperf",))
    assert far.rdma == ("mlx5_0", 1)
    assert far.serving(plan).notes[-1].endswith("qperf listens at every address there meanwhile")
    assert far.serving(plan._replace(server=())) == plan._replace(server=())
    item = Item("qperf", "TCP by qperf", "TCP", plan)
    assert far.serving_all(MeasurePlan("10.0.0.3", (item,))).servers == ()
    far.server = None
    assert far.serving(plan) == plan and far.serving_all(MeasurePlan("h", (item,))).notes == ()


@pytest.mark.parametrize("failure", [None, "iperf3: not installed"])
def test_a_server_is_started_and_ended_with_the_test(tmp_path: Path, failure: str | None) -> None:
    bench = Bench(tmp_path, 0)
    server = Server(failure)
    assert bench.session.far is not None
    bench.session.far.server = server
    try:
        outcome = bench.run(2)
    finally:
        bench.close()
    assert (server.asked, server.stopped) == (1, 1)
    assert outcome.ended == ("complete" if failure is None else f"failed: {failure}")
    assert outcome.plan.server == ()
    told = "the server is started at fry by ssh, and ended with the test"
    assert outcome.plan.notes[-1] == told
