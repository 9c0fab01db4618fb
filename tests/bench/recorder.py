"""What mlxtop shows of a device beside what the kernel said, stamped by clocks of our own.

    python -m tests.bench.recorder DEVICE INTERVAL

A JSON object a line for each sample, until ended.
"""

from __future__ import annotations

import json
import sys
import time
from threading import Event

from mlxtop.analysis.throughput import throughput
from mlxtop.model.counters import Origin
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.system.door import Answer, Question
from mlxtop.system.local import LocalSystem


class Watched(LocalSystem):
    """Notes when the kernel was asked for its counters, and what it said."""

    def __init__(self) -> None:
        super().__init__()
        self.stamps = (0.0, 0.0)
        self.counted: Answer = {}

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        """Ask with a stopwatch."""
        begin = time.perf_counter()
        answer = super().ask(question, subject, *details)
        if question is Question.LINK_COUNTERS:
            self.stamps = (begin, time.perf_counter())
            self.counted = answer
        return answer


def main(device: str, interval: float) -> None:
    """Record."""
    system = Watched()
    source = LiveSource(system, interval, everything=True)
    for frame in frames(source, Event()):
        port = next((p for p in frame.ports.values() if p.now.port.netdev == device), None)
        if port is None:
            continue
        row = system.counted[port.now.port.ifindex]
        shown = throughput(port)
        record = {
            "asked": system.stamps,
            "tick": port.now.readings[Origin.NETDEV].tick,
            "seconds": port.seconds(Origin.NETDEV),
            "rx_bytes": row[2],
            "rx_packets": row[0],
            "rx_bps": shown.rx_bps,
        }
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
