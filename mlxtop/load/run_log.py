"""The run log: one file of JSON lines a run, appended to and never changed.

Every line is one write, so that a run that is killed keeps what it had. Files can be read by
their owner alone; links are not followed. Under sudo they belong to who asked.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from mlxtop.change.log import log_path, private_directory
from mlxtop.load.record import SCHEMA, Run, parse_run
from mlxtop.load.request import LoadPlan
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.json_text import attributes, encode
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.system.owner import STATE, invoking_owner, rights_of
from mlxtop.system.replace_file import open_own

SUFFIX = ".jsonl"
FAR = ".far"
"""After the id of a run: what is of its far end."""
SYNC_S = 10.0
"""Seconds of samples that a loss of power may cost at most."""
READ_LIMIT = 64 << 20
"""Bytes of a record that are read at most."""
HEAD_LIMIT = 1 << 18
"""Bytes of its first line at most."""
MOST = 1000
"""Runs of one second at most."""

_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z(?:-[0-9]{1,3})?")


def own_runs(environ: Mapping[str, str] = os.environ, *, demo: bool = False) -> Path:
    """Return the folder of the runs of the person who asked, also through sudo.

    Those of simulated machines have a folder of their own.
    """
    parent = Path(log_path(invoking_owner(environ), environ)).parent
    return parent / ("demo-runs" if demo else "runs")


class RunWriter:
    """Writes one record. A disk that is full or gone ends the record, never the run."""

    def __init__(self, directory: Path, wall: float, prefix: str = "") -> None:
        """Make the file; its name is the time of the start. Raises OSError."""
        self._lock = Lock()
        self._synced = time.monotonic()
        self.problem: str | None = None
        """Why nothing is recorded any more."""
        name = prefix + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(wall))
        owner = invoking_owner()
        with rights_of(owner):
            if directory.parent.name == STATE:
                private_directory(str(directory.parent), owner.uid)
            private_directory(str(directory), owner.uid)
            self.id, self._fd = _create(directory, name)

    def write(self, kind: str, **values: Any) -> None:
        data = encode({"kind": kind, **values}).encode() + b"\n"
        with self._lock:
            if self.problem is not None or self._fd < 0:
                return
            try:
                while data:
                    data = data[os.write(self._fd, data) :]
                now = time.monotonic()
                if now - self._synced >= SYNC_S:
                    os.fdatasync(self._fd)
                    self._synced = now
            except OSError as error:
                self.problem = f"run log: {error.strerror or error}"

    def begin(self, **values: Any) -> None:
        self.write("run", schema=SCHEMA, id=self.id, **values)

    def close(self) -> None:
        """Bring everything to the disk."""
        with self._lock:
            if self._fd < 0:
                return
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                self.problem = self.problem or f"run log: {error.strerror or error}"
            os.close(self._fd)
            self._fd = -1


def _create(directory: Path, name: str) -> tuple[str, int]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    for number in range(1, MOST):
        unique = name if number == 1 else f"{name}-{number}"
        try:
            return unique, os.open(directory / (unique + SUFFIX), flags, 0o600)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "too many runs in one second", str(directory / name))


def fingerprint(frame: Frame, plan: LoadPlan) -> dict[str, Any]:
    """Return hardware and settings of a run for JSON; unknown is null."""
    assert plan.port is not None
    return {
        **port_fingerprint(frame, plan.port),
        "link_bps": plan.speed,
        "mtu": plan.mtu,
        "tool": str(plan.request.tool),
        "tool_version": plan.tool_version,
    }


def port_fingerprint(frame: Frame, of: PortId) -> dict[str, Any]:
    """Return the hardware and settings of a port and its machine for JSON; unknown is null."""
    port = frame.ports[of].now
    settings, module = port.settings.value, port.module
    status = frame.pcie(of)
    path = status.path if status else PciePath(())
    return {
        **attributes(frame.adapter(of), card="family", part="part", psid="psid"),
        **attributes(frame.adapter(of), firmware="firmware"),
        "driver": port.port.driver,
        "pcie": _pcie(path.links[0] if path.links else None),
        "pcie_limit": _pcie(path.limiting),
        **attributes(path.limiting, pcie_limited_by="device"),
        **attributes(settings and settings.control, mps="mps"),
        "link_layer": str(port.link.layer) if port.link.layer else None,
        "link_bps": port.link.speed,
        "mtu": port.link.mtu,
        **attributes(settings and settings.fec, fec="active"),
        **attributes(settings and settings.rings, rings_rx="rx", rings_tx="tx"),
        **attributes(settings and settings.channels, channels="combined"),
        **attributes(module and module.identity, module_vendor="vendor", module_part="part"),
        "module_serial": mask(module.identity.serial) if module else None,
        **attributes(frame.sample.host, host="name", kernel="kernel", cpu="cpu_model", cpus="cpus"),
    }


def _pcie(link: PcieLink | None) -> str | None:
    return None if link is None or link.mbps is None else f"{link.speed} GT/s x{link.width}"


def mask(serial: str | None) -> str | None:
    """Return a serial number that differs from others and cannot be read.

    >>> mask("MX1234567"), mask("")
    ('MX…#07eb', None)
    """
    serial = (serial or "").strip()
    if not serial:
        return None
    return f"{serial[:2]}…#{hashlib.sha256(serial.encode()).hexdigest()[:4]}"


def list_files(directory: Path) -> list[str]:
    """Return the names of all records in a directory, without their suffix. Raises OSError."""
    try:
        with rights_of(invoking_owner()):
            names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return [name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)]


def list_ids(directory: Path) -> list[str]:
    """Return the runs in a directory, oldest first; files of other names are left out.

    Raises OSError.
    """
    return sorted(filter(_ID.fullmatch, list_files(directory)), key=_order)


def _order(run: str) -> tuple[str, int]:
    name, _, number = run.partition("-")
    return name, int(number or 1)


def find_id(directory: Path, wanted: str) -> str:
    """Return the run that is meant: by its id, the beginning of it, `last`, or `-1` before that.

    Raises ValueError with one line that names the fault.
    """
    ids = list_ids(directory)
    if not ids:
        raise ValueError("no run has been recorded yet")
    if wanted == "last":
        return ids[-1]
    if re.fullmatch(r"-[0-9]{1,4}", wanted):
        back = int(wanted)
        if -back >= len(ids):
            raise ValueError(f"only {len(ids)} runs have been recorded")
        return ids[back - 1]
    if wanted in ids:
        return wanted
    matching = [run for run in ids if run.startswith(wanted)] if wanted else []
    if len(matching) == 1:
        return matching[0]
    why = "more than one run begins" if matching else "no run has an id that begins"
    raise ValueError(f"{why} with {wanted!r}")


def read_text(path: Path) -> str:
    """Return the text of a record. Raises OSError."""
    with open_own(str(path), invoking_owner()) as file:
        return file.read(READ_LIMIT).decode("utf-8", "replace")


def read_head(directory: Path, run: str) -> Run:
    """Return what a record begins with: what was to run, where, and when. Raises OSError."""
    with open_own(str(directory / (run + SUFFIX)), invoking_owner()) as file:
        return parse_run(run, [file.readline(HEAD_LIMIT).decode("utf-8", "replace")])


def read_run(directory: Path, run: str) -> Run:
    """Return a record as far as it can be read. Raises OSError."""
    return parse_run(run, read_text(directory / (run + SUFFIX)).split("\n"))
