"""The one file for any Python and the package for Debian: what is in them, and that they run."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mlxtop
from tests.terminal import Terminal

REPOSITORY = Path(mlxtop.__file__).parent.parent
MAINTAINER = {"DEBFULLNAME": "A Builder", "DEBEMAIL": "builder@example.org"}
pytestmark = pytest.mark.slow


def build(out: Path, *words: str) -> Path:
    done = subprocess.run(
        [sys.executable, REPOSITORY / ".ci/package.py", out, *words],
        env={**os.environ, **MAINTAINER, "SOURCE_DATE_EPOCH": "1800000000"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode and "pip" in done.stderr and "No matching distribution" in done.stderr:
        pytest.skip(f"packages cannot be had here: {done.stderr[-120:]}")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    what = ("wheel", "pyz", "deb") if shutil.which("dpkg-deb") else ("wheel", "pyz")
    return build(tmp_path_factory.mktemp("first"), *what)


@pytest.fixture(scope="session")
def archive(built: Path) -> Path:
    return built / "mlxtop.pyz"


@pytest.fixture(scope="session")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not there: no Debian")
    place = tmp_path_factory.mktemp("unpacked")
    (package,) = built.glob("*.deb")
    subprocess.run(["dpkg-deb", "--raw-extract", package, place], check=True)
    return place


def environ(home: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(home), "TMPDIR": str(home)}


def run(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, words)],
        cwd="/",
        env=environ(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_two_builds_are_the_same_bytes(built: Path, tmp_path: Path) -> None:
    again = build(
        tmp_path / "again", *(["pyz", "deb", "wheel"] if list(built.glob("*.deb")) else [])
    )
    for path in again.iterdir():
        assert path.read_bytes() == (built / path.name).read_bytes(), path.name


def test_one_file_runs_and_unpacks_nothing(archive: Path, tmp_path: Path) -> None:
    for words in (["-V"], ["--demo", "--once"], ["--demo", "doctor"], ["metrics", "--rules"]):
        done = run(tmp_path, sys.executable, archive, *words)
        assert done.returncode in (0, 1) and done.stdout, done.stderr
        assert not done.stderr.replace("mlxtop: DEMO, pacu is a simulated machine\n", "")
    assert not list(tmp_path.iterdir())


def test_one_file_says_what_is_missing_and_shows_the_rest(archive: Path, tmp_path: Path) -> None:
    """Isolated from the packages of this environment, psutil is one of those that are not there."""
    done = run(tmp_path, sys.executable, "-I", "-S", archive, "--all", "--once", "-d", "0.2")
    assert "Traceback" not in done.stderr and "ModuleNotFound" not in done.stderr
    assert done.returncode in (0, 1)


def test_one_file_shows_its_screen(archive: Path, tmp_path: Path) -> None:
    with Terminal([sys.executable, str(archive), "--demo"], environ=environ(tmp_path)) as terminal:
        assert terminal.shows(r"b/s")
        terminal.send("q")
        assert terminal.wait() == 0


def test_a_unit_starts_the_file_that_printed_it(archive: Path, tmp_path: Path) -> None:
    unit = run(tmp_path, sys.executable, archive, "metrics", "--unit").stdout
    assert f"ExecStart={sys.executable} {archive} metrics" in unit


def test_one_file_has_byte_code_and_the_source_for_other_pythons(archive: Path) -> None:
    tag = sys.implementation.cache_tag
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
    assert {f"{tag}/mlxtop/cli/modes.pyc", "source/mlxtop/cli/modes.py"} <= names
    assert f"{tag}/mlxtop/tui/app.tcss" in names
    assert not [name for name in names if name.startswith(f"{tag}/") and name.endswith(".py")]
    assert not [name for name in names if "psutil" in name]


def test_one_file_can_send_its_reading_half(archive: Path, tmp_path: Path) -> None:
    tag = sys.implementation.cache_tag
    ask = "import sys; sys.path.insert(0, sys.argv[1]); from mlxtop.hosts import parcel as p; "
    ask += "import io, zipfile; print(*zipfile.ZipFile(io.BytesIO(p.reading_half())).namelist())"
    done = run(tmp_path, sys.executable, "-I", "-c", ask, f"{archive}/{tag}")
    assert {"mlxtop/hosts/agent.py", "mlxtop/system/local.py"} <= set(done.stdout.split())


def test_an_old_python_is_told_in_one_line(archive: Path, tmp_path: Path) -> None:
    old = next(filter(None, map(shutil.which, ("python3.10", "python3.9", "python3.8"))), None)
    if old is None or subprocess.run([old, "-V"], capture_output=True, check=False).returncode:
        pytest.skip("no older Python here")
    done = run(tmp_path, os.path.realpath(old), archive)
    assert done.returncode == 1
    assert done.stderr.startswith("mlxtop: Python 3.11 or newer is needed, this is 3.")


def test_the_package_has_what_belongs_to_a_program(unpacked: Path) -> None:
    share = unpacked / "usr/share"
    assert b"MLXTOP" in gzip.decompress((share / "man/man1/mlxtop.1.gz").read_bytes())
    for path in ("bash-completion/completions/mlxtop", "zsh/vendor-completions/_mlxtop"):
        assert "mlxtop" in (share / path).read_text()
    assert "# textual 8" in (share / "doc/mlxtop-nic/copyright").read_text()
    control = (unpacked / "DEBIAN/control").read_text()
    assert "Depends: python3 (>= 3.11)" in control and "A Builder <builder@example.org>" in control
    for script in ("postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n", unpacked / "DEBIAN" / script], check=True)
    for name in ("metrics", "record", "path"):
        unit = (unpacked / f"usr/lib/systemd/system/mlxtop-{name}.service").read_text()
        assert "\nExecStart=/usr/bin/mlxtop " in unit
        assert str(unpacked) not in unit


def test_the_program_of_the_package_runs(unpacked: Path, tmp_path: Path) -> None:
    wrapper = (unpacked / "usr/bin/mlxtop").read_text()
    program = tmp_path / "mlxtop"
    program.write_text(wrapper.replace("/usr/lib", f"{unpacked}/usr/lib"))
    home = tmp_path / "home"
    home.mkdir()
    done = run(home, sys.executable, "-I", "-B", program, "--demo", "--once")
    assert done.returncode == 0 and "DEMO" in done.stdout
    assert wrapper.startswith("#!/usr/bin/python3 -I\n")


def test_lintian_has_nothing_to_say(built: Path) -> None:
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    (package,) = built.glob("*.deb")
    done = subprocess.run(
        ["lintian", "--allow-root", package], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
