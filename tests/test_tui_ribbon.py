"""The ribbon on the screens: it comes and goes, is reached by keys and mouse, and notifies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from textual.pilot import Pilot

from mlxtop.model.sample import Sample, SourceKind
from mlxtop.present.ribbon import Label, RibbonItem, Urgency
from mlxtop.present.text import Role
from mlxtop.settings import Settings
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.screens.base import Dialog
from mlxtop.tui.screens.events import Events
from mlxtop.tui.screens.help import Help
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.screens.pages import Detail
from mlxtop.tui.window import TerminalWindow
from tests.samples import IB, PACU, Samples, ethernet, frame, sample
from tests.test_tui_app import running, screen_text, until
from tests.tour import walk
from tests.watching import DOWN


def look(tick: float, down: bool = True, module: float = 50.0) -> Sample:
    """Two ports, of which the second may have lost its link and the first may be hot."""
    lost = ethernet(IB, tick, 0.0, 0.0, module=50.0, link=DOWN if down else None)
    return sample(tick, ethernet(PACU, tick, 1e9, 1e9, module=module), lost)


CALM = [look(1.0, False), look(2.0, False)]
LOST = [*CALM, look(3.0), look(39.0)]
TWO = [*LOST, look(40.0, module=81.0)]


@asynccontextmanager
async def showing(
    given: list[Sample], size: tuple[int, int] = (80, 24), **settings: object
) -> AsyncIterator[tuple[MlxtopApp, Pilot[int]]]:
    chosen = Settings(**settings)  # type: ignore[arg-type]
    async with running(Samples(given), size, chosen) as (app, pilot):
        yield app, pilot


def row(app: MlxtopApp, number: int = 1) -> str:
    return screen_text(app).split("\n")[number].rstrip()


async def test_it_takes_no_row_while_all_is_well_and_one_when_something_is_not() -> None:
    async with showing(CALM) as (app, pilot):
        assert row(app).startswith("╭─ Ports")
        app.state.arrive(frame(*LOST))
        app.redraw()
        await until(pilot, lambda: row(app).startswith(" ! ibp67s0f1 down"))
        assert row(app, 2).startswith("╭─ Ports")
        for key, kind in (("enter", Detail), ("question_mark", Help), ("e", Events)):
            await pilot.press(key)
            await until(pilot, lambda kind=kind: isinstance(app.screen, kind))  # type: ignore[misc]
            await until(pilot, lambda: row(app).startswith(" ! ibp67s0f1 down"))
            await pilot.press("escape")


async def test_it_goes_ten_minutes_after_the_end() -> None:
    later = [look(40.0, False), look(639.0, False)]
    async with showing([*LOST, *later]) as (app, pilot):
        assert row(app) == " ● ibp67s0f1 back after 37 s"
        app.state.arrive(frame(look(641.0, False)))
        app.redraw()
        await until(pilot, lambda: row(app).startswith("╭─ Ports"))


async def test_tab_reaches_it_arrows_choose_and_enter_goes_to_the_cause() -> None:
    async with showing(TWO) as (app, pilot):
        await until(pilot, lambda: "module 81" in row(app) and "down" in row(app))
        await pilot.press("tab")
        await until(pilot, lambda: row(app).startswith("▸! enp67s0np0 module 81 °C"))
        await pilot.press("right")
        await until(pilot, lambda: " ▸! ibp67s0f1 down" in row(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        assert app.state.selected == IB.id
        await until(pilot, lambda: "▸2 Link" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await pilot.press("escape")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "ports")


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
async def test_its_own_keys_are_told_while_the_cursor_is_in_it(size: tuple[int, int]) -> None:
    async with showing(TWO, size) as (app, pilot):
        await until(pilot, lambda: "Enter Details" in row(app, -1))
        await pilot.press("tab")
        await until(pilot, lambda: "Enter Go there" in row(app, -1))
        assert "← → Choose" in row(app, -1)
        bar = row(app, -1)
        await pilot.click("#keys", offset=(bar.index("a Acknowledge"), 0))
        await until(pilot, lambda: "module" not in row(app))
        await pilot.click("#keys", offset=(bar.index("Go there"), 0))
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: "Enter Details" in row(app, -1))


async def test_the_way_to_it_is_told_while_it_is_there() -> None:
    async with showing(CALM, (120, 40)) as (app, pilot):
        assert "Tab Alarms" not in row(app, -1)
        app.state.arrive(frame(*LOST))
        app.redraw()
        await until(pilot, lambda: "Tab Alarms" in row(app, -1))


async def test_a_click_goes_to_the_cause_and_the_count_to_the_list() -> None:
    async with showing(TWO, (60, 24)) as (app, pilot):
        await until(pilot, lambda: row(app).endswith("+1"))
        await pilot.click("#ribbon", offset=(4, 0))
        await until(pilot, lambda: isinstance(app.screen, Detail))
        assert app.state.selected == PACU.id
        await pilot.press("escape")
        await pilot.click("#ribbon", offset=(row(app).index("+1"), 0))
        await until(pilot, lambda: isinstance(app.screen, Events))


async def test_a_acknowledges_the_most_urgent_then_the_next() -> None:
    async with showing(TWO) as (app, pilot):
        await pilot.press("a")
        await until(pilot, lambda: row(app).startswith(" ! ibp67s0f1 down"))
        await pilot.press("a")
        await until(pilot, lambda: row(app).startswith("╭─ Ports"))
        await pilot.press("a")
        await until(pilot, lambda: len(app._notifications) == 1)
        app.state.arrive(frame(*TWO, look(41.0, False, 81.0)))
        app.redraw()
        await until(pilot, lambda: row(app).startswith(" ● ibp67s0f1 back"))


async def test_a_acknowledges_the_chosen_one() -> None:
    async with showing(TWO) as (app, pilot):
        await pilot.press("tab", "right", "a")
        await until(pilot, lambda: "down" not in row(app))
        assert "module 81" in row(app)


async def test_the_focus_goes_on_when_the_last_item_goes() -> None:
    async with showing(LOST) as (app, pilot):
        await pilot.press("tab", "a")
        await until(pilot, lambda: row(app).startswith("╭─ Ports"))
        await pilot.press("tab", "j")
        await until(pilot, lambda: app.state.selected == IB.id)


async def test_items_from_elsewhere_come_first_and_have_labels_of_their_own() -> None:
    async with showing(LOST, (100, 24)) as (app, pilot):
        label = Label((("K keep", Role.ACCENT),), "app.help")
        line = (("ON PROBATION 47 s", Role.BADGE),)
        item = RibbonItem("probation", Urgency.PROBATION, line, "app.events", (label,))
        app.more_items.append(lambda: [item])
        app.draw()
        await until(pilot, lambda: row(app).startswith(" ON PROBATION 47 s  K keep  ! ibp67s0f1"))
        await pilot.press("a")
        await until(pilot, lambda: row(app).endswith("K keep"))
        await pilot.click("#ribbon", offset=(20, 0))
        await until(pilot, lambda: isinstance(app.screen, Help))


class Box(Dialog[None]):
    """A dialog with nothing but its page."""

    def body(self):  # type: ignore[no-untyped-def]
        yield self.page

    def draw(self) -> None:
        self.page.show([])


async def test_a_dialog_shows_it_too() -> None:
    async with showing(LOST) as (app, pilot):
        app.push_screen(Box("link", "Box", False))
        await until(pilot, lambda: isinstance(app.screen, Box))
        app.redraw()
        await until(pilot, lambda: "! ibp67s0f1 down" in screen_text(app))


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (60, 15), (200, 60)])
async def test_it_fits_every_size(size: tuple[int, int]) -> None:
    async with showing(TWO, size) as (app, pilot):
        await pilot.press("tab", "right", "left", "e")
        await pilot.pause()
        lines = screen_text(app).split("\n")
        assert (len(lines), {len(line) for line in lines}) == (size[1], {size[0]})


async def test_ascii_has_no_other_signs() -> None:
    async with showing([*TWO, look(50.0, False, 81.0)], ascii=True) as (app, pilot):
        for keys in ((), ("tab",), ("e",)):
            await pilot.press(*keys)
            await until(pilot, partial(str.isascii, screen_text(app)))


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        (None, []),
        ("9", ["\x1b]9;mlxtop pacu: ibp67s0f1 link down\x07"]),
        ("777", ["\x1b]777;notify;mlxtop pacu;ibp67s0f1 link down\x07"]),
    ],
)
async def test_the_desktop_is_told_once_where_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, wanted: list[str]
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setattr(TerminalWindow, "exists", True)
    app = MlxtopApp(Samples(LOST), Settings(notify=setting))
    written: list[str] = []
    async with app.run_test(size=(80, 24)) as pilot:
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", written.append)
        await until(pilot, lambda: app.open)
        app._alert(app.state.arrive(frame(*LOST, look(60.0, False))))
        app._alert(app.state.arrive(frame(*LOST, look(61.0))))
        notes = [text for text in written if text.startswith(("\x1b]9;", "\x1b]777;"))]
        assert notes[-1:] == wanted


async def test_the_title_of_the_window_is_the_most_urgent_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(TerminalWindow, "exists", True)
    async with showing(LOST) as (app, _):
        written: list[str] = []
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", written.append)
        app.terminal_window._title = "other"
        app.terminal_window.show_headline()
        assert written == ["\x1b]2;! ibp67s0f1 down – mlxtop pacu\x07"]


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_cable_that_is_cut_is_in_the_ribbon_of_the_simulated_ceph_host(
    size: tuple[int, int],
) -> None:
    async with walk("ceph", size, 5.0) as walking:
        await walking.forward(60.0)
        assert "down" not in walking.text()
        await walking.forward(40.0)
        line = walking.text().split("\n")[1]
        assert line.startswith(" ! enp3s0d1 down ")
        assert walking.app.source.kind is SourceKind.DEMO
