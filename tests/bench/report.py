"""RESULTS.md: the goals with what was measured, all runs, accuracy, faults."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mlxtop import __version__
from tests.bench import programs, recording, scrape
from tests.bench.accuracy import Accuracy
from tests.bench.cost import Run, high, middle
from tests.bench.faults import Fault
from tests.bench.recording import DAY_S, Figures
from tests.bench.sampling import Sampling
from tests.bench.scrape import Scrapings

Runs = Mapping[str, Sequence[Run]]


@dataclass(frozen=True, slots=True)
class Goal:
    """A row of the table of goals."""

    figure: str
    goal: str
    measured: str
    met: bool
    note: str = ""


def of(runs: Runs, name: str, value: Callable[[Run], float]) -> float:
    """The median of a figure over the runs of a program."""
    return middle([value(run) for run in runs[name]])


def paint(runs: Runs, name: str) -> float:
    """Seconds to the first complete screen; infinite where there never was one."""
    return of(runs, name, lambda run: run.paint if run.paint is not None else float("inf"))


def _keys(runs: Runs, name: str) -> list[float]:
    return [key for run in runs[name] for key in run.keys]


def goals(runs: Runs, sampling: Sampling, accuracy: Accuracy) -> list[Goal]:
    """Every figure that was promised."""
    two, bare = programs.TWO, programs.BARE

    def cpu(figure: str, name: str, limit: float, note: str = "") -> Goal:
        value = of(runs, name, lambda run: run.cpu)
        return Goal(figure, f"≤ {limit:g} %", f"{value:.2f} %", value <= limit, note)

    def screen(figure: str, name: str, limit: float) -> Goal:
        value = paint(runs, name)
        return Goal(figure, f"≤ {limit:g} s", f"{value:.2f} s", value <= limit)

    def output(figure: str, name: str, limit: float) -> Goal:
        value = of(runs, name, lambda run: run.bytes) / 1000
        return Goal(figure, f"≤ {limit:g} kB/s", f"{value:.2f} kB/s", value <= limit)

    ratio = paint(runs, two) / paint(runs, bare)
    keys = _keys(runs, two)
    memory = of(runs, two, lambda run: run.pss)
    leave = of(runs, two, lambda run: run.quit)
    floor = of(runs, bare, lambda run: run.quit)
    return [
        cpu("CPU of one core, two mlx5 ports, charts", two, 1.0, "stretch 0.35 %"),
        output("terminal output, two charts", two, 5.0),
        output("terminal output, table only", programs.TABLE, 1.5),
        Goal(
            "exec to first complete screen",
            "≤ 1.5 × bare Textual",
            f"{paint(runs, two):.3f} s = {ratio:.2f} ×",
            ratio <= 1.5,
        ),
        Goal(
            "key to repaint, median / p95",
            "≤ 5 / 15 ms",
            f"{middle(keys):.1f} / {high(keys):.1f} ms",
            middle(keys) <= 5 and high(keys) <= 15,
        ),
        Goal("quit", "≤ 0.25 s", f"{leave:.2f} s", leave <= 0.25, f"bare Textual {floor:.2f} s"),
        Goal("PSS", "≤ 45 MB", f"{memory:.1f} MB", memory <= 45),
        cpu("CPU at 10 Hz", programs.FAST, 4.0),
        cpu("CPU, 200 veth ports", programs.MANY, 1.5),
        screen("first screen, 200 veth ports", programs.MANY, 0.5),
        cpu("CPU, 12 ports of a DGX", programs.DGX, 1.5),
        screen("first screen, 12 ports of a DGX", programs.DGX, 0.5),
        cpu("CPU, 2000 veth ports", programs.CROWD, 3.0),
        screen("first screen, 2000 veth ports", programs.CROWD, 0.6),
        *sampling_goals(sampling),
        *accuracy_goals(accuracy),
    ]


def sampling_goals(found: Sampling) -> list[Goal]:
    """Goals without a screen."""
    once, sample = found.once / found.python, found.sample / found.kernel
    return [
        Goal(
            "`--once --delay 0 --json`, CPU of the whole process",
            "≤ 2.5 × python with imports",
            f"{found.once * 1000:.0f} ms = {once:.2f} ×",
            once <= 2.5,
        ),
        Goal(
            "one sample of 200 ports",
            "≤ 2 × the bare kernel reads",
            f"{found.sample * 1e6:.0f} µs = {sample:.2f} ×",
            sample <= 2.0,
            f"netlink dump and /proc/net/dev {found.kernel * 1e6:.0f} µs",
        ),
        Goal(
            "24 h of samples, memory after the history is full",
            "flat",
            f"{found.growth / 1000:+.1f} kB in the last {found.hours:.0f} h",
            abs(found.growth) <= 100_000,
        ),
    ]


def accuracy_goals(found: Accuracy) -> list[Goal]:
    """Goals of the numbers themselves."""
    median, worst = middle(found.errors), max(found.errors)
    return [
        Goal(
            "shown rate against the kernel's counter at a steady 2 Gb/s, median / max",
            "≤ 0.02 / 0.15 %",
            f"{median:.4f} / {worst:.4f} %",
            median <= 0.02 and worst <= 0.15,
            f"{len(found.errors)} samples at {middle(found.rates) / 1e9:.2f} Gb/s",
        ),
        Goal(
            "shown rate in the first second after a load step",
            "right, no smoothing",
            f"{found.step:.4f} % off",
            found.step <= 0.15,
        ),
        Goal(
            "whole run against iperf3 plus headers",
            "≤ 0.5 %",
            f"{found.total:.3f} %",
            found.total <= 0.5,
        ),
    ]


def scraping_goals(scrapings: Scrapings) -> Iterator[Goal]:
    """Goals of `mlxtop metrics --listen`, scraped every 15 s."""
    for name, (limit, found) in scrapings.items():
        note = f"{found.samples} samples"
        figure = f"CPU of metrics beyond sampling, a scrape each 15 s, {name}"
        met = found.share <= limit
        yield Goal(figure, f"≤ {limit:g} %", f"{found.share:.2f} %", met, note)


def costs(runs: Runs) -> str:
    """All programs beside each other, medians."""
    lines = [
        "| program | first screen s | start CPU s | CPU % | kB/s | bursts/s | key ms | p95 "
        "| quit s | PSS MB | not restored | other CPU % |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, several in runs.items():
        keys = [key for run in several for key in run.keys]
        left = sorted({mode for run in several for mode in run.leftovers})
        if any(run.status != 0 for run in several):
            left.append(f"status {[run.status for run in several]}")
        cells = [
            name,
            f"{paint(runs, name):.3f}",
            f"{of(runs, name, lambda run: run.start_cpu):.2f}",
            f"{of(runs, name, lambda run: run.cpu):.2f}",
            f"{of(runs, name, lambda run: run.bytes) / 1000:.2f}",
            f"{of(runs, name, lambda run: run.bursts):.1f}",
            f"{middle(keys):.1f}",
            f"{high(keys):.1f}",
            f"{of(runs, name, lambda run: run.quit):.2f}",
            f"{of(runs, name, lambda run: run.pss):.1f}",
            ", ".join(left) or "–",
            f"{of(runs, name, lambda run: run.other):.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


HEAD = """# Measured

