"""The run log survives whatever ends a run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlxtop.load.run_log import RunWriter, find_id, list_ids, own_runs, read_head, read_run

WALL = 1_795_158_435.0


def recorded(directory: Path, count: int = 3) -> str:
    writer = RunWriter(directory, WALL)
    writer.begin(started=WALL, note="before the fan", host="pacu", plan={}, fingerprint={})
    for second in range(count):
        writer.write("interval", start=second, end=second + 1, bps=1e9 * (second + 1))
    writer.write("end", ended="complete", result={"received_bps": 2e9})
    writer.close()
    return writer.id


def test_a_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    run = read_run(tmp_path, recorded(tmp_path))
    assert (run.id, run.note, run.host, run.started) == (
        "20261120T070715Z",
        "before the fan",
        "pacu",
        WALL,
    )
    assert [line["bps"] for line in run.intervals] == [1e9, 2e9, 3e9]
    assert (run.ended, run.rate, run.damaged) == ("complete", 2e9, 0)


def test_what_a_run_begins_with_can_be_read_alone(tmp_path: Path) -> None:
    name = recorded(tmp_path)
    whole = read_run(tmp_path, name)
    head = read_head(tmp_path, name)
    assert whole.intervals and not head.intervals
    assert (head.started, head.host, head.plan) == (whole.started, whole.host, whole.plan)
    (tmp_path / f"{name}.jsonl").write_bytes(b"")
    assert read_head(tmp_path, name).host is None


def test_runs_of_the_same_second_have_names_of_their_own(tmp_path: Path) -> None:
    names = [recorded(tmp_path) for _ in range(11)]
    assert len(set(names)) == 11
    assert list_ids(tmp_path) == names, "oldest first, by number and not by letter"


def test_only_the_owner_can_read_a_record(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "runs"
    name = recorded(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / f"{name}.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_link_in_the_place_of_a_record_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "20261120T070715Z.jsonl").symlink_to(victim)
    assert recorded(tmp_path) == "20261120T070715Z-2"
    assert victim.read_text() == "precious"
    with pytest.raises(OSError, match="symbolic"):
        read_run(tmp_path, "20261120T070715Z")


def test_every_cut_leaves_the_samples_before_it(tmp_path: Path) -> None:
    path = tmp_path / f"{recorded(tmp_path, 20)}.jsonl"
    data = path.read_bytes()
    rates = [1e9 * (n + 1) for n in range(20)]
    for cut in random.Random(7).sample(range(len(data)), 60):
        path.write_bytes(data[:cut])
        run = read_run(tmp_path, path.stem)
        kept = [line["bps"] for line in run.intervals]
        assert kept == rates[: len(kept)]
        whole = data[:cut].count(b"\n")
        assert len(kept) >= min(max(whole - 1, 0), 20)
        assert run.damaged <= 1


def test_a_killed_writer_loses_no_line_that_it_had_told(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from mlxtop.load.run_log import RunWriter\n"
        "w = RunWriter(pathlib.Path(sys.argv[1]), 0.0); w.begin(note='x')\n"
        "n = 0\n"
        "while True:\n"
        "    w.write('interval', bps=n); print(n, flush=True); n += 1\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    told = -1
    while told < 500:
        told = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    told = max([told, *(int(line) for line in child.stdout.read().split())])
    child.wait()
    run = read_run(tmp_path, "19700101T000000Z")
    kept = [line["bps"] for line in run.intervals]
    assert kept == list(range(len(kept)))
    assert len(kept) > told
    assert run.ended == "cut off: mlxtop was killed"


def test_a_full_disk_ends_the_record_and_not_the_run(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, WALL)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._fd)
    os.close(full)
    writer.write("interval", bps=1)
    writer.write("interval", bps=2)
    assert writer.problem == "run log: No space left on device"
    writer.close()


def test_a_run_is_found_by_what_people_type(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no run"):
        find_id(tmp_path, "last")
    names = [recorded(tmp_path) for _ in range(3)]
    assert find_id(tmp_path, "last") == names[2]
    assert find_id(tmp_path, "-1") == names[1]
    assert find_id(tmp_path, names[1]) == names[1]
    for wrong in ("-3", "20261120", "2027", "", "../../etc/passwd"):
        with pytest.raises(ValueError):
            find_id(tmp_path, wrong)


def test_runs_lie_with_who_asked() -> None:
    assert own_runs({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/mlxtop-nic/runs")
    assert str(own_runs({"HOME": "/h"})) == "/h/.local/state/mlxtop-nic/runs"


def test_samples_reach_the_disk_every_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, synced = [100.0], list[int]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(os, "fdatasync", synced.append)
    writer = RunWriter(tmp_path, WALL)
    for seconds, times in ((9.9, 0), (10.0, 1), (19.9, 1), (20.0, 2)):
        now[0] = 100.0 + seconds
        writer.write("interval", bps=1)
        assert len(synced) == times
    writer.close()
