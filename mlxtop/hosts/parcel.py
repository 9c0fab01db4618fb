"""The reading half of the program as a zip, for machines that have only Python.

It goes through ssh's input into the memory of a `python3 -c`, which imports it from there; nothing
is kept on the far side's disk. https://docs.python.org/3/library/zipimport.html
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

PACKAGES = ("model", "system", "sources", "sampler")
MODULES = (
    *("__init__.py", "hosts/__init__.py", "hosts/agent.py", "hosts/serve.py"),
    *("recording/__init__.py", "recording/lines.py"),
)
PYTHON = (3, 11)
"""The oldest Python that we run on."""

_LOADER = """\
import os,sys
fd,left=os.memfd_create("mlxtop"),int(f.readline())
while left:
    data=f.read(min(left,65536))
    if not data:sys.exit(1)
    left-=len(data)
    while data:data=data[os.write(fd,data):]
sys.path.insert(0,"/proc/self/fd/%d"%fd)
from mlxtop.hosts.agent import main
sys.exit(main({words!r},f))
"""


def program(words: list[str]) -> tuple[str, bytes]:
    """Return a program for `python3 -I -c`, and the text that it first reads from its input."""
    loader = _LOADER.format(words=words).encode()
    return f'import sys;f=open(0,"rb",closefd=False);exec(f.read({len(loader)}))', loader


def parcel(loader: bytes) -> bytes:
    """Return all that such a program reads: how it loads us, and the reading half."""
    data = reading_half()
    return loader + b"%d\n" % len(data) + data


@cache
def reading_half() -> bytes:
    """Return the zip."""
    top = _sources_of_ours()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in MODULES:
            archive.writestr(f"mlxtop/{name}", top.joinpath(name).read_bytes())
        for package in PACKAGES:
            for name, file in _sources(top.joinpath(package), package):
                archive.writestr(f"mlxtop/{name}", file.read_bytes())
    return buffer.getvalue()


def _sources_of_ours() -> Traversable:
    """Return the package as source; an archive with byte code has it beside that."""
    top = files("mlxtop")
    if isinstance(top, zipfile.Path) and not top.joinpath("__init__.py").is_file():
        return zipfile.Path(top.root, "source/mlxtop/")
    return top


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    for one in sorted(folder.iterdir(), key=lambda file: file.name):
        inner = f"{name}/{one.name}"
        if one.is_dir() and one.name != "__pycache__":
            yield from _sources(one, inner)
        elif one.name.endswith(".py"):
            yield inner, one
