"""A recording played is the machine that was recorded, also after going anywhere in it."""

from __future__ import annotations

import gzip
import random
from functools import cache
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest

from mlxtop.lab import MACHINES
from mlxtop.model.catalogue import counters_of
from mlxtop.model.frame import Frame
from mlxtop.model.history import History
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Sample
from mlxtop.recording import survey as survey_module
from mlxtop.recording.moments import WARM_S
from mlxtop.recording.playback import Playback
from mlxtop.recording.recording import Recording
from mlxtop.recording.survey import LongHistory, Survey
from mlxtop.watch.watch import Watch
from tests.recorded import derived, known, machine, write
from tests.samples import PACU, ethernet, sample

COUNT = 120


@cache
def lived(name: str) -> list[dict[str, object]]:
    """Return what the live Watch of a machine knew after every sample."""
    watch, all_known = Watch(), []
    for frame in derived(machine(name, COUNT)):
        watch.ingest(frame)
        all_known.append(known(watch))
    return all_known


def recorded(name: str, folder: Path) -> Recording:
    return Recording([write(folder / "a.mlxrec", machine(name, COUNT))])


@pytest.mark.quick("ceph", "faulty")
@pytest.mark.parametrize("name", MACHINES)
def test_played_it_is_as_it_was_live(name: str, tmp_path: Path) -> None:
    playback = Playback(recorded(name, tmp_path))
    for then in lived(name):
        assert playback.step()
        assert known(playback.watch) == then
    assert not playback.step()
    assert playback.recording.problems.all() == []


@pytest.mark.quick("ceph", "faulty")
@pytest.mark.parametrize("name", MACHINES)
def test_wherever_one_goes_it_is_as_it_was_live(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_module, "EVERY", 17)
    monkeypatch.setattr(survey_module, "COST_S", 1e9)
    one = recorded(name, tmp_path)
    survey = Survey(one)
    survey.run(Event())
    assert survey.is_done
    assert len(survey.checkpoints) == 8
    playback = Playback(one, survey)
    chance = random.Random(name)
    walls = [each.wall for each in machine(name, COUNT)]
    for number in chance.sample(range(COUNT), 12):
        playback.seek(walls[number] + 0.4)
        assert playback.is_exact
        assert known(playback.watch) == lived(name)[number]
        if number + 1 < COUNT:
            assert playback.step()
            assert known(playback.watch) == lived(name)[number + 1]


def test_the_survey_has_every_event_once(tmp_path: Path) -> None:
    survey = Survey(recorded("faulty", tmp_path))
    survey.run(Event())
    events = lived("faulty")[-1]["events"]
    assert isinstance(events, list)
    assert events
    assert sorted(map(str, survey.events)) == sorted(map(str, events))
    assert survey.share == 1.0


def test_a_survey_can_be_stopped_and_is_then_as_far_as_it_came(tmp_path: Path) -> None:
    survey = Survey(recorded("tiny", tmp_path))
    stop = Event()
    stop.set()
    survey.run(stop)
    assert (survey.is_done, survey.share, survey.checkpoints) == (False, 0.0, [])


def at(tick: float) -> Sample:
    return sample(tick, ethernet(PACU, tick, 1e9 + tick, 1e9))


@pytest.fixture
def hours(tmp_path: Path) -> Recording:
    """Ten seconds between samples, and the machine started anew after the first hour."""
    first = tuple(at(float(tick)) for tick in range(0, 3600, 10))
    again = tuple(
        at(float(tick))._replace(wall=at(7200.0 + tick).wall) for tick in range(0, 3600, 10)
    )
    paths = [tmp_path / "a.mlxrec", tmp_path / "b.mlxrec"]
    write(paths[0], first)
    write(paths[1], again)
    return Recording(paths)


