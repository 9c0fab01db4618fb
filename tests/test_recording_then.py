"""A recording in the modes without a screen: what the program would have said then."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlxtop.cli import main
from mlxtop.doctor.inspect import inspect
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.outputs.document import document
from mlxtop.outputs.headless import remembered
from mlxtop.recording.recording import Recording
from mlxtop.recording.then import frames_between, incidents_up_to
from mlxtop.watch.watch import Watch
from tests.recorded import derived, machine, write
from tests.samples import PACU, ethernet, sample

MACHINES = ("faulty", "cx3-hp")


@pytest.fixture(scope="module", params=MACHINES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def path(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp(name) / "a.mlxrec", machine(name))


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    main(list(words))
    return capsys.readouterr().out


def live(name: str, count: int) -> Iterator[Watch]:
    watch = Watch()
    for frame in derived(machine(name)[:count]):
        watch.ingest(frame)
        yield watch


@pytest.mark.parametrize("count", [2, 50, 120])
def test_one_document_is_what_it_was_then(
    name: str, path: Path, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    *_, watch = live(name, count)
    assert watch.frame is not None
    wall = watch.frame.sample.wall
    text = printed(capsys, "--from", str(path), "--at", f"+{count - 1}s", "--once", "--json")
    then = document(watch.frame, True, True, **remembered(watch, watch.events))
    assert json.loads(text) == json.loads(json.dumps(then))
    assert json.loads(text)["time"] == wall


def test_without_a_time_it_is_the_last_sample_with_rates(
    name: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "--from", str(path), "--once")
    assert "REPLAY" in text
    said = json.loads(printed(capsys, "--from", str(path), "--once", "--json"))
    assert said["time"] == machine(name)[-1].wall


def test_the_stream_goes_from_a_time_to_the_end(
    name: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "--from", str(path), "--at", "+100s", "--json-stream")
    times = [json.loads(line)["time"] for line in text.splitlines()]
    assert times == [one.wall for one in machine(name)[101:]]
    text = printed(capsys, "--from", str(path), "--json-stream", "-n", "3")
    assert [json.loads(line)["time"] for line in text.splitlines()] == [
        one.wall for one in machine(name)[1:4]
    ]


def test_tables_are_printed_too(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--from", str(path), "-b", "-n", "2").count("REPLAY") == 2


def test_metrics_are_those_of_the_last_sample_or_of_a_time(
    name: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def received(*words: str) -> set[str]:
        text = printed(capsys, "--from", str(path), *words, "metrics")
        lines = text.splitlines()
        return {one for one in lines if one.startswith("mlxtop_port_bytes_total{")}

    last, then = received(), received("--at", "+60s")
    assert len(last) == len(then) > 0
    assert last != then
    assert main(["--from", str(path), "metrics", "--listen"]) == 1
    assert "--from goes with metrics that are printed" in capsys.readouterr().err


def test_doctor_finds_what_it_would_have_found(
    name: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    observed = frames = derived(machine(name)[-31:])
    incidents = [one for sample in machine(name) for one in sample.incidents]
    ports = tuple(port for port, one in frames[-1].ports.items() if one.now.port.is_mlx)
    names = [frames[-1].ports[port].now.port.name for port in ports]
    report = inspect(frames[-1], ports, incidents, before=observed[0])
    said: dict[str, Any] = json.loads(
        printed(capsys, "--from", str(path), "doctor", *names, "--json")
    )
    assert report.findings
    assert [one["seen"] for one in said["findings"]] == [one.evidence for one in report.findings]
    assert main(["--from", str(path), "doctor", *names]) == report.status
    assert capsys.readouterr().out.startswith("REPLAY ")


def test_incidents_are_those_since_the_start_of_the_machine_up_to_the_frame(
    tmp_path: Path,
) -> None:
    def at(tick: float, wall: float, *texts: str) -> Any:
        incidents = tuple(Incident(IncidentKind.RESET, text, tick=tick) for text in texts)
        one = sample(tick, ethernet(PACU, tick, 0, 0))
        return one._replace(incidents=incidents, wall=one.wall + wall)

    write(tmp_path / "a.mlxrec", (at(5000.0, 0.0, "before the reboot"), at(5001.0, 0.0)))
    later = [at(float(tick), 9000.0, *[f"at {tick}"] * (tick % 3)) for tick in range(8)]
    write(tmp_path / "b.mlxrec", tuple(later))
    both = Recording([tmp_path / "a.mlxrec", tmp_path / "b.mlxrec"])
    *_, frame = frames_between(both, both.begin, later[5].wall)
    assert frame.sample == later[5]
    texts = [one.text for one in incidents_up_to(both, frame)]
    assert texts == ["at 1", "at 2", "at 2", "at 4", "at 5", "at 5"]


def test_incidents_that_two_files_have_count_once(tmp_path: Path) -> None:
    def at(tick: float) -> Any:
        incidents = (Incident(IncidentKind.RESET, f"at {tick:.0f}", tick=tick),)
        return sample(tick, ethernet(PACU, tick, 0, 0))._replace(incidents=incidents)

    write(tmp_path / "a.mlxrec", tuple(at(float(tick)) for tick in range(5)))
    write(tmp_path / "b.mlxrec", tuple(at(float(tick)) for tick in range(3, 8)))
    both = Recording([tmp_path / "a.mlxrec", tmp_path / "b.mlxrec"])
    *_, frame = frames_between(both, both.begin)
    texts = [one.text for one in incidents_up_to(both, frame)]
    assert texts == [f"at {tick}" for tick in range(8)]


@pytest.mark.parametrize(
    ("begin", "end", "there"),
    [
        ((0, -10.0), None, range(120)),
        ((0, 0.0), (5, 0.0), range(6)),
        ((4, 0.5), (6, 0.5), range(4, 7)),
        ((118, 0.0), None, range(118, 120)),
        ((119, 500.0), None, range(119, 120)),
        ((119, 500.0), (119, 600.0), range(119, 120)),
        ((0, -20.0), (0, -10.0), range(1)),
    ],
)
def test_frames_of_a_time_are_those_and_the_one_before(
    name: str,
    path: Path,
    begin: tuple[int, float],
    end: tuple[int, float] | None,
    there: range,
) -> None:
    def wall(place: tuple[int, float]) -> float:
        return machine(name)[place[0]].wall + place[1]

    one = Recording([path])
    frames = frames_between(one, wall(begin), wall(end) if end else None)
    walls = [machine(name)[number].wall for number in there]
    assert [frame.sample.wall for frame in frames] == walls


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--at", "03:10", "--once"], "--at goes with --from"),
        (
            ["--from", "PATH"],
            "--batch, doctor, metrics or rdma",
        ),
        (["--from", "PATH", "runs"], "runs is of this machine"),
        (["--from", "PATH", "--demo", "--once"], "--from goes without"),
        (["--from", "PATH", "--once", "enp1s0"], "--from goes without 'enp1s0'"),
        (["--from", "PATH", "--at", "soon", "--once"], "'soon' is no time"),
        (["--from", "PATH", "--at", "+1d", "--once"], "'+1d' is not in this recording: 20"),
        (["--from", "/nonexistent", "--once"], "/nonexistent: No such file"),
        (["--from", "PATH", "doctor", "--probe", "host"], "of this machine, not of a recording"),
    ],
)
def test_what_cannot_be_said_is_one_line(
    path: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(path) if word == "PATH" else word for word in words]) in (1, 3)
    err = capsys.readouterr().err
    assert why in err
    assert err.count("\n") == 1


def test_what_is_missing_is_told_beside_what_is_there(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = tmp_path / "torn"
    torn.write_bytes(path.read_bytes()[:-200])
    assert main(["--from", str(torn), "--once"]) == 0
    out, err = capsys.readouterr()
    assert "REPLAY" in out
    assert "the end is missing" in err


@pytest.mark.parametrize("form", ["packed", "text"])
def test_a_recording_of_one_sample_is_a_capture_to_root(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "one", machine("faulty")[:1])
    if form == "text":
        path.write_bytes(gzip.decompress(path.read_bytes()))
    for words in (["--once", "--json"], ["--once"], ["doctor", "--json"]):
        shown = printed(capsys, "--root", str(path), *words)
        assert shown
        assert shown == printed(capsys, "--from", str(path), *words)
    assert main(["--root", str(path)]) == 1
    assert "needs a terminal" in capsys.readouterr().err
    assert main(["--root", str(path), "load", "host"]) == 1
    assert "--from goes with doctor, metrics or rdma" in capsys.readouterr().err
    assert main(["--root", str(path), "enp1s0"]) == 1
    assert "no port" in capsys.readouterr().err
