"""Everything that the pages of one port show, and the rows that pages and tables share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import localtime, strftime
from typing import TYPE_CHECKING, NamedTuple

from mlxtop.analysis.fields import why_empty, why_empty_card
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.verdict import Verdict
from mlxtop.health.link_health import LinkHealth
from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Adapter, PortId
from mlxtop.model.incident import Incident
from mlxtop.model.linkrate import parse_rate
from mlxtop.model.sample import Link, LinkLayer, LinkState, Temperature
from mlxtop.present import units
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Run, clean, fit, labelled, row, wrap
from mlxtop.watch.congestion import CongestionWatch
from mlxtop.watch.heat import HeatStates, SensorHeat
from mlxtop.watch.heat_limits import HeatLimits, limits_of

if TYPE_CHECKING:
    from mlxtop.present.ends_tables import BothEnds

SEVERITY_ROLES = {
    Severity.NOTE: Role.TEXT,
    Severity.WARNING: Role.WARNING,
    Severity.CRITICAL: Role.CRITICAL,
}
_OFF = (LinkState.ADMIN_DOWN, LinkState.NO_MODULE, LinkState.DISABLED)
_COMING = (LinkState.INIT, LinkState.ARMED, LinkState.POLLING)
_STATE_MARKS = {
    LinkState.UP: ("●", Role.GOOD),
    LinkState.DOWN: ("○", Role.CRITICAL),
    **dict.fromkeys(_OFF, ("○", Role.DIM)),
    **dict.fromkeys(_COMING, ("◌", Role.WARNING)),
}
_LAYER = {LinkLayer.INFINIBAND: " IB", LinkLayer.ETHERNET: " Eth", None: ""}
_PAIR = (LABEL_WIDTH, 12, 14)
"""Columns of a label and of one value a direction."""


class HolderOrder(NamedTuple):
    """What the holders of RDMA objects are sorted by: the id of a column."""

    by: str = "qps"
    reverse: bool = False


class View(NamedTuple):
    """One port of a frame as a page shows it.

    `columns` is the room for a line; `highs` holds the highest rates and temperatures since the
    start or since `z`.
    """

    frame: Frame
    port: PortId
    columns: int = 76
    bits: bool = True
    highs: Mapping[str, float] = {}
    heat: HeatStates | None = None
    events: Sequence[tuple[float, Incident]] = ()
    """What happened to the port and when (epoch seconds), the oldest first."""
    verdict: Verdict | None = None
    """What limits the port, held steady; None for that of the frame alone."""
    ends: BothEnds | str = ""
    """Its link with the other end, or why that is not known."""
    congestion: CongestionWatch | None = None
    """Pause and congestion control of the last minute; None where nobody follows them."""
    holders_by: HolderOrder = HolderOrder()
    health: LinkHealth | None = None
    """What is remembered of the link; None where nobody does."""
    firmware: Mapping[str, str] = {}
    """Versions by PSID that the person wants."""

    @property
    def now(self) -> PortFrame:
        return self.frame.ports[self.port]

    @property
    def adapter(self) -> Adapter | None:
        return self.frame.adapter(self.port)

    @property
    def derived(self) -> PortView:
        return port_view(self.frame, self.port)

    def heat_of(self, sensor: str) -> SensorHeat | None:
        """Return state and forecast of a sensor; None where nobody follows it."""
        return None if self.heat is None else self.heat.of(self.port, sensor)

    def limits(self, sensor: Temperature) -> HeatLimits:
        """Return the limits of a sensor: those that it is followed by, where somebody does."""
        heat = self.heat_of(sensor.name)
        return heat.limits if heat else limits_of(sensor, self.now.now, self.adapter)

    def why(self) -> dict[str, str]:
        """Return the reasons of the empty fields of the port and its card."""
        card = self.adapter
        reasons = why_empty_card(self.frame, card) if card else {}
        return {**reasons, **why_empty(self.derived)}


def fact(
    label: str, value: object, reason: str = "", role: Role = Role.TEXT, note: str = ""
) -> Line:
    """Return a value under its label; an unknown one is a dash with its reason beside it."""
    if value is None or value == "":
        return labelled(label, units.NONE, Role.DIM, reason)
    return labelled(label, str(value), role, note)


def pair(label: str, rx: Run, tx: Run) -> Line:
    """Return a row with one value a direction."""
    return row(_PAIR, ((label, Role.DIM), rx, tx))


PAIR_HEADINGS = pair("", ("RX", Role.HEAD), ("TX", Role.HEAD))


def prose(text: str, columns: int, role: Role = Role.DIM, indent: str = "") -> list[Line]:
    """Return a paragraph."""
    return [((line, role),) for line in wrap(text, columns, indent)]


def below(label: str, text: str, columns: int, role: Role = Role.DIM) -> list[Line]:
    """Return a paragraph in the column of the values, with a label before its first line."""
    texts = wrap(text, max(12, columns - LABEL_WIDTH - 1))
    return [labelled("" if place else label, line, role) for place, line in enumerate(texts)]


def age(view: View, tick: float) -> str:
    """Return how old a reading is; nothing where it is of now."""
    seconds = view.frame.sample.tick - tick
    return f"{units.duration(round(seconds))} ago" if seconds >= 3.0 else ""


def link_mark(state: LinkState) -> Run:
    """Return the mark of a link's state."""
    return _STATE_MARKS.get(state, ("✗", Role.CRITICAL))


