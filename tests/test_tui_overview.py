"""Keys and clicks of the table: sorting, columns, explaining, pages, filter."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mlxtop.present.order import NATURAL, Order
from mlxtop.settings import Settings
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.screens.columns import ColumnsDialog, known
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.screens.pages import Detail
from mlxtop.tui.widgets.port_table import PortTable
from tests.samples import PACU, Samples, ethernet, sample
from tests.test_tui_app import running, screen_text, until
from tests.twelve import PORTS, twelve


def heading_of(app: MlxtopApp) -> str:
    """Return the line with the titles of the columns."""
    return next(line for line in screen_text(app).split("\n") if " PORT " in line)


async def test_keys_sort_by_the_columns_and_turn_the_order() -> None:
    async with running(Samples(twelve())) as (app, pilot):
        await pilot.press("greater_than_sign")
        assert app.state.order == Order("port")
        for _ in range(2):
            await pilot.press("greater_than_sign")
        assert app.state.order == Order("rx")
        await until(pilot, lambda: "RX▼" in screen_text(app))
        table = app.screen.query_one(PortTable)
        assert table.entries[0].port == PORTS[11].id
        await pilot.press("r")
        await until(pilot, lambda: "RX▴" in screen_text(app))
        assert "by rx, reversed" in screen_text(app)
        assert table.entries[0].port == PORTS[0].id
        for _ in range(3):
            await pilot.press("less_than_sign")
        assert app.state.order == NATURAL
        await pilot.press("r")
        assert app.state.order == NATURAL


async def test_a_click_on_a_heading_sorts_and_another_one_turns_the_order() -> None:
    async with running(Samples(twelve())) as (app, pilot):
        x = heading_of(app).index("MODULE")
        for order, mark in ((Order("module"), "MODULE▼"), (Order("module", True), "MODULE▴")):
            await pilot.click("#ports", offset=(x, 1))
            await until(pilot, lambda mark=mark: mark in screen_text(app))  # type: ignore[misc]
            assert app.state.order == order


async def test_a_click_on_a_row_keeps_the_verdict() -> None:
    async with running(Samples(twelve())) as (app, pilot):
        await pilot.click("#ports", offset=(20, 4))
        await until(pilot, lambda: app.state.selected == PORTS[2].id)
        assert app.screen.query_one(PortTable).column is None
        assert "link 100 Gb/s" in screen_text(app)


async def test_the_explained_cell_is_marked_and_the_verdict_stays_below() -> None:
    async with running(Samples(twelve())) as (app, pilot):
        await pilot.press("right", "right", "right")
        await until(pilot, lambda: "RX: received" in screen_text(app))
        row = next(line for line in screen_text(app).split("\n") if "▸ ens1f0np0" in line)
        assert "‹" in row and "›" in row
        assert "→ " in screen_text(app)


async def test_an_old_value_says_how_old_it_is_and_why() -> None:
    old = ethernet(PACU, 9.0, 0, 0)
    module = old.temperatures[1]._replace(tick=2.0, stale=True, problem="no answer for 7 s")
    given = [
        sample(1.0, ethernet(PACU, 1.0, 0, 0)),
        sample(9.0, old._replace(temperatures=(old.temperatures[0], module))),
    ]
    async with running(Samples(given)) as (app, pilot):
        for _ in range(7):
            await pilot.press("right")
        await until(pilot, lambda: "MODULE: " in screen_text(app))
        await until(pilot, lambda: "? no answer for 7 s; the value is 7 s old" in screen_text(app))


async def test_digits_open_their_page_of_the_selected_port() -> None:
    async with running() as (app, pilot):
        for key, title in (("3", "▸3 PCIe"), ("6", "▸6 Card"), ("2", "▸2 Link")):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, Detail))
            await until(pilot, lambda title=title: title in screen_text(app))  # type: ignore[misc]
            await pilot.press("escape")
            assert isinstance(app.screen, Overview)


async def test_after_a_filter_that_matched_nothing_the_same_port_is_selected() -> None:
    async with running(Samples(twelve())) as (app, pilot):
        await pilot.press("j", "j", "j")
        await until(pilot, lambda: app.state.selected == PORTS[3].id)
        await pilot.press("slash", *"zzz")
        await until(pilot, lambda: "No port matches" in screen_text(app))
        assert "Filter" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.state.selected == PORTS[3].id)


async def test_a_filter_takes_states_and_what_is_not_wanted() -> None:
    async with running(Samples(twelve())) as (app, pilot):
        table = app.screen.query_one(PortTable)
        await pilot.press("slash", *"down")
        await until(pilot, lambda: [row.port for row in table.entries if row.port] == [PORTS[4].id])
        await pilot.press("escape", "slash", *"!down")
        await until(pilot, lambda: len([row for row in table.entries if row.port]) == 11)


async def test_chosen_columns_are_shown_and_kept_with_the_comments_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "mlxtop-nic" / "settings.toml"
    file.parent.mkdir()
    file.write_text("# mine\nbell = false # never\n")
    async with running(Samples(twelve()), (160, 40)) as (app, pilot):
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, ColumnsDialog))
        await until(pilot, lambda: "[x] LINK" in screen_text(app))
        await pilot.press("space", "end", "up", "space", "enter")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await until(pilot, lambda: "device" in app.state.columns)
        await until(pilot, lambda: "DEVICE" in screen_text(app))
        assert "LINK" not in heading_of(app)
        assert "device" in app.state.columns and "link" not in app.state.columns
    text = file.read_text()
    assert text.startswith("# mine\nbell = false # never\n")
    assert tuple(tomllib.loads(text)["columns"]) == app.state.columns


async def test_columns_go_back_to_those_that_fit_and_escape_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with running(settings=Settings(columns=("mtu", "nonsense"))) as (app, pilot):
        await until(pilot, lambda: "MTU" in screen_text(app))
        assert " TX " not in heading_of(app)
        await pilot.press("f2", "space", "escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        assert "nonsense" in app.state.columns
        await pilot.press("f2", "a", "enter")
        await until(pilot, lambda: "TX" in heading_of(app))
        assert not app.state.columns


async def test_columns_that_cannot_be_kept_are_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("in the way")
    async with running() as (app, pilot):
        await pilot.press("f2", "space", "enter")
        await until(pilot, lambda: len(app._notifications) == 1)
        assert "link" not in app.state.columns


def test_only_known_columns_are_taken_in_the_order_in_which_they_stand() -> None:
    assert known(("tx", "nonsense", "link")) == ("link", "tx")


async def test_on_large_screens_small_charts_of_many_ports_stand_below() -> None:
    async with running(Samples(twelve()), (200, 60)) as (app, pilot):
        await until(pilot, lambda: "All ports, the sickest first" in screen_text(app))
        assert "▸● ens1f0np0" in screen_text(app)
    async with running(size=(200, 60)) as (app, pilot):
        await until(pilot, lambda: "Wire" in screen_text(app))


@pytest.mark.parametrize(("size", "spare"), [((60, 6), True), ((60, 5), False), ((30, 6), True)])
async def test_the_rows_that_a_short_table_leaves_hold_the_verdict_and_the_keys(
    size: tuple[int, int], spare: bool
) -> None:
    one = [sample(tick, ethernet(PACU, tick, 1e9, 1e9)) for tick in (1.0, 2.0)]
    async with running(Samples(one), size) as (app, pilot):
        await until(pilot, lambda: (" → " in screen_text(app)) is spare)
        assert ("q Quit" in screen_text(app)) is spare
        assert len(screen_text(app).split("\n")) == size[1]
