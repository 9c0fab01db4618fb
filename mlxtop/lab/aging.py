"""What mlxtop remembers of the links of a simulated machine: weeks, made up hour by hour.

The format is that of `mlxtop.health.link_health`; `history` of a port sets `days`, `raw` (decades
of the bit error rate at the end), `rise` (decades a day), `dims` (lane to dB lost over the time),
`flaps` (rows of days ago, reason and seconds), and by name what it was at its best: `speed`,
`lanes`, `pcie` and `pcie_lanes` as rows of value, words and days ago.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from random import Random
from typing import Any

from mlxtop.lab.netdir import guid_text
from mlxtop.lab.ports import PortState
from mlxtop.lab.tree import LabTree
from mlxtop.lab.world import World
from mlxtop.model.identity import digest, link_key

DIRECTORY = "/var/lib/mlxtop-nic/links"
_DAY, _HOUR = 86400.0, 3600.0
_PER_KELVIN = 0.03
"""Decades of the bit error rate."""
_WORD_BITS, _CORRECTED = 5280, 7
"""A code word of RS(528,514), and how many of its symbols can be put right."""


def fec_bins(raw: float, speed_mbps: float, seconds: float) -> list[dict[str, int]]:
    """Return FEC's bins after some time with a bit error rate, where errors come by chance alone.

    `raw`: its decimal logarithm.
    """
    wrong = 10**raw * _WORD_BITS
    words = speed_mbps * 1e6 / _WORD_BITS * seconds * math.exp(-wrong)
    return [
        {"low": n, "high": n, "words": int(words * wrong**n / math.factorial(n))}
        for n in range(_CORRECTED + 1)
    ]


def add_histories(tree: LabTree, world: World) -> None:
    """Add the files of the ports that have a history."""
    for port in world.ports:
        if port.spec.history:
            guid = guid_text(port.card.spec.guid)
            key = link_key(guid, 0, port.spec.function, 1)
            tree.file(f"{DIRECTORY}/{key}.json", _text(port, world.wall_start))


def _text(port: PortState, now: float) -> str:
    told = port.spec.history
    count = round(float(told["days"]) * 24)
    begin = now // _HOUR * _HOUR - count * _HOUR
    link = _Link(port, told, count)
    hours = [[begin + (n + 0.5) * _HOUR, *link.hour(n)] for n in range(count)]
    kept = max(0, count - 16 * 24)
    module = port.spec.module
    who = (module.kind.vendor, module.kind.part, module.serial) if module else ()
    return json.dumps(
        {
            "schema": 1,
            "name": port.spec.netdev,
            "since": round(begin),
            "module": digest(*who) if who else "",
            "part": " ".join(who[:2]),
            "slot": port.spec.function,
            "best": {
                name: [told[name][0], told[name][1], round(now - told[name][2] * _DAY), 900]
                for name in ("speed", "lanes", "pcie", "pcie_lanes")
                if name in told
            },
            "new": hours[12],
            "hours": hours[kept:],
            "days": [hours[n] for n in range(12, kept, 24)],
            "flaps": [
                [round(now - ago * _DAY), why, away] for ago, why, away in told.get("flaps", ())
            ],
        }
    )


class _Link:
    """Makes up the hours of a link."""

    def __init__(self, port: PortState, told: Mapping[str, Any], count: int) -> None:
        self._told, self._count = told, count
        self._random = Random(port.card.spec.guid)
        self._kind = port.spec.module.kind if port.spec.module else None
        self._speed = port.spec.speed

    def hour(self, n: int) -> list[Any]:
        """Return errors, degrees, and light by lane."""
        told, random = self._told, self._random
        swing = 4.0 * math.sin(n * math.pi / 12) + random.gauss(0, 0.4)
        raw = told["raw"] - told.get("rise", 0.0) * (self._count - n) / 24
        raw += _PER_KELVIN * swing + random.gauss(0, 0.06)
        raw += 2.5 if random.random() < 0.005 else 0.0
        effective = -15.0 if raw < -6 else -13.5
        light = self._light(n / self._count, swing)
        most = max(one["low"] for one in fec_bins(raw, self._speed, 60.0) if one["words"])
        return [round(raw, 4), effective, round(46 + swing, 1), 0, 60, *light, most]

    def _light(self, share: float, swing: float) -> list[list[float]]:
        """Return dBm that arrive and are sent, and mA, after a share of the time."""
        kind, dims = self._kind, self._told.get("dims", {})
        if kind is None or kind.passive:
            return [[], [], []]
        rx, tx = (10 * math.log10(power) - 0.02 * swing for power in (kind.rx_mw, kind.tx_mw))
        lost = [float(dims.get(str(lane), 0.0)) * share for lane in range(1, kind.lanes + 1)]
        noise = [self._random.gauss(0, 0.04) for _ in lost]
        return [
            [round(rx - less + some, 2) for less, some in zip(lost, noise, strict=True)],
            [round(tx + some, 2) for some in noise],
            [round(kind.bias_ma * (1 + 0.004 * swing), 2) for _ in lost],
        ]
