"""Pause counters of both drivers are known, in every spelling."""

from __future__ import annotations

import pytest

from mlxtop.model.catalogue import lookup
from mlxtop.model.counters import Origin, Severity, Unit
from mlxtop.model.pause import GLOBAL_PAUSE, PAUSE_TIME, PFC_PAUSE


@pytest.mark.parametrize("way", ["rx", "tx"])
@pytest.mark.parametrize(
    "key",
    [
        *("_pause", "_pause_transition", "_global_pause", "_global_pause_transition"),
        *("_pause_ctrl_phy", "_pause_prio_3", "_pause_transition_prio_3", "_prio3_pause"),
        "_prio3_pause_transition",
    ],
)
def test_frames_and_stops_are_notes_with_advice(way: str, key: str) -> None:
    counter = lookup(Origin.DRIVER, way + key)
    assert counter is not None
    assert (counter.severity, counter.unit) == (Severity.NOTE, Unit.EVENTS)
    assert counter.advice == (
        "look at the peer" if way == "rx" else "look at PCIe, CPU and buffers"
    )
    assert (counter.number == 3) is ("prio" in key)


@pytest.mark.parametrize("way", ["rx", "tx"])
@pytest.mark.parametrize(
    "key",
    [
        "_pause_duration",
        "_global_pause_duration",
        "_pause_duration_prio_6",
        "_prio6_pause_duration",
    ],
)
def test_durations_are_microseconds_and_no_errors(way: str, key: str) -> None:
    counter = lookup(Origin.DRIVER, way + key)
    assert counter is not None
    assert (counter.severity, counter.unit) == (None, Unit.MICROSECONDS)


def test_every_name_of_a_group_is_in_the_catalogue() -> None:
    for way in ("rx", "tx"):
        for key in (*GLOBAL_PAUSE[way], *PFC_PAUSE[way], *PAUSE_TIME[way]):
            assert lookup(Origin.DRIVER, key.replace("{n}", "0")) is not None, key
