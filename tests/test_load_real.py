"""Real iperf3 between two namespaces through `mlxtop load`: Debian 12's and Debian 13's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import mlxtop
from tests import netns, newer_iperf3
from tests.terminal import Terminal

REPOSITORY = Path(mlxtop.__file__).parent.parent
RATE = "200M"
"""Little enough that a busy computer carries it steadily."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair() -> Iterator[netns.Pair]:
    if reason := netns.missing():
        pytest.skip(reason)
    if shutil.which("iperf3") is None:
        pytest.skip("iperf3 is not installed")
    with netns.pair() as made:
        yield made


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return newer_iperf3.fetch(tmp_path_factory.mktemp("iperf3"))


@pytest.fixture(params=["installed", "newer"])
def tool(request: pytest.FixtureRequest, pair: netns.Pair) -> str:
    """Path of the iperf3 that mlxtop finds."""
    if request.param == "installed":
        return str(shutil.which("iperf3"))
    return str(request.getfixturevalue("newer"))


@dataclass
class Bench:
    """Starts servers, mlxtop and what else a test needs, and ends all of it."""

    pair: netns.Pair
    tool: str
    folder: Path
    started: list[subprocess.Popen[str]]

    def server(self, port: int = 5201, *words: str, tests: str = "-1") -> subprocess.Popen[str]:
        argv = [str(shutil.which("iperf3")), "-s", tests, "-p", str(port), *words]
        server = self.popen(self.pair.on(self.pair.far, *(word for word in argv if word)))
        self.wait_for_socket("-l", port)
        assert server.poll() is None
        return server

    def wait_for_socket(self, state: str, port: int, host: str | None = None) -> None:
        """Until a host (the far end) has a TCP socket of a port, `-l` listening, or connected."""
        argv = ["ss", "-Htn", *state.split(), f"sport = :{port}"]
        argv = self.pair.on(host or self.pair.far, *argv)
        until = time.monotonic() + 30
        while not subprocess.run(argv, capture_output=True, check=True).stdout:
            assert time.monotonic() < until
            time.sleep(0.02)

    def popen(self, argv: Sequence[str]) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, "XDG_STATE_HOME": str(self.folder)},
        )
        self.started.append(child)
        return child

    @property
    def heard(self) -> Path:
        """What the client that mlxtop ran has printed."""
        return self.folder / "heard"

    def load(
        self,
        *words: str,
        host: str | None = None,
        plain: bool = False,
        program: Sequence[str] = (),
    ) -> subprocess.Popen[str]:
        """`mlxtop load` in the near namespace, with `tool` as iperf3; unless `plain`, overheard."""
        real = self.folder / "real"
        shutil.copy2(self.tool, real)  # since the mount covers the original
        shim = self.folder / "iperf3"
        shim.write_text(
            '#!/bin/bash\ncase " $* " in *" -c "*) set -o pipefail; '
            f'{real} "$@" | tee -a {self.heard} ;; *) exec {real} "$@" ;; esac\n'
        )
        shim.chmod(0o755)
        inside = f'mount --bind {real if plain else shim} "$(command -v iperf3)" && exec "$@"'
        program = program or ["mlxtop", "--all", "load"]
        argv = ["sh", "-ec", inside, "sh", sys.executable, "-m", *program]
        return self.popen(
            self.pair.on(self.pair.near, *argv, host or self.pair.far_address, *words)
        )

    def document(self, *words: str) -> dict[str, Any]:
        load = self.load(*words, "--json")
        out, err = load.communicate(timeout=60)
        assert load.returncode == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    def dialog(self, *words: str) -> dict[str, Any]:
        """The load dialog, driven by Pilot; its outcome and the screen at its end."""
        driven = self.load(*words, program=["tests.load_pilot"])
        out, err = driven.communicate(timeout=90)
        assert driven.returncode == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    def left(self) -> list[str]:
        """Processes of the near namespace."""
        listed = subprocess.run(
            ["ip", "netns", "pids", self.pair.near], capture_output=True, text=True, check=True
        )
        return listed.stdout.split()

    def nobody_left(self, seconds: float = 3.0, *, but: Sequence[int] = ()) -> bool:
        until = time.monotonic() + seconds
        known = {str(pid) for pid in but}
        while set(self.left()) - known and time.monotonic() < until:
            time.sleep(0.02)
        return not set(self.left()) - known

    def record(self) -> list[dict[str, Any]]:
        """What the run log holds of the only run, as far as it is written."""
        files = list(self.folder.rglob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def wait_for_intervals(self, count: int) -> None:
        until = time.monotonic() + 20
        while sum(line["kind"] == "interval" for line in self.record()) < count:
            assert time.monotonic() < until, "no traffic"
            time.sleep(0.02)

    def end_all(self) -> None:
        for child in self.started:
            if child.poll() is None:
                child.kill()
            child.communicate()
        for pid in self.left():
            os.kill(int(pid), signal.SIGKILL)


@pytest.fixture
def bench(pair: netns.Pair, tool: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(pair, tool, tmp_path, [])
    try:
        yield made
        assert made.nobody_left(), "a process survived"
    finally:
        made.end_all()


def is_text(bench: Bench) -> bool:
    return not bench.heard.read_text().startswith("{")


def rates(bench: Bench) -> list[float]:
    """bit/s of every whole interval, as iperf3 printed them."""
    if is_text(bench):
        lines = [line for line in bench.heard.read_text().splitlines() if "Kbits/sec" in line]
        inner = [line for line in lines if "er" not in line.split("Kbits/sec")[1]]
        sums = [line for line in inner if line.startswith("[SUM]")] or inner
        return [float(line.split("Kbits/sec")[0].split()[-1]) * 1e3 for line in sums]
    told = [json.loads(line) for line in bench.heard.read_text().splitlines()]
    return [
        each["data"]["sum"]["bits_per_second"]
        for each in told
        if each["event"] == "interval" and each["data"]["sum"]["seconds"] > 0.5
    ]


def end(bench: Bench) -> dict[str, Any]:
    """iperf3's own JSON of the whole run."""
    last = json.loads(bench.heard.read_text().splitlines()[-1])
    assert last["event"] == "end"
    found: dict[str, Any] = last["data"]
    return found


@pytest.mark.parametrize(
    "words", [[], ["-P", "3"], ["-R"], ["-P", "2", "-O", "1"]], ids=["1", "3", "back", "omit"]
)
def test_the_figures_are_those_of_iperf3_itself(bench: Bench, words: list[str]) -> None:
    server = bench.server(5201, "-J")
    document = bench.document("-t", "3", "-b", RATE, *words)
    result, intervals = document["result"], document["intervals"]
    counted = [interval for interval in intervals if not interval["omitted"]]
    assert len(counted) == 3
    assert [interval["bps"] for interval in intervals] == rates(bench)[: len(intervals)]
    there = json.loads(server.communicate(timeout=10)[0])["end"]
    if is_text(bench):
        received = there["sum_received"]["bits_per_second"]
        # text has three digits of the seconds and rounds to kbit/s
        if "-R" not in words:
            assert result["received_bps"] == pytest.approx(received, abs=1e3)
    else:
        here = end(bench)
        assert result["received_bps"] == here["sum_received"]["bits_per_second"]
        assert result["sent_bps"] == here["sum_sent"]["bits_per_second"]
        assert result["retransmits"] == here["sum_sent"]["retransmits"]
        assert counted[0]["rtt_ms"] is None if "-R" in words else counted[0]["rtt_ms"] > 0
    assert result["received_bps"] == pytest.approx(200e6, rel=0.1)
    assert document["plan"]["port_name"] == bench.pair.near_device
    assert document["ended"] == "complete" and document["heat"]["sensors"] == []
    check = document["counters"]
    assert [(row["source"], row["judgement"]) for row in check["rows"]] == [("netdev", "agrees")]


def test_both_directions(bench: Bench) -> None:
    bench.server()
    document = bench.document("-t", "3", "-b", RATE, "--bidir")
    result, check = document["result"], document["counters"]
    assert [(row["direction"], row["judgement"]) for row in check["rows"]] == [
        ("tx", "agrees"),
        ("rx", "agrees"),
    ]
    assert result["received_bps"] == pytest.approx(200e6, rel=0.1)
    assert result["reverse"]["received_bps"] == pytest.approx(200e6, rel=0.1)
    if not is_text(bench):
        here = end(bench)
        back = here["sum_received_bidir_reverse"]["bits_per_second"]
        assert result["reverse"]["received_bps"] == back


def test_udp(bench: Bench) -> None:
    bench.server()
    document = bench.document("-t", "3", "-u", "-b", "20M", "-P", "2")
    result = document["result"]
    assert document["plan"]["protocol"] == "UDP"
    assert result["received_bps"] == pytest.approx(20e6, rel=0.1)
    assert result["packets"] > 100 and result["lost"] is not None


def test_several_processes_on_consecutive_ports(bench: Bench) -> None:
    servers = [bench.server(port, "-J") for port in (5201, 5202, 5203)]
    document = bench.document("-t", "3", "-b", RATE, "-P", "3", "--processes", "3")
    assert document["plan"]["processes"] == 3
    there = [json.loads(server.communicate(timeout=10)[0])["end"] for server in servers]
    received = sum(each["sum_received"]["bits_per_second"] for each in there)
    assert document["result"]["received_bps"] == pytest.approx(received, rel=1e-3)
    assert len(document["intervals"]) == 3


def failed(bench: Bench, *words: str, host: str | None = None) -> str:
    load = bench.load("-t", "3", *words, host=host)
    out, err = load.communicate(timeout=60)
    assert load.returncode == 1, out
    assert "Traceback" not in err
    return err.splitlines()[-1]


def test_no_server_is_told_in_one_line(bench: Bench) -> None:
    said = failed(bench)
    assert said == f"mlxtop: failed: no iperf3 server listens at {bench.pair.far_address}:5201"


def test_a_missing_server_of_several_is_named(bench: Bench) -> None:
    bench.server(5201)
    said = failed(bench, "-P", "2", "--processes", "2", "-b", RATE)
    assert said.endswith(f"no iperf3 server listens at {bench.pair.far_address}:5202")


def test_a_busy_server_is_told_in_one_line(bench: Bench) -> None:
    bench.server(tests="")
    words = ["-c", bench.pair.far_address, "-t", "30", "-b", "1M"]
    other = bench.popen(bench.pair.on(bench.pair.far, str(shutil.which("iperf3")), *words))
    bench.wait_for_socket("state established", 5201)
    assert "is busy with another test" in failed(bench)
    other.kill()


def test_this_host_is_no_far_end(bench: Bench) -> None:
    assert "is an address of this host" in failed(bench, host=bench.pair.near_address)
    assert "no route to 203.0.113.9" in failed(bench, host="203.0.113.9")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP])
