"""The dialog of link types, key by key, on simulated machines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mlxtop.change.privilege import ActionContext
from mlxtop.link_type.steps import Stage
from mlxtop.model.identity import PortId
from mlxtop.model.sample import SourceKind
from mlxtop.sampler.live import LiveSource
from mlxtop.settings import Settings
from mlxtop.system.door import Finished
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.screens.link_type import LinkTypeDialog
from tests.link_lab import LinkLab, link_lab
from tests.samples import Samples
from tests.test_tui_app import screen_text, until

FILES = "/sys/bus/pci/devices/0000:09:00.0/mlx4_port"
A1, A2 = PortId("0000:09:00.0", 1), PortId("0000:09:00.0", 2)
B2 = PortId("0000:08:00.1", 1)


class Screen:
    """The application with the dialog of a port open."""

    def __init__(self, app: MlxtopApp, pilot: Pilot[int], system: LinkLab) -> None:
        self.app, self.pilot, self._system = app, pilot, system

    @property
    def dialog(self) -> LinkTypeDialog:
        screen = self.app.screen
        assert isinstance(screen, LinkTypeDialog)
        return screen

    @property
    def text(self) -> str:
        return screen_text(self.app)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the machine's time pass until something holds."""
        await until(self.pilot, condition, self._system.clock)

    async def stage(self, stage: Stage) -> None:
        await self.until(lambda: self.dialog.session.stage is stage)
        await self.pilot.pause()

    async def choose(self, text: str) -> None:
        """Move to a choice and show its plan."""
        for _ in range(30):
            if f"▸ {text}" in self.text:
                break
            await self.pilot.press("down")
            await self.pilot.pause()
        else:
            raise AssertionError(f"no choice {text!r} in\n{self.text}")
        await self.pilot.press("enter")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def opened(
    system: LinkLab, port: PortId, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Screen]:
    """The application on a machine, `L` pressed on a port."""
    stop = Event()
    sample = next(LiveSource(system, 1.0, False, ()).samples(stop))
    stop.set()
    app = MlxtopApp(Samples([sample], kind=SourceKind.DEMO), Settings(), ActionContext(system))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.state.frame is not None)
        for _ in range(10):
            if app.state.selected == port:
                break
            await pilot.press("down")
            await pilot.pause()
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, LinkTypeDialog))
        yield Screen(app, pilot, system)


async def test_types_of_both_ports_and_all_choices_are_shown() -> None:
    async with opened(link_lab(), A1) as screen:
        await screen.stage(Stage.CHOOSING)
        for wanted in (
            "0000:09:00.0/1",
            "0000:09:00.0/2",
            "ETH(2)",
            "▸ this port: Ethernet, at once",
            "all ports of the card: InfiniBand, from the next boot on",
            "keep the present types over a boot",
        ):
            assert wanted in screen.text, wanted
        assert "0000:08:00" not in screen.text
        await screen.press("escape")
        assert not isinstance(screen.app.screen, LinkTypeDialog)


async def test_a_plan_is_shown_and_copied_and_left_again() -> None:
    system = link_lab()
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("this port: Ethernet, from the next boot on")
        await screen.stage(Stage.PLAN)
        command = "mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P2=2"
        assert command in screen.text and "Undo" in screen.text and "Breaks" in screen.text
        await screen.press("c")
        assert screen.app.clipboard == command
        await screen.press("n", "enter", "escape")
        assert screen.dialog.session.stage is Stage.CHOOSING
        assert not [argv for argv in system.ran if "set" in argv]


async def test_yes_stores_and_reads_back() -> None:
    system = link_lab()
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("this port: Ethernet, from the next boot on")
        await screen.press("y")
        await screen.stage(Stage.DONE)
        assert "LINK_TYPE_P2 next boot: ETH(2) ✓" in screen.text
        await screen.press("c")
        assert "mlxtop link-type --reset 0000:08:00.1/1" in screen.app.clipboard
    assert len([argv for argv in system.ran if "set" in argv]) == 1


async def test_a_change_at_once_is_kept_by_yes() -> None:
    system = link_lab()
    async with opened(system, A1) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("this port: Ethernet, at once")
        await screen.press("y")
        await screen.stage(Stage.KEEP)
        assert "Keep it? It is taken back in" in screen.text
        await screen.press("y")
        await screen.stage(Stage.DONE)
    assert system.written == [(f"{FILES}1", b"eth\n")]


