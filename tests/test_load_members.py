"""A load through a bond, a bridge or several next hops guards and judges every port it can take."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import pytest

from mlxtop import lab
from mlxtop.lab import LabSystem
from mlxtop.load.course import LoadCourse
from mlxtop.load.guard import HeatGuard
from mlxtop.load.members import Members, find_members
from mlxtop.load.outcome import Phase
from mlxtop.load.plan import plan_load
from mlxtop.load.request import LoadMember, LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused, Way, find_way
from mlxtop.load.runner import LoadRun
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.load import Direction
from mlxtop.model.sample import Link, LinkState, PortSample, Temperature
from mlxtop.system.capture_file import HEADER, parse_capture
from mlxtop.system.captured import CapturedSystem

from .load_lab import run_load, simulated
from .samples import ethernet, frame, mlx5_port, sample

PEER = "10.0.0.3"
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


POLICY = "/proc/sys/net/ipv4/fib_multipath_hash_policy"


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


def names(members: Members) -> tuple[set[str], list[set[str]]]:
    """The ports, and those that carry the traffic together."""
    choices = [{port.now.port.name for port in choice} for choice in members.choices]
    return {port.now.port.name for port in members.ports}, choices


BOTH = {"eth0", "eth1"}
EACH = [{"eth0"}, {"eth1"}]
SEND, RECEIVE = Direction.SEND, Direction.RECEIVE


@pytest.mark.parametrize(
    ("bond", "direction", "choices"),
    [
        (bonded().bond("active-backup", "eth0", "eth1", active="eth1"), SEND, [{"eth1"}]),
        (bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4"), SEND, [BOTH]),
        (bonded().bond("802.3ad", "eth0", "eth1", policy="layer2"), SEND, EACH),
        (bonded().bond("802.3ad", "eth0", "eth1", policy="layer2"), RECEIVE, [BOTH]),
        (bonded().bond("802.3ad", "eth0", "eth1 other", policy="layer3+4"), SEND, [{"eth0"}]),
        (bonded().bond("balance-xor", "eth0 down", "eth1", policy="layer3+4"), SEND, [{"eth1"}]),
        (bonded().bond("balance-rr", "eth0", "eth1"), SEND, [BOTH]),
        (bonded().bond("balance-tlb", "eth0", "eth1"), RECEIVE, EACH),
        (bonded().bond("broadcast", "eth0 down", "eth1"), SEND, [{"eth1"}]),
        (bonded(), SEND, [BOTH]),
    ],
)
def test_every_member_of_a_bond_is_guarded_and_its_mode_says_which_carry_traffic(
    bond: Host, direction: Direction, choices: list[set[str]]
) -> None:
    way = bond.way(shown(A, B), direction=direction)
    assert names(way.members) == (BOTH, choices)
    assert {port.now.port.name for port in way.guarded} == BOTH
    assert way.port.now.port.name in set().union(*choices)


@pytest.mark.parametrize(
    "above", [{"kind": "vlan", "link": 9}, {"kind": "macvlan", "link": 9}, {"kind": "bridge"}]
)
def test_what_stands_on_a_bond_stands_on_all_its_members(above: dict[str, object]) -> None:
    host = bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4").link(12, "top", **above)
    host.route = ["top"]
    if above["kind"] == "bridge":
        host.links[2]["master"] = 12
        host.link(13, "tap0", kind="tun", master=12)
    assert names(host.way(shown(A, B)).members) == (BOTH, [BOTH])


def test_a_bond_without_files_is_known_by_its_ports() -> None:
    host = Host()
    assert names(find_members(host.system, shown(*slaves(A, B), C), ["bond0"]))[0] == BOTH


def test_a_member_that_is_not_shown_cannot_be_guarded_and_is_refused() -> None:
    host = bonded().bond("802.3ad", "eth0", "eth1")
    with pytest.raises(LoadRefused, match=r"bond0 also uses eth1, which is not shown"):
        host.way(shown(A))


def test_a_bond_that_is_shown_itself_is_its_members() -> None:
    bond = Port(PortId("bond0", 1), PortKind.VIRTUAL, netdev="bond0", devtype="bond")
    host = bonded().bond("balance-rr", "eth0", "eth1")
    for via in (None, "bond0"):
        way = host.way(shown(bond, A, B), via=via)
        assert names(way.members) == (BOTH, [BOTH])
        assert (way.device, way.warnings) == ("bond0", ())


def test_a_backup_that_is_named_is_told_to_carry_nothing() -> None:
    host = bonded().bond("active-backup", "eth0", "eth1", active="eth1")
    way = host.way(shown(A, B), via="eth0")
    assert way.port.now.port.name == "eth1"
    assert way.notes[0] == "eth0 carries nothing now: bond0 uses eth1"
    with pytest.raises(LoadRefused, match="eth0 has no link"):
        host.way(shown(A, B, eth0=Link(state=LinkState.DOWN)), via="eth0")


def routed(policy: str = "1") -> Host:
    host = Host(route=["eth1", "eth0", "eth2"]).real(3, "eth0").real(4, "eth1").real(5, "eth2")
    host.text += f"{POLICY} = {policy}\n"
    return host


def test_all_next_hops_are_guarded_and_the_load_is_bound_to_none() -> None:
    plan = routed().plan(shown(A, B, C))
    assert [member.name for member in plan.members if member.carries] == ["eth1", "eth0", "eth2"]
    assert not {"-B", "--bind-dev"} & set(plan.commands[0])
    assert plan.speed == 300e9
    alone = routed("0").plan(shown(A, B, C))
    assert len(alone.members) == 3 and alone.speed == 100e9


def test_the_next_hop_that_is_named_carries_the_load_and_all_are_guarded() -> None:
    plan = routed().plan(shown(A, B, C), via="eth0")
    assert [member.name for member in plan.members if member.carries] == ["eth0"]
    assert "--bind-dev eth0" in plan.lines[0]
    assert plan.document()["guarded"] == ["eth1", "eth0", "eth2"]


def test_a_virtual_function_is_guarded_by_the_port_that_it_belongs_to() -> None:
    function = A._replace(
        id=PortId("0000:43:01.0", 1), kind=PortKind.VF, function="0000:43:01.0", netdev="vf0"
    )
    host = Host(route=["vf0"]).real(3, "eth0").real(7, "vf0")
    host.text += "/sys/bus/pci/devices/0000:43:01.0/physfn -> ../0000:43:00.0\n"
    way = host.way(shown(A, function))
    assert [port.now.port.name for port in way.members.ports] == ["vf0"]
    assert [port.now.port.name for port in way.guarded] == ["vf0", "eth0"]


def test_expected_is_what_all_members_carry_together() -> None:
    lone = Host(route=["eth0"]).real(3, "eth0").plan(shown(A))
    wide = shown(A, B)
    wide = wide._replace(sample=wide.sample._replace(pcie={}))
    both = bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4").plan(wide)
    one = bonded().bond("802.3ad", "eth0", "eth1", policy="layer2").plan(wide)
    assert (both.speed, one.speed) == (200e9, 100e9)
    assert both.expected is not None and one.expected is not None
    assert both.expected == pytest.approx(2 * one.expected)
    assert both.bound_by is not None and "; link: 100.0 Gb/s" in both.bound_by
    shared = bonded().bond("802.3ad", "eth0", "eth1", policy="layer3+4").plan(shown(A, B))
    assert shared.expected == lone.expected, "both are behind one PCIe link"


def heat(port: Port, tick: float, celsius: float | None = 50.0, up: bool = True) -> PortSample:
    """A port with the reading of its module; None: none."""
    link = Link(state=LinkState.UP if up else LinkState.DOWN)
    reading = Temperature("module", celsius, tick, critical=80.0)
    one = ethernet(port, tick, 0, 0, link=link)
    return one._replace(temperatures=() if celsius is None else (reading,))


def guard(*ports: Port) -> HeatGuard:
    return HeatGuard([port.id for port in ports], masters=["bond0"])


def test_the_module_of_any_member_stops_the_load() -> None:
    watching = guard(A, B)
    assert watching.look(frame(sample(1.0, heat(A, 1.0), heat(B, 1.0)))) is None
    reason = watching.look(frame(sample(2.0, heat(A, 2.0), heat(B, 2.0, 70.0))))
    assert reason == "eth1 module at 70.0 °C, warning limit 70 °C"
    assert [sensor.name for sensor in watching.sensors] == ["eth0 module", "eth1 module"]


def test_a_member_whose_link_is_down_may_lose_its_module_until_it_comes_back() -> None:
    watching = guard(A, B)
    assert watching.look(frame(sample(1.0, heat(A, 1.0), heat(B, 1.0)))) is None
    for tick in (2.0, 3.0):
        down = heat(A, tick, None, up=False)
        assert watching.look(frame(sample(tick, down, heat(B, tick)))) is None
    back = frame(sample(4.0, heat(A, 4.0, None), heat(B, 4.0)))
    assert watching.look(back) == "the eth0 module sensor is gone"
    hot = frame(sample(5.0, heat(A, 5.0, 79.0, up=False), heat(B, 5.0)))
    assert watching.look(hot) == "eth0 module at 79.0 °C, warning limit 70 °C"


def test_a_member_that_is_gone_stops_the_load() -> None:
    watching = guard(A, B)
    watching.look(frame(sample(1.0, heat(A, 1.0), heat(B, 1.0))))
    assert watching.look(frame(sample(2.0, heat(A, 2.0)))) == "eth1 is gone"


def test_a_port_that_joins_the_bond_on_the_way_is_guarded_as_well() -> None:
    watching = guard(A)
    one, late = slaves(A, B)
    assert watching.look(frame(sample(1.0, heat(one, 1.0), heat(B, 1.0, 79.0)))) is None
    reason = watching.look(frame(sample(2.0, heat(one, 2.0), heat(late, 2.0, 79.0))))
    assert reason == "eth1 module at 79.0 °C, warning limit 70 °C"
    assert watching.joined == [B.id]


def course(*frames: Frame, ports: tuple[Port, ...] = (A, B)) -> LoadCourse:
    """What a load did whose first frame is from before it."""
    members = tuple(LoadMember(port.id, port.name, True) for port in ports)
    made = LoadCourse(LoadPlan(LoadRequest(PEER), members=members), None)
    for place, one in enumerate(frames):
        made.note(one, Phase.LOAD if place else Phase.WAITING, ())
        if place:
            made.judge(one)
    return made


def carrying(*rates: float, errors: tuple[int, int] = (0, 0)) -> list[Frame]:
    """Frames of two ports that send at these rates, the second with errors."""
    found: list[Frame] = []
    for tick in (0.0, 1.0, 2.0):
        one, two = (ethernet(p, tick, 0, r) for p, r in zip((A, B), rates, strict=True))
        if tick:
            two = ethernet(B, tick, 0, rates[1], errors=errors[1])
        now = sample(tick, one, two)._replace(pcie={})
        found.append(derive(now, found[-1] if found else None))
    return found


def test_rates_and_errors_of_all_members_are_those_of_the_load() -> None:
    made = course(*carrying(4e9, 9e9, errors=(0, 7)))
    assert made.rate(None) == pytest.approx(13e9, rel=0.01)
    assert made.rate(B.id) == pytest.approx(9e9, rel=0.01), "a soak is about one module"
    moved = {moved.name: moved.events for moved in made.moved()}
    assert moved["eth1 FrameCheckSequenceErrors"] == 7
    assert "eth0 FrameCheckSequenceErrors" not in moved


def test_the_verdict_is_about_the_member_that_is_at_its_limit() -> None:
    verdict = course(*carrying(4e9, 98e9)).verdicts[-1]
    assert verdict.limit is not None and verdict.detail.startswith("eth1: ")
    assert any(text.startswith("eth0: link 4 %") for text in verdict.ruled_out)
    idle = course(*carrying(0.0, 20e9)).verdicts[-1]
    assert (idle.limit, idle.detail) == (None, "no limit found on this side")


# A whole run on a simulated machine whose two ports are a bond


@pytest.fixture
def bond_host(monkeypatch: pytest.MonkeyPatch) -> LabSystem:
    capture, physics = lab._read("pacu")
    ports = physics["card"]["a"]["port"]
    ports["1"]["bond"] = "bond0"
    ports["2"] = ports["1"] | {"netdev": "enp67s0np1", "rdma": "mlx5_1", "ip": "", "peer": ""}
    physics["network"] = {"bonds": {"bond0": "balance-rr"}}
    monkeypatch.setattr(lab, "_read", lambda name: (capture, physics))
    return simulated("pacu")


def heat_second_module(system: LabSystem) -> None:
    """Let the module of the second port, which carries nothing, be too hot from now on."""
    with system.world.lock:
        module = system.world.heats[0].modules[1]
        module.spec = replace(module.spec, idle=10.0)  # W
        module.celsius = 79.0


def test_a_hot_module_of_the_second_member_lets_no_load_begin(bond_host: LabSystem) -> None:
    heat_second_module(bond_host)
    outcome = run_load(bond_host, LoadRequest(PEER, seconds=5))
    assert outcome.ended.startswith("stopped by the heat guard: enp67s0np1 module at ")
    assert outcome.intervals == ()


def test_a_module_of_the_second_member_that_gets_hot_ends_the_load(bond_host: LabSystem) -> None:
    def soon(run: LoadRun) -> None:
        def tell() -> None:
            if len(run.status().intervals) >= 3:
                heat_second_module(bond_host)

        run._tell = tell

    outcome = run_load(bond_host, LoadRequest(PEER, seconds=60), started=soon)
    assert outcome.ended.startswith("stopped by the heat guard: enp67s0np1 module at ")
    assert 3 <= len(outcome.intervals) < 60
    assert outcome.plan.document()["ports"] == ["enp67s0np0", "enp67s0np1"]
    assert outcome.verdict is not None and outcome.verdict.detail.startswith("enp67s0np0: ")
