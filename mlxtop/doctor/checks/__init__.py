"""The checks of `mlxtop doctor`, a file for each subject, and the run of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module

from mlxtop.doctor.check import STATUS, Case, Check, CouldNotTell, Finding, Nothing, Report, Setting

_FILES = (
    "cards link module health ethernet congestion infiniband mtu rdma pcie bus queues host bonds"
    " heat errors kernel_log"
)
"""In the order of the report."""

CHECKS: tuple[Check, ...] = tuple(
    check
    for name in _FILES.split()
    for check in vars(import_module(f"{__name__}.{name}")).values()
    if isinstance(check, Check)
)


def examine(case: Case) -> Report:
    """Run all checks on ports and cards of a machine."""
    return run(CHECKS, case, bool(case.each()))


def run(checks: Iterable[Check], case: object, judged: bool) -> Report:
    """Run checks on a case; what several could not tell for one reason is reported once.

    `judged`: there is something to judge.
    """
    answers: list[Finding | CouldNotTell | Setting] = []
    idle: dict[str, tuple[str, ...]] = {}
    fine: list[str] = []
    for one in checks:
        outcomes = list(one(case))
        missing = [] if judged else ["no port"]
        missing += [outcome.missing for outcome in outcomes if isinstance(outcome, Nothing)]
        new = [outcome for outcome in outcomes if not isinstance(outcome, Nothing)]
        answers += [replace(outcome, topic=outcome.topic or one) for outcome in new]
        if not new and missing:
            idle[missing[0]] = (*idle.get(missing[0], ()), one.name)
        elif not new:
            fine.append(one.name)
    findings = [answer for answer in answers if isinstance(answer, Finding)]
    return Report(
        tuple(sorted(findings, key=lambda finding: -STATUS[finding.severity])),
        tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, CouldNotTell))),
        tuple(fine),
        judged,
        idle,
        tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, Setting))),
    )
