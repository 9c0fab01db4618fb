"""`mlxtop runs`: recorded load tests, listed, shown and compared."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxtop.load.record import Change, Run, compare, number
from mlxtop.load.run_log import find_id, list_ids, own_runs, read_run
from mlxtop.outputs import console, csv_rows
from mlxtop.present.load import rate
from mlxtop.present.runs import run_lines, run_table, when

if TYPE_CHECKING:
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

_SAMPLES = ("t", "start", "end", "bps", "reverse_bps", "retransmits", "rtt_ms", "omitted")
_COLUMNS = (
    *("id", "started", "host", "tool", "target", "port", "direction", "seconds", "received_bps"),
    *("sent_bps", "retransmits", "peak_module_c", "peak_asic_c", "ended", "note"),
)
_CHANGES = ("part", "name", "before", "after", "unit", "difference", "percent")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments of `runs`."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="show ID | compare A B",
        help="an id, the beginning of one, last, or -1 for the one before the last",
    )
    parser.add_argument("--csv", action="store_true", help="comma-separated values")


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print what is asked for; return the exit code."""
    if args.csv and args.json:
        raise ValueError("--csv and --json exclude each other")
    directory = own_runs()
    match args.words:
        case [] | ["list"]:
            _list(directory, args)
        case ["show", wanted]:
            _show(read_run(directory, find_id(directory, wanted)), args, settings.ascii)
        case ["compare", first, second]:
            runs = [read_run(directory, find_id(directory, name)) for name in (first, second)]
            _compare(runs[0], runs[1], args)
        case _:
            raise ValueError("runs takes nothing, show ID, or compare A B")
    return 0


def _peak(run: Run, sensor: str) -> float | None:
    return number(run.sensors.get(sensor, {}).get("peak_c"))


def summary(run: Run) -> dict[str, Any]:
    """Return a run in a row for JSON."""
    plan, figures = run.plan, ("seconds", "received_bps", "sent_bps", "retransmits")
    return {
        **_heading(run),
        **{key: plan.get(key) for key in ("tool", "target")},
        "port": plan.get("port_name"),
        "direction": plan.get("direction"),
        **{key: run.result.get(key) for key in figures},
        **{f"peak_{sensor}_c": _peak(run, sensor) for sensor in ("module", "asic")},
        "ended": run.ended,
        "note": run.note,
    }


def document(run: Run) -> dict[str, Any]:
    """Return a whole run for JSON."""
    return {
        **_heading(run),
        "note": run.note,
        "plan": dict(run.plan),
        "fingerprint": dict(run.fingerprint),
        "intervals": list(map(_without_kind, run.intervals)),
        "samples": list(map(_without_kind, run.heat)),
        "events": list(map(_without_kind, run.events)),
        "ended": run.ended,
        "end": _without_kind(run.end) if run.end else None,
        "damaged_lines": run.damaged,
    }


def _heading(run: Run) -> dict[str, Any]:
    return {"id": run.id, "started": run.started, "host": run.host, "demo": run.demo}


def _without_kind(line: Any) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "kind"}


def _table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    values = ([row.get(column) for column in columns] for row in rows)
    console.write(csv_rows.rows((columns, *values)))


def _list(directory: Path, args: argparse.Namespace) -> None:
    rows = []
    for name in list_ids(directory):
        try:
            rows.append(read_run(directory, name))
        except OSError as error:
            console.warn(f"mlxtop: {name}: {error.strerror}")
    if args.json:
        console.say_json([summary(row) for row in rows])
    elif args.csv:
        _table(_COLUMNS, map(summary, rows))
    elif not rows:
        console.say("no run has been recorded yet (mlxtop load HOST records one)")
    else:
        console.say(*run_table(rows, shutil.get_terminal_size((100, 24)).columns))


def _show(run: Run, args: argparse.Namespace, ascii_only: bool) -> None:
    if args.json:
        console.say_json(document(run))
    elif args.csv:
        _table(_SAMPLES, map(_without_kind, run.intervals))
    else:
        console.say(*run_lines(run, shutil.get_terminal_size().columns, ascii_only))


def _compare(before: Run, after: Run, args: argparse.Namespace) -> None:
    changes = compare(before, after)
    documents = [change.document() for change in changes]
    if args.json:
        console.say_json({"before": summary(before), "after": summary(after), "changes": documents})
    elif args.csv:
        _table(_CHANGES, documents)
    else:
        for label, run in (("before: ", before), ("after:  ", after)):
            console.say(f"{label}{run.id}  {when(run)}  {run.note}".rstrip())
        for part, group in groupby(changes, key=lambda change: change.part):
            console.say(f"{part}:", *(f"  {_change(change)}" for change in group))
        if not changes:
            console.say("nothing differs")


def _change(change: Change) -> str:
    before, after = (_value(value, change.unit) for value in (change.before, change.after))
    text = f"{change.name}: {before} -> {after}"
    if change.percent is not None and abs(change.percent) >= 0.05:
        return f"{text} ({change.percent:+.1f} %)"
    return text


def _value(value: Any, unit: str) -> str:
    if unit == "bit/s":
        return rate(number(value))
    if value is None:
        return "–"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".strip()
