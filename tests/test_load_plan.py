"""A load test is planned from the hardware, and refused where it would measure something else."""

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.load.commands import may_bind
from mlxtop.load.iperf3 import Client, Iperf3, client_command
from mlxtop.load.iperf3_plan import layout
from mlxtop.load.plan import plan_load
from mlxtop.load.request import LoadRequest
from mlxtop.model.load import Direction, Tool
from mlxtop.model.sample import Link, LinkLayer, LinkState
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Answer, Question

from .load_lab import PEER, A, Host, first_frame, install, planned, shown
from .samples import frame, sample


def test_streams_follow_the_speed_and_the_expected_rate_the_narrowest_limit() -> None:
    plan = planned(LoadRequest(PEER))
    assert plan.refusals == ()
    assert plan.streams == 8, "100G"
    assert plan.expected == pytest.approx(58.4e9, rel=0.01), "PCIe Gen3 x8"
    assert "0000:40:03.0" in (plan.bound_by or "")
    assert plan.server == ("iperf3 -s -1 -p 5201",)
    (line,) = plan.lines
    assert f"-c {PEER} -p 5201 -t 10 -i 1 -P 8" in line
    assert "-B 10.0.0.2 --bind-dev enp67s0np0" in line
    assert line.endswith("--json-stream")


def with_iperf3(version: str) -> LabSystem:
    system = load_lab("pacu", ManualClock())
    install(system, iperf3=version)
    return system


def test_a_single_threaded_iperf3_runs_several_times() -> None:
    system = with_iperf3("3.12")
    plan = plan_load(system, first_frame(system), LoadRequest(PEER))
    assert plan.tool_version == "3.12"
    assert len(plan.commands) == 4 and plan.streams == 8
    for number, command in enumerate(plan.commands):
        assert command[command.index("-p") + 1] == str(5201 + number)
        assert command[command.index("-P") + 1] == "2"
        assert "--forceflush" in command and "--json-stream" not in command
    cores = [command[command.index("-A") + 1] for command in plan.commands]
    assert len(set(cores)) == 4, "a core of its own for each, beside the card"
    assert plan.server == (
        "iperf3 -s -1 -p 5201 &",
        "iperf3 -s -1 -p 5202 &",
        "iperf3 -s -1 -p 5203 &",
        "iperf3 -s -1 -p 5204",
    )
    assert any("4 servers" in note for note in plan.notes)


def test_every_choice_of_the_person_counts() -> None:
    request = LoadRequest(
        PEER,
        direction=Direction.RECEIVE,
        seconds=60,
        omit=2,
        interval=0.5,
        streams=3,
        processes=2,
        udp=True,
        bitrate=30e9,
        port=6000,
        zero_copy=True,
        affinity="off",
    )
    plan = planned(request)
    assert [command[command.index("-P") + 1] for command in plan.commands] == ["2", "1"]
    for word in ("-t 60", "-O 2", "-i 0.5", "-R", "-u", "-b 10000000000", "-p 6000", "-Z"):
        assert word in plan.lines[0]
    assert "taskset" not in plan.lines[0]
    assert plan.expected == pytest.approx(30e9), "the bitrate bounds it"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (LoadRequest("10.0.0.2"), "is an address of this host"),
        (LoadRequest("127.0.0.1"), "is an address of this host"),
        (LoadRequest("-oProxyCommand=x"), "neither a host name nor an address"),
        (LoadRequest("a b"), "neither a host name nor an address"),
        (LoadRequest(PEER, via="eth9"), "no port eth9 (shown: "),
        (LoadRequest(PEER, udp=True), "UDP needs a bitrate"),
        (LoadRequest(PEER, affinity="x"), "no list of cores"),
        (LoadRequest(PEER, tool=Tool.IB_SEND_LAT, direction=Direction.BOTH), "no direction"),
    ],
)
def test_what_would_measure_something_else_is_refused(request_: LoadRequest, why: str) -> None:
    plan = planned(request_)
    assert any(why in refusal for refusal in plan.refusals), plan.refusals


def test_without_iperf3_it_says_how_to_install_it() -> None:
    system = load_lab("pacu", ManualClock())
    install(system, iperf3=None)
    plan = plan_load(system, first_frame(system), LoadRequest(PEER))
    assert plan.refusals == ("iperf3 is not installed; on Debian and Ubuntu: apt install iperf3",)


def test_a_captured_machine_runs_nothing() -> None:
    capture = parse_capture(HEADER)
    system = CapturedSystem("x", capture, capture)
    assert plan_load(system, first_frame(system), LoadRequest(PEER)).refusals


