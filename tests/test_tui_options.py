"""The dialog of options: each is explained, taken up at once and written to the settings file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlxtop.settings import ROWS, TABLES, Settings, config_path, in_file, load
from mlxtop.tui.commands import COMMANDS
from mlxtop.tui.options import Option, options, parse, shown, text_of, with_option
from mlxtop.tui.screens.options import OptionsDialog
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.widgets.lines import Styled
from mlxtop.watch.hooks import EVENTS
from tests.test_tui_app import running, screen_text, until


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file, in a directory of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = config_path()
    path.parent.mkdir(parents=True)
    return path


def named(title: str) -> Option:
    return next(option for option in options(["nord"]) if option.title == title)


def test_every_setting_key_and_event_is_an_option_that_is_explained() -> None:
    found = options(["nord"])
    titles = {option.title for option in found}
    assert titles == {
        *(name for name, row in ROWS.items() if row.read is not None and name not in TABLES),
        *(f"keys.{command.id}" for command in COMMANDS),
        *(f"hooks.{kind}" for kind in EVENTS),
    }
    assert all(option.help for option in found)
    assert {option.title for option in found if option.restart and not option.table} == {
        *("all", "include", "readonly", "window", "flight", "save_on_alarm")
    }


def test_what_is_shown_of_a_default_can_be_typed_again() -> None:
    for option in options(["nord"]):
        text = text_of(option, Settings())
        value = parse(option, text, Settings())
        changed = with_option(Settings(), option, value)
        assert text_of(option, changed) == text, option.title
        assert shown(option, changed) == shown(option, Settings()), option.title
        assert with_option(changed, option, None) == Settings(), option.title


@pytest.mark.parametrize(
    ("title", "text", "problem"),
    [
        ("interval", "0", "is not between"),
        ("interval", "soon", "is not a number"),
        ("window", "29", "is not a whole number"),
        ("keys.sort", "S,q", "q is the key of quit"),
        ("keys.quit", "enter", "enter is the key of details"),
    ],
)
def test_what_cannot_be_set_is_refused(title: str, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(named(title), text, Settings())


def test_a_key_of_another_screen_is_free() -> None:
    assert parse(named("keys.sort"), "n", Settings()) == "n"
    moved = replace(Settings(), keys={"quit": "x"})
    assert parse(named("keys.sort"), "q", moved) == "q"
    with pytest.raises(ValueError, match="x is the key of quit"):
        parse(named("keys.sort"), "x", moved)


async def test_a_change_is_taken_up_at_once_and_written_with_comments_kept(config: Path) -> None:
    config.write_text("# mine\ninterval = 1.0 # slow\n")
    async with running(size=(150, 30)) as (app, pilot):
        await pilot.press("o")
        await until(pilot, lambda: "seconds between samples" in screen_text(app))
        assert "default" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "Leave as it was" in screen_text(app))
        await pilot.press("backspace", "2", "enter")
        await until(pilot, lambda: app.source.interval == 2.0)
        assert config.read_text() == "# mine\ninterval = 2 # slow\n"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await until(pilot, lambda: "every 2 s" in screen_text(app))


async def test_a_wrong_value_is_told_and_changes_nothing(config: Path) -> None:
    async with running() as (app, pilot):
        await pilot.press("o", "enter")
        await until(pilot, lambda: "Leave as it was" in screen_text(app))
        await pilot.press("9", "9", "9", "enter")
        await until(pilot, lambda: len(app._notifications) == 1)
        assert "nothing was changed" in next(iter(app._notifications)).message
        assert app.source.interval == 1.0
        await pilot.press("escape")
        await until(pilot, lambda: "Del Default" in screen_text(app))
        assert isinstance(app.screen, OptionsDialog)
        assert not config.exists()


async def test_switches_themes_and_glyphs_change_what_is_seen(config: Path) -> None:
    async with running() as (app, pilot):
        header = app.screen.query_one("#header", Styled)
        await pilot.press("o")
        dialog = app.screen
        assert isinstance(dialog, OptionsDialog)
        for title, key in (("ascii", "right"), ("theme", "left"), ("bits", "space")):
            names = [option.title for option in options([])]
            await pilot.press("home", *["j"] * names.index(title), key)
        await until(pilot, lambda: "bits = false" in config.read_text())
        assert header.ascii
        assert not app.state.bits
        assert app.theme != "mlxtop-dark"
        assert "╭" not in screen_text(app)
        found = load({}, {"XDG_CONFIG_HOME": str(config.parent.parent)})[0]
        assert (found.ascii, found.bits) == (True, False)
        await pilot.press("delete")
        await until(pilot, lambda: app.state.bits)
        assert "# bits = false" in config.read_text()


async def test_a_key_can_be_given_to_a_command_on_the_screen(config: Path) -> None:
    async with running() as (app, pilot):
        await pilot.press("o", "end", "enter")
        await until(pilot, lambda: "Leave as it was" in screen_text(app))
        await pilot.press("comma", "x", "enter")
        await until(pilot, config.exists)
        assert in_file()[0] == {"keys": {"quit": "q,f10,ctrl+q,ctrl+c,x"}}
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await pilot.press("x")
        await until(pilot, lambda: not app.is_running)


async def test_a_file_that_is_not_understood_is_told_and_left_alone(config: Path) -> None:
    config.write_text("interval = \n")
    async with running() as (app, pilot):
        await pilot.press("o")
        await until(pilot, lambda: "nothing is written" in screen_text(app))
        await pilot.press("down", "space")
        await until(pilot, lambda: len(app._notifications) == 1)
        assert not app.settings.all
        assert config.read_text() == "interval = \n"


async def test_a_readonly_screen_takes_a_change_up_and_writes_nothing(config: Path) -> None:
    async with running(settings=Settings(readonly=True)) as (app, pilot):
        await pilot.press("o", "end", "home")
        await until(pilot, lambda: "with --readonly nothing is written" in screen_text(app))
        await pilot.press("enter", "5", "enter")  # "15"
        await until(pilot, lambda: app.source.interval == 15.0)
        assert not config.exists()


@pytest.mark.quick((60, 15))
@pytest.mark.parametrize("size", [(20, 5), (60, 15), (120, 40), (200, 60)])
async def test_the_dialog_bears_every_size_and_every_key(size: tuple[int, int]) -> None:
    async with running(size=size) as (app, pilot):
        await pilot.press("o", "pagedown", "end", "pageup", "home", "g", "G", "enter")
        await pilot.pause(0.05)
        lines = screen_text(app).split("\n")
        assert len(lines) == size[1]
        assert {len(line) for line in lines} == {size[0]}
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
