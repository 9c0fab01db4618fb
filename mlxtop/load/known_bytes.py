"""What a test has moved for certain, and what the counters of its port gained from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlxtop.analysis.counter_check import (
    LEAST_BYTES,
    LEAST_S,
    TOLERANCE,
    CounterCheck,
    Gain,
    Known,
    check,
    counters,
    sources_of,
)
from mlxtop.analysis.throughput import wire_source
from mlxtop.load.request import LoadPlan
from mlxtop.model.counters import Counter
from mlxtop.model.frame import PortFrame
from mlxtop.model.linkrate import Protocol
from mlxtop.model.load import Direction, FlowResult, LoadInterval, LoadResult, Tool
from mlxtop.model.pcie import Direction as Way
from mlxtop.model.sample import Reading

SETTLED_S = 0.5
"""Seconds after the load from which a reading has all of it: mlx4 refreshes its own at 250 ms."""
PATIENCE_S = 3.0
"""Seconds to wait for such readings."""
ROUGH = 0.25
"""How far bytes can be off that follow from a mean rate of a tool that times in its own way."""
_TOOLS = (Tool.IPERF3, Tool.IPERF, Tool.NUTTCP, Tool.IB_WRITE_BW, Tool.IB_SEND_BW)
"""Those whose bytes follow from the result; of reads the data comes from the other end."""


@dataclass(slots=True)
class _Turns:
    """A counter over the run."""

    first: int
    last: int
    steps_back: int = 0
    highest: int = 0


class CounterCourse:
    """The counters of the one port that carries a test, from before the load to after it."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._first: PortFrame | None = None
        self._last: PortFrame | None = None
        self._turns: dict[Counter, _Turns] = {}

    @property
    def checks(self) -> bool:
        """Return whether the bytes of this test will be known."""
        carriers = [member for member in self._plan.members if member.carries]
        return self._plan.request.tool in _TOOLS and len(carriers) == 1

    def note(self, port: PortFrame, loaded: bool) -> None:
        """Take the port of a frame; `loaded`: the load has begun."""
        if not loaded or self._first is None:
            self._first, self._turns = port, {}
        self._last = port
        for source in sources_of(port):
            reading = port.now.readings.get(source.counts.rx_bytes.origin)
            for counter in source.counts if reading is not None else ():
                self._follow(counter, reading, loaded)

    def _follow(self, counter: Counter, reading: Reading | None, loaded: bool) -> None:
        raw = reading.get(counter.key) if reading is not None else None
        turns = self._turns.get(counter)
        if turns is None:
            if raw is not None and not loaded:  # one that comes later lacks what was before
                self._turns[counter] = _Turns(raw, raw, highest=raw)
            return
        if raw is None:
            return
        turns.steps_back += raw < turns.last
        turns.highest = max(turns.highest, raw)
        turns.last = raw

    def complete(self, ended: float) -> bool:
        """Return whether every counter was read again after the load, which `ended` then."""
        if self._last is None:
            return False
        origins = {source.counts.rx_bytes.origin for source in sources_of(self._last)}
        readings = self._last.now.readings
        return all(
            readings[origin].tick >= ended + SETTLED_S for origin in origins if origin in readings
        )

    def check(
        self, result: LoadResult, intervals: Sequence[LoadInterval], ended: float
    ) -> CounterCheck:
        """Judge the counters by what the tool tells; with the reason where that cannot be done."""
        first, last = self._first, self._last
        request = self._plan.request
        timed = request.tool.perftest and not request.amount  # it does not tell its time
        seconds = result.seconds or (float(request.seconds) if timed else 0.0)
        known = self._known(replace(result, seconds=seconds), intervals)
        why = self._why_unsure(seconds, known)
        if first is None or last is None or why is not None:
            return CounterCheck(unsure=why)
        gains = {
            (source.name, one.direction): gain
            for source in sources_of(last)
            for one in known
            if (gain := self._gain(*counters(source, one.direction), last, ended)) is not None
        }
        usual = wire_source(last.now, trusting=True)
        return check(last, known, gains, self._plan.mtu, usual.name if usual else None)

    def _why_unsure(self, seconds: float, known: Sequence[Known]) -> str | None:
        """Return why nothing can be said of the counters; None where it can."""
        first, last = self._first, self._last
        if first is None or last is None or first is last:
            return "the port was not read before and after the load"
        if not known:
            return "the tool does not tell how much went each way"
        if seconds < LEAST_S:
            return f"the test was too short to tell: less than {LEAST_S:g} s"
        if min(one.least for one in known) < LEAST_BYTES:
            return f"too little was moved to tell: less than {LEAST_BYTES // 1_000_000} MB"
        if known[0].rdma and last.now.port.rdma_lag is not None:
            return "several ports share the RDMA device"
        before, after = first.now.link.carrier_changes, last.now.link.carrier_changes
        if first.now.port != last.now.port or before != after:
            return "the port or its link changed while the load ran"
        return None

    def _gain(self, count: Counter, packets: Counter, last: PortFrame, ended: float) -> Gain | None:
        """Return what a counter gained; None where it was not read both before and after."""
        turns, frames = self._turns.get(count), self._turns.get(packets)
        reading = last.now.readings.get(count.origin)
        if turns is None or reading is None or reading.tick < ended + SETTLED_S:
            return None
        gained = None if frames is None or frames.steps_back else frames.last - frames.first
        return Gain(
            (turns.last - turns.first) * count.scale,
            gained,
            turns.steps_back,
            turns.highest,
            full=last.stuck(count),
        )

    def _known(self, result: LoadResult, intervals: Sequence[LoadInterval]) -> list[Known]:
        """Return the bytes of data in each direction that data took."""
        request = self._plan.request
        ways = {Direction.SEND: (Way.TX,), Direction.RECEIVE: (Way.RX,)}
        flows = zip(
            ways.get(request.direction, (Way.TX, Way.RX)),
            (result.flow, result.reverse),
            strict=False,
        )
        warm = [one for one in intervals if one.omitted]
        known = []
        for place, (way, flow) in enumerate(flows):
            before = sum(
                (one.reverse_bps or 0.0 if place else one.bps) * one.seconds for one in warm
            )
            counted = self._flow(way, flow, result.seconds or 0.0, before / 8)
            if counted is None:
                return []
            known.append(counted)
        if len(known) == 2:  # each direction answers the other one's data
            one, two = known
            known = [one._replace(answers=one.answers + two.most * 0.05)]
            known.append(two._replace(answers=two.answers + one.most * 0.05))
        return known

    def _flow(self, way: Way, flow: FlowResult | None, seconds: float, warm: float) -> Known | None:
        """Return what one direction moved: what was received at least, what was sent at most."""
        if flow is None:
            return None
        rates = [bps for bps in (flow.received_bps, flow.sent_bps) if bps]
        if not rates:
            return None
        request = self._plan.request
        again = (flow.retransmits or 0) * (self._plan.mtu or 1500)
        exact = request.tool is Tool.IPERF3
        return Known(
            way,
            min(rates) * seconds / 8 + warm,
            max(rates) * seconds / 8 + warm,
            rdma=request.protocol is Protocol.RDMA,
            answers=float(again),
            tolerance=TOLERANCE if exact else ROUGH,
        )
