"""What a session is about to run is told with the guard of both ends."""

from __future__ import annotations

from mlxtop.load.far import FarEnd
from mlxtop.load.guarded_plan import guarded_load, guarded_measure
from mlxtop.load.measure import MeasureOptions
from mlxtop.load.plan import plan_load
from mlxtop.load.request import LoadOptions, LoadRequest
from mlxtop.model.load import Tool

from .load_lab import first_frame, simulated

REQUEST = LoadRequest("10.0.0.3")


def test_the_guard_of_a_test_promises_for_both_ends() -> None:
    system, options = simulated("pacu"), LoadOptions(REQUEST)
    frame = first_frame(system)
    far = FarEnd("fry", first_frame(simulated("fry")), "enp67s0np0")
    bare = plan_load(system, frame, REQUEST)
    alone, _ = guarded_load(system, frame, options, bare, None, tracks={})
    plan, guard = guarded_load(system, frame, options, bare, far, tracks={})
    assert alone.guard == "stops at ASIC 105 °C, module 75 °C, or 15 s before"
    assert plan.guard is not None and "fry module 75 °C" in plan.guard
    assert {one.name for one in guard.sensors} == {"asic", "module", "fry asic", "fry module"}


def test_a_rate_that_is_held_is_not_foreseen_and_needs_a_tool_that_takes_one() -> None:
    system, options = simulated("pacu"), LoadOptions(REQUEST, hold=True)
    frame = first_frame(system)
    bare = plan_load(system, frame, REQUEST)
    plan, guard = guarded_load(system, frame, options, bare, None, tracks={})
    assert guard.options.ahead == 0.0 and plan.refusals == ()
    assert plan.server == ("iperf3 -s -p 5201",)
    latency = options._replace(request=REQUEST._replace(tool=Tool.IB_WRITE_LAT))
    bare = plan_load(system, frame, latency.request)
    plan, _ = guarded_load(system, frame, latency, bare, None, tracks={})
    (refusal,) = plan.refusals
    assert refusal.startswith("ib_write_lat takes no rate: ")


def test_a_measurement_promises_too_and_is_refused_where_nothing_can_be_measured() -> None:
    system = simulated("pacu")
    frame = first_frame(system)
    far = FarEnd("fry", first_frame(simulated("fry")), "enp67s0np0")
    plan = guarded_measure(system, frame, MeasureOptions(REQUEST), far)
    assert plan.guard is not None and "fry module 75 °C" in plan.guard
    assert guarded_measure(system, frame, MeasureOptions(LoadRequest("10.0.0.2")), None).refusal
