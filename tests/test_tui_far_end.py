"""The far end of a load test that is a machine of the screen: found, guarded, asked to serve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from mlxtop.change.privilege import ActionContext
from mlxtop.hosts import addresses
from mlxtop.hosts.far_server import RemoteServer
from mlxtop.hosts.machines import Machine
from mlxtop.hosts.remote import RemoteSource
from mlxtop.lab import ManualClock, load_joined
from mlxtop.lab.system import LabSystem
from mlxtop.load.far import FarEnd
from mlxtop.load.request import LoadRequest
from mlxtop.load.route import LoadRefused
from mlxtop.load.session import SessionView
from mlxtop.model.frame import Frame
from mlxtop.model.machine import MachineState, Reach
from mlxtop.sampler.live import LiveSource
from mlxtop.settings import Settings
from mlxtop.tui.far_end import find_far
from mlxtop.tui.hosts import HostsApp
from mlxtop.tui.screens.load import LoadDialog
from mlxtop.tui.seat import Seat
from tests.load_lab import shown
from tests.samples import mlx5_port
from tests.test_tui_app import screen_text
from tests.test_tui_app import until as until_on
from tests.test_tui_load import fill

FRY = shown(mlx5_port("0000:43:00.0", "enp67s0np0", "mlx5_0"))


class Afar(RemoteSource):
    """A machine afar that answers at once, and does not listen."""

    def __init__(self, host: str, rows: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(host)
        self.reach, self.rows = Reach(MachineState.LIVE), rows
        self.orders = self  # type: ignore[assignment]

    def append(self, order: str) -> None:
        if order == "addresses":
            self.answered({"addresses": [list(row) for row in self.rows]})


def seat(name: str, *rows: tuple[str, str], frame: Frame | None = FRY) -> Seat:
    made = Seat(Machine(name, Afar(name, rows)))
    made.state = SimpleNamespace(newest=frame)  # type: ignore[assignment]
    return made


@pytest.fixture
def pacu() -> Iterator[Seat]:
    """This end, the simulated pacu, whose link leads to 10.0.0.0/24."""
    system = load_joined(["pacu", "fry"], ManualClock())["pacu"]
    source = LiveSource(system, 1.0)
    yield Seat(Machine("local", source, system), ActionContext(system))
    source.close()


NEAR = shown(mlx5_port("0000:43:00.0", "enp67s0np0", "mlx5_0"))
RACK = (
    seat("leela", ("eno1", "192.168.7.4/24"), ("enp67s0np0", "10.0.0.77/24")),
    seat("fry", ("lo", "127.0.0.1/8"), ("eno1", "192.168.7.3/24"), ("enp67s0np0", "10.0.0.3/24")),
)


def found(here: Seat, host: str, *others: Seat, family: int | None = None) -> FarEnd | None:
    request = LoadRequest(host, via="enp67s0np0", family=family)
    return find_far((here, *(others or RACK)), here, request, NEAR)


@pytest.mark.parametrize("host", ["fry", "10.0.0.3"])
def test_a_machine_afar_is_found_by_its_name_and_by_its_address(pacu: Seat, host: str) -> None:
    far = found(pacu, host)
    assert far is not None
    assert (far.host, far.device, far.address) == ("fry", "enp67s0np0", "10.0.0.3")
    assert isinstance(far.server, RemoteServer) and far.newest is FRY


@pytest.mark.parametrize("host", ["10.0.0.9", "local", "nobody.example"])
def test_what_is_no_machine_of_the_screen_is_no_far_end_of_it(pacu: Seat, host: str) -> None:
    assert found(pacu, host) is None


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((seat("fry"),), "fry has not told its addresses"),
        ((seat("fry", ("eno1", "192.168.7.3/24")),), "fry has no address that a port here leads"),
        ((seat("fry", frame=None),), "fry is not reached: no answer yet"),
    ],
)
def test_a_machine_that_cannot_be_the_far_end_is_refused_with_the_reason(
    pacu: Seat, others: tuple[Seat, ...], told: str
) -> None:
    with pytest.raises(LoadRefused, match=told):
        found(pacu, "fry", *others)


def test_an_address_of_the_family_that_was_asked_for_is_taken(pacu: Seat) -> None:
    with pytest.raises(LoadRefused, match="no address that a port"):
        found(pacu, "fry", family=6)


def test_a_lost_machine_is_not_asked_for_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "ANSWER_S", 1e9)
    lost = RemoteSource("fry")
    lost.reach = Reach(MachineState.LOST)
    assert addresses.addresses_of(Machine("fry", lost)) == []
    assert not lost.orders


# ---- on the screen


def view(app: HostsApp) -> SessionView:
    loads = app.seats["pacu"].loads
    return loads.session.view() if loads is not None else SessionView()


class Rack:
    """The screen of pacu and fry, joined by a cable, with the dialog of pacu open."""

    def __init__(self, app: HostsApp, pilot: Pilot[int], clock: ManualClock) -> None:
        self.app, self.pilot, self.clock = app, pilot, clock

    async def until(self, holds: Callable[[], Any]) -> None:
        await until_on(self.pilot, lambda: bool(holds()), self.clock)


@asynccontextmanager
async def rack(
    monkeypatch: pytest.MonkeyPatch, state: Path, interval: float = 1.0
) -> AsyncIterator[Rack]:
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    clock = ManualClock()
    systems: dict[str, LabSystem] = load_joined(["pacu", "fry"], clock)
    seats = [
        Seat(Machine(name, LiveSource(one, interval), one), ActionContext(one))
        for name, one in systems.items()
    ]
    app = HostsApp(seats, Settings(), clock)
    async with app.run_test(size=(120, 40)) as pilot:
        made = Rack(app, pilot, clock)
        await made.until(lambda: app.open and all(one.state.newest for one in seats))
        await made.until(lambda: app.state.selected)
        await pilot.press("I")
        await made.until(lambda: isinstance(app.screen, LoadDialog))
        yield made


async def test_a_machine_of_the_screen_is_offered_and_its_heat_is_guarded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with rack(monkeypatch, tmp_path) as made:
        app, pilot = made.app, made.pilot
        await made.until(lambda: "takes one: fry" in screen_text(app))
        await pilot.press("down")
        await pilot.press("enter")
        await made.until(lambda: view(app).plan)
        plan = view(app).plan
        assert plan is not None and plan.target == "10.0.0.3"
        assert "fry module 75 °C" in (plan.guard or "")


async def test_both_ends_of_a_load_are_read_quickly_and_slowly_again_after_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with rack(monkeypatch, tmp_path, 30.0) as made:
        app, sources = made.app, [one.machine.source for one in made.app.seats.values()]
        fill(app, host="fry", time="4")
        await made.pilot.press("f5")
        await made.until(lambda: view(app).status)
        await made.until(lambda: [(s.interval, s.guarded) for s in sources] == [(1.0, True)] * 2)
        await made.until(lambda: view(app).outcome)
        assert view(app).outcome.ended == "complete"  # type: ignore[union-attr]
        await made.until(lambda: [(s.interval, s.guarded) for s in sources] == [(30.0, False)] * 2)


async def test_a_far_end_that_is_lost_ends_the_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with rack(monkeypatch, tmp_path) as made:
        app, fry = made.app, made.app.seats["fry"]
        fill(app, host="fry", time="5m")
        await made.pilot.press("f5")
        await made.until(lambda: view(app).status)
        lost = Reach(MachineState.LOST, why="Broken pipe")
        fry.machine.source.reach = lost  # type: ignore[attr-defined]
        app.far_ends.reach_changed(fry)
        await made.until(lambda: view(app).outcome)
        assert view(app).outcome.ended == "failed: fry is lost: Broken pipe"  # type: ignore[union-attr]
