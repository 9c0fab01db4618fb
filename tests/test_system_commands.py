"""Commands end when they are told to, with all that they started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.system import commands, process
from mlxtop.system.commands import LINE_LIMIT, Commands, _Lines
from mlxtop.system.door import OUTPUT_LIMIT, Finished
from mlxtop.system.owner import SAFE_PATH, search_path, which

LONG = 100
"""Seconds that no test may wait: whoever does has failed."""


@pytest.fixture
def runner() -> Iterator[Commands]:
    started = Commands()
    yield started
    started.close()


@pytest.fixture(autouse=True)
def long_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends by SIGTERM has the time for it on a busy computer too."""
    monkeypatch.setattr(process, "GRACE_S", 10.0)


@pytest.fixture
def short_grace(long_grace: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who ignore SIGTERM are not waited for."""
    monkeypatch.setattr(process, "GRACE_S", 0.2)


class TimeUp:
    """A clock on which the timeout of a command is over as soon as a file is there."""

    def __init__(self, ready: Path) -> None:
        self._ready = ready

    sleep = staticmethod(time.sleep)

    def monotonic(self) -> float:
        return time.monotonic() + LONG * self._ready.exists()


def running(pid: int) -> bool:
    """Whether a process still does anything; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LONG
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def shell(runner: Commands, script: str, timeout: float = 10.0) -> Finished:
    return runner.run(["sh", "-c", script], timeout, "")


def test_commands_start_in_the_root_directory(
    runner: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shell(runner, "pwd").stdout == "/\n"
    assert runner.change(["pwd"], "").stdout == "/\n"


def test_output_and_status_are_kept_apart(runner: Commands) -> None:
    finished = shell(runner, "echo out; echo err >&2; exit 7")
    assert finished == Finished(7, "out\n", "err\n")
    assert shell(runner, "kill -9 $$").status == -9


def test_arguments_are_never_taken_for_shell_or_options(runner: Commands) -> None:
    words = ["; echo hacked", "$(id)", "*", "--version=2", "", "ä\u202e\x1b[31m"]
    finished = runner.run(["printf", "%s\\n", *words], 10, "")
    assert finished.stdout.split("\n")[:-1] == words


def test_no_python_runs_between_fork_and_exec(
    runner: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    start = subprocess.Popen.__init__

    def record(*arguments: Any, preexec_fn: object = None, **options: Any) -> None:
        calls.append(preexec_fn)
        start(*arguments, **options)

    monkeypatch.setattr(os, "fork", lambda: calls.append("fork"))
    monkeypatch.setattr(subprocess.Popen, "__init__", record)
    assert shell(runner, "echo run").stdout == "run\n"
    assert runner.change(["echo", "changed"], "").stdout == "changed\n"
    assert calls == [None, None]


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP])
def test_a_command_is_given_the_usual_signals(runner: Commands, number: signal.Signals) -> None:
    assert shell(runner, f"kill -{number.value} $$").status == -number


def test_a_missing_command_is_told(runner: Commands) -> None:
    with pytest.raises(FileNotFoundError):
        runner.run(["mlxtop-no-such-command"], 10, "")


def test_what_is_no_program_is_told(runner: Commands, tmp_path: Path) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(b"\x7fELF nonsense")
    path.chmod(0o755)
    finished = runner.run([str(path)], 10, "")
    assert finished.status == 126
    assert finished.stderr == f"{path} cannot be started: Exec format error\n"
    with pytest.raises(OSError, match="Exec format error"):
        runner.change([str(path)], "")


def test_a_hanging_command_is_ended_at_the_timeout(
    runner: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    monkeypatch.setattr(commands, "time", TimeUp(ready))
    finished = shell(runner, f"echo $$; touch {ready}; exec sleep {LONG}", timeout=LONG)
    assert finished.timed_out
    assert finished.status == -signal.SIGTERM
    assert not running(int(finished.stdout))


def test_a_timeout_is_counted_in_seconds(runner: Commands) -> None:
    begin = time.monotonic()
    assert shell(runner, f"exec sleep {LONG}", timeout=0.2).timed_out
    assert time.monotonic() - begin < LONG / 2


@pytest.mark.usefixtures("short_grace")
def test_one_that_ignores_the_signal_is_killed_with_its_children(
    runner: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    monkeypatch.setattr(commands, "time", TimeUp(ready))
    script = f"trap '' TERM; sleep {LONG} & echo $! $$; touch {ready}; while :; do sleep 0.05; done"
    finished = shell(runner, script, timeout=LONG)
    assert finished.timed_out
    assert finished.status == -signal.SIGKILL
    for pid in finished.stdout.split():
        assert eventually(lambda pid=int(pid): not running(pid))  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.parametrize("leave", ["", "setsid "])
def test_nobody_survives_a_command_that_has_ended(runner: Commands, leave: str) -> None:
    finished = shell(runner, f"{leave}sleep 100 & echo $!; exit 4")
    assert finished.status == 4
    assert not finished.timed_out
    assert eventually(lambda: not running(int(finished.stdout)))


@pytest.mark.slow
def test_one_that_left_the_group_is_found_at_the_timeout(runner: Commands) -> None:
    script = "setsid sleep 100 >/dev/null 2>&1 & echo $!; sleep 100"
    finished = shell(runner, script, timeout=1.0)
    assert finished.timed_out
    assert eventually(lambda: not running(int(finished.stdout)))


def test_endless_output_is_cut_and_told(runner: Commands) -> None:
    finished = shell(runner, "head -c 100000000 /dev/zero; echo done >&2")
    assert (finished.status, finished.stderr) == (0, "done\n")
    assert len(finished.stdout) == OUTPUT_LIMIT
    assert finished.cut


def test_there_is_no_terminal_to_talk_to(runner: Commands) -> None:
    script = "cat; tty; (echo hello >/dev/tty) 2>/dev/null || echo none"
    assert shell(runner, script).stdout == "not a tty\nnone\n"


def test_a_large_input_arrives_whole(runner: Commands) -> None:
    assert runner.run(["wc", "-c"], 10, "x" * 1_000_000).stdout == "1000000\n"


def test_lines_are_handed_over_as_they_come_until_stop(runner: Commands) -> None:
    stop = Event()
    seen: list[str] = []

    def line(text: str) -> None:
        seen.append(text)
        if len(seen) == 3:
            stop.set()

    script = "echo $$; echo one; printf 'no end' ; echo; while :; do sleep 0.05; done"
    begin = time.monotonic()
    finished = runner.stream(["sh", "-c", script], line, stop)
    assert time.monotonic() - begin < LONG / 2
    assert seen[1:3] == ["one", "no end"]
    assert finished.status == -signal.SIGTERM
    assert not running(int(seen[0]))


def test_a_failing_callback_ends_the_command(runner: Commands) -> None:
    pids: list[int] = []

    def line(text: str) -> None:
        pids.append(int(text))
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        runner.stream(["sh", "-c", "echo $$; sleep 100"], line, Event())
    assert not running(pids[0])


@given(st.lists(st.binary(max_size=20) | st.just(b"\n"), max_size=20))
def test_lines_do_not_depend_on_how_the_bytes_came(pieces: list[bytes]) -> None:
    seen: list[str] = []
    lines = _Lines(seen.append)
    for piece in pieces:
        lines.add(piece)
    lines.end()
    whole = b"".join(pieces).split(b"\n")
    assert seen == [
        line.decode("utf-8", "replace") for line in whole[: -1 if not whole[-1] else None]
    ]


def test_an_endless_line_is_bounded() -> None:
    seen: list[str] = []
    lines = _Lines(seen.append)
    for _ in range(40):
        lines.add(b"x" * 65536)
    lines.add(b"\nnext\n")
    assert [len(line) for line in seen] == [LINE_LIMIT, 4]


def test_a_change_has_all_the_time_it_wants_and_may_leave_someone_behind(
    runner: Commands, tmp_path: Path
) -> None:
    script = f"setsid sh -c 'sleep 0.3; echo late >{tmp_path}/late' & echo started"
    finished = runner.change(["sh", "-c", script], "")
    assert finished.stdout == "started\n"
    assert eventually((tmp_path / "late").exists)


PROGRAM = """
import os, sys, threading, time
from mlxtop.system.commands import Commands
runner = Commands()
script = "touch %s.begun; sleep 0.5; echo x; touch %s" % (sys.argv[1], sys.argv[1])
threading.Thread(target=runner.change, args=(["sh", "-c", script], ""), daemon=True).start()
while not os.path.exists(sys.argv[1] + ".begun"):
    time.sleep(0.01)
runner.stream(["sh", "-c", "echo $$; exec sleep 100"], lambda text: print(text, flush=True),
    threading.Event())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_no_command_survives_us_but_one_that_changes_something(
    number: signal.Signals, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(done)], stdout=subprocess.PIPE, text=True, stderr=-3
    ) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        assert running(pid)
        program.send_signal(number)
        program.wait()
    assert eventually(lambda: not running(pid))
    assert eventually(done.exists)


WRAPPER = """
setsid sh -c 'echo $$; exec sleep 100' &
(setsid sh -c 'echo $$; exec sleep 100' </dev/null 2>/dev/null &)
sh -c 'trap "" TERM; echo $$; sleep 100; exit' &
echo $$
wait
"""
"""Starts children that leave the group, lose their parent and ignore SIGTERM."""
WATCHING = """
import sys, threading
from mlxtop.system.commands import Commands
Commands().stream(["sh", "-c", sys.argv[1]], lambda text: print(text, flush=True),
    threading.Event())
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_all_that_a_wrapper_script_started_ends_with_us(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WATCHING, WRAPPER], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        pids = [int(program.stdout.readline()) for _ in range(4)]
        try:
            assert all(map(running, pids))
            program.send_signal(number)
            assert eventually(lambda: not any(map(running, pids))), "somebody goes on unwatched"
        finally:
            for pid in filter(running, [*pids, program.pid]):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_streamed_command_leaves_nobody_of_its_tree_however_it_ends(runner: Commands) -> None:
    pids: list[str] = []
    script = "setsid sleep 100 >/dev/null 2>&1 & echo $!; kill -TERM $$"
    assert runner.stream(["sh", "-c", script], pids.append, Event()).status == -signal.SIGTERM
    assert not running(int(pids[0]))
    stop = Event()

    def line(text: str) -> None:
        pids.append(text)
        if len(pids) == 5:
            stop.set()

    runner.stream(["sh", "-c", WRAPPER], line, stop)
    assert len(pids) == 5 and not any(running(int(pid)) for pid in pids)


@pytest.mark.slow
def test_nobody_survives_a_killed_supervisor(runner: Commands) -> None:
    pids: list[int] = []

    def line(text: str) -> None:
        pids.append(int(text))
        if len(pids) == 4:
            status = Path(f"/proc/{pids[-1]}/status").read_text()
            os.kill(int(status.partition("PPid:")[2].split()[0]), signal.SIGKILL)

    assert runner.stream(["sh", "-c", WRAPPER], line, Event()).status == -signal.SIGKILL
    assert eventually(lambda: not any(map(running, pids)))


@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill -SEGV $$", -signal.SIGSEGV)])
def test_a_streamed_command_ends_with_its_own_status(
    script: str, status: int, runner: Commands
) -> None:
    seen: list[str] = []
    ended = runner.stream(["sh", "-c", f"echo out; echo err >&2; {script}"], seen.append, Event())
    assert (ended.status, ended.stderr, seen) == (status, "err\n", ["out"])


def test_a_streamed_command_that_is_no_program_is_told(runner: Commands, tmp_path: Path) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(b"\x7fELF nonsense")
    path.chmod(0o755)
    ended = runner.stream([str(path)], lambda text: None, Event())
    assert ended.status and "cannot be started" in ended.stderr


def test_closing_ends_what_still_runs() -> None:
    runner = Commands()
    pids: list[str] = []
    thread = Thread(
        target=runner.stream, args=(["sh", "-c", "echo $$; exec sleep 100"], pids.append, Event())
    )
    thread.start()
    assert eventually(lambda: bool(pids))
    runner.close()
    thread.join(LONG)
    assert not thread.is_alive()
    assert not running(int(pids[0]))


def test_commands_run_side_by_side(runner: Commands, tmp_path: Path) -> None:
    results: list[Finished] = []
    meet = f'touch {tmp_path}/$$; until [ "$(ls {tmp_path} | wc -l)" = 8 ]; do sleep 0.02; done'
    threads = [
        Thread(target=lambda: results.append(shell(runner, f"{meet}; echo ok", timeout=60)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [finished.stdout for finished in results] == ["ok\n"] * 8


def test_root_looks_on_the_safe_path_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "mlxtop-test-tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert search_path() == SAFE_PATH
    assert which("mlxtop-test-tool") is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert which("mlxtop-test-tool") == str(tool)
    assert which("sh") is not None
    assert which(f"{tmp_path}/mlxtop-test-tool") == str(tool)
    monkeypatch.chdir(tmp_path)
    assert which("./mlxtop-test-tool") is None


def test_a_stop_in_a_flood_of_output_is_noticed(runner: Commands) -> None:
    stop = Event()
    Timer(0.2, stop.set).start()
    begin = time.monotonic()
    runner.stream(["yes"], lambda text: None, stop)
    assert time.monotonic() - begin < LONG / 2
