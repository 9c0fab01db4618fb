"""Captures with faults, command lines by chance and devices with odd names end nothing untidily."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mlxtop.cli import main
from mlxtop.commands.arguments import COMMANDS
from mlxtop.system.capture_file import parse_capture
from tests import netns
from tests.hostile import BYTES, ERRORS, TEXTS, VALUES, spoil
from tests.test_security_strangers import REPOSITORY, harmless

MUTANTS, LINES = 150, 300
LOOKS = (("--all", "--once"), ("--all", "--once", "--json"), ("--all", "doctor", "--json"))
MOST_BYTES = 64 << 20
"""Bytes that looking at a small capture may take."""


def ended(*words: str) -> tuple[int, str, str]:
    """Status and outputs of the program, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(words)
        except SystemExit as end:  # of argparse, for help
            status = int(end.code or 0)
    return status, out.getvalue(), err.getvalue()


def strictly(text: str) -> Any:
    """JSON without the numbers that JSON does not have."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def changed(line: str, dice: random.Random) -> str:
    """The line of a capture, damaged."""
    head, mark, value = line.partition(" = ")
    match dice.randrange(7):
        case 0:
            return ""
        case 1:
            return line[: dice.randrange(len(line) + 1)]
        case 2:
            return line + "\n" + line
        case 3 if mark:
            return f"{head} ! {os.strerror(dice.choice(ERRORS))}"
        case 4 if line.startswith("? ") and mark:
            answer = dice.choice(VALUES)
            with suppress(ValueError):  # damaged before
                answer = spoil(json.loads(value), dice) if dice.random() < 0.8 else answer
            return f"{head} = {json.dumps(answer)}"
        case 5 if mark:
            return f"{head} = {dice.choice(BYTES).decode('utf-8', 'surrogateescape')}"
    place = dice.randrange(len(line) + 1)
    return line[:place] + chr(dice.choice((0, 7, 27, 47, 58, 0x202E, 0x20AC))) + line[place + 1 :]


def mutant(seed: int) -> str:
    """One of the captured machines with a few lines damaged, moved or cut off."""
    dice = random.Random(seed)
    lines = dice.choice(sorted(TEXTS.values())).split("\n")
    for _ in range(dice.choice((1, 3, 10, 60))):
        place = dice.randrange(1, len(lines))
        lines[place] = changed(lines[place], dice)
    if dice.random() < 0.2:
        rest = lines[1:]
        dice.shuffle(rest)
        lines = lines[:1] + rest
    text = "\n".join(lines)
    return text[: dice.randrange(20, len(text))] if dice.random() < 0.2 else text


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_mutated_captures_are_shown_in_bounds(tmp_path: Path, part: int) -> None:
    path = tmp_path / "machine.txt"
    for seed in range(part, MUTANTS, 5):
        path.write_text(mutant(seed), encoding="utf-8", errors="surrogateescape")
        for words in LOOKS:
            tracemalloc.start()
            status, out, err = ended("--root", str(path), *words)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert status in (0, 1, 2, 3), (seed, words)
            assert "Traceback" not in err and "--debug" not in err, (seed, words, err)
            assert harmless(out + err), (seed, words)
            assert peak < MOST_BYTES, (seed, words)
            if "--json" in words and out:
                assert isinstance(strictly(out), dict), (seed, words)


OPTIONS = (
    *("--once", "--json", "--json-stream", "-b", "--batch", "--all", "--ascii", "--readonly"),
    *("-n", "-n1", "--count", "--count=2", "-d", "-d0", "--delay=0.1", "-i", "--include=!eth*"),
    *("--theme", "--demo", "--demo=pacu", "-V", "--help", "-h", "--", "-", "--probe", "--plan"),
    *("--udev-rules", "--no-mask", "--yes", "--csv", "--time=1", "--cooldown=0", "--parallel"),
)
WORDS = (
    *("", "-1", "0", "1", "nan", "inf", "1e999", "9" * 5000, "x", "é", "\x1b[2J", "\udcff", "%s"),
    *("10.0.0.3", "::1", "eth0", "mlx5_0", "*", "[", "last", "show", "compare", "bash", "zsh"),
    *("ib", "eth", "auto", "../../etc/passwd", "/dev/null", "a b", "$(id)", "list", "dark"),
)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own for all that a command may write."""
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.slow
def test_command_lines_by_chance_end_in_order(nowhere: Path) -> None:
    path = nowhere / "machine.txt"
    path.write_text(TEXTS["cx4-x8"])
    dice = random.Random(14)
    ends = set()
    for number in range(LINES):
        words = dice.choices(OPTIONS, k=dice.randrange(4))
        words += [dice.choice(list(COMMANDS))] if dice.random() < 0.7 else []
        words += dice.choices((*OPTIONS, *WORDS), k=dice.randrange(4))
        status, out, err = ended("--root", str(path), *words)
        ends.add(status)
        assert status in (0, 1, 2, 3), (number, words)
        assert "Traceback" not in err and "(--debug" not in err, (number, words, err)
        assert harmless(err), (number, words)
        assert status != 1 or err.startswith("mlxtop: ") or out, (number, words)
    assert ends >= {0, 1, 3}


def netdevs(document: str) -> list[str]:
    """The network devices of a JSON document."""
    cards = strictly(document)["adapters"]
    return [port["netdev"] for card in cards for port in card["ports"]]


ODD_NAMES = (
    *("-rf", "--help", "$(id)", "`id`", ";id", "|id", "&&id", "'x", '"x', "\\x", "*", "?", "[a-z]"),
    *("{a,b}", "~", "#x", "!x", "é", "中", "\u202evil", "\x1b[31m", "\x07", "\x7f", "%s%n", "<b>"),
    *("[bold]x", "a=b", "@x", "999999999999999", "null", "\x9b2J"),
)


@pytest.mark.slow
def test_devices_with_odd_names_are_shown_and_captured(tmp_path: Path) -> None:
    if reason := netns.missing():
        pytest.skip(reason)
    with netns.pair() as hosts:
        made = 0
        for number, name in enumerate(ODD_NAMES):
            argv = ["ip", "-n", hosts.near, "link", "add", "name", name]
            argv += ["type", "veth", "peer", "name", f"peer{number}"]
            made += subprocess.run(argv, capture_output=True, check=False).returncode == 0
        assert made > 25, "the kernel takes nearly every name"

        def run(*words: str) -> tuple[int, str]:
            done = subprocess.run(
                hosts.on(hosts.near, sys.executable, "-m", "mlxtop", "--all", *words),
                capture_output=True,
                text=True,
                cwd=REPOSITORY,
                env={key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"},
                check=False,
                timeout=120,
            )
            assert "Traceback" not in done.stderr and "--debug" not in done.stderr
            assert harmless(done.stdout + done.stderr), words
            assert done.returncode in (0, 1, 2, 3)
            return done.returncode, done.stdout

        assert run("--once")[0] == 0
        run("doctor")
        strictly(run("doctor", "--json")[1])
        names = netdevs(run("--once", "--json", "--delay=0")[1])
        assert len(names) >= 2 * made
        text = run("capture", "-")[1]
        assert parse_capture(text).complaints == []
        path = tmp_path / "machine.txt"
        path.write_text(text)
        status, out, err = ended("--root", str(path), "--all", "--once", "--json")
        assert (status, err) == (0, "")
        assert len(netdevs(out)) == len(names)
