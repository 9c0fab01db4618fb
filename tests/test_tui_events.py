"""The list of events: a line a cause, the chosen one in full, and the way to its port."""

from __future__ import annotations

import pytest

from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.path import PathStatus, PeerStatus, Way, WayState, WayStatus
from mlxtop.tui.screens.events import Events
from mlxtop.tui.screens.pages import Detail
from mlxtop.tui.widgets.sections import Choices
from tests.samples import IB, Samples, frame, sample
from tests.test_tui_app import running, screen_text, until
from tests.test_tui_ribbon import LOST, TWO, look
from tests.tour import walk

UP, DOWN = WayState.UP, WayState.DOWN


async def test_a_loss_and_its_end_are_one_line_with_its_length() -> None:
    async with running(Samples([*LOST, look(44.0, False)])) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: "link down, was up" in screen_text(app))
        (line,) = [line for line in screen_text(app).split("\n") if "link down" in line][:1]
        assert "41 s" in line
        assert "link up, was down" not in screen_text(app).partition("with it")[0]
        await until(pilot, lambda: "goes on" not in screen_text(app))


async def test_what_goes_on_is_told_and_a_long_text_is_read_in_full() -> None:
    text = "word " * 40 + "end"
    given = [*LOST]
    told = Incident(IncidentKind.HEALTH, text, tick=38.0, ifname="ibp67s0f1", key="k")
    given[-1] = given[-1]._replace(incidents=(told,))
    async with running(Samples(given)) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Events))
        await until(pilot, lambda: "goes on" in screen_text(app))
        assert "word end" in screen_text(app)
        await pilot.press("j")
        await until(pilot, lambda: "36 s …" in screen_text(app))


async def test_enter_opens_the_port_and_a_acknowledges_its_alarm() -> None:
    async with running(Samples(TWO)) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: "link down, was up" in screen_text(app))
        await pilot.press("end", "a")
        await until(pilot, lambda: "ibp67s0f1" not in screen_text(app).split("\n")[1])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        assert app.state.selected == IB.id
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Events))


async def test_ways_that_a_link_took_with_it_are_in_its_line_and_acknowledged_with_it() -> None:
    def ways(state: WayState) -> PathStatus:
        way = Way("ibp67s0f1")
        one = WayStatus(way, state, "no carrier", last_rtt_s=0.001)
        return PathStatus((PeerStatus("b", "10.0.0.2", (one,), way.words, "why"),))

    before, after = (look(n, n > 2)._replace(paths=ways(s)) for n, s in ((2.0, UP), (3.0, DOWN)))
    async with running(Samples([before, after])) as (app, pilot):
        assert "way to b down" in screen_text(app).split("\n")[1]
        await pilot.press("e")
        await until(pilot, lambda: "with it" in screen_text(app))
        assert screen_text(app).count("link down, was up") == 2, "in the list and in full"
        assert screen_text(app).count("way to b dev") == 1, "with the link alone"
        await pilot.press("a")
        await until(pilot, lambda: screen_text(app).split("\n")[1].startswith("╭─ Events"))


async def test_the_cursor_stays_on_its_line_while_more_come() -> None:
    async with running(Samples(TWO)) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: "link down, was up" in screen_text(app))
        await pilot.press("j")
        screen = app.screen
        assert isinstance(screen, Events)
        before = screen.chosen
        assert before is not None
        app.state.arrive(frame(sample(50.0)))
        app.redraw()
        await until(pilot, lambda: screen.query_one(Choices).place > 1)
        assert screen.chosen is not None
        assert screen.chosen.key == before.key


async def test_what_is_about_no_port_says_so() -> None:
    given = [*LOST]
    strange = Incident(IncidentKind.LOST, "events were lost", tick=39.0)
    given[-1] = given[-1]._replace(incidents=(strange,))
    async with running(Samples(given)) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: "events were lost" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: len(app._notifications) == 1)
        assert isinstance(app.screen, Events)


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (200, 60)])
async def test_the_list_fits_every_size(size: tuple[int, int]) -> None:
    async with running(Samples(TWO), size) as (app, pilot):
        await pilot.press("e", "j", "k", "end", "home", "pagedown", "pageup")
        await pilot.pause()
        lines = screen_text(app).split("\n")
        assert (len(lines), {len(line) for line in lines}) == (size[1], {size[0]})


async def test_a_storm_on_the_simulated_host_is_in_the_list_with_its_end() -> None:
    async with walk("faulty", (120, 40), 3.0) as walking:
        await walking.forward(55.0)
        await walking.press("e")
        await walking.forward(3.0)
        assert "CRC in all" in walking.text()
