"""A run whose rate is regulated: steps of load, one after the other, each with a rate of its own.

Tools take a rate when they start, so that a change is another run of the tool; the far end has to
serve one test after the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlxtop.load.guard import HeatGuard
from mlxtop.load.hold import HoldController, Watched, regulable
from mlxtop.load.outcome import LoadStatus, interval_document
from mlxtop.load.perftest import again
from mlxtop.load.plan import plan_load
from mlxtop.load.processes import LoadStreams, mean_bps
from mlxtop.load.request import LoadPlan
from mlxtop.load.runner import POLL_S, LoadRun
from mlxtop.model.frame import Frame
from mlxtop.model.load import LoadInterval, total

STARTED_S = 3.0
"""Seconds of a step after which its rate means something."""
TRIES = 3
"""Times that a step may fail at its start: the server needs a moment between two tests."""
PAUSE_S = 1.0


def hold_plan(plan: LoadPlan, guard: HeatGuard) -> LoadPlan:
    """Return a plan whose rate can be regulated, or with the reasons why not."""
    request = plan.request
    refusals = list(plan.refusals)
    if not regulable(request):
        refusals.append(
            f"{request.tool} takes no rate: hold by iperf3, or perftest's for bandwidth"
        )
    if request.bitrate or request.amount:
        refusals.append("a rate that is held is found, not asked for: without bitrate and amount")
    if not refusals and not plan.expected:
        refusals.append("what the port can carry is unknown, so that no rate can be chosen")
    if not refusals and guard.blind:
        refusals.append("no temperature sensor can be read that would regulate the rate")
    server = tuple(line.replace(" -1", "").removesuffix(" &") + " &" for line in plan.server)
    server = (*server[:-1], *(line.removesuffix(" &") for line in server[-1:]))
    notes = (*plan.notes, "the rate changes by another run of the tool: the server has to go on")
    if request.tool.perftest:
        server = tuple(map(again, plan.server))
    return plan._replace(refusals=tuple(refusals), server=server, notes=notes)


class HoldRun(LoadRun):
    """Like a load test, with an answer beside its outcome."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._frame: Frame | None = None
        self._controller = HoldController(self._plan.expected or 0.0)

    def frame(self, frame: Frame) -> None:
        self._frame = frame
        super().frame(frame)

    def status(self) -> LoadStatus:
        return super().status()._replace(aim_bps=self._controller.rate)

    def _run_load(self) -> None:
        began = self._system.now()
        until, failures = began + self._plan.request.seconds, 0
        controller = self._controller
        while self._stopping is None and self._system.now() < until:
            if controller.done(self._system.now()):
                break
            plan = self._step_plan(until - self._system.now())
            if plan is None:
                break
            with self._lock:
                self._streams = LoadStreams(self._system, plan)
                self._write("event", text=f"rate {controller.rate / 1e9:.2f} Gb/s")
            failed = self._run_step(until)
            failures = failures + 1 if failed else 0
            if failures >= TRIES:
                break
            if failed:
                self._system.wait(PAUSE_S, self._cancelled)
        self._load = began, self._system.now()
        self._held = controller.result(self._system.now(), self._watched())

    def _step_plan(self, seconds: float) -> LoadPlan | None:
        """Return the plan of a step; None, with the reason kept, where it cannot run any more."""
        request = self._plan.request
        rate = None if self._controller.full else self._controller.rate
        request = request._replace(
            seconds=max(1, round(seconds)), bitrate=rate, streams=self._plan.streams
        )
        assert self._frame is not None
        plan = plan_load(self._system, self._frame, request)
        if plan.refusals:
            with self._lock:
                self._stop(plan.refusals[0])
            return None
        return plan

    def _run_step(self, until: float) -> bool:
        """Run one step until the rate is to be another; return whether it failed at its start."""
        began, count = self._system.now(), 0
        offset = self._intervals[-1].end if self._intervals else 0.0
        self._controller.begin(began)
        self._streams.start()
        if self._stopping is not None:  # between the last look and now
            self._streams.halt()
        while self._streams.running:
            for interval in self._streams.step(POLL_S):
                self._keep(interval, offset)
                count += 1
            now = self._system.now()
            self._stop_for_heat(self._silent())
            if self._streams.halted:
                continue
            rate = self._controller.decide(now, self._carried(count), self._watched())
            if rate is not None or now >= until or self._controller.done(now):
                self._streams.halt()
        return count == 0 and self._streams.error is not None

    def _keep(self, interval: LoadInterval, offset: float) -> None:
        moved = replace(interval, start=interval.start + offset, end=interval.end + offset)
        with self._lock:
            self._intervals.append(moved)
            self._write("interval", **interval_document(moved))
        self._changed()

    def _carried(self, count: int) -> float | None:
        """Return the mean bit/s of this step without its first seconds; None while it is new.

        What a tool without intervals carries is what the ports carry.
        """
        if self._plan.request.tool.perftest:
            frame = self._frame
            flows = self._course.carried(frame) if frame is not None else []
            return total(max(flow.rx_bps or 0.0, flow.tx_bps or 0.0) for flow in flows) or None
        newest = self._intervals[-count:] if count else []
        passed = newest[0].start if newest else 0.0
        settled = [i for i in newest if i.start - passed >= STARTED_S]
        return mean_bps((i.bps, i.seconds) for i in settled)

    def _watched(self) -> list[Watched]:
        points = self._guard.points
        own = {sensor.name for sensor in self._guard.own_sensors}  # the far end's clock is another
        guarding = (sensor for sensor in self._guard.guarding if sensor.name in own)
        return [Watched(s.name, s.limits.warning, points(s.name)) for s in guarding]