def test_a_cancelled_run_leaves_nobody_and_keeps_its_samples(
    bench: Bench, number: signal.Signals
) -> None:
    server = bench.server()
    load = bench.load("-t", "60", "-b", RATE, "--json")
    bench.wait_for_intervals(2)
    load.send_signal(number)
    out, _ = load.communicate(timeout=20)
    assert load.returncode == 128 + number
    document = json.loads(out)
    assert document["ended"] == f"interrupted ({number.name})"
    assert 1 <= len(document["intervals"]) <= 10
    assert document["result"]["sent_bps"] > 1e6
    assert document["result"]["received_bps"] is None
    assert bench.nobody_left()
    server.wait(timeout=10)
    assert document["run"] in {path.stem for path in bench.folder.rglob("*.jsonl")}


@pytest.mark.parametrize("plain", [True, False], ids=["itself", "wrapper script"])
def test_nobody_survives_a_killed_mlxtop(bench: Bench, plain: bool) -> None:
    servers = [bench.server(port) for port in (5201, 5202)]
    load = bench.load("-t", "60", "-b", RATE, "-P", "2", "--processes", "2", plain=plain)
    bench.wait_for_intervals(2)
    load.kill()
    load.wait(timeout=10)
    assert bench.nobody_left(), "the clients outlived mlxtop"
    for server in servers:
        server.wait(timeout=20)
    kinds = [line["kind"] for line in bench.record()]
    assert kinds[0] == "run" and kinds.count("interval") >= 2 and "end" not in kinds


