"""`python -m tests.bench`: measure everything the goals name and write RESULTS.md beside this.

Takes some 45 minutes on an idle machine, twelve less with each run less than three (`--repeat`);
`--quick` a few, with figures that are not to be kept.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.bench import accuracy, faults, path, recording, report, sampling, scrape
from tests.bench.cost import Run, measure, middle, start
from tests.bench.parts import RESULTS, part_of
from tests.bench.ports import veths
from tests.bench.programs import catalogue
from tests.netns import missing

STARTS = 6
"""More starts of each program: the speed of many machines changes by the second."""


def main() -> int:
    """Run what was asked for and write the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs, one of each")
    parser.add_argument("--repeat", metavar="N", type=int, default=3, help="runs of each program")
    parser.add_argument("--only", metavar="WORD", help="programs with WORD in their names; prints")
    args = parser.parse_args()
    reason = missing()
    if reason:
        print(f"mlxtop's benchmark: {reason}", file=sys.stderr)
        return 1
    seconds, presses, repeat = (5.0, 6, 1) if args.quick or args.only else (30.0, 20, args.repeat)
    runs = _programs(args.only or "", seconds, presses, repeat)
    if args.only:
        print(report.costs(runs))
        return 0
    text = report.whole(
        runs,
        sampling.measure(args.quick),
        accuracy.measure(args.quick),
        faults.measure(),
        report.Beyond(recording.measure(args.quick), scrape.both()),
        quick=args.quick,
    )
    RESULTS.write_text(text + part_of(RESULTS.read_text(), path.HEADING))
    print(text)
    return 0


def _programs(word: str, seconds: float, presses: int, repeat: int) -> dict[str, list[Run]]:
    """Every program `repeat` times, in turns, so that all see the same machine."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mlxtop-bench-"))
        frozen = str(Path(folder) / "dgx")
        subprocess.run(
            [sys.executable, "-m", "tests.bench.moving", "freeze", "dgx", frozen], check=True
        )
        spaces = {count: stack.enter_context(veths(count)) for count in (2, 200, 2000)}
        programs = [p for p in catalogue(frozen, spaces, folder) if word in p.name]
        runs: dict[str, list[Run]] = {program.name: [] for program in programs}
        starts: dict[str, list[float]] = {program.name: [] for program in programs}
        for number in range(repeat):
            for program in programs:
                print(f"{number + 1}/{repeat} {program.name}", file=sys.stderr)
                runs[program.name].append(measure(program, seconds, presses))
        for number in range(STARTS):
            for program in programs:
                print(f"start {number + 1}/{STARTS} {program.name}", file=sys.stderr)
                starts[program.name].append(start(program) or math.inf)
    return {
        name: [
            replace(run, paint=middle([*starts[name], *(r.paint or math.inf for r in found)]))
            for run in found
        ]
        for name, found in runs.items()
    }


if __name__ == "__main__":
    raise SystemExit(main())
