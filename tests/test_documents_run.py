"""Every command line of the README and of the manual runs, and prints what is shown.

They run in this process, on a simulated machine and in its time, in a home that has a recording of
a night and two load tests. What a reader has to put in has a stand-in here. In a block, a line that
begins with `$ ` is followed by what it prints, up to the next one or the end of the block: exactly
that, but `…` stands for any text of a line, and `…` alone on a line for any lines.
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from textual.app import App
from textual.pilot import Pilot

import mlxtop
from mlxtop import cli
from mlxtop.cli import screens
from mlxtop.commands.arguments import EXAMPLES, parser, usage
from mlxtop.commands.mending import parse
from mlxtop.lab import ManualClock, load_joined, load_lab
from tests.test_tui_app import screen_text, until

PACKAGE = Path(mlxtop.__file__).parent
DOCUMENTS = [PACKAGE.parent / "README.md", *sorted((PACKAGE / "share" / "manual").glob("*.md"))]

PROGRAM = re.compile(r"^(?:sudo )?(?:\.venv/bin/)?mlxtop(?= |$)")
OTHER = re.compile(
    r"^(?:sudo )?(?:(?:apt|kill|pip|pipx|python3?|scp|systemctl|uv) |\./mlxtop\.pyz|\"\$\(command)"
)
"""Programs that a sentence may name with their words, so that it is a command line."""
END = re.compile(r"\s{3,}|\s+#|\s+(?:\|\|?|>|&)(?:\s|$)")
"""What ends a command line: what is said about it, or what another program does with its output."""

ELSEWHERE = {
    "python3 -m venv .venv": "from the network; `.ci/run` runs both of the README's as they stand",
    "python3 .ci/package.py": "from the network; test_package_files builds by it",
    "python -m tests.bench": "minutes of measuring",
    "sudo apt install": "changes the machine; `.ci/run` installs the README's packages",
    "sudo apt remove": "the same",
    "sudo systemctl": "the same",
    "uv tool": "the same; tried by hand before each release",
    "pipx install": "the same",
    "pip install": "the same; test_packaging installs the wheel without network",
    "scp mlxtop.pyz server:": "needs a server",
    "./mlxtop.pyz": "test_package_files starts the file",
    "sudo ./mlxtop.pyz": "the same",
    'sudo "$(command': "the same program by its path",
    "port=": "the script of ten machines needs Prometheus and its ports; test_prometheus scrapes",
    "kill $(jobs -p)": "ends the same script",
    "mlxtop load fry --ssh": "needs an sshd; test_hosts_netns has one",
    "mlxtop measure fry --ssh": "the same",
    "mlxtop replay ID.far": "the same; test_runs opens one",
    "sudo mlxtop passport enp67s0np0 --backup": "needs a flash; test_passport has one",
}
"""How a command line begins that is not run here, and why."""

CABLES = "cables.json"
STAND_INS = {
    "HOST": "10.0.0.3",
    "FILE": "night.mlxrec",
    "OUT": "part.mlxrec",
    "DIR": "images",
    "ID": "last",
    "$name": "tiny",
    "15m": "1m",
    "1h": "1m",
    "/var/lib/prometheus/node-exporter/mlxtop.prom": "mlxtop.prom",
    "10.0.0.3:9838": "127.0.0.1:0",
    "127.0.0.1:$port": "127.0.0.1:0",
}
"""A reader's own word to the one that is used here; a minute does for a quarter of an hour."""
FILES = {"record": "new.mlxrec", "capture": "new.txt", "--save": "new.json", "--check": CABLES}
"""A word of a command line to the file that it makes or reads."""
MACHINES = {"ib0": "odroid", "enp3s0d1": "ceph", "path": "ceph", "fabric": "hdr"}
"""A word of a command line to the simulated machine that it is run on; else it is pacu."""
ENDLESS = {"--listen", "--server", "--json-stream", "record", "watch", "keep", "-b"}
STATUS = {" doctor": (0, 1, 2), "--server": (128 + signal.SIGINT,), "--demo fry load": (1,)}
"""A part of a command line to the status with which it ends; others end with 0."""


class Shown(NamedTuple):
    """A command line of a document, and what it is shown to print; None where nothing is shown."""

    line: str
    output: str | None = None


def command_lines(text: str) -> Iterator[Shown]:
    """Yield the command lines of a document: those of blocks without a label, and of sentences."""
    text = text.replace("\\\n", " ")
    for block in re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.M | re.S):
        if block.startswith("port="):  # a script, of which the lines of this program are run
            script = block.splitlines()
            yield from map(Shown, [script[0], *(one.strip() for one in script if "mlxtop " in one)])
            continue
        for part in re.split(r"^(?=\$ )", block, flags=re.M):
            line, _, output = part.partition("\n")
            if line.startswith("$ "):
                yield Shown(line.removeprefix("$ "), output.strip("\n"))
            else:
                yield from map(Shown, part.splitlines())
    for span in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)):
        line = " ".join(span.split())
        if PROGRAM.match(line) or OTHER.match(line):
            yield Shown(line)


ALL = {one for path in DOCUMENTS for one in command_lines(path.read_text("utf-8"))}
OURS = sorted(
    {Shown(END.split(one.line)[0], one.output) for one in ALL if PROGRAM.match(one.line)}
    | set(map(Shown, EXAMPLES))
)
RUN = [one for one in OURS if not one.line.startswith(tuple(ELSEWHERE))]


def words(line: str) -> list[str]:
    """Return the words of a command line, as a reader types them."""
    return shlex.split(PROGRAM.sub("", line))