Written by `python -m tests.bench`; nothing here is typed by hand.

mlxtop {version}, {python}, Linux {kernel}, {cpus} × {cpu}. Load before the start: {load}.

A pseudo-terminal of 120 × 40 that answers queries; the whole process tree; 1 s between samples;
the first screen with its charts; {seconds} s steady after 3 s of start; medians of {repeat} runs,
first screens of six starts more; all programs in turns. *Two ports* is one dual-port ConnectX-7 out
of a simulated DGX, whose answers were recorded, with counters that move by arithmetic; beside every
answer the kernel of this machine is asked the like, so that system calls are in the figure, and the
firmware's time is not. `--demo`
includes the physics of the simulation. *veth* ports are real. *Other CPU* is what the rest of the
machine used meanwhile: unless it is small, paint times and latencies are worth little.

The goals were set where a bare Textual application has its first screen after {reference} s; here
it has it after {floor:.2f} s. Whoever compares seconds and shares of a core reads them in that
proportion; the goals are judged as they stand.
"""
REFERENCE = 0.16
"""Seconds to the first screen of a bare Textual application, where the goals were set."""


def recording_goals(recordings: Sequence[Figures]) -> Iterator[Goal]:
    """The figures that were promised of recordings."""
    for one in recordings:
        yield Goal(
            f"CPU of recording beyond sampling, {one.name}",
            "≤ 0.5 % of a core",
            f"{one.share:.3f} %",
            one.share <= 0.5,
        )
        yield Goal(
            f"seek in a recording, {one.name}, median",
            "≤ 0.3 s",
            f"{one.seek_ms / 1000:.2f} s",
            one.seek_ms <= 300,
        )
        whole_day = one.survey_us * DAY_S / 1e6
        yield Goal(
            f"first opening of a day, in the background, {one.name}",
            "≤ 15 s",
            f"{whole_day:.0f} s",
            whole_day <= 15,
        )


class Beyond(NamedTuple):
    """What recording and metrics cost beyond sampling."""

    recordings: Sequence[Figures]
    scrapings: Scrapings


def whole(
    runs: Runs,
    sampling: Sampling,
    accuracy: Accuracy,
    faults: Sequence[Fault],
    beyond: Beyond,
    *,
    quick: bool,
) -> str:
    """The whole file."""
    parts = [
        HEAD.format(
            version=__version__,
            python=f"Python {platform.python_version()}",
            kernel=platform.release(),
            cpus=os.cpu_count(),
            cpu=_cpu_model(),
            load=" ".join(f"{n:.2f}" for n in os.getloadavg()),
            seconds=5 if quick else 30,
            repeat=len(next(iter(runs.values()))),
            reference=REFERENCE,
            floor=paint(runs, programs.BARE),
        ),
        "## Goals\n",
        "| figure | goal | measured | met | |\n|---|---|---|---|---|",
        *(
            f"| {g.figure} | {g.goal} | {g.measured} | {'yes' if g.met else '**no**'} | {g.note} |"
            for g in (
                *goals(runs, sampling, accuracy),
                *recording_goals(beyond.recordings),
                *scraping_goals(beyond.scrapings),
            )
        ),
        "\n## Side by side\n",
        costs(runs),
        "\n## Sampling\n",
        *(f"* {line}" for line in (*sampling.lines(), *accuracy.lines())),
        f"\n{scrape.HEADING}\n",
        *scrape.lines(beyond.scrapings),
        f"\n{recording.HEADING}\n",
        *recording.lines(beyond.recordings),
        "\n## Faults\n",
        "| injected | survived | test |\n|---|---|---|",
        *(f"| {f.injected} | {f.survived} | `{f.test}` |" for f in faults),
    ]
    return "\n".join(parts) + "\n"


def _cpu_model() -> str:
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return models[0] if models else "unknown processor"
