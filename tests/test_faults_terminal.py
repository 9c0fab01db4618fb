"""The real program on a terminal that goes away, and under signals: all is left as found."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

import mlxtop
from mlxtop.tui.terminal import QUESTION
from tests.terminal import Terminal

REPOSITORY = Path(mlxtop.__file__).parent.parent
RATE = r"\d b/s|b/s"


def environ(home: Path, **more: str) -> dict[str, str]:
    return {
        "LC_ALL": "C.UTF-8",
        "XDG_CONFIG_HOME": str(home),
        "XDG_STATE_HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "",
        **more,
    }


def screen(
    home: Path,
    *words: str,
    size: tuple[int, int] = (100, 30),
    more: Mapping[str, str] | None = None,
) -> Terminal:
    argv = [sys.executable, "-m", "mlxtop", *(words or ("--demo",))]
    return Terminal(argv, size=size, cwd=str(REPOSITORY), environ=environ(home, **(more or {})))


def descendants(pid: int) -> list[int]:
    """Live processes of the session that the program led."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 128 + signal.SIGTERM),
        pytest.param(signal.SIGHUP, 128 + signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, 128 + signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_it_and_the_terminal_is_as_before(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    with screen(tmp_path) as terminal:
        assert terminal.shows(RATE)
        assert terminal.leftovers()
        terminal.process.send_signal(number)
        assert terminal.wait() == status
        assert terminal.leftovers() == []
        assert descendants(terminal.process.pid) == []


@pytest.mark.slow
@pytest.mark.parametrize("key", ["q", "\x03", "\x11"])
def test_quitting_is_status_0_and_quick(key: str, tmp_path: Path) -> None:
    with screen(tmp_path) as terminal:
        assert terminal.shows(RATE)
        terminal.send(key)
        assert terminal.wait(5) == 0
        assert terminal.leftovers() == []
        assert b"\x1b[?1049l" in terminal.output()


HANGING = """
import time
from threading import Event
from mlxtop.cli import screens
from mlxtop.settings import Settings
from mlxtop.sampler.live import LiveSource
from mlxtop.system.door import Question
from tests.test_live import Machine

class Hanging(Machine):
    def now(self):
        return time.monotonic()

    def wait(self, seconds, stop):
        return stop.wait(seconds)

machine = Hanging()
for what in ("temp1_input", Question.MAC_STATISTICS, "port_rcv_data"):
    machine.hanging[what] = Event()
raise SystemExit(screens.show_one(LiveSource(machine, everything=True), machine, Settings()))
"""


@pytest.mark.slow
def test_quitting_is_quick_while_readers_hang(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HANGING]
    with Terminal(argv, cwd=str(REPOSITORY), environ=environ(tmp_path)) as terminal:
        assert terminal.shows("enp67s0np0"), terminal.screen().text()
        terminal.send("?")
        assert terminal.shows("Next port", 5)
        terminal.send("q")
        assert terminal.wait(3) == 0
        assert terminal.leftovers() == []


NO_THREAD = """
import sys, threading
from mlxtop.cli import main

start = threading.Thread.start

def refuse(thread):
    if thread.name == sys.argv[1]:
        raise RuntimeError("can't start new thread")
    start(thread)

threading.Thread.start = refuse
raise SystemExit(main(["--demo"]))
"""
"""The error that Python raises where pthread_create(3) fails, as at RLIMIT_NPROC."""

BROKEN = """
import sys
from mlxtop.cli import main
from mlxtop.tui.screens.overview import Overview

def stumble(self):
    raise KeyError("no such row")

setattr(Overview, sys.argv[1], stumble)
raise SystemExit(main(["--demo"]))
"""


def fails_in_one_line(home: Path, program: str, argument: str, words: bytes) -> None:
    argv = [sys.executable, "-c", program, argument]
    with Terminal(argv, cwd=str(REPOSITORY), environ=environ(home)) as terminal:
        if terminal.shows(RATE):
            terminal.send("s")
        assert terminal.wait() == 1
        assert terminal.leftovers() == []
        assert b"Traceback" not in terminal.output()
        assert re.findall(rb"mlxtop: .*", terminal.output()) == [
            b"mlxtop: " + words + b" (--debug shows where)\r"
        ]


@pytest.mark.slow
@pytest.mark.parametrize("thread", ["frames", "terminal", "textual-input"])
def test_a_thread_that_cannot_be_started_is_told_in_one_line(thread: str, tmp_path: Path) -> None:
    fails_in_one_line(tmp_path, NO_THREAD, thread, b"RuntimeError: can't start new thread")


@pytest.mark.slow
@pytest.mark.parametrize("handler", ["draw", "on_mount", "on_resize", "action_sort"])
def test_an_error_of_the_screen_is_told_in_one_line(handler: str, tmp_path: Path) -> None:
    fails_in_one_line(tmp_path, BROKEN, handler, b"KeyError: 'no such row'")


STILL = """
from mlxtop import cli
from mlxtop.settings import Settings
from mlxtop.tui.app import MlxtopApp
from tests.samples import IB, PACU, Samples, ethernet, sample

machine = [
    sample(float(tick), ethernet(PACU, tick, 46.1e9, 1.2e9), ethernet(IB, tick, 0.0, 99e9))
    for tick in (1, 2)
]

class Still(Samples):
    def samples(self, stop):
        yield from self.given
        while not stop.wait(0.05):
            yield self.given[-1]

raise SystemExit(MlxtopApp(Still(machine), Settings()).run())
"""


@pytest.mark.slow
def test_frames_that_change_nothing_write_nothing_but_the_question(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", STILL]
    with Terminal(argv, cwd=str(REPOSITORY), environ=environ(tmp_path)) as terminal:
        assert terminal.shows("enp67s0np0"), terminal.screen().text()
        terminal.quiet(0.5)
        begun = len(terminal.output())
        # The question comes with a frame, and after some forty that did not ask.
        assert terminal.pump(20, lambda: len(terminal.output()) > begun)
        assert terminal.output()[begun:] == QUESTION.encode()


@pytest.mark.slow
def test_a_kill_leaves_nobody_behind_and_the_manual_names_reset(tmp_path: Path) -> None:
    with screen(tmp_path) as terminal:
        assert terminal.shows(RATE)
        terminal.process.kill()
        assert terminal.wait() == -signal.SIGKILL
        assert descendants(terminal.process.pid) == []
    assert "`reset`" in (REPOSITORY / "mlxtop/share/manual/screen.md").read_text()


@pytest.mark.slow
def test_a_stop_gives_the_terminal_back_and_going_on_takes_it_again(tmp_path: Path) -> None:
    with screen(tmp_path) as terminal:
        assert terminal.shows(RATE)
        for _ in range(2):
            terminal.process.send_signal(signal.SIGTSTP)
            assert stopped(terminal)
            assert terminal.leftovers() == []
            count = len(terminal.chunks)
            terminal.process.send_signal(signal.SIGCONT)
            assert terminal.pump(10, lambda count=count: _drawn(terminal, count))  # type: ignore[misc]
        terminal.send("q")
        assert terminal.wait() == 0
        assert terminal.leftovers() == []


def stopped(terminal: Terminal) -> bool:
    stat = Path(f"/proc/{terminal.process.pid}/stat")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        terminal.pump(0.05)
        if stat.read_text().rpartition(") ")[2][0] == "T":
            terminal.pump(0.05)
            return True
    return False


def _drawn(terminal: Terminal, count: int) -> bool:
    fresh = b"".join(data for _, data in terminal.chunks[count:])
    return re.search(rb"b/s", fresh) is not None and b"?1049h" in fresh


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_it(tmp_path: Path) -> None:
    terminal = screen(tmp_path)
    assert terminal.shows(RATE)
    terminal.hang_up()
    try:
        status = terminal.process.wait(10)
    finally:
        terminal.process.kill()
    assert status == 128 + signal.SIGHUP
    assert descendants(terminal.process.pid) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_no_longer_reads_cannot_hold_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    with screen(tmp_path, "--demo", "dgx", "-d", "0.1", size=(200, 60)) as terminal:
        assert terminal.shows(RATE)
        time.sleep(6)  # nobody takes the output meanwhile: the buffers fill
        terminal.process.send_signal(number)
        assert terminal.process.wait(8) == 128 + number
        assert "attributes" not in terminal.leftovers()


@pytest.mark.slow
def test_a_terminal_that_stalls_gets_its_keys_through_and_a_true_screen_afterwards(
    tmp_path: Path,
) -> None:
    with screen(tmp_path, "--demo", "dgx", "-d", "0.1", size=(200, 60)) as terminal:
        assert terminal.shows(RATE)
        time.sleep(4)
        assert terminal.pump(5, lambda: _quiet_share(terminal) < 1)
        terminal.send("?")
        assert terminal.shows("Next port", 5)
        terminal.send("q")
        assert terminal.wait(5) == 0


def _quiet_share(terminal: Terminal) -> float:
    """Seconds since the program last wrote."""
    return time.monotonic() - terminal.chunks[-1][0]


@pytest.mark.slow
def test_two_hundred_sizes_down_to_one_cell_are_borne(tmp_path: Path) -> None:
    with screen(tmp_path, "--demo", "dgx") as terminal:
        assert terminal.shows(RATE)
        for step in range(200):
            terminal.resize(1 + step * 37 % 220, 1 + step * 13 % 70)
            terminal.pump(0.02)
        terminal.resize(1, 1)
        terminal.pump(0.5)
        count = len(terminal.chunks)
        terminal.resize(100, 30)
        assert terminal.pump(
            30, lambda: b"PORT" in b"".join(data for _, data in terminal.chunks[count:])
        )
        assert terminal.process.poll() is None
        terminal.send("q")
        assert terminal.wait() == 0
        assert terminal.leftovers() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        {"TERM": ""},
        {"TERM": "linux"},
        {"TERM": "no-such-terminal"},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "no_SUCH.locale"},
        {"NO_COLOR": "1"},
        {"COLUMNS": "x", "LINES": "-1"},
        {"HOME": "/nonexistent"},
        {"PATH": ""},
    ],
    ids=str,
)
def test_odd_terminals_and_locales_still_show_and_quit(
    more: Mapping[str, str], tmp_path: Path
) -> None:
    with screen(tmp_path, more=more) as terminal:
        assert terminal.shows("enp67s0np0"), terminal.screen().text()
        terminal.send("q")
        assert terminal.wait(5) == 0
        assert terminal.leftovers() == []