def test_the_survey_has_the_events_of_every_start_of_the_machine(tmp_path: Path) -> None:
    def first(wall_s: float) -> tuple[Sample, ...]:
        alarm = Incident(IncidentKind.QUEUE, "stuck", tick=1.0, key="queue 1")
        there = at(2.0)._replace(incidents=(alarm,))
        return tuple(one._replace(wall=one.wall + wall_s) for one in (at(1.0), there))

    paths = [write(tmp_path / "a.mlxrec", first(0.0)), write(tmp_path / "b.mlxrec", first(900.0))]
    survey = Survey(Recording(paths))
    survey.run(Event())
    assert [one.incident.text for one in survey.events] == ["stuck", "stuck"]
    assert survey.events[1].wall - survey.events[0].wall == 900.0


def linear(one: Recording, wall: float) -> Playback:
    playback = Playback(one)
    playback.step()
    while (moment := playback.peek()) is not None and moment.sample.wall <= wall:
        playback.step()
    return playback


@pytest.mark.quick(0.4, 2.01)
@pytest.mark.parametrize("hour", [0.0, 0.01, 0.4, 0.99, 1.5, 2.0, 2.01, 2.7, 9.0])
def test_seeking_gives_what_linear_playback_gives_over_a_restart(
    hours: Recording, hour: float
) -> None:
    survey = Survey(hours)
    survey.run(Event())
    wall = hours.begin + hour * 3600.0
    playback = Playback(hours, survey)
    playback.seek(wall)
    there = linear(hours, wall)
    assert known(playback.watch) == known(there.watch)
    assert (playback.moment, playback.peek()) == (there.moment, there.peek())


@pytest.mark.parametrize("count", [1, 1799, 1800, 1801, 2704, 3599, 3600, 6000])
def test_the_history_of_any_time_is_as_it_was_then(count: int) -> None:
    every, then = LongHistory(), History()
    for number in range(6000):
        values = {"rx": float(number % 7), "tx": None if number % 50 == 0 else 1.0}
        every.append(PACU.id, number * 1.3, values)
        if number < count:
            then.append(PACU.id, number * 1.3, values)
            marks = every.marks()
    there = every.at(marks)
    assert there.first == then.first
    for name in ("rx", "tx"):
        there_is, was = there.series(PACU.id, name), then.series(PACU.id, name)
        assert there_is is not None
        assert was is not None
        for part in ("size", "thinned", "ticks", "values", "old_ticks", "old_values"):
            assert repr(getattr(there_is, part)) == repr(getattr(was, part))


def test_seeking_is_exact_in_recordings_one_after_the_other(tmp_path: Path) -> None:
    """Each has numbers of its own, and the first ends before its second whole sample."""
    first = tuple(at(float(tick)) for tick in range(40))
    second = tuple(at(float(tick)) for tick in range(700, 900, 10))
    parts = [write(tmp_path / "a", first).read_bytes(), write(tmp_path / "b", second).read_bytes()]
    path = tmp_path / "c.mlxrec"
    path.write_bytes(b"".join(parts))
    one = Recording([path])
    survey = Survey(one)
    survey.run(Event())
    playback = Playback(one, survey)
    for seconds in (30.0, 300.0, 0.0, 700.0, 5.0, 888.0, 39.0):
        playback.seek(one.begin + seconds)
        there = linear(one, one.begin + seconds)
        assert known(playback.watch) == known(there.watch)
        assert (playback.moment, playback.peek()) == (there.moment, there.peek())


def test_one_can_go_back_a_sample(hours: Recording) -> None:
    playback = Playback(hours)
    playback.seek(hours.begin + 1000.0)
    before = known(playback.watch)
    playback.step()
    playback.back()
    assert known(playback.watch) == before
    playback.seek(0.0)
    playback.back()
    assert playback.moment is not None
    assert playback.moment.sample.wall == hours.begin


@pytest.mark.parametrize(("seconds", "exact"), [(WARM_S, True), (WARM_S + 10.0, False)])
def test_without_a_survey_one_can_begin_a_quarter_of_an_hour_before(
    hours: Recording, seconds: float, exact: bool
) -> None:
    playback = Playback(hours)
    playback.seek(hours.begin + seconds, exact=False)
    assert playback.is_exact is (exact or hours.find(hours.begin + seconds - WARM_S) == 0)
    assert playback.moment is not None
    assert playback.moment.sample.tick == seconds
    playback.seek(hours.begin + 3000.0, exact=False)
    assert not playback.is_exact
    assert playback.moment.sample.tick == 3000.0
    assert playback.frame is not None
    assert playback.frame.sample == at(3000.0)


