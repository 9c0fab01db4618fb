"""Builds what is installed: the wheel, one file for any Python, and a package for Debian.

    python .ci/package.py [--python PYTHON ...] DIRECTORY [wheel] [pyz] [deb]

Same sources, same bytes: times are the last commit's (https://reproducible-builds.org), and what
is included has the versions of `tests/constraints.txt`. Needs pip, git, and for Debian dpkg-deb.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import gmtime

import debian

SOURCE = Path(__file__).parent.parent
NOT_INCLUDED = ("psutil",)
"""Compiled for one processor, and can be in no archive: the machine's own is used."""
COMPILE = """
import py_compile, sys
for line in sys.stdin:
    path, name = line[:-1].split("\\t")
    py_compile.compile(path, path + "c", name, doraise=True,
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""
START = """
import sys
if sys.version_info < (3, 11):
    sys.exit("mlxtop: Python 3.11 or newer is needed, this is " + sys.version.split()[0])
tag = sys.implementation.cache_tag
sys.path[0] += "/" + (tag if tag in {tags!r} else "source")
from mlxtop.cli import main
raise SystemExit(main())
"""
"""What the archive runs: byte code of this Python where it has it, else the source."""


def main() -> None:
    """Build what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--python", action="append", default=[], help="has its byte code in the pyz"
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("what", nargs="*", choices=("wheel", "pyz", "deb", []), default=["wheel"])
    args = parser.parse_args()
    os.environ["SOURCE_DATE_EPOCH"] = str(date())
    os.umask(0o022)
    args.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        wheel = build_wheel(work / "wheel")
        if "wheel" in args.what:
            shutil.copy(wheel, args.directory)
        if {"pyz", "deb"} & set(args.what):
            tree = include(wheel, work / "tree")
        if "pyz" in args.what:
            build_pyz(tree, args.python or [sys.executable], work, args.directory / "mlxtop.pyz")
        if "deb" in args.what:
            package = "mlxtop-nic", wheel.name.split("-")[1]
            debian.build(tree, work / "deb", package, date(), args.directory)


def date() -> int:
    """Return the time that all files are given, in seconds since 1970."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(told)
    log = ["git", "-C", str(SOURCE), "log", "-1", "--format=%ct"]
    return int(subprocess.run(log, stdout=subprocess.PIPE, check=True).stdout)


def pip(*words: str | Path) -> None:
    """Run pip quietly; raises CalledProcessError."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, *map(str, words)], check=True)


def build_wheel(place: Path) -> Path:
    """Build the wheel from a copy, so that nothing of an older build gets into it."""
    copy = place / "source"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "build", "*.egg-info", "__pycache__", ".*_cache"
    )
    shutil.copytree(SOURCE, copy, ignore=ignored)
    pip("wheel", "--no-deps", "-w", place, copy)
    (wheel,) = place.glob("*.whl")
    return wheel


def include(wheel: Path, tree: Path) -> Path:
    """Lay out the program and all that it imports and that is not compiled."""
    constraints = SOURCE / "tests" / "constraints.txt"
    pip("install", "--no-compile", "--target", tree, "-c", constraints, wheel)
    for path in tree.iterdir():
        if path.name.startswith(NOT_INCLUDED) or path.name in ("bin", "share"):
            shutil.rmtree(path)
    for path in tree.glob("*.dist-info/*"):
        if path.is_file() and path.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
            path.unlink()
    compiled = [path.name for path in tree.rglob("*.so")]
    if compiled:
        raise SystemExit(f"compiled: {compiled}")
    return tree


def files(tree: Path) -> Iterator[Path]:
    """Yield every file, sorted."""
    yield from sorted(path for path in tree.rglob("*") if path.is_file())


# One file for any Python


def build_pyz(tree: Path, pythons: Iterable[str], work: Path, out: Path) -> None:
    """Write an archive that Python runs as it is."""
    tags = {}
    for python in pythons:
        ask = [python, "-c", "import sys; print(sys.implementation.cache_tag)"]
        tag = subprocess.run(ask, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
        tags[tag] = compiled(tree, python, work / tag)
    with out.open("wb") as file:
        file.write(b"#!/usr/bin/env -S python3 -I\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            add(archive, "__main__.py", START.format(tags=sorted(tags)).encode())
            for tag, place in sorted({**tags, "source": tree}.items()):
                for path in files(place):
                    add(archive, f"{tag}/{path.relative_to(place)}", path.read_bytes())
    out.chmod(0o755)


def compiled(tree: Path, python: str, place: Path) -> Path:
    """Return a copy of a tree with byte code in place of source."""
    shutil.copytree(tree, place)
    sources = [path for path in files(place) if path.suffix == ".py"]
    listed = "".join(f"{path}\t{path.relative_to(place)}\n" for path in sources)
    subprocess.run([python, "-I", "-c", COMPILE], input=listed.encode(), check=True)
    for path in sources:
        path.unlink()
    return place


def add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Put a file into an archive with the time of all."""
    info = zipfile.ZipInfo(name, gmtime(date())[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o100644 << 16
    archive.writestr(info, data)


if __name__ == "__main__":
    main()
