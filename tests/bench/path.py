"""`python -m tests.bench.path`: how long traffic stands still when a link dies, 50 times each.

Three hosts in namespaces (`tests.path_lab`), all of which keep their paths; TCP goes there and back
between two of them. Between runs the keepers start anew, so that nothing of a way's past counts.
The part of RESULTS.md below its heading is written anew; `--runs N` makes fewer and prints only.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.parts import write_part
from tests.netns import missing
from tests.path_lab import HOSTS, Stream, Triangle, triangle

RUNS = 50
HEADING = "## When a link dies"
Change = Callable[[Triangle], None]


def _flap(made: Triangle) -> None:
    """Take the carrier away and give it back, slowly, three times."""
    for _ in range(3):
        made.cut("a", "b")
        time.sleep(0.7)
        made.cut("a", "b", is_cut=False)
        time.sleep(1.3)


KINDS: dict[str, tuple[Change, Change]] = {
    "link set down": (
        lambda made: made.cut("a", "b"),
        lambda made: made.cut("a", "b", is_cut=False),
    ),
    "everything dropped, carrier up": (
        lambda made: made.silence("a", "b"),
        lambda made: made.silence("a", "b", silent=False),
    ),
    "one direction dropped": (
        lambda made: made.drop("a", "b"),
        lambda made: made.drop("a", "b", dropped=False),
    ),
    "slow flap": (_flap, lambda made: None),
}


def measure(runs: int) -> dict[str, list[float]]:
    """Return the seconds without traffic of every run, by what happened to the link."""
    gaps: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with (
        tempfile.TemporaryDirectory(prefix="mlxtop-bench-") as folder,
        triangle(Path(folder)) as made,
    ):
        for number in range(runs):
            for kind, (begin, end) in KINDS.items():
                gaps[kind].append(_one(made, begin, end))
                print(f"{number + 1}/{runs} {kind} {gaps[kind][-1]:.2f} s", file=sys.stderr)
    return gaps


def _one(made: Triangle, begin: Change, end: Change) -> float:
    """Return the longest time without traffic when a link dies once."""
    processes = made.keep(*HOSTS)
    stream = Stream(made, "a", "b")
    try:
        since = time.monotonic()
        begin(made)
        return stream.gap_after(since, 15.0)
    finally:
        end(made)
        stream.end()
        made.release(*processes)


def table(gaps: dict[str, list[float]]) -> list[str]:
    """Return the lines of our part of RESULTS.md."""
    runs = len(next(iter(gaps.values())))
    return [
        f"Seconds in which no TCP exchange came through, {runs} runs each; a link between two of"
        " three hosts in namespaces, `mlxtop path keep` on each"
        " (`python -m tests.bench.path`).",
        "",
        "| what happens to the link | median | worst |",
        "|---|--:|--:|",
        *(
            f"| {kind} | {statistics.median(found):.2f} s | {max(found):.2f} s |"
            for kind, found in gaps.items()
        ),
    ]


def main() -> int:
    """Measure, and write or print the result."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.path", description=__doc__)
    parser.add_argument("--runs", metavar="N", type=int, default=RUNS, help="runs of each kind")
    args = parser.parse_args()
    if reason := missing():
        print(f"mlxtop's benchmark: {reason}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):  # so that nothing is left behind
        signal.signal(number, lambda *_: sys.exit(1))
    lines = table(measure(args.runs))
    print("\n".join(lines))
    if args.runs == RUNS:
        write_part(HEADING, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