def test_a_target_behind_another_port_is_bound_to_the_named_one_and_told() -> None:
    plan = planned(LoadRequest("192.168.1.7", via="mlx5_0"))
    assert plan.refusals == ()
    assert "--bind-dev enp67s0np0" in plan.lines[0]
    assert any("eno1" in warning for warning in plan.warnings)
    system = load_lab("pacu", ManualClock())
    frame = first_frame(system)
    ports = {port: f for port, f in frame.ports.items() if f.now.port.is_mlx}
    hidden = plan_load(system, frame._replace(ports=ports), LoadRequest("192.168.1.7"))
    assert "none of the ports shown" in hidden.refusals[0]


def test_who_moves_data_by_rdma_over_the_port_is_warned_of() -> None:
    system = load_lab("dgx", ManualClock())
    plan = plan_load(system, first_frame(system), LoadRequest("10.60.0.1"))
    assert plan.refusals == ()
    told = "NVMe/RDMA host uses mlx5_100 with 65 QPs: the test takes bandwidth from it"
    assert told in plan.warnings
    idle = plan_load(system, first_frame(system), LoadRequest("10.71.0.1"))
    assert not any("QPs" in warning for warning in idle.warnings)


def test_an_option_that_this_iperf3_lacks_is_refused_with_the_version_that_has_it() -> None:
    class Old(CapturedSystem):
        captured = False

        def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
            if question is Question.ROUTE:
                return {"dev": "enp67s0np0", "src": "10.0.0.2", "local": False, "via": None}
            return super().ask(question, subject, *details)

    capture = parse_capture(
        f"{HEADER}\n$ iperf3 --version\n  | iperf 3.6\n$ iperf3 --help\n  |  -R, --reverse\n"
    )
    frame = first_frame(load_lab("pacu", ManualClock()))
    request = LoadRequest(PEER, direction=Direction.BOTH)
    plan = plan_load(Old("x", capture, capture), frame, request)
    assert plan.refusals == ("iperf3 3.6 has no --bidir; 3.7 and later have it",)
    assert any("at the end" in warning for warning in plan.warnings)


def test_threads_are_kept_on_the_cards_node_and_one_core_is_not_made_to_carry_them_all() -> None:
    tool = Iperf3("/usr/bin/iperf3", (3, 18), frozenset({"--affinity", "--json-stream"}))
    client = Client(PEER, None, None, 5201, 8, 8, None, "16-31")
    argv = client_command(tool, LoadRequest(PEER), client)
    assert argv[:3] == ("taskset", "-c", "16-31")
    assert "-A" not in argv


def test_perftest_is_run_on_the_ports_rdma_device() -> None:
    plan = planned(LoadRequest(PEER, tool=Tool.IB_WRITE_BW, seconds=5))
    assert plan.refusals == ()
    (line,) = plan.lines
    assert line.startswith("ib_write_bw -d mlx5_0 -i 1 ")
    assert line.endswith(f"-D 5 -F -f 1 --report_gbits {PEER}")
    assert plan.server[0].startswith("ib_write_bw -d DEVICE")


@pytest.mark.parametrize(
    ("rate", "streams", "processes"),
    [
        (12.5e9, 1, 1),
        (12.6e9, 2, 1),
        (25e9, 2, 1),
        (25.1e9, 3, 2),
        (200e9, 16, 8),
        (400e9, 16, 8),
    ],
)
def test_streams_and_processes_follow_from_the_rate(
    rate: float, streams: int, processes: int
) -> None:
    old = Iperf3("/usr/bin/iperf3", (3, 12), frozenset())
    new = Iperf3("/usr/bin/iperf3", (3, 16), frozenset())
    assert layout(old, LoadRequest(PEER), rate) == (streams, processes)
    assert layout(new, LoadRequest(PEER), rate) == (streams, 1)


@pytest.mark.parametrize(
    ("bps", "mtu", "advised"),
    [(10_000_000_000, 1500, True), (9_999_000_000, 1500, False), (10_000_000_000, 1501, False)],
)
def test_a_larger_mtu_is_advised_from_10_gigabit_on(bps: int, mtu: int, advised: bool) -> None:
    link = Link(LinkLayer.ETHERNET, LinkState.UP, speed=bps, mtu=mtu)
    host = Host(route=["eth0"]).real(3, "eth0")
    notes = host.plan(shown(A, eth0=link)).notes
    assert any(note.startswith(f"MTU {mtu}: ") for note in notes) is advised


@pytest.mark.parametrize(("kernel", "allowed"), [("5.6.19", False), ("5.7.0", True)])
def test_a_device_may_be_bound_to_without_root_since_5_7(kernel: str, allowed: bool) -> None:
    now = sample(1.0)
    host = now.host._replace(kernel=kernel, root=False)
    assert may_bind(frame(now._replace(host=host))) is allowed


@pytest.mark.parametrize(("seconds", "margins"), [(5, True), (6, False)])
def test_a_short_perftest_gets_short_margins(seconds: int, margins: bool) -> None:
    (command,) = planned(LoadRequest(PEER, tool=Tool.IB_WRITE_BW, seconds=seconds)).commands
    assert ("-f" in command) is margins
