"""How true the numbers are: real traffic between two namespaces of our own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests import netns
from tests.bench.cost import high, middle

HEADERS = 66
"""Bytes of Ethernet, IPv4 and TCP with timestamps."""
RATE = "2G"

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors in percent, rates in bit/s, deviations of sampling instants in seconds."""

    errors: tuple[float, ...]
    """Of the shown rate in each interval of the steady state."""
    rates: tuple[float, ...]
    step: float
    """The largest error in the intervals in which the load begins."""
    total: float
    """Of the whole run against iperf3 and headers."""
    jitter: dict[float, tuple[float, ...]]
    """By interval: how far each sample was from its place after the one before."""

    def lines(self) -> Iterator[str]:
        """The rest of the figures in words."""
        for interval, off in self.jitter.items():
            yield (
                f"jitter of the sampling instants at {interval:g} s: median "
                f"{middle(off) * 1e3:.3f} ms, p99 {high(off, 0.99) * 1e3:.3f} ms "
                f"({len(off)} intervals)"
            )


@contextmanager
def recorder(pair: netns.Pair, interval: float) -> Iterator[list[Record]]:
    """Record in the far namespace; the list is complete when the block has ended."""
    argv = pair.on(
        pair.far,
        *(sys.executable, "-m", "tests.bench.recorder", pair.far_device, str(interval)),
    )
    records: list[Record] = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        records.append(json.loads(process.stdout.readline()))
        try:
            yield records
        finally:
            process.terminate()
            records += [json.loads(line) for line in process.stdout if line.endswith("}\n")]


def error(before: Record, now: Record) -> float:
    """Percent by which a shown rate differs from the kernel's counter over our own clock."""
    begin, end = (float(sum(record["asked"])) / 2 for record in (before, now))
    true = (now["rx_bytes"] - before["rx_bytes"]) * 8 / (end - begin)
    return float(abs(now["rx_bps"] - true) / true * 100)


def measure(quick: bool) -> Accuracy:
    """Send, receive, compare."""
    seconds = 6 if quick else 60
    with netns.pair() as pair:
        jitter = {}
        for interval in (1.0, 0.2):
            with recorder(pair, interval) as records:
                time.sleep(seconds)
            gaps = [b["tick"] - a["tick"] for a, b in pairwise(records)]
            jitter[interval] = tuple(abs(gap - interval) for gap in gaps)
        if shutil.which("iperf3") is None:
            raise SystemExit("the accuracy of rates needs iperf3")
        with recorder(pair, 1.0) as records:
            time.sleep(2.5)
            received = _iperf3(pair, seconds)
            time.sleep(2.5)
    return _judge(records, received, jitter)


def _iperf3(pair: netns.Pair, seconds: int) -> int:
    """Bytes that iperf3's server received."""
    serve = pair.on(pair.far, "iperf3", "-s", "-1", "--forceflush")
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        while "listening" not in server.stdout.readline():
            if server.poll() is not None:
                raise SystemExit("iperf3 does not serve")
        send = pair.on(
            pair.near,
            *("iperf3", "-c", pair.far_address, "-J", "-b", RATE, "-t", str(seconds)),
        )
        done = subprocess.run(send, capture_output=True, text=True, check=True)
        server.communicate()
    return int(json.loads(done.stdout)["end"]["sum_received"]["bytes"])


def _judge(
    records: Sequence[Record], received: int, jitter: dict[float, tuple[float, ...]]
) -> Accuracy:
    steps = list(pairwise(records))
    loaded = [n for n, (a, b) in enumerate(steps) if b["rx_bytes"] - a["rx_bytes"] > 1_000_000]
    errors = [error(*steps[n]) for n in loaded]
    gained = records[-1]["rx_bytes"] - records[0]["rx_bytes"]
    packets = records[-1]["rx_packets"] - records[0]["rx_packets"]
    expected = received + packets * HEADERS
    return Accuracy(
        errors=tuple(errors[1:-1]),
        rates=tuple(steps[n][1]["rx_bps"] for n in loaded[1:-1]),
        step=max(errors[:2]),
        total=abs(gained - expected) / expected * 100,
        jitter=jitter,
    )
