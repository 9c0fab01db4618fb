"""One session takes a change from the first look to the answer, whoever drives it."""

from __future__ import annotations

import pytest

from mlxtop.change.privilege import ActionContext
from mlxtop.link_type.card import Refused
from mlxtop.link_type.options import Method
from mlxtop.link_type.session import LinkTypeSession
from mlxtop.link_type.steps import Stage, Step
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.system.door import Finished
from tests.link_lab import A1, A2, B2, FILES, LinkLab, guarded, link_lab, sudoer


class Driver:
    """A front end that runs steps at once and notes how."""

    def __init__(self, system: LinkLab, port: PortId | None = None) -> None:
        self.stages: list[Stage] = []
        self.terminal: list[bool] = []
        self.session = LinkTypeSession(ActionContext(system), self.run, self.note, port)
        self.session.look(None)

    def run(self, step: Step, terminal: bool) -> None:
        self.terminal.append(terminal)
        step()()

    def note(self) -> None:
        self.stages.append(self.session.stage)

    def choose(self, text: str) -> None:
        (option,) = [o for o in self.session.options if o.text.startswith(text)]
        option.choose()


def test_a_change_goes_from_looking_to_kept() -> None:
    system = link_lab()
    driver = Driver(system, A1)
    driver.choose("this port: Ethernet, at once")
    driver.session.carry_out()
    assert driver.session.stage is Stage.KEEP and 0 < driver.session.left <= 60
    driver.session.answer(keep=True)
    looking, running = [Stage.LOOKING, Stage.CHOOSING, Stage.PLAN], [Stage.RUNNING, Stage.KEEP]
    assert driver.stages == [*looking, *running, Stage.RUNNING, Stage.DONE]
    assert system.written == [(f"{FILES}1", b"eth\n")]


def test_a_change_that_is_not_wanted_is_taken_back_and_cannot_be_kept_any_more() -> None:
    system = link_lab()
    driver = Driver(system, A1)
    driver.choose("this port: Ethernet, at once")
    driver.session.carry_out()
    driver.session.answer(keep=False)
    assert (driver.session.stage, driver.session.text) == (Stage.FAILED, "taken back")
    driver.session.answer(keep=True)
    assert driver.session.stage is Stage.FAILED
    assert system.written[-1] == (f"{FILES}1", b"ib\n")


def test_nothing_is_done_before_the_plan_and_every_name() -> None:
    system = guarded("enp9s0d1")
    driver = Driver(system, A1)
    driver.session.carry_out()
    driver.choose("this port: Ethernet, at once")
    assert driver.session.missing == (A2,)
    for word in ("", "y", "enp9s0", "0000:09:00.0/1"):
        assert not driver.session.type_name(word)
    driver.session.carry_out()
    assert driver.session.stage is Stage.PLAN and system.written == []
    assert driver.session.type_name("enp9s0d1") and not driver.session.missing
    driver.session.carry_out()
    assert driver.stages[-1] is Stage.KEEP


def test_names_have_to_be_typed_for_every_plan_anew() -> None:
    driver = Driver(guarded("enp9s0d1"), A1)
    driver.choose("this port: Ethernet, at once")
    assert driver.session.type_name("enp9s0d1") and driver.session.back()
    driver.choose("all ports of the card: Ethernet, at once")
    assert driver.session.missing == (A2,)


def test_a_failed_step_is_an_error_of_the_session_and_names_its_cause() -> None:
    system = guarded("enp8s0f0np0")
    driver = Driver(system, B2)
    driver.choose("firmware reset now")
    assert driver.session.stage is Stage.FAILED
    assert isinstance(driver.session.error, Refused)
    assert "no firmware reset: default route" in driver.session.text


def test_the_terminal_is_asked_for_where_sudo_may_need_it_and_nowhere_else() -> None:
    system = sudoer()
    system.answers["sudo"] = Finished(1, "", "sudo: a password is required\n")
    driver = Driver(system, A1)
    driver.choose("ask the card what it has stored, by sudo")
    driver.choose("this port: Ethernet, at once")
    driver.session.carry_out()
    driver.session.answer(keep=True)
    assert driver.terminal == [False, True, True, False]
    root = Driver(link_lab(), A1)
    root.session.prepare([A1], Method.STORED, LinkType.ETH)
    root.session.carry_out()
    assert root.terminal == [False, False, False] and root.session.stage is Stage.DONE


def test_one_leads_back_from_a_plan_only() -> None:
    driver = Driver(link_lab(), A1)
    assert not driver.session.back()
    driver.choose("this port: Ethernet, at once")
    assert driver.session.back() and driver.session.change is None
    assert driver.session.stage is Stage.CHOOSING


def test_a_change_that_nobody_confirms_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlxtop.link_type.options.REVERT_SECONDS", 0)
    driver = Driver(link_lab(), A1)
    driver.choose("this port: Ethernet, at once")
    driver.session.carry_out()
    driver.session.expire()
    assert driver.session.stage is Stage.FAILED and "not confirmed" in driver.session.text


def test_an_answer_that_came_too_late_does_not_claim_what_became_of_the_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for word in ("keep", "take_back"):
        monkeypatch.setattr(f"mlxtop.change.pending._Timer.{word}", lambda pending: False)
    driver = Driver(link_lab(), A1)
    driver.choose("this port: Ethernet, at once")
    driver.session.carry_out()
    driver.session.answer(keep=True)
    assert driver.session.stage is Stage.FAILED and "too late, or" in driver.session.text
