"""A file that says which port goes where: JSON, written by `mlxtop cabling --save`."""

from __future__ import annotations

from typing import Any

from mlxtop.ends.cabling import Cabled, Cabling, FarEnd, Plug
from mlxtop.model.lldp import MOST_NEIGHBOURS
from mlxtop.model.number import real
from mlxtop.system.answers import Fields

SCHEMA = 1
MOST_PORTS = 1024
_LONGEST = 255
"""Characters of a text that are read."""


def dump(cabling: Cabling, saved: str) -> dict[str, Any]:
    """Return a cabling for JSON; `saved`: its time for people."""
    return {
        "schema": SCHEMA,
        "host": cabling.host,
        "saved": saved,
        "wall": cabling.wall,
        "salt": cabling.salt,
        "ports": [
            {
                "place": one.place,
                "name": one.name,
                "up": one.is_up,
                "empty": one.is_empty,
                "far": None if one.far is None else [end._asdict() for end in one.far],
                "plug": one.plug and one.plug._asdict(),
            }
            for one in cabling.ports
        ],
    }


def parse(answer: object) -> Cabling:
    """Return a saved cabling. Raises ValueError for what is none."""
    fields = Fields(answer)
    if fields.number("schema") != SCHEMA:
        raise ValueError("this is no file of mlxtop cabling, or one of a newer version")
    rows = list(fields.rows("ports"))[:MOST_PORTS]
    ports = tuple(_parsed(row) for row in rows)
    wall = real(str(dict(fields.items()).get("wall"))) or 0.0
    return Cabling(_text(fields, "host"), wall, _text(fields, "salt"), ports)


def _text(fields: Fields, key: str) -> str:
    return (fields.text(key) or "")[:_LONGEST]


def _parsed(row: Fields) -> Cabled:
    far = tuple(
        FarEnd(_text(end, "device"), _text(end, "port"), _text(end, "name"))
        for end in list(row.rows("far"))[:MOST_NEIGHBOURS]
    )
    plug = row.fields("plug")
    return Cabled(
        _text(row, "place"),
        _text(row, "name"),
        bool(row.flag("up")),
        far or None,
        _parsed_plug(plug) if plug else None,
        bool(row.flag("empty")),
    )


def _parsed_plug(plug: Fields) -> Plug:
    metres = dict(plug.items()).get("metres")
    length = float(metres) if isinstance(metres, int | float) and 0 <= metres < 1e5 else None
    return Plug(_text(plug, "vendor"), _text(plug, "part"), _text(plug, "serial"), length)
