"""Several machines on one screen: one table, each page its machine, one lost beside the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from textual.pilot import Pilot

from mlxtop.change.privilege import ActionContext
from mlxtop.hosts.machines import Machine
from mlxtop.lab import load_lab
from mlxtop.model.frame import derive
from mlxtop.model.machine import MachineState, Reach
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.present.machines import machine_title
from mlxtop.present.text import plain
from mlxtop.sampler.facts import RDMA, Fact
from mlxtop.settings import Settings
from mlxtop.system.clock import RealClock
from mlxtop.tui.flight import News
from mlxtop.tui.hosts import HostsApp
from mlxtop.tui.live_app import FrameArrived
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.screens.pages import Detail
from mlxtop.tui.seat import Seat
from tests.samples import PACU, Samples, ethernet, sample
from tests.test_tui_app import screen_text, until

LIVE = Reach(MachineState.LIVE)


@dataclass
class Afar(Samples):
    """A machine that is read from afar."""

    kind: SourceKind = SourceKind.REMOTE
    reach: Reach = field(default=LIVE)
    tell: list[Callable[[], None]] = field(default_factory=list)

    def listen(self, tell: Callable[[], None]) -> None:
        self.tell.append(tell)


class Still(RealClock):
    """A clock that always says the same."""

    def now(self) -> float:
        return 100.0


def hot(seconds: int, celsius: float) -> list[Sample]:
    """The same port on every machine: PCI addresses repeat."""
    return [sample(float(t), ethernet(PACU, t, 1e9, 2e9, module=celsius)) for t in range(seconds)]


@asynccontextmanager
async def running(
    *machines: Samples, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[HostsApp, Pilot[int]]]:
    """The screen of these machines, each with its newest frame."""
    seats = [Seat(Machine(one.label, one)) for one in machines]
    app = HostsApp(seats, Settings(), Still())
    async with app.run_test(size=size) as pilot:
        there = [seat for seat in seats if seat.machine.source.given]  # type: ignore[attr-defined]
        await until(pilot, lambda: app.open and all(seat.state.newest for seat in there))
        app.draw()
        await pilot.pause()
        yield app, pilot


def rows(app: HostsApp) -> list[str]:
    return [line.strip("│ ") for line in screen_text(app).split("\n")]


async def test_the_table_has_every_machine_with_its_ports_below() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")) as (app, _):
        text = screen_text(app)
        assert text.index(" pacu") < text.index("40 °C") < text.index(" fry") < text.index("50 °C")
        assert app.machine == "pacu" and " mlxtop   pacu" in text


async def test_the_cursor_takes_the_pages_to_its_machine() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")) as (app, pilot):
        await pilot.press("j")
        assert app.machine == "fry" and app.readonly
        assert app.state.selected == PACU.id and app.state is app.seats["fry"].state
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await until(pilot, lambda: "fry" in screen_text(app).split("\n")[0])
        assert "50 °C" in screen_text(app) and "REMOTE" in screen_text(app)
        await pilot.press("escape", "k")
        assert app.machine == "pacu"


async def test_a_page_wants_more_of_the_machine_that_it_shows_alone() -> None:
    pacu, fry = Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")
    async with running(pacu, fry) as (app, pilot):
        await pilot.press("6")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        app.on_frame_arrived()
        assert pacu.more_wants == {Fact.FLASH} and not fry.more_wants
        app.focus_machine("fry")
        app.on_frame_arrived()
        assert fry.more_wants == {Fact.FLASH} and not pacu.more_wants


def come(app: HostsApp, host: str, *samples: Sample) -> None:
    """Let samples of a machine come as its thread puts them down."""
    for one in samples:
        app.seats[host].feed._frames.append(derive(one, app.seats[host].state.newest))
    app.post_message(FrameArrived())


async def test_verdicts_are_kept_of_the_machine_under_the_cursor_alone() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")) as (app, pilot):
        for key, here, other, tick in (("j", "fry", "pacu", 10.0), ("k", "pacu", "fry", 20.0)):
            await pilot.press(key)
            for host in (here, other):
                come(app, host, sample(tick, ethernet(PACU, round(tick), 1e9, 2e9)))
            app.on_frame_arrived()
            newest = [seat.state.newest for seat in app.seats.values()]
            assert [frame.sample.tick for frame in newest if frame] == [tick, tick]
            assert list(app.seats[here].state.verdicts) == [PACU.id]
            assert app.seats[other].state.verdicts == {}


async def test_a_frame_is_drawn_once() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")) as (app, pilot):
        drawn = []
        app.redraw = lambda: drawn.append(app.state.newest)  # type: ignore[method-assign]
        come(app, "pacu", sample(10.0, ethernet(PACU, 10, 1e9, 2e9)))
        await until(pilot, lambda: drawn != [])
        assert [frame.sample.tick for frame in drawn if frame] == [10.0]


async def test_only_the_machine_whose_page_is_seen_reads_who_uses_rdma() -> None:
    machines = Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")
    async with running(*machines) as (app, pilot):
        await pilot.press("j", "5")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        app.on_frame_arrived()
        assert [one.more_wants for one in machines] == [frozenset(), RDMA]
        app.focus_machine("pacu")
        app.on_frame_arrived()
        assert [one.more_wants for one in machines] == [RDMA, frozenset()]


async def test_h_shows_the_machine_under_the_cursor_only_and_all_again() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")) as (app, pilot):
        await pilot.press("j", "H")
        await until(pilot, lambda: "40 °C" not in screen_text(app))
        assert "50 °C" in screen_text(app)
        await pilot.press("H")
        await until(pilot, lambda: "40 °C" in screen_text(app))
        assert app.machine == "fry"


async def test_the_wall_says_whose_ports_it_shows() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 90.0), "fry")) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: "no port of pacu in trouble" in screen_text(app))
        await pilot.press("escape", "j", "w")
        await until(pilot, lambda: "1 of 1 ports of fry in trouble" in screen_text(app))


async def test_what_was_chosen_holds_for_all_machines() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")) as (app, pilot):
        await pilot.press("u", "space")
        await until(pilot, lambda: screen_text(app).count("MB/s") >= 4)
        assert [seat.state.paused for seat in app.seats.values()] == [True, True]
        await pilot.press("j", "space")
        assert [seat.state.paused for seat in app.seats.values()] == [False, False]


async def test_the_pace_holds_for_all_machines_and_the_guard_of_each() -> None:
    machines = Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")
    async with running(*machines) as (app, pilot):
        await pilot.press("j", "plus")
        assert [one.interval for one in machines] == [2.0, 2.0]
        app.seats["pacu"].loads = SimpleNamespace(longest_interval=1.0)  # type: ignore[assignment]
        await pilot.press("plus")
        assert [one.interval for one in machines] == [1.0, 1.0]
        app.seats["pacu"].loads = None


async def test_what_is_not_done_from_afar_says_so_and_is_not_in_the_key_bar() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry"), size=(160, 40)) as (
        app,
        pilot,
    ):
        told: list[str] = []
        app.notify = lambda text, **_: told.append(text)  # type: ignore[method-assign]
        here = app.seats["pacu"]
        here.context, app.source.kind = ActionContext(load_lab("pacu")), SourceKind.DEMO  # type: ignore[misc]
        here.machine = here.machine._replace(system=here.context.system)
        app._adopt(here)
        app.draw()
        await until(pilot, lambda: "I Load" in screen_text(app))
        await pilot.press("j")
        await until(pilot, lambda: "I Load" not in screen_text(app))
        await pilot.press("I", "L")
        assert told == [
            "a test begins at a port of this machine; fry can be its far end",
            "link types are changed on fry itself",
        ]


async def test_what_becomes_of_a_recording_is_told_with_the_name_of_its_machine() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 50.0), "fry")) as (app, _):
        told: list[str] = []
        app.notify = lambda text, **_: told.append(text)  # type: ignore[method-assign]
        app.seats["fry"].flight = SimpleNamespace(news=lambda: [News("recorded")])  # type: ignore[assignment]
        app.lookout.tell()
        assert told == ["fry: recorded"]
        app.seats["fry"].flight = None


async def test_an_alarm_names_its_machine_and_leads_to_it() -> None:
    async with running(Samples(hot(3, 40.0)), Afar(hot(3, 90.0), "fry")) as (app, pilot):
        (item,) = app.ribbon_items()
        assert plain(item.line).startswith("fry ! enp67s0np0 module 90 °C")
        await app.run_action(item.action)
        await until(pilot, lambda: isinstance(app.screen, Detail))
        assert app.machine == "fry"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await pilot.press("k", "a")
        assert app.ribbon_items() == []


async def test_a_lost_machine_is_stale_with_its_age_and_the_others_go_on() -> None:
    afar = Afar(hot(3, 50.0), "fry")
    async with running(Samples(hot(3, 40.0)), afar) as (app, pilot):
        afar.reach = Reach(MachineState.LOST, 58.0, "Connection refused")
        app._drawn = 0.0
        app._look()
        await until(pilot, lambda: "lost" in screen_text(app))
        assert "fry  lost, last seen 42 s ago  Connection refused" in screen_text(app)
        assert "50 °C" in screen_text(app), "its last values stay"


async def test_a_machine_that_never_answered_is_a_line() -> None:
    afar = Afar([], "fry", reach=Reach(MachineState.LOST, 0.0, "Permission denied (publickey)."))
    async with running(Samples(hot(3, 40.0)), afar) as (app, pilot):
        assert "fry  lost, not reached yet  Permission denied (publickey)." in screen_text(app)
        await pilot.press("j", "j")
        assert app.machine == "pacu"


async def test_a_machine_that_was_started_anew_begins_a_new_watch() -> None:
    given = [*hot(5, 40.0), sample(1.0, ethernet(PACU, 1, 1e9, 1e9, module=41.0))]
    async with running(Samples(hot(3, 40.0)), Afar(given, "fry")) as (app, pilot):
        state = app.seats["fry"].state
        await until(pilot, lambda: state.newest is not None and state.newest.sample.tick == 1.0)
        assert "41 °C" in screen_text(app) or state.frame is state.newest


@pytest.mark.parametrize(
    ("offset", "told"),
    [(None, ""), (0.082, "its clock is 82 ms ahead"), (-3.21, "its clock is 3.2 s behind")],
)
def test_the_title_tells_of_a_clock_that_is_off(offset: float | None, told: str) -> None:
    reach = Reach(MachineState.LIVE, via="mlxtop 0.1.0 there", offset=offset)
    text = plain(machine_title("fry", None, reach, 0.0))
    assert told in text and "mlxtop 0.1.0 there" in text


def test_text_from_afar_is_cleaned() -> None:
    reach = Reach(MachineState.LOST, 0.0, "\x1b[2J\nred")
    assert plain(machine_title("fry", None, reach, 0.0)).isprintable()