def test_for_a_first_picture_only_the_last_seconds_are_played(
    hours: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed: list[float] = []

    def ingest(watch: Watch, frame: Frame) -> None:
        fed.append(frame.sample.tick)
        watch.frame = frame

    monkeypatch.setattr(Watch, "ingest", ingest)
    playback = Playback(hours)
    playback.seek(hours.begin + 3004.0, exact=False, warm_s=20.0)
    assert not playback.is_exact
    assert (fed[0], fed[-1]) == (2880.0, 3000.0)


def test_where_the_survey_has_not_come_it_is_played_from_there(hours: Recording) -> None:
    survey = Survey(hours)
    survey.run(Event())
    del survey.checkpoints[1:]
    playback = Playback(hours, survey)
    playback.seek(hours.begin + 3000.0)
    assert playback.is_exact
    assert known(playback.watch) == known(linear(hours, hours.begin + 3000.0).watch)


@pytest.mark.parametrize("seconds", [398.0, 400.0, 405.0, 421.0, 445.0])
def test_behind_a_gap_the_verdicts_are_those_of_before_it(
    seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_module, "EVERY", 10)
    ticks = (*range(100), *range(400, 450))
    path = write(tmp_path / "a.mlxrec", tuple(at(float(tick)) for tick in ticks))
    one = Recording([path])
    survey = Survey(one)
    survey.run(Event())
    playback = Playback(one, survey)
    playback.seek(one.begin + seconds)
    assert playback.watch.verdicts.all()
    assert known(playback.watch) == known(linear(one, one.begin + seconds).watch)


def test_a_machine_without_ports_has_checkpoints_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_module, "EVERY", 20)
    samples = tuple(at(float(tick))._replace(ports={}) for tick in range(200))
    one = Recording([write(tmp_path / "a.mlxrec", samples)])
    survey = Survey(one)
    survey.run(Event())
    fed: list[float] = []
    ingest = Watch.ingest

    def counted(watch: Watch, frame: Frame) -> object:
        fed.append(frame.sample.tick)
        return ingest(watch, frame)

    monkeypatch.setattr(Watch, "ingest", counted)
    Playback(one, survey).seek(one.begin + 190.0)
    assert len(fed) <= 40
    assert fed[-1] == 190.0


def test_checkpoints_are_bounded_in_memory(
    hours: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_module, "EVERY", 10)
    monkeypatch.setattr(survey_module, "MOST_BYTES", 50_000)
    survey = Survey(hours)
    survey.run(Event())
    assert sum(len(one.watch) for one in survey.checkpoints) <= 50_000
    playback = Playback(hours, survey)
    playback.seek(hours.begin + 3000.0)
    assert known(playback.watch) == known(linear(hours, hours.begin + 3000.0).watch)


@pytest.mark.quick("ceph", "faulty")
@pytest.mark.parametrize("name", MACHINES)
def test_with_a_hundredth_of_the_lines_lost_there_are_only_gaps(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mlxrec", machine(name, COUNT))
    chance = random.Random(name)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    lost = {chance.randrange(1, len(lines)), chance.randrange(1, len(lines))}
    path.write_bytes(gzip.compress(b"".join(x for n, x in enumerate(lines) if n not in lost)))
    one = Recording([path])
    whole = list(machine(name, COUNT))
    there = [(moment, moment.sample) for moment in one.moments()]
    assert all(sample == whole[moment.number] for moment, sample in there)
    playback = Playback(one)
    while playback.step():
        moment, frame = playback.moment, playback.frame
        assert moment is not None
        assert frame is not None
        assert frame.sample == whole[moment.number]
        assert all(
            one.rate(counter) is None or (one.rate(counter) or 0) >= 0
            for one in frame.ports.values()
            for origin, reading in one.now.readings.items()
            for counter in counters_of(origin, reading.schema)
        )
    numbers = [moment.number for moment, _ in there]
    jumps = [b for a, b in pairwise(numbers) if b != a + 1]
    assert [moment.number for moment, _ in there if moment.gap] == jumps
