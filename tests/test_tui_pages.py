"""Pages of a port, events and heat on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from mlxtop.model.rdma_objects import QueuePairs, RdmaHolder, RdmaObjects
from mlxtop.model.sample import Sample, Slow, Temperature
from mlxtop.present.alarms import headline
from mlxtop.sampler.facts import RDMA, Fact
from mlxtop.settings import Settings
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.screens.pages import Detail
from mlxtop.tui.widgets.heat_chart import HeatChart
from mlxtop.tui.widgets.lines import Styled
from mlxtop.watch.alert import Alert, AlertKind
from tests.heat_curves import Body, Sensor, readings
from tests.samples import PACU, Samples, ethernet, sample
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


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (200, 60)])
async def test_the_heat_page_fits_every_size(size: tuple[int, int]) -> None:
    async with running(warm_up(30), size) as (app, pilot):
        await pilot.press("enter", "2")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await pilot.pause(0.05)
        for strip in app.screen._compositor.render_strips():
            assert strip.cell_length == size[0]


async def test_what_is_too_hot_is_in_ribbon_and_title_and_rings_once() -> None:
    fired: list[Alert] = []
    rings: list[int] = []
    app = MlxtopApp(Samples(given := warm_up(120)), Settings(bell=True))
    app.fire = fired.append
    app.bell = lambda: rings.append(1)  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: given_last(app, given) is not None)
        assert [alert.kind for alert in fired] == [AlertKind.WARNING, AlertKind.ALARM]
        assert len(rings) == 2
        title = headline(app.state.watch)
        assert title is not None
        assert title.startswith("! enp67s0np0 module 8")
        ribbon = app.screen.query_one("#ribbon", Styled)
        await until(pilot, lambda: "! enp67s0np0 module" in text_of(ribbon))
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
        (told,) = app._notifications
        assert "\x1b" not in told.message


async def test_a_kernel_log_that_may_not_be_read_is_told_with_the_events() -> None:
    given = warm_up(3)
    given[-1] = given[-1]._replace(absent={"kernel_log": "needs root"})
    async with running(given) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: "needs root" in text_of(page_of(app)))


async def test_page_five_is_sorted_and_only_there_and_on_page_six_more_is_asked() -> None:
    port = ethernet(PACU, 1.0, 0.0, 0.0)
    pairs = {7: 9, 8: 3}
    holders = tuple(
        RdmaHolder("mlx5_0", pid, comm=f"job{pid}", qps=(QueuePairs("RC", "RTS", number),))
        for pid, number in pairs.items()
    )
    objects = Slow(RdmaObjects(holders, {"mlx5_0": {"qp": 12}}, first_pid_namespace=True), 1.0)
    async with running([sample(1.0, port)._replace(rdma_objects=objects)]) as (app, pilot):
        assert app.source.more_wants == frozenset()
        await pilot.press("enter", "5")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        page = app.screen.query_one("#page", Styled)
        await until(pilot, lambda: "job7" in text_of(page))
        text = text_of(page)
        assert text.index("job7") < text.index("job8")
        app.on_frame_arrived()
        assert app.source.more_wants == RDMA
        await pilot.press("r")
        await until(pilot, lambda: text_of(page).index("job8") < text_of(page).index("job7"))
        await pilot.press("less_than_sign", "less_than_sign")
        await until(pilot, lambda: "pid▼" in text_of(page))
        await pilot.press("6")
        app.on_frame_arrived()
        assert app.source.more_wants == {Fact.FLASH}
        await until(pilot, lambda: "needs root: sudo mlxtop passport" in text_of(page))
        await pilot.press("1")
        app.on_frame_arrived()
        assert app.source.more_wants == frozenset()
