"""Load tests on simulated machines, in simulated time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TypeVar

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.load.guard import HeatGuard
from mlxtop.load.outcome import Outcome
from mlxtop.load.plan import plan_load
from mlxtop.load.request import GuardOptions, LoadPlan, LoadRequest, Timing
from mlxtop.load.route import Way, find_way
from mlxtop.load.run_log import RunWriter
from mlxtop.load.runner import LoadRun
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port
from mlxtop.model.sample import Link
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Finished, System

from .samples import ethernet, frame, mlx5_port, sample

R = TypeVar("R", bound=LoadRun)

PEER = "10.0.0.3"
BRIEF = Timing(cooldown=0.0)
A, B, C = (mlx5_port(f"0000:43:00.{n}", f"eth{n}", f"mlx5_{n}") for n in range(3))
IPERF3 = """
$ iperf3 --version
  | iperf 3.18
$ iperf3 --help
  |  --bind-dev --json-stream
"""
MODES = {
    "active-backup": "fault-tolerance (active-backup)",
    "802.3ad": "IEEE 802.3ad Dynamic link aggregation",
    "balance-xor": "load balancing (xor)",
    "balance-rr": "load balancing (round-robin)",
    "balance-tlb": "transmit load balancing",
    "broadcast": "fault-tolerance (broadcast)",
}
POLICY = "/proc/sys/net/ipv4/fib_multipath_hash_policy"


def install(system: LabSystem, **versions: str | None) -> None:
    """Give a simulated machine other versions of tools, or take them away."""
    tools = dict(system.world.spec.tools)
    for name, version in versions.items():
        tools.pop(name, None)
        if version is not None:
            tools[name] = version
    object.__setattr__(system.world.spec, "tools", tools)


def first_frame(system: System) -> Frame:
    """One look at a machine."""
    stop = Event()
    source = LiveSource(system, everything=True)
    frame = next(frames(source, stop))
    stop.set()
    return frame


def planned(request: LoadRequest, name: str = "pacu") -> LoadPlan:
    """A test as it would be run on a simulated machine."""
    system = load_lab(name, ManualClock())
    return plan_load(system, first_frame(system), request)


def run_load(
    system: System,
    request: LoadRequest,
    *,
    timing: Timing = BRIEF,
    armed: bool = True,
    sensors: Sequence[str] | None = None,
    record: Path | None = None,
    started: Callable[[LoadRun], None] = lambda run: None,
) -> Outcome:
    """Run a test to its end and return its outcome."""

    def make(frame: Frame) -> LoadRun:
        plan = plan_load(system, frame, request)
        assert plan.refusals == () and plan.port is not None
        writer = RunWriter(record, system.wall()) if record else None
        if writer:
            writer.begin(started=system.wall(), plan=plan.document(), note="", fingerprint={})
        options = GuardOptions(armed, None if sensors is None else frozenset(sensors))
        return LoadRun(system, plan, HeatGuard.of(plan, options), timing=timing, record=writer)

    return follow(system, make, started)


def follow(system: System, make: Callable[[Frame], R], started: Callable[[R], None]) -> Outcome:
    """Make a run with the first frame and run it, its frames read by a thread of their own."""
    stop, over = Event(), Event()
    source = LiveSource(system, patience=5.0)
    found = frames(source, stop)
    frame = next(found)
    run = make(frame)

    def feed() -> None:
        for each in found:
            run.frame(each)
        over.set()

    run.frame(frame)
    started(run)
    system.clock.thread(feed, "frames")
    try:
        return run.run()
    finally:
        stop.set()
        system.clock.wait(5.0, over)
        source.close()


def wait_for_the_far_end(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers serve nobody, until they are ended."""

    def serving(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        system.wait(math.inf, stop)
        return Finished(-15, "", "")

    monkeypatch.setattr(system, "stream", serving)


def simulated(name: str = "pacu", seed: int = 0) -> LabSystem:
    """A simulated machine whose time passes when all wait for it."""
    return load_lab(name, ManualClock(), seed)


class Running(CapturedSystem):
    """A captured machine that could run something."""

    captured = False


@dataclass
class Host:
    """A machine with ports of one card, and what stands on them."""

    links: list[dict[str, object]] = field(default_factory=list)
    text: str = IPERF3
    route: list[str] = field(default_factory=lambda: ["bond0"])

    def link(self, index: int, name: str, **more: object) -> Host:
        self.links.append({"index": index, "name": name, "type": 1, "flags": 4099} | more)
        return self

    def real(self, index: int, name: str, **more: object) -> Host:
        return self.link(index, name, parent=f"0000:43:00.{index}", parent_bus="pci", **more)

    def bond(self, mode: str, *slaves: str, active: str = "", policy: str = "") -> Host:
        lines = [f"Bonding Mode: {MODES[mode]}"]
        lines += [f"Transmit Hash Policy: {policy} (1)"] if policy else []
        lines += [f"Currently Active Slave: {active}"] if active else []
        lines += ["Aggregator ID: 1"] if mode == "802.3ad" else []
        for slave in slaves:
            name, _, state = slave.partition(" ")
            lines += [f"Slave Interface: {name}", f"MII Status: {'down' if state else 'up'}"]
            lines += [f"Aggregator ID: {2 if state == 'other' else 1}"] if mode == "802.3ad" else []
        body = "\n".join(f"  | {line}" for line in lines)
        self.text += f"/proc/net/bonding/bond0:\n{body}\n"
        return self

    @property
    def system(self) -> Running:
        answer = json.dumps({"dev": self.route[0], "devs": self.route, "src": "10.0.0.2"})
        lines = f"? links = {json.dumps(self.links)}\n? route {PEER} = {answer}\n"
        capture = parse_capture(f"{HEADER}\n{self.text}{lines}")
        return Running("host", capture, capture)

    def way(self, shown: Frame, **more: object) -> Way:
        return find_way(self.system, shown, LoadRequest(PEER, **more))  # type: ignore[arg-type]

    def plan(self, shown: Frame, **more: object) -> LoadPlan:
        plan = plan_load(self.system, shown, LoadRequest(PEER, **more))  # type: ignore[arg-type]
        assert not plan.refusals
        return plan


def bonded() -> Host:
    host = Host(text=f"{IPERF3}{POLICY} = 1\n")
    host.real(3, "eth0", master=9).real(4, "eth1", master=9)
    return host.link(9, "bond0", kind="bond")


def shown(*ports: Port, **links: Link) -> Frame:
    """These ports after two seconds, all of them up unless `links` says more."""
    ticks = (0.0, 2.0)
    return frame(
        *(
            sample(t, *(ethernet(p, t, 0, 1e9, module=50, link=links.get(p.name)) for p in ports))
            for t in ticks
        )
    )


def slaves(*ports: Port) -> list[Port]:
    return [port._replace(bond="bond0", bond_kind="bond") for port in ports]
