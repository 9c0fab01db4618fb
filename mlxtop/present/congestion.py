"""Page 7: priorities, who holds up whom, congestion control, losses, and what is set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlxtop.analysis.congestion import Priority, lossless, priorities, rdma_outside
from mlxtop.analysis.pause_time import pauses
from mlxtop.analysis.transport import (
    NOTIFICATIONS,
    RETRIES,
    hardware,
    hottest_queue,
    marked_share,
    stalls,
)
from mlxtop.analysis.verdict import LIGHT, MARKS
from mlxtop.model.catalogue import CATALOGUE
from mlxtop.model.counters import Counter, Origin
from mlxtop.model.identity import PortKind
from mlxtop.present import units
from mlxtop.present.cells import blocks
from mlxtop.present.qos import settings
from mlxtop.present.text import EMPTY, Line, Role, Run, Section, headings, row
from mlxtop.present.view import SEVERITY_ROLES, View, fact, prose
from mlxtop.watch.congestion import READINGS, Pause

_ROWS = (13, 11, 11, 8, 11, 9, 8)
_TITLES = ("  priority", "RX", "TX", "we wait", "peer waits", "dropped", "ECN")
_COUNTED = (28, 11, 13)
OUTSIDE_SHARE = 0.5
"""Share of RDMA outside of the lossless priorities that is worth a sentence."""
MARKED_SHARE = 0.001
"""Share of received packets with an ECN mark that is worth a sentence."""
_SPARK = 18
"""Columns of a counter's last minute."""
LONG, SHORT = 0.1, 0.01
"""Shares of the time from which waiting is worth a colour, and a sentence."""
_LEGEND = (
    "we wait: the switch or peer told this host to stop sending (pause received), share of the"
    " time. peer waits: this host told it to stop (pause sent): PCIe, CPU or memory is slow here.",
    "Short waits are how a lossless network works; long ones are not.",
)
_INFINIBAND = (
    "InfiniBand has no priorities with pause: credits of virtual lanes stop a sender before"
    " anything is lost. port_xmit_wait counts the ticks in which there was data to send and no"
    " credit: it moves under load, and congestion is where it grows on one port alone."
)


def congestion(view: View) -> list[Section]:
    """Return the sections of page 7."""
    infiniband = view.now.now.link.is_infiniband
    rows = () if infiniband else priorities(view.now)
    lines = [*_now(view, rows, infiniband)]
    if not infiniband:
        lines += [EMPTY, *_priorities(view, rows)]
    sections = [Section("Who waits for whom, by priority", tuple(lines))]
    if not infiniband:
        control = tuple(_counters(view, NOTIFICATIONS))
        sections.append(Section("Congestion control of RoCE", control))
    sections.append(Section("Losses and repeats", tuple(_counters(view, RETRIES))))
    sections.append(Section("Inside this host", tuple(_inside(view))))
    return [*sections, *settings(view)]


def _now(view: View, rows: tuple[Priority, ...], infiniband: bool) -> Iterator[Line]:
    """Yield sentences about the last readings, the worst first."""
    if infiniband:
        yield from prose(_INFINIBAND, view.columns)
        wait = _infiniband_wait(view)
        if wait is not None:
            yield wait
        return
    watched = view.congestion.pauses(view.port) if view.congestion is not None else []
    long_pauses = [pause for pause in watched if pause.storm or pause.share >= SHORT]
    long_pauses.sort(key=lambda pause: (not pause.storm, -pause.share))
    for pause in long_pauses:
        yield from prose(pause_text(pause), view.columns, _pause_role(pause), indent="▸ ")
    lost = [one for one in rows if one.discards]
    for one in lost:
        text = f"priority {one.number} loses {units.events_per_second(one.discards).strip()}"
        kind = "though it should lose none (PFC)" if one.lossless else "and may: it has no PFC"
        yield from prose(f"{text}, {kind}.", view.columns, Role.WARNING, indent="▸ ")
    outside = list(_outside(view))
    yield from (*outside, *_marks(view))
    if long_pauses or lost:
        return
    if watched:
        yield from prose("Pause takes less than 1 % of the time: nobody waits long.", view.columns)
    elif any(one.share is not None for one in pauses(view.now)):
        losses = ", and no priority lost a frame" if any(r.discards == 0 for r in rows) else ""
        yield from prose(f"Nobody waits: no pause{losses}.", view.columns)
    else:
        yield from prose(_why_no_time(view, rows), view.columns)