@pytest.mark.parametrize("key", ["n", "time"])
async def test_a_change_at_once_is_taken_back(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if key == "time":
        monkeypatch.setattr("mlxtop.link_type.options.REVERT_SECONDS", 0)
    system = link_lab()
    async with opened(system, A1) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("this port: Ethernet, at once")
        await screen.press("y")
        if key == "n":
            await screen.stage(Stage.KEEP)
            await screen.press("n")
        await screen.stage(Stage.FAILED)
        assert "taken back" in screen.text
        await screen.until(lambda: len(system.written) == 2)
    assert system.written == [(f"{FILES}1", b"eth\n"), (f"{FILES}1", b"ib\n")]


async def test_a_guarded_port_needs_its_name_and_y_alone_does_nothing() -> None:
    system = link_lab(network={"default": "enp9s0d1"})
    async with opened(system, A1) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("this port: Ethernet, at once")
        await screen.stage(Stage.PLAN)
        assert "STOP: this cuts off" in screen.text and "default route" in screen.text
        name = screen.dialog.query_one(Input)
        assert name.has_focus
        await screen.press("y", "enter")
        assert screen.dialog.session.stage is Stage.PLAN and system.written == []
        await screen.press(*"enp9s0d1", "enter")
        assert not name.display
        await screen.press("y")
        await screen.stage(Stage.KEEP)
    assert system.written == [(f"{FILES}1", b"eth\n")]


async def test_a_tool_that_did_something_else_is_found_out() -> None:
    system = link_lab()
    system.answers["mstconfig set"] = Finished(0, "Applying... Done!\n\x1b]0;x\x07", "")
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("this port: Ethernet, from the next boot on")
        await screen.press("y")
        await screen.stage(Stage.DONE)
        assert "Not done" in screen.text and "✗ wanted 2" in screen.text


async def test_a_tool_that_hangs_does_not_hold_the_keys() -> None:
    system = link_lab()
    go = Event()
    system.before = lambda argv: None if "set" not in argv else (go.wait(20), None)[1]
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("this port: Ethernet, from the next boot on")
        await screen.press("y")
        await screen.stage(Stage.RUNNING)
        await screen.press("escape", "y", "n", "enter")
        assert screen.dialog.session.stage is Stage.RUNNING
        go.set()
        await screen.stage(Stage.DONE)


async def test_a_reset_asks_for_its_levels_and_is_refused_on_a_guarded_card() -> None:
    system = link_lab()
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("firmware reset now")
        await screen.stage(Stage.CHOOSING)
        await screen.until(lambda: "level 4: Warm Reboot" in screen.text)
        await screen.choose("level 3")
        await screen.press("y")
        await screen.stage(Stage.DONE)
        assert "the firmware was loaded anew ✓" in screen.text
    async with opened(link_lab(network={"default": "enp8s0f0np0"}), B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("firmware reset now")
        await screen.stage(Stage.FAILED)
        assert "no firmware reset: default route" in screen.text


async def test_what_is_not_possible_says_why() -> None:
    tools = {"mstconfig": "4.26.0", "ip": "6"}
    async with opened(link_lab(host={"tools": tools}), A1) as screen:
        await screen.stage(Stage.CHOOSING)
        assert "mstflint 4.25 is the last" in screen.text
    async with opened(link_lab(host={"tools": {"ip": "6"}}), B2) as screen:
        await screen.stage(Stage.CHOOSING)
        assert "nothing can be changed here" in screen.text


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (200, 60)])
async def test_the_dialog_bears_every_size(size: tuple[int, int]) -> None:
    async with opened(link_lab(), A1, size) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.press("enter")
        await screen.stage(Stage.PLAN)
        assert "Esc back" in screen.text or size[0] < 60


@pytest.mark.parametrize("readonly", [True, False])
async def test_readonly_has_no_such_key(readonly: bool) -> None:
    system = link_lab()
    stop = Event()
    sample = next(LiveSource(system, 1.0, False, ()).samples(stop))
    stop.set()
    context = ActionContext(system) if readonly else None
    app = MlxtopApp(Samples([sample], kind=SourceKind.DEMO), Settings(readonly=readonly), context)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.state.frame is not None)
        await pilot.press("L")
        await pilot.pause()
        assert not isinstance(app.screen, LinkTypeDialog)
        assert "Link type" not in screen_text(app)
        await pilot.press("question_mark")
        await pilot.pause()
        assert "InfiniBand or Ethernet" not in screen_text(app)
