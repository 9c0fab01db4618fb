"""Which port goes where, and what has become different, as lines and for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlxtop.ends.cabling import Cabling, Difference
from mlxtop.present import units
from mlxtop.present.text import Line, Role, clean, fit, wrap

_NAME = 16


def lines(cabling: Cabling, columns: int) -> Iterator[Line]:
    """Yield every port with its other end and its module."""
    far = max(20, (columns - _NAME - 2) // 2)
    yield (
        (fit("Port", _NAME), Role.HEAD),
        (fit("goes to", far) + "  ", Role.HEAD),
        ("module or cable", Role.HEAD),
    )
    for one in cabling.ports:
        ends = ", ".join(clean(end.title) for end in one.far or ())
        plug = "nothing plugged in" if one.is_empty else one.plug and clean(one.plug.title)
        yield (
            (fit(one.name, _NAME), Role.STRONG),
            (fit(ends or f"{units.NONE} nobody tells", far) + "  ", Role.TEXT),
            (fit(plug or f"{units.NONE} not read", columns - _NAME - far - 2), Role.DIM),
        )


def check_lines(
    differences: Sequence[Difference],
    unknown: Sequence[tuple[str, str]],
    ports: int,
    columns: int,
) -> Iterator[Line]:
    """Yield the differences, and what could not be compared."""
    if not differences:
        yield ((f"{count(ports)}: nothing differs from what was saved", Role.GOOD),)
    for one in differences:
        yield (fit(one.port, _NAME), Role.STRONG), (str(one.kind), Role.WARNING)
        for label, text in (("was", one.before), ("is", one.now)):
            for place, part in enumerate(wrap(clean(text), columns - _NAME - 5)):
                head = " " * _NAME + ("" if place else label).ljust(5)
                yield (head, Role.DIM), (part, Role.TEXT)
    for name, what in unknown:
        yield (fit(name, _NAME), Role.STRONG), (clean(what), Role.DIM)


def count(ports: int) -> str:
    """Return how many ports there are: `1 port`."""
    return f"{ports} port{'' if ports == 1 else 's'}"


def check_document(
    differences: Sequence[Difference], unknown: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return the differences for JSON."""
    return {
        "differences": [
            {"port": one.port, "kind": one.kind, "before": one.before, "now": one.now}
            for one in differences
        ],
        "not_compared": [{"port": name, "what": what} for name, what in unknown],
    }
