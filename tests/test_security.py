"""What an adversary could plant or type: nothing of it is run, and nothing of it is an option."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import mlxtop
from mlxtop.cli import main
from mlxtop.lab import LabSystem
from mlxtop.load.request import LoadRequest
from mlxtop.system import owner
from mlxtop.system.door import Finished
from tests.load_lab import planned

PACKAGE = Path(mlxtop.__file__).parent
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

HOSTILE = (
    *("-oProxyCommand=x", "-c", "--", "--help=x", "-", " -c", "a b", "a\tb", "", " "),
    *(
        "10.0.0.3\n",
        "host\n-c",
        "\n",
        "a\0b",
        "\x1b]0;owned\x07",
        "\x1b[2J",
        "\u202eevil",
        "\x9b2J",
    ),
    *("$(id)", "`id`", ";id", "a|b", "a&b", "../../x", "a/b", "é", "x" * 300, "fe80::1%a b"),
    *("fe80::1%\x1b[2J", "fe80::1%eth0\n", "fe80::1%$(id)", "10.0.0.3 -c", "\ud800"),
)
"""Words that are no host, device or address, whatever they are given for."""


# ---- where commands come from


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    """Two directories that root looks into, both with the tool."""
    found = tmp_path / "first", tmp_path / "second"
    for place in found:
        place.mkdir(0o755)
        tool = place / "mlxtop-test-tool"
        tool.write_text("#!/bin/sh\n")
        tool.chmod(0o755)
    monkeypatch.setattr(owner, "SAFE_PATH", os.pathsep.join(map(str, found)))
    return found


def tool_in(place: Path) -> Path:
    return place / "mlxtop-test-tool"


@as_root
def test_root_runs_what_only_root_could_have_put_there(places: tuple[Path, Path]) -> None:
    assert owner.which("mlxtop-test-tool") == str(tool_in(places[0]))


@as_root
@pytest.mark.parametrize("spoil", ["owner", "mode", "directory's owner", "directory's mode"])
def test_root_runs_nothing_that_others_can_change(places: tuple[Path, Path], spoil: str) -> None:
    first, second = places
    spoilt = first if spoil.startswith("directory") else tool_in(first)
    if spoil.endswith("owner"):
        os.chown(spoilt, NOBODY, NOBODY)
    else:
        spoilt.chmod(0o777)
    assert owner.which("mlxtop-test-tool") == str(tool_in(second))
    shutil.rmtree(second)
    assert owner.which("mlxtop-test-tool") is None


@as_root
@pytest.mark.parametrize("spoil", ["owner", "mode"])
def test_root_runs_nothing_below_a_directory_that_others_can_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spoil: str
) -> None:
    place = tmp_path / "opt" / "tools" / "bin"
    place.mkdir(parents=True)
    tool_in(place).write_text("#!/bin/sh\n")
    tool_in(place).chmod(0o755)
    monkeypatch.setattr(owner, "SAFE_PATH", str(place))
    assert owner.which("mlxtop-test-tool") == str(tool_in(place))
    if spoil == "owner":
        os.chown(tmp_path / "opt", NOBODY, NOBODY)
    else:
        (tmp_path / "opt").chmod(0o777)
    assert owner.which("mlxtop-test-tool") is None


@as_root
def test_root_follows_no_link_to_where_others_write(places: tuple[Path, Path]) -> None:
    first, second = places
    open_place = first.parent / "open"
    first.rename(open_place)
    open_place.chmod(0o777)
    first.mkdir(0o755)
    tool_in(first).symlink_to(tool_in(open_place))
    assert owner.which("mlxtop-test-tool") == str(tool_in(second))


def test_nobody_runs_what_lies_where_they_happen_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mlxtop-test-tool").write_text("#!/bin/sh\n")
    (tmp_path / "mlxtop-test-tool").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for path in ("", ".", ":/usr/bin", ".:/usr/bin", "/usr/bin:"):
        monkeypatch.setenv("PATH", path)
        assert owner.which("mlxtop-test-tool") is None


TOOLS = (
    *("mstconfig", "mlxconfig", "mstlink", "mlxlink", "mstmget_temp", "mget_temp", "mstfwreset"),
    *("mstflint", "flint", "mstfwmanager", "mlxfwmanager"),
    *("ethtool", "ip", "iperf3", "ping", "sudo", "journalctl", "dmesg", "getent", "taskset", "sh"),
    *("gcc", "cc", "ld", "objdump", "ldconfig", "rdma", "systemctl", "uname", "mktemp", "tty"),
)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A directory of tools that leave a trace when they are run."""
    place = tmp_path / "planted"
    place.mkdir()
    for name in TOOLS:
        path = place / name
        path.write_text(f'#!/bin/sh\necho "$0 $*" >> {tmp_path}/trace\nexit 1\n')
        path.chmod(0o755)
    return place


