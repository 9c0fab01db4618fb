"""Locks between programs."""

import fcntl
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from mlxtop.change import privilege
from mlxtop.system.door import REGISTERS
from mlxtop.system.locks import claim, parse_locks
from mlxtop.system.owner import Owner, rights_of

CLAIM = (
    "import sys; from mlxtop.system.locks import claim\n"
    "try:\n with claim(sys.argv[1], 0.1): print('mine')\n"
    "except BlockingIOError as error: print(error.strerror)"
)


def other(folder: Path, *start: str) -> str:
    """What another process comes to that claims a folder."""
    command = [*start, sys.executable, "-c", CLAIM, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """The directory of a PCI device."""
    registers = tmp_path / REGISTERS
    registers.touch()
    registers.chmod(0o600)
    return tmp_path


def test_a_claimed_card_is_refused_to_others_who_learn_by_whom_and_free_afterwards(
    card: Path,
) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    with claim(str(card), 1.0):
        assert other(card).endswith(f", process {os.getpid()} of {me}")
    assert other(card) == "mine"


def test_a_lock_of_the_folder_blocks_nobody(card: Path) -> None:
    """Anybody can open a folder of sysfs, and so lock it."""
    fd = os.open(card, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert other(card) == "mine"
    os.close(fd)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")
def test_who_is_not_root_holds_nothing_and_waits_for_nobody(card: Path) -> None:
    nobody = Owner(65534, 65534, "/")
    with rights_of(nobody), claim(str(card), 0.0):
        pass
    (card / REGISTERS).chmod(0o600)
    with claim(str(card), 0.0), rights_of(nobody), claim(str(card), 0.0):
        pass  # it does not wait for root's either: its commands do, through sudo


def test_what_flock_holds_for_a_command_through_sudo_is_the_same_lock(card: Path) -> None:
    lock = card / REGISTERS
    words = [*privilege._locked([str(lock)]), "sh", "-c", "echo held; read line"]
    held = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert held.stdout and held.stdout.readline() == b"held\n"
    assert f"flock, process {held.pid} of" in other(card)
    held.communicate(b"\n")
    assert other(card) == "mine"


def test_holders_are_read_from_what_the_kernel_lists() -> None:
    text = (
        "1: POSIX  ADVISORY  WRITE 11 00:15:77 0 EOF\n"
        "2: FLOCK  ADVISORY  WRITE 12 00:15:78 0 EOF\n"
        "2: -> FLOCK  ADVISORY  WRITE 13 00:15:78 0 EOF\n"
        "3: FLOCK  ADVISORY  WRITE 0 00:15:79 0 EOF\n"
        "nonsense\n4: FLOCK\n"
    )
    assert [parse_locks(text, 0x15, inode) for inode in (77, 78, 79, 80)] == [None, 12, None, None]
