"""What module, firmware and tool signal about a link, in words and in order."""

from __future__ import annotations

import pytest

from mlxtop.doctor.check import PortCase
from mlxtop.doctor.signals import (
    broken,
    has_failed,
    lanes_in_use,
    lost,
    recommended,
    stays_lost,
    was_up,
    why_down,
)
from mlxtop.model.module import Flag, Identity, Lane, LinkReport, Module
from mlxtop.model.sample import Link
from tests.cases import GOOD, GOOD_PORT, case, linked

LIT, DARK = Lane(0.8, 0.9, 7.0), Lane(0.0, 0.9, 7.0)


def port(
    module: Module | None = None, report: LinkReport | None = None, lanes: int | None = None
) -> PortCase:
    """A port with such a module and report, whose link uses so many lanes."""
    settings = GOOD_PORT if lanes is None else linked(lanes)
    (found,) = case(GOOD, settings, module=module, report=report).each()
    return found


def test_everything_that_was_read_is_told_the_gravest_first() -> None:
    module = Module(
        Identity("OSFP"),
        lanes=(LIT._replace(data_path="activated"), DARK._replace(data_path="deactivated")),
        flags=frozenset(
            {
                Flag("rx loss of signal", 2),
                Flag("tx fault", 2),
                Flag("temperature high alarm"),
                Flag("module firmware fault"),
                Flag("bias high warning", 1),
            }
        ),
        state="powering up",
    )
    report = LinkReport(recommendation="Bad signal integrity", opcode=15, source="mstlink")
    assert why_down(port(module, report)) == [
        "module firmware fault",
        "tx fault on lane 2",
        "mstlink: Bad signal integrity (status opcode 15)",
        "the module's state is powering up",
        "data path deactivated on lane 2",
        "rx loss of signal on lane 2",
        "temperature high alarm",
        "no light arrives on lane 2",
    ]


def test_where_nothing_was_read_nothing_is_told() -> None:
    assert why_down(port()) == []
    fine = Module(Identity(), lanes=(LIT,), flags=frozenset(), state="ready")
    quiet = LinkReport(recommendation="No issue was observed", opcode=0)
    assert why_down(port(fine, quiet)) == []
    cable = Module(Identity(passive=True), state="low power")
    assert why_down(port(cable)) == []


def test_signals_of_the_tool_count_as_those_of_the_memory() -> None:
    told = LinkReport(module=Module(Identity(), flags=frozenset({Flag("tx fault", 1)})))
    assert broken(port(None, told)) == ["tx fault on lane 1"]
    lane = Module(Identity(), flags=frozenset({Flag("rx loss of lock", 1)}))
    assert lost(port(lane, told)) == ["rx loss of lock on lane 1"]


@pytest.mark.parametrize(
    ("state", "failed"), [("fault", True), ("ready", False), ("low power", False), (None, False)]
)
def test_the_state_of_fault_is_told_once(state: str | None, failed: bool) -> None:
    found = port(Module(Identity(), state=state))
    assert has_failed(found) is failed
    assert ("the module's state is fault" in broken(found)) is failed
    assert sum("state is fault" in text for text in why_down(found)) == int(failed)


@pytest.mark.parametrize(
    ("lanes", "module", "used"),
    [
        (None, (LIT, DARK, LIT, LIT), [1, 2, 3, 4]),
        (4, (LIT, DARK, LIT, LIT), [1, 2, 3, 4]),
        (3, (LIT, DARK, LIT, LIT), [1, 3, 4]),
        (1, (LIT, DARK, DARK, DARK), [1]),
        (2, (LIT, DARK, DARK, DARK), [1, 2, 3, 4]),
        (2, (LIT, LIT, LIT, LIT), [1, 2, 3, 4]),
    ],
)
def test_dark_lanes_are_not_used_where_those_of_the_link_have_light(
    lanes: int | None, module: tuple[Lane, ...], used: list[int]
) -> None:
    settings = linked(lanes)
    (found,) = case(GOOD, settings, module=Module(Identity(), lanes=module)).each()
    assert lanes_in_use(found) == used


def test_only_what_is_seen_again_stays_lost() -> None:
    flag = Flag("rx loss of signal", 1)
    once = Module(Identity(), flags=frozenset({flag}), seen={flag: 5.0}, tick=5.0)
    assert stays_lost(port(once)) == []
    assert stays_lost(port(once._replace(tick=15.0))) == ["rx loss of signal on lane 1"]
    assert stays_lost(port(replace_flags(once))) == []


def replace_flags(module: Module) -> Module:
    """The same at a later reading that no longer signals anything."""
    return module._replace(flags=frozenset(), tick=15.0)


@pytest.mark.parametrize(("changes", "up"), [(None, False), (1, False), (2, True), (3, True)])
def test_a_link_was_up_after_two_changes(changes: int | None, up: bool) -> None:
    assert was_up(Link(carrier_changes=changes)) is up


def test_a_recommendation_without_code_or_source_is_told() -> None:
    assert recommended(LinkReport(recommendation="Cable issue.")) == "mlxlink: Cable issue"
    assert recommended(LinkReport()) is None
    assert recommended(None) is None
