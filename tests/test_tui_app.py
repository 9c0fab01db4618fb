"""The live screen driven by hand-made samples."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import cast

import pytest
from rich.console import RenderableType
from rich.style import Style
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from mlxtop.change.privilege import ActionContext
from mlxtop.model.sample import Problem, Sample, SourceKind
from mlxtop.settings import Settings
from mlxtop.system.captured import load_captured
from mlxtop.system.clock import Clock
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.driver import QuietDriver
from mlxtop.tui.screens.events import Events
from mlxtop.tui.screens.help import Help
from mlxtop.tui.screens.options import OptionsDialog
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.screens.pages import Detail
from mlxtop.tui.terminal import QUESTION
from mlxtop.tui.widgets.lines import Styled
from mlxtop.tui.widgets.port_table import PortTable
from tests.samples import IB, PACU, Samples, ethernet, frame, mlx5_port, sample, veth

HOSTS = Path(__file__).parent / "hosts"


def samples(count: int = 6) -> list[Sample]:
    return [
        sample(
            float(tick),
            ethernet(PACU, tick, 46.1e9, 1.2e9, errors=tick),
            ethernet(IB, tick, 0.0, 99e9, module=82.0),
            veth("veth0", 5, tick, 1e6),
        )
        for tick in range(1, count + 1)
    ]


async def until(
    pilot: Pilot[int], condition: Callable[[], bool], clock: Clock | None = None
) -> None:
    """Let the loop run, and a simulated clock, until something holds; fails after a minute."""
    limit = time.monotonic() + 60.0
    while True:
        if clock is not None:
            clock.wait(0.5, Event())
        await pilot.pause(0.01)
        if condition():
            return
        assert time.monotonic() < limit, screen_text(cast("MlxtopApp", pilot.app))


@asynccontextmanager
async def running(
    source: Samples | None = None,
    size: tuple[int, int] = (80, 24),
    settings: Settings | None = None,
) -> AsyncIterator[tuple[MlxtopApp, Pilot[int]]]:
    """The application after it has shown the last of its samples."""
    source = source or Samples(samples())
    app = MlxtopApp(source, settings or Settings())
    async with app.run_test(size=size) as pilot:
        wanted = source.given[-1].tick if source.given else None
        await until(
            pilot,
            lambda: (
                app.open
                and (
                    wanted is None
                    or (app.state.newest is not None and app.state.newest.sample.tick == wanted)
                )
            ),
        )
        await pilot.pause()
        yield app, pilot


def told(app: MlxtopApp, text: str) -> bool:
    """Whether a notification says it; tests do not draw them."""
    return any(text in one.message for one in app._notifications)


def screen_text(app: MlxtopApp) -> str:
    """What is on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def test_the_first_screen_tells_port_rate_heat_and_limit_at_80_by_24() -> None:
    async with running() as (app, _):
        text = screen_text(app)
        for wanted in ("enp67s0np0", "46.1 Gb/s", "69 °C", "82 °C!", "PCIe 3.0 x8 of x16 63.0"):
            assert wanted in text
        assert "→" in text


@pytest.mark.parametrize(
    "size",
    [
        (1, 1),
        (20, 5),
        (80, 24),
        *(pytest.param(s, marks=pytest.mark.slow) for s in ((40, 10), (120, 40), (200, 60))),
    ],
)
async def test_every_screen_bears_every_size(size: tuple[int, int]) -> None:
    async with running(size=size) as (app, pilot):

        def fills_the_terminal() -> bool:
            lines = screen_text(app).split("\n")
            return len(lines) == size[1] and {len(line) for line in lines} == {size[0]}

        for key in ("enter", "2", "3", "4", "5", "6", "escape", "question_mark", "e"):
            app.simulate_key(key)
            await pilot.pause(0.01)
            await until(pilot, fills_the_terminal)
        if size[0] >= 20:
            await pilot.press("escape", "escape")
            await until(pilot, lambda: "enp67" in screen_text(app))


