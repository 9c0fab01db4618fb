"""Real iperf3 between two namespaces: what mlxtop shows is what the kernel counted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import mlxtop
from tests import netns

REPOSITORY = Path(mlxtop.__file__).parent.parent
HEADERS = 66
"""Bytes of Ethernet, IPv4 and TCP with timestamps."""

RECORDER = """
import json, sys
from threading import Event
from mlxtop.model.catalogue import NET
from mlxtop.sampler.source import frames
from mlxtop.sampler.live import LiveSource
from mlxtop.system.door import Question
from mlxtop.system.local import LocalSystem

class Recorder(LocalSystem):
    counted = []
    def ask(self, question, subject="", *details):
        answer = super().ask(question, subject, *details)
        if question is Question.LINK_COUNTERS:
            self.counted.append(dict(answer))
        return answer

system, stop = Recorder(), Event()
source = LiveSource(system, float(sys.argv[2]), everything=True)
for frame in frames(source, stop):
    port = next(p for p in frame.ports.values() if p.now.port.netdev == sys.argv[1])
    reading = port.now.readings["netdev"]
    print(json.dumps({
        "tick": reading.tick,
        "seconds": port.seconds("netdev"),
        "kernel": system.counted[-1][port.now.port.ifindex][2:4],
        "total": [port.total(NET.rx_bytes), port.total(NET.tx_bytes)],
        "gain": [port.gain(NET.rx_bytes), port.gain(NET.tx_bytes)],
        "rate": [port.rate(NET.rx_bytes), port.rate(NET.tx_bytes)],
    }), flush=True)
"""


def _need(*commands: str) -> None:
    reason = netns.missing()
    for command in commands:
        if shutil.which(command) is None:
            reason = f"{command} is not installed"
    if reason:
        pytest.skip(reason)


@pytest.fixture
def hosts() -> Iterator[netns.Pair]:
    _need("iperf3")
    with netns.pair() as made:
        yield made


@pytest.fixture
def server(hosts: netns.Pair) -> Iterator[None]:
    argv = hosts.on(hosts.far, "iperf3", "-s", "--forceflush")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "listening" not in process.stdout.readline():
            assert process.poll() is None
        yield
        process.terminate()


def _iperf3(hosts: netns.Pair, *words: str) -> dict[str, Any]:
    argv = hosts.on(hosts.near, "iperf3", "-c", hosts.far_address, "-J", *words)
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)["end"]
    return found


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


@pytest.mark.slow
def test_bytes_between_samples_are_the_kernels_and_the_run_agrees_with_iperf3(
    hosts: netns.Pair, server: None
) -> None:
    argv = hosts.on(hosts.far, sys.executable, "-c", RECORDER, hosts.far_device, "0.2")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=_environment()) as recorder:
        assert recorder.stdout is not None
        lines = [recorder.stdout.readline()]
        end = _iperf3(hosts, "-t", "4", "-b", "400M")
        received = int(end["sum_received"]["bytes"])
        first = json.loads(lines[0])["kernel"][0]
        while True:
            lines.append(recorder.stdout.readline())
            now = json.loads(lines[-1])
            if now["rate"][0] == 0.0 and now["kernel"][0] - first >= received:
                recorder.terminate()
                break
    found = [json.loads(line) for line in lines]
    for before, now in pairwise(found):
        counted = [a - b for a, b in zip(now["kernel"], before["kernel"], strict=True)]
        assert now["total"] == now["kernel"]
        assert now["gain"] == counted
        assert now["seconds"] == now["tick"] - before["tick"]
        for rate, gained in zip(now["rate"], counted, strict=True):
            assert rate * now["seconds"] == pytest.approx(gained, abs=1)
    gained = found[-1]["kernel"][0] - found[0]["kernel"][0]
    # Segments travel a veth pair unsplit, so that headers are few: counted from the packets.
    packets = _packets(hosts)
    assert gained == pytest.approx(received + packets * HEADERS, rel=0.005)


def _packets(hosts: netns.Pair) -> int:
    argv = ["ip", "-n", hosts.far, "-j", "-s", "link", "show", "dev", hosts.far_device]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout)[0]["stats64"]["rx"]["packets"])


@pytest.mark.slow
def test_the_screen_in_tmux_shows_the_rate_of_real_traffic(
    hosts: netns.Pair, server: None, tmp_path: Path
) -> None:
    _need("tmux")
    socket = str(tmp_path / "tmux")
    tmux = ["tmux", "-S", socket, "-f", "/dev/null"]
    command = " ".join(hosts.on(hosts.far, sys.executable, "-m", "mlxtop", "--all"))
    environment = {**_environment(), "XDG_CONFIG_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [*tmux, "new-session", "-d", "-x", "120", "-y", "40", command],
        env=environment,
        cwd=REPOSITORY,
        check=True,
    )
    try:
        _until(tmux, lambda text: hosts.far_device in text)
        client = subprocess.Popen(
            hosts.on(hosts.near, "iperf3", "-c", hosts.far_address, "-t", "6", "-b", "400M"),
            stdout=subprocess.DEVNULL,
        )
        with client:
            _until(tmux, _shows_400_megabit)
        subprocess.run([*tmux, "send-keys", "q"], check=True)
        _until(tmux, lambda text: not text)
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True, check=False)


def _shows_400_megabit(text: str) -> bool:
    line = next((line for line in text.splitlines() if "far0" in line), "")
    words = line.replace("Mb/s", " Mb/s").split()
    rates = [words[i - 1] for i, word in enumerate(words) if word == "Mb/s"]
    return any(380 <= float(rate) <= 430 for rate in rates if rate.replace(".", "").isdigit())


def _until(tmux: list[str], holds: object, seconds: float = 15.0) -> None:
    """Look at the screen until it shows what is expected."""
    assert callable(holds)
    deadline = time.monotonic() + seconds
    text = ""
    while time.monotonic() < deadline:
        done = subprocess.run(
            [*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=False
        )
        text = done.stdout if done.returncode == 0 else ""
        if holds(text):
            return
        time.sleep(0.1)
    raise AssertionError(f"never shown; the screen is:\n{text}")