def run(
    place: Path, *words: str, start: Sequence[str] = (), **environ: str
) -> subprocess.CompletedProcess[str]:
    """The real program, with a hostile PATH and working directory."""
    return subprocess.run(
        [*start, sys.executable, "-m", "mlxtop", *words],
        cwd=place,
        env={
            **os.environ,
            "PATH": f"{place}:.:{os.environ['PATH']}",
            "PYTHONPATH": str(PACKAGE.parent),
            "XDG_STATE_HOME": str(place.parent / "state"),
            "XDG_CONFIG_HOME": str(place.parent),
            "LC_ALL": "C.UTF-8",
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@as_root
@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("--all", "--once"), ("doctor",), ("link-type",), ("capture", "-"), ("log",)], ids=str
)
def test_root_runs_no_planted_tool(planted: Path, words: Sequence[str]) -> None:
    done = run(planted, *words)
    assert "Traceback" not in done.stderr
    assert not (planted.parent / "trace").exists()


UNPRIVILEGED = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"),
    "--bounding-set=-all,+dac_read_search",
)
"""Nobody, who can read the Python and the sources of this test wherever they lie."""


@as_root
@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("--all", "--once"), ("--all", "doctor"), ("runs",), ("--all", "capture", "-"), ("log",)],
    ids=str,
)
def test_without_rights_sudo_is_left_alone(planted: Path, words: Sequence[str]) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    os.chmod(planted.parent, 0o777)
    done = run(planted, *words, start=UNPRIVILEGED, HOME="/nonexistent")
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 3), done.stderr
    trace = planted.parent / "trace"
    assert "sudo" not in (trace.read_text() if trace.exists() else "")


# ---- how commands are run


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_no_command_goes_through_a_shell() -> None:
    shells = {"sh", "bash", "zsh", "/bin/sh", "/bin/bash", "/usr/bin/sh"}
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        where = path.relative_to(PACKAGE)
        for call in calls(tree):
            said = ast.unparse(call.func)
            assert not any(word.arg == "shell" for word in call.keywords), where
            assert said.partition(".")[2] not in ("popen", "getoutput", "getstatusoutput"), where
            assert said not in ("os.system", "eval", "exec", "pty.spawn"), where
            if where.as_posix() != "system/supervisor.py":  # it becomes the command that it watches
                assert not said.startswith(("os.exec", "os.spawn", "os.posix_spawn")), where
            if said.startswith(("subprocess.", "sh.")) or said == "sh":
                assert where.as_posix() == "system/process.py"
        for node in ast.walk(tree):
            if isinstance(node, ast.List | ast.Tuple) and len(node.elts) > 1:
                first, *rest = [e.value for e in node.elts if isinstance(e, ast.Constant)] or [None]
                assert first not in shells or not {"-c", "-ec", "-euc"} & set(rest), where


