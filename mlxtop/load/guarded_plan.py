"""Tests and measurements as they would be run, with the guard of both ends and what it promises."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mlxtop.load.far import FarEnd
from mlxtop.load.guard import HeatGuard
from mlxtop.load.hold import regulable
from mlxtop.load.hold_run import hold_plan
from mlxtop.load.measure import MeasureOptions, MeasurePlan, plan_measure
from mlxtop.load.plan import plan_load
from mlxtop.load.request import LoadOptions, LoadPlan
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.system.door import System
from mlxtop.watch.heat import SensorTrack

Tracks = Mapping[tuple[PortId, str], SensorTrack]
"""What was followed of each sensor so far."""
NOTHING: Mapping[str, float] = MappingProxyType({})


def guarded_load(
    system: System,
    frame: Frame,
    options: LoadOptions,
    plan: LoadPlan,
    far: FarEnd | None,
    *,
    tracks: Tracks,
    starts: Mapping[str, float] = NOTHING,
) -> tuple[LoadPlan, HeatGuard]:
    """Return a planned test with what its guard promises, and the guard, which has seen a frame.

    `starts`: temperatures by a sensor's name that count as those at the start.
    """
    chosen = options.guard._replace(ahead=0.0) if options.hold else options.guard
    guard = HeatGuard.of(plan, chosen, tracks=tracks, starts=starts)
    guard.look(frame)
    if far is not None:
        guard.far = far.guard(chosen)
    plan = plan._replace(guard=guard.promise if plan.members else None)
    if options.hold and not plan.refusals:
        if regulable(options.request):
            limited = options.request._replace(bitrate=plan.expected or 1e9)
            plan = plan._replace(refusals=plan_load(system, frame, limited).refusals)
        plan = hold_plan(plan, guard)
    return plan if far is None else far.serving(plan), guard


def guarded_measure(
    system: System, frame: Frame, options: MeasureOptions, far: FarEnd | None
) -> MeasurePlan:
    """Return a measurement with what its guard promises, refused where nothing can be measured."""
    plan = plan_measure(system, frame, options.request, options.axes, options.change_mtu)
    first = next(iter(plan.possible), None)
    if first is None:
        return plan._replace(refusal=plan.refusal or "nothing of it can be measured here")
    guard = HeatGuard.of(first.plan, options.guard)
    guard.look(frame)
    if far is not None:
        guard.far = far.guard(options.guard)
        plan = far.serving_all(plan)
    return plan._replace(guard=guard.promise, sensors=bool(guard.sensors))
