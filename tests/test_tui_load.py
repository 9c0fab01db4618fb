"""The load dialog on a simulated machine in simulated time."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mlxtop.change.privilege import ActionContext
from mlxtop.lab import ManualClock, load_lab
from mlxtop.load.hold import HOLD_TIME_S
from mlxtop.load.measure import ITEM_S
from mlxtop.load.outcome import Phase
from mlxtop.load.run_log import list_ids, read_run
from mlxtop.load.session import SessionView
from mlxtop.model.load import Direction, Tool
from mlxtop.sampler.live import LiveSource
from mlxtop.settings import Settings
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.screens.load import LoadDialog
from mlxtop.tui.screens.load_form import FIELDS, WrongField, measure_options, options
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.widgets.lines import Choice

from .load_lab import wait_for_the_far_end
from .test_tui_app import screen_text, told
from .test_tui_app import until as until_on

PEER = "10.0.0.3"


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    """Let the machine's time pass until something holds."""
    context = cast("MlxtopApp", pilot.app).context
    assert context is not None
    await until_on(pilot, condition, context.system.clock)


@asynccontextmanager
async def dialog(
    monkeypatch: pytest.MonkeyPatch,
    state: Path,
    size: tuple[int, int] = (80, 24),
    machine: str = "pacu",
    interval: float = 1.0,
) -> AsyncIterator[tuple[MlxtopApp, Pilot[int]]]:
    """The application with the dialog open."""
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    system = load_lab(machine, ManualClock())
    app = MlxtopApp(LiveSource(system, interval), Settings(), ActionContext(system))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.state.newest is not None and app.state.selected is not None)
        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, LoadDialog))
        yield app, pilot


def view(app: MlxtopApp) -> SessionView:
    assert app.loads is not None
    return app.loads.session.view()


def fill(app: MlxtopApp, **values: str) -> None:
    for name, value in values.items():
        app.screen.query_one(f"#load-{name}", Input).value = value


def runs(state: Path) -> Path:
    return state / "mlxtop-nic" / "demo-runs"


async def test_the_plan_shows_the_commands_for_both_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path) as (app, pilot):
        await pilot.press(*PEER, "enter")
        await until(pilot, lambda: "At the far end" in screen_text(app))
        text = screen_text(app)
        assert "iperf3 -s -1 -p 5201" in text
        assert f"iperf3 -c {PEER} -p 5201 -t 10 -i 1 -P 8" in text
        assert "expected at most 58.4 Gb/s" in text
        await pilot.press("f7")
        assert app.clipboard == "iperf3 -s -1 -p 5201"
        assert not runs(tmp_path).exists()


async def test_a_test_is_run_and_followed_and_its_outcome_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path, (130, 40)) as (app, pilot):
        fill(app, host=PEER, time="12", note="dusty")
        await pilot.press("f5")
        wanted = ("s left", "Mean", "Retransmits", "module", "75 °C", "Temperature")
        await until(pilot, lambda: all(word in screen_text(app) for word in wanted))
        assert "LOAD" in app.badges()
        await until(pilot, lambda: view(app).outcome is not None)
        await pilot.pause(0.1)
        assert "Gb/s received" in screen_text(app)
        assert "LOAD" not in app.badges()
        outcome = view(app).outcome
        assert outcome is not None and outcome.ended == "complete"
        run = read_run(runs(tmp_path), list_ids(runs(tmp_path))[0])
        assert (run.note, run.demo, len(run.intervals)) == ("dusty", True, 12)


