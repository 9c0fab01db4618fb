"""Checks of a machine's ports: how one is declared, what it looks at, and what it answers.

A check is a small pure function of a subject: a port, a card, the whole case. It says what it
cannot judge: so one that did not run never looks like one that found nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from shlex import quote
from typing import Any, Generic, NamedTuple, TypeVar

from mlxtop.health.link_health import LinkHealth
from mlxtop.model.counters import Counter, Severity
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Adapter, PortId, PortKind
from mlxtop.model.incident import Incident
from mlxtop.model.linktype import StoredConfig
from mlxtop.model.sample import Link, LinkState, PcieStatus, PortSample
from mlxtop.model.tuning import HostTuning, PortTuning, settled
from mlxtop.watch.congestion import CongestionWatch

STATUS = {Severity.CRITICAL: 2, Severity.WARNING: 1, Severity.NOTE: 0}
"""Exit status by the worst finding."""
FAST = 25_000_000_000
"""bit/s from which a port asks more of the host than its usual settings give."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, why it matters, and what to do about it."""

    severity: Severity
    subject: str
    evidence: str
    """The value and where it comes from."""
    why: str
    advice: str
    """An exact command, or a step for the hands."""
    reference: str
    topic: Topic | None = field(default=None, kw_only=True)
    """The counter that it is about; `examine` puts the check where there is none."""


@dataclass(frozen=True, slots=True)
class CouldNotTell:
    """A question that could not be answered."""

    subject: str | None
    """None where it is about the host."""
    what: str
    """What remains open, `rings`."""
    reason: str
    topic: Topic | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        """Return subject and what is open, `p1: rings`."""
        return f"{self.subject}: {self.what}" if self.subject else self.what


class Nothing(NamedTuple):
    """A check that had nothing to look at."""

    missing: str
    """What there is not, `no bond`."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, no fault: for people who compare it with a guide."""

    subject: str
    text: str
    topic: Topic | None = field(default=None, compare=False)


Outcome = Finding | CouldNotTell | Nothing | Setting
Outcomes = Iterator[Outcome]


class Probe(NamedTuple):
    """The answer of a host to packets of a port's MTU that may not be divided."""

    host: str
    netdev: str
    mtu: int
    passed: bool | None
    """None: no answer even to small packets."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """All that checks look at."""

    frame: Frame
    ports: tuple[PortId, ...]
    pcie_before: Mapping[str, PcieStatus] = field(default_factory=dict)
    """An earlier reading of the PCIe error counts, by slot."""
    incidents: tuple[Incident, ...] = ()
    """From the kernel log, oldest first."""
    probes: tuple[Probe, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why something was not read: `kernel log`, `link type` …"""
    congestion: CongestionWatch | None = None
    """Pause over the last readings; None where nobody followed it."""
    health: Mapping[PortId, LinkHealth] = field(default_factory=dict)
    """What is remembered of links."""

    @property
    def host(self) -> HostTuning:
        return settled(self.frame.sample.host_settings, HostTuning)

    def unknown(self, what: str, reason: str) -> CouldNotTell:
        """Return that a question about the host stays open."""
        return CouldNotTell(None, what, reason)

    def port(self, port: PortId) -> PortCase:
        frame = self.frame.ports[port]
        settings = settled(frame.now.settings, PortTuning)
        return PortCase(quote(frame.now.port.name), frame, settings, self)

    def each(self) -> list[PortCase]:
        """Return the ports to judge; virtual ones are not judged."""
        ports = map(self.port, self.ports)
        return [port for port in ports if port.now.port.kind is not PortKind.VIRTUAL]

    def cards(self) -> Iterator[CardCase]:
        """Yield the cards of the ports to judge, and with all ports also cards that have none."""
        chosen = set(self.ports)
        whole = chosen == set(self.frame.ports)
        for adapter in self.frame.sample.adapters:
            if chosen.intersection(adapter.ports) or (whole and not adapter.ports):
                yield CardCase(card_name(adapter), adapter, self)


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing with a name of which a check gives findings."""

    name: str
    """Of a port quoted as a shell needs it: it stands in commands to copy."""

    def note(self, *parts: str) -> Finding:
        """Return a note of evidence, why, advice and reference."""
        return Finding(Severity.NOTE, self.name, *parts)

    def warning(self, *parts: str) -> Finding:
        return Finding(Severity.WARNING, self.name, *parts)

    def critical(self, *parts: str) -> Finding:
        return Finding(Severity.CRITICAL, self.name, *parts)

    def unknown(self, what: str, reason: str) -> CouldNotTell:
        """Return that a question about it stays open."""
        return CouldNotTell(self.name, what, reason)

    def setting(self, text: str) -> Setting:
        return Setting(self.name, text)


@dataclass(frozen=True, slots=True)
class PortCase(Subject):
    """A port to judge."""

    frame: PortFrame
    settings: PortTuning
    case: Case

    @property
    def now(self) -> PortSample:
        return self.frame.now

    @property
    def link(self) -> Link:
        return self.frame.now.link

    @property
    def speed(self) -> int:
        """Return the speed of the link in bit/s, 0 where it is unknown."""
        return self.link.speed or 0

    @property
    def is_infiniband(self) -> bool:
        return self.link.is_infiniband

    def unread(self, what: str, key: str, reason: str = "the driver does not tell it") -> Outcome:
        """Return that a setting is missing, with the reader's reason or else the given one."""
        return self.unknown(what, self.settings.absent.get(key, reason))


