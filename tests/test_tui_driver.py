"""The real program on a terminal: stops and continues, every signal, and one size for all."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tests.test_faults_terminal import RATE, REPOSITORY, environ, screen, stopped

JOB = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.executable, [sys.executable, "-m", "mlxtop", "--demo"])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Starts the program as a shell does: in a process group of its own, that has the terminal."""

MLXTOP = f"{sys.executable} -m mlxtop --demo"


def terminal_of(home: Path, *argv: str) -> Terminal:
    return Terminal(argv, size=(100, 30), cwd=str(REPOSITORY), environ=environ(home))


def answers(terminal: Terminal, group: int | None = None, seconds: float = 20.0) -> bool:
    """Press the key for help until it is there.

    A group that has taken up a stop only after it was continued is continued again, as by fg.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and terminal.process.poll() is None:
        if group is not None and is_stopped(group):
            os.kill(group, signal.SIGCONT)
        terminal.send("?")
        if terminal.shows("Next port", 0.5):
            return True
    return False


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped; see proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("T")


def quits(terminal: Terminal) -> bool:
    """Quit by its key; the terminal has to be as before."""
    terminal.send("q")
    return terminal.wait() == 0 and terminal.leftovers() == []


def listed(terminal: Terminal, state: str) -> bool:
    """Ask the shell for its jobs until one is in a state."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        terminal.send("clear; jobs\n")
        if terminal.shows(rf"{state}.*mlxtop", 0.5):
            return True
    return False


def in_front(terminal: Terminal, group: int) -> bool:
    """Wait until a process group has the terminal."""
    deadline = time.monotonic() + 20
    while terminal.foreground() != group and time.monotonic() < deadline:
        terminal.pump(0.02)
    return terminal.foreground() == group


# Stops and continues

DISTURBANCES = [
    signal.SIGTSTP,
    signal.SIGSTOP,
    signal.SIGCONT,
    signal.SIGTTIN,
    signal.SIGTTOU,
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("job", [False, True], ids=["leader", "job"])
def test_stops_and_continues_at_any_moment_end_in_a_program_that_answers(
    job: bool, seed: int, tmp_path: Path
) -> None:
    dice = random.Random(seed)
    argv = ["-c", JOB] if job else ["-m", "mlxtop", "--demo"]
    with terminal_of(tmp_path, sys.executable, *argv) as terminal:
        while job and terminal.foreground() == terminal.process.pid:
            terminal.pump(0.01)
        group = terminal.foreground()
        terminal.pump(2 * dice.random() ** 2)
        sent = [dice.choice(DISTURBANCES) for _ in range(dice.randint(2, 12))]
        for number in sent:
            os.kill(group, number)
            terminal.pump(dice.choice((0.0, 0.002, 0.02, 0.3)) * dice.random())
        os.kill(group, signal.SIGCONT)
        assert answers(terminal, group), sent
        assert quits(terminal)


@pytest.mark.slow
def test_continues_without_a_stop_leave_keys_and_signals_working(tmp_path: Path) -> None:
    with screen(tmp_path) as terminal:
        assert terminal.shows(RATE)
        for _ in range(3):
            terminal.process.send_signal(signal.SIGCONT)
            terminal.pump(0.1)
        assert answers(terminal)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
        assert terminal.leftovers() == []


@pytest.mark.slow
def test_a_stop_that_was_not_ours_is_followed_by_one_thread_that_reads(tmp_path: Path) -> None:
    with screen(tmp_path) as terminal:
        assert terminal.shows(RATE)
        threads = Path(f"/proc/{terminal.process.pid}/task")
        terminal.pump(2)
        before = len(list(threads.iterdir()))
        for _ in range(10):
            terminal.process.send_signal(signal.SIGSTOP)
            assert stopped(terminal)
            terminal.process.send_signal(signal.SIGCONT)
            terminal.pump(0.2)
        assert answers(terminal)
        terminal.pump(0.5)
        # Readers of slow facts come with time; a thread for each continue would be ten more.
        assert len(list(threads.iterdir())) < before + 10
        assert quits(terminal)


@pytest.mark.slow
@pytest.mark.parametrize(
    "argv",
    [
        ["timeout", "-s", "INT", "2", *MLXTOP.split()],
        ["sh", "-c", f"timeout -s INT 2 {MLXTOP}; exit $?"],
    ],
    ids=["in the foreground", "in the background"],
)
def test_timeout_ends_it_wherever_it_runs(argv: list[str], tmp_path: Path) -> None:
    with terminal_of(tmp_path, *argv) as terminal:
        assert terminal.wait(20) == 124
        assert terminal.leftovers() == []
        assert b"mlxtop: " not in terminal.output()


@pytest.mark.slow
def test_in_a_shell_it_waits_in_the_background_and_comes_back(tmp_path: Path) -> None:
    with terminal_of(tmp_path, "bash", "--norc", "--noediting", "-i") as terminal:
        terminal.send(f"{MLXTOP} & echo started\n")
        assert terminal.shows(r"started\n"), terminal.screen().text()
        assert listed(terminal, "Stopped"), terminal.screen().text()
        for _ in range(2):
            terminal.send("fg\n")
            assert terminal.shows(RATE)
            assert answers(terminal)
            terminal.send("\x1b")
            os.kill(terminal.foreground(), signal.SIGTSTP)
            assert listed(terminal, "Stopped"), terminal.screen().text()
            terminal.send("bg\n")
            assert terminal.shows(r"&\n"), terminal.screen().text()
            assert listed(terminal, "Stopped"), terminal.screen().text()
        terminal.send("kill %1\n")
        assert listed(terminal, "Exit 143"), terminal.screen().text()
        terminal.send("exit\n")
        assert terminal.wait() == 0
        assert "alternate screen" not in terminal.leftovers()


def test_ctrl_z_gives_the_terminal_to_the_shell_until_fg(tmp_path: Path) -> None:
    with terminal_of(tmp_path, "bash", "--norc", "--noediting", "-i") as terminal:
        terminal.send(f"{MLXTOP}\n")
        for _ in range(2):
            assert terminal.shows(RATE), terminal.screen().text()
            assert answers(terminal)
            terminal.send("\x1a")
            assert in_front(terminal, terminal.process.pid)
            assert listed(terminal, "Stopped"), terminal.screen().text()
            terminal.send("clear; fg\n")
        assert terminal.shows(RATE)
        terminal.send("\x1b[21~")  # F10
        assert in_front(terminal, terminal.process.pid)
        terminal.send("exit\n")
        assert terminal.wait() == 0
        assert "alternate screen" not in terminal.leftovers()


def test_ctrl_z_stops_nothing_where_no_shell_could_continue_it(tmp_path: Path) -> None:
    with screen(tmp_path) as terminal:
        assert terminal.shows(RATE)
        terminal.send("\x1a")
        assert terminal.shows("no shell is there")
        assert quits(terminal)


ORPHAN = """
import os, signal, subprocess, sys
if os.fork():
    os.wait()
    signal.pause()
os.setpgid(0, 0)
if os.fork():
    sys.exit()
signal.signal(signal.SIGHUP, signal.SIG_DFL)
status = subprocess.call([sys.executable, "-m", "mlxtop", "--demo"])
print("status", status, flush=True)
"""
"""Starts the program in the background where no shell could continue it."""


@pytest.mark.slow
def test_where_nobody_could_give_it_the_terminal_it_ends_and_says_why(tmp_path: Path) -> None:
    with terminal_of(tmp_path, sys.executable, "-c", ORPHAN) as terminal:
        assert terminal.shows("status 1"), terminal.screen().text()
        assert "mlxtop: the terminal is used by another program" in terminal.screen().text()
        assert terminal.leftovers() == []


# Signals that end


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGQUIT,
        signal.SIGTRAP,
        signal.SIGABRT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGALRM,
        signal.SIGSTKFLT,
        signal.SIGXCPU,
        signal.SIGVTALRM,
        signal.SIGPROF,
        signal.SIGIO,
        signal.SIGPWR,
        signal.SIGSYS,
        signal.SIGRTMIN,
        signal.SIGRTMAX,
    ],
)
def test_every_signal_that_ends_it_leaves_the_terminal_as_before(
    number: signal.Signals, tmp_path: Path
) -> None:
    with screen(tmp_path) as terminal:
        assert terminal.shows(RATE)
        terminal.process.send_signal(number)
        assert terminal.wait() == 128 + number
        assert terminal.leftovers() == []


