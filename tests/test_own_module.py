"""Modules of ours run as programs, also from an archive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import mlxtop
from mlxtop.system import supervisor
from mlxtop.system.own_module import alone

PACKAGE = Path(mlxtop.__file__).parent
ASK = """import sys, json; sys.path.insert(0, sys.argv[1])
import mlxtop.system.supervisor; from mlxtop.system.own_module import alone
print(json.dumps(alone("mlxtop.system.supervisor")))"""


def run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


def echo(words: list[str]) -> str:
    return run(*words, "tree", str(os.getpid()), "/bin/echo", "it runs")


def test_a_module_in_a_directory_is_run_by_its_file() -> None:
    words = alone(supervisor.__name__)
    assert words == [sys.executable, "-I", "-S", supervisor.__file__]
    assert echo(words) == "it runs\n"


def test_a_module_in_an_archive_is_run_too(tmp_path: Path) -> None:
    archive = tmp_path / "it's an archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in [*PACKAGE.glob("*.py"), *PACKAGE.glob("system/*.py")]:
            file.write(path, f"below/mlxtop/{path.relative_to(PACKAGE)}")
    words = json.loads(run(sys.executable, "-I", "-S", "-c", ASK, f"{archive}/below"))
    assert words[-1] == f"{archive}/below"
    assert echo(words) == "it runs\n"


def test_a_module_in_memory_is_run_by_its_source(tmp_path: Path) -> None:
    archive = tmp_path / "sent.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in [*PACKAGE.glob("*.py"), *PACKAGE.glob("system/*.py")]:
            file.write(path, f"mlxtop/{path.relative_to(PACKAGE)}")
    with archive.open("rb") as sent:
        fd = str(sent.fileno())
        argv = [sys.executable, "-I", "-S", "-c", ASK, f"/proc/self/fd/{fd}"]
        told = subprocess.run(
            argv, capture_output=True, text=True, check=True, pass_fds=[int(fd)], timeout=60
        )
    words = json.loads(told.stdout)
    assert words[3] == "-c" and "def supervise(" in words[4]
    assert echo(words) == "it runs\n"
