"""Lays out the package for Debian and has dpkg-deb write it; nothing in it is compiled.

https://www.debian.org/doc/debian-policy/
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import gmtime, strftime

LIBRARY = "usr/lib/mlxtop"
CONTROL = """\
Package: {name}
Version: {version}
Architecture: all
Section: net
Priority: optional
Maintainer: {maintainer}
Installed-Size: {kib}
Depends: python3 (>= 3.11)
Recommends: python3-psutil, libudev1
Suggests: ethtool, iperf3, mstflint, perftest, infiniband-diags, lldpd
Description: terminal monitor for Mellanox/NVIDIA ConnectX adapters
 Shows the throughput of every port with RDMA included, the temperatures of
 module and chip against their limits, what PCIe allows, and why a link is
 slower than its label says. It records, exports metrics for Prometheus, runs
 load tests that stop before a module cooks, and keeps paths between hosts
 alive.
"""
SCRIPTS = {
    "postinst": 'if [ "$1" = configure ]; then\n\tpy3compile -p {name} /usr/lib/mlxtop\nfi',
    "prerm": "py3clean -p {name} /usr/lib/mlxtop",
    "postrm": 'if [ "$1" = remove ]; then\n\techo "What is yours stays: ~/.config/{name},'
    ' ~/.local/state/{name}, ~/.cache/{name}, /var/lib/{name}"\nfi',
}
"""What the maintainer scripts do: byte code is made for the Python that the machine has."""
SCRIPT = "#!/bin/sh\nset -e\n{}\n"
WRAPPER = """\
#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "/usr/lib/mlxtop")
from mlxtop.cli import main

sys.exit(main())
"""
APACHE = "Apache License 2.0, which Debian has in /usr/share/common-licenses/Apache-2.0.\n"
UNITS = {"metrics": "metrics --unit", "record": "record --unit", "path": "path keep --unit"}
"""Name of a systemd unit behind `mlxtop-` to the words that print it."""
PRINTED = {
    "usr/share/man/man1/mlxtop.1.gz": "manual",
    "usr/share/bash-completion/completions/mlxtop": "completion bash",
    "usr/share/zsh/vendor-completions/_mlxtop": "completion zsh",
    "usr/share/fish/vendor_completions.d/mlxtop.fish": "completion fish",
    **{f"usr/lib/systemd/system/mlxtop-{name}.service": words for name, words in UNITS.items()},
}
"""File to the words with which the program prints it. No unit is enabled or started."""


def build(tree: Path, place: Path, package: tuple[str, str], date: int, out: Path) -> None:
    """Write the package of a tree of Python packages.

    `package`: name and version; `date`: seconds since 1970.
    """
    name, version = package
    author = os.environ.get("DEBFULLNAME", "mlxtop developers")
    maintainer = f"{author} <{os.environ.get('DEBEMAIL', 'mlxtop@localhost')}>"
    lay_out(tree, place / LIBRARY)
    doc = place / "usr/share/doc" / name
    write(doc / "copyright", "\n".join(licences(place / LIBRARY)))
    when = strftime("%a, %d %b %Y %T +0000", gmtime(date))
    change = (
        f"{name} ({version}) unstable; urgency=medium\n\n  * {{}}\n\n -- {maintainer}  {when}\n"
    )
    write(doc / "changelog.gz", change.format("What is new is told by the project's CHANGELOG.md."))
    write(place / "usr/bin/mlxtop", WRAPPER, 0o755)
    for path, words in PRINTED.items():
        write(place / path, printed(place, words))
    kib = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) // 1024
    control = CONTROL.format(name=name, version=version, maintainer=maintainer, kib=kib)
    write(place / "DEBIAN/control", control)
    for script, what in SCRIPTS.items():
        write(place / "DEBIAN" / script, SCRIPT.format(what.format(name=name)), 0o755)
    for path in (place, *place.rglob("*")):
        os.utime(path, (date, date))
    dpkg = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", place, out]
    subprocess.run([*map(str, dpkg)], check=True, stdout=subprocess.DEVNULL)


def lay_out(tree: Path, library: Path) -> None:
    """Copy the packages, whose modules are no programs there: no lines that name an interpreter."""
    shutil.copytree(tree, library)
    for path in library.rglob("*.py"):
        if path.read_bytes().startswith(b"#!"):
            path.write_bytes(path.read_bytes().partition(b"\n")[2])


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file, compressed where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    path.chmod(mode)


def printed(place: Path, words: str) -> str:
    """Return what the laid out program prints, as if it were installed."""
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); del sys.argv[0]; {}; main()"
    start = start.format("from mlxtop.cli import main")
    argv = [sys.executable, "-B", "-I", "-X", "utf8", "-c", start]
    argv += [str(place / LIBRARY), str(place / "usr/bin/mlxtop"), *words.split()]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True)
    return done.stdout.replace(str(place), "")


def licences(library: Path) -> Iterator[str]:
    """Move the licences of all that is included out of it; yield them as one text."""
    for about in sorted(library.glob("*.dist-info")):
        name, _, version = about.name.removesuffix(".dist-info").partition("-")
        yield f"# {name} {version}"
        for path in sorted(about.rglob("*")):
            if path.is_file() and path.name.upper().startswith(("LICENSE", "COPYING", "NOTICE")):
                text = path.read_text("utf-8")
                yield APACHE if "www.apache.org/licenses/" in text else text
                path.unlink()
        shutil.rmtree(about / "licenses", ignore_errors=True)
