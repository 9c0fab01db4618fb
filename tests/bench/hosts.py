"""`python -m tests.bench.hosts`: what it costs to watch 1, 5 and 20 machines over a real ssh.

An sshd on loopback starts an agent for each, which reads a simulated machine with a ConnectX-5 of
two ports; what those cost is not counted. The screen runs on a pseudo-terminal of 120×40. The part
of RESULTS.md below its heading is written anew; `--seconds N` measures shorter and prints only.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.bench.parts import write_part
from tests.ports import free_port
from tests.ssh_lab import MISSING, ROOT, Far, agents, children_of
from tests.terminal import Terminal

SECONDS = 60
SETTLE_S = 25.0
"""Seconds after the start in which all machines are read for the first time."""
COUNTS = (1, 5, 20)
HEADING = "## Several machines"
MACHINE = "faulty"
TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What was measured of one number of machines."""

    machines: int
    cpu: float
    """Percent of a core: the screen."""
    ssh: float
    """Percent of a core: all its ssh together."""
    memory: float
    """MB, proportional set size of the screen."""
    bytes_a_second: float
    """What one machine sends, before ssh."""
    first_s: float
    """Seconds until the local machine is on the screen."""


def _cpu(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


def _memory(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _written(pids: list[int]) -> int:
    """Return the bytes that processes have written."""
    lines = (Path(f"/proc/{pid}/io").read_text().splitlines() for pid in pids)
    return sum(int(line.split()[1]) for one in lines for line in one if line.startswith("wchar"))


def measure(far: Far, machines: int, seconds: float) -> Cost:
    """Return what so many machines cost."""
    hosts = [word for n in range(machines) for word in ("-H", f"m{n}")]
    argv = [sys.executable, "-m", "mlxtop", "--all", *hosts]
    with Terminal(argv, environ=far.environ) as terminal:
        assert terminal.shows("local")
        first_s = time.monotonic() - terminal.started
        terminal.pump(SETTLE_S + machines)
        sessions = set(children_of(far.processes[0].pid))
        pid, remote = terminal.process.pid, [one for one in agents() if one in sessions]
        assert len(remote) >= machines, terminal.screen()
        ssh = children_of(pid)
        begin = _cpu(pid), sum(map(_cpu, ssh)), _written(remote), time.monotonic()
        terminal.pump(seconds)
        end = _cpu(pid), sum(map(_cpu, ssh)), _written(remote), time.monotonic()
        memory = _memory(pid)
        terminal.send("q")
        terminal.wait()
    spent = end[3] - begin[3]
    return Cost(
        machines,
        100 * (end[0] - begin[0]) / spent,
        100 * (end[1] - begin[1]) / spent,
        memory,
        (end[2] - begin[2]) / spent / machines,
        first_s,
    )


def table(costs: list[Cost], seconds: float) -> list[str]:
    """Return the lines of our part of RESULTS.md."""
    return [
        "The screen, this machine and so many others over ssh on loopback, each with two ports of a"
        f" ConnectX-5, a sample a second, {seconds:.0f} s (`python -m tests.bench.hosts`). Goals:"
        " ≤ 5 % of a core with 20 machines, ≤ 4 kB/s of each.",
        "",
        "| machines | CPU | their ssh | memory | of each, before ssh | first picture |",
        "|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {one.machines} | {one.cpu:.1f} % | {one.ssh:.1f} % | {one.memory:.0f} MB"
            f" | {one.bytes_a_second / 1000:.1f} kB/s | {one.first_s:.2f} s |"
            for one in costs
        ),
    ]


def main() -> int:
    """Measure, and write or print the result."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hosts", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement")
    parser.add_argument("--machines", type=int, action="append", help="how many (1, 5, 20)")
    args = parser.parse_args()
    if MISSING:
        print("mlxtop's benchmark: needs root, ssh and sshd", file=sys.stderr)
        return 1
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mlxtop-bench-"))
        far = Far(Path(folder), free_port())
        stack.callback(far.stop)
        text = f'PYTHONPATH={ROOT} exec {sys.executable} -m tests.bench.hosts_agent "$@"'
        path = far.path("installed", {"mlxtop": text})
        far.start(f"{path}:/usr/bin:/bin", "MaxStartups 100", "MaxSessions 100")
        costs = [measure(far, count, args.seconds) for count in args.machines or COUNTS]
    lines = table(costs, args.seconds)
    print("\n".join(lines))
    if args.seconds == SECONDS and not args.machines:
        write_part(HEADING, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
