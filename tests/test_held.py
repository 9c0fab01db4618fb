"""What a flight recorder holds is read back as it was."""

from __future__ import annotations

import pytest

from mlxtop.lab import ManualClock
from mlxtop.model.history import HELD_S
from mlxtop.recording.held import HeldPast
from mlxtop.recording.recorder import Recorder
from tests.recorded import derived, machine
from tests.samples import PACU, ethernet, sample


def held(*ticks: float) -> HeldPast:
    recorder = Recorder(ManualClock(), hold_s=3600.0)
    for tick in ticks:
        recorder.put(sample(tick, ethernet(PACU, tick, 1e9 + tick, 1e9)))
        assert recorder.flush()
    return HeldPast(recorder)


def test_every_frame_is_the_one_that_was_shown() -> None:
    recorder = Recorder(ManualClock(), hold_s=900.0)
    for one in machine("fry", 150):
        recorder.put(one)
        assert recorder.flush()
    past = HeldPast(recorder)
    frames = derived(machine("fry", 150))
    for number in (1, 149, 60, 61, 62, 59, 120, 2):
        moment = past.moment(frames[number].sample.tick + 0.3)
        assert moment is not None
        shown = moment.frame
        assert shown.sample == frames[number].sample
        for port, now in frames[number].ports.items():
            assert shown.ports[port].now == now.now
            assert shown.ports[port].before == now.before
    assert past.reach_s() == frames[-1].sample.tick - frames[0].sample.tick


def test_it_reaches_over_the_ends_of_members() -> None:
    past = held(*(float(tick) for tick in range(0, 1000, 10)))
    for tick in (10.0, 290.0, 300.0, 310.0, 600.0, 990.0):
        moment = past.moment(tick + 9.0)
        assert moment is not None
        assert moment.frame.sample.tick == tick
        assert moment.frame.ports[PACU.id].before is not None


@pytest.mark.parametrize(
    ("tick", "found"),
    [(9.9, None), (10.0, None), (12.0, 12.0), (12.0 + HELD_S, 12.0), (12.1 + HELD_S, None)],
)
def test_what_is_not_held_or_has_no_rates_is_nothing(tick: float, found: float | None) -> None:
    moment = held(10.0, 12.0).moment(tick)
    assert (moment.frame.sample.tick if moment else None) == found


def test_nothing_is_held_at_first() -> None:
    past = held()
    assert past.moment(1.0) is None
    assert past.reach_s() == 0.0


def test_sensors_have_the_state_of_their_readings_and_no_forecast() -> None:
    recorder = Recorder(ManualClock(), hold_s=900.0)
    for tick in range(100):
        one = ethernet(PACU, tick, 1e9, 1e9, module=40.0 + tick)
        recorder.put(sample(float(tick), one))
        assert recorder.flush()
    moment = HeldPast(recorder).moment(50.0)
    assert moment is not None
    heat = moment.heat.of(PACU.id, "module")
    assert heat is not None
    assert heat.sensor.celsius == 90.0
    assert heat.forecast is None or heat.forecast.settles is None
