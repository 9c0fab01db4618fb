"""What there is to measure on a port, and what cannot be."""

from __future__ import annotations

from threading import Event

from mlxtop.lab import LabSystem
from mlxtop.load.measure import SIZES, MeasurePlan, plan_measure
from mlxtop.load.request import LoadRequest
from mlxtop.load.sweep import parse_axis
from mlxtop.model.frame import Frame
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames

from .load_lab import install, simulated

PEERS = {"tiny": "10.40.0.1", "odroid": "10.10.10.21", "pacu": "10.0.0.3"}


def shown(system: LabSystem) -> Frame:
    stop = Event()
    source = LiveSource(system, patience=5.0)
    frame = next(frames(source, stop))
    stop.set()
    source.close()
    return frame


def plan(name: str, *axes: str, **tools: str | None) -> MeasurePlan:
    system = simulated(name)
    install(system, **tools)
    request = LoadRequest(PEERS[name], seconds=5)
    return plan_measure(system, shown(system), request, [parse_axis(a) for a in axes])


def test_everything_that_makes_sense_is_planned_with_its_length_and_servers() -> None:
    found = plan("tiny")
    assert all(item.reason is None for item in found.items)
    groups = {item.group for item in found.items}
    assert groups == {"TCP", "UDP", "RDMA", "latency"}
    assert 300 < found.seconds < 900
    lines = [line for item in found.items for line in item.plan.lines]
    assert any("--bidir" in line for line in lines) and any(" -R" in line for line in lines)
    for size in SIZES:
        assert any(f"-s {size} " in line and "ib_read_bw" in line for line in lines)
    servers = found.servers
    assert "iperf3 -s -p 5201 &" in servers and "qperf &" in servers
    loops = [line for line in servers if line.startswith("while sleep 0.2; do ib_")]
    ports = [line.split(" -p ")[1].split(";")[0] for line in loops]
    assert len(set(ports)) == len(ports) > 10, "they wait side by side"


def test_a_tool_that_is_missing_stands_in_the_plan_with_its_package() -> None:
    found = plan("pacu", nuttcp=None, iperf=None, qperf=None)
    reasons = {item.key: item.reason for item in found.items if item.reason}
    assert reasons["nuttcp"].endswith("apt install nuttcp")
    assert reasons["iperf"].endswith("apt install iperf")
    assert reasons["tcp-lat"].endswith("apt install qperf")
    assert "tcp" not in reasons and len(found.possible) == len(found.items) - len(reasons)


def test_what_another_mtu_or_mode_would_give_is_reckoned() -> None:
    (note,) = plan("tiny").notes
    assert note.startswith(
        "MTU 9000 leaves 39.6 Gb/s of the line for TCP; MTU 1500 would leave 37."
    )
    first, second = plan("odroid").notes
    assert first.startswith("IPoIB is connected, MTU 65520: TCP gets ")
    assert "; datagram, MTU 2044 would leave" in first and "--change-mtu tries it" in second


def test_a_sweep_has_its_points_alone() -> None:
    found = plan("tiny", "streams=1,4", "size=64..256")
    assert [item.key for item in found.items][:2] == ["streams=1 size=64", "streams=1 size=128"]
    assert len(found.items) == 6
    assert found.items[3].plan.streams == 4
    assert all(item.plan.request.omit == 1 for item in found.items), "as in the whole table"


def test_a_sweep_leaves_slow_start_out_only_where_the_tool_can() -> None:
    found = plan("tiny", "tool=iperf3,nuttcp")
    assert [item.plan.request.omit for item in found.possible] == [1, 0]
    found = plan("tiny", "omit=1,3")
    assert [item.plan.request.omit for item in found.possible] == [1, 3]


def test_another_mtu_is_not_set_for_a_sweep() -> None:
    found = plan("tiny", "mtu=1500,9000")
    assert [item.reason is None for item in found.items] == [False, True]
    assert found.items[0].reason == "MTU 9000 is set now: --change-mtu sets it for these tests"
    assert found.change is None


def test_a_host_that_no_port_leads_to_is_refused() -> None:
    system = simulated("tiny")
    found = plan_measure(system, shown(system), LoadRequest("10.40.0.2"))
    assert found.items == () and found.refusal is not None
