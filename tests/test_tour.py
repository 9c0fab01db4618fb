"""A minute on every simulated machine, through every screen: nothing fails that is not meant to."""

import pytest

from mlxtop.lab import MACHINES
from tests.screenshots import FILM, FILM_MACHINE, FOLDER, SCENES, SHOTS, placed, plain_svg
from tests.tour import walk

INTENDED = {"faulty": {"0000:65:00.0/1 hwmon", "0000:65:00.1/1 hwmon"}}
"""Machine to the subjects that it cannot read."""

STOPS = (
    ("j", "s", "u"),
    ("M", "M", "enter"),
    ("2", "3"),
    ("4", "5", "6", "n"),
    ("escape", "e"),
    ("escape", "d", "enter"),
    ("escape", "question_mark", "escape", "z"),
)
"""Keys, and nine seconds after each row of them."""


QUICK = ("faulty",)
"""Machines whose tour is part of the quick tests."""


@pytest.mark.parametrize(
    "machine",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MACHINES],
)
async def test_a_minute_on_every_machine_shows_only_what_the_machine_is_meant_to_have(
    machine: str,
) -> None:
    size = 110, 34
    async with walk(machine, size, interval=9.0) as walking:
        for keys in STOPS:
            await walking.press(*keys)
            await walking.forward(9.0)
            lines = walking.text().split("\n")
            assert {len(line) for line in lines} == {size[0]}
            assert "DEMO" in lines[0]
        assert walking.app.is_running
        assert walking.app.error is None
        assert set(walking.problems) == INTENDED.get(machine, set())


async def test_a_picture_keeps_every_character_at_its_place_and_fetches_nothing() -> None:
    async with walk("fry", (80, 24), interval=5.0) as walking:
        await walking.forward(9.0)
        svg = plain_svg(walking.app.export_screenshot())
    assert "url(" not in svg.replace("url(#", "")
    assert "textLength" in svg
    assert "textLength" not in placed(svg)


def test_every_picture_has_its_own_name() -> None:
    assert len({scene.name for scene in SCENES}) == len(SCENES)
    assert {name for scene in SCENES for name in scene.machine.split("+")} | {FILM_MACHINE} <= set(
        MACHINES
    )


def test_the_film_is_short_and_small() -> None:
    assert sum(shot.pictures * shot.shown_ms for shot in SHOTS) <= 20_000
    film = FOLDER / f"{FILM}.webp"
    assert b"ANIM" in film.read_bytes()[:2000], "an animated WebP"
    assert film.stat().st_size < 3_000_000
