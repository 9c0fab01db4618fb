"""Screens are opened once, gone back to where they are open, and lead to what explains an alarm."""

from __future__ import annotations

from mlxtop.model.identity import PortId
from mlxtop.tui.screens.events import Events
from mlxtop.tui.screens.help import Help
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.screens.pages import Detail
from tests.samples import PACU
from tests.test_tui_app import running, screen_text, until


async def test_a_screen_is_open_once_and_its_key_goes_back_to_it() -> None:
    async with running() as (app, pilot):
        await pilot.press("e", "question_mark", "e")
        await until(pilot, lambda: isinstance(app.screen, Events))
        assert [type(screen) for screen in app.screen_stack] == [Overview, Events]
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))


async def test_a_port_is_opened_where_one_is_open_and_one_that_is_gone_shows_events() -> None:
    async with running() as (app, pilot):
        app.open_port(PACU.id, "4")
        await until(pilot, lambda: "▸4 Errors" in screen_text(app))
        app.open_port(PACU.id, "2")
        await until(pilot, lambda: "▸2 Link" in screen_text(app))
        assert [type(screen) for screen in app.screen_stack] == [Overview, Detail]
        app.open_port(PortId("0000:ff:00.0", 1), "2")
        await until(pilot, lambda: isinstance(app.screen, Events))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Help))