async def test_resizing_follows_the_terminal() -> None:
    async with running() as (app, pilot):
        for width, height in ((200, 60), (20, 5), (1, 1), (120, 40)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
        await until(pilot, lambda: "ERRORS" in screen_text(app))


@pytest.mark.parametrize("keys", [(), ("enter",), ("question_mark",)])
async def test_no_screen_stumbles_over_a_terminal_of_few_columns_or_rows(
    keys: tuple[str, ...],
) -> None:
    async with running(size=(100, 30)) as (app, pilot):

        def as_wide(width: int) -> bool:
            return {len(row) for row in screen_text(app).split("\n")} == {width}

        await pilot.press(*keys)
        for size in ((2, 30), (1, 9), (3, 5), (60, 2), (4, 40), (2, 3), (80, 1)):
            await pilot.resize_terminal(*size)
            await until(pilot, partial(as_wide, size[0]))


async def test_keys_open_pages_help_and_events_and_escape_never_quits() -> None:
    async with running() as (app, pilot):
        await pilot.press("enter")
        assert isinstance(app.screen, Detail)
        await pilot.press("3")
        await until(pilot, lambda: "0000:40:03.0" in screen_text(app))
        await pilot.press("question_mark")
        assert isinstance(app.screen, Help)
        assert app.screen.sections(80)[0].title == "Pages of a port"
        await pilot.press("escape", "escape", "question_mark")
        assert app.screen.sections(80)[0].title == "Ports and charts"
        await pilot.press("escape", "e")
        assert isinstance(app.screen, Events)
        await pilot.press("escape", "escape", "escape")
        assert isinstance(app.screen, Overview)
        assert app.is_running


async def test_the_cursor_moves_over_ports_and_not_over_headings() -> None:
    async with running() as (app, pilot):

        def on(port: str) -> bool:
            return str(app.state.selected) == port

        await until(pilot, partial(on, "0000:43:00.0/1"))
        for port in ("0000:43:00.1/1", "veth0/1", "veth0/1"):
            await pilot.press("j")
            await until(pilot, partial(on, port))
        await pilot.press("k", "up")
        await until(pilot, partial(on, "0000:43:00.0/1"))


async def test_a_port_that_goes_and_comes_leaves_the_others_selected() -> None:
    without = sample(7.0, ethernet(IB, 7, 0.0, 99e9), veth("veth0", 5, 7.0))
    again = sample(8.0, ethernet(PACU, 8, 46e9, 1e9), ethernet(IB, 8, 0.0, 99e9))
    async with running() as (app, pilot):
        await pilot.press("j")
        await until(pilot, lambda: app.state.selected == IB.id)
        for one, text in ((without, "veth0"), (again, "enp67s0np0")):
            app.state.arrive(frame(one))
            app.redraw()
            await until(pilot, partial(only_one_of, app, text, "enp67s0np0", "veth0"))
            assert app.state.selected == IB.id
        await pilot.press("e")
        await until(pilot, lambda: "the port is gone" in screen_text(app))
        await until(pilot, lambda: "the port is there" in screen_text(app))


def only_one_of(app: MlxtopApp, wanted: str, *texts: str) -> bool:
    shown = screen_text(app).partition("Ports")[2]
    return [text for text in texts if text in shown] == [wanted]


async def test_filter_sort_units_and_zero() -> None:
    async with running(size=(120, 40)) as (app, pilot):
        await pilot.press("slash", *"veth")
        await until(pilot, lambda: "enp67s0np0" not in screen_text(app))
        await pilot.press("enter")
        await pilot.press("escape")
        await until(pilot, lambda: "enp67s0np0" in screen_text(app))
        await pilot.press("s")
        await until(pilot, lambda: "by rate" in screen_text(app))
        await pilot.press("u")
        await until(pilot, lambda: "5.76 GB/s" in screen_text(app))
        assert app.state.watch.highs
        await pilot.press("z")
        assert not app.state.watch.highs
        shown = app.state.frame
        assert shown is not None
        assert shown.ports[PACU.id].start == shown.ports[PACU.id].now.readings


async def test_pause_holds_the_picture_and_goes_on_recording() -> None:
    async with running() as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: "PAUSED" in screen_text(app))
        held = app.state.frame
        app.state.arrive(frame(*samples(9)))
        assert app.state.frame is held
        series = app.state.watch.history.series(PACU.id, "rx")
        assert series is not None
        assert series.ticks[-1] == 9.0
        await pilot.press("space")
        assert app.state.frame is app.state.newest


