"""Debian 13's iperf3 (3.18, with threads and --json-stream) beside this system's own.

Its packages are fetched from the mirror that apt uses here, with a state of apt's own, unpacked
into a folder and run by the C library that came with them; nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

SUITE = "trixie"
PACKAGES = ("iperf3", "libiperf0", "libc6", "libssl3t64", "libsctp1", "libzstd1", "zlib1g")
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


def _run(argv: Sequence[str], folder: Path, seconds: float = 120.0) -> str:
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, cwd=folder, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{argv[0]} did not end within {seconds:.0f} s")
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()
        pytest.skip(f"Debian 13's iperf3 cannot be fetched: {reason[-1] if reason else argv}")
    return done.stdout


def _mirror(folder: Path) -> str:
    fields = "$(SITE)|$(RELEASE)|$(COMPONENT)"
    listed = _run(
        ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"], folder
    ).splitlines()
    for line in listed:
        site, release, component = line.split("|")
        if component == "main" and "-" not in release and "debian" in site:
            return site
    pytest.skip("apt has no Debian mirror here")


def fetch(folder: Path) -> Path:
    """The unpacked iperf3: a script that runs it. Skips, with the reason, where there is none."""
    for needed in ("apt-get", "dpkg-deb"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    if os.uname().machine != "x86_64":
        pytest.skip("the packages are for amd64")
    if not Path(KEYS).exists():
        pytest.skip(f"no {KEYS}")
    for part in ("state/lists/partial", "cache/archives/partial", "debs", "root"):
        (folder / part).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYS}] {_mirror(folder)} {SUITE} main\n")
    private = {
        "Dir::State": folder / "state",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-qq", *(word for k, v in private.items() for word in ("-o", f"{k}={v}"))]
    _run([*apt, "update"], folder)
    _run([*apt, "download", *PACKAGES], folder / "debs")
    for package in sorted((folder / "debs").glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(folder / "root")], folder)
    libraries = folder / "root/usr/lib/x86_64-linux-gnu"
    script = folder / "iperf3"
    script.write_text(
        f'#!/bin/sh\nexec "{libraries}/ld-linux-x86-64.so.2" --library-path "{libraries}" '
        f'"{folder}/root/usr/bin/iperf3" "$@"\n'
    )
    script.chmod(0o755)
    _run([str(script), "--version"], folder)
    return script
