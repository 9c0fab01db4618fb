"""The screen's findings: the same as `doctor`'s, for the selected port, each explained."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import ModalScreen

from mlxtop.analysis.port_view import port_view
from mlxtop.doctor import inspect as inspection
from mlxtop.link_type.survey import read_stored
from mlxtop.sampler.facts import ON_SCREEN
from mlxtop.sampler.live import LiveSource
from mlxtop.settings import Settings
from mlxtop.system.captured import load_captured
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.screens.events import Events
from mlxtop.tui.screens.findings import Explained, Findings
from mlxtop.tui.screens.help import Help
from mlxtop.tui.screens.overview import Overview
from tests.test_tui_app import screen_text, until

HOST = Path(__file__).parent / "hosts" / "cx4-x8.txt"


@asynccontextmanager
async def findings(
    size: tuple[int, int] = (100, 30),
) -> AsyncIterator[tuple[MlxtopApp, Pilot[int]]]:
    """The application on a captured machine, with the list of findings open."""
    system = load_captured(str(HOST))
    source = LiveSource(system, wants=ON_SCREEN, ask_card=read_stored)
    app = MlxtopApp(source, Settings())
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.state.selected is not None)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Findings))
        yield app, pilot


def listed(app: MlxtopApp) -> Findings:
    assert isinstance(app.screen, Findings)
    return app.screen


async def test_d_lists_what_doctor_finds_on_the_whole_machine() -> None:
    async with findings() as (app, pilot):
        await until(pilot, lambda: len(listed(app).rows) > 0)
        await pilot.pause()
        text = screen_text(app)
        assert "Findings · 1 port · 2 warnings" in text
        assert "! 2 warnings" in text.splitlines()[0]
        assert "WARNING" in text
        assert "12.28.2302 is in flash" in text
        assert "2 warnings" in text
        assert "seen" in text
        assert "reboot, or mstfwreset" in text


async def test_enter_explains_a_finding_in_plain_words_with_its_normal_range() -> None:
    async with findings() as (app, pilot):
        await until(pilot, lambda: len(listed(app).rows) > 0)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Explained))
        await pilot.pause()
        text = screen_text(app)
        assert "In plain words" in text
        assert "Burning new firmware writes it to flash" in text
        assert "normal" in text
        assert "both versions the same" in text
        await pilot.press("escape")
        assert isinstance(app.screen, Findings)
        await pilot.press("escape")
        assert isinstance(app.screen, Overview)


async def test_the_cursor_moves_over_findings_and_what_could_not_be_told() -> None:
    async with findings() as (app, pilot):
        await until(pilot, lambda: len(listed(app).rows) > 0)
        for _ in range(2):
            await pilot.press("j")
        await pilot.pause()
        chosen = listed(app).chosen()
        assert chosen is not None
        assert "UNKNOWN" in screen_text(app)
        await pilot.press("k")
        assert listed(app).chosen() is not chosen
        for _ in range(len(listed(app).rows) + 3):
            await pilot.press("j")
        assert listed(app).chosen() is listed(app).rows[-1]
        await pilot.press("home")
        assert listed(app).chosen() is listed(app).rows[0]
        await pilot.press("end")
        assert listed(app).chosen() is listed(app).rows[-1]
        await pilot.press("pageup")
        assert listed(app).chosen() is not listed(app).rows[-1]


async def test_the_ceiling_of_the_overview_knows_the_settings() -> None:
    async with findings() as (app, _):
        frame = app.state.frame
        assert frame is not None
        assert frame.sample.host_settings.value is not None
        for port in frame.ports:
            assert frame.ports[port].now.settings.tick == frame.sample.tick
            assert port_view(frame, port).ceiling.pcie is not None


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (200, 60)])
async def test_the_list_works_at_any_size(size: tuple[int, int]) -> None:
    async with findings(size) as (app, pilot):
        await until(pilot, lambda: len(listed(app).rows) > 0)
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, Explained))
        await pilot.press("d", "escape", "escape")
        assert isinstance(app.screen, Overview)


def examining() -> int:
    """Return how many threads examine a port."""
    return sum(thread.name == "findings" for thread in threading.enumerate())


async def test_going_where_one_has_been_goes_back_and_examines_once() -> None:
    async with findings() as (app, pilot):
        first = app.screen
        for _ in range(3):
            for key, kind in (("e", Events), ("question_mark", Help), ("e", Events)):
                await pilot.press(key)
                await until(pilot, lambda kind=kind: isinstance(app.screen, kind))  # type: ignore[misc]
            await pilot.press("d")
            await until(pilot, lambda: app.screen is first)
            assert len(app.screen_stack) == 2
            assert examining() == 1


async def test_lists_that_are_opened_and_closed_examine_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()
    report, most = inspection.inspect, 0

    def slowly(*arguments: Any, **options: Any) -> Any:
        nonlocal most
        most = max(most, examining())
        go_on.wait(20)
        return report(*arguments, **options)

    monkeypatch.setattr(inspection, "inspect", slowly)
    async with findings() as (app, pilot):
        for _ in range(4):
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, Overview))
            await pilot.press("d")
            await until(pilot, lambda: isinstance(app.screen, Findings))
        go_on.set()
        await until(pilot, lambda: len(listed(app).rows) > 0)
        assert most == 1
        await pilot.press("escape")
    assert app.examination is not None
    app.examination.join(10)
    assert examining() == 0


async def test_an_examination_that_fails_or_cannot_be_started_is_told_in_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise KeyError("no such table")

    monkeypatch.setattr(inspection, "inspect", fail)
    async with findings() as (app, pilot):
        await until(pilot, lambda: "KeyError: 'no such table'" in screen_text(app))
        await pilot.press("escape")
        assert app.examination is not None
        app.examination.join(10)
        start = threading.Thread.start

        def refuse(thread: threading.Thread) -> None:
            if thread.name == "findings":
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", refuse)
        await pilot.press("d")
        await until(pilot, lambda: "can't start new thread" in screen_text(app))


async def test_a_dialog_is_not_closed_by_going_back() -> None:
    async with findings() as (app, pilot):
        app.push_screen(ModalScreen())
        await pilot.pause()
        app.action_findings()
        await pilot.pause()
        assert isinstance(app.screen, ModalScreen)


async def test_the_palette_goes_back_too() -> None:
    async with findings() as (app, pilot):
        first = app.screen
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Events))
        await pilot.press("ctrl+p", *"findings", "down", "enter")
        await until(pilot, lambda: app.screen is first)


async def test_c_copies_what_to_do_about_a_finding_and_the_bar_tells_the_keys() -> None:
    async with findings((80, 24)) as (app, pilot):
        await until(pilot, lambda: len(listed(app).rows) > 0)
        bar = screen_text(app).split("\n")[-1]
        assert bar.startswith(" Enter In plain words  c Copy")
        assert "Esc Back" in bar
        await pilot.press("c")
        assert app.clipboard.startswith("reboot, or mstfwreset -d ")
        assert "\n" not in app.clipboard
        await pilot.press("end")
        app.copy_to_clipboard("")
        for _ in listed(app).rows:
            await pilot.press("j")
        await pilot.press("c")
        assert app.clipboard == ""
        for _ in listed(app).rows:
            await pilot.press("k")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Explained))
        await pilot.press("c")
        assert app.clipboard.startswith("reboot, or mstfwreset -d ")


@pytest.mark.parametrize(("rows", "told"), [(24, False), (50, True)])
async def test_the_plain_words_stand_below_the_finding_where_there_is_room(
    rows: int, told: bool
) -> None:
    async with findings((100, rows)) as (app, pilot):
        await until(pilot, lambda: len(listed(app).rows) > 0)
        await pilot.pause()
        text = screen_text(app)
        assert "why " in text
        assert ("In plain words ─" in text) is told
        assert ("normal  " in text) is told


async def test_the_key_bar_does_not_offer_the_screen_that_is_open() -> None:
    async with findings() as (app, pilot):
        await until(pilot, lambda: "Esc Back" in screen_text(app))
        assert "d Doctor" not in screen_text(app)
        for key, own, other in (("e", "e Events", "d Doctor"), ("w", "w Wall", "e Events")):
            await pilot.press(key)
            await until(pilot, lambda other=other: other in screen_text(app))  # type: ignore[misc]
            assert own not in screen_text(app).split("\n")[-1]
