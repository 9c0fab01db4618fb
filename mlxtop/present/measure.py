"""A measurement in words and tables: its plan, its rows, two of them side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlxtop.load.measure import MeasurePlan
from mlxtop.load.measure_log import Measured, latency_us
from mlxtop.load.measure_run import MeasureView
from mlxtop.load.record import Line, number, table
from mlxtop.load.sweep import duration
from mlxtop.present.text import Role, Run, clean, fit, width, wrap

COLUMNS = ("test", "Gb/s", "back", "of", "lost", "µs", "99 %", "peak", "ended")
"""Titles of a table; `of` is the share of what link and PCIe let through."""
_HEADS = {
    "Gb/s": "Gb/s",
    "back": "back",
    "of": "usable",
    "lost": "lost",
    "µs": "µs",
    "99 %": "99 %",
    "peak": "°C",
}
_LEGEND = {
    "back": "back: the other direction at the same time, Gb/s",
    "of": "usable: of what link and PCIe let through",
    "lost": "lost: of UDP; of TCP, segments sent again",
    "µs": "µs: median (qperf: average), one way (ping, RDMA read, atomic: there and back)",
    "99 %": "99 %: of them took no more µs",
    "peak": "°C: hottest sensor",
}
_NONE = "–"
_LEAST_WANTED = ("lost", "back", "99 %", "of", "peak")
"""Columns that a narrow table leaves out, in this order."""
_WHOLE_NAME = 26
_GAP = 3
"""Columns between two figures."""


def plan_runs(plan: MeasurePlan) -> Iterator[Run]:
    """Yield what is measured, with its commands, and what has to run at the far end."""
    if plan.refusal is not None:
        yield clean(f"refused: {plan.refusal}"), Role.CRITICAL
    if plan.possible:
        count, length = len(plan.possible), duration(plan.seconds)
        take = "test takes" if count == 1 else "tests take"
        yield f"{count} {take} about {length} with the pauses between them", Role.STRONG
        if plan.sensors:
            longest = duration(plan.most_seconds)
            yield f"where the card cools down slowly, up to {longest}", Role.DIM
    if plan.guard:
        yield clean(f"guard: {plan.guard}"), Role.TEXT
    for note in plan.notes:
        yield clean(f"note: {note}"), Role.DIM
    for item in plan.items:
        if item.reason is not None:
            yield clean(f"{item.name}: not measured: {item.reason}"), Role.WARNING
            continue
        yield clean(f"{item.name}, {item.plan.request.seconds} s"), Role.TEXT
        for line in item.plan.lines:
            yield clean(f"  {line}"), Role.DIM
    yield from change_runs(plan)
    if plan.servers:
        yield "At the far end, before:", Role.STRONG
        yield from ((clean(f"  {line}"), Role.TEXT) for line in plan.servers)
        yield clean(f"or mlxtop measure {plan.host} --ssh, which starts them there"), Role.DIM


def change_runs(plan: MeasurePlan) -> Iterator[Run]:
    """Yield what is changed for some tests, what that breaks, and the way back."""
    change = plan.change
    if change is None:
        return
    yield f"Changed for some tests: {clean(change.title)}", Role.STRONG
    yield from ((clean(f"  {line}"), Role.WARNING) for line in change.lines(sudo=False))
    yield from ((clean(text), Role.WARNING) for text in change.breaks)
    yield "The way back, also after kill -9:", Role.STRONG
    yield from ((clean(f"  {line}"), Role.TEXT) for line in change.undo_lines(sudo=False))
    yield from ((clean(note), Role.DIM) for note in change.notes)


def _figure(value: float | None, form: str = ".1f") -> str:
    return _NONE if value is None else format(value, form)


def _rate(bps: float | None) -> str:
    """Return Gb/s with three digits.

    >>> _rate(46.52e9), _rate(1.7134e9), _rate(250e6)
    ('46.5', '1.71', '0.250')
    """
    if bps is None:
        return _NONE
    gigabits = bps / 1e9
    return f"{gigabits:.{1 if gigabits >= 10 else 2 if gigabits >= 1 else 3}f}"


def cells(row: Line) -> dict[str, str]:
    """Return a row's cells by the titles of the columns."""
    bps, ceiling = number(row.get("bps")), number(row.get("ceiling_bps"))
    result = table(row.get("result"))
    lost, packets = number(result.get("lost")), number(result.get("packets"))
    share = 100 * lost / packets if lost is not None and packets else None
    retransmits = number(result.get("retransmits"))
    loss = _figure(retransmits, ".0f") if share is None else f"{share:.1f} %"
    peaks = {name: number(value) for name, value in table(row.get("peaks_c")).items()}
    hottest = max((value for value in peaks.values() if value is not None), default=None)
    ended = str(row.get("ended") or "")
    return {
        "test": clean(str(row.get("name") or row.get("key") or _NONE)),
        "Gb/s": _rate(bps),
        "back": _rate(number(row.get("reverse_bps"))),
        "of": _NONE if not bps or not ceiling else f"{100 * bps / ceiling:.0f} %",
        "lost": loss,
        "µs": _figure(latency_us(row, "typical", "average"), ".2f"),
        "99 %": _figure(latency_us(row, "p99"), ".2f"),
        "peak": _figure(hottest, ".0f"),
        "ended": "" if ended == "complete" else clean(ended),
    }


