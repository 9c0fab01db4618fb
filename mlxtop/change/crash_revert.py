"""Take a change back when the program that made it dies before it does: kill -9, out of memory.

A separate program (`python -I -S …/crash_revert.py`) that reads from a pipe: first a line with the
commands as JSON, then `done`. The end of the pipe without it means that the writer is dead, and
the commands are run. Standard library only, and nothing is loaded once it waits.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence

if __name__ == "__main__":
    # At the end: the standard library comes first whatever lies beside us.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from mlxtop.change import revert
from mlxtop.system.owner import SAFE_PATH
from mlxtop.system.process import Attendant, run_quietly

TYPE_CHECKING = False  # typing takes longer to import than all the rest
if TYPE_CHECKING:
    from mlxtop.change.plan import Command

COMMAND_S = 5.0
"""Seconds for a command that takes back."""
READY, DONE = b"ready\n", b"done\n"


class CrashRevert:
    """The asking end: started before something is changed, told when all is taken back."""

    def __init__(self, commands: Sequence[Command], what: str, lock: int | None = None) -> None:
        """Start the program, which holds `lock` too. Raises OSError where it does not wait.

        `what` completes the kernel log's `mlxtop: … ended without taking it back`.
        """
        steps = [[list(one.argv), one.stdin or ""] for one in commands]
        first = json.dumps({"what": what, "commands": steps}).encode() + b"\n"
        self._attendant = Attendant(__name__, first, READY, () if lock is None else (lock,))

    def release(self) -> None:
        """Let it end: nothing is left to take back."""
        self._attendant.close(DONE)


def take_back(commands: Sequence[tuple[Sequence[str], str]]) -> None:
    """Run every command with its input, whatever becomes of those before it."""
    for words, text in commands:
        run_quietly(words, COMMAND_S, {"PATH": SAFE_PATH, "LC_ALL": "C"}, text)


def main() -> int:
    """Wait for the end of the pipe; return the exit status."""
    source = os.dup(0)
    with os.fdopen(source, "rb") as pipe:
        first = json.loads(pipe.readline())
        answer = os.dup(1)
        revert.detach()
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        os.write(answer, READY)
        os.close(answer)
        told = pipe.read()
    if not told.endswith(DONE):
        take_back(first["commands"])
        revert.note(f"mlxtop: {first['what']} ended without taking it back: that is done now")
    return 0


if __name__ == "__main__":
    sys.exit(main())
