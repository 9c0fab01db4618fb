"""Two kernels: mlxtop in one reads the other over ssh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ssh_lab import MISSING, SSHD, Far
from tests.vm import REPOSITORY

SECONDS = 600
FAR = """
mkdir -p /run/sshd
{sshd} -f {config} -E /tmp/sshd.log
for i in $(seq {seconds}); do [ -e /tmp/done ] && exit 0; sleep 1; done
"""
NEAR = """
until ping -c 1 -W 1 10.0.4.2 >/dev/null; do sleep 1; done
export HOME={home}
timeout {seconds} $PYTHON -m mlxtop --all -H pacu --json-stream -n 2
ssh -F {home}/.ssh/config -T pacu touch /tmp/done
"""


def lab(number: int, socket: Path, script: str) -> subprocess.Popen[str]:
    """Start a command in one of two joined kernels."""
    folder = os.environ["MLXTOP_LAB"]
    argv = [f"{folder}/lab.sh", "-t", str(SECONDS), "-l", f"{socket}:{number}", "--"]
    return subprocess.Popen(
        [*argv, "bash", "-uc", script],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.vm
@pytest.mark.skipif(MISSING, reason="needs root, ssh and sshd")
def test_one_kernel_reads_the_other_over_ssh(tmp_path: Path) -> None:
    if not os.environ.get("MLXTOP_LAB"):
        pytest.skip("MLXTOP_LAB does not name the folder of lab.sh")
    made = Far(tmp_path, 22022, "10.0.4.2")
    made.prepare(made.with_mlxtop())
    socket = tmp_path / "link"
    far = lab(1, socket, FAR.format(sshd=SSHD, config=made.config, seconds=SECONDS))
    while not socket.exists():  # the second kernel finds its wire only where the first one waits
        assert far.poll() is None, far.communicate()
        time.sleep(0.2)
    near = lab(2, socket, NEAR.format(home=made.home, seconds=SECONDS - 100))
    out, error = near.communicate(timeout=SECONDS + 100)
    assert near.returncode == 0, (error, far.communicate(timeout=60))
    found = [json.loads(line) for line in out.splitlines()]
    names = {(one["machine"], one["host"]["name"]) for one in found}
    assert names == {("local", "fry"), ("pacu", "pacu")}, error
    assert far.wait(60) == 0
