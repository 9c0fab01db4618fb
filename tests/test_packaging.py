"""The wheel and the sdist hold what they must, and install where nothing else and no network is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import mlxtop
from tests.terminal import Terminal

REPOSITORY = Path(mlxtop.__file__).parent.parent
pytestmark = pytest.mark.slow


def pip(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is in the repository, so that building leaves nothing in it."""
    place = tmp_path_factory.mktemp("source") / "mlxtop-nic"
    left_out = shutil.ignore_patterns(
        ".git", ".venv", "*.egg-info", "__pycache__", ".*_cache", "build"
    )
    shutil.copytree(REPOSITORY, place, ignore=left_out)
    return place


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("setuptools")
    place = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "-w", str(place), str(source))
    (found,) = place.glob("mlxtop_nic-*.whl")
    return found


def package_files(source: Path) -> set[str]:
    return {
        str(path.relative_to(source))
        for path in (source / "mlxtop").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(
    wheel: Path, source: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    held = {name for name in names if ".dist-info/" not in name}
    assert held == package_files(source)
    assert {"mlxtop/py.typed", "mlxtop/tui/app.tcss"} <= held
    about = {name.partition(".dist-info/")[2] for name in names - held}
    assert any(name.endswith("LICENSE") for name in about)
    assert {"METADATA", "entry_points.txt"} <= about


def test_the_sdist_holds_the_package_licence_and_readme(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    program = f"import setuptools.build_meta as b; print(b.build_sdist({str(tmp_path)!r}))"
    subprocess.run(
        [sys.executable, "-c", program], cwd=source, check=True, capture_output=True, timeout=120
    )
    (path,) = tmp_path.glob("mlxtop*nic-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert package_files(source) <= names
    assert {"LICENSE", "README.md", "pyproject.toml", "CHANGELOG.md"} <= names
    assert {"tests/conftest.py", "tests/hosts/cx4-x8.txt", "tests/constraints.txt"} <= names


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment, into which only the wheel and what it asks for is put."""
    place = tmp_path_factory.mktemp("installed")
    found = place / "found"
    constraints = str(REPOSITORY / "tests" / "constraints.txt")
    try:
        pip("download", "-q", "-d", str(found), "-c", constraints, str(wheel))
    except AssertionError as error:
        if re.search("connection|resolve|No matching distribution", str(error)):
            pytest.skip(f"its dependencies cannot be had here: {str(error)[-120:]}")
        raise
    subprocess.run([sys.executable, "-m", "venv", str(place / "env")], check=True)
    done = subprocess.run(
        [
            *(place / "env" / "bin" / "python", "-m", "pip", "install", "-q", "--no-index"),
            *("--find-links", found, "mlxtop-nic"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return place / "env" / "bin" / "mlxtop"


def run(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words],
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_is_installed_runs_from_anywhere(installed: Path) -> None:
    about = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert f"mlxtop {about['version']}" in run(installed, "-V").stdout
    for words in (("--demo", "--once"), ("--demo", "doctor"), ("--demo", "list"), ("manual",)):
        done = run(installed, *words)
        assert done.returncode in (0, 1) and done.stdout, done.stderr
        assert "Traceback" not in done.stderr


def test_what_is_installed_shows_its_screen(installed: Path, tmp_path: Path) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    for more in ((), ("--theme", "light")):
        argv = [str(installed), "--demo", *more]
        with Terminal(argv, cwd="/", environ=home) as terminal:
            assert terminal.shows(r"b/s")
            terminal.send("q")
            assert terminal.wait() == 0
