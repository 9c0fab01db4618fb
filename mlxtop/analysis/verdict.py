"""The limit that a port meets just now: named only when the traffic is near one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from mlxtop.analysis.limits import FULL_CORE, CpuLoad, LineLimit, Measured, PcieLimit, gbps
from mlxtop.analysis.pause_time import pauses, unheld
from mlxtop.model.catalogue import CATALOGUE, STALLED_RD, STALLED_WR, counters_of
from mlxtop.model.counters import Counter, Origin, Schema
from mlxtop.model.frame import PortFrame
from mlxtop.model.pause import GLOBAL_PAUSE, PAUSE_TIME, PFC_PAUSE
from mlxtop.model.pcie import Direction, link_words
from mlxtop.model.sample import LinkState

LINE_NEAR = 0.9
"""Share of the line, framing included, from which the line is the limit."""
DISPROVED = 1.05
"""Share of the line above which its speed is wrong: a rate cannot be more, but for its timing."""
PCIE_NEAR = 0.85
"""Share of PCIe's usable rate: acknowledgements and descriptors take some of the rest."""
LIGHT = 0.02
"""Share of the line below which nothing can be said about limits."""
LIGHT_ANYWHERE = 100e6
"""bit/s below which nothing is said where the line rate is unknown."""
STALLED = 30
"""Percent of a second in which the card waited for PCIe; the driver counts such seconds."""
PAUSES = 100.0
"""Pause frames a second that slow a fast line noticeably."""
STOPPED = 0.05
"""Share of the time for which they stop it: few frames can ask for long breaks."""
HELD = 0.5
"""Share of the time for which they stop it that tells a port that is held from an idle one."""
MARKS = 10.0
"""Congestion notifications a second."""


class Limit(StrEnum):
    """A limit that binds."""

    LINK = "the link"
    PCIE = "PCIe"
    CPU = "CPU"
    PEER = "the peer"
    HOST = "this host"
    CONGESTION = "congestion in the network"
    BUFFERS = "receive buffers"


_BOUND = {
    Limit.LINK: "link-bound",
    Limit.PCIE: "PCIe-bound",
    Limit.CPU: "CPU-bound",
    Limit.PEER: "peer-bound",
    Limit.HOST: "host-bound",
    Limit.CONGESTION: "network-bound",
    Limit.BUFFERS: "buffer-bound",
}
NOT_SATURATED, IDLE, NOT_MEASURED = "not saturated", "idle", "not measured"
HELD_BY_PAUSE = "held by pause from the switch or peer"
"""Of a port that carries little because something of it may not send."""


class Verdict(NamedTuple):
    """The binding limit with its evidence, or what was ruled out."""

    limit: Limit | None
    detail: str
    """Evidence for the limit; without one, why none is named."""
    ruled_out: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """Return what binds, without the figures: `CPU-bound`, `not saturated`, `idle`."""
        return self.detail if self.limit is None else _BOUND[self.limit]

    @property
    def text(self) -> str:
        """Return the verdict with all its evidence, in one line."""
        return self.fitting(None)

    def fitting(self, columns: int | None) -> str:
        """Return the verdict; of what was ruled out as much as fits in `columns`.

        >>> free = Verdict(None, "not saturated", ("link 20 %", "PCIe 35 %", "no pause"))
        >>> free.fitting(36), Verdict(Limit.LINK, "93 % of the line is used").text
        ('not saturated: link 20 %, PCIe 35 %', 'link-bound: 93 % of the line is used')
        """
        if self.limit is not None:
            return f"{self.cause}: {self.detail}"
        text, mark = self.detail, ": "
        for fact in self.ruled_out:
            if columns is not None and len(text) + len(mark) + len(fact) > columns:
                break
            text, mark = f"{text}{mark}{fact}", ", "
        return text


NO_LINK = "no link"
_NO_LINK, _NOT_MEASURED, _IDLE, _HELD_BY_PAUSE = (
    Verdict(None, cause) for cause in (NO_LINK, NOT_MEASURED, IDLE, HELD_BY_PAUSE)
)


class Evidence(NamedTuple):
    """All that a verdict is made of."""

    frame: PortFrame
    measured: Measured | None
    line: LineLimit | None
    pcie: PcieLimit | None
    card_rate: float | None
    """What all ports behind the PCIe link carry in the measured direction, bit/s."""
    cpu: CpuLoad | None
    streams: int | None


Step = tuple[Limit | None, str]
"""A limit with its evidence, or None and what is ruled out."""


