"""Lines of the report of `doctor`, for the terminal and for the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mlxtop.analysis.port_view import Ceiling
from mlxtop.doctor.check import CouldNotTell, Finding, Report, Setting, Topic
from mlxtop.model.counters import Counter, Severity
from mlxtop.present.ceiling import ceiling_line
from mlxtop.present.clean import clean
from mlxtop.present.text import EMPTY, Line, Role, wrap

ROLES = {
    Severity.CRITICAL: Role.CRITICAL,
    Severity.WARNING: Role.WARNING,
    Severity.NOTE: Role.ACCENT,
}
_LABEL = 8


def _part(label: str, text: str, columns: int, role: Role = Role.TEXT) -> Iterator[Line]:
    """Yield a labelled paragraph whose further lines stand below its first."""
    indent = f"  {label.ljust(_LABEL)}"
    for number, line in enumerate(wrap(text, max(columns, 20), indent)):
        head = line[: len(indent)] if number == 0 else " " * len(indent)
        yield (head, Role.DIM), (line[len(indent) :], role)


def finding_lines(finding: Finding, columns: int) -> Iterator[Line]:
    """Yield a finding: the evidence, why it matters, what to do, where to read more."""
    yield (
        (finding.severity.upper(), ROLES[finding.severity]),
        (f"  {clean(finding.subject)}", Role.STRONG),
    )
    yield from _part("seen", finding.evidence, columns)
    yield from _part("why", finding.why, columns)
    yield from _part("do", finding.advice, columns, Role.STRONG)
    yield from _part("see", finding.reference, columns, Role.DIM)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list on the screen, and its outcome."""

    line: Line
    outcome: Finding | CouldNotTell | Setting

    @property
    def title(self) -> str:
        """Name of the counter or check that it is about."""
        topic = self.outcome.topic
        return clean(topic.key if isinstance(topic, Counter) else topic.name if topic else "")


def report_rows(report: Report) -> list[Row]:
    """Return findings, the worst first, then what could not be told, then settings as read."""
    outcomes: list[Finding | CouldNotTell | Setting] = [*report.findings]
    rows = []
    for outcome in (*outcomes, *report.could_not_tell, *report.settings):
        if isinstance(outcome, Finding):
            severity = outcome.severity
            line: Line = (
                (f"{severity.upper():<9}", ROLES[severity]),
                (f"{clean(outcome.subject)}: ", Role.DIM),
                (clean(outcome.evidence), Role.TEXT),
            )
        elif isinstance(outcome, CouldNotTell):
            text = f"{outcome.label} – {outcome.reason}"
            line = (("?        ", Role.DIM), (clean(text), Role.DIM))
        else:
            text = f"{outcome.subject}: {outcome.text}"
            line = (("as read  ", Role.DIM), (clean(text), Role.DIM))
        rows.append(Row(line, outcome))
    return rows


def detail_lines(row: Row, columns: int) -> Iterator[Line]:
    """Yield an outcome with all its parts."""
    if isinstance(row.outcome, Finding):
        yield from finding_lines(row.outcome, columns)
    elif isinstance(row.outcome, Setting):
        yield (("AS READ", Role.HEAD), (f"  {clean(row.outcome.subject)}", Role.STRONG))
        yield from _part("seen", row.outcome.text, columns)
    else:
        yield (("COULD NOT TELL", Role.HEAD),)
        yield from _part("why", row.outcome.reason, columns)


def explanation_lines(topic: Topic | None, columns: int) -> Iterator[Line]:
    """Yield a counter or check in plain words, with its normal range."""
    if topic is None:
        return
    if isinstance(topic, Counter):
        advice = f" If it moves: {topic.advice}." if topic.advice else ""
        explains, normal = f"{topic.key}: {topic.help}.{advice}", _normal_range(topic)
    else:
        explains, normal = topic.explains, topic.normal
    yield from (((line, Role.TEXT),) for line in wrap(explains, max(columns, 20)))
    yield EMPTY
    yield from _part("normal", normal, columns, Role.GOOD)


def _normal_range(counter: Counter) -> str:
    if counter.gauge:
        return f"0 to 5 {counter.unit}"
    if counter.severity is None:
        return "it grows with the traffic"
    return "it may move now and then" if counter.severity is Severity.NOTE else "it does not move"


def summary(report: Report) -> str:
    """Return the number of findings of each severity.

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


def _grouped(unknown: Iterable[CouldNotTell]) -> str:
    """Return what could not be told by the subjects that it has in common.

    >>> p1, p2 = (CouldNotTell(port, "rings", "") for port in ("p1", "p2"))
    >>> _grouped([p1, p2, CouldNotTell("p1", "FEC", ""), CouldNotTell("p2", "FEC", "")])
    'rings, FEC of p1, p2'
    >>> _grouped([p1, CouldNotTell(None, "kernel log", "")])
    'rings of p1; kernel log'
    """
    owners: dict[str, set[str]] = {}
    for each in unknown:
        owners.setdefault(each.what, set()).update([each.subject] if each.subject else [])
    groups: dict[tuple[str, ...], list[str]] = {}
    for what, subjects in owners.items():
        groups.setdefault(tuple(sorted(subjects)), []).append(what)
    return "; ".join(
        f"{', '.join(whats)} of {', '.join(names)}" if names else ", ".join(whats)
        for names, whats in groups.items()
    )


def report_lines(
    report: Report, ceilings: Sequence[tuple[str, Ceiling]], columns: int
) -> Iterator[Line]:
    """Yield ceilings, findings, what could not be told, what is fine, settings."""
    for name, ceiling in ceilings:
        indent = f"{clean(name)}  "
        for number, line in enumerate(wrap(ceiling_line(ceiling), max(columns, 20), indent)):
            head = len(indent) if number == 0 else 0
            yield (line[:head], Role.STRONG), (line[head:], Role.TEXT)
    for finding in report.findings:
        yield EMPTY
        yield from finding_lines(finding, columns)
    reasons: dict[str, list[CouldNotTell]] = {}
    for unknown in report.could_not_tell:
        reasons.setdefault(unknown.reason, []).append(unknown)
    open_questions = [f"{reason}: {_grouped(same)}" for reason, same in reasons.items()]
    yield from _list("Could not tell:", open_questions, columns)
    fine = [", ".join(report.fine)] if report.fine else []
    yield from _list("Checked, nothing found:", fine, columns)
    idle = [f"{missing}: {', '.join(names)}" for missing, names in report.idle.items()]
    yield from _list(
        "Nothing to look at:", ["; ".join(idle)] if idle and report.judged else [], columns
    )
    texts: dict[str, list[str]] = {}
    for setting in report.settings:
        texts.setdefault(setting.text, []).append(setting.subject)
    alike = [f"{text}: {', '.join(subjects)}" for text, subjects in texts.items()]
    yield from _list("As read, for comparing with guides:", alike, columns)


def _list(head: str, texts: Sequence[str], columns: int) -> Iterator[Line]:
    """Yield paragraphs below a heading; nothing at all where there are none."""
    if texts:
        yield EMPTY
        yield ((head, Role.HEAD),)
        for text in texts:
            yield from (((line, Role.DIM),) for line in wrap(text, max(columns, 20), "  "))