def _missing(tests: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return rows for what was not measured, with its reason."""
    empty = dict.fromkeys(COLUMNS, _NONE)
    return [
        empty | {"test": clean(str(test.get("name"))), "ended": clean(str(test["reason"]))}
        for test in tests
        if test.get("reason")
    ]


def all_cells(view: MeasureView) -> list[dict[str, str]]:
    """Return the cells of all rows, those of what could not be measured last."""
    return [*map(cells, view.rows), *_missing([item.document() for item in view.plan.items])]


def recorded_cells(measured: Measured) -> list[dict[str, str]]:
    """Return the same of a record: its rows in the order of its plan."""
    return [*map(cells, measured.in_order), *_missing(measured.tests)]


def _used(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the columns of figures that are not empty everywhere."""
    return [title for title in _HEADS if any(row[title] not in ("", _NONE) for row in rows)]


def _reasons(rows: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return the tests that lack figures, or were ended early, by the reason."""
    tests: dict[str, list[str]] = {}
    for row in rows:
        if row["ended"]:
            tests.setdefault(row["ended"], []).append(row["test"])
    return tests


def table_lines(rows: Sequence[Mapping[str, str]], columns: int = 80) -> list[str]:
    """Return a table of text, at most `columns` wide, with what is to be known of it below."""
    used = _used(rows)
    shown = [row for row in rows if any(row[title] != _NONE for title in used)]
    widths = {
        title: _GAP + max(width(_HEADS[title]), *(width(row[title]) for row in shown))
        for title in used
    }
    name = min(_WHOLE_NAME, max((4, *(len(row["test"]) for row in shown))))
    for title in _LEAST_WANTED:
        if title in used and name + sum(widths[one] for one in used) > columns:
            used.remove(title)
    heads = "".join(fit(_HEADS[title], widths[title], right=True) for title in used)
    lines = [fit("TEST", name) + heads] if shown else []
    for row in shown:
        figures = "".join(fit(row[title], widths[title], right=True) for title in used)
        lines.append(fit(fit(row["test"], name) + figures, columns).rstrip())
    for reason, tests in _reasons(rows).items():
        lines += wrap(f"{', '.join(tests)}: {reason}", columns, "! ")
    legend = "; ".join(_LEGEND[title] for title in used if title in _LEGEND)
    return [*lines, *(wrap(legend, columns, "  ") if legend else [])]


def markdown(rows: Sequence[Mapping[str, str]], sentence: str) -> list[str]:
    """Return a table for a forum, with the sentence and the reasons of gaps under it."""
    used = _used(rows)
    shown = [row for row in rows if any(row[title] != _NONE for title in used)]
    heads = ["Test", *(_HEADS[title] for title in used)]
    rule = [":--", *("--:" for _ in used)]
    body = ([_escaped(row[title]) for title in ("test", *used)] for row in shown)
    table_ = [f"| {' | '.join(line)} |" for line in (heads, rule, *body)] if shown else []
    reasons = (f"{', '.join(tests)}: {reason}" for reason, tests in _reasons(rows).items())
    gaps = [f"- {_escaped(text)}" for text in reasons]
    return [*table_, *([""] if table_ else []), *gaps, *([""] if gaps else []), sentence]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")


def csv_rows(rows: Sequence[Line]) -> list[dict[str, Any]]:
    """Return rows of plain numbers, bit/s and µs."""
    return [
        {
            **{key: row.get(key) for key in ("key", "name", "group", "tool", "streams")},
            **{key: row.get(key) for key in ("bps", "reverse_bps", "ceiling_bps")},
            "retransmits": table(row.get("result")).get("retransmits"),
            "lost": table(row.get("result")).get("lost"),
            "packets": table(row.get("result")).get("packets"),
            "median_us": latency_us(row, "typical"),
            "average_us": latency_us(row, "average"),
            "p99_us": latency_us(row, "p99"),
            **{f"peak_{name}_c": value for name, value in table(row.get("peaks_c")).items()},
            "ended": row.get("ended"),
            "run": row.get("run"),
        }
        for row in rows
    ]


def compared_lines(before: Measured, after: Measured, changes: Sequence[str]) -> Iterator[str]:
    """Yield two tables side by side, and what changed between them, a line each."""
    old, new = before.by_key, after.by_key
    yield fit("TEST", 28) + f"{'BEFORE':>12}{'AFTER':>12}{'CHANGE':>10}"
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key, {}), new.get(key, {})
        name = clean(str(other.get("name") or one.get("name") or key))
        figures = [_main(row) for row in (one, other)]
        percent = ""
        if figures[0][0] and figures[1][0] is not None:
            percent = f"{100 * (figures[1][0] / figures[0][0] - 1):+.1f} %"
        yield f"{fit(name, 28)}{figures[0][1]:>12}{figures[1][1]:>12}{percent:>10}".rstrip()
    yield "changed between them:" if changes else "hardware and settings are the same"
    yield from (clean(f"  {change}") for change in changes)


def _main(row: Line) -> tuple[float | None, str]:
    """Return the figure that a row is about, and its text."""
    bps = number(row.get("bps"))
    if bps is not None and row.get("group") != "latency":
        return bps, f"{_rate(bps)} Gb/s"
    figure = latency_us(row, "typical", "average")
    return figure, _NONE if figure is None else f"{figure:.2f} µs"
