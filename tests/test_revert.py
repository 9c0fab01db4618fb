"""A change that nobody confirms is taken back, whatever became of the terminal."""

import errno
import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mlxtop.change import revert
from mlxtop.change.log import ActionLog
from mlxtop.change.port_types import Card, claim
from mlxtop.system.owner import Owner

CARD = "0000:09:00.0"


def eventually(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


class Place:
    """Directories that stand in for sysfs and /run, and the program on them."""

    def __init__(self, root: Path) -> None:
        self.base, self.run, self.log = root / "devices", root / "run", root / "log.jsonl"
        (self.base / CARD).mkdir(parents=True)
        for port in (1, 2):
            self.file(port).write_text("ib\n")

    def file(self, port: int) -> Path:
        return self.base / CARD / f"mlx4_port{port}"

    def kind(self, port: int = 1) -> str:
        return self.file(port).read_text().strip()

    @property
    def socket(self) -> str:
        return revert.socket_path(str(self.run), CARD)

    def words(self, *types: str, seconds: float) -> list[str]:
        places = ["--base", str(self.base), "--run", str(self.run), "--log", str(self.log)]
        owner = ["--owner", str(os.getuid()), str(os.getgid())]
        program = [sys.executable, "-I", "-S", revert.__file__, CARD, *types]
        return [*program, "--seconds", str(seconds), *owner, *places]

    def switch(self, *types: str, seconds: float) -> dict[str, object]:
        done = subprocess.run(
            self.words(*types, seconds=seconds), capture_output=True, text=True, check=False
        )
        answer: dict[str, object] = json.loads(done.stdout)
        assert done.returncode == (1 if answer["errors"] else 0)
        return answer

    def waiters(self) -> tuple[int, int]:
        """The process that listens, and the one that waits for its end."""
        parents = {}
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended meanwhile
                if str(self.run) in (path / "cmdline").read_text():
                    state = (path / "stat").read_text().rpartition(")")[2].split()
                    parents[int(path.name)] = int(state[1])
        (child,) = [pid for pid, parent in parents.items() if parent in parents]
        return child, parents[child]

    def logged(self) -> dict[str, object]:
        """The one entry of the log, once it is there."""
        log = ActionLog(str(self.log), Owner(os.getuid(), os.getgid(), "/"))
        assert eventually(lambda: self.log.exists() and len(log.entries()) == 1)
        return log.entries()[0]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    revert.say(made.socket, "keep")


def test_a_confirmed_change_stays(place: Place) -> None:
    answer = place.switch("1=eth", seconds=30)
    assert answer["errors"] == [] and answer["before"] == {"1": "ib"}
    assert place.kind() == "eth"
    assert float(revert.say(place.socket, "state") or 0) > 20
    assert revert.say(place.socket, "keep") == "kept"
    assert revert.say(place.socket, "keep") is None
    assert place.kind() == "eth"
    assert place.logged()["action"] == "keep"


def test_a_change_is_taken_back_at_once_on_request(place: Place) -> None:
    place.switch("1=eth", "2=eth", seconds=30)
    assert revert.say(place.socket, "revert") == "reverted"
    assert (place.kind(1), place.kind(2)) == ("ib", "ib")


def test_a_change_that_nobody_confirms_is_taken_back(place: Place) -> None:
    place.switch("1=eth", seconds=0.3)
    assert eventually(lambda: place.kind() == "ib")
    entry = place.logged()
    assert entry["result"] == "reverted" and entry["asked"] is False


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
@pytest.mark.slow
def test_it_is_taken_back_though_the_terminal_is_gone(place: Place, number: int) -> None:
    """The program's terminal, its session and its parent are ended as a lost login ends them."""
    master, slave = pty.openpty()
    words = json.dumps(place.words("1=eth", seconds=1.0))
    script = (
        "import os, subprocess, time\n"
        "os.close(os.open(os.ttyname(0), os.O_RDWR))\n"  # a leader's first terminal becomes its own
        f"subprocess.run({words})\ntime.sleep(60)"
    )
    shell = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    answer = b""
    while b"seconds" not in answer:
        assert select.select([master], [], [], 20)[0]
        answer += os.read(master, 4096)
    assert place.kind() == "eth"
    if number == signal.SIGKILL:
        os.killpg(shell.pid, number)
    os.close(master)  # the kernel sends SIGHUP
    assert shell.wait(10) == -number
    assert place.kind() == "eth"
    assert eventually(lambda: place.kind() == "ib")


def sockets(pid: int) -> int:
    """Return how many sockets a process has open."""
    links = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            links.append(os.readlink(path))
    return sum(link.startswith("socket:") for link in links)


def test_a_failed_accept_counts_as_revert(place: Place) -> None:
    place.switch("1=eth", seconds=30)
    waiter = place.waiters()[0]
    assert revert.say(place.socket, "state") is not None  # it waits, all files of its start closed
    assert eventually(lambda: sockets(waiter) == 1)  # and the one that asked has been let go
    taken = {int(name) for name in os.listdir(f"/proc/{waiter}/fd")}
    free = min(set(range(len(taken) + 1)) - taken)
    resource.prlimit(waiter, resource.RLIMIT_NOFILE, (free, free))
    assert revert.say(place.socket, "keep") is None
    assert eventually(lambda: place.kind() == "ib")
    assert "Too many open files" in str(place.logged()["cause"])


DEADLY = ("SIGKILL", "SIGTERM", "SIGUSR1", "SIGSEGV", "SIGXCPU", "SIGALRM")


@pytest.mark.quick("SIGKILL", "SIGTERM")
@pytest.mark.parametrize("name", DEADLY)
def test_a_waiting_program_that_is_killed_counts_as_revert(place: Place, name: str) -> None:
    place.switch("1=eth", "2=eth", seconds=30)
    number = getattr(signal, name)
    os.kill(place.waiters()[0], number)
    assert eventually(lambda: (place.kind(1), place.kind(2)) == ("ib", "ib"))
    entry = place.logged()
    assert entry["result"] == "reverted" and f"status -{number:d}" in str(entry["cause"])
    assert place.switch("1=eth", seconds=30)["errors"] == []


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGHUP"])
def test_the_change_still_waits_when_the_second_process_is_signalled(
    place: Place, name: str
) -> None:
    place.switch("1=eth", seconds=30)
    os.kill(place.waiters()[1], getattr(signal, name))
    assert float(revert.say(place.socket, "state") or 0) > 20
    assert revert.say(place.socket, "keep") == "kept"
    assert place.kind() == "eth"
    assert place.logged()["action"] == "keep"


def rollback(place: Place) -> revert.Rollback:
    """A change that waits, in this process."""
    lock = claim(str(place.run), CARD)
    owner = Owner(os.geteuid(), os.getegid(), "/")
    log = ActionLog(str(place.log), owner)
    card = Card(CARD, str(place.base))
    return revert.Rollback(card, {1: "ib"}, 0.0, place.socket, log, lock)


def test_a_waiting_program_that_is_stopped_is_killed_and_counts_as_revert(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revert, "GRACE", 0.0)
    place.file(1).write_text("eth\n")
    waiter = subprocess.Popen(["sleep", "1000"])
    waiter.send_signal(signal.SIGSTOP)
    done, verdict = os.pipe()
    os.close(verdict)
    rollback(place).succeed(waiter.pid, done)
    waiter.returncode = -9  # it was waited for
    assert place.kind() == "ib"
    os.close(claim(str(place.run), CARD))


def test_anything_that_goes_wrong_while_waiting_counts_as_revert(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("filedescriptor out of range in select()")

    monkeypatch.setattr(revert, "wait", broken)
    monkeypatch.setattr(revert, "note", lambda text: None)
    place.file(1).write_text("eth\n")
    waiting = rollback(place)
    waiting.watch(revert.listen(place.socket, os.geteuid()), os.open(os.devnull, os.O_WRONLY))
    assert place.kind() == "ib"
    assert "out of range" in str(place.logged()["cause"])


def test_a_change_whose_waiting_program_has_ended_meanwhile_is_taken_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revert, "arm", lambda rollback: None)
    log = ActionLog(str(place.log), Owner(os.geteuid(), os.getegid(), "/"))
    done = revert.switch(Card(CARD, str(place.base)), {1: "eth"}, 30.0, str(place.run), log)
    assert "has ended" in str(done["errors"]) and done["back"] is True
    assert place.kind() == "ib"


def test_who_cannot_ask_hears_no_answer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("socket.socket", full)
    assert revert.say(place.socket, "keep") is None


def test_of_changes_that_begin_at_once_one_alone_is_made(place: Place) -> None:
    words = place.words("1=eth", seconds=30)
    started = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    answer = [json.loads(one.communicate()[0])["errors"] for one in started]
    assert sorted(map(bool, answer)) == [False] + [True] * 5
    assert all("still waits" in str(errors) for errors in answer if errors)
    assert revert.say(place.socket, "keep") == "kept"


def test_a_change_that_is_being_prepared_already_holds_the_card(place: Place) -> None:
    lock = claim(str(place.run), CARD)
    assert "still waits" in str(place.switch("1=eth", seconds=30)["errors"])
    os.close(lock)
    assert place.switch("1=eth", seconds=30)["errors"] == []


def test_after_an_answer_the_next_change_begins_at_once(place: Place) -> None:
    for kind, word, reply in [("eth", "keep", "kept"), ("ib", "revert", "reverted")] * 3:
        assert place.switch(f"2={kind}", seconds=30)["errors"] == []
        assert revert.say(place.socket, word) == reply
        place.file(2).write_text("ib\n")


def test_a_second_change_of_a_card_waits_for_the_first(place: Place) -> None:
    place.switch("1=eth", seconds=30)
    answer = place.switch("2=eth", seconds=30)
    assert "still waits" in str(answer["errors"])
    assert place.kind(2) == "ib"


@pytest.mark.parametrize("types", ["1=ethernet", "9=eth", "eth", "1=eth\n", "../1=eth"])
def test_only_types_and_ports_that_exist_are_taken(place: Place, types: str) -> None:
    assert place.switch(types, seconds=30)["errors"]
    assert place.kind() == "ib" and not place.run.exists()


def test_a_read_only_port_is_refused_before_anything_is_written(place: Place) -> None:
    place.file(1).chmod(0o444)
    answer = place.switch("1=eth", seconds=30)
    assert "read-only" in str(answer["errors"]) and place.kind() == "ib"
    assert revert.say(place.socket, "state") is None


def test_strangers_cannot_answer(place: Place) -> None:
    place.switch("1=eth", seconds=30)
    mode = os.stat(place.socket).st_mode
    assert mode & 0o077 == 0
    assert revert.say(place.socket, "nonsense", seconds=2.0) is None
    assert place.kind() == "eth"
