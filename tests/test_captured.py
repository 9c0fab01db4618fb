"""Captured machines: any text is read, and no directory leads out of itself."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from mlxtop.cli import main
from mlxtop.system import captured
from mlxtop.system.capture import HEADER, dump_capture
from mlxtop.system.capture_file import CAPTURE_LIMIT, parse_capture
from mlxtop.system.captured import CapturedSystem, DirectoryTree, load_captured
from mlxtop.system.door import FILE_LIMIT, CommandRefused, Finished, Question

EXAMPLE = f"""{HEADER}
@label pacu
@time 1700000000.5
@root yes
@commands iperf3 mstconfig
# a comment
/sys/class/net/eth0 -> ../../devices/pci0000:00/0000:43:00.0/net/eth0
/sys/devices/pci0000:00/0000:43:00.0/vendor = 0x15b3
/sys/devices/pci0000:00/0000:43:00.0/net/eth0/device -> ../../../0000:43:00.0
/sys/devices/pci0000:00/0000:43:00.0/net/eth0/mtu = 9000
/sys/devices/pci0000:00/0000:43:00.0/net/eth0/speed ! EINVAL
/sys/devices/pci0000:00/0000:43:00.0/config hex:
  | b315 1310
/sys/class/infiniband/
/sys/empty = ""
/dev/kmsg:
  | 6,1,1500000,-;mlx5_core: hot
  |  DEVICE=+pci:0000:43:00.0
? driver-info eth0 = {{"driver": "mlx5_core"}}
? link-counters = {{"3": [1, 2]}}
? module-page eth0 0 0 80 0 2 ! EPERM
$ mstconfig -d 0000:43:00.0 q => 3
  | -E- no
  & and why
$ printf 'a b' json:
  | {{"stdout": "no end", "stderr": "\\u001b[31m"}}
@physics:
  | heat 3