RAISES = """
import sys
from mlxtop.cli import main
from mlxtop.tui.screens.overview import Overview
def broken(screen): raise RuntimeError("\\x1b[2Jbroken")
Overview.show_frame = broken
sys.exit(main())
"""


@pytest.mark.quick(False)
@pytest.mark.parametrize("debug", [False, True])
def test_an_error_on_the_screen_is_one_line_and_status_1(debug: bool, tmp_path: Path) -> None:
    words = ["--demo", *(["--debug"] if debug else [])]
    argv = [sys.executable, "-c", RAISES, *words]
    with Terminal(argv, cwd=str(REPOSITORY), environ=environ(tmp_path)) as terminal:
        assert terminal.wait(20) == 1
        assert terminal.leftovers() == []
        last = terminal.output().rpartition(b"\x1b[?1049l")[2]
        line = b"mlxtop: RuntimeError: ?[2Jbroken (--debug shows where)"
        assert (line in last) is not debug
        assert (b"Traceback (most recent call last)" in last) is debug
        assert "─".encode() not in last
        assert debug or last.count(b"\n") == 1


def test_a_dumb_terminal_is_refused_in_one_line(tmp_path: Path) -> None:
    with screen(tmp_path, more={"TERM": "dumb"}) as terminal:
        assert terminal.wait() == 1
        assert terminal.output().count(b"\n") == 1
        assert b"--once" in terminal.output()


