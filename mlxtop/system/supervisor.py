"""Runs one command that ends with the program above, also when that is killed.

A script of its own, run as `python -I -S supervisor.py REACH PARENT PROGRAM ARGUMENT…`. With the
reach `command` it becomes the command. PR_SET_PDEATHSIG does not reach what a command starts, as a
wrapper script does. With the reach `tree` this process therefore watches the command and adopts
what loses its parent (PR_SET_CHILD_SUBREAPER), so that all of it can be found and killed.
https://man7.org/linux/man-pages/man2/prctl.2.html
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False  # typing takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable

GONE = signal.SIGHUP
"""Sent by the kernel when the program that started us, or its starting thread, has ended, and by
that program when the command has had time enough after SIGTERM: nobody may go on."""
GRACE_S = 1.0
"""Time that the command has after a SIGTERM to us alone, from somebody else."""
LOOK_S = 0.5
"""Time between two looks at the program above."""
PATIENCE_S = 3.0
"""Time after which processes that cannot be killed are left: in the kernel, or another user's."""
CANNOT_RUN = 126
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 15, 36
_AWAITED = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, GONE})


def become(argv: list[str], parent: int, prctl: Callable[..., int]) -> None:
    """Become the command, which the kernel kills when `parent` ends."""
    try:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() == parent:
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.execv(argv[0], argv)
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode())
    os._exit(CANNOT_RUN)


def watch(pid: int, parent: int) -> int:
    """Wait until the command ends or has to be killed; return its wait status."""
    until: float | None = None
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == pid:
            return status
        if ended:
            continue  # an orphan of the command
        late = until is not None and time.monotonic() >= until
        if late or is_stopped_or_gone(parent):
            return signal.SIGKILL
        news = signal.sigtimedwait(_AWAITED, LOOK_S)
        if news is None or news.si_signo == signal.SIGCHLD:
            continue
        if news.si_signo == GONE:
            return signal.SIGKILL
        if news.si_pid != parent:  # which signals the whole group, and waits itself
            os.kill(pid, signal.SIGTERM)
            until = until or time.monotonic() + GRACE_S


def is_stopped_or_gone(parent: int) -> bool:
    """Return whether the program above has ended, or was stopped and so watches nothing."""
    if os.getppid() != parent:
        return True
    with suppress(OSError), open(f"/proc/{parent}/stat", "rb") as file:
        return file.read().rpartition(b") ")[2][:1] == b"T"
    return False


def descendants(ancestor: int) -> list[int]:
    """Return every process below one, as /proc shows them."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
            above = int(file.read().rpartition(b") ")[2].split()[1])
            children.setdefault(above, []).append(int(name))
    tree = [ancestor]
    for pid in tree:
        tree += children.get(pid, ())
    return tree[1:]


def end_all() -> None:
    """Kill and reap whatever is left of the tree."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for pid in descendants(os.getpid()):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        signal.sigtimedwait({signal.SIGCHLD}, 0.02)


def end_as(code: int) -> None:
    """End with an exit code, or by the signal whose negative it is and without a core dump."""
    if code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.kill(os.getpid(), -code)
    os._exit(code)


def supervise(argv: list[str], parent: int, prctl: Callable[..., int]) -> None:
    """Run a command and end as it ended, with nobody left."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    prctl(_PR_SET_PDEATHSIG, int(GONE), 0, 0, 0)  # of the thread that started us
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(_PR_SET_NAME, b"mlxtop-tool", 0, 0, 0)  # or it would be taken for the tool
    me = os.getpid()
    pid = os.fork()
    if not pid:
        become(argv, me, prctl)
    status = watch(pid, parent)
    end_all()
    end_as(os.waitstatus_to_exitcode(status))


def main() -> None:
    """Run the command of the arguments; does not return."""
    import ctypes

    {"command": become, "tree": supervise}[sys.argv[1]](
        sys.argv[3:], int(sys.argv[2]), ctypes.CDLL(None).prctl
    )


if __name__ == "__main__":
    main()
