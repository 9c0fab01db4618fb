"""A change that nobody confirms is taken back, whatever became of the terminal."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlxtop.actions import revert
from mlxtop.actions.log import ActionLog, Owner

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
        said: dict[str, object] = json.loads(done.stdout)
        assert done.returncode == (1 if said["errors"] else 0)
        return said

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
    said = place.switch("1=eth", seconds=30)
    assert said["errors"] == [] and said["before"] == {"1": "ib"}
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
    said = b""
    while b"seconds" not in said:
        assert select.select([master], [], [], 20)[0]
        said += os.read(master, 4096)
    assert place.kind() == "eth"
    if number == signal.SIGKILL:
        os.killpg(shell.pid, number)
    os.close(master)  # the kernel sends SIGHUP
    assert shell.wait(10) == -number
    assert place.kind() == "eth"
    assert eventually(lambda: place.kind() == "ib")


def test_a_second_change_of_a_card_waits_for_the_first(place: Place) -> None:
    place.switch("1=eth", seconds=30)
    said = place.switch("2=eth", seconds=30)
    assert "still waits" in str(said["errors"])
    assert place.kind(2) == "ib"


@pytest.mark.parametrize("types", ["1=ethernet", "9=eth", "eth", "1=eth\n", "../1=eth"])
def test_only_types_and_ports_that_exist_are_taken(place: Place, types: str) -> None:
    assert place.switch(types, seconds=30)["errors"]
    assert place.kind() == "ib" and not place.run.exists()


def test_a_device_that_is_no_pci_address_is_not_touched(place: Place) -> None:
    for device in ("../../etc", "0000:09:00.0/..", "0000:09:00.8"):
        with pytest.raises(revert.Failed):
            revert.Card(device, str(place.base))


def test_a_read_only_port_is_refused_before_anything_is_written(place: Place) -> None:
    place.file(1).chmod(0o444)
    said = place.switch("1=eth", seconds=30)
    assert "read-only" in str(said["errors"]) and place.kind() == "ib"
    assert revert.say(place.socket, "state") is None


def test_the_word_and_its_newline_are_one_write(place: Place) -> None:
    place.file(1).unlink()
    os.mkfifo(place.file(1))
    reader = os.open(place.file(1), os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert revert.Card(CARD, str(place.base)).write(1, "eth") is None
        assert os.read(reader, 64) == b"eth\n"
    finally:
        os.close(reader)


class PickyCard(revert.Card):
    """A card that takes only equal types, as mlx4_check_port_params() has it."""

    def __init__(self, *types: str) -> None:
        super().__init__(CARD)
        self.types = dict(enumerate(types, 1))
        self.noted: dict[int, str] = {}
        """`tmp_type` of the driver: a refused wish that the next write takes along."""

    def read(self, port: int) -> str | None:
        return self.types[port]

    def write(self, port: int, kind: str) -> str | None:
        self.noted[port] = kind
        wish = self.types | self.noted
        if len(set(wish.values())) > 1:
            return f"port {port}: Invalid argument"
        self.types, self.noted = wish, {}
        return None


def test_a_card_of_equal_types_only_changes_both_ports_or_none() -> None:
    card = PickyCard("ib", "ib")
    assert card.put({1: "eth", 2: "eth"}) == []
    assert card.types == {1: "eth", 2: "eth"}
    card = PickyCard("ib", "ib")
    assert card.put({1: "eth"}) == ["port 1: Invalid argument"]
    assert revert.take_back(card, {1: "ib"}) == []
    assert card.types == {1: "ib", 2: "ib"} and card.noted == {}


def test_strangers_cannot_answer(place: Place) -> None:
    place.switch("1=eth", seconds=30)
    mode = os.stat(place.socket).st_mode
    assert mode & 0o077 == 0
    assert revert.say(place.socket, "nonsense", seconds=2.0) is None
    assert place.kind() == "eth"