@pytest.mark.parametrize(
    ("words", "protocol", "servers"),
    [
        ([], "TCP", 1),
        (["streams=3"], "TCP", 1),
        (["direction=receive"], "TCP", 1),
        (["direction=both"], "TCP", 1),
        (["protocol=UDP"], "UDP", 1),
        (["streams=2", "processes=2"], "TCP", 2),
    ],
    ids=["single", "parallel", "reverse", "bidir", "udp", "processes"],
)
def test_the_dialog_runs_it_as_well(
    bench: Bench, words: list[str], protocol: str, servers: int
) -> None:
    for number in range(servers):
        bench.server(5201 + number)
    bits = "20" if protocol == "UDP" else "200"
    driven = bench.dialog("time=3", f"bitrate={bits}M", *words)
    outcome = driven["outcome"]
    assert outcome["ended"] == "complete", driven["screen"]
    assert outcome["plan"]["protocol"] == protocol
    assert outcome["result"]["received_bps"] == pytest.approx(float(bits) * 1e6, rel=0.1)
    counted = [interval["bps"] for interval in outcome["intervals"]]
    assert len(counted) == 3
    if servers == 1:
        assert counted == rates(bench)[:3] or "both" in words[-1:][0]
    assert "Mb/s received" in driven["screen"]
    assert bench.nobody_left()


