"""The wall of small charts, and the table where there are many ports: how they look, their keys.

After a wanted change: `pytest tests/test_tui_wall.py --snapshot-update`, and look at the file.
"""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from mlxtop.present.text import width
from mlxtop.settings import Settings
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.screens.pages import Detail
from mlxtop.tui.screens.wall import Wall
from mlxtop.tui.widgets.wall_grid import LEAST_HEIGHT, WallGrid, tiling
from tests.samples import Samples, ethernet, mlx5_port, sample
from tests.test_tui_app import running, screen_text, until
from tests.twelve import PORTS, twelve

SIZES = [(60, 15), (80, 24), (120, 40), (200, 60)]


def below_header(text: str) -> str:
    """The screen without its first line, which has the time of day."""
    return "\n".join(line.rstrip() for line in text.split("\n")[1:])


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", SIZES)
async def test_the_wall_looks_so(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with running(Samples(twelve()), size) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: "ports in trouble" in screen_text(app))
        await pilot.pause()
        assert below_header(screen_text(app)) == snapshot


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", SIZES)
async def test_the_table_of_many_ports_looks_so(
    size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    async with running(Samples(twelve()), size) as (app, pilot):
        await pilot.pause()
        lines = screen_text(app).split("\n")
        end = next(place for place, line in enumerate(lines) if line.startswith("╰"))
        assert "\n".join(lines[1 : end + 1]) == snapshot


async def test_all_twelve_ports_are_seen_at_80_by_24() -> None:
    async with running(Samples(twelve())) as (app, pilot):
        text = screen_text(app)
        assert all(str(port.netdev) in text for port in PORTS)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Wall))
        await until(pilot, lambda: all(str(port.netdev) in screen_text(app) for port in PORTS))


async def test_the_sickest_port_stands_first_and_keys_go_from_tile_to_tile() -> None:
    async with running(Samples(twelve()), (120, 40)) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Wall))
        grid = app.screen.query_one(WallGrid)
        await until(pilot, lambda: len(grid.ports) == 12)
        assert [port.device for port in grid.ports[:2]] == ["0000:05:00.0", "0000:09:00.0"]
        across = tiling(12, grid.size.width, grid.size.height).across
        places = {"home": 0, "right": 1, "down": 1 + across, "left": across, "up": 0, "end": 11}
        for key, place in places.items():
            await pilot.press(key)
            assert app.state.selected == grid.ports[place], key
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await until(pilot, lambda: "▸2 Link" in screen_text(app))
        await pilot.press("escape", "enter")
        await until(pilot, lambda: "▸1 Traffic" in screen_text(app))
        await pilot.press("escape", "w")
        assert isinstance(app.screen, Overview)
        await until(pilot, lambda: "▸ ens12f0np0" in screen_text(app))
        assert app.state.selected == PORTS[11].id


async def test_a_click_selects_a_tile_and_another_opens_it() -> None:
    async with running(Samples(twelve()), (120, 40)) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Wall))
        grid = app.screen.query_one(WallGrid)
        await until(pilot, lambda: len(grid.ports) == 12)
        await pilot.click("#wall", offset=(40, 2))
        await until(pilot, lambda: app.state.selected == grid.ports[1])
        await pilot.click("#wall", offset=(40, 2))
        await until(pilot, lambda: isinstance(app.screen, Detail))


async def test_tiles_that_do_not_fit_are_scrolled_to() -> None:
    async with running(Samples(twelve()), (60, 15)) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Wall))
        await until(pilot, lambda: "ens5f0np0" in screen_text(app))
        assert "ens12f0np0" not in screen_text(app)
        await pilot.press("end")
        await until(pilot, lambda: "▸● ens12f0np0" in screen_text(app))


async def test_page_keys_go_by_the_tiles_that_are_seen() -> None:
    async with running(Samples(twelve()), (60, 13)) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Wall))
        grid = app.screen.query_one(WallGrid)
        await until(pilot, lambda: len(grid.ports) == 12)
        await pilot.press("home")
        across = tiling(12, grid.size.width, grid.size.height).across
        for key, place in (("pagedown", 1), ("pagedown", 2), ("pageup", 1)):
            await pilot.press(key)
            assert app.state.selected == grid.ports[place * grid.rows * across]


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (30, 10)])
async def test_the_wall_bears_every_size_and_ascii(size: tuple[int, int]) -> None:
    async with running(Samples(twelve(5)), size, Settings(ascii=True)) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Wall))
        await pilot.press("j", "end", "home")
        await pilot.pause()
        text = screen_text(app)
        assert {len(line) for line in text.split("\n")} == {size[0]}
        assert text.isascii()


async def test_a_machine_without_ports_says_so() -> None:
    async with running(Samples([sample(1.0)])) as (app, pilot):
        await pilot.press("w", "j", "enter")
        await until(pilot, lambda: "no port" in screen_text(app))


@pytest.mark.parametrize("count", [1, 2, 5, 12, 30, 200])
@pytest.mark.parametrize("size", [(24, 4), (78, 20), (198, 56), (10, 2)])
def test_tiles_fit_side_by_side(count: int, size: tuple[int, int]) -> None:
    across, width, height = tiling(count, *size)
    assert across >= 1
    assert across * (width + 1) - 1 <= max(size[0], 1)
    assert height >= LEAST_HEIGHT


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (200, 60)])
@pytest.mark.parametrize("key", ["", "w", "d", "e"])
async def test_names_of_sixty_characters_break_no_screen(size: tuple[int, int], key: str) -> None:
    long = [mlx5_port(f"0000:{n:02x}:00.0", f"en{n}" + "x" * 57, "m" * 60) for n in range(1, 31)]
    given = [
        sample(float(tick), *(ethernet(port, tick, 1e9, 1e9, errors=tick) for port in long))
        for tick in range(1, 4)
    ]
    async with running(Samples(given), size) as (app, pilot):
        await pilot.press(*key)
        await until(pilot, lambda: app.is_running and app.state.frame is not None)
        await pilot.press("end", "home")
        await pilot.pause()
        text = screen_text(app)
        assert {width(line) for line in text.split("\n")} == {size[0]}
        assert "en1x" in text or key in ("d", "e")
