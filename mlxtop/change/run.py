"""Run the commands of a plan with root's rights, each logged before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from mlxtop.change.log import ActionLog
from mlxtop.change.plan import Command
from mlxtop.change.privilege import RootCommands
from mlxtop.system.door import Finished

LOGGED = 20_000
"""Characters of an output that go to the log at most."""


@dataclass(frozen=True, slots=True)
class LoggedCommands:
    """Commands of one plan; `log` is None for simulated machines."""

    root: RootCommands
    log: ActionLog | None
    title: str
    complaints: list[str] = field(default_factory=list)
    """Collects what could not be logged."""

    def run(self, step: Command) -> Finished:
        """Run a command to its end. Raises NotAllowed and OSError where it could not be started."""
        with self.logged(self.root.words(step.argv)) as result:
            finished = self.root.change(step.argv, step.stdin)
            result["stdout"], result["stderr"] = finished.stdout[:LOGGED], finished.stderr[:LOGGED]
            result["status"] = finished.status
        return finished

    @contextmanager
    def logged(self, argv: Sequence[str]) -> Iterator[dict[str, object]]:
        """Log a command before and after; the caller puts its result into the dictionary."""
        mark, start = uuid4().hex[:12], self.root.system.now()
        result: dict[str, object] = {}
        self._record(id=mark, action="begin", title=self.title, argv=list(argv))
        try:
            yield result
        except OSError as error:
            result["error"] = str(error)
            raise
        finally:
            seconds = round(self.root.system.now() - start, 3)
            self._record(id=mark, action="end", seconds=seconds, **result)

    def _record(self, **entry: object) -> None:
        if self.log is not None:
            complaint = self.log.record(machine=self.root.system.label, **entry)
            if complaint and complaint not in self.complaints:
                self.complaints.append(complaint)


def last_words(finished: Finished) -> str:
    """Return the last line that a command wrote, else how it ended."""
    lines = (finished.stdout + "\n" + finished.stderr).strip().splitlines()
    return lines[-1].strip() if lines else f"ended with status {finished.status}"
