"""Heat on the screen: chart, states, title, bell, scripts and the list of events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import exp, nan

import pytest
from textual.pilot import Pilot

from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Link, LinkState, Sample, Temperature
from mlxtop.present.link import link as link_page
from mlxtop.present.text import Role, line_width, plain
from mlxtop.settings import Settings
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.messages import HookFailed
from mlxtop.tui.screens.detail import Detail
from mlxtop.tui.state import State
from mlxtop.tui.widgets.charts import Rule
from mlxtop.tui.widgets.heat_chart import HeatChart
from mlxtop.tui.widgets.heatplot import HeatPicture, Mark, future_columns, heat_lines, plot_columns
from mlxtop.tui.widgets.lines import Styled
from mlxtop.tui.widgets.timeline import timeline
from mlxtop.watch.heat import Alert, AlertKind
from tests.heat_curves import Body, Sensor, readings
from tests.samples import PACU, Samples, ethernet, frame, sample
from tests.test_tui_app import until


def warm_up(seconds: int = 80, stale: bool = False) -> list[Sample]:
    """A module that warms up from 50 to 90 °C with a time constant of 70 s."""
    points = dict(readings(Body(40, 70, start=50), Sensor(0.5, every=1.0), seconds))
    found = []
    for tick in range(1, seconds + 1):
        port = ethernet(PACU, tick, 40e9, 1e9)
        module = Temperature("module", points[float(tick)], tick, 75.0, 80.0, source="hwmon")
        if stale and tick > seconds - 10:
            module = module._replace(tick=seconds - 10, stale=True, problem="no answer for 9 s")
        found.append(sample(float(tick), port._replace(temperatures=(module,))))
    return found


@asynccontextmanager
async def running(
    given: list[Sample], size: tuple[int, int] = (120, 40), settings: Settings | None = None
) -> AsyncIterator[tuple[MlxtopApp, Pilot[int]]]:
    app = MlxtopApp(Samples(given), settings or Settings())
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.state.newest is given_last(app, given))
        yield app, pilot


def given_last(app: MlxtopApp, given: list[Sample]) -> object:
    newest = app.state.newest
    return newest if newest is not None and newest.sample is given[-1] else None


def text_of(widget: Styled) -> str:
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


async def test_page_two_shows_the_warm_up_its_limits_and_its_forecast() -> None:
    async with running(warm_up(50)) as (app, pilot):
        await pilot.press("enter", "2")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        chart = app.screen.query_one(HeatChart)
        await until(pilot, lambda: "now" in text_of(chart))
        text = text_of(chart)
        assert "module alarm" in text
        assert "75°" in text
        assert "alarm 80 °C in " in text
        assert " ± " in text
        page = text_of(app.screen.query_one("#page", Styled))
        assert "warming" in page
        await pilot.press("M")
        await until(pilot, lambda: chart.size.height > 20)
        await pilot.press("M", "3")
        await until(pilot, lambda: not chart.display or chart.size.height == 0 or not chart.region)


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (200, 60)])
async def test_the_heat_page_fits_every_size(size: tuple[int, int]) -> None:
    async with running(warm_up(30), size) as (app, pilot):
        await pilot.press("enter", "2")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await pilot.pause(0.05)
        for strip in app.screen._compositor.render_strips():
            assert strip.cell_length == size[0]


async def test_what_is_too_hot_is_in_header_and_title_and_rings_once() -> None:
    fired: list[Alert] = []
    rings: list[int] = []
    app = MlxtopApp(Samples(given := warm_up(120)), Settings(bell=True))
    app.fire = fired.append
    app.bell = lambda: rings.append(1)  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: given_last(app, given) is not None)
        assert [alert.kind for alert in fired] == [AlertKind.WARNING, AlertKind.ALARM]
        assert len(rings) == 2
        run = app.state.headline()
        assert run is not None
        assert run[0].startswith("! enp67s0np0 module 8")
        header = app.screen.query_one("#header", Styled)
        await until(pilot, lambda: "! enp67s0np0 module" in text_of(header))
        ports = text_of(app.screen.query_one("#ports", Styled))
        assert "°C!" in ports


async def test_a_stale_sensor_is_marked_and_told() -> None:
    async with running(warm_up(40, stale=True)) as (app, pilot):
        ports = app.screen.query_one("#ports", Styled)
        await until(pilot, lambda: "°C?" in text_of(ports))
        await pilot.press("e")
        await until(pilot, lambda: "no longer answers" in text_of(page_of(app)))


def page_of(app: MlxtopApp) -> Styled:
    found = app.screen.query("#page")
    return found.first(Styled) if found else app.screen.query_one("#header", Styled)


async def test_a_script_that_failed_is_told() -> None:
    async with running(warm_up(3)) as (app, pilot):
        app.hook_failed("hook alarm: status 3 \x1b[31mno modem")
        await until(pilot, lambda: len(app._notifications) == 1)
        assert HookFailed("x").text == "x"
        (told,) = app._notifications
        assert "\x1b" not in told.message


async def test_a_kernel_log_that_may_not_be_read_is_told_with_the_events() -> None:
    given = warm_up(3)
    given[-1] = given[-1]._replace(absent={"kernel_log": "needs root"})
    async with running(given) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: "needs root" in text_of(page_of(app)))


def link(kind: IncidentKind, tick: float, source: str, name: str = "enp67s0np0") -> Incident:
    return Incident(kind, str(kind), Severity.NOTE, tick, ifname=name, source=source)


def test_what_two_sources_tell_of_is_one_event() -> None:
    state = State()
    now = sample(100.0, ethernet(PACU, 100.0, 0, 0))
    state.watch.note(now, [link(IncidentKind.LINK_DOWN, 99.0, "kernel log")])
    state.watch.note(now, [link(IncidentKind.LINK_DOWN, 99.5, "mlxtop")])
    state.watch.note(now, [link(IncidentKind.LINK_DOWN, 99.5, "kernel log")])
    state.watch.note(now, [link(IncidentKind.LINK_DOWN, 99.5, "mlxtop", "other")])
    state.watch.note(now, [link(IncidentKind.LINK_UP, 99.5, "mlxtop")])
    assert [(i.kind, i.source, i.ifname) for _, i in state.watch.events] == [
        (IncidentKind.LINK_DOWN, "kernel log", "enp67s0np0"),
        (IncidentKind.LINK_DOWN, "kernel log", "enp67s0np0"),
        (IncidentKind.LINK_DOWN, "mlxtop", "other"),
        (IncidentKind.LINK_UP, "mlxtop", "enp67s0np0"),
    ]


def test_events_stand_at_the_instant_they_happened_and_with_their_port() -> None:
    state = State()
    happened = Incident(IncidentKind.MODULE_PLUGGED, "plugged", tick=40.0, device="0000:43:00.0")
    other = Incident(IncidentKind.MODULE_PLUGGED, "plugged", tick=41.0, device="0000:44:00.0")
    port = ethernet(PACU, 100.0, 0, 0)
    shown = sample(100.0, port)._replace(incidents=(other, happened))
    state.arrive(frame(shown))
    assert state.watch.events_of(PACU.id) == [(shown.wall - 60.0, happened)]


def test_errors_of_the_bridge_above_a_port_are_its_events_and_stand_on_its_page() -> None:
    state = State(selected=PACU.id)
    above = Incident(IncidentKind.AER, "PCIe error", Severity.WARNING, 99.0, "0000:40:03.0")
    shown = sample(100.0, ethernet(PACU, 100.0, 0, 0))._replace(incidents=(above,))
    state.arrive(frame(shown))
    view = state.view(76)
    assert view is not None
    sections = {section.title: section for section in link_page(view)}
    assert "PCIe error" in plain(sections["Events"].lines[0])


def test_links_that_flapped_unseen_are_events() -> None:
    state = State()
    for tick, changes in ((1.0, 2), (2.0, 6)):
        seen = Link(state=LinkState.UP, carrier_changes=changes)
        state.arrive(frame(sample(tick, ethernet(PACU, tick, 0, 0, link=seen))))
    assert [i.text for _, i in state.watch.events] == ["link went down and came back 2 times"]


def picture() -> HeatPicture:
    past = [50 + 40 * (1 - exp(-n / 40)) for n in range(200)]
    return HeatPicture(
        {Role.MODULE: ("module", past), Role.ASIC: ("ASIC", [nan] * 100 + [84.0] * 100)},
        {Role.MODULE: [90.0] * 60},
        [Rule(75, "module warning", Role.WARNING), Rule(80, "module alarm", Role.CRITICAL)],
        {Role.RX: [n * 1e8 for n in range(200)], Role.TX: [nan] * 200},
        [Mark(50.0, Role.CRITICAL), Mark(-5.0, Role.TEXT), Mark(1e9, Role.TEXT)],
    )


@pytest.mark.parametrize("size", [(16, 3), (20, 4), (40, 7), (80, 12), (160, 30)])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_picture_is_as_large_as_its_room(size: tuple[int, int], ascii_only: bool) -> None:
    columns = plot_columns(size[0])
    line = timeline(100.0, columns - future_columns(columns), 60.0, 1.0)
    lines = heat_lines(picture(), line, size, ascii_only)
    assert len(lines) <= size[1]
    for drawn in lines:
        assert line_width(drawn) <= size[0], plain(drawn)


def test_events_are_marked_where_they_happened() -> None:
    columns = plot_columns(80)
    line = timeline(100.0, columns - future_columns(columns), 60.0, 1.0)
    rows = [plain(row) for row in heat_lines(picture(), line, (80, 12))]
    events = next(row for row in rows if row.startswith("event"))
    assert events.count("▲") == 1
    assert any("now" in row for row in rows)
