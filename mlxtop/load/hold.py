"""Finds the rate at which the hottest sensor settles just under its warning limit, and holds it.

Near a working point temperatures settle in proportion to the rate. Two steps of load tell the
slope; from then on the rate follows the temperature slowly, so that a room that gets warmer and
colder averages out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mlxtop.analysis.limits import gbps
from mlxtop.load.request import LoadRequest
from mlxtop.load.soak import fit_rise
from mlxtop.model.load import Tool, mean

UNDER_C = 2.0
"""°C below a warning limit at which the hottest sensor is to settle."""
NEAR_C = 1.0
"""°C below a warning limit from which the rate is cut at once."""
FIRST_SHARE = 0.25
"""Part of what the port can carry that the first step carries."""
MOST_GROWTH = 1.6
"""Times the rate of one step that the next may have."""
CUT, CAUTION = 0.85, 0.85
"""Factor of a rate that is cut at once, and part of the room that a step takes."""
STEP_S, LONGEST_STEP_S = 75.0, 180.0
"""Seconds after which a step is evaluated, and after which its temperatures count as settled."""
ADJUST_S, SHARE = 60.0, 0.5
"""Seconds between changes while a rate is held, and the part of an error that each makes good."""
RECENT_S = 20.0
HOLD_S, COLD_HOLD_S = 600.0, 120.0
"""Seconds that a rate is held before it is believed; the same where nothing comes near a limit."""
LEAST_SHARE = 0.02
"""Part of what the port can carry below which nothing is left to regulate."""
USUAL_SLOPE_C = 20.0
"""°C that the full load adds, where the readings do not tell."""
HOLD_TIME_S = 1800
"""Seconds that finding and holding a rate may take, unless another time is asked for."""
TOOLS = (Tool.IPERF3, Tool.IPERF, Tool.NUTTCP)
"""Tools that take a rate, beside perftest's for bandwidth."""

Points = Sequence[tuple[float, float]]


class Watched(NamedTuple):
    """A sensor that may end the load."""

    name: str
    warning: float
    points: Points
    """Readings by monotonic second."""


def regulable(request: LoadRequest) -> bool:
    """Return whether the tool of a test takes a rate."""
    return request.tool in TOOLS or (request.tool.perftest and not request.latency)


class Hold(NamedTuple):
    """The rate that a slot cools for ever; None where no rate was held long enough."""

    bps: float | None
    sensor: str | None = None
    """The hottest one."""
    settles: float | None = None
    """°C that it settles at."""
    full: bool = False
    """It is all that the port carries."""
    held_s: float = 0.0
    burst_bps: float | None = None
    burst_s: float | None = None
    """Seconds that all the port carries can last, from the temperature without load."""

    @property
    def verdict(self) -> str:
        """Return the answer in one sentence."""
        if self.bps is None:
            return f"no rate was held for {HOLD_S:.0f} s, so that none can be told"
        where = "" if self.settles is None else f" ({self.sensor} settles at {self.settles:.0f} °C)"
        if self.full:
            return f"this slot cools all that the port carries, {gbps(self.bps)} Gb/s{where}"
        text = f"this slot cools {gbps(self.bps)} Gb/s for ever"
        if self.burst_bps is not None and self.burst_s is not None:
            text += f" and {gbps(self.burst_bps)} Gb/s for {self.burst_s:.0f} s"
        return text + where

    def document(self) -> dict[str, Any]:
        return {**self._asdict(), "verdict": self.verdict}


@dataclass(slots=True)
class _Model:
    """What is known of one sensor: where it settles at which rate."""

    settled: list[tuple[float, float]] = field(default_factory=list)
    """Rates in bit/s and °C, one for each step."""
    constant: float | None = None
    """Seconds of its approach."""
    coldest: float = math.inf

    def slope(self, most: float) -> float:
        """Return °C for each bit/s: of the steps that lie farthest apart, or since the start."""
        usual = USUAL_SLOPE_C / most
        if not self.settled:
            return usual
        low, high = min(self.settled), max(self.settled)
        # the coldest reading may still have been warm from before, which makes the slope too small
        slope = max((high[1] - self.coldest) / high[0], usual / 20)
        if high[0] - low[0] < 0.05 * most:
            return slope
        return max((high[1] - low[1]) / (high[0] - low[0]), slope)


