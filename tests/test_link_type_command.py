"""`mlxtop link-type` as a person and as a script use it."""

import json
import os
import pty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlxtop.commands import link_type
from mlxtop.commands.arguments import parser
from mlxtop.settings import Settings
from mlxtop.system.captured import load_captured
from mlxtop.system.door import Finished
from tests.link_lab import FILES, LinkLab, Sudoer, link_lab, sudoer

Type = Callable[[str], None]


def call(system: Any, *words: str, readonly: bool = False) -> int:
    args = parser(("link-type",)).parse_args(["link-type", *words])
    return link_type.run(args, system, Settings(readonly=readonly))


@pytest.fixture
def type_(monkeypatch: pytest.MonkeyPatch) -> Iterator[Type]:
    """A terminal, and a way to type on it."""
    master, slave = pty.openpty()
    with open(slave, encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        yield lambda text: (os.write(master, text.encode()), None)[1]
    os.close(master)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A script's standard input."""
    with open(os.devnull, encoding="utf-8") as null:
        monkeypatch.setattr("sys.stdin", null)
        yield


def sets(system: LinkLab) -> list[tuple[str, ...]]:
    return [argv for argv in system.ran if "set" in argv]


def test_all_ports_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(link_lab()) == 0
    out = capsys.readouterr().out
    assert "0000:08:00.1/1" in out and "mlx4_portN, mstconfig" in out
    assert call(link_lab(), "--json", "enp9s0d1") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ports"][1]["now"] == "eth" and document["ports"][1]["port"] == "0000:09:00.0/2"


@pytest.mark.parametrize(
    ("port", "word", "kind"),
    [("mlx5_1", "Ethernet", "eth"), ("enp9s0d1", "infiniband", "ib"), ("enp9s0d1", "IB", "ib")],
)
def test_types_have_their_long_names_too(
    port: str, word: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(link_lab(), port, word, "--dry-run", "--json") == 0
    assert kind in json.loads(capsys.readouterr().out)["plan"]["ports"].values()


@pytest.mark.parametrize(
    ("word", "told"),
    [("ethernt", "did you mean ethernet?"), ("zzz", "types, the last word: ib, eth, auto")],
)
def test_what_is_neither_port_nor_type_is_answered_with_what_could_be(
    word: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(link_lab(), "mlx5_1", word) == 1
    assert told in capsys.readouterr().err


def test_a_dry_run_shows_the_plan_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    system = link_lab()
    assert call(system, "mlx5_1", "eth", "--dry-run") == 0
    assert "mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P2=2" in capsys.readouterr().out
    assert call(system, "mlx5_1", "eth", "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert plan["commands"] == ["mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P2=2"]
    assert plan["takes_effect"].startswith("at the next boot")
    assert sets(system) == [] and system.written == []


@pytest.mark.parametrize("answer", ["n\n", "\n", "yy\n", "j\n", "Y es\n"])
def test_only_yes_is_yes(type_: Type, answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    system = link_lab()
    type_(answer)
    assert call(system, "mlx5_1", "eth") == 1
    assert sets(system) == [] and "not done" in capsys.readouterr().err


def test_a_person_says_yes_and_the_type_is_stored(
    type_: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    system = link_lab()
    type_("y\n")
    assert call(system, "mlx5_1", "eth") == 0
    assert len(sets(system)) == 1
    assert "LINK_TYPE_P2 next boot: ETH(2) ✓" in capsys.readouterr().out


def test_without_a_person_nothing_happens_but_by_yes(
    nobody: None, capsys: pytest.CaptureFixture[str]
) -> None:
    system = link_lab()
    assert call(system, "mlx5_1", "eth") == 1
    assert "--yes" in capsys.readouterr().err and sets(system) == []
    assert call(system, "mlx5_1", "eth", "--yes") == 0
    assert len(sets(system)) == 1


def test_a_change_at_once_is_kept_when_it_is_confirmed(
    type_: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    system = link_lab()
    type_("y\n")
    type_("y\n")
    assert call(system, "09:00.0/1", "eth") == 0
    assert system.written == [(f"{FILES}1", b"eth\n")]
    out = capsys.readouterr()
    assert "kept" in out.out and "Keep it?" in out.err and "ip link set enp9s0 up" in out.out


def test_a_change_at_once_is_taken_back_when_it_is_not_wanted(type_: Type) -> None:
    system = link_lab()
    type_("y\n")
    type_("n\n")
    assert call(system, "09:00.0/1", "eth") == 1
    assert system.written == [(f"{FILES}1", b"eth\n"), (f"{FILES}1", b"ib\n")]


def test_both_ports_by_the_function(nobody: None) -> None:
    system = link_lab()
    assert call(system, "0000:09:00.0", "eth", "--stored", "--yes") == 0
    assert sets(system)[0][-2:] == ("LINK_TYPE_P1=2", "LINK_TYPE_P2=2")


def test_yes_never_overrides_the_guard(nobody: None, capsys: pytest.CaptureFixture[str]) -> None:
    system = link_lab(network={"default": "enp9s0d1"})
    assert call(system, "0000:09:00.0/1", "eth", "--yes") == 1
    assert "--i-know-it-cuts-me-off 0000:09:00.0/2" in capsys.readouterr().err
    given = ["--i-know-it-cuts-me-off", "0000:09:00.0/1"]
    assert call(system, "0000:09:00.0/1", "eth", "--yes", *given) == 1
    assert system.written == []
    given = ["--i-know-it-cuts-me-off", "enp9s0d1"]
    assert call(system, "0000:09:00.0/1", "eth", "--yes", *given) == 0
    err = capsys.readouterr().err
    assert "mlxtop link-type --keep 0000:09:00.0" in err
    assert system.written == [(f"{FILES}1", b"eth\n")]


@pytest.mark.parametrize(("typed", "status"), [("enp9s0d1\n", 0), ("y\n", 1), ("enp9s0\n", 1)])
def test_a_guarded_port_s_name_has_to_be_typed(type_: Type, typed: str, status: int) -> None:
    system = link_lab(network={"default": "enp9s0d1"})
    type_(typed)
    type_("y\n")
    type_("y\n")
    assert call(system, "enp9s0d1", "ib") == status
    assert bool(system.written) is (status == 0)


def test_a_reset_is_a_decision_of_its_own(nobody: None, capsys: pytest.CaptureFixture[str]) -> None:
    system = link_lab()
    assert call(system, "mlx5_1", "eth", "--reset", "--yes") == 1
    assert "two decisions" in capsys.readouterr().err
    assert call(system, "mlx5_1", "eth", "--yes") == 0
    assert call(system, "mlx5_1", "--reset", "--yes") == 0
    assert "the firmware was loaded anew ✓" in capsys.readouterr().out


def test_readonly_and_captured_machines_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = link_lab()
    assert call(system, "mlx5_1", "eth", "--yes", readonly=True) == 1
    assert "--readonly" in capsys.readouterr().err and system.ran == []
    capture = tmp_path / "machine.txt"
    capture.write_text("mlxtop capture 1\n")
    assert call(load_captured(str(capture)), "mlx5_1", "eth", "--yes") == 1
    assert "captured" in capsys.readouterr().err


def test_what_is_unclear_is_refused(nobody: None, capsys: pytest.CaptureFixture[str]) -> None:
    for words, why in {
        ("mlx4_0", "eth"): "several ports",
        ("nothing", "eth"): "no such port",
        ("eth",): "which port",
        ("mlx5_1", "0000:09:00.0/1", "eth"): "several cards",
        ("--keep",): "no change waits",
        ("mlx5_1", "eth", "--now"): "while it runs",
    }.items():
        system = link_lab()
        assert call(system, *words, "--yes") == 1
        assert why in capsys.readouterr().err, words
        assert sets(system) == [] and system.written == []


def test_what_a_tool_says_cannot_reach_the_terminal(
    nobody: None, capsys: pytest.CaptureFixture[str]
) -> None:
    system = link_lab()
    system.answers["mstconfig set"] = Finished(3, "-E- \x1b]0;owned\x07\x1b[2J", "")
    assert call(system, "mlx5_1", "eth", "--yes") == 1
    out = capsys.readouterr()
    assert "\x1b" not in out.out + out.err


def test_a_change_is_told_as_json(nobody: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(link_lab(), "09:00.0/1", "eth", "--yes", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["done"] and document["kept"] and document["plan"]["method"] == "mlx4_portN"


def test_without_rights_the_commands_are_shown_to_copy(
    nobody: None, capsys: pytest.CaptureFixture[str]
) -> None:
    system = sudoer()
    Sudoer.has_sudo = False
    try:
        assert call(system, "09:00.0/1", "eth", "--yes") == 1
    finally:
        Sudoer.has_sudo = True
    out = capsys.readouterr()
    assert f"echo eth | sudo tee {FILES}1" in out.out and "needs root" in out.err
    assert system.written == []


def test_a_change_that_could_not_be_kept_is_no_success(
    nobody: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mlxtop.change.pending._Timer.keep", lambda pending: False)
    system = link_lab()
    assert call(system, "09:00.0/1", "eth", "--yes") == 1
    assert "taken back" in capsys.readouterr().err
    assert system.written == [(f"{FILES}1", b"eth\n"), (f"{FILES}1", b"ib\n")]
