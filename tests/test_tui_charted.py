"""One time axis for all charts of a screen, its zoom, its cursor and the way back."""

from __future__ import annotations

import pytest

from mlxtop.model.sample import Sample
from mlxtop.settings import Settings
from mlxtop.tui.screens.charted import ChartScreen
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.screens.pages import Detail
from mlxtop.tui.time_axis import TimeAxis
from mlxtop.tui.widgets.canvas import GUTTER
from mlxtop.tui.widgets.chart import Chart
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.port_table import PortTable
from tests.samples import PACU, ethernet, frame, sample
from tests.test_tui_app import screen_text, until
from tests.test_tui_pages import running, text_of


def busy(seconds: int = 40) -> list[Sample]:
    """A port that receives a little more and gets a little warmer every second."""
    samples, received = [], 0.0
    for tick in range(1, seconds + 1):
        received += tick * 1e9
        port = ethernet(PACU, tick, received / tick, 1e9, module=40.0 + tick / 2)
        samples.append(sample(float(tick), port))
    return samples


def axis(screen: object) -> TimeAxis:
    assert isinstance(screen, ChartScreen)
    one = screen.axis()
    assert one is not None
    return one


def chart(screen: object) -> Chart:
    assert isinstance(screen, ChartScreen)
    return screen.shown_charts()[0]


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (121, 40), (200, 60), (60, 30)])
async def test_all_charts_of_a_screen_have_the_same_columns_and_edge(size: tuple[int, int]) -> None:
    async with running(busy(), size) as (app, _):
        screen = app.screen
        assert isinstance(screen, Overview)
        charts = screen.shown_charts()
        await until_drawn(app, screen)
        assert len(charts) == 2
        ends = {text_of(one).splitlines()[-1].rstrip().rfind("now") for one in charts}
        columns = axis(screen).columns
        assert all(one.columns() >= columns for one in charts)
        assert max(one.columns() for one in charts) - columns <= 1
        assert ends - {-1} == {GUTTER + columns - 3}


async def until_drawn(app: object, screen: ChartScreen) -> None:
    for one in screen.shown_charts():
        assert "┈" in text_of(one) or "╌" in text_of(one)


async def test_after_thirty_seconds_half_of_the_picture_is_full() -> None:
    async with running(busy(30)) as (app, _):
        one = axis(app.screen)
        first = one.column(1.0)
        assert first is not None
        assert one.columns - first >= 30
        assert one.columns <= 60


async def test_keys_zoom_every_chart() -> None:
    async with running(busy()) as (app, pilot):
        spans = [axis(app.screen).span]
        for key in ("left_square_bracket", "left_square_bracket", "right_square_bracket"):
            await pilot.press(key)
            spans.append(axis(app.screen).span)
        assert spans == pytest.approx([spans[0], 60, 120, 60])
        await until(pilot, lambda: "-60 s" in screen_text(app) or "-45 s" in screen_text(app))


async def test_tab_reaches_a_chart_whose_arrows_read_every_value_of_an_instant() -> None:
    async with running(busy(), (80, 24)) as (app, pilot):
        screen = app.screen
        assert isinstance(screen, Overview)
        for late in busy(43)[40:]:
            app.state.arrive(frame(late))
        await pilot.press("tab")
        await until(pilot, lambda: isinstance(screen.focused, Chart))
        for _ in range(10):
            await pilot.press("left")
        hint = screen.query_one("#hint", Lines)
        await until(pilot, lambda: "10 s ago" in text_of(hint))
        values, verdict = text_of(hint).splitlines()
        for wanted in ("RX 33.0 Gb/s", "TX 1.00 Gb/s", "module 56 °C", "ASIC 84 °C"):
            assert wanted in values
        assert verdict.startswith("→ ")
        for one in screen.shown_charts():
            column = axis(screen).cursor_column
            assert column is not None
            assert any(line[GUTTER + column] == "│" for line in text_of(one).splitlines()[1:])
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(screen.focused, PortTable))
        await until(pilot, lambda: "PCIe" in text_of(hint))
        assert app.state.time.cursor is None


