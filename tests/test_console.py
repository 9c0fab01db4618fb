"""One place writes to standard output and errors: clean, flushed, and honest about failures."""

import ast
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlxtop
from mlxtop.change.log import ActionLog
from mlxtop.commands.arguments import COMMANDS
from mlxtop.load.run_log import RunWriter
from mlxtop.outputs import console
from mlxtop.present.text import Role
from mlxtop.system.owner import Owner
from tests import recorded

PACKAGE = Path(mlxtop.__file__).parent
CAPTURE = str(Path(__file__).parent / "hosts" / "cx4-x8.txt")

WRITERS = {
    "outputs/console.py": "it is the place",
    "change/revert.py": "a program of its own that has nothing but the standard library",
    "tui/link_types.py": "one fixed text while the screen is away",
}


def writes(tree: ast.AST) -> Iterator[int]:
    """Lines on which a module writes to standard output or errors, or makes JSON of its own."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        streams = ("sys.stdout.", "sys.stderr.", "sys.__stdout__.", "sys.__stderr__.")
        if name == "print" or (
            name.startswith(streams) and name.endswith(("write", "writelines", "flush"))
        ):
            yield node.lineno
        passed = [*node.args, *(keyword.value for keyword in node.keywords)]
        if any(ast.unparse(one) in ("sys.stdout", "sys.stderr") for one in passed):
            yield node.lineno


def test_nothing_else_writes_to_the_terminal() -> None:
    wrong = [
        f"{name}:{line}"
        for path in PACKAGE.rglob("*.py")
        if (name := str(path.relative_to(PACKAGE))) not in WRITERS
        and (text := path.read_text())
        and any(word in text for word in ("print(", "sys.std", "sys.__std"))
        for line in writes(ast.parse(text))
    ]
    assert wrong == []


def test_what_looks_for_writers_sees_them() -> None:
    for line in (
        "print(1)",
        "sys.stdout.write('')",
        "f(file=sys.stderr)",
        "csv.writer(sys.stdout)",
    ):
        assert list(writes(ast.parse(line))) == [1]


def test_every_json_document_has_the_one_encoder() -> None:
    for place in ("cli", "commands", "outputs"):
        for path in (PACKAGE / place).rglob("*.py"):
            assert "json.dump" not in path.read_text(), path


def written(write: Callable[[], None]) -> tuple[str, str]:
    """What goes to standard output and to standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        write()
    return out.getvalue(), err.getvalue()


@given(st.lists(st.text(st.characters(codec=None)), max_size=3))
def test_no_text_leaves_as_an_escape(lines: list[str]) -> None:
    for say in (console.say, console.warn):
        out = "".join(written(partial(say, *lines)))
        assert out.count("\n") == len(lines)
        assert all(line.isprintable() for line in out.split("\n"))
    whole, _ = written(partial(console.write, "\n".join(lines)))
    assert all(line.replace("\t", " ").isprintable() for line in whole.split("\n"))


def test_printable_lines_are_written_as_they_are() -> None:
    text = "a\tb\n  | e\u0301\n\n"
    assert written(partial(console.write, text + "\x1b[2J\n"))[0] == text + "?[2J\n"


def test_a_document_is_strict_json() -> None:
    assert written(partial(console.say_json, {"a": float("nan")}, None))[0] == '{"a":null}\n'


def test_what_cannot_be_written_names_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OSError, match=r"No space left on device: 'standard output'"):
            console.say("x")


def test_a_reader_that_is_gone_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        with pytest.raises(console.ReaderGone):
            console.say("x")


def test_errors_that_nobody_can_read_are_no_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        console.warn("x")


# ---- the program itself, with every kind of standard output


@dataclass(frozen=True)
class Done:
    status: int
    out: bytes
    said: bytes
    """Standard error."""


