"""A change that acts at once and is taken back unless somebody says to keep it: our end of it.

On a real machine a program of its own waits (`revert`); in a simulated one, which has no terminal
to lose, a thread does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from threading import Lock, Timer
from typing import Protocol

from mlxtop.change import privilege, revert
from mlxtop.change.log import ActionLog
from mlxtop.change.plan import PCI_DEVICES, Switch
from mlxtop.change.privilege import Access
from mlxtop.sources.kernel.sysfs import names
from mlxtop.system.door import Finished, System


class PendingChange(Protocol):
    """Somebody who waits to hear whether a change is to be kept."""

    def left(self) -> float:
        """Seconds until it is taken back; 0 when that has begun."""

    def keep(self) -> bool:
        """Keep the change; False when it was too late."""

    def take_back(self) -> bool:
        """Take it back now; False when that did not work out."""


class SocketKeeper:
    """The program that waits on this machine."""

    def __init__(self, path: str, seconds: float) -> None:
        self._path = path
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """By our own clock, which started a little later."""
        return max(0.0, self._end - time.monotonic())

    def keep(self) -> bool:
        """Say so, and believe only the answer."""
        return revert.say(self._path, "keep") == "kept"

    def take_back(self) -> bool:
        """Say so, and believe only the answer."""
        return revert.say(self._path, "revert") == "reverted"


def waiting(system: System) -> dict[str, PendingChange]:
    """The changes of this machine that wait to be kept, by the PCI address of their card."""
    found: dict[str, PendingChange] = {}
    for name in names(system, revert.RUN):
        device = name.removeprefix(revert.PREFIX)
        path = f"{revert.RUN}/{name}"
        left = revert.say(path, "state") if device != name else None
        if left is not None:
            found[device] = SocketKeeper(path, parse_seconds(left))
    return found


def parse_seconds(text: str) -> float:
    """The answer to `state`; 0 for what is no number.

    >>> parse_seconds("12.5"), parse_seconds("soon")
    (12.5, 0.0)
    """
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0


class SimulatedKeeper:
    """A timer of this program, for machines that have no terminal to lose."""

    def __init__(self, system: System, step: Switch) -> None:
        self._system = system
        self._step = step
        self._end = time.monotonic() + step.seconds
        self._lock = Lock()
        self._done: str | None = None
        self._timer = Timer(step.seconds, self.take_back)
        self._timer.daemon = True
        self._timer.start()

    def left(self) -> float:
        """Real seconds: the person who is to answer is real."""
        return max(0.0, self._end - time.monotonic())

    def keep(self) -> bool:
        """Nobody takes it back any more."""
        with self._lock:
            self._done = self._done or "kept"
            self._timer.cancel()
            return self._done == "kept"

    def take_back(self) -> bool:
        """Write the old types."""
        with self._lock:
            if self._done is None:
                self._done = "reverted"
                self._timer.cancel()
                write_types(self._system, self._step.device, dict(self._step.before))
            return self._done == "reverted"


def write_types(system: System, device: str, types: Mapping[int, str]) -> list[str]:
    """Write `mlx4_portN` of a simulated machine; what went wrong."""
    errors = []
    for port, kind in types.items():
        try:
            system.write(f"{PCI_DEVICES}/{device}/mlx4_port{port}", f"{kind}\n".encode())
        except OSError as error:
            errors.append(f"port {port}: {kind}: {error.strerror}")
    return errors


def switch_words(step: Switch, log: ActionLog) -> tuple[str, ...]:
    """The command that arms the timer and writes the types, in one."""
    owner = log.owner
    return (
        *(sys.executable, "-I", "-S", revert.__file__, step.device),
        *(f"{port}={kind}" for port, kind in step.types),
        *("--seconds", str(step.seconds), "--owner", str(owner.uid), str(owner.gid)),
        *("--home", owner.home, "--log", log.path),
    )


def switch(
    system: System,
    step: Switch,
    rights: Access,
    log: ActionLog | None,
    locks: Sequence[str] = (),
) -> tuple[PendingChange | None, list[str]]:
    """Arm, write, compare: who waits to hear from us, or what went wrong.

    `locks` are those of `privilege.change`. Raises NotAllowed and OSError.
    """
    if system.demo or log is None:
        errors = write_types(system, step.device, dict(step.types))
        if errors:
            write_types(system, step.device, dict(step.before))
            return None, errors
        return SimulatedKeeper(system, step), []
    finished = privilege.change(system, switch_words(step, log), rights, locks=locks)
    return _keeper(finished)


def _keeper(finished: Finished) -> tuple[PendingChange | None, list[str]]:
    """What the program that switches said."""
    try:
        said = json.loads(finished.stdout)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        text = finished.stderr.strip() or f"ended with status {finished.status}"
        return None, [f"the change cannot be told to be done: {text}"]
    errors = [str(error) for error in said.get("errors") or ()]
    if errors:
        back = "everything is as before" if said.get("back") else "and it was NOT taken back"
        return None, [*errors, back]
    return SocketKeeper(str(said.get("socket")), float(said.get("seconds") or 0.0)), []