@dataclass(frozen=True, slots=True)
class CardCase(Subject):
    """A card to judge."""

    adapter: Adapter
    case: Case

    @property
    def stored(self) -> StoredConfig:
        fact = self.case.frame.sample.stored.get(self.adapter.key)
        if fact is None:
            return StoredConfig()
        return fact.value or StoredConfig(unanswered=fact.absent or "no answer yet")


def card_name(adapter: Adapter) -> str:
    """Return family and place, `ConnectX-4 at 0000:43:00.0`."""
    return f"{adapter.family} at {adapter.place}"


# How a check is declared

S = TypeVar("S")


class Need(NamedTuple, Generic[S]):
    """The subjects that a check looks at, and the words for it where there is none."""

    missing: str
    subjects: Callable[[Any], Iterable[S]]
    """Yields those of a `Case`, or of what a check of another kind looks at."""

    @property
    def whole(self) -> Need[Case]:
        """Return the need of the whole case, where it has such a subject."""
        return Need(self.missing, lambda case: [case] if list(self.subjects(case)) else [])


def ports(missing: str, fits: Callable[[PortCase], bool]) -> Need[PortCase]:
    """Return the need of ports that fit; each of them is judged by itself."""
    return Need(missing, lambda case: filter(fits, case.each()))


ALWAYS: Need[Case] = Need("", lambda case: [case])
PORT = Need("no port", Case.each)
CARD = Need("no card", Case.cards)
ETHERNET = ports("no Ethernet port", lambda port: not port.is_infiniband)
INFINIBAND = ports("no InfiniBand port", lambda port: port.is_infiniband)
NETDEV = ports("no network device", lambda port: port.now.port.netdev is not None)
FAST_LINK = ports("no link of 25 Gb/s or more", lambda port: port.speed >= FAST)
FAST_ETHERNET = ports(  # a link that is down says nothing of its speed
    "no Ethernet link of 25 Gb/s or more",
    lambda port: (
        not port.is_infiniband and (port.link.state is not LinkState.UP or port.speed >= FAST)
    ),
)
PCI = ports("no PCI device", lambda port: port.now.port.function is not None)


class Check(NamedTuple):
    """A question that is asked of each of its subjects."""

    name: str
    needs: Need[Any]
    explains: str
    """The thing in plain words."""
    normal: str
    """Its range where all is well."""
    judge: Callable[[Any], Outcomes]

    def __call__(self, case: Any) -> Outcomes:
        """Yield what all subjects give; `Nothing` where there is no subject."""
        subjects = list(self.needs.subjects(case))
        if not subjects:
            yield Nothing(self.needs.missing)
        for subject in subjects:
            yield from self.judge(subject)


Topic = Counter | Check


def check(
    name: str, *, needs: Need[S], explains: str, normal: str
) -> Callable[[Callable[[S], Outcomes]], Check]:
    """Declare the decorated function as a check."""
    return lambda judge: Check(name, needs, explains, normal, judge)


class Report(NamedTuple):
    """The outcomes of all checks."""

    findings: tuple[Finding, ...]
    """The worst first."""
    could_not_tell: tuple[CouldNotTell, ...]
    fine: tuple[str, ...]
    """Names of the checks that ran and found nothing."""
    judged: bool
    """False where there was no port to judge."""
    idle: Mapping[str, tuple[str, ...]] = {}
    """Names of the checks that had nothing to look at, by what there is not."""
    settings: tuple[Setting, ...] = ()

    @property
    def status(self) -> int:
        """Return 0 fine or notes only, 1 warning, 2 critical, 3 nothing could be judged."""
        worst = STATUS[self.findings[0].severity] if self.findings else 0
        return worst if worst or self.judged else 3