def _outside(view: View) -> Iterator[Line]:
    """Yield that RDMA is not where the network is lossless."""
    flow = view.derived.throughput
    light = LIGHT * (view.now.now.link.speed or 0)
    rates = flow.rdma_rx_bps, flow.rdma_tx_bps
    outside = rdma_outside(view.now, *rates, light) if light else None
    if outside is not None and outside.share >= OUTSIDE_SHARE:
        text = f"{outside.text[0].upper()}{outside.text[1:]} has a priority that is not lossless."
        yield from prose(text, view.columns, Role.WARNING, indent="▸ ")


def _marks(view: View) -> Iterator[Line]:
    """Yield what ECN says of the network: of the way to here, and of the way from here."""
    share = marked_share(view.now)
    if share is not None and share >= MARKED_SHARE:
        text = f"{share * 100:.1f} % of the RDMA packets that arrive are marked (ECN)"
        text = f"{text}: a switch on the way here is full."
        yield from prose(text, view.columns, Role.WARNING, indent="▸ ")
    slowed = view.now.rate(CATALOGUE[Origin.RDMA_HW, "rp_cnp_handled"])
    if slowed is not None and slowed >= MARKS:
        text = f"{slowed:.0f} notifications (CNP) a second slow this sender"
        text = f"{text}: the way from here is full."
        yield from prose(text, view.columns, Role.TEXT, indent="▸ ")


def _why_no_time(view: View, rows: tuple[Priority, ...]) -> str:
    """Return why it is not known who waits."""
    now = view.now.now
    if Origin.DRIVER not in now.readings:
        reason = now.absent.get(str(Origin.DRIVER), "the driver's statistics were not read")
        return f"{units.NONE}  {reason}"
    if now.port.kind is not PortKind.PHYSICAL:
        return f"{units.NONE}  pause is counted at the physical port, not at this device"
    if Origin.DRIVER not in view.now.before:
        return f"{units.NONE}  shares of time need two readings"
    pause = now.settings.value.pause if now.settings.value is not None else None
    if lossless(view.now) == () and pause is not None and not (pause.rx or pause.tx):
        return "Nobody waits: neither pause nor PFC is on, so frames are dropped instead."
    return f"{units.NONE}  this driver counts no time of pause" + (
        "; PFC is off" if lossless(view.now) == () else ""
    )


def pause_text(pause: Pause) -> str:
    """Return a pause in words that leave no doubt who holds whom."""
    share = units.percent(pause.share).strip()
    if pause.storm:
        start = f"PAUSE STORM: {pause.what} stood still for all of {READINGS} readings."
        if pause.way == "rx":
            return f"{start} The switch or peer holds this host, and does not let go."
        return f"{start} This host holds the switch or peer, and does not let go."
    if pause.way == "rx":
        return f"The switch or peer holds this host: {pause.what} may not send {share} of the time."
    return (
        f"This host holds the switch or peer: {pause.what} is stopped there {share} of the time"
        " (PCIe, CPU or memory is slow here)."
    )


def _pause_role(pause: Pause) -> Role:
    if pause.storm:
        return Role.CRITICAL
    return Role.WARNING if pause.share >= LONG else Role.TEXT


def _infiniband_wait(view: View) -> Line | None:
    reading = view.now.now.readings.get(Origin.RDMA_ERRORS)
    if reading is None or reading.get("port_xmit_wait") is None:
        return None
    counter = CATALOGUE[Origin.RDMA_ERRORS, "port_xmit_wait"]
    rate = units.events_per_second(view.now.rate(counter)).strip()
    since = units.count(view.now.since_start(counter)).strip()
    return fact("port_xmit_wait", rate, note=f"{since} since start")


def _priorities(view: View, rows: tuple[Priority, ...]) -> Iterator[Line]:
    if not rows:
        reason = view.now.now.absent.get(str(Origin.DRIVER))
        text = reason or "this driver counts nothing by priority"
        yield from prose(f"{units.NONE}  {text}", view.columns)
        return
    if all(one.rx_bps is None and one.tx_bps is None for one in rows):
        yield from prose("Rates need two readings; these are totals.", view.columns)
    yield headings(_ROWS, *_TITLES)
    for one in rows:
        yield row(_ROWS, _priority(view, one))
    whole = {one.way: one.share for one in pauses(view.now) if one.priority is None}
    if whole:
        blank = ("", Role.DIM)
        shares = _share(whole.get("rx")), _share(whole.get("tx"))
        yield row(_ROWS, (("  whole link", Role.DIM), blank, blank, *shares, blank, blank))
    yield EMPTY
    for one in rows:
        yield from _frames(view, one)
    for text in _LEGEND:
        yield from prose(text, view.columns)


