"""`mlxtop cut`: a part of a recording in a file of its own, masked."""

from __future__ import annotations

import errno
import gzip
import os
import stat
from pathlib import Path

import pytest

from mlxtop.cli import main
from mlxtop.recording.recording import open_recording
from tests.recorded import machine, write

SAMPLES = machine("fry", 120)


@pytest.fixture(scope="module")
def fry(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write(tmp_path_factory.mktemp("fry") / "a.mlxrec", SAMPLES))


def test_a_part_is_a_recording_without_names(
    fry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "b.mlxrec"
    assert main(["cut", fry, "--since", "+30s", "--until", "+60s", str(out)]) == 0
    assert "31 samples" in capsys.readouterr().err
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    found = open_recording(str(out))
    assert [moment.sample.tick for moment in found.moments()] == [
        one.tick for one in SAMPLES if 30 <= one.wall - SAMPLES[0].wall <= 60
    ]
    assert found.problems.all() == []
    assert b"fry" not in gzip.decompress(out.read_bytes())
    assert main(["report", str(out)]) == 0


def test_names_stay_where_that_is_asked_for(fry: str, tmp_path: Path) -> None:
    out = tmp_path / "b.mlxrec"
    assert main(["cut", "--no-mask", fry, str(out)]) == 0
    found = open_recording(str(out))
    assert found.host == "fry"
    assert tuple(moment.sample for moment in found.moments()) == SAMPLES


def test_a_file_that_exists_is_never_written(
    fry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "b.mlxrec"
    out.write_text("precious")
    assert main(["cut", fry, str(out)]) == 1
    assert main(["cut", fry, fry]) == 1
    assert out.read_text() == "precious"
    assert open_recording(fry).end == SAMPLES[-1].wall
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    assert main(["cut", fry, str(link)]) == 1
    assert not (tmp_path / "target").exists()
    assert capsys.readouterr().err.count("\n") == 3


def test_nothing_is_left_of_what_could_not_be_written(
    fry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("mlxtop.commands.cut.cut", full)
    out = tmp_path / "b.mlxrec"
    assert main(["cut", fry, str(out)]) == 1
    assert f"{out}: No space left on device" in capsys.readouterr().err
    assert not out.exists()


def test_a_time_without_samples_makes_no_file(
    fry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "b.mlxrec"
    for since, until in (("2031-01-01", "2032-01-01"), ("+30.2s", "+30.4s")):
        assert main(["cut", fry, "--since", since, "--until", until, str(out)]) == 1
        assert "nothing was recorded" in capsys.readouterr().err
        assert not out.exists()
