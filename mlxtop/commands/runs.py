"""`mlxtop runs`: recorded load tests, listed, shown and compared."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlxtop.load.answer import sentence
from mlxtop.load.measure_log import (
    PREFIX,
    Measured,
    find_measured,
    list_measured,
    read_measured,
)
from mlxtop.load.record import Change, Run, compare, differences, number, table
from mlxtop.load.run_log import FAR, find_id, list_ids, own_runs, read_run
from mlxtop.outputs import console, csv_rows
from mlxtop.present.load import rate
from mlxtop.present.measure import compared_lines, recorded_cells, table_lines
from mlxtop.present.measure import csv_rows as rows_of_measured
from mlxtop.present.runs import run_lines, run_table, when
from mlxtop.present.text import clean, wrap
from mlxtop.recording.files import run_recording

if TYPE_CHECKING:
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

R = TypeVar("R")

_SAMPLES = ("t", "start", "end", "bps", "reverse_bps", "retransmits", "rtt_ms", "omitted")
_COLUMNS = (
    *("id", "started", "host", "tool", "target", "port", "direction", "seconds", "received_bps"),
    *("sent_bps", "retransmits", "peak_module_c", "peak_asic_c", "ended", "note"),
)
COLUMNS = 80
"""Width of what is shown of one run."""
_CHANGES = ("part", "name", "before", "after", "unit", "difference", "percent")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments of `runs`."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="show ID | compare A B",
        help="an id of a run or measurement, its beginning, last, or -1 for the one before",
    )
    parser.add_argument("--csv", action="store_true", help="comma-separated values")


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print what is asked for; return the exit code."""
    if args.csv and args.json:
        raise ValueError("--csv and --json exclude each other")
    directory = own_runs(demo=system.demo)
    match args.words:
        case [] | ["list"]:
            _list(directory, args)
        case ["show", wanted] if wanted.startswith(PREFIX):
            _show_measured(read_measured(directory, find_measured(directory, wanted)), args)
        case ["compare", first, second] if first.startswith(PREFIX) or second.startswith(PREFIX):
            ids = (find_measured(directory, name) for name in (first, second))
            _compare_measured(*(read_measured(directory, one) for one in ids), args=args)
        case ["show", wanted]:
            _show(directory, read_run(directory, find_id(directory, wanted)), args, settings.ascii)
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


def _readable(directory: Path, names: Iterable[str], read: Callable[[Path, str], R]) -> Iterator[R]:
    """Yield the records that can be read; warn of the others."""
    for name in names:
        try:
            yield read(directory, name)
        except OSError as error:
            console.warn(f"mlxtop: {name}: {error.strerror}")


def _list(directory: Path, args: argparse.Namespace) -> None:
    rows = list(_readable(directory, list_ids(directory), read_run))
    if args.json:
        console.say_json([summary(row) for row in rows])
        return
    if args.csv:
        _table(_COLUMNS, map(summary, rows))
        return
    measured = list(_readable(directory, list_measured(directory), read_measured))
    if not rows and not measured:
        console.say("no run has been recorded yet (mlxtop load HOST records one)")
    else:
        if rows:
            console.say(*run_table(rows, shutil.get_terminal_size((100, 24)).columns))
        for one in measured:
            console.say(*_measured_head(one), *wrap(f"  {sentence(one.rows)}", COLUMNS, "  "))


def _show(directory: Path, run: Run, args: argparse.Namespace, ascii_only: bool) -> None:
    recordings = {
        key: path
        for key, name in (("recording", run.id), ("far_recording", run.id + FAR))
        if (path := run_recording(name, directory)) is not None
    }
    if args.json:
        paths = {key: str(path) for key, path in recordings.items()}
        console.say_json(document(run) | {"recording": None} | paths)
    elif args.csv:
        _table(_SAMPLES, map(_without_kind, run.intervals))
    else:
        console.say(*run_lines(run, shutil.get_terminal_size().columns, ascii_only))
        if "recording" in recordings:
            console.say(f"replay: mlxtop replay {run.id}")
        if "far_recording" in recordings:
            console.say(f"the far end: mlxtop replay {run.id}{FAR}")


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


def _measured_rows(measured: Measured) -> list[dict[str, Any]]:
    return [_without_kind(row) for row in measured.rows]


def _show_measured(measured: Measured, args: argparse.Namespace) -> None:
    """Show the table of a measurement again, and its sentence."""
    answer = sentence(measured.rows)
    if args.json:
        head = _without_kind(measured.head)
        rows_ = _measured_rows(measured)
        document = {"id": measured.id, **head, "rows": rows_, "sentence": answer}
        console.say_json({**document, "complete": measured.complete})
    elif args.csv:
        console.write(csv_rows.named(rows_of_measured(measured.in_order)))
    else:
        table_ = table_lines(recorded_cells(measured))
        console.say(*_measured_head(measured), *table_, *wrap(answer, COLUMNS))
        if measured.damaged:
            console.say(f"{measured.damaged} lines of the record could not be read")


def _measured_head(measured: Measured) -> Iterator[str]:
    head = measured.head
    target, note = clean(str(head.get("target") or "–")), clean(str(head.get("note") or ""))
    started = number(head.get("started"))
    at = when(Run(measured.id, started))
    yield f"{measured.id}  {at}  to {target}"
    if not measured.complete:
        yield f"  broken off: mlxtop measure --resume {measured.id} goes on"
    if note:
        yield from wrap(f"note: {note}", COLUMNS)


def _compare_measured(before: Measured, after: Measured, *, args: argparse.Namespace) -> None:
    """Show two tables side by side, in the order of their plans, with what changed in between."""
    old, new = (table(one.head.get("fingerprint")) for one in (before, after))
    changes = list(differences(old, new))
    if args.json or args.csv:
        documents = [change.document() for change in changes]
        rows = {"before": _measured_rows(before), "after": _measured_rows(after)}
        if args.json:
            console.say_json({**rows, "changes": documents})
        else:
            _table(_CHANGES, documents)
        return
    for label, one in (("before: ", before), ("after:  ", after)):
        console.say(*(f"{label}{line}" for line in _measured_head(one)))
    console.say(*compared_lines(before, after, [*map(_change, changes)]))


def _change(change: Change) -> str:
    is_rate = change.name.endswith("_bps")
    unit = "bit/s" if is_rate else change.unit
    before, after = (_value(value, unit) for value in (change.before, change.after))
    text = f"{change.name.removesuffix('_bps').replace('_', ' ')}: {before} -> {after}"
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
