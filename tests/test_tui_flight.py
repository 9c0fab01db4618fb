"""`R` saves what the flight recorder holds and goes on; whatever fails is a notification."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from mlxtop.change.privilege import ActionContext
from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.frame import derive
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording import prepare
from mlxtop.recording.recording import Recording
from mlxtop.recording.target import WrittenFile
from mlxtop.settings import Settings
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.flight import Flight
from tests.recorded import machine, write
from tests.samples import PACU, Samples, ethernet, frame, sample
from tests.test_tui_app import screen_text, told, until


def at(tick: float, module: float = 60.0) -> Sample:
    return sample(tick, ethernet(PACU, tick, 1e9, 1e9, module=module))


@asynccontextmanager
async def flying(
    folder: Path, given: Sequence[Sample], settings: Settings | None = None
) -> AsyncIterator[tuple[MlxtopApp, Pilot[int]]]:
    settings = settings or Settings()
    app = MlxtopApp(Samples(list(given), kind=SourceKind.DEMO), settings)
    app.flight = Flight(ManualClock(), SourceKind.DEMO, 1.0, settings, folder)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.open and app.state.newest is not None)
        await until(pilot, lambda: app.state.newest == app.state.frame)
        yield app, pilot
        app.farewell()


def live_on(app: MlxtopApp, *samples: Sample) -> None:
    """Let samples come as the thread that samples puts them down."""
    for one in samples:
        app.feed._frames.append(derive(one, app.state.newest))
        app.on_frame_arrived()


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mlxrec")) if folder.exists() else []


async def test_a_file_has_the_past_before_the_key_and_what_comes_after(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    whole = machine("pacu", 120)
    async with flying(folder, whole[:100]) as (app, pilot):
        await until(pilot, lambda: app.state.newest is not None)
        assert "REC" not in screen_text(app)
        await pilot.press("R")
        await until(pilot, lambda: "REC 101 s" in screen_text(app))
        live_on(app, *whole[100:])
        await until(pilot, lambda: "REC 2 min" in screen_text(app))
        await pilot.press("R")
        await until(pilot, lambda: told(app, "recorded 2 min"))
        await until(pilot, lambda: "REC" not in screen_text(app).splitlines()[0])
        (path,) = files(folder)
        assert told(app, str(path))
        one = Recording([path])
        assert one.source is SourceKind.DEMO
        assert [moment.sample for moment in one.moments()] == list(whole)
        assert one.problems.all() == []


async def test_after_a_file_the_next_one_has_the_past_too(tmp_path: Path) -> None:
    async with flying(tmp_path / "r", [at(1.0), at(2.0)]) as (app, pilot):
        for count in (1, 2):
            await pilot.press("R")
            await until(pilot, lambda: "REC" in screen_text(app))
            await pilot.press("R")
            await until(pilot, lambda: "REC" not in screen_text(app).splitlines()[0])
            await until(pilot, lambda n=count: len(files(tmp_path / "r")) == n)  # type: ignore[misc]
        for path in files(tmp_path / "r"):
            assert [moment.sample.tick for moment in Recording([path]).moments()] == [1.0, 2.0]


async def test_what_is_recorded_when_the_program_ends_is_whole_and_named(tmp_path: Path) -> None:
    async with flying(tmp_path / "r", [at(1.0), at(2.0)]) as (app, pilot):
        await pilot.press("R")
        await until(pilot, lambda: "REC" in screen_text(app))
    assert app.flight is not None
    (path,) = files(tmp_path / "r")
    assert [moment.sample.tick for moment in Recording([path]).moments()] == [1.0, 2.0]


def test_leaving_names_the_file(tmp_path: Path) -> None:
    flight = Flight(ManualClock(), SourceKind.LIVE, 1.0, Settings(), tmp_path / "r")
    assert flight.close() is None
    flight.take(frame(at(1.0)), ())
    flight.switch()
    assert flight.begin().flush()
    flight.mark(91.0)
    assert flight.close() == f"recorded 90 s: {files(tmp_path / 'r')[0]}"


async def test_a_place_that_cannot_be_written_is_one_notification(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    async with flying(blocked, [at(1.0)]) as (app, pilot):
        await pilot.press("R")
        await until(pilot, lambda: told(app, "recording: "))
        live_on(app, at(2.0), at(3.0))
        await until(pilot, lambda: app.state.newest.sample.tick == 3.0)  # type: ignore[union-attr]
        assert "REC" not in screen_text(app).splitlines()[0]
        app.lookout.tell()
        assert sum("recording: " in one.message for one in app._notifications) == 1
        assert app.is_running


async def test_a_full_disk_ends_the_file_and_is_one_notification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with flying(tmp_path / "r", [at(1.0)]) as (app, pilot):
        await pilot.press("R")
        await until(pilot, lambda: "REC" in screen_text(app))
        with monkeypatch.context() as patch:
            patch.setattr(WrittenFile, "write", full)
            live_on(app, at(2.0), at(3.0))
            await until(pilot, lambda: told(app, "No space left on device"))
        app.lookout.tell()
        assert sum("No space" in one.message for one in app._notifications) == 1
        await until(pilot, lambda: "REC" not in screen_text(app).splitlines()[0])
        await pilot.press("R")  # there is room again
        await until(pilot, lambda: "REC" in screen_text(app).splitlines()[0])


async def test_an_alarm_saves_where_that_is_set(tmp_path: Path) -> None:
    settings = Settings(save_on_alarm=True)
    async with flying(tmp_path / "r", [at(1.0), at(2.0)], settings) as (app, pilot):
        assert app.flight is not None
        app.flight.begin()
        live_on(app, *(at(float(tick), module=90.0) for tick in range(3, 12)))
        await until(pilot, lambda: "REC" in screen_text(app).splitlines()[0])
        await pilot.press("R")  # enough of it
        await until(pilot, lambda: "REC" not in screen_text(app).splitlines()[0])
    (path,) = files(tmp_path / "r")
    ticks = [moment.sample.tick for moment in Recording([path]).moments()]
    assert ticks == [float(tick) for tick in range(1, 12)]


async def test_nothing_is_recorded_where_nothing_is_live(tmp_path: Path) -> None:
    app = MlxtopApp(Samples([at(1.0)], kind=SourceKind.CAPTURED), Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.open)
        await pilot.press("R")
        await until(pilot, lambda: told(app, "cannot be recorded"))


@pytest.mark.slow
async def test_the_cursor_of_a_frozen_picture_reads_what_memory_no_longer_holds(
    tmp_path: Path,
) -> None:
    whole = machine("pacu", 300)
    async with flying(tmp_path / "r", whole) as (app, pilot):
        assert app.flight is not None
        assert app.flight.begin().flush()
        tick = whole[20].tick
        assert app.state.watch.recent.moment(tick) is None
        moment = app.state.watch.past.moment(tick)
        assert moment is not None
        assert moment.frame.sample == whole[20]
        assert app.state.watch.past.reach_s() == whole[-1].tick - whole[0].tick
        await pilot.press("space", *["shift+left"] * 30)
        await until(
            pilot,
            lambda: app.state.frame is not None and app.state.frame.sample.tick < whole[150].tick,
        )


async def test_the_cursor_goes_on_into_the_recordings_of_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    whole = machine("pacu", 300)
    write(folder / "pacu-20260101T000000Z.mlxrec", whole[:200])
    async with flying(folder, whole[250:]) as (app, pilot):
        port = app.state.selected
        assert port is not None
        await pilot.press("space", *["shift+left"] * 12)
        await until(pilot, lambda: app.state.watch.history.oldest(port) == whole[0].tick)
        await pilot.press(*["shift+left"] * 6)
        await until(
            pilot,
            lambda: app.state.frame is not None and app.state.frame.sample.tick < whole[150].tick,
        )
        assert app.state.frame is not None
        assert app.state.frame.sample in whole
        await pilot.press(*["shift+left"] * 20)
        await until(pilot, lambda: told(app, "no recording of this machine reaches further back"))
        await pilot.press("space")
        assert app.state.watch.history.oldest(port) == whole[250].tick


async def test_without_recordings_the_cursor_stays_and_says_why(tmp_path: Path) -> None:
    async with flying(tmp_path / "r", machine("pacu", 300)[250:]) as (app, pilot):
        await pilot.press("space", *["shift+left"] * 12)
        await until(pilot, lambda: told(app, "no recording of this machine reaches further back"))


async def test_a_file_is_looked_through_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[Path | None] = []

    class Noting:
        def __init__(self, *_: object) -> None: ...

        def advance(self, path: Path | None, tick: float) -> None:
            paths.append(path)

    monkeypatch.setattr(prepare, "Preparer", Noting)
    async with flying(tmp_path / "r", [at(1.0), at(2.0)]) as (app, pilot):
        app.context = ActionContext(load_lab("pacu", ManualClock()))
        app.lookout.tell()
        assert paths == []
        await pilot.press("R")
        await until(pilot, lambda: paths[-1:] == files(tmp_path / "r") != [])
        await pilot.press("R")
        await until(pilot, lambda: paths[-1] is None)
