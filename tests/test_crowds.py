"""With twice as many cards, ports and programs a command has twice the work, not four times."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from mlxtop.cli import main
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.clock import RealClock
from tests.crowd import LAYOUTS, crowd, steps

FEW = 66
"""More than any result that is remembered, so that every machine below forgets alike."""


@pytest.mark.slow
@pytest.mark.parametrize("words", [("doctor",), ("--once", "--json"), ("link-type",)], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_work_grows_by_the_square_of_the_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(CapturedSystem, "clock", RealClock())  # a simulated one works for each wait
    path = tmp_path / "machine.txt"
    examine = partial(main, ["--root", str(path), "--all", *words])
    work = []
    for count in (2, FEW, 2 * FEW, 4 * FEW):  # the first one imports what is needed
        path.write_text(crowd(layout, count))
        work.append(steps(examine))
    _, one, two, four = work
    pairs = (four - 3 * two + 2 * one) / (6 * FEW * FEW)
    assert pairs < 0.5, work


def test_cards_below_one_bridge_are_one_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "machine.txt"
    path.write_text(crowd("cards", 3))
    main(["--root", str(path), "doctor"])
    assert " ".join(capsys.readouterr().out.split()).count("shares the bridge 0000:00:01.0") == 1