def judge_light(
    frame: PortFrame, measured: Measured | None, line: LineLimit | None
) -> Verdict | None:
    """Return the verdict on a port that carries little or nothing; None for one that is in use."""
    if frame.now.link.state is not LinkState.UP:
        return _NO_LINK
    if measured is None:
        return _NOT_MEASURED
    if measured.rate < (LIGHT * line.usable if line else LIGHT_ANYWHERE):
        if unheld(frame) is not None:
            return _IDLE
        shares = (one.share or 0.0 for one in pauses(frame) if one.way == "rx")
        held = max(shares, default=0.0) >= HELD
        return _HELD_BY_PAUSE if held else _IDLE
    return None


def judge(evidence: Evidence) -> Verdict:
    """Return the binding limit, or what was ruled out."""
    measured = evidence.measured
    light = judge_light(evidence.frame, measured, evidence.line)
    if light is not None or measured is None:
        return light or _NOT_MEASURED
    ruled_out: list[str] = []
    for limit, text in chain(_hard(evidence, measured), _soft(evidence, measured)):
        if limit is not None:
            return Verdict(limit, text, tuple(ruled_out))
        ruled_out.append(text)
    return Verdict(None, NOT_SATURATED, tuple(ruled_out))


def judge_together(verdicts: Mapping[str, tuple[Verdict, float]]) -> Verdict:
    """Return the verdict on ports that share one load, from each one's and its bit/s, by name.

    The port that carries most of those at a limit decides: its share of the streams is held up.
    """
    if len(verdicts) == 1:
        return next(iter(verdicts.values()))[0]
    ruled_out = tuple(
        f"{name}: {text}" for name, (verdict, _) in verdicts.items() for text in verdict.ruled_out
    )
    limited = {name: rate for name, (verdict, rate) in verdicts.items() if verdict.limit}
    if limited:
        name = max(limited, key=limited.__getitem__)
        verdict = verdicts[name][0]
        return Verdict(verdict.limit, f"{name}: {verdict.detail}", ruled_out)
    busiest, _ = max(verdicts.values(), key=lambda one: one[1], default=(_NO_LINK, 0.0))
    return Verdict(None, busiest.detail, ruled_out)


def _hard(evidence: Evidence, measured: Measured) -> Iterator[Step]:
    """Yield line and PCIe: the one that is nearer to its end first, and those that are not near."""
    near: list[tuple[float, Limit, str]] = []
    free: list[Step] = []
    share = measured.utilisation
    if share is not None and share > DISPROVED:
        free.append((None, "link: more is carried than its speed"))
    elif share is not None and share >= LINE_NEAR:
        near.append((share, Limit.LINK, f"{share * 100:.0f} % of the line is used"))
    elif share is not None:
        free.append((None, f"link {share * 100:.0f} %"))
    receives = measured.direction is Direction.RX
    stalled = evidence.frame.total(STALLED_WR if receives else STALLED_RD) or 0
    if evidence.pcie is not None and evidence.card_rate is not None:
        usable = evidence.pcie.usable[measured.direction]
        share = evidence.card_rate / usable if usable else 0.0
        if share >= PCIE_NEAR:
            whose = ", all its ports together" if len(evidence.pcie.ports) > 1 else ""
            text = f"{min(share, 1.0) * 100:.0f} % of {gbps(usable)} Gb/s usable{whose}"
            text = f"{_narrow(evidence.pcie)}{text}"
            near.append((share, Limit.PCIE, text))
        elif stalled < STALLED:
            free.append((None, f"PCIe {share * 100:.0f} %"))
    if stalled >= STALLED:
        near.append((0.0, Limit.PCIE, f"the card waited for it {stalled} % of the last second"))
    near.sort(key=lambda item: item[0], reverse=True)
    yield from (item[1:] for item in near)
    yield from free


def _narrow(limit: PcieLimit) -> str:
    """Return where the path is narrower than the card, `3.0 x8 of x16 at 0000:40:03.0, `."""
    link = limit.path.limiting
    if limit.hop is None or link is None:
        return ""
    words = link_words(link.running, limit.path.links[0].capability).removeprefix("PCIe ")
    return f"{words} at {link.device}, "


