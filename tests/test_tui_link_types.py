"""A change on probation is seen, kept and taken back wherever one is, and outlives its dialog."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from mlxtop.change.pending import PendingChange
from mlxtop.link_type.steps import Stage
from mlxtop.model.incident import IncidentKind
from mlxtop.tui.link_types import LinkTypes
from mlxtop.tui.screens.help import Help
from mlxtop.tui.screens.link_type import LinkTypeDialog
from mlxtop.tui.screens.load import LoadDialog
from mlxtop.tui.screens.overview import Overview
from mlxtop.tui.screens.pages import Detail
from tests.link_lab import A1, FILES, LinkLab, link_lab
from tests.test_tui_link_type import Screen, opened


@asynccontextmanager
async def on_probation(size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[Screen, LinkLab]]:
    """The overview, with a change at once on probation."""
    system = link_lab()
    async with opened(system, A1, size) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.choose("Ethernet", "now")
        await screen.press("y")
        await screen.stage(Stage.KEEP)
        await screen.press("escape")
        assert isinstance(screen.app.screen, Overview)
        yield screen, system


def stage(screen: Screen) -> Stage:
    link_types = screen.app.link_types
    assert link_types is not None and link_types.session is not None
    return link_types.session.stage


def told(screen: Screen) -> list[str]:
    return [notification.message for notification in screen.app._notifications]


class Elsewhere(PendingChange):
    """A change that another program has made."""

    def __init__(self, seconds: float, works: bool = True) -> None:
        super().__init__(seconds)
        self.answers: list[str] = []
        self._works = works

    def keep(self) -> bool:
        self.answers.append("keep")
        return self._works

    def take_back(self) -> bool:
        self.answers.append("take back")
        return self._works


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
async def test_the_ribbon_counts_the_time_and_names_the_keys(size: tuple[int, int]) -> None:
    async with on_probation(size) as (screen, _):
        line = screen.text.splitlines()[1]
        assert line.startswith((" ON PROBATION 60 s", " ON PROBATION 59 s")), screen.text
        assert "K keep  B take back" in line
        assert len(line) == size[0]


async def test_it_is_kept_from_the_overview() -> None:
    async with on_probation() as (screen, system):
        await screen.press("K")
        await screen.until(lambda: stage(screen) is Stage.DONE)
        assert "ON PROBATION" not in screen.text
        await screen.until(lambda: told(screen) == ["kept; L: what to do now"])
        await screen.press("L")
        assert isinstance(screen.app.screen, LinkTypeDialog) and "Kept" in screen.text
        await screen.press("escape", "L")
        await screen.stage(Stage.CHOOSING)
    assert system.written == [(f"{FILES}1", b"eth\n")]


@pytest.mark.quick("enter")
@pytest.mark.parametrize(("keys", "kind"), [("enter", Detail), ("question_mark", Help)])
async def test_it_is_taken_back_from_any_screen(keys: str, kind: type) -> None:
    async with on_probation() as (screen, system):
        await screen.press(keys)
        assert isinstance(screen.app.screen, kind) and "ON PROBATION" in screen.text
        await screen.press("B")
        await screen.until(lambda: stage(screen) is Stage.BACK)
    assert system.written[-1] == (f"{FILES}1", b"ib\n")


@pytest.mark.slow
async def test_it_is_answered_over_another_dialog_unless_its_key_is_typed_there() -> None:
    async with on_probation() as (screen, _):
        await screen.press("I")
        await screen.until(lambda: isinstance(screen.app.screen, LoadDialog))
        await screen.until(lambda: "ON PROBATION" in screen.text)
        await screen.press("K")
        assert stage(screen) is Stage.KEEP
        screen.app.screen.query_one("#load-page").focus()
        await screen.press("K")
        await screen.until(lambda: stage(screen) is Stage.DONE)


async def test_l_goes_back_to_what_is_on_probation() -> None:
    async with on_probation() as (screen, _):
        await screen.press("j", "L")
        assert screen.dialog.session.stage is Stage.KEEP
        assert "ON PROBATION: taken back in" in screen.text


async def test_enter_on_the_ribbon_goes_there_too() -> None:
    async with on_probation() as (screen, _):
        screen.app.screen.query_one("#ribbon").focus()
        await screen.press("enter")
        assert isinstance(screen.app.screen, LinkTypeDialog)


async def test_the_list_of_events_has_one_line_for_it() -> None:
    async with on_probation() as (screen, _):
        await screen.press("B")
        await screen.until(lambda: stage(screen) is Stage.BACK)
        incidents = [e.incident for e in screen.app.state.watch.events]
        (one,) = [i for i in incidents if i.kind is IncidentKind.LINK_TYPE]
        assert one.text.startswith("link type IB → ETH, taken back after ")
        assert one.until is not None


async def test_without_a_change_the_keys_say_so() -> None:
    async with opened(link_lab(), A1) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.press("escape", "K")
        await screen.until(lambda: told(screen) == ["no change is on probation"])


async def test_who_leaves_is_told_what_becomes_of_it() -> None:
    async with on_probation() as (screen, system):
        (line,) = screen.app.farewell()
        assert line == "a change was on probation; the simulated machine has ended with it"
        system.__class__ = type("RealLab", (LinkLab,), {"demo": False})
        (line,) = screen.app.farewell()
        assert line.startswith("a change of link types is taken back in ")
        assert line.endswith(" s, unless: mlxtop link-type --keep 0000:09:00.0")
        await screen.press("K")
        await screen.until(lambda: stage(screen) is Stage.DONE)
        assert screen.app.farewell() == []


@pytest.mark.parametrize(
    ("key", "answer", "text"),
    [
        ("K", "keep", "0000:09:00.0: kept"),
        ("B", "take back", "0000:09:00.0: taken back"),
    ],
)
async def test_a_change_of_another_program_is_answered_as_well(
    key: str, answer: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = Elsewhere(3000.0)
    monkeypatch.setattr("mlxtop.tui.link_types.waiting", lambda system: {"0000:09:00.0": change})
    monkeypatch.setattr(
        "mlxtop.tui.machine_changes.names", lambda system, path: ["revert-0000:09:00.0"]
    )
    system = link_lab()
    async with opened(system, A1) as screen:
        await screen.stage(Stage.CHOOSING)
        await screen.press("escape")
        system.__class__ = type("RealLab", (LinkLab,), {"demo": False})
        screen.app.look_for_probation()
        await screen.until(lambda: "ON PROBATION" in screen.text)
        assert "--keep 0000:09:00.0" in screen.app.farewell()[0]
        await screen.press(key)
        await screen.until(lambda: told(screen) == [text] and "ON PROBATION" not in screen.text)
        assert change.answers == [answer]


async def test_an_answer_that_comes_too_late_for_another_program_says_so() -> None:
    async with opened(link_lab(), A1) as screen:
        await screen.stage(Stage.CHOOSING)
        link_types = screen.app.link_types
        assert isinstance(link_types, LinkTypes)
        link_types._found({"0000:09:00.0": Elsewhere(3000.0, works=False)})
        await screen.press("escape", "K")
        await screen.until(lambda: told(screen) == ["0000:09:00.0: too late: mlxtop log"])


def test_the_farewell_of_others_ends_with_their_time() -> None:
    app = SimpleNamespace(more_items=[], is_running=False, show_ribbon=lambda: None)
    context = SimpleNamespace(system=SimpleNamespace(demo=False))
    link_types = LinkTypes(app, context)  # type: ignore[arg-type]
    link_types._found({"0000:09:00.0": Elsewhere(0.0), "0000:0a:00.0": Elsewhere(3000.0)})
    assert [line[-12:] for line in link_types.farewell()] == ["0000:0a:00.0"]
