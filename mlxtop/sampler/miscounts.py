"""Counters that a load test has proven wrong on a card with its driver, kept in a small file.

What is kept holds as long as kernel and firmware stay the same: an update may mend the counter.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

from mlxtop.model.counters import Miscount
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.json_text import decode, encode
from mlxtop.model.sample import Sample
from mlxtop.system.owner import base_directory, invoking_owner, rights_of
from mlxtop.system.replace_file import open_own, replace_file

NAME = "mlxtop-nic/counters.json"
"""Below XDG_STATE_HOME."""
SCHEMA = 1
MOST = 64
"""Entries at most; the oldest make room."""
READ_LIMIT = 1 << 18
LOOK_S = 10.0
"""Seconds between looks at the file, which may be on a slow network."""


class Place(NamedTuple):
    """What a counter's fault belongs to."""

    driver: str
    device: str
    """Vendor and device of the PCI function, `15b3:1013`."""
    layer: str
    kernel: str
    firmware: str

    @property
    def key(self) -> str:
        return " ".join((self.driver, self.device, self.layer))


def place_of(sample: Sample, port: PortId) -> Place | None:
    """Return the place of a port; None where it is not on a card, or its driver is unknown."""
    now = sample.ports[port]
    card = next((one for one in sample.adapters if one.key == now.port.adapter), None)
    functions = card.functions if card is not None else ()
    function = next((one for one in functions if one.address == now.port.function), None)
    if card is None or function is None or not now.port.driver or now.link.layer is None:
        return None
    return Place(
        now.port.driver,
        f"{function.vendor:04x}:{function.device:04x}",
        str(now.link.layer),
        sample.host.kernel or "",
        card.firmware or "",
    )


class Miscounts:
    """What is known of wrong counters; kept in a file, or for the time of this object alone."""

    def __init__(self, path: str | None = None) -> None:
        """`path` is absolute; without one nothing is read or written."""
        self._path = path
        self._lock = Lock()
        self._entries: dict[str, dict[str, Any]] | None = None
        self._seen: tuple[int, int] | None = None
        self._looked = -LOOK_S
        """Tick of the last look at the file."""

    @classmethod
    def own(cls, environ: Mapping[str, str] = os.environ) -> Miscounts:
        """Return those of the person who asked, also through sudo."""
        base = base_directory("XDG_STATE_HOME", ".local/state", invoking_owner(environ), environ)
        return cls(f"{base}/{NAME}")

    def apply(self, sample: Sample) -> Sample:
        """Return a sample whose ports tell which of their counters are wrong."""
        entries = self._known(sample.tick)
        if not entries:
            return sample
        ports = dict(sample.ports)
        for port, now in sample.ports.items():
            place = place_of(sample, port)
            entry = entries.get(place.key) if place is not None else None
            if place is not None and entry is not None and _holds(entry, place):
                ports[port] = now._replace(miscounts=(_miscount(entry),))
        return sample._replace(ports=ports)

    def learn(self, frame: Frame, port: PortId, miscount: Miscount | None) -> str | None:
        """Keep what a test has found of a port, or that its usual source is right.

        Returns what went wrong with the file.
        """
        place = place_of(frame.sample, port)
        if place is None:
            return None
        with self._lock:
            entries = dict(self._load())
            before = entries.pop(place.key, None)
            if miscount is not None:
                same = {"kernel": place.kernel, "firmware": place.firmware}
                entries[place.key] = {**miscount._asdict(), **same}
            elif before is None:
                return None
            self._entries = dict(list(entries.items())[-MOST:])
            try:
                self._write()
            except OSError as error:
                return f"{self._path} cannot be written: {error.strerror or error}"
        return None

    def _known(self, tick: float) -> dict[str, dict[str, Any]]:
        with self._lock:
            if self._entries is not None and 0 <= tick - self._looked < LOOK_S:
                return self._entries
            self._looked = tick
            return self._load()

    def _load(self) -> dict[str, dict[str, Any]]:
        """Return the entries, read anew where the file has changed."""
        if self._path is None:
            return self._entries or {}
        try:
            status = os.stat(self._path, follow_symlinks=False)
            seen = status.st_mtime_ns, status.st_size
        except OSError:
            self._entries, self._seen = {}, None
            return {}
        if self._entries is None or seen != self._seen:
            self._entries, self._seen = read_entries(self._path), seen
        return self._entries

    def _write(self) -> None:
        if self._path is None:
            return
        owner = invoking_owner()
        with rights_of(owner):
            before = os.stat(self._path) if os.path.exists(self._path) else None
        text = encode({"schema": SCHEMA, "miscounts": self._entries})
        replace_file(self._path, text.encode() + b"\n", owner, before)
        self._seen = None


def read_entries(path: str) -> dict[str, dict[str, Any]]:
    """Return what a file has, without what makes no sense; nothing where it cannot be read."""
    try:
        with open_own(path, invoking_owner()) as file:
            return parse_entries(file.read(READ_LIMIT).decode("utf-8", "replace"))
    except OSError:
        return {}


def parse_entries(text: str) -> dict[str, dict[str, Any]]:
    """Return the entries of a file by driver, device and layer.

    >>> parse_entries('{"schema": 1, "miscounts": {"a": {"source": 1}, "b": 2}}')
    {}
    """
    try:
        whole = decode(text)
    except ValueError:
        return {}
    if not isinstance(whole, dict) or whole.get("schema") != SCHEMA:
        return {}
    entries = whole.get("miscounts")
    if not isinstance(entries, dict):
        return {}
    texts = ("source", "instead", "run", "kernel", "firmware")
    return {
        key: entry
        for key, entry in list(entries.items())[:MOST]
        if isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in texts)
        and isinstance(entry.get("factor"), float | int | None)
    }


def _holds(entry: Mapping[str, Any], place: Place) -> bool:
    return (entry["kernel"], entry["firmware"]) == (place.kernel, place.firmware)


def _miscount(entry: Mapping[str, Any]) -> Miscount:
    factor = entry["factor"]
    return Miscount(
        entry["source"],
        float(factor) if factor is not None else None,
        entry["instead"],
        entry["run"],
    )