def _soft(evidence: Evidence, measured: Measured) -> Iterator[Step]:
    """Yield everything that stops a port long before its line is full."""
    cpu = None if measured.rdma else evidence.cpu
    full = cpu is not None and cpu.percent >= FULL_CORE
    if cpu and full and cpu.serves:
        yield Limit.CPU, _cpu_text(evidence, measured, cpu)
    elif cpu and not full:
        yield None, f"busiest core {cpu.percent:.0f} %"
    yield from _flow_control(evidence.frame, measured.direction)
    yield from _congestion(evidence.frame, measured.direction)
    if cpu and full:
        yield Limit.CPU, _cpu_text(evidence, measured, cpu)
    if measured.direction is Direction.RX:
        yield from _buffers(evidence.frame)


def _cpu_text(evidence: Evidence, measured: Measured, cpu: CpuLoad) -> str:
    if evidence.streams:
        count, rate = evidence.streams, gbps(measured.rate / evidence.streams)
        flow = f"{count} streams × {rate} Gb/s" if count > 1 else f"1 stream of {rate} Gb/s"
        each = 1 < count <= cpu.full
        return f"{flow}, one core each" if each else f"{flow}, core {cpu.core} is full"
    serves = " and serves the port's interrupts" if cpu.serves else ""
    return f"core {cpu.core} is full{serves}"


def _rate(frame: PortFrame, origin: Origin, key: str) -> float | None:
    return frame.rate(CATALOGUE[origin, key])


class Pauses(NamedTuple):
    """Pause frames of the link and of priorities in one direction."""

    frames: float
    """A second."""
    stopped: float
    """Share of the time for which the priority that they stopped most did not send."""


@lru_cache(maxsize=256)
def _pause_counters(schema: Schema, way: str) -> tuple[tuple[Counter, ...], tuple[Counter, ...]]:
    """Return the counters of a table that count frames of priorities, and those of the time."""
    frames, times = [], []
    for counter in counters_of(Origin.DRIVER, schema):
        name = counter.family or counter.key
        if name in PFC_PAUSE[way]:
            frames.append(counter)
        elif name in PAUSE_TIME[way]:
            times.append(counter)
    return tuple(frames), tuple(times)


def pauses_of(frame: PortFrame, way: str) -> Pauses | None:
    """Return the pause frames of the last interval; None where none are counted."""
    of_link = (_rate(frame, Origin.DRIVER, key) for key in GLOBAL_PAUSE[way])
    rates, stopped = [next((rate for rate in of_link if rate is not None), None)], 0.0
    reading = frame.now.readings.get(Origin.DRIVER)
    if reading is not None:
        of_priorities, times = _pause_counters(reading.schema, way)
        rates += map(frame.rate, of_priorities)
        stopped = max([(frame.rate(one) or 0.0) / 1e6 for one in times], default=0.0)
    counted = [rate for rate in rates if rate is not None]
    return Pauses(sum(counted), min(stopped, 1.0)) if counted else None


def _flow_control(frame: PortFrame, direction: Direction) -> Iterator[Step]:
    """Yield pause frames: those that arrive hold up sending, those that are sent receiving."""
    way = "rx" if direction is Direction.TX else "tx"
    counted = pauses_of(frame, way)
    if counted is None:
        return
    if counted.frames < PAUSES and counted.stopped < STOPPED:
        yield None, "no pause"
        return
    share = f", {counted.stopped * 100:.0f} % of the time is pause" if counted.stopped else ""
    if way == "rx":
        yield Limit.PEER, f"{counted.frames:.0f} pause frames a second come from it{share}"
    else:
        yield Limit.HOST, f"it sends {counted.frames:.0f} pause frames a second{share}"


def _congestion(frame: PortFrame, direction: Direction) -> Iterator[Step]:
    """Yield congestion notifications: a sender obeys them, a receiver sends them."""
    key = "rp_cnp_handled" if direction is Direction.TX else "np_cnp_sent"
    marks = _rate(frame, Origin.RDMA_HW, key)
    if marks is not None and marks >= MARKS:
        yield Limit.CONGESTION, f"{marks:.0f} notifications (CNP) a second"
    elif marks is not None:
        yield None, "no congestion"


def _buffers(frame: PortFrame) -> Iterator[Step]:
    """Yield packets that arrived and met no room."""
    rates = {
        "found no receive buffer": _rate(frame, Origin.DRIVER, "rx_out_of_buffer"),
        "were dropped in the port's buffer": _rate(frame, Origin.DRIVER, "rx_discards_phy"),
        "found no receive request": _rate(frame, Origin.RDMA_HW, "out_of_buffer"),
    }
    counted = {text: rate for text, rate in rates.items() if rate is not None}
    for text, rate in counted.items():
        if rate >= 1:
            yield Limit.BUFFERS, f"{rate:.0f} packets a second {text}"
    if counted:
        yield None, "no lack of buffers"
