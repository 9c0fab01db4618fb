"""The report of `doctor` as lines, for the terminal and for the screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlxtop.analysis.ceiling import Ceiling
from mlxtop.doctor.check import CouldNotTell, Finding, Report, Setting
from mlxtop.doctor.explanations import explain
from mlxtop.model.counters import Severity
from mlxtop.present.ceiling import ceiling_line
from mlxtop.present.clean import clean
from mlxtop.present.text import EMPTY, Line, Role

ROLES = {
    Severity.CRITICAL: Role.CRITICAL,
    Severity.WARNING: Role.WARNING,
    Severity.NOTE: Role.ACCENT,
}
_LABEL = 8


def title(finding: Finding) -> Line:
    """Severity and subject."""
    return (
        (finding.severity.upper(), ROLES[finding.severity]),
        (f"  {clean(finding.subject)}", Role.STRONG),
    )


def _wrap(text: str, columns: int, indent: str) -> list[str]:
    return textwrap.wrap(
        clean(text),
        max(columns, 20),
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_on_hyphens=False,
    ) or [indent]


def _part(label: str, text: str, columns: int, role: Role = Role.TEXT) -> Iterator[Line]:
    """A labelled paragraph whose further lines stand below its first."""
    indent = f"  {label.ljust(_LABEL)}"
    for number, line in enumerate(_wrap(text, columns, indent)):
        head = line[: len(indent)] if number == 0 else " " * len(indent)
        yield (head, Role.DIM), (line[len(indent) :], role)


def finding_lines(finding: Finding, columns: int) -> Iterator[Line]:
    """A finding: what was seen, why it matters, what to do, where to read more."""
    yield title(finding)
    yield from _part("seen", finding.seen, columns)
    yield from _part("why", finding.why, columns)
    yield from _part("do", finding.advice, columns, Role.STRONG)
    yield from _part("see", finding.reference, columns, Role.DIM)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list on the screen, and what it stands for."""

    line: Line
    title: str
    outcome: Finding | CouldNotTell | Setting


def report_rows(report: Report) -> list[Row]:
    """Findings, the worst first, then what could not be told, then settings as read."""
    rows = [
        Row(
            (
                (f"{finding.severity.upper():<9}", ROLES[finding.severity]),
                (f"{clean(finding.subject)}: ", Role.DIM),
                (clean(finding.seen), Role.TEXT),
            ),
            _subject(finding),
            finding,
        )
        for finding in report.findings
    ]
    rows += [
        Row(
            (("?        ", Role.DIM), (clean(f"{u.check} – {u.reason}"), Role.DIM)),
            _subject(u),
            u,
        )
        for u in report.could_not_tell
    ]
    rows += [
        Row((("as read  ", Role.DIM), (clean(f"{s.subject}: {s.text}"), Role.DIM)), _subject(s), s)
        for s in report.settings
    ]
    return rows


def _subject(outcome: Finding | CouldNotTell | Setting) -> str:
    """What an outcome is about: the check's name, or the counter's."""
    return clean(outcome.topic.rpartition("/")[2])


def detail_lines(row: Row, columns: int) -> Iterator[Line]:
    """All that is known of a row."""
    if isinstance(row.outcome, Finding):
        yield from finding_lines(row.outcome, columns)
        return
    if isinstance(row.outcome, Setting):
        yield (("AS READ", Role.HEAD), (f"  {clean(row.outcome.subject)}", Role.STRONG))
        yield from _part("seen", row.outcome.text, columns)
        return
    yield (("COULD NOT TELL", Role.HEAD),)
    yield from _part("why", row.outcome.reason, columns)


def explanation_lines(row: Row, columns: int) -> Iterator[Line]:
    """The counter or setting in plain words, with its normal range."""
    explanation = explain(row.outcome.topic)
    if explanation is None:
        yield (("nothing more is known of it", Role.DIM),)
        return
    yield from (((line, Role.TEXT),) for line in _wrap(explanation.what, columns, ""))
    yield EMPTY
    yield from _part("normal", explanation.normal, columns, Role.GOOD)


def summary(report: Report) -> str:
    """How many findings of each severity.

    >>> summary(Report((), (), ("MTU",), True))
    'no findings'
    """
    if not report.findings:
        return "no findings" if report.judged else "nothing could be judged"
    counts = [
        (sum(finding.severity is severity for finding in report.findings), severity)
        for severity in ROLES
    ]
    return ", ".join(
        f"{count} {severity}{'s' if count > 1 and severity is not Severity.CRITICAL else ''}"
        for count, severity in counts
        if count
    )


def _by_reason(report: Report) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for unknown in report.could_not_tell:
        found.setdefault(unknown.reason, []).append(unknown.check)
    return found


def _grouped(checks: Sequence[str]) -> str:
    """Checks by the ports that they have in common.

    >>> _grouped(["p1: rings", "p2: rings", "p1: FEC", "p2: FEC", "kernel log"])
    'rings, FEC of p1, p2; kernel log'
    """
    owners: dict[str, list[str]] = {}
    for check in checks:
        owner, _, what = check.rpartition(": ")
        owners.setdefault(what, []).append(owner)
    groups: dict[tuple[str, ...], list[str]] = {}
    for what, names in owners.items():
        groups.setdefault(tuple(sorted(name for name in names if name)), []).append(what)
    return "; ".join(
        f"{', '.join(whats)} of {', '.join(names)}" if names else ", ".join(whats)
        for names, whats in groups.items()
    )


def report_lines(
    report: Report, ceilings: Sequence[tuple[str, Ceiling]], columns: int
) -> Iterator[Line]:
    """The whole report: ceilings, findings, what could not be told, what is fine, settings."""
    for name, ceiling in ceilings:
        indent = f"{clean(name)}  "
        for number, line in enumerate(_wrap(ceiling_line(ceiling), columns, indent)):
            head = len(indent) if number == 0 else 0
            yield (line[:head], Role.STRONG), (line[head:], Role.TEXT)
    for finding in report.findings:
        yield EMPTY
        yield from finding_lines(finding, columns)
    yield from _list(
        "Could not tell:",
        [f"{reason}: {_grouped(checks)}" for reason, checks in _by_reason(report).items()],
        columns,
    )
    fine = [", ".join(report.fine)] if report.fine else []
    yield from _list("Checked, nothing found:", fine, columns)
    told = report.idle if report.judged else {}
    idle = [f"{missing}: {', '.join(names)}" for missing, names in told.items()]
    yield from _list("Nothing to look at:", ["; ".join(idle)] if idle else [], columns)
    texts: dict[str, list[str]] = {}
    for setting in report.settings:
        texts.setdefault(setting.text, []).append(setting.subject)
    alike = [f"{text}: {', '.join(subjects)}" for text, subjects in texts.items()]
    yield from _list("As read, for comparing with guides:", alike, columns)


def _list(head: str, texts: Sequence[str], columns: int) -> Iterator[Line]:
    """Paragraphs below a heading; nothing at all where there are none."""
    if texts:
        yield EMPTY
        yield ((head, Role.HEAD),)
        for text in texts:
            yield from (((line, Role.DIM),) for line in _wrap(text, columns, "  "))