def test_the_dialog_tells_failures_in_one_line(bench: Bench) -> None:
    driven = bench.dialog("time=3")
    where = f"{bench.pair.far_address}:5201"
    assert driven["outcome"]["ended"] == f"failed: no iperf3 server listens at {where}"
    assert "no iperf3 server listens" in driven["screen"]


def test_the_dialog_stops_a_test_after_two_seconds(bench: Bench) -> None:
    bench.server()
    driven = bench.dialog("time=60", f"bitrate={RATE}", "stop=2")
    assert driven["outcome"]["ended"] == "cancelled"
    assert 2 <= len(driven["outcome"]["intervals"]) < 20
    assert bench.nobody_left()


@contextmanager
def on_a_terminal(bench: Bench) -> Iterator[Terminal]:
    """The real screen on a pseudo-terminal, a test running through its dialog."""
    bench.server()
    argv = bench.pair.on(bench.pair.near, sys.executable, "-m", "mlxtop", "--all")
    environ = {"XDG_STATE_HOME": str(bench.folder)}
    with Terminal(argv, environ=environ, cwd=str(REPOSITORY)) as terminal:
        assert terminal.shows("near0")
        terminal.send("I")
        assert terminal.shows("Far end")
        terminal.send(bench.pair.far_address)
        terminal.send("\x1b[15~")
        assert terminal.shows("s left")
        bench.wait_for_intervals(2)
        yield terminal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_restore_the_terminal_and_leave_nobody(
    bench: Bench, number: signal.Signals
) -> None:
    with on_a_terminal(bench) as terminal:
        terminal.process.send_signal(number)
        assert terminal.wait(15) == 128 + number
        assert terminal.leftovers() == []
    assert bench.nobody_left()
    (end,) = [line for line in bench.record() if line["kind"] == "end"]
    assert end["ended"] == "mlxtop ended"


def is_stopped(terminal: Terminal) -> bool:
    """Take output until the kernel has stopped the program; False after ten seconds."""
    until = time.monotonic() + 10
    stat = Path(f"/proc/{terminal.process.pid}/stat")
    while stat.read_text().rpartition(") ")[2][0] != "T" and time.monotonic() < until:
        terminal.pump(0.02)
    terminal.pump(0.02)
    return time.monotonic() < until


def test_no_load_goes_on_while_we_are_stopped(bench: Bench) -> None:
    with on_a_terminal(bench) as terminal:
        terminal.process.send_signal(signal.SIGTSTP)
        assert bench.nobody_left(but=[terminal.process.pid])
        assert is_stopped(terminal)
        assert terminal.leftovers() == []
        count = len(bench.record())
        assert bench.record()[-1]["ended"] == "interrupted (SIGTSTP)"
        terminal.process.send_signal(signal.SIGCONT)
        assert terminal.shows(r"interrupted \(SIGTSTP\)")
        assert len(bench.record()) == count
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait(15) == 128 + signal.SIGTERM


def test_quitting_restores_the_terminal_and_leaves_nobody(bench: Bench) -> None:
    with on_a_terminal(bench) as terminal:
        terminal.send("\x1b")
        terminal.pump(0.5)  # since Esc q is Alt+Q
        assert terminal.shows("mlxtop +LOAD")
        terminal.send("q")  # a load is worth a question
        assert terminal.shows("once more")
        terminal.send("q")
        assert terminal.wait(15) == 0
        assert terminal.leftovers() == []
    assert bench.nobody_left()


def test_a_terminal_that_is_gone_leaves_nobody(bench: Bench) -> None:
    with on_a_terminal(bench) as terminal:
        terminal.hang_up()
        terminal.process.wait(15)
    assert bench.nobody_left()
    assert bench.record()[-1]["kind"] == "end"


def test_nobody_survives_a_killed_screen(bench: Bench) -> None:
    with on_a_terminal(bench) as terminal:
        terminal.process.kill()
        terminal.process.wait(15)
        assert bench.nobody_left()


def test_a_server_here_serves_the_far_end_once(bench: Bench) -> None:
    argv = [sys.executable, "-m", "mlxtop", "load", "--server", "-p", "5301"]
    serving = bench.popen(bench.pair.on(bench.pair.near, *argv))
    bench.wait_for_socket("-l", 5301, bench.pair.near)
    client = subprocess.run(
        bench.pair.on(
            bench.pair.far,
            *(str(shutil.which("iperf3")), "-c", bench.pair.near_address, "-p", "5301"),
            *("-t", "1", "-b", "10M"),
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert client.returncode == 0, client.stderr
    _, err = serving.communicate(timeout=20)
    assert serving.returncode == 0, err