async def test_the_mouse_reads_an_instant() -> None:
    async with running(busy()) as (app, pilot):
        one = chart(app.screen)
        column = axis(app.screen).columns - 5
        inside = one.content_region.x - one.region.x + GUTTER + column
        await pilot.click(one, offset=(inside, 3))
        await until(pilot, lambda: "4 s ago" in text_of(app.screen.query_one("#hint", Lines)))
        assert axis(app.screen).cursor_column == column


async def test_a_frozen_picture_scrolls_back_to_the_oldest_reading_and_space_goes_on() -> None:
    async with running(busy(200), (80, 24)) as (app, pilot):
        screen = app.screen
        await pilot.press("right_square_bracket", "right_square_bracket", "space")
        await until(pilot, lambda: "PAUSED" in screen_text(app))
        before = axis(screen)
        assert before.frozen
        assert before.span < 100
        await pilot.press("home")
        after = axis(screen)
        assert after.column(2.0) is not None
        assert after.cursor_column == after.column(1.0)
        await until(pilot, lambda: "3 min 19 s ago" in screen_text(app))
        assert "now" not in text_of(chart(screen)).splitlines()[-1]
        await pilot.press("space")
        await until(pilot, lambda: "PAUSED" not in screen_text(app))
        assert not axis(screen).frozen
        assert isinstance(screen.focused, PortTable)


async def test_the_verdict_of_an_instant_is_told_as_far_as_samples_are_held() -> None:
    async with running(busy(200), (80, 24)) as (app, pilot):
        await until(pilot, lambda: app.state.selected is not None)
        await pilot.press("tab", "tab", "left")
        hint = app.screen.query_one("#hint", Lines)
        await until(pilot, lambda: text_of(hint).splitlines()[1].startswith("→ "))
        await pilot.press("home")
        reason = "– no verdict: older than 59 s, and this port was not selected then"
        await until(pilot, lambda: text_of(hint).splitlines()[1].rstrip() == reason)


async def test_a_clock_that_jumps_moves_neither_curves_nor_events() -> None:
    samples = [one._replace(wall=one.wall + 3600.0 * (one.tick > 75)) for one in busy(80)]
    async with running(samples, (80, 24)) as (app, pilot):
        span = axis(app.screen)
        assert span.column(1.0) is not None
        assert span.column(80.0) is not None
        await pilot.press("tab", "tab", *("left",) * 5)
        hint = app.screen.query_one("#hint", Lines)
        await until(pilot, lambda: "▲ module at 80.0 °C" in text_of(hint))
        newest, cursor = app.state.clock(), app.state.time.cursor
        assert cursor is not None
        assert 67 < cursor < 73
        read = app.state.instant(axis(app.screen))
        assert read is not None
        assert abs(read.tick - cursor) <= axis(app.screen).column_s / 2
        assert text_of(hint).strip().startswith(newest.time(read.tick))


async def test_the_limits_in_a_picture_that_stands_do_not_follow_the_cursor() -> None:
    async with running(busy(80), (80, 24)) as (app, pilot):
        heat = app.screen.query_one("#temperature", Chart)
        await pilot.press("space")
        await until(pilot, lambda: "80 °C!" in text_of(heat))
        before = [line[:30] for line in text_of(heat).splitlines()[1:]]
        await pilot.press(*("left",) * 10)
        await until(pilot, lambda: "70 °C" in text_of(heat))
        assert [line[:30] for line in text_of(heat).splitlines()[1:]] == before


@pytest.mark.parametrize("page", ["", "1", "2"])
async def test_the_smallest_terminal_keeps_its_charts_away_without_a_fault(page: str) -> None:
    async with running(busy(), (20, 5)) as (app, pilot):
        keys = ["enter", page] if page else []
        await pilot.press(*keys, "M", "tab", "tab", "left", "space", "left", "[", "]", "escape")
        await until(pilot, lambda: "mlxtop" in screen_text(app))
        assert app.error is None
        assert all(len(line) <= 20 for line in screen_text(app).splitlines())