async def test_the_interval_steps_within_its_bounds() -> None:
    async with running() as (app, pilot):
        await pilot.press("plus")
        assert app.source.interval == 2.0
        for _ in range(10):
            await pilot.press("minus")
        assert app.source.interval == 0.1


async def test_every_screen_of_a_simulated_machine_says_demo() -> None:
    async with running(Samples(samples(), kind=SourceKind.DEMO)) as (app, pilot):
        for keys in ((), ("enter",), ("escape", "question_mark"), ("escape", "e")):
            await pilot.press(*keys)
            await until(pilot, lambda: "DEMO" in screen_text(app))


async def test_no_adapter_says_what_was_looked_for_and_what_to_try() -> None:
    async with running(Samples([sample(1.0)])) as (app, _):
        text = screen_text(app)
        assert "15b3" in text
        assert "--all" in text
        assert "--demo" in text
        assert "simulated machine" in text


async def test_arrows_explain_cells_and_why_they_are_empty() -> None:
    async with running(size=(120, 40)) as (app, pilot):
        await pilot.press("end")
        for _ in range(40):
            app.simulate_key("right")
            await pilot.pause(0.005)
            if "MODULE:" in screen_text(app):
                break
        await until(pilot, lambda: "a virtual device has no sensors" in screen_text(app))


async def test_ascii_uses_neither_braille_nor_boxes() -> None:
    async with running(size=(120, 40), settings=Settings(ascii=True)) as (app, pilot):
        for key in ("j", "enter", "3", "escape", "question_mark"):
            app.simulate_key(key)
            await pilot.pause(0.02)
            odd = {c for c in screen_text(app) if not c.isascii()}
            assert odd == set()
        assert re.search(r"Left +Explain the cell before", screen_text(app))


@pytest.mark.parametrize("theme", ["dark", "light", "nord", "ansi-dark", "textual-light"])
async def test_themes_need_no_colours_of_ours(theme: str) -> None:
    async with running(settings=Settings(theme=theme)) as (app, pilot):
        assert "46.1 Gb/s" in screen_text(app)
        await pilot.press("T")
        await pilot.pause()
        assert app.is_running


async def test_without_colours_none_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(size=(120, 40)) as (app, pilot):
        await pilot.pause()
        for filter_ in app._filters:
            if filter_.enabled:
                assert type(filter_).__name__ == "NoColor"
        assert app.theme == "ansi-dark"


async def test_keys_can_be_bound_anew() -> None:
    settings = Settings(keys={"help": "x", "nonsense": "y"})
    async with running(settings=settings) as (app, pilot):
        assert "x Help" in screen_text(app)
        await pilot.press("x")
        await until(pilot, lambda: "Next port" in screen_text(app))
        assert isinstance(app.screen, Help)


async def test_the_mouse_selects_and_opens() -> None:
    async with running() as (app, pilot):
        await pilot.click("#ports", offset=(6, 3))
        await pilot.pause()
        assert app.state.selected == IB.id
        await pilot.click("#ports", offset=(6, 3), times=2)
        await until(pilot, lambda: isinstance(app.screen, Detail))


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(120, 40), (80, 24), (140, 100)])
async def test_the_first_picture_is_written_once_and_whole(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    app = MlxtopApp(Samples(samples(1)), Settings())
    written: list[str] = []
    display = app._display

    def note(screen: Screen[object], update: RenderableType | None) -> None:
        if update is not None and not app._batch_count:
            written.append(screen_text(app))
        display(screen, update)

    monkeypatch.setattr(app, "_display", note)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.open and app.state.frame is not None)
        await pilot.pause()
        app.screen.refresh(layout=True)
        await pilot.pause()
        assert "enp67s0np0" in written[0]
        assert written[0] == written[-1] == screen_text(app)


