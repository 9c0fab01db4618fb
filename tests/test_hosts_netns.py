"""Two network namespaces as two machines: ssh, real iperf3 and the screen between them."""

from __future__ import annotations

import json
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
            yield one
        finally:
            one.stop()
    assert soon(lambda: not agents()), "a far side was left running"


def cut(far: Far, state: str = "down") -> None:
    subprocess.run(["ip", "-n", far.netns, "link", "set", "far0", state], check=True)


def iperf3s() -> str:
    argv = ["pgrep", "-a", "iperf3"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def test_each_machine_has_its_own_end_of_the_link(far: Far) -> None:
    done = far.run("--all", "-H", "fry", "--once", "--json")
    names = [
        [port["netdev"] for card in one["adapters"] for port in card["ports"]]
        for one in json.loads(done.stdout)["machines"]
    ]
    assert [name for name in names[0] + names[1] if name in ("near0", "far0")] == ["near0", "far0"]


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
    assert soon(lambda: iperf3s() == ""), iperf3s()
    runs = list(far.home.glob(".local/state/mlxtop-nic/runs/*.jsonl"))
    (head, *_) = runs[0].read_text().splitlines()
    assert json.loads(head)["far"]["host"] == "fry"
    kinds = {json.loads(line)["kind"] for line in runs[0].read_text().splitlines()}
    assert "far" in kinds


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_iperf3_survives_the_near_side(far: Far, how: signal.Signals) -> None:
    near = far.begin("--all", "load", "fry", "--ssh", "-t", "60")
    assert soon(lambda: iperf3s().count("iperf3") >= 2, 20), near
    near.send_signal(how)
    assert soon(lambda: iperf3s() == "", 10), iperf3s()
    near.wait(20)


def test_a_cut_network_is_told_and_healed_and_leaves_nothing(far: Far) -> None:
    near = far.begin("--all", "-H", "fry", "--no-local", "--json-stream", "-d", "0.5")
    assert near.stdout is not None and near.stderr is not None
    try:
        assert json.loads(near.stdout.readline())["host"]
        cut(far)
        began = time.monotonic()
        line = near.stderr.readline()
        assert line.startswith("mlxtop: fry: ") and time.monotonic() - began < 40, line
        assert soon(lambda: not agents(), 45), "the far side goes on without a network"
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
