"""An alarm saves what was before it, and what comes after; a storm of them is one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxtop.cli import main
from mlxtop.lab import ManualClock
from mlxtop.recording.on_alarm import AFTER_S, HOLD_OFF_S, AlarmSaver
from mlxtop.recording.recorder import Recorder
from mlxtop.recording.recording import Recording
from mlxtop.recording.target import Target
from mlxtop.watch.alert import Alert, AlertKind
from tests.samples import PACU, ethernet, sample


class Flight:
    """A machine whose recorder holds the past, seen every ten seconds."""

    def __init__(self, folder: Path, hold_s: float = 900.0) -> None:
        self.folder = folder / "recordings"
        self.recorder = Recorder(ManualClock(), hold_s=hold_s)
        self.saver = AlarmSaver(self.recorder, Target(directory=self.folder))
        self.tick = 0.0

    def fly(self, until: float, *alarms: float, kind: AlertKind = AlertKind.ALARM) -> None:
        while self.tick < until:
            self.recorder.put(sample(self.tick, ethernet(PACU, self.tick, 1e9, 1e9)))
            assert self.recorder.flush()
            if self.tick in alarms:
                self.saver.note(Alert(kind, PACU, "hot", self.tick))
            self.saver.advance(self.tick)
            assert self.recorder.flush()
            self.tick += 10.0

    def files(self) -> list[tuple[float, float]]:
        """Return first and last tick of each file."""
        self.saver.close()
        spans = []
        for path in sorted(self.folder.iterdir()) if self.folder.exists() else ():
            ticks = [moment.sample.tick for moment in Recording([path]).moments()]
            assert ticks == [ticks[0] + 10.0 * n for n in range(len(ticks))]
            spans.append((ticks[0], ticks[-1]))
        return sorted(spans)


@pytest.fixture
def flight(tmp_path: Path) -> Flight:
    return Flight(tmp_path)


def test_an_alarm_saves_a_quarter_of_an_hour_before_it_and_five_minutes_after(
    flight: Flight,
) -> None:
    flight.fly(4000.0, 2000.0)
    ((first, last),) = flight.files()
    assert 2000.0 - 900.0 - 300.0 <= first <= 2000.0 - 900.0
    assert last == 2000.0 + AFTER_S


def test_without_an_alarm_nothing_is_written(flight: Flight) -> None:
    flight.fly(2000.0)
    assert flight.files() == []


def test_what_is_foretold_saves_nothing(flight: Flight) -> None:
    flight.fly(2000.0, 1000.0, kind=AlertKind.WARMING)
    assert flight.files() == []


def test_a_storm_of_alarms_is_one_file(flight: Flight) -> None:
    flight.fly(4000.0, *(1000.0 + 10.0 * n for n in range(60)))
    ((_, last),) = flight.files()
    assert last == 1590.0 + AFTER_S


@pytest.mark.parametrize(
    ("second", "begins"),
    [(1000.0 + HOLD_OFF_S - 100.0, 1000.0 + HOLD_OFF_S), (1000.0 + HOLD_OFF_S + 100.0, None)],
)
def test_the_next_file_begins_some_time_after_and_loses_nothing(
    flight: Flight, second: float, begins: float | None
) -> None:
    flight.fly(4000.0, 1000.0, second)
    (_, last), (first, end) = flight.files()
    assert last == 1000.0 + AFTER_S
    assert first <= second - 300.0
    assert end == max(second + AFTER_S, begins or 0.0)


def test_a_file_that_somebody_else_began_goes_on(flight: Flight, tmp_path: Path) -> None:
    flight.fly(500.0)
    flight.recorder.write_to(Target(tmp_path / "mine.mlxrec"))
    assert flight.recorder.flush()
    flight.fly(2000.0, 600.0)
    assert flight.files() == []
    ticks = [moment.sample.tick for moment in Recording([tmp_path / "mine.mlxrec"]).moments()]
    assert (ticks[0], ticks[-1]) == (0.0, 1990.0)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("mine")
    flight = Flight(tmp_path)
    flight.fly(1000.0, 500.0)
    assert flight.recorder.problem is not None
    assert "recordings" in flight.recorder.problem


@pytest.mark.parametrize(("setting", "files"), [("1", 1), ("0", 0)])
def test_without_a_screen_an_alarm_saves_too_where_that_is_set(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    files: int,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("MLXTOP_NIC_SAVE_ON_ALARM", setting)
    assert main(["--demo", "faulty", "--json-stream", "-d", "0.1", "-n", "5"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 5
    assert ("an alarm: recording" in err) is bool(files)
    there = list(tmp_path.rglob("faulty-*.mlxrec"))
    assert len(there) == files
    for path in there:
        assert len(list(Recording([path]).moments())) >= 6, "the first sample is in it too"
