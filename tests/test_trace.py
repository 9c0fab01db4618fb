"""A recording as a trace: one document, counters by port, times that never jump."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlxtop.model.sample import Sample
from mlxtop.outputs.trace import Trace
from mlxtop.watch.watch import Watch
from tests.recorded import derived, machine

SAMPLES = machine("fry", 90)


def traced(samples: tuple[Sample, ...], monotonic: bool = False) -> dict[str, Any]:
    trace, watch = Trace("fry", monotonic), Watch()
    text = trace.begin()
    for place, frame in enumerate(derived(samples)):
        watch.ingest(frame)
        text += "".join(trace.frame(frame, place == 0))
    text += "".join(trace.incidents(watch.events, samples[-1])) + trace.end()
    found: dict[str, Any] = json.loads(text)
    return found


def counters(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in found["traceEvents"] if one["ph"] == "C" and one["name"] == name]


def test_counters_stand_under_the_name_of_their_port() -> None:
    found = traced(SAMPLES)
    names = {one["pid"]: one["args"]["name"] for one in found["traceEvents"] if one["ph"] == "M"}
    assert names == {1: "fry: incidents", 2: "fry: eno1", 3: "fry: enp67s0np0"}
    sent = [one for one in counters(found, "sent Gb/s") if one["pid"] == 3]
    assert max(one["args"]["value"] for one in sent) == pytest.approx(46.8, abs=0.2)
    heat = counters(found, "module °C")
    assert {one["pid"] for one in heat} == {3}
    assert {one["args"]["value"] for one in counters(found, "link up")} == {1.0}


def test_times_are_microseconds_since_1970_or_of_the_monotonic_clock() -> None:
    wall = counters(traced(SAMPLES), "link up")[0]
    assert wall["ts"] == pytest.approx(SAMPLES[0].wall * 1e6)
    tick = counters(traced(SAMPLES, monotonic=True), "link up")[0]
    assert tick["ts"] == pytest.approx(SAMPLES[0].tick * 1e6)


def test_a_clock_that_is_set_makes_no_jump() -> None:
    jumped = tuple(
        one._replace(wall=one.wall + (3600 if place > 40 else 0))
        for place, one in enumerate(SAMPLES)
    )
    plain, set_ = (counters(traced(one), "link up") for one in (SAMPLES, jumped))
    assert [one["ts"] for one in set_] == [one["ts"] for one in plain]


def test_incidents_begin_and_end() -> None:
    found = [one for one in traced(SAMPLES)["traceEvents"] if one.get("cat") == "incident"]
    begins = {one["id"]: one for one in found if one["ph"] == "b"}
    ends = {one["id"]: one for one in found if one["ph"] == "e"}
    assert begins.keys() == ends.keys()
    assert all(begins[key]["ts"] <= ends[key]["ts"] for key in begins)
    [alarm] = [one for one in begins.values() if "alarm at 80" in one["name"]]
    assert alarm["args"]["severity"] == "critical"
    assert alarm["ts"] == pytest.approx((SAMPLES[0].wall + 53) * 1e6)
