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

    async def choose(self, *words: str) -> None:
        """Choose a value in each row that has one of these words, and show the plan."""
        for word in words:
            await self.value(word)
        await self.press("enter")

    async def value(self, word: str) -> None:
        """Choose a value of the form, by keys alone."""
        row = "Port" if "port" in word else "When" if word.islower() else "Type"
        await self.press("home", *["down"] * ("Port", "Type", "When").index(row))
        await self.press("left", "left")
        for _ in range(3):
            if f"‹ {word}" in self.marked:
                return
            await self.press("right")
        raise AssertionError(f"no value {word!r} in\n{self.text}")

    @property
    def marked(self) -> str:
        """The row that the cursor is on."""
        rows = ("▸ Port", "▸ Type", "▸ When")
        return next(n for n in self.text.splitlines() if any(row in n for row in rows))

    async def option(self, text: str) -> None:
        """Move to an option below the choices and take it."""
        await self.press("end")
        for _ in range(5):
            if f"▸ {text}" in self.text:
                break
            await self.press("up")
        else:
            raise AssertionError(f"no option {text!r} in\n{self.text}")
        await self.press("enter")

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
            "ibp9s0           InfiniBand               InfiniBand",
            "enp9s0d1         Ethernet                 Ethernet",
            "▸ Port  ‹ this port, ibp9s0 ›  both ports",
            "Type    InfiniBand  ‹ Ethernet ›  auto-sensing",
            "When  ‹ now ›  at boot    now and for good",
            "Enter shows the plan; it takes effect at once",
        ):
            assert wanted in screen.text, screen.text
        assert (
            "enp8s0f0np0      Ethernet" not in screen.text and "firmware reset" not in screen.text
        )
        await screen.press("escape")
        assert not isinstance(screen.app.screen, LinkTypeDialog)


async def test_keys_move_through_the_form_and_its_ends_hold() -> None:
    async with opened(link_lab(), A1) as screen:
        await screen.stage(Stage.CHOOSING)
        for keys, row in (
            (("end",), "When"),
            (("down",), "When"),
            (("home",), "Port"),
            (("up", "down", "tab"), "When"),
            (("shift+tab", "k"), "Port"),
            (("j",), "Type"),
        ):
            await screen.press(*keys)
            assert row in screen.marked, (keys, screen.text)
        await screen.press("right", "right", "right")
        assert "‹ auto-sensing ›" in screen.text
        await screen.press("left", "left", "left")
        assert "‹ InfiniBand ›" in screen.text and "already so" in screen.text
        await screen.press("enter")
        assert screen.dialog.session.stage is Stage.CHOOSING


async def test_a_click_chooses_a_value() -> None:
    async with opened(link_lab(), A1) as screen:
        await screen.stage(Stage.CHOOSING)
        for words in ("both ports", "auto-sensing", "now and for good", "at boot"):
            lines = screen.text.splitlines()
            (y,) = [n for n, line in enumerate(lines) if words in line and "TAKES" not in line][:1]
            await screen.pilot.click(offset=(lines[y].index(words) + 1, y))
            await screen.pilot.pause()
            assert f"‹ {words} ›" in screen.text, screen.text


async def test_a_plan_is_shown_and_copied_and_left_again() -> None:
    system = link_lab()
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("Ethernet", "at boot")
        await screen.stage(Stage.PLAN)
        command = "mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P2=2"
        assert command in screen.text and "Undo" in screen.text and "Breaks" in screen.text
        await screen.press("c")
        assert screen.app.clipboard == command
        await screen.press("n", "enter", "escape")
        assert screen.dialog.session.stage is Stage.CHOOSING
        assert "‹ Ethernet ›" in screen.text and "‹ at boot ›" in screen.text
        assert not [argv for argv in system.ran if "set" in argv]


async def test_yes_stores_and_reads_back() -> None:
    system = link_lab()
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("Ethernet", "at boot")
        await screen.press("y")
        await screen.stage(Stage.DONE)
        assert "LINK_TYPE_P2 next boot: ETH(2) ✓" in screen.text
        await screen.press("c")
        assert "mlxtop link-type --reset 0000:08:00.1/1" in screen.app.clipboard
    assert len([argv for argv in system.ran if "set" in argv]) == 1


async def test_a_change_for_good_is_kept_by_its_key_and_stored_then() -> None:
    system = link_lab()
    async with opened(system, A1) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("Ethernet", "now and for good")
        assert "Runs when you keep it" in screen.text
        await screen.press("y")
        await screen.stage(Stage.KEEP)
        assert not [argv for argv in system.ran if "set" in argv]
        assert (
            "ON PROBATION: taken back in" in screen.text and "K keep   B take back" in screen.text
        )
        await screen.press("K")
        await screen.stage(Stage.DONE)
        assert "Kept and stored" in screen.text
    assert system.written == [(f"{FILES}1", b"eth\n")]
    assert [argv[-1] for argv in system.ran if "set" in argv] == ["LINK_TYPE_P1=2"]


