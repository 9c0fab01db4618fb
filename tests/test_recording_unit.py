"""The systemd unit that records: systemd understands it, and it may do little."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlxtop.recording.unit import NAME, Rights, unit

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def written(folder: Path, rights: Rights, *arguments: str) -> Path:
    path = folder / NAME
    path.write_text(unit([sys.executable, "-m", "mlxtop"], arguments, rights))
    return path


@needs_systemd
@pytest.mark.parametrize("rights", Rights)
def test_systemd_understands_it(tmp_path: Path, rights: Rights) -> None:
    path = written(tmp_path, rights, "--keep", "7d", "--max-size", "2G")
    assert ANALYZE is not None
    done = subprocess.run(
        [ANALYZE, "verify", str(path)], capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if NAME in line and "man mlxtop" not in line]
    assert lines == []


@needs_systemd
@pytest.mark.parametrize(("rights", "most"), [(Rights.DYNAMIC, 2.5), (Rights.ROOT, 4.0)])
def test_it_may_do_little(tmp_path: Path, rights: Rights, most: float) -> None:
    path = written(tmp_path, rights)
    assert ANALYZE is not None
    done = subprocess.run(
        [ANALYZE, "security", "--offline=yes", "--no-pager", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    match = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    if match is None:
        pytest.skip(f"this systemd does not judge files: {done.stderr.strip()[:80]}")
    assert float(match[1]) <= most


@needs_systemd
def test_it_reaches_the_peers_of_the_settings_and_nobody_else(tmp_path: Path) -> None:
    bare = unit(["/usr/bin/mlxtop"], [], Rights.DYNAMIC)
    assert "IPAddressAllow" not in bare and "XDG_CONFIG_HOME" not in bare
    text = unit([sys.executable], [], Rights.DYNAMIC, ["10.15.15.2", "fd15::3"])
    assert "IPAddressAllow=10.15.15.2 fd15::3\n" in text
    assert "IPAddressDeny=any\n" in text
    assert "Environment=XDG_CONFIG_HOME=/etc\n" in text
    (tmp_path / NAME).write_text(text)
    assert ANALYZE is not None
    done = subprocess.run(
        [ANALYZE, "verify", str(tmp_path / NAME)], capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if NAME in line and "man mlxtop" not in line]
    assert lines == []


def test_it_says_what_it_cannot_read_and_why() -> None:
    text = unit(["/usr/bin/mlxtop"], [], Rights.DYNAMIC)
    assert "DynamicUser=yes" in text
    assert "Environment=XDG_CACHE_HOME=/var/cache/private\n" in text
    assert "Not read so" in text
    assert "mlxtop record --unit root" in text
    root = unit(["/usr/bin/mlxtop"], [], Rights.ROOT)
    assert "DynamicUser" not in root
    assert "Runs as root, since" in root


def test_a_program_below_a_home_can_be_started() -> None:
    assert "ProtectHome=yes" in unit(["/usr/bin/mlxtop"], [], Rights.DYNAMIC)
    text = unit(["/home/me/my env/bin/mlxtop"], ["--keep", "50%"], Rights.DYNAMIC)
    assert "ProtectHome=read-only" in text
    assert 'ExecStart="/home/me/my env/bin/mlxtop" record /var/lib/mlxtop-nic --keep 50%%' in text