def _frames(view: View, one: Priority) -> Iterator[Line]:
    """Yield how many pause frames there were, which says less than the time."""
    counts = []
    for verb, frames, stops in (
        ("received", one.rx_pauses, one.rx_stops),
        ("sent", one.tx_pauses, one.tx_stops),
    ):
        if frames:
            times = f" ({units.count(stops)} stops)" if stops else ""
            counts.append(f"{verb} {units.count(frames)}{times}")
    if counts:
        text = f"pause frames of priority {one.number} since the driver was loaded: "
        yield from prose(f"{text}{', '.join(counts)}", view.columns)


def _priority(view: View, one: Priority) -> Iterable[Run]:
    """Return the cells of a priority; those that move are bright."""
    mark = "▸" if one.moving else " "
    name = f"{mark} untagged" if one.number is None else f"{mark} {one.number}"
    name += " lossless" if one.lossless else ""
    base = Role.STRONG if one.moving else Role.DIM
    yield name, base
    for rate, total, role in (
        (one.rx_bps, one.rx_bytes, Role.RX),
        (one.tx_bps, one.tx_bytes, Role.TX),
    ):
        if rate is None:
            yield units.size(total), Role.DIM
        else:
            yield units.rate(rate, view.bits), role if rate else Role.DIM
    for share in (one.held, one.holds):
        yield _share(share)
    yield _events(one.discards, one.discarded)
    yield _events(one.marked, None)


def _share(share: float | None) -> Run:
    if share is None:
        return units.NONE, Role.FAINT
    if 0 < share < SHORT:
        return "<1 %", Role.TEXT
    return units.percent(share), Role.WARNING if share >= LONG else Role.TEXT if share else Role.DIM


def _events(rate: float | None, total: int | None) -> Run:
    if rate is None:
        return units.count(total), Role.DIM
    return units.events_per_second(rate), Role.WARNING if rate else Role.DIM


def _counters(view: View, keys: tuple[str, ...]) -> Iterator[Line]:
    counters = hardware(view.now, keys)
    if not counters:
        reason = view.now.now.absent.get(str(Origin.RDMA_HW), "this device counts none of these")
        if view.now.now.port.rdma is None:
            reason = view.why().get("rdma", "not an RDMA device")
        yield from prose(f"{units.NONE}  {reason}", view.columns)
        return
    moved = [one for one in counters if view.now.since_start(one) or view.now.rate(one)]
    if moved:
        yield (*headings(_COUNTED, "counter", "now", "since start"), ("  last minute", Role.HEAD))
        for counter in moved:
            yield _counted(view, counter)
    still = ", ".join(counter.key for counter in counters if counter not in moved)
    if still:
        yield from prose(f"{'still' if moved else 'none moves'}: {still}", view.columns)


def _counted(view: View, counter: Counter) -> Line:
    """Return a counter's rate, its count since the start, and its last rates as blocks."""
    rate, since = view.now.rate(counter), view.now.since_start(counter)
    role = SEVERITY_ROLES[counter.severity] if counter.severity is not None else Role.TEXT
    role = role if rate else Role.DIM
    cells = (
        (f"{'▸' if rate else ' '} {counter.key}", role),
        (units.events_per_second(rate), role),
        (units.count(since), Role.TEXT if since else Role.DIM),
    )
    past = list(view.congestion.rates(view.port, counter.key)) if view.congestion else []
    past = past[-_SPARK:]
    line = row(_COUNTED, cells)
    if not any(past):
        return line
    return (*line, ("  ", Role.TEXT), *blocks(past, max(past) * 1.001, Role.ACCENT))


def _inside(view: View) -> Iterator[Line]:
    """Yield where packets wait on the way into memory: PCIe, and the busiest queue."""
    waits = stalls(view.now)
    for way, words in (("rx", "writes"), ("tx", "reads")):
        share = waits.get(way)
        role = Role.WARNING if share is not None and share >= 30 else Role.TEXT
        text = None if share is None else f"{share} % of the last second"
        reason = "this driver does not tell it"
        yield fact(f"PCIe {words}", text, reason, role, "the card waited to go on")
    queue = hottest_queue(view.now)
    if queue is None:
        yield fact("hottest queue", None, "no packets in queues of the kernel")
    else:
        rate = units.packets_per_second(queue.packets).strip()
        note = f"{units.percent(queue.share).strip()} of what {queue.of} queues receive"
        yield fact("hottest queue", f"rx{queue.number}  {rate}", note=note)