ALL = {
    "--once": ("--root", CAPTURE, "--once"),
    "--once of a demo": ("--demo", "--once", "-d", "0.1"),
    "--once --json": ("--root", CAPTURE, "--once", "--json"),
    "-b": ("--root", CAPTURE, "-b", "-n", "1"),
    "-b of a demo": ("--demo", "-b", "-n", "2", "-d", "0.1"),
    "--json-stream": ("--demo", "--json-stream", "-n", "2", "-d", "0.1"),
    "--demo list": ("--demo", "list"),
    "--help": ("--help",),
    "--help of a subcommand": ("load", "--help"),
    "-V": ("-V",),
    "doctor": ("--root", CAPTURE, "doctor"),
    "doctor --json": ("--root", CAPTURE, "doctor", "--json"),
    "doctor --udev-rules": ("--root", CAPTURE, "doctor", "--udev-rules"),
    "doctor --help": ("doctor", "--help"),
    "link-type": ("--demo", "cx3-hp", "link-type"),
    "link-type --json": ("--demo", "cx3-hp", "link-type", "--json"),
    "load --plan": ("--demo", "load", "10.0.0.3", "--plan", "--json"),
    "path": ("--demo", "ceph", "path"),
    "path --json": ("--demo", "ceph", "path", "--json"),
    "path --propose": ("--demo", "ceph", "path", "--propose"),
    "path keep --dry-run": ("--demo", "ceph", "path", "keep", "--dry-run"),
    "path keep --unit": ("path", "keep", "--unit"),
    "rdma": ("--demo", "dgx", "rdma"),
    "rdma --json": ("--demo", "dgx", "rdma", "--json"),
    "passport": ("--demo", "tiny", "passport"),
    "passport --json": ("--demo", "tiny", "passport", "--json"),
    "measure --plan": ("--demo", "measure", "10.0.0.3", "--plan"),
    "measure --plan --json": ("--demo", "measure", "10.0.0.3", "--plan", "--json"),
    "runs": ("runs",),
    "runs show": ("runs", "show", "last"),
    "runs --json": ("runs", "--json"),
    "runs --csv": ("runs", "--csv"),
    "runs compare": ("runs", "compare", "last", "last"),
    "log": ("log",),
    "log --json": ("log", "--json"),
    "metrics": ("--root", CAPTURE, "metrics"),
    "metrics --rules": ("metrics", "--rules"),
    "capture": ("--root", CAPTURE, "capture", "-"),
    "record": ("record", "--unit"),
    "report": ("report", "last"),
    "report --json": ("report", "--json", "last"),
    "report --html": ("report", "--html", "last"),
    "cut --help": ("cut", "--help"),
    "fabric --help": ("fabric", "--help"),
    "cabling --help": ("cabling", "--help"),
    "export --csv": ("export", "--csv", "last"),
    "export --perfetto": ("export", "--perfetto", "last"),
    "completion bash": ("completion", "bash"),
    "completion zsh": ("completion", "zsh"),
    "completion fish": ("completion", "fish"),
    "help": ("help",),
    "manual": ("manual",),
}
ONE_CLOSED = ("<&-", "2>&-", "2>/dev/full")
QUICK = ("--once", "manual")
BUFFERING: Mapping[str, dict[str, str]]
BUFFERING = {"buffered": {}, "unbuffered": {"PYTHONUNBUFFERED": "1"}}


def test_every_subcommand_is_tried() -> None:
    assert {word for words in ALL.values() for word in words if word in COMMANDS} == {*COMMANDS} - {
        "replay"
    }, "which needs a terminal"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with a run, an action and a recording: all have something to print."""
    place = tmp_path_factory.mktemp("state")
    writer = RunWriter(place / "mlxtop-nic" / "runs", 1_795_158_435.0)
    writer.begin(started=1_795_158_435.0, note="a note", host="pacu", plan={}, fingerprint={})
    writer.close()
    owner = Owner(os.geteuid(), os.getegid(), str(place))
    ActionLog(str(place / "mlxtop-nic" / "actions.jsonl"), owner).record(action="begin")
    recordings = place / "mlxtop-nic" / "recordings"
    recordings.mkdir()
    recorded.write(recordings / "pacu-20251009T085322Z.mlxrec", recorded.machine("pacu", 20))
    return place


def run(
    state: Path,
    words: Sequence[str],
    more: Mapping[str, str],
    command: str = 'exec "$@"',
    stdout: int = subprocess.PIPE,
) -> Done:
    """The program below a shell that redirects as a person would."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    environ |= {"XDG_STATE_HOME": str(state), "XDG_CONFIG_HOME": "/nonexistent"}
    done = subprocess.run(
        ["bash", "-c", command, "bash", sys.executable, "-m", "mlxtop", *words],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=PACKAGE.parent,
        env={**environ, **more},
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout or b"", done.stderr)


def progress(said: bytes) -> list[bytes]:
    """Lines of standard error without the mark of a simulation and the plan of a load."""
    lines = said.splitlines()
    return [line for line in lines if line.startswith(b"mlxtop: ") and b"DEMO" not in line]


def each(quick: Sequence[str]) -> pytest.MarkDecorator:
    """Every mode once, and those that are not quick in the slow tests."""
    values = [
        pytest.param(ALL[name], id=name, marks=() if name in quick else pytest.mark.slow)
        for name in ALL
    ]
    return pytest.mark.parametrize("words", values)


