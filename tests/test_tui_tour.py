"""The tour tells and plays the first story; the person can take over at any time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlxtop.cli import main
from mlxtop.lab import MACHINES, look
from mlxtop.tui.tour import CUT_STEPS, FAR_STEPS, OVER, STEPS, TOURS, Step, Tour
from tests.tour import walk


async def play(
    machines: str, steps: Sequence[Step], monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    """The last screen of a tour that says all that it has to say, and the name of that screen."""
    monkeypatch.setattr("mlxtop.tui.tour.KEY_S", 0.05)  # a field is there before its key
    said: list[str] = []
    async with walk(machines) as walking:
        app = walking.app
        app.tour = Tour(app, steps)
        monkeypatch.setattr(app, "notify", lambda text, **_: said.append(text))
        for _ in range(120):
            await walking.forward(1.0)
            await walking.until(lambda: not app.tour or not app.tour.keys, 5.0)
            if app.tour is None:
                break
        assert said == [*(step.text for step in steps if step.text), OVER]
        return walking.text(), type(app.screen).__name__


@pytest.mark.slow
async def test_the_tour_runs_a_load_that_the_heat_guard_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, screen = await play("fry", STEPS, monkeypatch)
    assert screen == "LoadDialog" and "stopped by the heat guard" in text, text


@pytest.mark.slow
async def test_the_tour_of_both_ends_ends_with_the_guard_of_the_far_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, screen = await play("pacu+fry", FAR_STEPS, monkeypatch)
    assert screen == "LoadDialog" and "stopped by the heat guard" in text, text
    assert "heat guard: fry module" in text


@pytest.mark.slow
async def test_the_tour_of_three_hosts_shows_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    text, screen = await play("ceph+ceph2+ceph3", CUT_STEPS, monkeypatch)
    assert screen == "Events" and "link" in text, text


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
    for steps in (STEPS, *TOURS.values()):
        assert [step.second for step in steps] == sorted(step.second for step in steps)


@pytest.mark.parametrize("name", [*MACHINES, *TOURS, "roce1+roce2+roce3+roce4"])
def test_every_machine_says_what_to_look_at_and_which_keys_to_try(name: str) -> None:
    assert 40 < len(look(name)) < 140


def test_joined_machines_tell_whatever_their_order_and_whoever_is_beside_them() -> None:
    assert look("fry+tiny+pacu") == look("pacu+fry") != ""
    assert look("pacu+ceph") == ""
