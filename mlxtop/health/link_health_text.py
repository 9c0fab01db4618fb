"""What is remembered of a link as a JSON document, which is untrusted when it is read."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from mlxtop.health.link_health import (
    CHANGES,
    DAYS,
    FLAPS,
    HOURS,
    LANES,
    MINUTES,
    Best,
    Change,
    Flap,
    LinkHealth,
    Point,
)
from mlxtop.model.json_text import decode, encode
from mlxtop.model.tuning import MOST_SYMBOLS

SCHEMA = 1
TEXT = 200
"""Characters of a text at most."""
_DIGEST = re.compile(r"[0-9a-f]{16}")


def to_text(health: LinkHealth) -> str:
    """Return a history as a JSON document."""
    return encode(
        {
            "schema": SCHEMA,
            "name": health.name,
            "since": round(health.since),
            "module": health.module,
            "part": health.part,
            "suspect": health.suspect,
            "slot": health.slot,
            "best": {name: list(one) for name, one in health.best.items()},
            "new": None if health.new is None else list(health.new),
            **{name: [list(one) for one in getattr(health, name)] for name in _ROWS},
        }
    )


def from_text(text: str) -> LinkHealth | None:
    """Return the history of a document; None for what is none. What is damaged is left out.

    >>> from_text("{}"), from_text('{"schema": 1, "name": "p1", "hours": [7, [3600, -8.0]]}').hours
    (None, (Point(wall=3600.0, raw=-8.0, effective=None, celsius=None, lost=0, readings=1, \
rx_dbm=(), tx_dbm=(), bias_ma=(), symbols=None),))
    """
    try:
        whole = decode(text)
    except ValueError:
        return None
    if not isinstance(whole, dict) or whole.get("schema") != SCHEMA:
        return None
    table = whole.get("best")
    best = {
        name: one
        for name, row in (table.items() if isinstance(table, dict) else ())
        if name in ("speed", "lanes", "pcie", "pcie_lanes") and (one := _best(row)) is not None
    }
    rows: dict[str, Any] = {
        name: _rows(whole.get(name), parse)[-most:] for name, (parse, most) in _ROWS.items()
    }
    module, suspect = _text(whole.get("module")), _text(whole.get("suspect"))
    return LinkHealth(
        name=_text(whole.get("name")),
        since=_number(whole.get("since")) or 0.0,
        module=module if _DIGEST.fullmatch(module) else "",
        part=_text(whole.get("part")),
        suspect=suspect if _DIGEST.fullmatch(suspect) else "",
        slot=_text(whole.get("slot")),
        best=best,
        new=_point(whole.get("new")),
        **rows,
    )


def _text(value: object) -> str:
    return value[:TEXT] if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) and abs(value) < 1e15 else None


def _best(row: object) -> Best | None:
    if not isinstance(row, list) or len(row) != 4:
        return None
    value, last, times = map(_number, (row[0], row[2], row[3]))
    if value is None or last is None:
        return None
    return Best(value, _text(row[1]), last, int(times or 1))


def _point(row: object) -> Point | None:
    if not isinstance(row, list) or not 1 <= len(row) <= len(Point._fields):
        return None
    numbers = [_number(value) for value in row[:6]] + [None] * (6 - len(row[:6]))
    wall, raw, effective, celsius, lost, readings = numbers
    lanes = [tuple(map(_number, one[:LANES])) if isinstance(one, list) else () for one in row[6:9]]
    if wall is None:
        return None
    rx_dbm, tx_dbm, bias_ma = (*lanes, (), (), ())[:3]
    most = _number(row[9]) if len(row) > 9 else None
    symbols = int(most) if most is not None and 0 <= most < MOST_SYMBOLS else None
    counted = int(lost or 0), int(readings or 1)
    return Point(wall, raw, effective, celsius, *counted, rx_dbm, tx_dbm, bias_ma, symbols)


def _flap(row: object) -> Flap | None:
    if not isinstance(row, list) or not row or (wall := _number(row[0])) is None:
        return None
    down_s = _number(row[2]) if len(row) > 2 else None
    return Flap(wall, _text(row[1]) if len(row) > 1 else "", down_s)


def _change(row: object) -> Change | None:
    if not isinstance(row, list) or len(row) != 4 or (wall := _number(row[0])) is None:
        return None
    return Change(wall, *map(_text, row[1:]))


_ROWS: dict[str, tuple[Any, int]] = {
    "minutes": (_point, MINUTES),
    "hours": (_point, HOURS),
    "days": (_point, DAYS),
    "flaps": (_flap, FLAPS),
    "changes": (_change, CHANGES),
}


def _rows(value: object, parse: Any) -> tuple[Any, ...]:
    """Return rows in the order of time; what is none is left out."""
    rows = value if isinstance(value, list) else []
    by_wall = {one.wall: one for row in rows if (one := parse(row)) is not None}
    return tuple(by_wall[wall] for wall in sorted(by_wall))