async def test_a_frozen_screen_shows_every_value_of_the_instant_at_the_cursor() -> None:
    async with running(busy(), (80, 24)) as (app, pilot):
        table = app.screen.query_one("#ports", PortTable)
        await pilot.press("space")
        await until(pilot, lambda: "60 °C" in text_of(table))
        await pilot.press(*("left",) * 10)
        await until(pilot, lambda: "55 °C" in text_of(table))
        assert "30.0 Gb/s" in text_of(table)
        header, hint = (text_of(app.screen.query_one(name, Lines)) for name in ("#header", "#hint"))
        assert header.split()[-1] == hint.split()[0], "one instant, one time"
        assert app.state.heat.of(PACU.id, "module") is not app.state.watch.heat.of(
            PACU.id, "module"
        )
        await pilot.press("space")
        await until(pilot, lambda: "60 °C" in text_of(table))


@pytest.mark.parametrize(("page", "title"), [("1", "Throughput"), ("2", "Heat")])
async def test_pages_of_traffic_and_heat_have_a_chart_that_can_be_read(
    page: str, title: str
) -> None:
    async with running(busy(), (120, 40)) as (app, pilot):
        await pilot.press("enter", page)
        await until(pilot, lambda: isinstance(app.screen, Detail))
        screen = app.screen
        assert isinstance(screen, Detail)
        await until(pilot, lambda: f"{title} · enp67s0np0" in screen_text(app))
        await until(pilot, lambda: "now" in text_of(chart(screen)))
        await until(pilot, lambda: "] Zoom" in text_of(screen.query_one("#keys", Lines)))
        chart(screen).focus()
        await pilot.press("left", "left")
        reading = screen.query_one("#reading", Lines)
        await until(pilot, lambda: "2 s ago" in text_of(reading))
        await pilot.press("3")
        await until(pilot, lambda: not reading.display)
        assert screen.shown_charts() == []


async def test_arrows_still_turn_pages_while_no_chart_has_the_focus() -> None:
    async with running(busy(), (80, 24)) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await pilot.press("right", "right")
        await until(pilot, lambda: "▸3 PCIe" in screen_text(app))


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(60, 15), (120, 17), (40, 10), (80, 24)])
async def test_maximised_charts_are_there_on_small_screens_and_name_their_port(
    size: tuple[int, int],
) -> None:
    async with running(busy(), size) as (app, pilot):
        await pilot.press("M")
        await until(pilot, lambda: "⣿" in screen_text(app))
        await until(pilot, lambda: "enp67s0np0" in screen_text(app))
        assert app.screen.query_one("#ports").region.height == 0


@pytest.mark.parametrize("where", ["ports", "page"])
async def test_a_chart_made_large_leaves_the_cursor_where_it_was(where: str) -> None:
    async with running(busy(), (60, 15)) as (app, pilot):
        if where == "page":
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, Detail))
        await pilot.press("M")
        await until(pilot, lambda: app.screen.has_class("-maximised"))
        assert app.focused is app.screen.query_one(f"#{where}")
        await pilot.press("escape")
        await until(pilot, lambda: not app.screen.has_class("-maximised"))
        assert isinstance(app.screen, Detail) is (where == "page")


@pytest.mark.parametrize(("rows", "charts"), [(17, True), (14, True), (13, False)])
async def test_charts_take_the_rows_that_a_short_table_leaves(rows: int, charts: bool) -> None:
    async with running(busy(), (60, rows)) as (app, pilot):
        await until(pilot, lambda: ("⣿" in screen_text(app)) is charts)


async def test_the_keys_of_a_chart_can_be_bound_anew_and_stand_in_the_footer() -> None:
    keys = {"cursor-left": "x", "zoom-out": "y"}
    async with running(busy(), (120, 70), Settings(keys=keys)) as (app, pilot):
        await pilot.press("tab", "x", "x", "x")
        await until(pilot, lambda: "3 s ago" in screen_text(app))
        footer = text_of(app.screen.query_one("#keys", Lines))
        assert "x Read" in footer
        span = axis(app.screen).span
        await pilot.press("y")
        assert axis(app.screen).span > span
        await pilot.press("question_mark")
        await until(pilot, lambda: "Look back further" in screen_text(app))


async def test_charts_in_ascii_hold_nothing_else() -> None:
    async with running(busy(), (80, 24), Settings(ascii=True)) as (app, pilot):
        for keys in (("tab", "left"), ("escape", "enter"), ("2",)):
            await pilot.press(*keys)
            await pilot.pause(0.05)
            text = screen_text(app)
            assert text.isascii()
            assert "??" not in text
