"""The completions offer what the parser takes, all of it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.commands.arguments import COMMANDS, Option, Usage, parser, usage
from mlxtop.commands.completion import script as completion
from mlxtop.commands.manual import page
from mlxtop.lab import MACHINES

WHOLE = usage(parser())


BASH, ZSH, FISH = (completion(shell, WHOLE) for shell in ("bash", "zsh", "fish"))


OPTIONS = [
    (name, flag)
    for name, taken in [("", WHOLE), *WHOLE.commands.items()]
    for option in taken.options
    for flag in option.flags
]


def need(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        pytest.skip(f"{command} is not installed")
    return path


def complete_in_bash(*words: str, at: Path | None = None) -> set[str]:
    """What a real bash offers for the last of `words`."""
    asked = " ".join(shlex.quote(word) for word in ("mlxtop", *words))
    script = (
        f'mlxtop() {{ {shlex.quote(sys.executable)} -m mlxtop "$@"; }}\n{BASH}\n'
        f"compopt() {{ :; }}; COMP_WORDS=({asked}); COMP_CWORD={len(words)}; _mlxtop\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [need("bash"), "-euc", script], capture_output=True, text=True, check=True, cwd=at
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_offers_every_option_and_subcommand() -> None:
    for name in ("", *WHOLE.commands):
        asked = [name, "-"] if name else ["-"]
        assert {flag for where, flag in OPTIONS if where == name} <= complete_in_bash(*asked)
    assert set(COMMANDS) <= complete_in_bash("")


def test_bash_offers_the_values_of_an_option(tmp_path: Path) -> None:
    assert set(MACHINES) <= complete_in_bash("--demo", "")
    assert "lo" in complete_in_bash("--once", "-i", "l")
    (tmp_path / "machine.txt").touch()
    assert complete_in_bash("--root", "", at=tmp_path) == {"machine.txt"}
    assert complete_in_bash("completion", "") >= {"bash", "zsh", "fish"}
    assert complete_in_bash("--count", "") == set()


def test_fish_offers_every_option_and_subcommand() -> None:
    def complete(line: str) -> str:
        script = f"{FISH}\ncomplete -C {shlex.quote(line)}"
        done = subprocess.run(
            [need("fish"), "-c", script], capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return done.stdout

    for name in ("", *WHOLE.commands):
        offered = {line.split("\t")[0] for line in complete(f"mlxtop {name} --").splitlines()}
        wanted = {flag for where, flag in OPTIONS if where == name and flag.startswith("--")}
        assert wanted <= offered
    assert set(COMMANDS) <= {line.split("\t")[0] for line in complete("mlxtop ").splitlines()}


def test_zsh_understands_its_script(tmp_path: Path) -> None:
    place = tmp_path / "_mlxtop"
    place.write_text(ZSH)
    subprocess.run([need("zsh"), "-n", str(place)], check=True)
    for name, flag in OPTIONS:
        assert f"{flag}[" in place.read_text(), name


def test_zsh_completes_at_the_first_call_from_a_file_on_its_fpath(tmp_path: Path) -> None:
    (tmp_path / "_mlxtop").write_text(ZSH)
    script = (
        f"fpath=({shlex.quote(str(tmp_path))} $fpath); autoload -Uz compinit; compinit -u -D\n"
        "_arguments() { print -r -- asked $1 }\n"
        "echo ${_comps[mlxtop]}; _mlxtop; _mlxtop"
    )
    done = subprocess.run(
        [need("zsh"), "-fc", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert (done.stdout, done.stderr) == ("_mlxtop\nasked -C\nasked -C\n", "")


def made(words: list[str]) -> Iterator[Usage]:
    """Usages whose every text is one of `words`."""
    for word in words:
        options = (Option(("--x",), word, False, False, (word,), word),)
        operands = (Option((), word, True, True, (), word),)
        yield Usage(word, options, operands, {"sub": Usage(word, options, operands, {})})


@given(st.lists(st.text("ab '\"$`\\.-[]:;(){}|&\n%é", max_size=12), min_size=1, max_size=20))
def test_no_help_text_breaks_a_script(words: list[str]) -> None:
    for name in ("bash", "zsh"):
        if shutil.which(name):
            for whole in made(words):
                text = completion(name, whole)
                done = subprocess.run(
                    [name, "-n"], input=text, text=True, capture_output=True, check=False
                )
                assert done.stderr == "", text
    for whole in made(words):
        assert not [line for line in page(whole, {}).splitlines() if line.startswith("'")]


def test_bash_offers_what_stands_where_a_word_is_free() -> None:
    assert {"ib", "eth", "auto"} <= complete_in_bash("link-type", "")
    assert {"show", "compare"} <= complete_in_bash("runs", "")
    assert {"dark", "light"} <= complete_in_bash("--theme", "")
    assert "lo" in complete_in_bash("l"), "a port opens its pages"
