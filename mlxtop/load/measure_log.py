"""The record of a measurement: one file of JSON lines beside those of the runs that it is made of.

One `measure` line, a `row` line for each test as it ends, a `done` line at the end; a measurement
that was broken off lacks that and can go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlxtop.load.outcome import Outcome, result_document
from mlxtop.load.record import Line, number, table
from mlxtop.load.run_log import SUFFIX, list_files, read_text
from mlxtop.model.json_text import decode

SCHEMA = 1
PREFIX = "m"
"""Of the ids of measurements, which tells them from runs."""
_ID = re.compile(r"m[0-9]{8}T[0-9]{6}Z(?:-[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Measured:
    """A record that was read back; what a damaged or strange file lacks is empty."""

    id: str
    head: Line = field(default_factory=dict)
    rows: tuple[Line, ...] = ()
    done: Line = field(default_factory=dict)
    damaged: int = 0

    @property
    def complete(self) -> bool:
        return bool(self.done)

    @property
    def tests(self) -> tuple[Line, ...]:
        """Return key, name and, where there is one, why it was not measured, of all tests."""
        listed = self.head.get("tests")
        return tuple(map(table, listed)) if isinstance(listed, list) else ()

    @property
    def in_order(self) -> list[Line]:
        """Return the rows in the order of the plan; that of the file is the order of the run."""
        places = {str(test.get("key")): place for place, test in enumerate(self.tests)}
        return sorted(self.rows, key=lambda row: places.get(str(row.get("key")), len(places)))

    @property
    def by_key(self) -> dict[str, Line]:
        return {str(row.get("key")): row for row in self.in_order}


def row_document(key: str, name: str, group: str, outcome: Outcome | None) -> dict[str, Any]:
    """Return what a test has told, for table and record; without an outcome it was not run."""
    row: dict[str, Any] = {"key": key, "name": name, "group": group}
    if outcome is None:
        return row
    result = outcome.result
    peaks = {sensor.name: sensor.peak for sensor in outcome.sensors}
    limit = outcome.verdict.limit if outcome.verdict is not None else None
    return row | {
        "tool": str(outcome.plan.request.tool),
        "test": outcome.plan.request.test,
        "streams": outcome.plan.streams,
        "mtu": outcome.plan.mtu,
        "direction": str(outcome.plan.request.direction),
        "bps": outcome.rate,
        "reverse_bps": result.reverse.bps if result and result.reverse else None,
        "ceiling_bps": outcome.plan.ceiling,
        "result": result_document(result),
        "limited_by": str(limit) if limit else None,
        "peaks_c": peaks,
        "hot": outcome.hot,
        "stopped": outcome.heat.reason is not None,
        "ended": outcome.ended,
        "failed": outcome.failed,
        "run": outcome.run,
    }


def latency_us(row: Mapping[str, Any], *names: str) -> float | None:
    """Return the first of some figures of a row's latency, µs."""
    latency = table(table(row.get("result")).get("latency"))
    figures = (number(latency.get(f"{name}_us")) for name in names)
    return next((figure for figure in figures if figure is not None), None)


def parse_measured(name: str, lines: Iterable[str]) -> Measured:
    """Read a record back; torn lines and those of other programs are left out.

    >>> parse_measured("m1", ['{"kind":"row","key":"tcp"}', '{"kind":"ro']).by_key.keys()
    dict_keys(['tcp'])
    """
    head: Line = {}
    done: Line = {}
    rows: dict[str, Line] = {}
    damaged = 0
    for text in filter(str.strip, lines):
        try:
            line = table(decode(text))
        except ValueError:
            line = {}
        match line.get("kind"):
            case "measure":
                head = line
            case "done":
                done = line
            case "row" if isinstance(line.get("key"), str):
                rows[line["key"]] = line
            case _:
                damaged += 1
    return Measured(name, head, tuple(rows.values()), done, damaged)


def list_measured(directory: Path) -> list[str]:
    """Return the measurements in a directory, oldest first. Raises OSError."""
    return sorted(name for name in list_files(directory) if _ID.fullmatch(name))


def read_measured(directory: Path, name: str) -> Measured:
    """Return a record as far as it can be read. Raises OSError."""
    return parse_measured(name, read_text(directory / (name + SUFFIX)).split("\n"))


def find_measured(directory: Path, wanted: str) -> str:
    """Return the measurement that is meant, by its id, the beginning of it, or `last`.

    Raises ValueError with one line that names the fault.
    """
    names = list_measured(directory)
    if not names:
        raise ValueError("nothing has been measured yet")
    if wanted in ("", "last"):
        return names[-1]
    matching = [name for name in names if name.startswith(wanted)]
    if wanted in names or len(matching) == 1:
        return wanted if wanted in names else matching[0]
    why = "more than one measurement begins" if matching else "no measurement begins"
    raise ValueError(f"{why} with {wanted!r}")
