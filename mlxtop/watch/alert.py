"""Alerts: what a person should know of at once, of parts of a port and of the ways to peers."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mlxtop.analysis.forecast import Forecast
from mlxtop.model.counters import Severity
from mlxtop.model.identity import Port
from mlxtop.model.module import Quantity


class AlertKind(StrEnum):
    """Events that run a user's script, by their names in the settings file."""

    WARNING = "warning"
    ALARM = "alarm"
    STALE = "stale"
    LINK_DOWN = "link-down"
    MODULE_OUT = "module-out"
    PORT_GONE = "port-gone"
    ERRORS = "errors"
    """Errors of the line, many in a short time."""
    PAUSE_STORM = "pause-storm"
    """A link or priority that pause does not let go."""
    PATH_DOWN = "path-down"
    """A way to a peer is lost, or every one of them."""
    PATH_UP = "path-up"
    """It is back."""
    WARMING = "warming"
    """A forecast that a limit will be passed: an alarm that no script is run for."""

    @property
    def severity(self) -> Severity:
        if self in (AlertKind.WARMING, AlertKind.PATH_UP):
            return Severity.NOTE
        severe = self in (AlertKind.ALARM, AlertKind.PORT_GONE, AlertKind.PAUSE_STORM)
        return Severity.CRITICAL if severe else Severity.WARNING


class Alert(NamedTuple):
    """An event that a person should know of at once."""

    kind: AlertKind
    port: Port
    text: str
    tick: float
    sensor: str | None = None
    """`asic`, `module`, `rx power lane 2` …; None for links and ports."""
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    forecast: Forecast | None = None
    lane: tuple[Quantity, int] | None = None
    """Quantity and lane (from 1, 0 for the whole module) beyond a limit."""
    over: bool = False
    """It is over already: a link that was lost and regained between two frames."""
    peer: str = ""
    """Name of the peer, of alerts about the ways to one."""
    way: str = ""
    """The way as `ip route` writes it; empty for all of them."""