def link_run(state: LinkState) -> Run:
    """Return a link's state with its mark; the word says what the colour says."""
    mark, role = link_mark(state)
    return f"{mark} {state}", role


def speed_name(link: Link) -> str:
    """Return a link's speed as its field names it: `NDR 400G`, `100G Eth`; `up` where unknown.

    >>> speed_name(Link(LinkLayer.INFINIBAND, speed=32_000_000_000, rate="40 Gb/sec (4X QDR)"))
    'QDR 40G'
    >>> speed_name(Link(LinkLayer.ETHERNET, speed=100_000_000_000))
    '100G Eth'
    """
    rate = parse_rate(link.rate) if link.is_infiniband else None
    if rate is not None:
        return f"{rate.generation} {rate.signalling:g}G"
    speed = "up" if link.speed is None else units.speed(link.speed)
    return f"{speed}{_LAYER[link.layer]}"


def short_speed_name(link: Link) -> str:
    """Return a link's speed, or its InfiniBand generation, without the link layer.

    >>> short_speed_name(Link(LinkLayer.INFINIBAND, rate="56 Gb/sec (4X FDR)"))
    'FDR'
    >>> short_speed_name(Link(LinkLayer.ETHERNET, speed=100_000_000_000))
    '100G'
    """
    rate = parse_rate(link.rate) if link.is_infiniband else None
    return rate.generation if rate is not None else speed_name(link._replace(layer=None))


def bar(share: float | None, columns: int, role: Role) -> tuple[Run, ...]:
    """Return a share of 1 as a bar with half-column steps; blank where the share is unknown.

    >>> bar(0.5, 5, Role.RX)
    (('━━╸', <Role.RX: 'rx'>), ('──', <Role.FAINT: 'faint'>))
    """
    if share is None:
        return ((" " * columns, Role.FAINT),)
    halves = max(0, min(2 * columns, round(share * 2 * columns)))
    if share > 0 and halves == 0:
        halves = 1 if share * 2 * columns >= 0.05 else 0
    filled = "━" * (halves // 2) + "╸" * (halves % 2)
    track = "─" * (columns - len(filled))
    return tuple(run for run in ((filled, role), (track, Role.FAINT)) if run[0])


def incident_text(incident: Incident) -> str:
    """Return what happened, how often where it is more than once, and after what time it ended."""
    text = incident.text
    if incident.times > 1:
        text += f" ({incident.times} times)"
    if incident.until is not None and incident.tick is not None:
        seconds = incident.until - incident.tick
        text += f", over after {seconds:.0f} s" if seconds >= 1 else ""
    return text


def event_line(wall: float, incident: Incident, now: float) -> Line:
    """Return an event of a port with its time, and its date where that is not today."""
    then = localtime(wall)
    today = strftime("%F", then) == strftime("%F", localtime(now))
    when = strftime("%H:%M:%S" if today else "%m-%d %H:%M:%S", then)
    return (
        (fit(when, 14) + "  ", Role.DIM),
        (clean(incident_text(incident)), SEVERITY_ROLES[incident.severity]),
        (f"  {incident.source}", Role.FAINT),
    )
