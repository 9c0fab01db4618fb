"""A recorded test: its plan, its machine, every sample, and how it ended.

A record is a file of JSON lines, appended to as the run goes on and never changed: one `run`
line, then `interval`, `heat` and `event` lines, then one `end` line, which a run that was killed
lacks. Numbers are in bit/s, seconds and °C.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from mlxtop.model.json_text import decode
from mlxtop.model.load import mean

SCHEMA = 1

_NUMBERS = frozenset(
    (
        *("t", "start", "end", "seconds", "bps", "retransmits", "lost", "packets"),
        *("omit", "interval", "bitrate", "streams", "processes", "mtu", "server_port"),
        *("share_of_expected", "c_per_gbps"),
    )
)
_UNITS = ("_bps", "_c", "_s", "_ms", "_percent")
_TEXTS = frozenset(
    (
        *("tool", "tool_version", "host", "target", "port", "port_name", "device", "source"),
        *("direction", "protocol", "bound_by", "phase", "name", "verdict", "limited_by"),
        *("ended", "text", "run", "problem", "stopped"),
    )
)
_LISTS = frozenset(["commands", "server", "warnings", "refusals", "notes"])
"""Keys of a record by the type of their values, wherever they stand."""

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """A record that was read back; what a damaged file lacks is empty."""

    id: str
    started: float | None = None
    """Seconds since the epoch."""
    host: str | None = None
    note: str = ""
    demo: bool = False
    plan: Line = field(default_factory=dict)
    fingerprint: Line = field(default_factory=dict)
    intervals: tuple[Line, ...] = ()
    heat: tuple[Line, ...] = ()
    events: tuple[Line, ...] = ()
    end: Line | None = None
    """Result, heat, verdict and how it ended; None for a run that was cut off."""
    damaged: int = 0
    """Lines that could not be read."""

    @property
    def result(self) -> Line:
        """Return the figures of the whole test, empty where there are none."""
        return table((self.end or {}).get("result"))

    @property
    def ended(self) -> str:
        """Return how it ended, in words."""
        ended = (self.end or {}).get("ended")
        return ended if isinstance(ended, str) else "cut off: mlxtop was killed"

    @property
    def rate(self) -> float | None:
        """Return bit/s as received, else as sent, else the mean of the intervals."""
        for key in ("received_bps", "sent_bps"):
            value = number(self.result.get(key))
            if value is not None:
                return value
        return mean(number(line.get("bps")) for line in self.intervals if not line.get("omitted"))

    @property
    def sensors(self) -> dict[str, Line]:
        """Return what each sensor did, by its name."""
        return by_name(table((self.end or {}).get("heat")).get("sensors"))

    @property
    def soaks(self) -> dict[str, Line]:
        """Return the warm-up of each sensor by its name."""
        return by_name((self.end or {}).get("soak"))


def table(value: object) -> dict[str, Any]:
    """Return a JSON object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def by_name(value: object) -> dict[str, Line]:
    """Return the objects of a JSON list that have a name, by it."""
    tables = map(table, value) if isinstance(value, list) else ()
    return {str(one["name"]): one for one in tables if one.get("name")}


def number(value: object) -> float | None:
    """Return a finite JSON number, or None for anything else.

    >>> number(1), number(True), number("1")
    (1.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _checked(key: str, value: Any) -> Any:
    """Return the value of a key, or None where its type is another than that key has."""
    if value is None:
        return None
    if key in _NUMBERS or key.endswith(_UNITS):
        return None if number(value) is None else value
    if key in _TEXTS:
        return _text(value)
    if key in _LISTS:
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    if isinstance(value, dict):
        return {name: _checked(name, item) for name, item in value.items()}
    return [_checked("", item) for item in value] if isinstance(value, list) else value


def parse_run(name: str, lines: Iterable[str]) -> Run:
    """Read a record back; a torn last line and lines of other versions are left out.

    >>> parse_run("a", ['{"kind":"run","note":"before"}', '{"kind":"inter']).note
    'before'
    """
    head: dict[str, Any] = {}
    kinds: dict[str, list[Line]] = {"interval": [], "heat": [], "event": [], "end": []}
    damaged = 0
    for text in lines:
        if not text.strip():
            continue
        try:
            line = table(_checked("", decode(text)))
        except ValueError:
            line = {}
        kind = line.get("kind")
        if not isinstance(kind, str):
            damaged += 1
        elif kind == "run":
            head = line
        elif kind in kinds:
            kinds[kind].append(line)
    return Run(
        id=name,
        started=number(head.get("started")),
        host=_text(head.get("host")),
        note=_text(head.get("note")) or "",
        demo=head.get("demo") is True,
        plan=table(head.get("plan")),
        fingerprint=table(head.get("fingerprint")),
        intervals=tuple(kinds["interval"]),
        heat=tuple(kinds["heat"]),
        events=tuple(kinds["event"]),
        end=kinds["end"][-1] if kinds["end"] else None,
        damaged=damaged,
    )
