"""Both ends of a link on the screen of several machines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from mlxtop.hosts.machines import Machine
from mlxtop.model.named_links import NamedEnd, NamedLink
from mlxtop.model.sample import HardwareNeighbour, Link, LinkLayer, LinkState, Sample, Slow
from mlxtop.present.ends_tables import BothEnds
from mlxtop.present.text import plain
from mlxtop.present.view import View
from mlxtop.settings import Settings
from mlxtop.tui.ends import LinkScreen
from mlxtop.tui.hosts import HostsApp
from mlxtop.tui.screens.pages import Detail
from mlxtop.tui.seat import Seat
from mlxtop.tui.widgets.lines import Styled
from tests.ends import PORT, pair
from tests.samples import PACU, G, Samples, ethernet, sample
from tests.test_counts import counted
from tests.test_tui_app import until
from tests.test_tui_pages import running, text_of, warm_up

MACS = {"pacu": "02:00:00:00:00:0a", "fry": "02:00:00:00:00:0b"}
LAST = 40


def machine(
    host: str, sends: float, receives: float, met: Sequence[str], *, down: bool = False
) -> list[Sample]:
    """Samples of a machine with one port; with `down` its link is lost at the end."""
    samples = []
    for tick in range(1, LAST + 1):
        state = LinkState.DOWN if down and tick == LAST else LinkState.UP
        link = Link(
            LinkLayer.ETHERNET, state, speed=100 * G, mtu=9000, address=MACS[host]
        )._replace(carrier_changes=3 if state is LinkState.DOWN else 2)
        port = ethernet(PACU, tick, receives, sends, rdma_share=0.0, link=link, module=50.0)
        neighbours = {PACU.id: tuple(HardwareNeighbour(mac, "enp67s0np0") for mac in met)}
        one = sample(float(tick), port)
        samples.append(one._replace(neighbours=Slow(neighbours, float(tick))))
    return samples


@asynccontextmanager
async def joined(
    pacu: list[Sample], fry: list[Sample], size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[HostsApp, Pilot[int]]]:
    """The screen of two machines, all of whose samples have come."""
    given = {"pacu": pacu, "fry": fry}
    seats = [Seat(Machine(name, Samples(some, name))) for name, some in given.items()]
    app = HostsApp(seats, Settings())

    def all_there() -> bool:
        newest = [seat.state.newest for seat in app.seats.values()]
        return all(
            one is not None and one.sample is some[-1]
            for one, some in zip(newest, given.values(), strict=True)
        )

    async with app.run_test(size=size) as pilot:
        await until(pilot, all_there)
        yield app, pilot


def link(down: bool = False) -> tuple[list[Sample], list[Sample]]:
    """Two machines: pacu sends 40 Gb/s of which fry receives 36, and hears 1 Gb/s."""
    return (
        machine("pacu", 40e9, 1e9, [MACS["fry"]], down=down),
        machine("fry", 1e9, 36e9, [MACS["pacu"]], down=down),
    )


def page(app: HostsApp) -> str:
    return text_of(app.screen.query_one("#page", Styled))


async def test_page_eight_shows_both_ends_whichever_is_looked_at() -> None:
    async with joined(*link()) as (app, pilot):
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await until(pilot, lambda: "pacu enp67s0np0 ⇄ fry enp67s0np0" in page(app))
        assert "pacu → fry" in page(app)
        await pilot.press("escape", "down", "8")
        await until(pilot, lambda: "fry enp67s0np0 ⇄ pacu enp67s0np0" in page(app))


def test_a_loss_that_is_proved_is_told_by_the_ribbon_and_leads_to_the_sender() -> None:
    ends = NamedLink(NamedEnd("a", "p1"), NamedEnd("b", "p1"))
    screen, (a, b) = LinkScreen((ends,), lambda ref, columns: None), pair()
    for tick, sent, arrived in ((1, 0, 0), (2, 0, 0), (3, 9000, 8000), (12, 9000, 8000)):
        look = counted(a, tick, sent, 0), counted(b, tick + 0.5, 0, arrived)
        screen.take(look, float(tick))
    (item,) = screen.items()
    assert plain(item.line) == "! a → b loses 11 %"
    assert item.action == "app.link('a', '0000:43:00.0/1')"


def test_a_frozen_picture_keeps_what_had_passed() -> None:
    (a, b) = pair()
    views = {one.host: View(one.frame, PORT, 76) for one in (a, b)}
    screen = LinkScreen((), lambda ref, columns: views[ref.host])

    def sent(paused: bool) -> int:
        ends = screen.with_ends("a", views["a"], paused).ends
        assert isinstance(ends, BothEnds)
        return ends.lost[0].sent

    for tick in (1, 2, 3):
        screen.take((counted(a, tick, 100 * tick, 0), counted(b, tick + 0.5, 0, 0)), tick)
    assert (sent(False), sent(True)) == (100, 100)
    screen.take((counted(a, 4, 900, 0), counted(b, 4.5, 0, 0)), 4)
    assert (sent(True), sent(False)) == (100, 700)


async def test_an_item_of_the_ribbon_opens_both_ends_of_its_link() -> None:
    async with joined(*link()) as (app, pilot):
        await until(pilot, lambda: len(app.links.ends.matches.links) == 1)
        await app.run_action("app.link('fry', '0000:43:00.0/1')")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await until(pilot, lambda: "fry enp67s0np0 ⇄ pacu enp67s0np0" in page(app))


async def test_the_ribbon_leads_from_a_link_that_is_down_to_both_of_its_ends() -> None:
    async with joined(*link(down=True)) as (app, pilot):
        items = [item for item in app.ribbon_items() if "down" in plain(item.line)]
        assert len(items) == 2
        await app.run_action(items[1].action)
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await until(pilot, lambda: "fry enp67s0np0 ⇄ pacu enp67s0np0" in page(app))


async def test_a_port_without_a_known_end_says_why() -> None:
    pacu = machine("pacu", 1e9, 1e9, ["02:00:00:00:00:77"])
    async with joined(pacu, machine("fry", 1e9, 1e9, [])) as (app, pilot):
        await pilot.press("8")
        await until(pilot, lambda: "none of the machines that are shown" in page(app))


async def test_one_machine_alone_says_how_to_show_the_other() -> None:
    async with running(warm_up(3)) as (app, pilot):
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await until(
            pilot,
            lambda: "mlxtop -H HOST" in text_of(app.screen.query_one("#page", Styled)),
        )


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(20, 5), (60, 15), (80, 24), (200, 60)])
async def test_the_page_fits_every_size(size: tuple[int, int]) -> None:
    async with joined(*link(), size=size) as (app, pilot):
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await pilot.pause(0.05)