class HoldController:
    """Decides on the next rate; call `decide` about once a second while a step of load runs."""

    def __init__(self, most: float) -> None:
        """`most`: bit/s that the port can carry."""
        self.rate = FIRST_SHARE * most
        """bit/s that is asked for now."""
        self.holding_since: float | None = None
        self._most = most
        self._began = -math.inf
        self._models: dict[str, _Model] = {}
        self._carried = 0.0
        self._equals: list[tuple[float, float]] = []
        """Seconds while holding, and the rate at which the hottest sensor would be on target."""

    @property
    def full(self) -> bool:
        """Return whether the rate is not limited at all."""
        return self.rate >= self._most

    def begin(self, now: float) -> None:
        """Note that a step begins."""
        self._began = now

    def decide(self, now: float, carried: float | None, sensors: Iterable[Watched]) -> float | None:
        """Return the rate of another step, None while this one goes on.

        `carried` is what this step carries in bit/s, None before anybody knows.
        """
        watched = list(sensors)
        self._carried = carried or self._carried or self.rate
        for one in watched:
            model = self._models.setdefault(one.name, _Model())
            model.coldest = min([model.coldest, *(celsius for _, celsius in one.points[-3:])])
        # a reading from before this step has been acted upon, and says nothing about its rate
        fresh = [one for one in watched if one.points and one.points[-1][0] >= self._began]
        if any(one.points[-1][1] > one.warning - NEAR_C for one in fresh):
            return self._to(max(CUT * min(self.rate, self._carried), 0.0), now)
        if self.holding_since is not None:
            return self._hold(now, watched)
        age = now - self._began
        if age < STEP_S or carried is None:
            return None
        settled = {one.name: self._settles(one, age) for one in watched}
        if any(celsius is None for celsius in settled.values()):
            return None
        for one in watched:
            celsius = settled[one.name]
            if celsius is not None:
                self._models[one.name].settled.append((self._carried, celsius))
        return self._next(now, watched, settled)

    def _settles(self, one: Watched, age: float) -> float | None:
        """Return where a sensor will settle in this step; None while the readings do not tell."""
        step = [(tick, celsius) for tick, celsius in one.points if tick >= self._began]
        if age >= LONGEST_STEP_S:
            return mean(celsius for tick, celsius in step[-8:])
        fit = fit_rise([(tick - self._began, celsius) for tick, celsius in step])
        if fit is None:
            return None
        settles, constant = fit
        model = self._models[one.name]
        model.constant = constant if model.constant is None else model.constant
        return settles

    def _next(
        self, now: float, watched: list[Watched], settled: Mapping[str, float | None]
    ) -> float | None:
        """Return the rate of the next step from what this one has told; begin to hold when near."""
        rates = []
        for one in watched:
            celsius = settled[one.name]
            room = one.warning - UNDER_C - (celsius if celsius is not None else one.warning)
            # not all of it at once: a settling temperature is known to a degree or so
            step = room if room < 0 else CAUTION * room
            rates.append(self._carried + step / self._models[one.name].slope(self._most))
        aim = min(rates, default=self._most)
        steps = max((len(model.settled) for model in self._models.values()), default=0)
        if (self.full and aim >= self._carried) or (
            steps >= 2 and abs(aim - self._carried) < 0.04 * self._most
        ):
            self.holding_since = now
            return None if self.full and aim >= self._carried else self._to(aim, now)
        return self._to(min(aim, MOST_GROWTH * self._carried), now)

    def _to(self, rate: float, now: float) -> float:
        least = LEAST_SHARE * self._most
        # above nine tenths the port is as good as full, and cannot tell it from all
        self.rate = self._most if rate >= 0.97 * self._most else max(rate, least)
        self.begin(now)
        return self.rate

    def _hold(self, now: float, watched: list[Watched]) -> float | None:
        room, slope = self._room(now, watched)
        if room is None:
            return None
        self._equals.append((now, self._carried + room / slope))
        if now - self._began < ADJUST_S:
            return None
        aim = self._carried + SHARE * room / slope
        if self.full and aim >= self._carried:
            return None
        if abs(aim - self.rate) < 0.004 * self._most:
            self._began = now
            return None
        return self._to(aim, now)

    def _room(self, now: float, watched: list[Watched]) -> tuple[float | None, float]:
        """Return °C that the hottest sensor is below its target, and its slope."""
        rooms = []
        for one in watched:
            recent = mean(celsius for tick, celsius in one.points if tick >= now - RECENT_S)
            if recent is not None:
                slope = self._models[one.name].slope(self._most)
                rooms.append((one.warning - UNDER_C - recent, slope))
        if not rooms:
            return None, 1.0
        return min(rooms, key=lambda pair: pair[0] / pair[1])

    def done(self, now: float) -> bool:
        """Return whether the rate was held for long enough."""
        if self.holding_since is None:
            return False
        cold = self.full and all(rate > 1.1 * self._most for _, rate in self._equals[-1:])
        return now - self.holding_since >= (COLD_HOLD_S if cold else HOLD_S)

    def result(self, now: float, sensors: Iterable[Watched]) -> Hold:
        """Return the answer."""
        watched = [one for one in sensors if one.points]
        if self.holding_since is None or not self._equals:
            return Hold(None)
        held = now - self.holding_since
        if not self.done(now):
            return Hold(None, held_s=held)
        bps = mean(rate for _, rate in self._equals) or 0.0
        full = self.full and bps >= self._carried
        hottest = min(watched, key=lambda one: one.warning - one.points[-1][1], default=None)
        settles = None
        if hottest is not None:
            settles = mean(celsius for tick, celsius in hottest.points if tick >= now - ADJUST_S)
        name = hottest.name if hottest else None
        if full:
            return Hold(self._carried, name, settles, True, held)
        burst = min((self._lasts(one, bps) for one in watched), default=math.inf)
        lasting = burst if math.isfinite(burst) else None
        return Hold(bps, name, settles, False, held, self._most, lasting)

    def _lasts(self, one: Watched, held_bps: float) -> float:
        """Return the seconds until all that the port carries would heat a sensor to its limit."""
        model = self._models[one.name]
        slope = model.slope(self._most)
        held = mean(celsius for _, celsius in one.points[-20:]) or 0.0
        idle, top = held - slope * held_bps, held + slope * (self._most - held_bps)
        if top <= one.warning or model.constant is None:
            return math.inf
        if idle >= one.warning:
            return 0.0
        return model.constant * math.log((top - idle) / (top - one.warning))
