"""Two network namespaces as two machines: ssh, real iperf3 and the screen between them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import netns
from tests.ssh_lab import MISSING, Far, agents, soon
from tests.terminal import Terminal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(MISSING, reason="needs root, ssh and sshd"),
]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    """An sshd in one namespace; mlxtop runs in the other."""
    if reason := netns.missing():
        pytest.skip(reason)
    with netns.pair() as pair:
        one = Far(tmp_path, 22022, pair.far_address, netns=pair.far, near=pair.near)
        try:
            one.start(one.with_mlxtop())
            asked = ["ssh", "-F", str(one.home / ".ssh" / "config"), "fry", "true"]
            asked = ["ip", "netns", "exec", pair.near, *asked]
            done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            assert done.returncode == 0, (done.stderr, (tmp_path / "sshd.log").read_text())
            yield one
        finally:
            one.stop()
    assert soon(lambda: not agents(one.far_home)), "a far side was left running"


OTHERS = ("iperf", "nuttcp", "qperf")
TOOLS = ("iperf3", *OTHERS)


def cut(far: Far, state: str = "down") -> None:
    subprocess.run(["ip", "-n", far.netns, "link", "set", "far0", state], check=True)


def of_tools(far: Far) -> list[str]:
    """Processes in both namespaces that make load."""
    pids = []
    for host in (far.near, far.netns):
        argv = ["ip", "netns", "pids", host]
        pids += subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    argv = ["ps", "-o", "comm=", "-p", ",".join(pids)]
    shown = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    return [name for name in shown.split() if name in TOOLS]


def loads(far: Far, seconds: int, *tools: str) -> list[subprocess.Popen[str]]:
    """Start a load by each tool."""
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        pytest.skip(f"{', '.join(missing)}: not installed")
    argv = ("--all", "load", "fry", "--ssh", "--cooldown", "0", "--json", "-t", str(seconds))
    # nuttcp's port for data is iperf's usual one
    ports = {tool: str(6000 + 10 * place) for place, tool in enumerate(tools)}
    return [far.begin(*argv, "--tool", tool, "-p", ports[tool]) for tool in tools]


def test_each_machine_has_its_own_end_of_the_link(far: Far) -> None:
    done = far.run("--all", "-H", "fry", "--once", "--json")
    names = [
        [port["netdev"] for card in one["adapters"] for port in card["ports"]]
        for one in json.loads(done.stdout)["machines"]
    ]
    both = [name for name in names[0] + names[1] if name in ("near0", "far0")]
    assert both == ["near0", "far0"], done.stderr


def test_both_ends_of_the_link_are_matched_by_what_the_kernels_have_met(far: Far) -> None:
    ping = ["ip", "netns", "exec", far.near, "ping", "-c", "1", far.address]
    subprocess.run(ping, check=True, capture_output=True)
    done = far.run("--all", "-H", "fry", "--once", "--json")
    (link,) = json.loads(done.stdout)["links"]
    assert [end["port"] for end in link["ends"]] == ["near0", "far0"]
    assert (link["by"], link["sure"]) == ("neighbour table", "likely")
    there, back = link["directions"]
    assert there["sent_bps"] > 0 and back["sent_bps"] > 0
    assert "kernel" in there["absent"]["packets"]


def test_a_load_finds_the_address_of_the_link_and_serves_it(far: Far) -> None:
    done = far.run("--all", "load", "fry", "--ssh", "-t", "2", "--json", "--cooldown", "0")
    result = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert result["plan"]["target"] == "10.99.7.2"
    assert result["result"]["received_bps"] > 1e6
    assert soon(lambda: of_tools(far) == []), of_tools(far)
    runs = list(far.home.glob(".local/state/mlxtop-nic/runs/*.jsonl"))
    (head, *_) = runs[0].read_text().splitlines()
    assert json.loads(head)["far"]["host"] == "fry"
    kinds = {json.loads(line)["kind"] for line in runs[0].read_text().splitlines()}
    assert "far" in kinds


def test_every_tool_of_the_kernel_is_served_over_ssh(far: Far) -> None:
    for near in loads(far, 2, *OTHERS):
        out, err = near.communicate(timeout=60)
        assert near.returncode == 0, err
        document = json.loads(out)
        flow = document["result"]
        assert document["ended"] == "complete"
        assert max(flow["sent_bps"] or 0, flow["received_bps"] or 0) > 1e6
    assert soon(lambda: of_tools(far) == []), of_tools(far)


def test_no_server_survives_a_killed_near_side(far: Far) -> None:
    started = loads(far, 60, *TOOLS)
    assert soon(lambda: all(of_tools(far).count(tool) >= 2 for tool in TOOLS), 30), of_tools(far)
    for near in started:
        near.kill()
    assert soon(lambda: of_tools(far) == [], 20), of_tools(far)
    for near in started:
        near.communicate(timeout=20)


def test_a_measurement_starts_and_ends_the_server_of_each_test(far: Far) -> None:
    sweep = ("--sweep", "streams=1,2", "--tool", "iperf")
    done = far.run("--all", "measure", "fry", "--ssh", *sweep, "-t", "1", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["failed"] for row in rows] == [False, False], done.stderr
    assert of_tools(far) == []


def test_no_iperf3_survives_an_interrupted_near_side(far: Far) -> None:
    near = far.begin("--all", "load", "fry", "--ssh", "-t", "60")
    assert soon(lambda: len(of_tools(far)) >= 2, 20)
    near.send_signal(signal.SIGINT)
    assert soon(lambda: of_tools(far) == [], 10), of_tools(far)
    near.communicate(timeout=20)


def test_a_cut_network_is_told_and_healed_and_leaves_nothing(far: Far) -> None:
    near = far.begin("--all", "-H", "fry", "--no-local", "--json-stream", "-d", "0.5")
    (load,) = loads(far, 300, "iperf")
    assert near.stdout is not None and near.stderr is not None
    try:
        assert json.loads(near.stdout.readline())["host"]
        assert soon(lambda: len(of_tools(far)) >= 2, 30)
        cut(far)
        began = time.monotonic()
        line = near.stderr.readline()
        assert line.startswith("mlxtop: fry: ") and time.monotonic() - began < 40, line
        assert soon(lambda: not agents(far.far_home), 45), "the far side goes on without a network"
        out, err = load.communicate(timeout=45)
        assert json.loads(out)["ended"].startswith("failed: fry is lost: "), err
        assert soon(lambda: of_tools(far) == []), of_tools(far)
        cut(far, "up")
        assert [json.loads(near.stdout.readline())["host"] is not None for _ in range(8)]
    finally:
        near.terminate()
        near.wait(10)


def test_the_screen_shows_a_lost_machine_and_leaves_the_terminal_as_it_was(far: Far) -> None:
    argv = far.argv("--all", "-H", "fry")
    environ = {**far.environ, "TERM": "xterm-256color"}
    with Terminal(argv, environ=environ) as terminal:
        assert terminal.shows("near0") and terminal.shows("far0")
        far.stop()
        assert terminal.shows("fry  lost, last seen .* ago")
        terminal.send("H")
        assert terminal.shows("near0")
        terminal.send("q")
        assert terminal.wait() == 0
        assert terminal.leftovers() == []


def test_the_load_dialog_starts_the_server_of_a_machine_on_the_screen_and_ends_it(
    far: Far,
) -> None:
    environ = {**far.environ, "TERM": "xterm-256color"}
    with Terminal(far.argv("--all", "-H", "fry"), environ=environ) as terminal:
        assert terminal.shows("near0") and terminal.shows("far0")
        terminal.send("I")
        assert terminal.shows("takes one: fry")
        terminal.send("\x1b[B\x1b[15~")
        assert terminal.shows("the server is started at fry by ssh")
        assert soon(lambda: of_tools(far).count("iperf3") >= 2, 20), of_tools(far)
        terminal.send("\x1b[19~")
        assert terminal.shows("cancelled")
        assert soon(lambda: of_tools(far) == []), of_tools(far)
        terminal.send("\x1bq")
