"""Captured machines: any text is read, and no directory leads out of itself."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.cli import main
from mlxtop.system import capture_file, captured
from mlxtop.system.capture import HEADER, Capture, Node, dump_capture
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


def test_what_makes_no_sense_is_told_and_the_rest_is_read() -> None:
    capture = parse_capture(f"{HEADER}\n/a = \"open\nnonsense\n? x\n/b hex:\n  | zz\n/c = 1\n$ '\n")
    assert len(capture.complaints) == 5
    assert capture.node("/c") == Node(content=b"1\n")


def test_links_in_a_circle_and_endless_ones_end() -> None:
    text = f"{HEADER}\n/a -> b\n/b -> a\n/c -> c/c\n/d -> {'x/' * 5000}\n"
    capture = parse_capture(text)
    machine = CapturedSystem("loop", capture, capture)
    for path in ("/a", "/b/x", "/c", "/d"):
        with pytest.raises(OSError) as caught:
            machine.read(path)
        assert caught.value.errno == errno.ELOOP


LINES = st.lists(
    st.text(max_size=30)
    | st.sampled_from([*EXAMPLE.splitlines(), "/a/", "/a -> /a", "/ = 1", "@x:", "$", "$ => 3"])
)


@given(LINES)
def test_no_text_makes_the_reader_raise(lines: list[str]) -> None:
    capture = parse_capture("\n".join([HEADER, *lines]))
    machine = CapturedSystem("any", capture, capture)
    for path in ["/", "/sys/class/net", *capture.nodes]:
        for look in (machine.read, machine.list, machine.link, machine.real):
            with contextlib.suppress(OSError):
                look(path)
    dump_capture(capture)


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0") | st.sampled_from("\udc80\udcff %\n:"),
    min_size=1,
    max_size=8,
).filter(lambda name: name not in (".", ".."))
NODES = st.one_of(
    st.builds(Node, content=st.binary(max_size=40) | st.text(max_size=40).map(str.encode)),
    st.builds(Node, target=NAMES),
    st.builds(Node, error=st.sampled_from([errno.EIO, errno.EINVAL, errno.ENODEV])),
    st.just(Node()),
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
WORDS = st.text(max_size=9).filter(str.isprintable)
NUMBERS = st.integers(-(1 << 63), (1 << 64) - 1)
JSON = st.recursive(st.none() | NUMBERS | TEXT, lambda inner: st.lists(inner, max_size=3))


@given(
    st.dictionaries(NAMES, NODES, max_size=6),
    st.dictionaries(st.tuples(st.just("links"), st.sampled_from("abc")), JSON, max_size=3),
    st.dictionaries(
        st.lists(WORDS, min_size=1, max_size=4).map(tuple),
        st.tuples(st.integers(-64, 255), TEXT, TEXT).map(lambda made: Finished(*made)),
        max_size=3,
    ),
)
def test_what_is_written_is_read_back_the_same(
    nodes: dict[str, Node],
    answers: dict[tuple[str, ...], object],
    commands: dict[tuple[str, ...], Finished],
) -> None:
    capture = Capture(
        properties={"label": "pacu: the first", "root": "no"}, blocks={"x": "1\n\n2\n"}
    )
    for name, node in nodes.items():
        capture.add(f"/sys/{name}", node)
    capture.answers.update(answers)
    capture.commands.update(commands)
    back = parse_capture(dump_capture(capture))
    assert back.complaints == []
    assert back.nodes == capture.nodes
    assert back.answers == capture.answers
    assert back.commands == capture.commands
    assert (back.properties, back.blocks) == (capture.properties, capture.blocks)


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


@pytest.mark.parametrize("size", [5, 6, 50])
def test_an_answer_of_too_many_entries_is_cut(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(capture_file, "MOST_ENTRIES", 5)
    rows = list(range(size))
    text = f"{HEADER}\n? links = {rows}\n? link-counters = "
    capture = parse_capture(text + json.dumps({str(row): [row] for row in rows}) + "\n")
    assert capture.answers["links",] == rows[:5]
    assert capture.answers["link-counters",] == {str(row): [row] for row in rows[:5]}
    cut = f"only the first 5 of {size} entries are read"
    assert capture.complaints == ([f"line 2: {cut}", f"line 3: {cut}"] if size > 5 else [])


def test_a_capture_holds_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_file, "MOST_VALUES", 20)
    monkeypatch.setattr(capture_file, "MOST_COMMAND_TEXT", 20)
    monkeypatch.setattr("mlxtop.system.capture.MOST_ENTRIES", 5)
    lines = [*(f"? rings e{n} = [1,2,3]" for n in range(9)), *(f"$ ls {n}" for n in range(9))]
    lines += [f"/sys/class/net/e{n}/type = 1" for n in range(9)]
    capture = parse_capture("\n".join([HEADER, *lines, "/sys/class/net/e0/mtu = 1", ""]))
    assert len(capture.answers) == len(list(capture.children("/sys/class/net"))) == 5
    assert len(capture.commands) == 5
    assert capture.node("/sys/class/net/e0/mtu") == Node(content=b"1\n")
    assert capture.odd_lines == 4 + 4 + 4
    monkeypatch.setattr(capture_file, "MOST_LINES", 3)
    capture = parse_capture("\n".join([HEADER, "/a = 1", "/b = 1", "/c = 1", ""]))
    assert list(capture.nodes) == ["/a", "/b"]
    assert capture.complaints == ["line 4: only 3 lines are read"]


def test_a_directory_shows_no_more_names_than_a_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captured, "MOST_ENTRIES", 5)
    for number in range(9):
        (tmp_path / str(number)).mkdir()
    assert len(CapturedSystem("x", DirectoryTree(str(tmp_path))).list("/")) == 5


SIZE = 31 << 20
"""Bytes of a large capture."""
PIECES = {
    "links": '{"name":"e%d","index":%d},',
    "links with long names": '{"name":"' + "e" * 70 + '%d","index":%d},',
    "blank lines": "\n",
    "blocks": "/a%d:\n  |\n",
    "lines of a block": "  |\n",
    "answers": "? a%d = 1\n",
    "lists": "[],",
    "properties": "@p%d v\n",
    "commands": "$ c%d\n",
    "quoted commands": "$ " + "'%d' " * 500 + "\n",
    "deep paths": "/%d" + ("/" + "x" * 62) * 60 + " = 1\n",
    "names": "/sys/class/net/e%d/type = 1\n",
    "nonsense": "x\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PIECES)
def test_a_large_capture_takes_little_memory(tmp_path: Path, kind: str) -> None:
    piece, path = PIECES[kind], tmp_path / "machine.txt"
    head, tail = ("? links = [", '""]\n') if piece.endswith(",") else ("/a:\n", "")
    each = piece.replace("%d", "%07d")
    places = piece.count("%d")
    with path.open("w") as file:
        file.write(f"{HEADER}\n{head}")
        for number in range(SIZE // len(each % ((0,) * places))):
            file.write(piece % ((number,) * places))
        file.write(tail)
    assert path.stat().st_size > 16 << 20
    argv = ["--root", str(path), "--all", "--once", "--json"]
    code = (
        "import sys, resource; from mlxtop.cli import main; main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True
    )
    assert int(done.stderr.split()[-1]) < 500 << 10, "KiB at most"