async def test_a_load_is_guarded_at_once_however_long_the_interval_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path, interval=60.0) as (app, pilot):
        fill(app, host=PEER, time="20")
        await pilot.press("f5")
        await until(pilot, lambda: "Now " in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await pilot.press("plus", "plus")
        assert app.source.interval == 1.0
        await until(pilot, lambda: view(app).outcome is not None)
        outcome = view(app).outcome
        assert outcome is not None and outcome.ended == "complete"
        await until(pilot, lambda: app.source.interval == 60.0)
        await pilot.press("minus")
        assert app.source.interval == 30.0


@pytest.mark.slow
async def test_a_test_goes_on_while_the_dialog_is_hidden_and_can_be_stopped_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path) as (app, pilot):
        fill(app, host=PEER, time="600")
        await pilot.press("f5")
        await until(pilot, lambda: "Now " in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await until(pilot, lambda: "LOAD" in screen_text(app))
        await pilot.press("I")
        await until(pilot, lambda: "Mean" in screen_text(app))
        await pilot.press("f8")
        await until(pilot, lambda: view(app).outcome is not None)
        await until(pilot, lambda: "cancelled" in screen_text(app))
        assert app.screen.query_one("#load-time", Input).value == "600", "as it was left"


async def test_what_runs_ends_with_the_application(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path) as (app, pilot):
        fill(app, host=PEER, time="600")
        await pilot.press("f5")
        await until(pilot, lambda: "Now " in screen_text(app))
    assert not view(app).busy
    assert read_run(runs(tmp_path), list_ids(runs(tmp_path))[0]).ended == "mlxtop ended"


@pytest.mark.slow
async def test_the_guard_ends_a_test_on_fry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path, machine="fry") as (app, pilot):
        fill(app, host="10.0.0.2", time="5m")
        await pilot.press("f5")
        await until(
            pilot,
            lambda: (status := view(app).status) is not None and status.phase is Phase.COOLING,
        )
        assert "stopped by the heat guard" in screen_text(app).replace("│\n│ │ ", "")
        await pilot.press("f8")
        await until(pilot, lambda: view(app).outcome is not None)
        outcome = view(app).outcome
        assert outcome is not None and outcome.heat.reason is not None


async def test_servers_are_started_here_on_demand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path, (80, 40)) as (app, pilot):
        await pilot.press("f6")
        await until(pilot, lambda: "Server listening on 5201" in screen_text(app))
        assert "here: iperf3 -s -1 -p 5201" in screen_text(app)
        await pilot.press("f8")
        await until(pilot, lambda: view(app).serving == 0)


async def test_servers_are_guarded_however_long_the_interval_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path, (80, 40), interval=60.0) as (app, pilot):
        assert app.context is not None
        system = app.context.system
        wait_for_the_far_end(system, monkeypatch)
        await pilot.press("f6")
        await until(pilot, lambda: app.source.interval == 1.0)
        began = system.now()
        await until(pilot, lambda: system.now() > began + 60)
        assert view(app).serving == 1 and not view(app).server_failed
        await pilot.press("f8")
        await until(pilot, lambda: app.source.interval == 60.0)


@pytest.mark.parametrize("size", [(20, 5), (200, 60)])
async def test_wrong_fields_are_told_and_any_size_is_survived(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with dialog(monkeypatch, tmp_path, size) as (app, pilot):
        await pilot.press("f5")
        await pilot.pause(0.05)
        assert not view(app).busy
        fill(app, host=PEER, omit="x")
        await pilot.press("f5")
        await pilot.pause(0.05)
        assert not view(app).busy
        assert app.focused is not None and app.focused.id == "load-omit"


async def test_the_dialog_does_not_exist_where_nothing_may_be_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system = load_lab("pacu", ManualClock())
    app = MlxtopApp(LiveSource(system, 1.0), Settings(readonly=True), ActionContext(system))
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.state.selected is not None)
        await pilot.press("I")
        await pilot.pause(0.05)
        assert isinstance(app.screen, Overview)
        assert "Load" not in screen_text(app).splitlines()[-1]


def values(**given: str) -> dict[str, str]:
    empty = {field.id: field.options[0] if field.options else "" for field in FIELDS}
    return {**empty, "host": PEER, **given}