def on_a_simulated_machine(given: list[str]) -> list[str]:
    """Return the words with stand-ins and, where they name no machine, a simulated one."""
    (file,) = [FILES[word] for word in given if word in FILES][:1] or ["FILE"]
    mine = [file if word == "FILE" else word for word in given]
    mine = [STAND_INS.get(word, word) for word in mine]
    if "--listen" in mine[-1:]:
        mine.append("127.0.0.1:0")  # its own port may be taken
    if "-H" in mine:
        while "-H" in mine:
            place = mine.index("-H")
            del mine[place : place + 2]
        rest = [word for word in mine if word not in ("--no-local", "--sudo")]
        return ["--demo", "pacu+fry", *rest]
    if {"--demo", "--from", "--root", "replay"} & {*mine}:
        return mine
    if mine[:1] == ["load"]:
        mine = [STAND_INS["HOST"] if word in ("fry", "10.0.0.2") else word for word in mine]
    return ["--demo", next((MACHINES[word] for word in mine if word in MACHINES), "pacu"), *mine]


def pattern(output: str) -> str:
    """Return the regular expression of an output that is shown."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in output.split("\n")]
    return "".join("(?s:.*)" if line == ".*" else rf"{line} *\n" for line in lines)


class CtrlC(ManualClock):
    """A clock that interrupts the program once, after ten simulated seconds."""

    pressed = False

    def _go_on(self) -> None:
        super()._go_on()
        if self.now() > 10.0 and not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)


def start(monkeypatch: pytest.MonkeyPatch, home: Path, given: list[str]) -> int:
    """Run the program in a home, in simulated time and on a screen of no terminal."""
    kind = CtrlC if ENDLESS & {*given} and "--for" not in given else ManualClock
    clock = kind()
    if "pacu+fry" in given:  # the machines' threads move time, and this one waits for them
        with ThreadPoolExecutor(1) as other:
            clock = other.submit(kind).result()
    run = App.run

    async def leave(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await until(pilot, lambda: app.open and "b/s" in screen_text(app))
        app.exit(0)

    def run_headless(app: Any, *_: Any, **__: Any) -> Any:
        return run(app, headless=True, size=(120, 40), auto_pilot=leave)

    master, slave = pty.openpty()
    os.write(master, b"y\n" * 9)
    with open(master), open(slave, encoding="utf-8") as terminal, monkeypatch.context() as patch:
        patch.setattr("mlxtop.lab.load_lab", lambda name, *_, **more: load_lab(name, clock, **more))
        patch.setattr("mlxtop.lab.load_joined", partial(load_joined, clock=clock))
        patch.setattr(App, "run", run_headless)
        patch.setattr(screens, "_need_terminal", lambda _: None)
        patch.setattr(sys, "stdin", terminal)
        for name, value in {"HOME": str(home), "TZ": "NIGHT+5:50", "COLUMNS": "100"}.items():
            patch.setenv(name, value)
        patch.chdir(home)
        time.tzset()  # the recording begins at 03:03
        try:
            return cli.main(given)
        finally:
            patch.undo()
            time.tzset()


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a recording of the night and two load tests."""
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        night = ["--demo", "fry", "-d", "60", "record", "--for", "27m", "night.mlxrec"]
        assert start(patch, place, night) == 0
        for seconds in ("5", "6"):
            assert start(patch, place, ["--demo", "load", "10.0.0.3", "-t", seconds]) == 0
        assert start(patch, place, ["--demo", "cabling", "--save", CABLES]) == 0
    own = place / ".local/state/mlxtop-nic/recordings"
    own.mkdir()
    shutil.copy(place / "night.mlxrec", own / "fry-20251009T085320Z.mlxrec")
    (place / "images").mkdir()
    return place


@pytest.mark.slow
@pytest.mark.parametrize("one", RUN, ids=[one.line for one in RUN])
def test_a_command_line_runs_and_prints_what_is_shown(
    one: Shown,
    lived_in: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = words(one.line)
    parse([STAND_INS.get(word, word) for word in given], lambda name: name == "fry")
    home = shutil.copytree(lived_in, tmp_path / "home")
    capsys.readouterr()
    status = start(monkeypatch, home, on_a_simulated_machine(given))
    said = capsys.readouterr()
    good = next((STATUS[part] for part in STATUS if part in one.line), (0,))
    assert status in good, said.err
    assert "--debug" not in said.err and "Traceback" not in said.err
    if one.output is not None:
        assert re.fullmatch(pattern(one.output), said.out), said.out


def test_every_command_line_is_run_or_has_its_reason() -> None:
    others = [one.line for one in ALL if not PROGRAM.match(one.line)]
    assert [line for line in others if not line.startswith(tuple(ELSEWHERE))] == []
    lines = [one.line for one in ALL]
    assert [name for name in ELSEWHERE if not any(line.startswith(name) for line in lines)] == []


def test_every_subcommand_is_in_a_document() -> None:
    named = {word for one in OURS for word in words(one.line)}
    assert usage(parser()).commands.keys() - named == set()


def test_what_is_shown_may_leave_out_text_and_lines() -> None:
    (one,) = command_lines("```\n$ mlxtop -V   the version\na … c\n…\nz\n```\n")
    assert one == Shown("mlxtop -V   the version", "a … c\n…\nz")
    for printed, fits in {
        "a b c\n1\n2\nz\n": True,
        "a b c\nz\n": True,
        "a b d\nz\n": False,
    }.items():
        assert bool(re.fullmatch(pattern(one.output or ""), printed)) == fits