@pytest.mark.parametrize("captured", [False, True])
async def test_charts_promise_points_only_where_some_will_come(captured: bool) -> None:
    source = Samples(samples(1), kind=SourceKind.CAPTURED if captured else SourceKind.LIVE)
    async with running(source, (120, 40)) as (app, pilot):
        await until(pilot, lambda: app.open and app.state.frame is not None)
        promised, refused = (
            screen_text(app).count(text) for text in ("first points come soon", "one instant")
        )
        assert (promised, refused) == ((0, 2) if captured else (1, 0))


async def test_a_source_that_fails_ends_the_screen_with_its_error() -> None:
    class Broken(Samples):
        def samples(self, stop: Event) -> Iterator[Sample]:
            yield self.given[0]
            raise OSError("the machine is on fire")

    app = MlxtopApp(Broken(samples(1)), Settings())
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.return_code == 1)
    assert isinstance(app.error, OSError)


async def test_what_comes_while_the_terminal_is_busy_is_drawn_as_soon_as_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Busy(QuietDriver):
        idle = False

        def __init__(self) -> None:
            self.written: list[str] = []

        def write(self, data: str) -> None:
            self.written.append(data)

    async with running() as (app, pilot):
        shown: list[bool] = []
        terminal = Busy()
        with monkeypatch.context() as patch:
            patch.setattr(app, "_driver", terminal)
            patch.setattr(app.screen, "show_frame", lambda: shown.append(True))
            app.redraw()
            app.redraw()
            assert (terminal.written, shown) == ([QUESTION], [])
            terminal.idle = True
            app.terminal_answered()
            await until(pilot, lambda: shown == [True])


def cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """Characters with their looks."""
    return [(character, segment.style) for segment in strip for character in segment.text]