def test_the_fields_ask_for_what_they_say() -> None:
    chosen = options(
        values(
            direction="both",
            time="15m",
            mode="soak",
            streams="4",
            protocol="UDP",
            bitrate="10G",
            tool="iperf3",
            guard="module",
            zerocopy="on",
            family="6",
            cores="0-3",
        ),
        "enp67s0np0",
    )
    request = chosen.request
    assert (request.direction, request.seconds, request.streams) == (Direction.BOTH, 900, 4)
    assert (request.udp, request.bitrate, request.tool) == (True, 10e9, Tool.IPERF3)
    assert (request.via, request.family, request.affinity) == ("enp67s0np0", 6, "0-3")
    assert chosen.timing.soak and chosen.timing.baseline == 60.0
    assert chosen.guard.sensors == frozenset({"module"})
    assert not options(values(guard="off"), None).guard.armed


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("host", " "),
        ("time", "25h"),
        ("bitrate", "fast"),
        ("streams", "0"),
        ("port", "99999"),
        ("omit", "-1"),
    ],
)
def test_a_field_that_holds_nonsense_is_named(field: str, text: str) -> None:
    with pytest.raises(WrongField) as found:
        options(values(**{field: text}), None)
    assert found.value.field == field


@pytest.mark.slow
async def test_hold_and_measure_are_choices_of_the_dialog(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path, (120, 40), "tiny") as (app, pilot):
        fill(app, host="10.40.0.1", time="1")
        app.screen.query_one("#load-mode", Choice).value = "measure"
        await pilot.press("enter")
        await until(pilot, lambda: "tests take about" in screen_text(app) or not view(app).busy)
        await until(pilot, lambda: not view(app).busy)
        await pilot.pause(0.1)
        assert "Measurement" in screen_text(app) and "TCP, one stream" in screen_text(app)
        await pilot.press("f5")
        await until(pilot, lambda: bool(re.search(r", test \d+ of \d", screen_text(app))))
        await until(pilot, lambda: not view(app).busy)
        await pilot.pause(0.1)
        measure = view(app).measure
        assert measure is not None and measure.ended == "complete"
        assert "streams reach" in screen_text(app) and "Results" in screen_text(app)
        app.screen.query_one("#load-mode", Choice).value = "hold"
        await pilot.press("enter")
        await until(pilot, lambda: not view(app).busy)
        await pilot.pause(0.1)
        assert "no temperature sensor" in screen_text(app), "nothing would regulate the rate"


def test_a_hold_has_time_enough_and_needs_the_guard() -> None:
    values = {field.id: field.options[0] if field.options else "" for field in FIELDS}
    values |= {"host": PEER, "mode": "hold"}
    chosen = options(values, None)
    assert chosen.hold and chosen.request.seconds == HOLD_TIME_S
    assert options(values | {"time": "60"}, None).request.seconds == 60
    with pytest.raises(WrongField, match="needs the heat guard"):
        options(values | {"guard": "off"}, None)
    assert measure_options(values | {"mode": "measure"}, None).request.seconds == ITEM_S


async def test_neighbours_are_offered_for_the_far_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path) as (app, pilot):
        await until(pilot, lambda: f"takes one: {PEER}" in screen_text(app))
        host = app.screen.query_one("#load-host", Input)
        await pilot.press("down")
        assert host.value == PEER
        await pilot.press("down")
        assert host.value == PEER, "there is but one"
        await pilot.press("tab", "down")
        assert host.value == PEER and app.focused is not host


async def test_only_the_choice_with_the_cursor_is_lit_and_the_keys_say_how_to_turn_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path) as (app, pilot):
        assert "F5 Ctrl-R Run" in screen_text(app) and "← → Choose" not in screen_text(app)
        await pilot.press("tab")
        await until(pilot, lambda: "‹ send ›" in screen_text(app))
        assert "← → Choose" in screen_text(app)
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "‹ test ›" in screen_text(app))
        assert "‹ send ›" not in screen_text(app)
        await pilot.press("tab")
        await until(pilot, lambda: "‹" not in screen_text(app))


async def test_the_plan_says_where_the_guard_stops(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path, (120, 40)) as (app, pilot):
        await pilot.press(*PEER, "enter")
        wanted = "guard: stops at ASIC 105 °C, module 75 °C, or 15 s before"
        await until(pilot, lambda: wanted in screen_text(app))


async def test_quitting_while_a_load_runs_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with dialog(monkeypatch, tmp_path) as (app, pilot):
        fill(app, host=PEER, time="600")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "Mean" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await pilot.press("q")
        await until(pilot, lambda: told(app, "once more ends it"))
        assert app.is_running and view(app).busy
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert read_run(runs(tmp_path), list_ids(runs(tmp_path))[0]).ended == "mlxtop ended"
