"""The tour tells and plays the first story; the person can take over at any time."""

from __future__ import annotations

import pytest

from mlxtop.cli import main
from mlxtop.lab import MACHINES, look
from mlxtop.tui.screens.load import LoadDialog
from mlxtop.tui.tour import OVER, SAID, STEPS, Tour
from tests.tour import walk


@pytest.mark.slow
async def test_the_tour_runs_a_load_that_the_heat_guard_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlxtop.tui.tour.KEY_S", 0.001)
    said: list[str] = []
    async with walk("fry") as walking:
        app = walking.app
        app.tour = Tour(app)
        monkeypatch.setattr(app, "notify", lambda text, **_: said.append(text))
        for _ in range(120):
            await walking.forward(1.0)
            await walking.until(lambda: not app.tour or not app.tour.keys, 5.0)
            if app.tour is None:
                break
        assert said == [*(step.text for step in SAID), OVER]
        assert isinstance(app.screen, LoadDialog)
        assert "stopped by the heat guard" in walking.text(), walking.text()


async def test_a_key_of_the_person_ends_it() -> None:
    async with walk("fry") as walking:
        walking.app.tour = Tour(walking.app)
        await walking.forward(1.0)
        assert walking.app.tour is not None
        await walking.press("j")
        assert walking.app.tour is None


def test_it_goes_with_the_demo_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tour"]) == 1
    assert "--tour goes with --demo and the screen" in capsys.readouterr().err


def test_it_takes_a_minute() -> None:
    assert STEPS[-1].second <= 60
    assert [step.second for step in STEPS] == sorted(step.second for step in STEPS)


@pytest.mark.parametrize("name", MACHINES)
def test_every_machine_says_what_to_look_at_and_which_keys_to_try(name: str) -> None:
    assert 40 < len(look(name)) < 140