@pytest.mark.quick("dark")
@pytest.mark.parametrize("theme", ["dark", "light", "ansi"])
@pytest.mark.parametrize("page", [None, "1", "5"])
async def test_what_goes_straight_to_the_terminal_is_what_textual_would_draw(
    theme: str, page: str | None
) -> None:
    async with running(size=(120, 40), settings=Settings(theme=theme)) as (app, pilot):
        if page is not None:
            await pilot.press("enter", page)
        await pilot.pause()
        compared = 0
        for widget in app.screen.walk_children(Styled):
            left, top, width = widget.gutter.left, widget.gutter.top, widget.size.width
            for y in range(widget.size.height if widget.display and widget.unadorned else 0):
                whole = widget.render_lines(Region(left, y + top, width, 1))[0]
                straight = widget.content(Region(0, y, width, 1), width)[0]
                assert cells(straight) == cells(whole)
                part = widget.content(Region(width // 3, y, width // 3, 1), width)[0]
                assert cells(part) == cells(whole)[width // 3 : 2 * (width // 3)]
                compared += 1
        assert compared > 20


async def test_notifications_hold_no_escapes_and_no_markup() -> None:
    async with running() as (app, pilot):
        app.notify("port\x1b[31m [b]x[/b]", title="a\x07b")
        app.screen.notify("an\x9bother [red]one")
        await pilot.pause()
        told = [(n.title, n.message, n.markup) for n in app._notifications]
        assert told == [
            ("a?b", "port?[31m [b]x[/b]", False),
            ("", "an?other [red]one", False),
        ]
        app.hook_failed("hook \x1b]0;x")
        await until(pilot, lambda: len(app._notifications) == 3)
        assert "\x1b" not in [*app._notifications][2].message


async def test_arrows_select_ports_even_where_the_table_scrolls() -> None:
    many = [
        sample(float(tick), *(veth(f"veth{n}", n + 5, tick, 1e6) for n in range(60)))
        for tick in (1, 2)
    ]
    async with running(Samples(many)) as (app, pilot):
        table = app.screen.query_one(PortTable)
        for key, wanted in (("down", "veth1"), ("down", "veth2"), ("up", "veth1"), ("j", "veth2")):
            await pilot.press(key)
            await until(pilot, lambda wanted=wanted: app.state.selected.device == wanted)  # type: ignore[union-attr, misc]
        await pilot.press("end")
        await until(pilot, lambda: "▸ veth59" in screen_text(app))
        table.scroll_to(y=0, animate=False)
        await until(pilot, lambda: "veth3 " in screen_text(app))


async def test_notifications_are_clean_and_no_markup() -> None:
    async with running() as (app, pilot):
        for notify in (app.notify, app.screen.notify):
            notify("eth0\x1b[2J [red]x[/red]", title="\x1b]0;t\x07")
        await pilot.pause()
        shown = list(app._notifications)
        assert [(one.message, one.title, one.markup) for one in shown] == [
            ("eth0?[2J [red]x[/red]", "?]0;t?", False)
        ] * 2


async def test_an_error_of_a_handler_ends_the_screen_without_a_panel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = MlxtopApp(Samples(samples()), Settings())
    with pytest.raises(ZeroDivisionError):
        async with app.run_test() as pilot:
            await until(pilot, lambda: app.open)
            monkeypatch.setattr(Overview, "show_frame", lambda screen: 1 / 0)
            await pilot.press("u")
            await until(pilot, lambda: not app.is_running)
    assert isinstance(app.error, ZeroDivisionError)
    assert app.return_code == 1
    assert app._exit_renderables == []


async def test_globs_that_select_no_port_are_named_on_the_screen() -> None:
    given = sample(1.0)._replace(absent={"ports": "-i x selects no port; there are a, b"})
    async with running(Samples([given])) as (app, _):
        assert "-i x selects no port; there are a, b." in screen_text(app)


@pytest.mark.parametrize(
    ("columns", "wanted", "absent"),
    [
        (40, ("Enter Details", "? Help", "q Quit"), ("Sort",)),
        (80, ("Enter Details", "d Doctor", "/ Filter", "s Sort", "e Events", "q Quit"), ()),
        (120, ("o Options", "] Zoom", "Space Freeze"), ("Esc",)),
    ],
)
async def test_the_key_bar_shows_the_useful_keys_first(
    columns: int, wanted: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    async with running(size=(columns, 24)) as (app, pilot):
        bar = screen_text(app).split("\n")[-1]
        assert all(key in bar for key in wanted)
        assert not any(key in bar for key in absent)
        await pilot.press("enter")
        await until(pilot, lambda: "Esc Back" in screen_text(app).split("\n")[-1])


async def test_with_many_ports_the_wall_is_in_the_key_bar_of_80_columns() -> None:
    ports = [mlx5_port(f"0000:4{n}:00.0", f"enp{n}", f"mlx5_{n}") for n in range(4)]
    many = sample(1.0, *(ethernet(port, 1.0, 1e9, 1e9) for port in ports))
    async with running(Samples([many]), (80, 24)) as (app, _):
        assert "w Wall" in screen_text(app).split("\n")[-1]


async def test_a_click_on_the_interval_opens_its_option_and_on_problems_the_events(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    given = samples(2)
    given[-1] = given[-1]._replace(problems=(Problem("hwmon", "Input/output error"),))
    async with running(Samples(given), (150, 30)) as (app, pilot):
        line = screen_text(app).split("\n")[0]
        await pilot.click("#header", offset=(line.index("every"), 0))
        await until(pilot, lambda: isinstance(app.screen, OptionsDialog))
        assert app.screen.chosen.name == "interval"  # type: ignore[attr-defined]
        await pilot.press("escape")
        await pilot.click("#header", offset=(line.index("! 1 problem"), 0))
        await until(pilot, lambda: isinstance(app.screen, Events))
        await pilot.click("#header", offset=(2, 0))
        assert isinstance(app.screen, Events)


async def test_f10_quits() -> None:
    async with running() as (app, pilot):
        await pilot.press("f10")
        await until(pilot, lambda: not app.is_running)


@pytest.mark.parametrize("dialog", [False, True])
async def test_ctrl_z_stops_the_whole_job_where_a_shell_can_continue_it(
    dialog: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "killpg", lambda *job: stopped.append(job))
    monkeypatch.setattr("mlxtop.tui.app.can_be_continued", lambda: not stopped)
    async with running() as (app, pilot):
        await pilot.press(*(["o"] if dialog else []), "ctrl+z")
        await until(pilot, lambda: stopped == [(os.getpgrp(), signal.SIGTSTP)])
        await pilot.press("ctrl+z")
        await until(pilot, lambda: len(app._notifications) == 1)
        assert "no shell" in next(iter(app._notifications)).message
        assert len(stopped) == 1


async def test_a_port_that_was_asked_for_is_opened_and_the_others_stay() -> None:
    app = MlxtopApp(Samples(samples()), Settings())
    app.first_port = IB.id
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Detail))
        assert app.state.selected == IB.id
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        assert "enp67s0np0" in screen_text(app)
        await pilot.pause(0.05)
        assert isinstance(app.screen, Overview), "once is enough"


@pytest.mark.parametrize("key", ["enter", "d", "L", "I"])
async def test_without_a_port_what_needs_one_says_so(key: str) -> None:
    context = ActionContext(load_captured(str(HOSTS / "cx4-x8.txt")))
    app = MlxtopApp(Samples([sample(1.0)]), Settings(), context)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.open and app.state.frame is not None)
        await pilot.press(key)
        await until(pilot, lambda: told(app, "no port here: A shows all network devices"))
        assert isinstance(app.screen, Overview)


async def test_without_a_port_a_small_screen_says_all_that_can_be_done() -> None:
    async with running(Samples([sample(1.0)]), size=(60, 15)) as (app, pilot):
        await until(pilot, lambda: "simulated machine (--demo)" in screen_text(app))


@pytest.mark.parametrize(("key", "instead"), [("A", "all"), ("D", "demo")])
async def test_without_a_port_one_key_shows_something_else(key: str, instead: str) -> None:
    async with running(Samples([sample(1.0)])) as (app, pilot):
        assert "A All devices  D Demo" in screen_text(app)
        await pilot.press(key)
        await until(pilot, lambda: app.instead == instead)
    async with running() as (app, pilot):
        assert "All devices" not in screen_text(app)
        await pilot.press(key)
        await pilot.pause(0.05)
        assert app.instead is None and app.is_running


async def test_a_simulated_machine_has_its_story_on_the_screen() -> None:
    app = MlxtopApp(Samples(samples(), kind=SourceKind.DEMO), Settings())
    app.story = "why is it slow?"
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "why is it slow?" in screen_text(app))


@pytest.mark.parametrize(("theme", "unknown"), [("nope", True), ("dark", False), ("nord", False)])
async def test_a_theme_that_there_is_not_is_named(theme: str, unknown: bool) -> None:
    async with running(settings=Settings(theme=theme)) as (app, pilot):
        assert (theme not in app.theme_names) is unknown
        await until(pilot, lambda: told(app, "there is no theme") is unknown)


async def test_the_verdict_on_the_screen_is_that_of_the_watch() -> None:
    async with running() as (app, _):
        verdict = app.state.watch.verdicts.of(PACU.id)
        assert verdict is not None
        assert f"→ {verdict.fitting(76)}" in screen_text(app)
        assert app.state.view(60).verdict is verdict  # type: ignore[union-attr]