"""


@pytest.fixture
def machine() -> CapturedSystem:
    capture = parse_capture(EXAMPLE)
    assert capture.complaints == []
    return CapturedSystem("file", capture, capture)


def test_files_links_and_errors_are_those_of_the_text(machine: CapturedSystem) -> None:
    assert (machine.label, machine.root, machine.wall()) == ("pacu", True, 1700000000.5)
    assert machine.read("/sys/class/net/eth0/mtu") == b"9000\n"
    assert machine.read("/sys/class/net/eth0/device/vendor") == b"0x15b3\n"
    assert machine.read("/sys/class/net/eth0/device/config") == b"\xb3\x15\x13\x10"
    assert machine.read("/sys/empty") == b""
    assert machine.list("/sys/class/infiniband") == []
    assert machine.list("/sys/class") == ["net", "infiniband"]
    assert machine.link("/sys/class/net/eth0/device") == "../../../0000:43:00.0"
    assert machine.real("/sys/class/net/eth0/device") == "/sys/devices/pci0000:00/0000:43:00.0"
    # as in the kernel, `..` is the parent of where the link leads
    assert machine.real("/sys/class/net/eth0/..") == "/sys/devices/pci0000:00/0000:43:00.0/net"


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/sys/class/net/eth0/speed", errno.EINVAL),
        ("/sys/class/net/eth1/speed", errno.ENOENT),
        ("/sys/class/net", errno.EISDIR),
    ],
)
def test_reading_fails_with_the_errno_of_the_kernel(
    machine: CapturedSystem, path: str, number: int
) -> None:
    with pytest.raises(OSError) as caught:
        machine.read(path)
    assert caught.value.errno == number


def test_questions_and_commands_are_answered_as_recorded(machine: CapturedSystem) -> None:
    assert machine.ask(Question.DRIVER_INFO, "eth0") == {"driver": "mlx5_core"}
    assert machine.ask(Question.LINK_COUNTERS) == {"3": [1, 2]}
    with pytest.raises(PermissionError):
        machine.ask(Question.MODULE_PAGE, "eth0", 0, 0, 80, 0, 2)
    with pytest.raises(OSError, match="not in this capture"):
        machine.ask(Question.RINGS, "eth0")
    query = machine.run(["mstconfig", "-d", "0000:43:00.0", "q"])
    assert query == Finished(3, "-E- no\n", "and why\n")
    assert machine.run(["printf", "a b"]) == Finished(0, "no end", "\x1b[31m")
    assert (machine.which("iperf3"), machine.which("ethtool")) == ("/usr/bin/iperf3", None)
    (record,) = machine.kernel_log(Event())
    assert (record.seconds, record.text, record.device) == (1.5, "mlx5_core: hot", "0000:43:00.0")


def test_nothing_can_be_changed(machine: CapturedSystem) -> None:
    with pytest.raises(CommandRefused):
        machine.write("/sys/class/net/eth0/mtu", b"1500\n")
    with pytest.raises(CommandRefused):
        machine.run(["mstconfig", "-d", "0000:43:00.0", "q"], change=True)
    with pytest.raises(CommandRefused):
        machine.stream(["iperf3"], print, Event())


def test_links_in_a_circle_and_endless_ones_end() -> None:
    text = f"{HEADER}\n/a -> b\n/b -> a\n/c -> c/c\n/d -> {'x/' * 5000}\n"
    capture = parse_capture(text)
    machine = CapturedSystem("loop", capture, capture)
    for path in ("/a", "/b/x", "/c", "/d"):
        with pytest.raises(OSError) as caught:
            machine.read(path)
        assert caught.value.errno == errno.ELOOP


@pytest.fixture
def tree(tmp_path: Path) -> CapturedSystem:
    """A directory whose entries try to lead out of it."""
    (tmp_path / "secret").write_text("secret\n")
    root = tmp_path / "root"
    (root / "sys" / "real").mkdir(parents=True)
    (root / "secret").write_text("own\n")
    (root / "sys" / "real" / "file").write_text("inside\n")
    for name, target in (
        ("absolute", "/secret"),
        ("outside", str(tmp_path / "secret")),
        ("above", "../../../../../../../secret"),
        ("directory", ".."),
        ("good", "real"),
        ("loop", "loop"),
    ):
        (root / "sys" / name).symlink_to(target)
    os.mkfifo(root / "sys" / "pipe")
    with (root / "sys" / "huge").open("wb") as file:
        file.truncate(1 << 40)
    return CapturedSystem("tree", DirectoryTree(str(root)))


def test_links_never_lead_out_of_the_directory(tree: CapturedSystem, tmp_path: Path) -> None:
    assert tree.read("/sys/absolute") == b"own\n"
    assert tree.read("/sys/above") == b"own\n"
    assert tree.read("/../../../secret") == b"own\n"
    assert tree.read("/sys/directory/../secret") == b"own\n"
    assert tree.list("/sys/directory/../..") == tree.list("/")
    assert tree.read("/sys/good/file") == b"inside\n"
    for path in (
        "/sys/outside",
        f"/sys/directory/{tmp_path}/secret",
        "/sys/good/../../../secret/x",
    ):
        with pytest.raises(OSError):
            tree.read(path)
    with pytest.raises(OSError) as caught:
        tree.read("/sys/loop")
    assert caught.value.errno == errno.ELOOP


def test_pipes_devices_and_sockets_are_not_opened(tree: CapturedSystem, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tree.read("/sys/pipe")
    if os.geteuid() == 0:
        os.mknod(tmp_path / "root" / "zero", 0o600 | 0o020000, os.makedev(1, 5))
        with pytest.raises(FileNotFoundError):
            tree.read("/zero")


def test_a_huge_file_is_cut_off(tree: CapturedSystem) -> None:
    assert len(tree.read("/sys/huge")) == FILE_LIMIT


def test_names_that_no_file_can_have_do_not_exist(tree: CapturedSystem) -> None:
    for path in ("/sys/a\0b", "/" + "x" * 300, "/" + "y/" * 5000):
        with pytest.raises(OSError):
            tree.read(path)


def test_a_link_put_in_place_of_a_file_is_not_followed(
    tree: CapturedSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "root" / "sys" / "real" / "file"
    isfile = os.path.isfile

    def swap(path: str) -> bool:
        found = isfile(path)
        place.unlink()
        place.symlink_to(tmp_path / "secret")
        return found

    monkeypatch.setattr("mlxtop.system.captured.os.path.isfile", swap)
    with pytest.raises(OSError) as caught:
        tree.read("/sys/real/file")
    assert caught.value.errno == errno.ELOOP


def test_only_captures_of_bounded_size_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_text(EXAMPLE)
    assert load_captured(str(path)).label == "pacu"
    path.write_text("something else")
    with pytest.raises(ValueError, match="is not a capture"):
        load_captured(str(path))
    with path.open("wb") as file:
        file.truncate(CAPTURE_LIMIT + 1)
    with pytest.raises(ValueError, match="is larger than"):
        load_captured(str(path))
    with pytest.raises(FileNotFoundError):
        load_captured(str(tmp_path / "nothing"))


def test_what_has_no_end_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (str(tmp_path / "pipe"), "/dev/zero", "/dev/tty"):
        argv = [sys.executable, "-m", "mlxtop", "--root", place, "--once"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert place in done.stderr and done.stderr.count("\n") == 1


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(OSError) as caught:
        load_captured("/proc/self/mem")
    assert caught.value.filename == "/proc/self/mem"


def told(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is said of a capture on standard error before it is shown."""
    main(["--root", str(path), "--all", "--once"])
    lines = capsys.readouterr().err.splitlines()
    start = f"mlxtop: {path}: "
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


def test_what_was_not_understood_is_told_with_its_first_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "machine.txt"
    path.write_text(EXAMPLE)
    assert told(path, capsys) == []
    path.write_text(f"{HEADER}\n/a = 1\nnonsense\x1b\n  | x\n# a word\n  | y\n  | z\n? x\n")
    assert told(path, capsys) == [
        "5 lines were not understood; line 3: not understood: 'nonsense\\x1b'"
    ]
    path.write_text(f"{HEADER}\n/a = 1\n  | x\n")
    assert told(path, capsys) == [
        "1 line was not understood; line 3: a block that belongs to nothing"
    ]
    path.write_text(f"{HEADER}\n@incomplete yes\n")
    assert told(path, capsys) == ["not all that was read of the machine fitted into the file"]


def test_a_torn_capture_is_told_wherever_it_was_torn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = dump_capture(parse_capture(EXAMPLE))
    assert not parse_capture(text).torn
    assert not parse_capture(text + "\n\n").torn
    for end in range(len(HEADER) + 2, len(text) - 1):
        assert parse_capture(text[:end]).torn, text[:end][-20:]
    path = tmp_path / "machine.txt"
    path.write_text(text[: len(text) // 2])
    assert told(path, capsys)[0] == "the file is cut off: its end is missing"


def test_a_directory_shows_no_more_names_than_a_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captured, "MOST_ENTRIES", 5)
    for number in range(9):
        (tmp_path / str(number)).mkdir()
    assert len(CapturedSystem("x", DirectoryTree(str(tmp_path))).list("/")) == 5
