"""Lines of the report of `doctor`, for the terminal and for the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mlxtop.analysis.port_view import Ceiling
from mlxtop.doctor.check import CouldNotTell, Finding, Report, Setting, Topic
from mlxtop.model.counters import Counter, Severity
from mlxtop.present.ceiling import limits_line
from mlxtop.present.text import EMPTY, Line, Role, clean, wrap
from mlxtop.present.view import prose

ROLES = {
    Severity.CRITICAL: Role.CRITICAL,
    Severity.WARNING: Role.WARNING,
    Severity.NOTE: Role.ACCENT,
}


def _hanging(head: str, role: Role, text: str, columns: int, own: Role = Role.TEXT) -> list[Line]:
    """Return a paragraph after `head`, in whose column its further lines stand too."""
    lines, indent = wrap(text, max(columns, 20), head), len(head)
    return [((line[:indent], role), (line[indent:], own)) for line in lines]


def _part(label: str, text: str, columns: int, role: Role = Role.TEXT) -> list[Line]:
    return _hanging(f"  {label:<8}", Role.DIM, text, columns, role)


def by_cause(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings together that say the same of one subject but for what was seen."""
    causes: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        causes.setdefault((one.subject, one.why, one.advice, one.reference), []).append(one)
    return list(causes.values())


def finding_lines(finding: Finding, columns: int, others: Sequence[Finding] = ()) -> Iterator[Line]:
    """Yield a finding: the evidence, why it matters, what to do, where to read more.

    `others` are of the same cause, and have nothing but their evidence to add.
    """
    severity, subject = finding.severity, f"  {clean(finding.subject)}"
    yield (severity.upper(), ROLES[severity]), (subject, Role.STRONG)
    yield from _part("seen", finding.evidence, columns)
    for other in others:
        yield from _part("", other.evidence, columns)
    yield from _part("why", finding.why, columns)
    yield from _part("do", finding.advice, columns, Role.STRONG)
    yield from _part("see", finding.reference, columns, Role.DIM)


class Row(NamedTuple):
    """A line of the list on the screen, and its outcome."""

    line: Line
    outcome: Finding | CouldNotTell | Setting

    @property
    def title(self) -> str:
        """Return the name of the counter or check that it is about."""
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
    yield from prose(explains, max(columns, 20), Role.TEXT)
    yield EMPTY
    yield from _part("normal", normal, columns, Role.GOOD)


def _normal_range(counter: Counter) -> str:
    if counter.gauge:
        return f"0 to 5 {counter.unit}"
    if counter.severity is None:
        return "it grows with the traffic"
    return "it may move now and then" if counter.severity is Severity.NOTE else "it does not move"


def summary(report: Report) -> str:
    """Return the number of findings of each severity, one for each cause.

    >>> summary(Report((), (), ("MTU",), True))
    'no findings'
    """
    if not report.findings:
        return "no findings" if report.judged else "nothing could be judged"
    causes = [same[0] for same in by_cause(report.findings)]
    return ", ".join(
        f"{count} {severity}{'s' if count > 1 and severity is not Severity.CRITICAL else ''}"
        for severity in ROLES
        if (count := sum(worst.severity is severity for worst in causes))
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
        verdict = ceiling.verdict
        role = Role.TEXT if verdict.limit is None else Role.ACCENT
        yield from _hanging(f"{clean(name)}  ", Role.STRONG, verdict.text, columns, role)
        yield from prose(limits_line(ceiling), max(columns, 20), indent="  ")
    for finding, *others in by_cause(report.findings):
        yield EMPTY
        yield from finding_lines(finding, columns, others)
    reasons: dict[str, list[CouldNotTell]] = {}
    for unknown in report.could_not_tell:
        reasons.setdefault(unknown.reason, []).append(unknown)
    texts: dict[str, list[str]] = {}
    for setting in report.settings:
        texts.setdefault(setting.text, []).append(setting.subject)
    idle = [f"{', '.join(names)} ({missing})" for missing, names in report.idle.items()]
    for head, paragraphs in (
        ("Could not tell:", [f"{reason}: {_grouped(same)}" for reason, same in reasons.items()]),
        ("Checked, nothing found:", [", ".join(report.fine)]),
        ("Not checked:", ["; ".join(idle)] if report.judged else []),
        ("As read, for comparing with guides:", [f"{t}: {', '.join(s)}" for t, s in texts.items()]),
    ):
        if any(paragraphs):
            yield from (EMPTY, ((head, Role.HEAD),))
        for text in filter(None, paragraphs):
            yield from prose(text, max(columns, 20), indent="  ")