@pytest.mark.quick("time")
@pytest.mark.parametrize("key", ["n", "B", "time"])
async def test_a_change_at_once_is_taken_back(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if key == "time":
        monkeypatch.setattr("mlxtop.link_type.options.REVERT_SECONDS", 0)
        monkeypatch.setattr("mlxtop.tui.link_types.TICK_S", 0.01)
    system = link_lab()
    async with opened(system, A1) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("Ethernet", "now")
        await screen.press("y")
        if key != "time":
            await screen.stage(Stage.KEEP)
            await screen.press(key)
        await screen.stage(Stage.BACK)
        assert "Taken back" in screen.text and "Failed" not in screen.text
        why = "not confirmed in time" if key == "time" else "as you wished"
        assert why in screen.text and "0000:09:00.0/1 is InfiniBand again" in screen.text
    assert system.written == [(f"{FILES}1", b"eth\n"), (f"{FILES}1", b"ib\n")]


async def test_one_key_brings_back_what_is_missing() -> None:
    system = link_lab()
    async with opened(system, A1) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("Ethernet", "now")
        await screen.press("y")
        await screen.stage(Stage.KEEP)
        await screen.until(lambda: "A brings it back as it was" in screen.text)
        assert "✗ enp9s0: without its address 10.0.6.2/24" in screen.text
        assert "ip address add 10.0.6.2/24 dev enp9s0" in screen.text
        await screen.press("A")
        await screen.until(lambda: "✓ enp9s0: address 10.0.6.2/24" in screen.text)
        assert screen.dialog.session.stage is Stage.KEEP
        assert "A brings it back" not in screen.text
    assert ("ip", "address", "add", "10.0.6.2/24", "dev", "enp9s0") in system.ran


async def test_a_guarded_port_needs_its_name_and_y_alone_does_nothing() -> None:
    system = link_lab(network={"default": "enp9s0d1"})
    async with opened(system, A1) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("Ethernet", "now")
        await screen.stage(Stage.PLAN)
        assert "STOP: this cuts off" in screen.text and "default route" in screen.text
        name = screen.dialog.query_one(Input)
        assert name.has_focus and name.placeholder == "type enp9s0d1 to go on"
        assert "type enp9s0d1 and Enter to go on" in screen.text and "y yes" not in screen.text
        await screen.press("y", "enter")
        assert screen.dialog.session.stage is Stage.PLAN and system.written == []
        await screen.press(*"enp9s0d1", "enter")
        assert not name.display and "y yes, do it" in screen.text
        await screen.press("y")
        await screen.stage(Stage.KEEP)
    assert system.written == [(f"{FILES}1", b"eth\n")]


async def test_a_tool_that_did_something_else_is_found_out() -> None:
    system = link_lab()
    system.answers["mstconfig set"] = Finished(0, "Applying... Done!\n\x1b]0;x\x07", "")
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("Ethernet", "at boot")
        await screen.press("y")
        await screen.stage(Stage.DONE)
        assert "Not done" in screen.text and "✗ wanted 2" in screen.text


async def test_a_tool_that_hangs_does_not_hold_the_keys_and_its_work_is_told() -> None:
    system = link_lab()
    go = Event()
    system.before = lambda argv: None if "set" not in argv else (go.wait(20), None)[1]
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("Ethernet", "at boot")
        await screen.press("y")
        await screen.stage(Stage.RUNNING)
        await screen.until(lambda: "▸ store the new type in the card …" in screen.text)
        assert "✓ looking again whether anything depends on the ports" in screen.text
        await screen.press("escape", "y", "n", "enter", "K", "B")
        assert screen.dialog.session.stage is Stage.RUNNING
        go.set()
        await screen.stage(Stage.DONE)


async def test_a_reset_asks_for_its_levels_and_is_refused_on_a_guarded_card() -> None:
    system, guarded = link_lab(), link_lab(network={"default": "enp8s0f0np0"})
    for machine in (system, guarded):
        argv = ["mstconfig", "-d", "0000:08:00.0", "-y", "set", "LINK_TYPE_P2=2"]
        machine.run(argv, change=True)
    async with opened(system, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        assert "Ethernet (pending)" in screen.text
        await screen.option("firmware reset now")
        await screen.until(lambda: "level 4: Warm Reboot" in screen.text)
        await screen.option("level 3")
        await screen.press("y")
        await screen.stage(Stage.DONE)
        assert "the firmware was loaded anew ✓" in screen.text
    async with opened(guarded, B2) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.option("firmware reset now")
        await screen.stage(Stage.FAILED)
        assert "no firmware reset: default route" in screen.text


async def test_what_is_not_possible_says_why() -> None:
    tools = {"mstconfig": "4.26.0", "ip": "6"}
    async with opened(link_lab(host={"tools": tools}), A1) as screen:
        await screen.stage(Stage.CHOOSING)
        assert "mstflint 4.25 is the last" in screen.text
    async with opened(link_lab(host={"tools": {"ip": "6"}}), B2) as screen:
        await screen.stage(Stage.CHOOSING)
        assert "neither mstconfig (package mstflint)" in screen.text
        await screen.press("enter", "y")
        assert screen.dialog.session.stage is Stage.CHOOSING


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(20, 5), (40, 10), (60, 15), (80, 24), (120, 40), (200, 60)])
async def test_the_dialog_bears_every_size(size: tuple[int, int]) -> None:
    async with opened(link_lab(), A1, size) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.press("enter")
        await screen.stage(Stage.PLAN)
        assert "Esc back" in screen.text or size[0] < 60
        await screen.press("y")
        await screen.stage(Stage.KEEP)
        assert "K keep   B take back" in screen.text or size[0] < 40
        assert ("mlxtop" in screen.text.splitlines()[0]) is (size[0] > 100)


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
