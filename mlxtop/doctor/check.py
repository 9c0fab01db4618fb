"""What is wrong with a machine's ports: findings, and what could not be told.

A check is a small pure function from a `Case` to findings. What it cannot judge it says, so that
a check that did not run never looks like one that found nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import Protocol

from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Adapter, PortId, PortKind
from mlxtop.model.incident import Incident
from mlxtop.model.linktype import LinkType
from mlxtop.model.sample import PcieStatus
from mlxtop.model.tuning import PortTuning, Tuning

_RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, why it matters, and what to do about it."""

    severity: Severity
    subject: str
    """Port, card or host."""
    seen: str
    """The value and where it comes from."""
    why: str
    advice: str
    """An exact command or a step for the hands."""
    reference: str
    topic: str = ""
    """What `explanations.explain` knows it by; the check's name unless it is a counter."""


@dataclass(frozen=True, slots=True)
class CouldNotTell:
    """A check that could not be made."""

    check: str
    reason: str
    topic: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    """A check that had nothing to look at."""

    missing: str
    """What there is not, `no bond`."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as it was read, which is no fault: for people who compare it with a guide."""

    subject: str
    text: str
    topic: str = field(default="", compare=False)


Outcome = Finding | CouldNotTell | Nothing | Setting


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether packets of a port's MTU reach a host undivided."""

    host: str
    netdev: str
    mtu: int
    passed: bool | None
    """None: no answer even to small packets."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A link type that the next boot changes."""

    now: LinkType
    next: LinkType


@dataclass(frozen=True, slots=True)
class Case:
    """All that checks look at."""

    frame: Frame
    tuning: Tuning
    ports: tuple[PortId, ...]
    """The ports to judge."""
    pcie_before: Mapping[str, PcieStatus] = field(default_factory=dict)
    """An earlier reading of the PCIe error counts, by slot."""
    incidents: tuple[Incident, ...] = ()
    """From the kernel log, oldest first."""
    probes: tuple[Probe, ...] = ()
    pending: Mapping[PortId, Pending] = field(default_factory=dict)
    stored: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of the stored configuration, what bears on speed: name to value, by `Adapter.key`."""
    unanswered: Mapping[str, str] = field(default_factory=dict)
    """Why the stored configuration of a card is not known, by `Adapter.key`."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why something was not read: `kernel log`, `link type` …"""

    def each(self) -> Iterator[tuple[str, PortFrame, PortTuning]]:
        """Name, frame and settings of the ports to judge; virtual ones are not judged.

        The name stands in commands to copy, so that it is quoted as a shell needs it.
        """
        for port in self.ports:
            frame = self.frame.ports[port]
            if frame.now.port.kind is not PortKind.VIRTUAL:
                settings = self.tuning.ports.get(port, PortTuning())
                yield quote(frame.now.port.name), frame, settings

    def adapters(self) -> Iterator[Adapter]:
        """The cards of the ports to judge, and those that have no port at all."""
        chosen = set(self.ports)
        whole = chosen == set(self.frame.ports)
        for adapter in self.frame.sample.adapters:
            if chosen.intersection(adapter.ports) or (whole and not adapter.ports):
                yield adapter


def card_name(adapter: Adapter) -> str:
    """`ConnectX-4 at 0000:43:00.0`."""
    place = adapter.functions[0].address if adapter.functions else adapter.key
    return f"{adapter.family} at {place}"


Check = Callable[[Case], Iterator[Outcome]]


@dataclass(frozen=True, slots=True)
class Report:
    """What all checks said."""

    findings: tuple[Finding, ...]
    """The worst first."""
    could_not_tell: tuple[CouldNotTell, ...]
    fine: tuple[str, ...]
    """Names of the checks that ran and found nothing."""
    judged: bool
    """Whether there was a port to judge."""
    idle: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What there is not to the names of the checks that look at it."""
    settings: tuple[Setting, ...] = ()

    @property
    def status(self) -> int:
        """0 fine or notes only, 1 warning, 2 critical, 3 nothing could be judged."""
        worst = self.findings[0].severity if self.findings else None
        if worst is Severity.CRITICAL:
            return 2
        if worst is Severity.WARNING:
            return 1
        return 0 if self.judged else 3


def examine(case: Case, checks: Mapping[str, Check]) -> Report:
    """Run all checks on a machine; what several could not tell for one reason is said once."""
    findings: list[Finding] = []
    unknown: dict[CouldNotTell, None] = {}
    settings: dict[Setting, None] = {}
    idle: dict[str, tuple[str, ...]] = {}
    fine: list[str] = []
    judged = any(True for _ in case.each())
    for name, check in checks.items():
        quiet, shown, missing = True, False, None
        for outcome in check(case):
            if isinstance(outcome, Nothing):
                missing = outcome.missing
            elif isinstance(outcome, Setting):
                shown = True
                settings.setdefault(replace(outcome, topic=name))
            else:
                quiet = False
                topic = outcome.topic or name
                if isinstance(outcome, Finding):
                    findings.append(replace(outcome, topic=topic))
                else:
                    unknown.setdefault(replace(outcome, topic=topic))
        if not quiet or shown:
            continue
        if not judged:
            missing = "no port"
        if missing is None:
            fine.append(name)
        else:
            idle[missing] = (*idle.get(missing, ()), name)
    findings.sort(key=lambda finding: _RANK[finding.severity])
    return Report(tuple(findings), tuple(unknown), tuple(fine), judged, idle, tuple(settings))


class Examiner(Protocol):
    """Reads what is beside the frames, for the screen; every call may take seconds."""

    def tuning(self, frame: Frame) -> Tuning:
        """Settings of the host and of a frame's ports, and the streams since the last call."""

    def streams(self, frame: Frame) -> Mapping[PortId, int]:
        """The streams of every port since the last call."""

    def report(
        self,
        frame: Frame,
        ports: Iterable[PortId],
        tuning: Tuning,
        incidents: Iterable[Incident],
        *,
        before: Frame | None = None,
    ) -> Report:
        """All checks on ports of a frame; `before` is an earlier frame of the same watch."""
