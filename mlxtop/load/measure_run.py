"""Runs a measurement: its tests in shuffled order, each cooled down, within a budget of time.

The order is shuffled so that warming up is no trend; which order it was is in the record. Tests
that another MTU is set for come last, those of one MTU together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, NamedTuple

from mlxtop.load.answer import sentence
from mlxtop.load.measure import COOL_S, Item, MeasureOptions, MeasurePlan
from mlxtop.load.measure_log import PREFIX, SCHEMA, row_document
from mlxtop.load.mtu import Setting
from mlxtop.load.outcome import Outcome
from mlxtop.load.record import Line
from mlxtop.load.request import LoadOptions, Timing
from mlxtop.load.run_log import RunWriter, fingerprint
from mlxtop.load.sweep import duration
from mlxtop.model.frame import Frame
from mlxtop.system.door import System

TRIES = 2
"""Times that a test is tried whose server is not there: it may be between two tests."""
RETRY_S = 2.0

RunOne = Callable[[LoadOptions, Mapping[str, float]], Outcome | str]
"""Plans and runs one test, given the temperatures that count as those at the start; returns why,
where it was refused."""
Set = Callable[[Setting | None], str | None]
"""Sets what a test wants, None for how it was; returns why that cannot be used."""


class MeasureView(NamedTuple):
    """A measurement as a front end shows it."""

    plan: MeasurePlan
    rows: tuple[Line, ...] = ()
    """Of the tests that have ended, in the order of the plan."""
    current: str | None = None
    """Name of the test that goes on."""
    turn: int = 0
    """Place of that test among those that are run, from 1."""
    turns: int = 0
    """Tests that are run, without those of a measurement that goes on here."""
    ended: str | None = None
    """`complete`, or why it ended before; None while it goes on."""
    id: str | None = None
    problem: str | None = None

    @property
    def sentence(self) -> str:
        return sentence(self.rows)

    @property
    def progress(self) -> str:
        """Return which test goes on, and how many there are: `UDP, test 3 of 29`."""
        return f"{self.current}, test {self.turn} of {self.turns}"

    def document(self) -> dict[str, Any]:
        return {
            "plan": self.plan.document(),
            "rows": list(self.rows),
            "sentence": self.sentence,
            "ended": self.ended,
            "id": self.id,
            "problem": self.problem,
        }


class Measurement:
    """One measurement: made, and run once by a thread."""

    def __init__(
        self,
        system: System,
        plan: MeasurePlan,
        options: MeasureOptions,
        changed: Callable[[MeasureView], None],
    ) -> None:
        self._system = system
        self._plan = plan
        self._options = options
        self._changed = changed
        self._rows: dict[str, Line] = {}
        self._view = MeasureView(plan)
        self._starts: dict[str, float] = {}
        self._cancelled: str | None = None
        self._end = Event()
        self._until = math.inf
        """When the budget of time is used up, monotonic seconds."""

    def cancel(self, why: str) -> None:
        """Run no further test, from any thread."""
        self._cancelled = why
        self._end.set()

    def run(
        self,
        one: RunOne,
        record: RunWriter | None,
        before: Mapping[str, Line],
        change: Set = lambda _: None,
    ) -> MeasureView:
        """Run the tests that `before` has no row of, or a failure; return how it ended."""
        possible = {item.key: item for item in self._plan.possible}
        good = {key: row for key, row in before.items() if not row.get("failed")}
        self._rows = {key: row for key, row in good.items() if key in possible}
        for row in self._rows.values():
            _write(record, **row)
        left = [item for item in possible.values() if item.key not in self._rows]
        seed = record.id if record is not None else str(self._system.wall())
        left = _shuffled(left, seed)
        if self._options.budget_s is not None:
            self._until = self._system.now() + self._options.budget_s
        ended = None
        self._update(turns=len(left), id=record.id if record else None)
        for turn, item in enumerate(left, 1):
            ended = ended or self._over(item)
            if ended is not None:
                break
            self._update(current=item.name, turn=turn)
            unusable = change(item.setting)
            if unusable is None:
                ended = self._run_item(item, one, record, last=turn == len(left))
            else:
                self._fail(item, unusable, record)
        ended = ended or self._cancelled or "complete"
        if ended == "complete":
            _write(record, kind="done", sentence=sentence(self.rows), ended=ended)
        problem = record.problem if record is not None else None
        return self._update(current=None, ended=ended, problem=problem)

    @property
    def rows(self) -> tuple[Line, ...]:
        """Return the rows in the order of the plan."""
        keys = (item.key for item in self._plan.items)
        return tuple(self._rows[key] for key in keys if key in self._rows)

    def _over(self, item: Item) -> str | None:
        """Return why no further test is run."""
        if self._cancelled is not None:
            return self._cancelled
        if self._left_after(item) < 0:
            budget = duration(self._options.budget_s or 0.0)
            return f"the budget of {budget} is used up: --resume goes on"
        return None

    def _left_after(self, item: Item) -> float:
        """Return the seconds of the budget that a test leaves when it begins now."""
        request = item.plan.request
        return self._until - self._system.now() - request.seconds - request.omit

    def _run_item(
        self, item: Item, one: RunOne, record: RunWriter | None, *, last: bool
    ) -> str | None:
        """Run a test; return why no other may follow it."""
        note = f"{item.name} of {record.id}" if record is not None else item.name
        usual = Timing()
        cooldown = min(usual.cooldown if last else COOL_S, max(0.0, self._left_after(item)))
        timing = usual._replace(cooldown=cooldown)
        chosen = LoadOptions(item.plan.request, self._options.guard, timing, note)
        outcome = one(chosen, self._starts)
        for _ in range(TRIES - 1):
            if isinstance(outcome, str) or self._cancelled or not _nobody(outcome):
                break
            self._system.wait(RETRY_S, self._end)
            outcome = one(chosen, self._starts)
        if isinstance(outcome, str):
            self._fail(item, outcome, record)
            return None
        if self._cancelled is not None and outcome.ended != "complete":
            return None  # a test that was broken off is run again when the measurement goes on
        for sensor in outcome.sensors:
            if sensor.start is not None:
                self._starts.setdefault(sensor.name, sensor.start)
        self._take(row_document(item.key, item.name, item.group, outcome), item, record)
        return _unsafe(outcome)

    def _fail(self, item: Item, why: str, record: RunWriter | None) -> None:
        """Take the row of a test that was not run, unless all is broken off."""
        if self._cancelled is None:
            row = {"key": item.key, "name": item.name, "group": item.group}
            self._take(row | {"failed": True, "ended": why}, item, record)

    def _take(self, row: Line, item: Item, record: RunWriter | None) -> None:
        """Take a row into table and record."""
        whole = {**row, "kind": "row", "point": dict(item.point)}
        self._rows[item.key] = whole
        _write(record, **whole)
        self._update()

    def _update(self, **changes: Any) -> MeasureView:
        self._view = self._view._replace(rows=self.rows, **changes)
        self._changed(self._view)
        return self._view


def _shuffled(items: Sequence[Item], seed: str) -> list[Item]:
    """Return tests in an order by chance: first those that nothing is changed for."""
    random = Random(seed)
    settings = [one for one in dict.fromkeys(item.setting for item in items) if one is not None]
    random.shuffle(settings)
    groups = [[item for item in items if item.setting == one] for one in (None, *settings)]
    for group in groups:
        random.shuffle(group)
    return [item for group in groups for item in group]


def _nobody(outcome: Outcome) -> bool:
    """Return whether a test failed for want of its server."""
    return outcome.failed and "server" in outcome.ended


def _unsafe(outcome: Outcome) -> str | None:
    """Return why no other test may follow one that the guard stopped: it is not cool again."""
    if outcome.heat.reason is None:
        return None
    for sensor in outcome.sensors:
        if sensor.problem is not None or sensor.last is None:
            return f"{outcome.ended}; --resume goes on once it is read again"
        if sensor.last >= sensor.limits.warning:
            return f"{outcome.ended}, and it did not cool down: --resume goes on"
    return None


def _write(record: RunWriter | None, **line: Any) -> None:
    if record is not None:
        record.write(line.pop("kind", "row"), **line)


def begin_record(
    system: System, runs: Path, frame: Frame, plan: MeasurePlan, options: MeasureOptions
) -> RunWriter:
    """Make the record of a measurement and write its first line. Raises OSError."""
    record = RunWriter(runs, system.wall(), PREFIX)
    first = next(iter(plan.possible), None)
    record.write(
        "measure",
        schema=SCHEMA,
        id=record.id,
        started=system.wall(),
        host=system.label,
        demo=system.demo,
        target=plan.host,
        note=options.note,
        resumes=options.resume,
        request=options.request._asdict(),
        change_mtu=options.change_mtu,
        tests=[{"key": one.key, "name": one.name, "reason": one.reason} for one in plan.items],
        sweep=[f"{axis.name}={','.join(axis.values)}" for axis in options.axes],
        fingerprint={} if first is None else fingerprint(frame, first.plan),
    )
    return record
