"""`mlxtop record`: as a person starts it, and as systemd does."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import cast

import pytest

import mlxtop
from mlxtop.cli import main
from mlxtop.commands.record import _record
from mlxtop.lab import ManualClock
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.on_alarm import AlarmSaver
from mlxtop.recording.recorder import Recorder
from mlxtop.recording.recording import Recording, open_recording
from mlxtop.recording.target import Target
from mlxtop.sampler.source import Source, frames
from tests.samples import PACU, ethernet, sample

REPOSITORY = Path(mlxtop.__file__).parent.parent
CAPTURE = Path(__file__).parent / "hosts" / "cx4-x8.txt"


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Give the tests their own handlers back: the command takes what ends it."""
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def start(words: Sequence[str], **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlxtop", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, **environ},
    )


@pytest.mark.slow
def test_a_file_has_everything_from_start_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mlxrec"
    assert main(["--demo", "tiny", "-d", "0.1", "record", str(path), "--for", "1s"]) == 0
    one = Recording([path])
    samples = [moment.sample for moment in one.moments()]
    assert one.source is SourceKind.DEMO
    assert (one.interval, one.problems.all()) == (0.1, [])
    assert samples[-1].tick - samples[0].tick >= 1.0
    assert samples[0].host_settings.absent is None, "slow facts are wanted"
    assert f"{len(samples)} samples recorded" in capsys.readouterr().err
    assert main(["--demo", "tiny", "record", str(path), "--for", "1s"]) == 1
    assert "File exists" in capsys.readouterr().err
    assert [moment.sample for moment in Recording([path]).moments()] == samples


def test_without_a_file_it_goes_to_the_folder_of_who_asked(tmp_path: Path) -> None:
    child = start(["--demo", "-d", "0.1", "record", "--json"], XDG_STATE_HOME=str(tmp_path))
    assert child.stderr is not None
    line = child.stderr.readline()
    while "recording into" not in line:
        line = child.stderr.readline()
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    said = json.loads(out)
    one = open_recording(said["file"])
    assert Path(said["file"]).parent == tmp_path / "mlxtop-nic" / "recordings"
    assert Path(said["file"]).name.startswith("pacu-")
    assert said["samples"] == len(list(one.moments()))
    assert (said["dropped"], said["problem"]) == (0, None)


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    words = ["--root", str(CAPTURE), "record", str(folder), "--keep", "7d", "--max-size", "2G"]
    assert main(words) == 0
    assert folder.stat().st_mode & 0o777 == 0o755
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(list(Recording([path]).moments())) == 1


@pytest.mark.slow
def test_a_pipe_gets_the_bytes_of_a_file_and_its_end_is_no_error() -> None:
    child = start(["--demo", "tiny", "-d", "0.1", "record", "-", "--for", "1s"])
    assert child.stdout is not None
    with open(child.stdout.fileno(), "rb", closefd=False) as pipe:
        data = pipe.read()
    child.communicate(timeout=30)
    assert child.returncode == 0
    lines = [json.loads(line) for line in gzip.decompress(data).splitlines()]
    assert [next(iter(line)) for line in lines][:2] == ["mlxrec", "key"]
    assert lines[-1]["why"] == "stopped"
    child = start(["--demo", "tiny", "-d", "0.1", "record", "-"])
    assert child.stdout is not None
    assert os.read(child.stdout.fileno(), 10)
    child.stdout.close()
    assert child.wait(timeout=30) == 0


def test_systemd_is_told_when_it_is_ready_that_it_lives_and_that_it_ends(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(30)
        child = start(
            ["--demo", "tiny", "-d", "0.1", "record", str(tmp_path / "a.mlxrec")],
            NOTIFY_SOCKET=str(tmp_path / "notify"),
            WATCHDOG_USEC="400000",
        )
        first = heard.recv(100)
        there = Recording([tmp_path / "a.mlxrec"])
        beats = [heard.recv(100) for _ in range(3)]
        child.send_signal(signal.SIGTERM)
        last = beats[-1]
        while last == b"WATCHDOG=1":
            last = heard.recv(100)
        child.communicate(timeout=30)
    assert first == b"READY=1\nSTATUS=recording"
    assert list(there.moments()), "what is ready has written its first sample"
    assert beats == [b"WATCHDOG=1"] * 3
    assert last == b"STOPPING=1"
    assert child.returncode == 0


def test_on_alarm_it_writes_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = ["--root", str(CAPTURE), "record", "--on-alarm"]
    assert main(words) == 0
    assert not (tmp_path / "mlxtop-nic").exists()
    assert "0 samples recorded" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "a.mlxrec")]) == 1
    assert "--on-alarm writes into a folder" in capsys.readouterr().err


def test_on_alarm_it_tells_at_once_that_it_cannot_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = Recorder(ManualClock(), hold_s=900.0)

    class Hot:
        def samples(self, stop: Event) -> Iterator[Sample]:
            for tick in map(float, range(1, 6)):
                yield sample(tick, ethernet(PACU, tick, 1e9, 1e9, module=90.0))
                assert recorder.flush()

    (tmp_path / "file").touch()
    saver = AlarmSaver(recorder, Target(directory=tmp_path / "file" / "recordings"))
    stop = Event()
    _record(frames(cast(Source, Hot()), stop), recorder, saver, stop, None)
    recorder.close()
    assert capsys.readouterr().err.count("Not a directory") == 1


@pytest.mark.parametrize("options", [[], ["--keep", "7d"], ["--max-size", "2G", "--on-alarm"]])
def test_a_unit_starts_it_with_the_options_that_were_given(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", "--unit", *options]) == 0
    (line,) = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith("ExecStart=")
    ]
    words = line.split()
    assert main(["--root", str(CAPTURE), *words[words.index("record") :][:1], "--unit"]) == 0
    assert ("--on-alarm" in words) is ("--on-alarm" in options)
    assert ("--keep" in words) is ("--keep" in options)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--for", "soon"], "is no length of time"),
        (["--max-size", "1"], "is no size"),
        (["a.mlxrec", "--keep", "1h"], "are of a folder"),
        (["a.mlxrec", "--unit"], "--unit goes without FILE"),
    ],
)
def test_what_is_not_understood_is_one_line(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", *words]) == 1
    err = capsys.readouterr().err
    assert why in err
    assert err.count("\n") == 1