both = pytest.mark.parametrize("more", BUFFERING.values(), ids=list(BUFFERING))


@both
@each(QUICK)
def test_a_full_disk_is_one_line_and_status_1(
    words: Sequence[str], more: Mapping[str, str], state: Path
) -> None:
    done = run(state, words, more, 'exec "$@" >/dev/full')
    assert progress(done.said) == [b"mlxtop: standard output: No space left on device"]
    assert b"Traceback" not in done.said and b"Exception ignored" not in done.said
    assert done.status == (3 if "doctor" in words else 1)


@both
@each(QUICK[:1])
def test_a_closed_standard_output_is_one_line_and_status_1(
    words: Sequence[str], more: Mapping[str, str], state: Path
) -> None:
    done = run(state, words, more, 'exec "$@" >&-')
    assert progress(done.said) == [b"mlxtop: standard output: Bad file descriptor"]
    assert b"Traceback" not in done.said
    assert done.status == (3 if "doctor" in words else 1)


@both
@each(QUICK)
def test_a_reader_that_has_gone_has_seen_enough(
    words: Sequence[str], more: Mapping[str, str], state: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run(state, words, more, stdout=writer)
    os.close(writer)
    assert done.status == 0
    assert progress(done.said) == []
    assert b"Traceback" not in done.said and b"Exception ignored" not in done.said


@both
@pytest.mark.parametrize(
    "redirect", ["<&- 2>&-", *(pytest.param(one, marks=pytest.mark.slow) for one in ONE_CLOSED)]
)
@each(QUICK[:1])
def test_a_closed_input_or_a_closed_standard_error_change_nothing(
    words: Sequence[str], redirect: str, more: Mapping[str, str], state: Path
) -> None:
    done = run(state, words, more, f'exec "$@" {redirect}')
    assert done.status in ((0, 1, 2) if "doctor" in words else (0,))
    assert done.out
    assert b"Traceback" not in done.said


def test_all_three_closed_leave_a_status(state: Path) -> None:
    assert run(state, ("-V",), {}, 'exec "$@" <&- >&- 2>&-').status == 1


@both
def test_a_file_that_may_not_grow_is_told_and_not_cut_short(
    more: Mapping[str, str], state: Path, tmp_path: Path
) -> None:
    """write(2) takes a part first; Python without a buffer would forget the rest."""
    more = {**more, "PYTHONDONTWRITEBYTECODE": "1"}
    done = run(state, ("manual",), more, f'ulimit -f 4; exec "$@" >{tmp_path}/page')
    assert progress(done.said) == [b"mlxtop: standard output: File too large"]
    assert done.status == 1
    assert (tmp_path / "page").stat().st_size == 4096


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


RED = (("CRITICAL", Role.CRITICAL), ("  p\x1b1", Role.TEXT))


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal, {"TERM": "xterm"}, True),
        (Terminal, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {"TERM": "xterm"}, False),
    ],
)
def test_lines_are_coloured_on_a_terminal_alone_and_always_clean(
    monkeypatch: pytest.MonkeyPatch,
    stream: type[io.StringIO],
    environment: dict[str, str],
    coloured: bool,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with redirect_stdout(stream()) as out:
        console.show(RED)
    head = "\x1b[1;31mCRITICAL\x1b[0m" if coloured else "CRITICAL"
    assert out.getvalue() == f"{head}  p?1\n"


def test_a_line_of_progress_goes_when_something_else_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with redirect_stderr(Terminal()) as err, redirect_stdout(io.StringIO()):
        console.progress("looking … 1 s")
        console.progress("looking … 2 s")
        console.say("found")
        console.say("more")
    assert err.getvalue() == "\r\x1b[Klooking … 1 s\r\x1b[Klooking … 2 s\r\x1b[K"


def test_no_progress_is_written_to_a_file() -> None:
    with redirect_stderr(io.StringIO()) as err:
        console.progress("looking … 1 s")
        console.progress("")
    assert err.getvalue() == ""


@pytest.mark.parametrize(
    ("stream", "lines"),
    [
        (Terminal, ["   1.0 s  55 Gb/s", " " * 10 + "module 60 °C", "stopped by the", "guard"]),
        (io.StringIO, ["   1.0 s  55 Gb/s  module 60 °C", "stopped by the guard"]),
    ],
)
def test_progress_is_broken_between_figures_where_a_terminal_is_narrow(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], lines: list[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "18")
    with redirect_stderr(stream()) as err:
        console.tell_folded("   1.0 s  55 Gb/s  module 60 °C", Role.TEXT)
        console.tell_folded("stopped by the guard", Role.TEXT)
    assert err.getvalue().splitlines() == lines
