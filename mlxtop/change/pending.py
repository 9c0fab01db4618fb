"""A change that acts at once and is taken back unless a person confirms it: the asking end.

On a real machine another program waits for the answer (`revert`). On a simulated one, which has no
terminal to lose, a thread does.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock, Timer

from mlxtop.change import revert
from mlxtop.change.log import ActionLog
from mlxtop.change.plan import Switch
from mlxtop.change.port_types import PCI_DEVICES
from mlxtop.change.privilege import RootCommands
from mlxtop.sources.kernel.sysfs import names
from mlxtop.system.door import Finished, System
from mlxtop.system.own_module import alone


class PendingChange(ABC):
    """A change that is taken back unless it is confirmed in time."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the real seconds until it is taken back; 0 when that has begun."""
        return max(0.0, self._end - time.monotonic())

    @abstractmethod
    def keep(self) -> bool:
        """Keep the change; False when it was too late."""

    @abstractmethod
    def take_back(self) -> bool:
        """Take it back now; False when that failed or it is kept already."""


class _Program(PendingChange):
    """A change of this machine, which another program takes back; it listens on a socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__(seconds)
        self._path = path

    def keep(self) -> bool:
        return revert.say(self._path, "keep") == "kept"

    def take_back(self) -> bool:
        return revert.say(self._path, "revert") == "reverted"


def waiting(system: System) -> dict[str, PendingChange]:
    """Return the changes of this machine that wait for an answer, by their card's PCI address."""
    changes: dict[str, PendingChange] = {}
    for name in names(system, revert.RUN):
        path = f"{revert.RUN}/{name}"
        left = revert.say(path, "state") if name.startswith(revert.PREFIX) else None
        if left is not None:
            with suppress(ValueError):
                changes[name.removeprefix(revert.PREFIX)] = _Program(path, float(left))
    return changes


class _Timer(PendingChange):
    """A change of a simulated machine, with a timer of this process that takes it back."""

    def __init__(self, system: System, step: Switch) -> None:
        super().__init__(step.seconds)
        self._system, self._step = system, step
        self._lock = Lock()
        self._done: str | None = None
        self._timer = Timer(step.seconds, self.take_back)
        self._timer.daemon = True
        self._timer.start()

    def keep(self) -> bool:
        with self._lock:
            self._done = self._done or "kept"
            self._timer.cancel()
            return self._done == "kept"

    def take_back(self) -> bool:
        with self._lock:
            if self._done is None:
                self._done = "reverted"
                self._timer.cancel()
                write_types(self._system, self._step.device, dict(self._step.before))
            return self._done == "reverted"


def write_types(system: System, device: str, types: Mapping[int, str]) -> list[str]:
    """Write `mlx4_portN` of a simulated machine; return the errors."""
    errors = []
    for port, kind in types.items():
        try:
            system.write(f"{PCI_DEVICES}/{device}/mlx4_port{port}", f"{kind}\n".encode())
        except OSError as error:
            errors.append(f"port {port}: {kind}: {error.strerror}")
    return errors


def switch_words(step: Switch, log: ActionLog) -> tuple[str, ...]:
    """Return the one command that arms the timer and writes the types."""
    return (
        *(*alone(revert.__name__), step.device),
        *(f"{port}={kind}" for port, kind in step.types),
        *("--seconds", str(step.seconds), "--owner", str(log.owner.uid), str(log.owner.gid)),
        *("--home", log.owner.home, "--log", log.path),
    )


def switch(
    root: RootCommands, step: Switch, log: ActionLog | None
) -> tuple[PendingChange | None, list[str]]:
    """Arm, write, compare; return the pending change, else None and the errors.

    Raises NotAllowed and OSError.
    """
    if root.system.demo or log is None:
        if errors := write_types(root.system, step.device, dict(step.types)):
            write_types(root.system, step.device, dict(step.before))
            return None, errors
        return _Timer(root.system, step), []
    return _parse_switched(root.change(switch_words(step, log)))


def _parse_switched(finished: Finished) -> tuple[PendingChange | None, list[str]]:
    """Parse the output of the program that switches; see `switch`."""
    try:
        answer = json.loads(finished.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        text = finished.stderr.strip() or f"ended with status {finished.status}"
        return None, [f"it is unknown whether the change was made: {text}"]
    errors = [str(error) for error in answer.get("errors") or ()]
    if errors:
        back = "everything is as before" if answer.get("back") else "and it was NOT taken back"
        return None, [*errors, back]
    return _Program(str(answer.get("socket")), float(answer.get("seconds") or 0.0)), []
