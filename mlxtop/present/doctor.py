"""Lines of the report of `doctor`, for the terminal and for the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mlxtop.analysis.port_view import Ceiling
from mlxtop.doctor.check import CouldNotTell, Finding, Report, Setting, Topic
from mlxtop.model.counters import Counter, Severity
from mlxtop.present.ceiling import limits_line
from mlxtop.present.text import EMPTY, Line, Role, Run, clean, wrap
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
    """A line of the list on the screen, and its outcome; None for the checks that found nothing."""

    line: Line
    outcome: Finding | CouldNotTell | Setting | None
    words: str = ""
    """Text of a row without an outcome, or whom else the outcome is about."""
    others: Sequence[Finding] = ()
    """Findings of the same cause."""

    @property
    def title(self) -> str:
        """Return the name of the counter or check that it is about."""
        if self.outcome is None:
            return "Nothing found"
        topic = self.outcome.topic
        return clean(topic.key if isinstance(topic, Counter) else topic.name if topic else "")


def report_rows(report: Report) -> list[Row]:
    """Return findings, the worst first, then what could not be told, what is fine, settings.

    Without a finding worse than a note, that all is well comes first.
    """
    rows = [
        Row(_finding_line(same[0], len(same)), same[0], others=same[1:])
        for same in by_cause(report.findings)
    ]
    fine = _fine_row(report)
    if fine is not None and findings_run(report) is None:
        rows, fine = [fine, *rows], None
    unknown: dict[tuple[str, str], list[CouldNotTell]] = {}
    for each in report.could_not_tell:
        unknown.setdefault((each.what, each.reason), []).append(each)
    for (what, reason), same in unknown.items():
        owners = _owners([each.subject for each in same if each.subject])
        text = f"{owners}: {what} – {reason}" if owners else f"{what} – {reason}"
        rows.append(Row((("unknown  ", Role.DIM), (clean(text), Role.DIM)), same[0], owners))
    rows += [fine] if fine is not None else []
    settings: dict[str, list[Setting]] = {}
    for setting in report.settings:
        settings.setdefault(setting.text, []).append(setting)
    for text, alike in settings.items():
        owners = _owners([setting.subject for setting in alike])
        line: Line = (("setting  ", Role.DIM), (clean(f"{owners}: {text}"), Role.DIM))
        rows.append(Row(line, alike[0], owners))
    return rows


def _finding_line(finding: Finding, count: int) -> Line:
    severity, times = finding.severity, f" ×{count}" if count > 1 else ""
    return (
        (f"{severity.upper():<9}", ROLES[severity]),
        (f"{clean(finding.subject)}{times}: ", Role.DIM),
        (clean(finding.evidence), Role.TEXT),
    )


def _fine_row(report: Report) -> Row | None:
    """Return the row of the checks that found nothing; None where there was nothing to judge."""
    if not report.fine or not report.judged:
        return None
    count = len(report.fine)
    checks = f"{count} checks" if count > 1 else "1 check"
    words = f"Checked, nothing found: {', '.join(report.fine)}"
    if findings_run(report) is not None:
        line: Line = (("fine     ", Role.GOOD), (f"{checks} found nothing", Role.DIM))
    else:
        wrong = "nothing worse than a note" if report.findings else "nothing is wrong"
        line = (("WELL     ", Role.GOOD), (f"{wrong}: {checks} found nothing", Role.GOOD))
    return Row(line, None, words)


def _owners(subjects: Sequence[str]) -> str:
    """Return the subjects of the same outcome, or how many they are.

    >>> _owners(["p1", "p2"]), _owners(["p1", "p2", "p3"])
    ('p1, p2', 'p1 and 2 more')
    """
    names = list(dict.fromkeys(subjects))
    return ", ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"


def detail_lines(row: Row, columns: int) -> Iterator[Line]:
    """Yield an outcome with all its parts."""
    if row.outcome is None:
        yield from prose(row.words, max(columns, 20))
    elif isinstance(row.outcome, Finding):
        yield from finding_lines(row.outcome, columns, row.others)
    elif isinstance(row.outcome, Setting):
        yield (("SETTING", Role.HEAD), (f"  {clean(row.words)}", Role.STRONG))
        yield from _part("seen", row.outcome.text, columns)
    else:
        yield (("UNKNOWN", Role.HEAD), (f"  {clean(row.words)}", Role.STRONG))
        yield from _part("what", row.outcome.what, columns)
        yield from _part("why", row.outcome.reason, columns)


def findings_run(report: Report) -> Run | None:
    """Return `! 2 warnings` for the header; None where there is nothing worse than a note."""
    for severity in (Severity.CRITICAL, Severity.WARNING):
        causes = [same[0] for same in by_cause(report.findings)]
        count = sum(worst.severity is severity for worst in causes)
        if count:
            plural = "s" if count > 1 and severity is Severity.WARNING else ""
            return f"! {count} {severity}{plural}", ROLES[severity]
    return None


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
