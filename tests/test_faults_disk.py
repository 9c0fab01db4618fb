"""A disk that is full, and directories of state and settings that cannot be written or read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlxtop
from mlxtop.change import revert
from mlxtop.change.log import log_path
from mlxtop.load.run_log import read_run
from mlxtop.system.owner import invoking_owner
from tests.test_revert import Place

REPOSITORY = Path(mlxtop.__file__).parent.parent
PEER = "10.0.0.3"
FULL = "size=4k"
"""A file system of one page, which `mounted` fills."""
READ_ONLY = "ro"
ERRORS = {FULL: "No space left on device", READ_ONLY: "Read-only file system"}


@pytest.fixture(autouse=True, scope="module")
def _mounts() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    argv = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    tried = subprocess.run(argv, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.strip()}")


def mounted(
    directory: Path, options: str, *argv: str, home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program that alone sees another file system on `directory`."""
    fill = f"head -c 4096 /dev/zero >{directory}/fill;" if options == FULL else ""
    script = f'mount -t tmpfs -o {options} none {directory}; {fill} exec "$@"'
    state = str(home or directory)
    return subprocess.run(
        ["unshare", "-m", "sh", "-ec", script, "sh", *argv],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "XDG_STATE_HOME": state, "XDG_CONFIG_HOME": state},
        timeout=60,
        check=False,
    )


def load(directory: Path, options: str) -> subprocess.CompletedProcess[str]:
    words = ["--demo", "load", PEER, "-t", "2", "--interval", "0.1", "--cooldown", "0", "--json"]
    return mounted(directory, options, sys.executable, "-m", "mlxtop", *words)


@pytest.mark.slow
@pytest.mark.parametrize("options", ERRORS)
def test_a_load_runs_without_its_record_and_says_so(options: str, tmp_path: Path) -> None:
    done = load(tmp_path, options)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["ended"] == "complete"
    assert "Traceback" not in done.stderr
    if options == FULL:
        assert outcome["problem"] == f"run log: {ERRORS[options]}"
        return
    (why,) = [line for line in done.stderr.splitlines() if "not recorded" in line]
    assert why.endswith(ERRORS[options])


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_record_and_not_the_load(tmp_path: Path) -> None:
    script = 'cat "$0"/mlxtop-nic/demo-runs/*.jsonl >&2'
    program = [sys.executable, "-m", "mlxtop", "--demo", "load", PEER, "-t", "4"]
    words = [*program, "--interval", "0.1", "--cooldown", "0", "--json"]
    keep = f'"$@"; status=$?; {script}; exit $status'
    done = mounted(tmp_path, "size=8k", "sh", "-c", keep, str(tmp_path), *words)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["ended"] == "complete"
    assert outcome["problem"] == "run log: No space left on device"
    record = "\n".join(line for line in done.stderr.splitlines() if line.startswith("{"))
    (tmp_path / "kept.jsonl").write_text(record)
    assert read_run(tmp_path, "kept").intervals


APPEND = """
from mlxtop.change.log import own_log
import os, sys
log = own_log()
print(log.record(action="first", text="x" * int(sys.argv[1])))
for name in os.listdir(os.environ["XDG_STATE_HOME"]):
    if name == "fill":
        os.unlink(os.path.join(os.environ["XDG_STATE_HOME"], name))
print(log.record(action="second"))
try:
    print([entry["action"] for entry in log.entries()])
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize("options", ERRORS)
def test_an_action_that_cannot_be_logged_is_told_in_a_line(options: str, tmp_path: Path) -> None:
    done = mounted(tmp_path, options, sys.executable, "-c", APPEND, "10")
    first, second, *_ = done.stdout.splitlines()
    path = log_path(invoking_owner(), {"XDG_STATE_HOME": str(tmp_path)})
    assert first == f"the action log {path} cannot be written: {ERRORS[options]}", done.stderr
    assert second == ("None" if options == FULL else first)


def test_an_entry_of_which_a_part_fits_is_told_and_spoils_no_later_one(tmp_path: Path) -> None:
    done = mounted(tmp_path, "size=4k", sys.executable, "-c", APPEND, "9000")
    first, second, entries = done.stdout.splitlines()
    assert first.endswith(ERRORS[FULL]), done.stderr
    assert (second, entries) == ("None", "['second']")


@pytest.mark.parametrize("options", ["nr_inodes=1", READ_ONLY])
def test_a_change_that_could_not_be_taken_back_is_not_begun(options: str, tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.run.mkdir()
    done = mounted(place.run, options, *place.words("1=eth", seconds=30))
    assert done.returncode == 1
    (error,) = json.loads(done.stdout)["errors"]
    reason = ERRORS[READ_ONLY if options == READ_ONLY else FULL]
    assert error.startswith("taking back cannot be prepared: ") and error.endswith(reason)
    assert place.kind() == "ib"


def test_a_change_is_taken_back_though_it_cannot_be_logged(tmp_path: Path) -> None:
    place = Place(tmp_path)
    logs = tmp_path / "logs"
    logs.mkdir()
    place.log = logs / "log.jsonl"
    done = mounted(logs, READ_ONLY, *place.words("1=eth", seconds=60))
    assert json.loads(done.stdout)["errors"] == []
    assert place.kind() == "eth"
    assert revert.say(place.socket, "revert") == "reverted"
    assert place.kind() == "ib"


AS_NOBODY = """
import os
from mlxtop.settings import Settings, load
load({})  # what it imports may lie where nobody may not look
os.makedirs("/mnt/mlxtop-nic")
with open(os.open("/mnt/mlxtop-nic/settings.toml", os.O_CREAT | os.O_WRONLY, 0), "w") as file:
    file.write("all = true")
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
settings, complaints = load({})
print(settings == Settings(), *complaints)
"""


def test_settings_that_may_not_be_read_are_told_and_defaults_used() -> None:
    done = mounted(Path("/mnt"), "mode=755", sys.executable, "-c", AS_NOBODY)
    reason = "True /mnt/mlxtop-nic/settings.toml: Permission denied\n"
    assert done.stdout == reason, done.stderr
