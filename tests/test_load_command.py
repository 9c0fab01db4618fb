"""`mlxtop load` shows a plan, runs it, and ends with the right status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlxtop.cli import main

from .load_lab import PEER


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "mlxtop-nic" / "runs"


def test_the_plan_can_be_shown_without_running_it(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--demo", "pacu", "load", PEER, "--plan", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["plan"]["port_name"] == "enp67s0np0"
    assert not state.exists()


def test_a_refused_test_ends_with_1_and_says_why(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--demo", "pacu", "load", "10.0.0.2"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("mlxtop: DEMO, ")
    assert "\nmlxtop: refused: 10.0.0.2 is an address of this host" in said.err
    assert said.out == ""
    assert main(["--demo", "pacu", "--readonly", "load", PEER]) == 1
    assert main(["--demo", "pacu", "load"]) == 1
    assert main(["--demo", "pacu", "load", PEER, "--time", "0"]) == 1
    assert not state.exists()
