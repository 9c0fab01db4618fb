"""`mlxtop load` with an iperf3 that is missing, hangs, floods, prints escapes or dies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlxtop
from tests import netns
from tests.test_faults_readers import printable
from tests.test_faults_tools import ESCAPES

REPOSITORY = Path(mlxtop.__file__).parent.parent
KNOWS = "--version) echo iperf 3.12;; --help) echo '  --forceflush  force flushing';;"
FAULTS = {
    "hangs": (f"{KNOWS} *) exec sleep 1000;;", "no iperf3 server answers"),
    "hangs before": ("*) exec sleep 1000;;", "iperf3 does not answer"),
    "is killed": (f"{KNOWS} *) kill -9 $$;;", "iperf3 failed and did not say why"),
    "says nothing": (f"{KNOWS} *) exit 0;;", "iperf3 failed and did not say why"),
    "prints 100 MB of lines": (
        f"{KNOWS} *) yes 'a line that means nothing to anybody, not even to iperf3 itself, and is "
        "as long as lines of it are' | head -c 100000000;;",
        "iperf3 failed and did not say why|no iperf3 server answers",
    ),
    "prints a line of 100 MB": (
        f"{KNOWS} *) head -c 100000000 /dev/zero | tr '\\0' x;;",
        "iperf3 failed and did not say why",
    ),
    "prints escapes": (f"{KNOWS} *) printf '{ESCAPES}\\n' >&2; exit 1;;", "red"),
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair() -> Iterator[netns.Pair]:
    if reason := netns.missing():
        pytest.skip(reason)
    if shutil.which("iperf3") is None:
        pytest.skip("iperf3 is not installed")
    with netns.pair() as made:
        yield made


def load(pair: netns.Pair, shim: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """`mlxtop load` where `shim` covers iperf3, in a mount namespace of its own.

    It gets 300 MB of addresses, of which it needs half: who keeps 100 MB of an answer, and the
    text of it, fails.
    """
    cover = 'mount --bind "$0" "$(command -v iperf3)" && ulimit -v 300000 && exec "$@"'
    program = [sys.executable, "-m", "mlxtop", "--all", "load", pair.far_address, "-t", "2"]
    argv = ["unshare", "-m", "sh", "-ec", cover, str(shim), *program]
    return subprocess.run(
        pair.on(pair.near, *argv),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "XDG_STATE_HOME": str(home), "MALLOC_ARENA_MAX": "1"},
        timeout=120,
        check=False,
    )


def nobody_left(pair: netns.Pair) -> bool:
    listed = subprocess.run(["ip", "netns", "pids", pair.near], capture_output=True, check=True)
    return listed.stdout == b""


@pytest.mark.parametrize("fault", FAULTS)
def test_an_iperf3_that_fails_in_any_way_is_one_line_and_leaves_nobody(
    fault: str, pair: netns.Pair, tmp_path: Path
) -> None:
    script, reason = FAULTS[fault]
    shim = tmp_path / "iperf3"
    shim.write_text(f'#!/bin/sh\ncase "$1" in {script} esac\n')
    shim.chmod(0o755)
    done = load(pair, shim, tmp_path)
    said = done.stderr.splitlines()
    assert done.returncode == 1, done
    (why,) = [line for line in said if re.search(reason, line)]
    assert why.startswith("mlxtop: ")
    assert printable(done.stdout + done.stderr)
    assert nobody_left(pair)


def test_an_iperf3_that_is_missing_is_one_line(pair: netns.Pair, tmp_path: Path) -> None:
    shim = tmp_path / "iperf3"
    shim.write_text("")
    done = load(pair, shim, tmp_path)
    assert done.returncode == 1
    assert "iperf3 is not installed" in done.stderr
    assert "Traceback" not in done.stderr
