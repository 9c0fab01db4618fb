"""A recorded test: its plan, its machine, every sample, how it ended; what differs between two.

A record is a file of JSON lines, appended to as the run goes on and never changed: one `run`
line, then `interval`, `heat` and `event` lines, then one `end` line, which a run that was killed
lacks. Numbers are in bit/s, seconds and °C.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

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
        *("direction", "protocol", "bound_by", "guard", "phase", "name", "verdict", "limited_by"),
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
    end: Line = field(default_factory=dict)
    """Result, heat, verdict and how it ended; empty for a run that was cut off."""
    damaged: int = 0
    """Lines that could not be read."""

    @property
    def result(self) -> Line:
        return table(self.end.get("result"))

    @property
    def ended(self) -> str:
        ended = self.end.get("ended")
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
        return _by_name(table(self.end.get("heat")).get("sensors"))

    @property
    def back(self) -> dict[str, Line]:
        """Return the other direction of a test of both."""
        reverse = table(self.result.get("reverse"))
        return {"back": reverse} if reverse else {}

    @property
    def soaks(self) -> dict[str, Line]:
        return _by_name(self.end.get("soak"))


def table(value: object) -> dict[str, Any]:
    """Return a JSON object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def _by_name(value: object) -> dict[str, Line]:
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
    kinds: dict[str, list[dict[str, Any]]] = {
        kind: [] for kind in ("run", "interval", "heat", "event", "end")
    }
    damaged = 0
    for text in filter(str.strip, lines):
        try:
            line = table(_checked("", decode(text)))
        except ValueError:
            line = {}
        kind = line.get("kind")
        if not isinstance(kind, str):
            damaged += 1
        elif kind in kinds:
            kinds[kind].append(line)
    head, end = ((kinds[kind] or [{}])[-1] for kind in ("run", "end"))
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
        end=end,
        damaged=damaged,
    )


_DERIVED = {
    "guard",
    "ceiling_bps",
    "commands",
    "server",
    "warnings",
    "refusals",
    "notes",
    "bound_by",
}
"""Parts of a plan that follow from others."""
_RESULT = {
    **dict.fromkeys(("received_bps", "sent_bps"), "bit/s"),
    **dict.fromkeys(("retransmits", "lost"), ""),
    "seconds": "s",
    **dict.fromkeys(("cpu_local_percent", "cpu_remote_percent"), "%"),
}
_HEAT = dict.fromkeys(("start_c", "peak_c", "settled_c", "warning_c"), "°C")
_SOAK = {"rise_c": "°C", "settles_c": "°C", "time_constant_s": "s", "c_per_gbps": "°C/Gb/s"}


class Change(NamedTuple):
    """One thing that is not the same in both runs."""

    part: str
    """`hardware`, `settings`, `result`, `heat` or `soak`."""
    name: str
    before: Any
    after: Any
    unit: str = ""

    @property
    def difference(self) -> float | None:
        old, new = number(self.before), number(self.after)
        return None if old is None or new is None else new - old

    @property
    def percent(self) -> float | None:
        """Return by how many percent a number changed, or None from 0."""
        old, difference = number(self.before), self.difference
        return None if not old or difference is None else 100 * difference / old

    def document(self) -> dict[str, Any]:
        return {**self._asdict(), "difference": self.difference, "percent": self.percent}


def differences(before: Line, after: Line) -> Iterator[Change]:
    """Yield what is not the same in the hardware and settings of two runs or measurements."""
    yield from _changes("hardware", before, after)


def compare(before: Run, after: Run) -> list[Change]:
    """Return what differs, in the order in which one looks for causes."""
    plans = [
        {key: value for key, value in run.plan.items() if key not in _DERIVED}
        for run in (before, after)
    ]
    return [
        *_changes("hardware", before.fingerprint, after.fingerprint),
        *_changes("settings", *plans),
        *_changes("settings", table(before.result.get("setup")), table(after.result.get("setup"))),
        *_changes("result", before.result, after.result, _RESULT),
        *_changes_by_sensor("result", before.back, after.back, _RESULT),
        *_changes("result", before.end, after.end, {"verdict": "", "ended": ""}),
        *_changes_by_sensor("heat", before.sensors, after.sensors, _HEAT),
        *_changes_by_sensor("soak", before.soaks, after.soaks, _SOAK),
    ]


def _changes(
    part: str, old: Line, new: Line, units: Mapping[str, str] | None = None
) -> Iterator[Change]:
    """Yield the keys whose values differ; with `units` only those that have one."""
    for key in units or dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield Change(part, key, old.get(key), new.get(key), (units or {}).get(key, ""))


def _changes_by_sensor(
    part: str, old: Mapping[str, Line], new: Mapping[str, Line], units: Mapping[str, str]
) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        for change in _changes(part, old.get(name, {}), new.get(name, {}), units):
            yield change._replace(name=f"{name} {change.name.removesuffix('_c')}")
