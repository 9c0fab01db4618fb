"""A recording on the screen: its keys do what the key bar says, and going is as playing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mlxtop.lab import ManualClock
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.recording.playback import Playback
from mlxtop.recording.recording import Recording
from mlxtop.recording.survey import played
from mlxtop.report.collect import collect
from mlxtop.settings import Settings
from mlxtop.tui import player
from mlxtop.tui.commands import COMMANDS
from mlxtop.tui.player import Player
from mlxtop.tui.replay import SPEEDS, ReplayApp, TimeDialog
from mlxtop.tui.screens.events import Events
from mlxtop.tui.screens.help import Help
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.screens.pages import Detail
from mlxtop.watch.watch import Watch
from tests.recorded import known, machine, write
from tests.samples import PACU, ethernet, sample
from tests.test_tui_app import screen_text, told, until

COUNT = 120
MACHINE = "faulty"


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """A machine with what its kernel log tells, whenever that is read, and two alarms besides."""
    samples = list(machine(MACHINE, COUNT))
    for number in (20, 60):
        one = samples[number]
        alarm = Incident(IncidentKind.QUEUE, "stuck", tick=one.tick, key=f"queue {number}")
        samples[number] = one._replace(incidents=(*one.incidents, alarm))
    return Recording([write(tmp_path / "a.mlxrec", tuple(samples))])


@asynccontextmanager
async def replaying(
    recording: Recording, at: float | None = None, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[ReplayApp, Pilot[int]]]:
    """The application at a time, when the recording was looked through."""
    app = ReplayApp(recording, Settings(), recording.begin if at is None else at, ManualClock())
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.open and app.player.survey.is_done and settled(app))
        await pilot.pause()
        yield app, pilot


def settled(app: ReplayApp) -> bool:
    return not app.player.busy and not app.player._moves and app.state.frame is not None


async def standing(pilot: Pilot[int], app: ReplayApp, number: int) -> None:
    """Wait until a sample is on the screen."""
    wanted = machine(MACHINE, COUNT)[number].tick
    await until(
        pilot,
        lambda: settled(app) and app.state.frame is not None and tick(app) == wanted,
    )


def tick(app: ReplayApp) -> float:
    assert app.state.frame is not None
    return app.state.frame.sample.tick


def wall(number: int) -> float:
    return machine(MACHINE, COUNT)[number].wall


def linear(recording: Recording, tick_there: float) -> dict[str, object]:
    """Return what linear playback knows at a tick, of the ports that the screen follows too."""
    playback = Playback(recording)
    while playback.step():
        if playback.frame is not None and playback.frame.sample.tick == tick_there:
            return known(playback.watch)
    raise AssertionError(f"no sample of {tick_there}")


async def test_it_is_marked_with_its_date_and_what_it_is_of(recording: Recording) -> None:
    async with replaying(recording) as (app, _):
        header = screen_text(app).splitlines()[0]
        assert "REPLAY 20" in header
        assert "DEMO" in header
        assert MACHINE in header


async def test_samples_minutes_and_ends(recording: Recording) -> None:
    async with replaying(recording) as (app, pilot):
        await standing(pilot, app, 0)
        await pilot.press("full_stop", "full_stop", "full_stop")
        await standing(pilot, app, 3)
        await pilot.press("comma")
        await standing(pilot, app, 2)
        await pilot.press("right_curly_bracket")
        there = next(n for n in range(COUNT - 1) if wall(n + 1) > wall(2) + 60.0)
        await standing(pilot, app, there)
        await pilot.press("left_curly_bracket", "left_curly_bracket", "comma")
        await standing(pilot, app, 0)
        await pilot.press(*["right_curly_bracket"] * 3)
        await standing(pilot, app, COUNT - 1)
        await pilot.press("full_stop")
        await standing(pilot, app, COUNT - 1)


async def test_wherever_one_goes_the_screen_knows_what_linear_playback_knows(
    recording: Recording,
) -> None:
    async with replaying(recording) as (app, pilot):
        for number in (100, 7, 61, 60, 119, 0):
            app._go(wall(number) + 0.2)
            await standing(pilot, app, number)
            assert known(app.state.watch) == linear(recording, tick(app))
            assert app.state.frame == app.state.watch.frame


@pytest.fixture
def _never_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(player, "BUSY_S", 60.0)


@pytest.mark.usefixtures("_never_late")
async def test_it_plays_in_the_time_of_the_clock_and_stands_still(recording: Recording) -> None:
    async with replaying(recording) as (app, pilot):
        player, begin = app.player, recording.begin
        for _ in range(4):
            await pilot.press("plus")
        assert player.speed == 16.0
        player.playing = True  # as Space does, but in steps of this test
        for _ in range(4):
            player.advance(0.5)
        assert player.target == max(w for w in map(wall, range(COUNT)) if w <= begin + 32.0)
        player.playing = False
        assert not player.advance(5.0)
        await pilot.press("space")
        assert player.playing
        await until(pilot, lambda: "▶ 16×" in screen_text(app), player._clock)
        await until(pilot, lambda: tick(app) == machine(MACHINE, COUNT)[-1].tick, player._clock)
        await until(pilot, lambda: not player.playing, player._clock)
        assert "‖ 16×" in screen_text(app)
        assert known(app.state.watch) == linear(recording, tick(app))
        await pilot.press("space")  # from the beginning again
        await until(pilot, lambda: player.playing and player.target < begin + 60.0)


@pytest.mark.usefixtures("_never_late")
def test_playing_is_in_step_at_every_speed(recording: Recording) -> None:
    for speed in SPEEDS:
        player = Player(recording, ManualClock())
        player._playback.step()
        player.speed = speed
        for _ in range(8):
            player.advance(1.0 / speed)
        walls = [w for w in map(wall, range(COUNT)) if w <= recording.begin + 8.0]
        assert player.target == max(walls)


@pytest.mark.parametrize(("gap_s", "waited_s"), [(4.0, 4.0), (5.0, 5.0), (600.0, 5.0)])
def test_a_gap_is_waited_for_five_seconds_at_most(
    tmp_path: Path, gap_s: float, waited_s: float
) -> None:
    ticks = (1.0, 2.0, 2.0 + gap_s)
    samples = tuple(sample(tick, ethernet(PACU, tick, 1e9, 1e9)) for tick in ticks)
    player = Player(Recording([write(tmp_path / "a.mlxrec", samples)]), ManualClock())
    player._playback.step()
    assert player.advance(1.0)
    assert not player.advance(waited_s - 0.1)
    assert player.advance(0.2)
    assert player.target == samples[-1].wall


def test_an_event_that_changes_in_its_place_is_another_one(tmp_path: Path) -> None:
    stuck = Incident(IncidentKind.QUEUE, "stuck", tick=1.0, key="queue 1")
    samples = tuple(
        sample(float(times), ethernet(PACU, float(times), 1e9, 1e9))._replace(
            incidents=(stuck._replace(times=times),)
        )
        for times in (1, 2, 3)
    )
    player = Player(Recording([write(tmp_path / "a.mlxrec", samples)]), ManualClock())
    watch, seen = Watch(), []
    for _, frame in played(player.recording.moments()):
        watch.ingest(frame)
        player.survey._log.follow(watch)
        seen.append([one.cause.lead.incident.times for one in player.numbered_causes()])
    assert seen == [[1], [2], [3]]


async def test_events_have_the_numbers_of_a_report(tmp_path: Path) -> None:
    old = Incident(IncidentKind.QUEUE, "old", tick=100.0, key="1", until=200.0)
    new = Incident(IncidentKind.DRIVER, "new", tick=1002.0)
    ports = (ethernet(PACU, 1000.0 + n, 1e9, 1e9) for n in range(4))
    samples = [sample(1000.0 + n, port) for n, port in enumerate(ports)]
    samples[1] = samples[1]._replace(incidents=(old,))
    samples[2] = samples[2]._replace(incidents=(new,))
    one = Recording([write(tmp_path / "a.mlxrec", tuple(samples))])
    [told_in_report] = collect(one).incidents
    assert (told_in_report.number, told_in_report.cause.lead.incident.text) == (1, "new")
    async with replaying(one) as (app, pilot):
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TimeDialog))
        app.screen.query_one(Input).value = "#1"
        await pilot.press("enter")
        await until(pilot, lambda: settled(app) and tick(app) == 1002.0)


async def test_speeds_end_at_a_quarter_and_at_64(recording: Recording) -> None:
    async with replaying(recording) as (app, pilot):
        await pilot.press(*["minus"] * 4)
        await until(pilot, lambda: "¼×" in screen_text(app))
        await pilot.press(*["plus"] * 12)
        await until(pilot, lambda: "64×" in screen_text(app))


async def test_from_event_to_event_and_back(recording: Recording) -> None:
    async with replaying(recording) as (app, pilot):
        causes = app.player.causes()
        begins = sorted({one.begin for one in causes if one.begin > recording.begin})
        assert len(begins) >= 2
        for begin in begins:
            await pilot.press("right_parenthesis")
            await until(pilot, lambda: settled(app))
            assert app.state.frame is not None
            shown = app.state.frame.sample.wall
            assert shown == min(w for w in map(wall, range(COUNT)) if w >= begin)
            assert not app.player.playing
        await pilot.press("left_parenthesis")
        await until(
            pilot, partial(lambda wanted: settled(app) and app._event == wanted, begins[-2])
        )
        text = causes[[one.begin for one in causes].index(begins[-2])].lead.incident.text
        assert told(app, text[:20])
        await pilot.press(*["left_parenthesis"] * len(begins))
        await until(pilot, lambda: settled(app) and app._event == recording.begin)


async def test_before_the_first_event_and_behind_the_last_there_is_none(
    recording: Recording,
) -> None:
    async with replaying(recording, recording.end) as (app, pilot):
        await pilot.press("right_parenthesis")
        await until(pilot, lambda: told(app, "no later event"))
        app._go(recording.begin - 10.0)
        await standing(pilot, app, 0)
        app._event = app.player.causes()[0].begin
        await pilot.press("left_parenthesis")
        await until(pilot, lambda: told(app, "no earlier event"))


async def test_t_goes_to_a_time_or_says_why_not(recording: Recording) -> None:
    async with replaying(recording) as (app, pilot):
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TimeDialog))
        await until(pilot, lambda: "recorded 20" in screen_text(app))
        await pilot.press(*"nonsense", "enter")
        await until(pilot, lambda: "is no time" in screen_text(app))
        app.screen.query_one(Input).value = "+1h"
        await pilot.press("enter")
        await until(pilot, lambda: "is not in this recording" in screen_text(app))
        app.screen.query_one(Input).value = "+50s"
        await pilot.press("enter")
        await standing(pilot, app, max(n for n in range(COUNT) if wall(n) <= wall(0) + 50.0))
        await pilot.press("t", "escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))


async def test_the_scrubber_has_place_and_events_and_can_be_clicked(recording: Recording) -> None:
    async with replaying(recording) as (app, pilot):
        row = screen_text(app).splitlines()[-2]
        assert "●" in row
        assert any(sign in row for sign in "▴▲·")
        assert "looked through" not in row
        foot = app.screen.query_one("#scrubber")
        drawn = foot._drawn  # type: ignore[attr-defined]
        await pilot.click("#scrubber", offset=(drawn.start + drawn.columns - 1, 0))
        await standing(pilot, app, COUNT - 1)
        await pilot.click("#scrubber", offset=(1, 0))
        await standing(pilot, app, COUNT - 1)


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (200, 60)])
async def test_every_screen_has_the_scrubber_above_the_keys(
    recording: Recording, size: tuple[int, int]
) -> None:
    async with replaying(recording, size=size) as (app, pilot):
        for keys in ((), ("enter",), ("2",), ("escape", "e"), ("escape", "w"), ("w", "d")):
            await pilot.press(*keys)
            await until(pilot, lambda: len(screen_text(app).split("\n")) == size[1])
            lines = screen_text(app).split("\n")
            assert {len(line) for line in lines} == {size[0]}
            if size[1] >= 10:
                assert "‖ 1×" in lines[-2]


async def test_what_would_change_the_machine_does_not_exist(recording: Recording) -> None:
    async with replaying(recording) as (app, pilot):
        gone = [one for one in COMMANDS if one.changes or one.live]
        offered = {one.title for one in app.get_system_commands(app.screen)}
        assert not offered & {one.title for one in gone}
        for key in ("I", "L", "K", "B", "R"):
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(app.screen, Overview)
            assert not app._notifications
        assert app.loads is None
        assert app.paths is None
        assert app.flight is None
        for one in gone:
            name = one.action.removeprefix("app.").partition("(")[0]
            if one.action.startswith("app."):
                assert app.check_action(name, ()) is False, one.id
        await pilot.press("question_mark")
        assert isinstance(app.screen, Help)
        text = "\n".join(str(section) for section in app.screen.sections(100))
        assert "In a recording" in text
        assert "Load test of the port" not in text
        assert "Save the last minutes" not in text


async def test_screens_of_the_live_machine_are_the_same_here(recording: Recording) -> None:
    async with replaying(recording, recording.end) as (app, pilot):
        await pilot.press("enter")
        assert isinstance(app.screen, Detail)
        await pilot.press("escape", "e")
        assert isinstance(app.screen, Events)
        incidents = [event.incident.text for event in app.state.watch.events]
        await until(pilot, lambda: any(text[:30] in screen_text(app) for text in incidents))


async def test_before_it_was_looked_through_it_begins_a_while_before_and_is_refined(
    tmp_path: Path,
) -> None:
    samples = tuple(
        sample(float(tick), ethernet(PACU, tick, 1e9, 1e9)) for tick in range(0, 7200, 10)
    )
    recording = Recording([write(tmp_path / "a.mlxrec", samples)])
    player = Player(recording, ManualClock())
    player._begun = True
    player.go(samples[600].wall)
    player._moves.clear()
    move = player._jobs.get()
    move(player._playback)
    assert not player._playback.is_exact
    player._done = True
    assert player.arrive()
    player.survey.run(player.stop)
    player.arrive()
    player._jobs.get()(player._playback)
    assert player._playback.is_exact
    assert known(player._playback.watch) == linear(recording, samples[600].tick)


async def test_a_first_picture_is_there_before_the_quarter_of_an_hour_is_played(
    tmp_path: Path,
) -> None:
    ticks = range(0, 3600, 10)
    samples = tuple(sample(float(tick), ethernet(PACU, tick, 1e9, 1e9)) for tick in ticks)
    player = Player(Recording([write(tmp_path / "a.mlxrec", samples)]), ManualClock())
    player._begun = True
    player.go(samples[300].wall)
    for is_glance in (True, False):
        player._jobs.get()(player._playback)
        player._done = True
        assert player.arrive()
        assert player.playback is not None
        assert player.playback.moment is not None
        assert player.playback.moment.sample == samples[300]
        assert player.counted is not None
        assert (player.counted > samples[280].wall) is is_glance
        player.go_on()
        assert player.busy is is_glance


async def test_a_file_that_is_gone_ends_it_with_a_line(recording: Recording) -> None:
    async with replaying(recording) as (app, pilot):
        recording.paths[0].unlink()
        app._go(recording.begin + 100.0)
        await until(pilot, lambda: app.error is not None)
        assert isinstance(app.error, FileNotFoundError)