@pytest.mark.slow
def test_a_signal_at_any_moment_of_the_start_ends_it(tmp_path: Path) -> None:
    for delay in range(0, 60, 5):
        with screen(tmp_path) as terminal:
            assert terminal.pump(20, lambda: bool(terminal.output()))
            terminal.pump(delay / 100)
            terminal.process.send_signal(signal.SIGTERM)
            assert terminal.wait() == 128 + signal.SIGTERM
            assert terminal.leftovers() == []
            assert b"mlxtop: " not in terminal.output()


# Size


@pytest.mark.slow
@pytest.mark.parametrize("name", [None, "", "unknown", "UNKNOWN", "vt100", "no-such-terminal"])
def test_the_size_is_that_of_the_terminal_whatever_its_name(
    name: str | None, tmp_path: Path
) -> None:
    term = ["-u", "TERM"] if name is None else [f"TERM={name}"]
    with terminal_of(tmp_path, "env", *term, *MLXTOP.split()) as terminal:
        assert terminal.shows(RATE)
        terminal.quiet(0.3)
        lines = terminal.screen().text().splitlines()
        assert "Quit" in lines[29]
        assert max(map(len, lines)) > 90
        begun = len(terminal.output())
        terminal.pump(2)
        assert len(terminal.output()) - begun < 50_000, "it draws itself again and again"
        assert answers(terminal)
        assert quits(terminal)


@pytest.mark.slow
@pytest.mark.parametrize("first", [(65535, 65535), (100, 30)], ids=["at the start", "later"])
def test_a_terminal_of_any_size_takes_little_memory(first: tuple[int, int], tmp_path: Path) -> None:
    with screen(tmp_path, size=first) as terminal:
        assert terminal.pump(30, lambda: b"enp67s0np0" in terminal.output())
        if first == (100, 30):
            terminal.resize(65535, 65535)
        terminal.pump(3)
        status = Path(f"/proc/{terminal.process.pid}/status").read_text()
        peak_kb = int(status.partition("VmHWM:")[2].split()[0])
        assert peak_kb < 200_000
        assert quits(terminal)
