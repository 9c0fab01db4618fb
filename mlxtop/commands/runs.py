"""`mlxtop runs`: recorded load tests, listed, shown and compared."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxtop.actions.run_log import find_id, list_ids, own_runs, read_run
from mlxtop.analysis.run_compare import Change, compare
from mlxtop.model.run import Run, number
from mlxtop.present.clean import clean, fit
from mlxtop.present.load import rate

if TYPE_CHECKING:
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

_SAMPLES = ("t", "start", "end", "bps", "reverse_bps", "retransmits", "rtt_ms", "omitted")
_COLUMNS = (
    *("id", "started", "host", "tool", "target", "port", "direction", "seconds", "received_bps"),
    *("sent_bps", "retransmits", "peak_module_c", "peak_asic_c", "ended", "note"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `runs` takes."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="show ID | compare A B",
        help="an id, the beginning of one, last, or -1 for the one before the last",
    )
    parser.add_argument("--csv", action="store_true", help="comma-separated values")


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print what is asked for."""
    if args.csv and args.json:
        raise ValueError("--csv and --json exclude each other")
    directory = own_runs()
    match args.words:
        case [] | ["list"]:
            _list(directory, args)
        case ["show", wanted]:
            _show(read_run(directory, find_id(directory, wanted)), args)
        case ["compare", first, second]:
            runs = [read_run(directory, find_id(directory, name)) for name in (first, second)]
            _compare(runs[0], runs[1], args)
        case _:
            raise ValueError("runs takes nothing, show ID, or compare A B")
    return 0


def _when(run: Run) -> str:
    if run.started is None:
        return "–"
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    except (OverflowError, ValueError, OSError):
        return "–"


def _peak(run: Run, sensor: str) -> float | None:
    return number(run.sensors.get(sensor, {}).get("peak_c"))


def summary(run: Run) -> dict[str, Any]:
    """A run in a row, as JSON."""
    plan, result = run.plan, run.result
    return {
        "id": run.id,
        "started": run.started,
        "host": run.host,
        "demo": run.demo,
        "tool": plan.get("tool"),
        "target": plan.get("target"),
        "port": plan.get("port_name"),
        "direction": plan.get("direction"),
        "seconds": result.get("seconds"),
        "received_bps": result.get("received_bps"),
        "sent_bps": result.get("sent_bps"),
        "retransmits": result.get("retransmits"),
        "peak_module_c": _peak(run, "module"),
        "peak_asic_c": _peak(run, "asic"),
        "ended": run.ended,
        "note": run.note,
    }


def document(run: Run) -> dict[str, Any]:
    """A whole run, as JSON."""
    return {
        "id": run.id,
        "started": run.started,
        "host": run.host,
        "demo": run.demo,
        "note": run.note,
        "plan": dict(run.plan),
        "fingerprint": dict(run.fingerprint),
        "intervals": [_without_kind(line) for line in run.intervals],
        "samples": [_without_kind(line) for line in run.heat],
        "events": [_without_kind(line) for line in run.events],
        "ended": run.ended,
        "end": _without_kind(run.end) if run.end else None,
        "damaged_lines": run.damaged,
    }


def _without_kind(line: Any) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "kind"}


def _print(value: Any) -> None:
    print(json.dumps(value, indent=2))


def _cell(value: Any) -> Any:
    """A value for a spreadsheet, which must not take a text for a formula."""
    if isinstance(value, str):
        text = clean(value)
        return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
    return json.dumps(value) if isinstance(value, dict | list) else value


def _table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])


def _list(directory: Path, args: argparse.Namespace) -> None:
    rows = []
    for name in list_ids(directory):
        try:
            rows.append(read_run(directory, name))
        except OSError as error:
            print(f"mlxtop: {clean(name)}: {error.strerror}", file=sys.stderr)
    if args.json:
        _print([summary(row) for row in rows])
    elif args.csv:
        _table(_COLUMNS, map(summary, rows))
    elif not rows:
        print("no run has been recorded yet (mlxtop load HOST records one)")
    else:
        print(f"{'ID':<20}{'STARTED':<21}{'PORT':<16}{'TO':<17}{'RATE':>10}  {'PEAK':<7} NOTE")
        for row in rows:
            print(_row(row))


def _row(row: Run) -> str:
    known = [found for name in ("module", "asic") if (found := _peak(row, name)) is not None]
    peak = f"{max(known):.0f} °C" if known else "–"
    note = clean(row.note) + ("" if row.ended == "complete" else f" [{clean(row.ended)}]")
    demo = " DEMO" if row.demo else ""
    port, target = (fit(str(row.plan.get(key) or "–"), 15) for key in ("port_name", "target"))
    return (
        f"{row.id:<20}{_when(row):<21}{port} {target}  {rate(row.rate):>10}  {peak:<7}{demo} {note}"
    ).rstrip()


def _show(run: Run, args: argparse.Namespace) -> None:
    if args.json:
        _print(document(run))
        return
    if args.csv:
        _table(_SAMPLES, map(_without_kind, run.intervals))
        return
    print(f"{run.id}{' DEMO' if run.demo else ''}  {_when(run)}  {clean(run.host or '–')}")
    if run.note:
        print(f"note: {clean(run.note)}")
    for line in run.plan.get("commands") or []:
        print(f"ran: {clean(str(line))}")
    facts = [f"{key} {value}" for key, value in run.fingerprint.items() if value is not None]
    print("on: " + clean(", ".join(facts)))
    for line in run.intervals:
        end, bps = number(line.get("end")), number(line.get("bps"))
        back = number(line.get("reverse_bps"))
        more = f"  back {rate(back)}" if back is not None else ""
        warm = "  warm-up" if line.get("omitted") else ""
        print(f"{'–' if end is None else f'{end:.1f}':>8} s {rate(bps):>11}{more}{warm}")
    for name, sensor in run.sensors.items():
        told = [
            f"{key.removesuffix('_c')} {value}"
            for key, value in sensor.items()
            if key != "name" and value is not None
        ]
        print(clean(f"{name}: " + ", ".join(told)))
    print(f"result: {rate(run.rate)}; {clean(str((run.end or {}).get('verdict') or ''))}")
    print(f"ended: {clean(run.ended)}")
    if run.damaged:
        print(f"{run.damaged} lines of the record could not be read")


def _compare(before: Run, after: Run, args: argparse.Namespace) -> None:
    changes = compare(before, after)
    if args.json:
        _print(
            {
                "before": summary(before),
                "after": summary(after),
                "changes": [change.document() for change in changes],
            }
        )
        return
    if args.csv:
        _table(
            ("part", "name", "before", "after", "unit", "difference", "percent"),
            (change.document() for change in changes),
        )
        return
    print(f"before: {before.id}  {_when(before)}  {clean(before.note)}".rstrip())
    print(f"after:  {after.id}  {_when(after)}  {clean(after.note)}".rstrip())
    part = ""
    for change in changes:
        if change.part != part:
            part = change.part
            print(f"{part}:")
        print(f"  {_change(change)}")
    if not changes:
        print("nothing differs")


def _change(change: Change) -> str:
    if change.unit == "bit/s":
        texts = [rate(number(value)) for value in (change.before, change.after)]
    else:
        texts = [_value(value, change.unit) for value in (change.before, change.after)]
    text = f"{change.name}: {texts[0]} -> {texts[1]}"
    if change.percent is not None and abs(change.percent) >= 0.05:
        return clean(f"{text} ({change.percent:+.1f} %)")
    return clean(text)


def _value(value: Any, unit: str) -> str:
    if value is None:
        return "–"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".strip()
