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
from typing import NamedTuple

import pytest

import mlxtop
from tests.terminal import Terminal

REPOSITORY = Path(mlxtop.__file__).parent.parent
ABOUT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
SHARED = {
    "man/man1/mlxtop.1": "manual",
    "bash-completion/completions/mlxtop": "completion bash",
    "zsh/site-functions/_mlxtop": "completion zsh",
    "fish/vendor_completions.d/mlxtop.fish": "completion fish",
}
"""File below `share` to the subcommand that prints it."""
GENERATED = ("man", "bash-completion", "zsh", "fish")
"""Directories below `share` that the build makes; the others are part of the package."""
pytestmark = pytest.mark.slow


def pip(*words: str) -> str:
    """Run pip; what it printed. Skips the test where what it asks for cannot be had."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode and re.search("connection|resolve|No matching distribution", done.stderr):
        pytest.skip(f"packages cannot be had here: {done.stderr[-120:]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


class Built(NamedTuple):
    """What was built, from what, and what the builder printed meanwhile."""

    source: Path
    sdist: Path
    wheel: Path
    output: str


def build(kind: str, source: Path, place: Path, tools: Path) -> tuple[Path, str]:
    """Call a hook of the build backend as installers do, in `source`; what it made."""
    hook = f"import backend, sys; backend.build_{kind}(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", hook, str(place)],
        cwd=source,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tools), ".ci"])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (path,) = place.iterdir()
    return path, done.stdout + done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist of a copy of this repository, and the wheel of what the sdist holds."""
    place = tmp_path_factory.mktemp("built")
    ignored = ("*.egg-info", "__pycache__", "build", "mlxtop-nic", *GENERATED)
    source = place / "mlxtop-nic"
    shutil.copytree(
        REPOSITORY, source, ignore=shutil.ignore_patterns(".git", ".venv", ".*_cache", *ignored)
    )
    pip("install", "-q", "--target", str(place / "tools"), *ABOUT["build-system"]["requires"])
    (place / "sdist").mkdir()
    (place / "wheel").mkdir()
    sdist, said = build("sdist", source, place / "sdist", place / "tools")
    with tarfile.open(sdist) as archive:
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from 3.11.4 on
        archive.extractall(place / "unpacked", **safe)  # type: ignore[arg-type]
    (unpacked,) = (place / "unpacked").iterdir()
    wheel, more = build("wheel", unpacked, place / "wheel", place / "tools")
    return Built(source, sdist, wheel, said + more)


def package_files(source: Path) -> set[str]:
    return {
        str(path.relative_to(source))
        for path in (source / "mlxtop").rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and not any(source / "mlxtop/share" / name in path.parents for name in GENERATED)
    }


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
    held = {name for name in names if not re.match(r"[^/]*\.(dist-info|data)/", name)}
    assert held == package_files(built.source)
    assert {"mlxtop/py.typed", "mlxtop/tui/app.tcss", "mlxtop/share/grafana/mlxtop.json"} <= held
    about = {name.partition(".dist-info/")[2] for name in names - held}
    assert "licenses/LICENSE" in about
    assert {"METADATA", "entry_points.txt"} <= about


def test_the_wheel_holds_the_manual_page_and_completions_as_the_program_prints_them(
    built: Built,
) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        shared = {
            name.partition(".data/data/")[2]: archive.read(name)
            for name in archive.namelist()
            if ".data/" in name
        }
    assert shared == {
        f"share/{path}": subprocess.run(
            [sys.executable, "-m", "mlxtop", *words.split()],
            cwd=REPOSITORY,
            capture_output=True,
            check=True,
        ).stdout
        for path, words in SHARED.items()
    }


def test_the_sdist_holds_the_package_licence_readme_and_tests(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert package_files(built.source) <= names
    assert {f"mlxtop/share/{path}" for path in SHARED} <= names
    assert {"LICENSE", "README.md", "pyproject.toml", "CHANGELOG.md", ".ci/backend.py"} <= names
    assert {"tests/conftest.py", "tests/hosts/cx4-x8.txt", "tests/constraints.txt"} <= names


def test_the_build_warns_of_nothing_deprecated(built: Built) -> None:
    assert not re.search("deprecat", built.output, re.IGNORECASE), built.output


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment, into which only the wheel and what it asks for is put."""
    place = tmp_path_factory.mktemp("installed")
    found = place / "found"
    constraints = str(REPOSITORY / "tests" / "constraints.txt")
    pip("download", "-q", "-d", str(found), "-c", constraints, str(built.wheel))
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
    assert f"mlxtop {mlxtop.__version__} (" in run(installed, "-V").stdout
    for words in (
        *(("--demo", "--once"), ("--demo", "doctor"), ("--demo", "list"), ("manual",)),
        *(("metrics", "--dashboard"), ("metrics", "--rules"), ("metrics", "--unit")),
    ):
        done = run(installed, *words)
        assert done.returncode in (0, 1) and done.stdout, done.stderr
        assert "Traceback" not in done.stderr
    assert (installed.parent.parent / "share/man/man1/mlxtop.1").exists()


def test_what_is_installed_shows_its_screen(installed: Path, tmp_path: Path) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    for more in ((), ("--theme", "light")):
        argv = [str(installed), "--demo", *more]
        with Terminal(argv, cwd="/", environ=home) as terminal:
            assert terminal.shows(r"b/s")
            terminal.send("q")
            assert terminal.wait() == 0
