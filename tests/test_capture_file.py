"""The text format of captured machines, read within bounds and written."""

from __future__ import annotations

import contextlib
import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.system import capture_file
from mlxtop.system.capture import HEADER, Capture, Node, dump_capture
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Finished

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


def test_what_makes_no_sense_is_told_and_the_rest_is_read() -> None:
    capture = parse_capture(f"{HEADER}\n/a = \"open\nnonsense\n? x\n/b hex:\n  | zz\n/c = 1\n$ '\n")
    assert len(capture.complaints) == 5
    assert capture.node("/c") == Node(content=b"1\n")


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
    assert int(done.stderr.split()[-1]) < 550 << 10, "KiB at most"
