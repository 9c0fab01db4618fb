"""Real iperf 2, nuttcp, qperf and ping between two namespaces through `mlxtop load`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import mlxtop
from tests import netns

REPOSITORY = Path(mlxtop.__file__).parent.parent
SERVERS = {
    "iperf": (["iperf", "-s", "-p", "5001"], 5001),
    "iperf -u": (["iperf", "-s", "-u", "-p", "5001"], 5001),
    "nuttcp": (["nuttcp", "-S", "--nofork"], 5000),
    "qperf": (["qperf"], 19765),
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair() -> Iterator[netns.Pair]:
    if reason := netns.missing():
        pytest.skip(reason)
    with netns.pair() as made:
        yield made


@dataclass
class Ends:
    """Both ends of a test; the client that mlxtop runs is overheard."""

    pair: netns.Pair
    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def serve(self, name: str) -> None:
        argv, port = SERVERS[name]
        if shutil.which(argv[0]) is None:
            pytest.skip(f"{argv[0]} is not installed")
        kind = "-Hlun" if "-u" in argv else "-Hltn"
        self.started.append(
            subprocess.Popen(
                self.pair.on(self.pair.far, *argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
        listens = self.pair.on(self.pair.far, "ss", kind, f"sport = :{port}")
        until = time.monotonic() + 30
        while not subprocess.run(listens, capture_output=True, check=True).stdout:
            assert time.monotonic() < until
            time.sleep(0.02)

    def load(self, tool: str, *words: str) -> tuple[dict[str, Any], str]:
        """Return what `mlxtop load` tells, and what the tool itself has printed."""
        real, shim, heard = (self.folder / name for name in ("real", "shim", "heard"))
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        shutil.copy2(str(shutil.which(tool)), real)
        run = f'exec -a {tool} {real} "$@"'
        shim.write_text(
            f'#!/bin/bash\ncase " $* " in *" {self.pair.far_address}"*) set -o pipefail; '
            f"{run} | tee -a {heard} ;; *) {run} ;; esac\n"
        )
        shim.chmod(0o755)
        inside = f'mount --bind {shim} "$(command -v {tool})" && exec "$@"'
        argv = ["sh", "-ec", inside, "sh", sys.executable, "-m", "mlxtop", "--all", "load"]
        done = subprocess.run(
            self.pair.on(
                self.pair.near, *argv, self.pair.far_address, "--tool", tool, *words, "--json"
            ),
            capture_output=True,
            text=True,
            timeout=90,
            cwd=REPOSITORY,
            env={**os.environ, "XDG_STATE_HOME": str(self.folder)},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document, heard.read_text()

    def end(self) -> None:
        for child in self.started:
            child.kill()
            child.wait()
        for host in (self.pair.near, self.pair.far):
            pids = subprocess.run(
                ["ip", "netns", "pids", host], capture_output=True, text=True, check=True
            )
            for pid in pids.stdout.split():
                os.kill(int(pid), 9)


@pytest.fixture
def ends(pair: netns.Pair, tmp_path: Path) -> Iterator[Ends]:
    made = Ends(pair, tmp_path)
    try:
        yield made
    finally:
        made.end()


def kbits(text: str, name: str) -> list[float]:
    beginning = re.compile(rf"\[{re.escape(name)}(-\d+)?\]")
    rows = [line for line in text.splitlines() if beginning.match(line) and "sec" in line]
    return [float(re.split(r" Kbits/sec", line)[0].split()[-1]) * 1e3 for line in rows]


def len_s(line: str) -> float:
    """How many seconds a line of iperf 2 is about; 0 where it is about none."""
    found = re.search(r" ([0-9.]+)- *([0-9.]+) sec", line)
    return float(found[2]) - float(found[1]) if found else 0.0


@pytest.mark.parametrize("words", [[], ["-R"]], ids=["there", "back"])
def test_the_figures_are_those_of_iperf2_itself(ends: Ends, words: list[str]) -> None:
    ends.serve("iperf")
    document, heard = ends.load("iperf", "-t", "3", "-P", "2", *words)
    seconds = [line for line in heard.splitlines() if len_s(line) < 1.5]
    assert [one["bps"] for one in document["intervals"]] == kbits("\n".join(seconds), "SUM")
    assert document["intervals"]
    key = "received_bps" if words else "sent_bps"
    whole = kbits("\n".join(line for line in heard.splitlines() if len_s(line) > 1.5), "SUM")
    assert whole == [document["result"][key]] or words, "a busy iperf 2 leaves it out when it reads"
    assert document["ended"] == "complete"


def test_iperf2_in_both_directions_and_for_an_amount(ends: Ends) -> None:
    ends.serve("iperf")
    document, heard = ends.load("iperf", "-t", "2", "-P", "1", "--bidir")
    result = document["result"]
    assert result["sent_bps"] == kbits(heard, "  1")[-1]
    assert result["reverse"]["received_bps"] == kbits(heard, " *1")[-1]
    document, heard = ends.load("iperf", "-n", "64M", "-P", "2")
    assert "-n 67108864 " in document["plan"]["commands"][0]
    assert document["result"]["sent_bps"] == kbits(heard, "SUM")[-1]


def test_udp_by_iperf2_tells_what_was_lost(ends: Ends) -> None:
    ends.serve("iperf -u")
    document, heard = ends.load("iperf", "-t", "2", "-P", "1", "-u", "-b", "50M")
    lost, packets = re.findall(r"ms +(\d+)/ *(\d+)", heard)[-1]
    assert (document["result"]["lost"], document["result"]["packets"]) == (int(lost), int(packets))


@pytest.mark.parametrize("words", [[], ["-R"], ["-u", "-b", "100M"]], ids=["there", "back", "udp"])
def test_the_figures_are_those_of_nuttcp_itself(ends: Ends, words: list[str]) -> None:
    ends.serve("nuttcp")
    document, heard = ends.load("nuttcp", "-t", "3", *words)
    rate = float(re.findall(r"real_seconds=\S+ rate_Mbps=(\S+)", heard)[-1])
    assert document["result"]["received_bps"] == rate * 1e6
    inner = [float(each) for each in re.findall(r"real_sec=\S+ rate_Mbps=(\S+)", heard)]
    assert [one["bps"] for one in document["intervals"]] == [r * 1e6 for r in inner][:3]
    if "-u" in words:
        assert document["result"]["packets"] == int(re.findall(r"pkt=(\d+)", heard)[-1])


def test_the_figures_are_those_of_qperf_itself(ends: Ends) -> None:
    ends.serve("qperf")
    document, heard = ends.load("qperf", "-t", "2", "--test", "tcp_bw")
    (told,) = re.findall(r"\bbw += +(\d+) bytes/sec", heard)
    assert document["result"]["received_bps"] == int(told) * 8
    document, heard = ends.load("qperf", "-t", "2", "--test", "tcp_lat")
    told = re.findall(r"latency += +(\d+) ns", heard)[-1]
    assert document["result"]["latency"]["average_us"] == pytest.approx(int(told) / 1e3)


def test_ping_fills_the_path(ends: Ends) -> None:
    document, heard = ends.load("ping", "-t", "2")
    assert "8972(9000) bytes of data" in heard
    assert document["result"]["packets"] == 10 and document["result"]["lost"] == 0
    low, _, high = re.findall(r"rtt min/avg/max/mdev = ([\d.]+)/([\d.]+)/([\d.]+)/", heard)[-1]
    latency = document["result"]["latency"]
    assert latency["min_us"] == pytest.approx(float(low) * 1e3, abs=1)
    assert latency["max_us"] == pytest.approx(float(high) * 1e3, abs=1)
    assert latency["min_us"] <= latency["typical_us"] <= latency["p99_us"] <= latency["max_us"]


def mtu(ends: Ends) -> str:
    """The MTU of the near end now."""
    shown = ends.pair.on(ends.pair.near, "cat", f"/sys/class/net/{ends.pair.near_device}/mtu")
    return subprocess.run(shown, capture_output=True, text=True, check=True).stdout.strip()


def set_both(ends: Ends, number: str) -> None:
    pair = ends.pair
    for host, device in ((pair.near, pair.near_device), (pair.far, pair.far_device)):
        subprocess.run(pair.on(host, "ip", "link", "set", "dev", device, "mtu", number), check=True)


@contextmanager
def narrow(ends: Ends) -> Iterator[None]:
    """Both ends have the usual MTU."""
    try:
        set_both(ends, "1500")
        yield
    finally:
        set_both(ends, "9000")


def measuring(ends: Ends, *words: str, seconds: str = "1") -> subprocess.Popen[str]:
    """Start a sweep over two MTUs."""
    argv = (sys.executable, "-m", "mlxtop", "--all", "measure", ends.pair.far_address)
    sweep = ("--sweep", "mtu=1500,9000", "--tool", "iperf", "-t", seconds, "--json")
    return subprocess.Popen(
        ends.pair.on(ends.pair.near, *argv, *sweep, "--change-mtu", *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "XDG_STATE_HOME": str(ends.folder)},
    )


def until_mtu(ends: Ends, number: str, process: subprocess.Popen[str] | None = None) -> None:
    until = time.monotonic() + 60
    while mtu(ends) != number:
        assert time.monotonic() < until
        assert process is None or process.poll() is None
        time.sleep(0.02)


def test_another_mtu_is_set_for_its_test_and_put_back(ends: Ends) -> None:
    ends.serve("iperf")
    with measuring(ends, "--yes") as process:
        until_mtu(ends, "1500", process)
        out, err = process.communicate(timeout=90)
    rows = {row["key"]: row for row in json.loads(out)["rows"]}
    assert set(rows) == {"mtu=1500", "mtu=9000"}
    assert not any(row["failed"] for row in rows.values()), err
    assert mtu(ends) == "9000"


def test_a_far_end_that_takes_no_large_packets_is_told(ends: Ends) -> None:
    ends.serve("iperf")
    with narrow(ends):
        out, _ = measuring(ends, "--yes").communicate(timeout=90)
        assert mtu(ends) == "1500"
    (large,) = [row for row in json.loads(out)["rows"] if row["key"] == "mtu=9000"]
    assert large["ended"] == "packets of 9000 bytes do not arrive: set the far end's MTU too"


def test_nobody_there_to_ask_changes_nothing(ends: Ends) -> None:
    out, err = measuring(ends).communicate(timeout=60)
    assert "nobody is there: --yes" in err
    assert (out, mtu(ends)) == ("", "9000")


def test_the_mtu_is_put_back_after_kill_9(ends: Ends) -> None:
    ends.serve("iperf")
    with measuring(ends, "--yes", seconds="30") as process:
        until_mtu(ends, "1500", process)
        process.kill()
        process.communicate()
    until_mtu(ends, "9000")