# ---- what people type


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Every command that a simulated machine is told to run."""
    found: list[tuple[str, ...]] = []
    for name in ("run", "stream", "foreground"):
        real = getattr(LabSystem, name)

        def note(self: LabSystem, argv: Sequence[str], *rest: Any, real: Any = real, **more: Any):  # type: ignore[no-untyped-def]
            found.append(tuple(argv))
            return real(self, argv, *rest, **more)

        monkeypatch.setattr(LabSystem, name, note)
    return found


def refused(
    capsys: pytest.CaptureFixture[str], status: int, ran: list[tuple[str, ...]], *words: str
) -> None:
    """The program ends with a line that a terminal can show, and ran nothing with the word."""
    assert main(words) == status, words
    told = capsys.readouterr()
    assert told.out == ""
    lines = [line for line in told.err.splitlines() if not line.startswith("mlxtop: DEMO")]
    assert lines and all(line.isprintable() for line in lines), told.err
    started = {argv[0] for argv in ran}
    assert not started & {"iperf3", "getent", "ping", "ssh", "taskset"}, ran
    ran.clear()


@pytest.mark.parametrize("word", HOSTILE, ids=ascii)
def test_no_hostile_word_is_taken_for_a_host(
    word: str, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, 1, ran, "--demo", "load", "--plan", "--", word)
    if word != "--":  # which argparse takes away itself
        refused(capsys, 3, ran, "--demo", "doctor", f"--probe={word}")
    if word.startswith("-") and word != "-":
        refused(capsys, 1, ran, "--demo", "load", word, "--plan")
    assert ran == []


@pytest.mark.parametrize("word", HOSTILE, ids=ascii)
def test_no_hostile_host_gets_past_the_plan_that_the_dialog_shows(
    word: str, ran: list[tuple[str, ...]]
) -> None:
    plan = planned(LoadRequest(word))
    assert plan.refusals and not plan.commands
    assert not [argv for argv in ran if argv[0] in ("getent", "iperf3", "taskset")]


@pytest.mark.parametrize("word", ["-oProxyCommand=x", "\x1b[2J\n", "a\0b", "", "$(id)"], ids=ascii)
def test_no_hostile_word_is_taken_for_a_port(
    word: str, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, 1, ran, "--demo", "load", f"--via={word}", "--plan", "10.0.0.3")
    refused(capsys, 1, ran, "--demo", "link-type", "--", word, "eth")
    refused(capsys, 1, ran, "--demo", "link-type", f"--i-know-it-cuts-me-off={word}", "--", word)
    for option in ("--affinity", "--time", "--bitrate", "--port", "--interval", "--guard"):
        refused(capsys, 1, ran, "--demo", "load", f"{option}={word}", "--plan", "10.0.0.3")
    assert not any(word in argv for argv in ran)


@pytest.mark.parametrize(
    "word", ["-oProxyCommand=x", "\x1b[2J\n", "a\0b", "[", "*" * 50], ids=ascii
)
def test_hostile_patterns_choose_nothing_and_reach_no_terminal(
    word: str, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--demo", f"--include={word}", "--once", "--delay", "0"]) in (0, 1)
    told = capsys.readouterr()
    assert all(line.isprintable() for line in (told.out + told.err).splitlines())
    assert not any(word in argv for argv in ran)


@pytest.mark.parametrize("words", [("--demo=\x1b[2J",), ("--root=a\0b", "--once")], ids=ascii)
def test_hostile_machines_are_refused(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, 1, [], *words)
    refused(capsys, 1, [], "runs", "show", *(word.partition("=")[2] for word in words[:1]))


def test_a_number_or_list_with_a_line_end_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--affinity=0-7\n", "--time=10\n", "--bitrate=1G\n", "--parallel=2\n"):
        refused(capsys, 1, [], "--demo", "load", option, "--plan", "10.0.0.3")


def test_an_answer_of_the_resolver_is_no_option_either(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ("-c STREAM x", "fe80::1%\x1b[2J STREAM x", "$(id) STREAM", ""):
        real = LabSystem.run

        def lie(
            self: LabSystem,
            argv: Sequence[str],
            *,
            answer: str = answer,
            real: Any = real,
            **rest: Any,
        ) -> Finished:
            if argv[0] == "getent":
                return Finished(0, f"{answer}\n", "")
            found: Finished = real(self, argv, **rest)
            return found

        with monkeypatch.context() as patch:
            patch.setattr(LabSystem, "run", lie)
            plan = planned(LoadRequest("peer.example"))
        assert plan.refusals and not plan.commands
