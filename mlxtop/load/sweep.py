"""Axes of a sweep: an option of the load and the values that it takes, `streams=1,2,4,8`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

from mlxtop.load.qperf import TESTS
from mlxtop.load.request import LoadRequest
from mlxtop.model.load import DAY_S, Direction, Tool, typed_bits, typed_seconds, typed_size
from mlxtop.model.number import whole

MOST_AXES = 2
MOST_POINTS = 1000
PAUSE_S = 15.0
"""Seconds between two tests, about: until the module is cool again, and for the tool to start."""


class Axis(NamedTuple):
    """One option, and its values as typed."""

    name: str
    values: tuple[str, ...]


def _number(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = whole(text, most)
        if number is None or number < 1:
            raise ValueError(f"{text!r} is no number from 1 to {most}")
        return number

    return read


def _choice(values: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"{text!r} is none of {', '.join(values)}")
        return text

    return read


def _flag(text: str) -> bool:
    return _choice(("off", "on"))(text) == "on"


OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "streams": ("streams", _number(1024)),
    "size": ("size", typed_size),
    "mtu": ("mtu", _number(65535)),
    "bitrate": ("bitrate", typed_bits),
    "time": ("seconds", typed_seconds),
    "omit": ("omit", _number(60)),
    "processes": ("processes", _number(64)),
    "direction": ("direction", lambda text: Direction(_choice(tuple(Direction))(text))),
    "tool": ("tool", lambda text: Tool(_choice(tuple(Tool))(text))),
    "test": ("test", _choice(TESTS)),
    "udp": ("udp", _flag),
    "zerocopy": ("zero_copy", _flag),
    "rdma-cm": ("rdma_cm", _flag),
    "affinity": ("affinity", str),
    "via": ("via", str),
}
"""Names of axes, the field of a request that each stands for, and how a value is read. `mtu` is
no field: what is set now is measured, and other values are told to need a change."""


def parse_axis(text: str) -> Axis:
    """Return an axis: of values, or from one to another, doubled each time. Raises ValueError.

    >>> parse_axis("streams=1,2,4")
    Axis(name='streams', values=('1', '2', '4'))
    >>> parse_axis("size=64..512").values
    ('64', '128', '256', '512')
    """
    name, equals, listed = text.partition("=")
    if name not in OPTIONS or not equals:
        raise ValueError(f"{text!r} is no axis like streams=1,2,4 (of {', '.join(OPTIONS)})")
    _, read = OPTIONS[name]
    values: list[str] = []
    for part in listed.split(","):
        first, dots, last = part.partition("..")
        if not dots:
            read(part)
            values.append(part)
            continue
        low, high = read(first), read(last)
        if isinstance(low, bool | str) or not low <= high:
            raise ValueError(f"{part!r} is no range: from a number to one that is not smaller")
        while low < high:
            values.append(_worded(name, low))
            low *= 2
        values.append(_worded(name, high))
    return Axis(name, tuple(dict.fromkeys(values)))


def _worded(name: str, value: float) -> str:
    """Return a value as it would be typed, `8K` for a size.

    >>> _worded("size", 8192), _worded("bitrate", 2e9), _worded("streams", 4)
    ('8K', '2G', '4')
    """
    steps = {"size": 1024, "bitrate": 1000}.get(name)
    if steps is None:
        return f"{value:g}"
    letter = ""
    for step in "KMGT":
        if value % steps or value < steps:
            break
        value, letter = value / steps, step
    return f"{value:.0f}{letter}"


def points(axes: Sequence[Axis]) -> list[tuple[tuple[str, str], ...]]:
    """Return all combinations of the axes' values, as pairs of name and value."""
    each = [[(axis.name, value) for value in axis.values] for axis in axes]
    return [tuple(point) for point in product(*each)]


def applied(request: LoadRequest, point: Sequence[tuple[str, str]]) -> LoadRequest:
    """Return a request with the values of a point."""
    fields = {OPTIONS[name][0]: OPTIONS[name][1](value) for name, value in point}
    fields.pop("mtu", None)
    return request._replace(**fields)


def reckoned_s(requests: Sequence[LoadRequest], pause: float = PAUSE_S) -> float:
    """Return the seconds that tests take, with the pauses between them."""
    return sum(request.seconds + request.omit + pause for request in requests)


def duration(seconds: float) -> str:
    """Return a length of time in words.

    >>> duration(95), duration(4000), duration(200000), duration(600)
    ('1 min 35 s', '1 h 6 min', '2 days 7 h', '10 min')
    """
    units = ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"))
    words: list[str] = []
    left = round(seconds)
    for size, name in units:
        count, left = divmod(left, size)
        if count or (words and len(words) < 2):
            words.append(f"{count} {name}")
    return " ".join(word for word in words[:2] if not word.startswith("0 ")) or "0 s"


def check(axes: Sequence[Axis], request: LoadRequest) -> None:
    """Raise ValueError, with the reckoned time, for a sweep that is too large."""
    names = [axis.name for axis in axes]
    if len(names) > MOST_AXES or len(set(names)) < len(names):
        raise ValueError(f"a sweep has one or two different axes, not {' and '.join(names)}")
    count = 1
    for axis in axes:
        count *= len(axis.values)
    seconds = count * (request.seconds + request.omit + PAUSE_S)
    if count > MOST_POINTS or seconds > DAY_S:
        raise ValueError(
            f"a sweep of {count} points takes {duration(seconds)}: at most {MOST_POINTS} points "
            "and a day"
        )
