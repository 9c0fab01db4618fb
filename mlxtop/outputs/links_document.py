"""The links between several machines as JSON: two ends each, and what went over them."""

from __future__ import annotations

from typing import Any

from mlxtop.ends.budget import budget
from mlxtop.ends.compare import Side, sides
from mlxtop.ends.counts import Span
from mlxtop.ends.follow import Ends
from mlxtop.ends.match import Match

Json = dict[str, Any]


def links_document(ends: Ends) -> list[Json]:
    """Return every link whose two ends are there."""
    return [
        _link(ends, link, both)
        for link in ends.matches.links
        if (both := sides(link, ends.machines)) is not None
    ]


def _link(ends: Ends, link: Match, both: tuple[Side, Side]) -> Json:
    a, b = both
    passed = ends.passed(link)
    ways = zip(((a, b), (b, a)), passed.packets, passed.pauses, strict=True)
    return {
        "ends": [_end(side) for side in both],
        "by": link.by,
        "also": list(link.also),
        "sure": link.surety,
        "why": link.why,
        "against": link.against or None,
        "directions": [_way(*pair, packets, pauses) for pair, packets, pauses in ways],
    }


def _end(side: Side) -> Json:
    link = side.now.link
    return {
        "machine": side.host,
        "port": side.now.port.name,
        "id": str(side.port),
        "state": link.state,
        "speed_mbps": None if link.speed is None else link.speed // 1_000_000,
        "mtu": link.mtu,
    }


def _way(sender: Side, receiver: Side, packets: Span, pauses: Span) -> Json:
    """Return one direction; bounds of what is lost are null where they cannot be told."""
    told = budget(sender.now.module, receiver.now.module)
    return {
        "from": sender.host,
        "to": receiver.host,
        "sent_bps": sender.view.throughput.tx_bps,
        "received_bps": receiver.view.throughput.rx_bps,
        "packets": _span(packets),
        "pause_frames": _span(pauses),
        "lane_loss_db": [_rounded(lane.loss_db) for lane in told.lanes],
        "weak_lanes": [lane.number for lane in told.lanes if lane.is_weak],
        "absent": {
            name: why
            for name, why in (
                ("packets", packets.absent),
                ("pause_frames", pauses.absent),
                ("lane_loss_db", told.absent),
            )
            if why
        },
    }


def _span(span: Span) -> Json | None:
    if span.absent:
        return None
    told = {"sent": span.sent, "lost_at_least": span.least_lost, "lost_at_most": span.most_lost}
    return {"seconds": round(span.seconds, 3), **told}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