def headless(
    home: Path,
    *words: str,
    more: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "mlxtop", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=REPOSITORY,
        env={**os.environ, **environ(home, **(more or {}))},
        timeout=60,
        check=False,
    )


def test_without_a_terminal_the_screen_is_refused_in_one_line(tmp_path: Path) -> None:
    done = headless(tmp_path, "--demo")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"mlxtop: ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}])
@pytest.mark.slow
def test_a_locale_without_utf_8_spoils_neither_table_nor_stream(
    locale: Mapping[str, str], tmp_path: Path
) -> None:
    more = {**locale, "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    table = headless(tmp_path, "--demo", "--once", "-d", "0.1", more=more)
    assert table.returncode == 0, table.stderr
    assert b"enp67s0np0" in table.stdout
    stream = headless(tmp_path, "--demo", "--json-stream", "-n", "1", "-d", "0.1", more=more)
    assert stream.returncode == 0, stream.stderr
    json.loads(stream.stdout)


def test_ascii_means_tables_too(tmp_path: Path) -> None:
    done = headless(tmp_path, "--demo", "--ascii", "--once", "-d", "0.1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert b"* 100G Eth" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.slow
def test_a_signal_ends_a_stream_after_a_whole_line(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "mlxtop", "--demo", "--json-stream", "-d", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, **environ(tmp_path)},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        rest, said = process.communicate(timeout=10)
    assert said == b""
    assert process.returncode in (0, 128 + number)
    assert not rest or rest.endswith(b"}\n")
    for line in rest.splitlines():
        json.loads(line)
