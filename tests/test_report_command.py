"""`mlxtop report`: forms, times, masks, the loads that ran, and what it says to bad files."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mlxtop
from mlxtop.cli import main
from mlxtop.load.run_log import RunWriter
from tests.recorded import machine, write

REPOSITORY = Path(mlxtop.__file__).parent.parent
SAMPLES = machine("fry", 120)


@pytest.fixture(scope="module")
def fry(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write(tmp_path_factory.mktemp("fry") / "a.mlxrec", SAMPLES))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "mlxtop-nic"


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["report", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def document(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed(capsys, "--json", *words))
    return found


def test_text_json_and_html_tell_the_same(fry: str, capsys: pytest.CaptureFixture[str]) -> None:
    alarm = "module at 80.0 °C, alarm at 80 °C"
    text, page = printed(capsys, fry), printed(capsys, "--html", fry)
    assert alarm in text and alarm in page
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
    found = document(capsys, fry)
    assert alarm in [one["text"] for one in found["incidents"]]


def test_names_are_masked_unless_told_otherwise(
    fry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("--html", "--json"):
        assert "fry" not in printed(capsys, form, fry).replace(fry, "")
    assert "What happened on host" in printed(capsys, fry)
    assert "What happened on fry" in printed(capsys, "--no-mask", fry)
    assert document(capsys, "--no-mask", fry)["masked"] is False


def test_a_machine_that_is_called_like_a_program_is_masked_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = (one._replace(host=one.host._replace(name="ceph")) for one in SAMPLES[:20])
    path = str(write(tmp_path / "a.mlxrec", tuple(named)))
    assert document(capsys, path)["host"] == "host"
    assert main(["cut", path, str(tmp_path / "b.mlxrec")]) == 0
    assert b"ceph" not in gzip.decompress((tmp_path / "b.mlxrec").read_bytes())


def test_a_part_by_times_and_events(fry: str, capsys: pytest.CaptureFixture[str]) -> None:
    begin = SAMPLES[0].wall
    part = document(capsys, fry, "--since", "+30s", "--until", "end-30s")
    assert (part["since"] - begin, part["until"] - begin) == (30, 89)
    hot = next(one for one in document(capsys, fry)["incidents"] if "alarm at" in one["text"])
    for event in (str(hot["number"]), "alarm at 80"):
        assert document(capsys, fry, "--since", event)["since"] == hot["since"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "nonsense"], "is no time and no event"),
        (["--since", "+60s", "--until", "+30s"], "is before --since"),
        (["--since", "2031-01-01"], "nothing was recorded then: the recording is from"),
        (["--until", "1999-01-01"], "nothing was recorded then"),
        (["--html", "--json"], "exclude each other"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_line(
    fry: str, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", fry, *words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "holds no sample"),
        (b"\x7fELF" + bytes(5000), "holds no sample"),
        (b'{"some": "json"}\n', "holds no sample"),
        (gzip.compress(b'{"other": 1}\n' * 50), "holds no sample"),
        (b'{"mlxrec":1}\n', "holds no sample"),
    ],
    ids=["empty", "binary", "json", "gzip", "head alone"],
)
def test_a_file_of_another_program_is_told(
    data: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    assert main(["report", str(path)]) == 1
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_the_newest_of_ones_own_and_a_folder(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "last"]) == 1
    assert "no recording" in capsys.readouterr().err
    folder = state / "recordings"
    folder.mkdir(parents=True)
    write(folder / "fry-20251009T085322Z.mlxrec", SAMPLES[:60])
    write(folder / "fry-20251009T085422Z.mlxrec", SAMPLES[60:])
    os.utime(folder / "fry-20251009T085322Z.mlxrec", (1, 1))
    assert document(capsys, "last")["samples"] == 60
    whole = document(capsys, str(folder))
    assert whole["samples"] == 120
    assert len(whole["gaps"]) == 1


def test_loads_that_ran_then_on_that_machine_are_told(
    fry: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = SAMPLES[0].wall
    for host, started in (("fry", begin + 20), ("fry", begin - 5000), ("other", begin + 20)):
        writer = RunWriter(state / "demo-runs", started)
        plan = {"tool": "iperf3", "port_name": "enp67s0np0", "target": "pacu.example.org"}
        writer.begin(started=started, note="", host=host, plan=plan, fingerprint={})
        writer.write("interval", start=0, end=30, bps=46e9)
        writer.close()
    found = document(capsys, "--no-mask", fry)
    [load] = found["loads"]
    assert (load["begin"], load["end"]) == (begin + 20, begin + 50)
    assert (load["bps"], load["target"]) == (46e9, "pacu.example.org")
    assert "iperf3 on enp67s0np0 to pacu.example.org: 46.0 Gb/s" in printed(
        capsys, "--no-mask", fry
    )
    masked = printed(capsys, fry)
    assert "iperf3 on enp67s0np0 to host: 46.0 Gb/s" in masked
    assert "pacu" not in masked


def test_a_torn_recording_is_shown_as_far_as_it_goes(
    fry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(fry).read_bytes()
    path = tmp_path / "torn.mlxrec"
    path.write_bytes(data[: len(data) * 2 // 3])
    found = document(capsys, str(path))
    assert 0 < found["samples"] < 120
    assert [text for text in found["problems"] if "the end is missing" in text]


def test_neither_textual_nor_plotext_is_loaded(fry: str) -> None:
    code = (
        "import sys; from mlxtop.cli import main; "
        f"main(['report', '--html', {fry!r}]); "
        "print([m for m in ('textual', 'rich', 'plotext') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.slow
def test_a_recording_that_unpacks_to_gigabytes_needs_little_memory(tmp_path: Path) -> None:
    """A sender can make a line, or a file, of any length."""
    path = tmp_path / "bomb.mlxrec"
    good = Path(write(tmp_path / "good.mlxrec", SAMPLES[:5])).read_bytes()
    part = gzip.compress(b"[" * (1 << 26) + b"\n", 1)
    path.write_bytes(good + part * 24)
    code = f"from mlxtop.cli import main; raise SystemExit(main(['report', {str(path)!r}]))"

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        preexec_fn=bounded,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "5 samples" in done.stdout
    assert "too long for a recording" in done.stdout
