"""One session takes a change from the first look to the answer, whoever drives it."""

from __future__ import annotations

import pytest

from mlxtop.change.privilege import ActionContext
from mlxtop.link_type.card import Refused
from mlxtop.link_type.choices import Choice, When
from mlxtop.link_type.options import Method
from mlxtop.link_type.session import LinkTypeSession
from mlxtop.link_type.steps import Stage, Step
from mlxtop.model.identity import PortId
from mlxtop.model.incident import Incident
from mlxtop.model.linktype import LinkType
from mlxtop.system.door import Finished
from tests.link_lab import A1, A2, B2, FILES, LinkLab, guarded, link_lab, sudoer

ETHERNET = Choice(False, LinkType.ETH, When.NOW)


class Driver:
    """A front end that runs steps at once and notes how."""

    def __init__(self, system: LinkLab, port: PortId | None = None) -> None:
        self.stages: list[Stage] = []
        self.terminal: list[bool] = []
        self.events: list[Incident] = []
        self.session = LinkTypeSession(
            ActionContext(system), self.run, self.note, port, report=self.events.append
        )
        self.session.look(None)

    def run(self, step: Step, terminal: bool) -> None:
        self.terminal.append(terminal)
        step()()

    def note(self) -> None:
        if not self.stages or self.stages[-1] is not self.session.stage:
            self.stages.append(self.session.stage)

    def choose(self, choice: Choice = ETHERNET) -> None:
        assert self.session.choose(choice)

    def option(self, text: str) -> None:
        (option,) = [o for o in self.session.options if o.text.startswith(text)]
        option.choose()


def test_a_change_goes_from_looking_to_kept() -> None:
    system = link_lab()
    driver = Driver(system, A1)
    driver.choose()
    driver.session.carry_out()
    assert driver.session.stage is Stage.KEEP and 0 < driver.session.left <= 60
    driver.session.answer(keep=True)
    looking, running = [Stage.LOOKING, Stage.CHOOSING, Stage.PLAN], [Stage.RUNNING, Stage.KEEP]
    assert driver.stages == [*looking, *running, Stage.RUNNING, Stage.DONE]
    assert system.written == [(f"{FILES}1", b"eth\n")]


def test_a_change_that_is_not_wanted_is_taken_back_and_cannot_be_kept_any_more() -> None:
    system = link_lab()
    driver = Driver(system, A1)
    driver.choose()
    driver.session.carry_out()
    driver.session.answer(keep=False)
    assert (driver.session.stage, driver.session.text) == (Stage.BACK, "as you wished")
    assert driver.session.pending is None
    driver.session.answer(keep=True)
    assert driver.session.stage is Stage.BACK
    assert system.written[-1] == (f"{FILES}1", b"ib\n")


def test_a_change_is_reported_as_one_event() -> None:
    driver = Driver(link_lab(), A1)
    driver.choose()
    assert driver.events == []
    driver.session.carry_out()
    driver.session.answer(keep=False)
    assert len({event.key for event in driver.events}) == 1
    hows = [event.text.split(", ")[1] for event in driver.events]
    assert hows[:2] == ["at work", "on probation"] and hows[2].startswith("taken back after ")
    assert [event.until is None for event in driver.events] == [True, True, False]


def test_work_tells_its_parts_and_its_seconds() -> None:
    system = link_lab()
    driver = Driver(system, A1)
    driver.choose()
    driver.session.carry_out()
    assert len(driver.session.steps) >= 3 and driver.session.seconds >= 2.0
    driver.session.answer(keep=True)
    assert driver.session.steps == ["keeping it"]


def test_a_choice_that_means_no_change_shows_no_plan() -> None:
    driver = Driver(link_lab(), A1)
    assert not driver.session.choose(Choice(False, LinkType.IB, When.NOW))
    assert driver.session.stage is Stage.CHOOSING
    driver.choose()
    assert not driver.session.choose(ETHERNET)


def test_nothing_is_done_before_the_plan_and_every_name() -> None:
    system = guarded("enp9s0d1")
    driver = Driver(system, A1)
    driver.session.carry_out()
    driver.choose()
    assert driver.session.missing == (A2,) and driver.session.missing_name == "enp9s0d1"
    for word in ("", "y", "enp9s0", "0000:09:00.0/1"):
        assert not driver.session.type_name(word)
    driver.session.carry_out()
    assert driver.session.stage is Stage.PLAN and system.written == []
    assert driver.session.type_name("enp9s0d1") and not driver.session.missing
    driver.session.carry_out()
    assert driver.stages[-1] is Stage.KEEP


def test_names_have_to_be_typed_for_every_plan_anew() -> None:
    driver = Driver(guarded("enp9s0d1"), A1)
    driver.choose()
    assert driver.session.type_name("enp9s0d1") and driver.session.back()
    driver.choose(Choice(True, LinkType.ETH, When.NOW))
    assert driver.session.missing == (A2,)


def test_a_reset_is_offered_where_something_waits_for_it_and_nowhere_else() -> None:
    system = link_lab()
    assert Driver(system, B2).session.options == ()
    system.run(["mstconfig", "-d", "0000:08:00.0", "-y", "set", "LINK_TYPE_P2=2"], change=True)
    driver = Driver(system, B2)
    driver.option("firmware reset now")
    assert [option.text[:7] for option in driver.session.options] == ["level 3", "level 4"]
    assert driver.session.choices == {}
    assert Driver(link_lab(), A1).session.options == ()


def test_a_failed_step_is_an_error_of_the_session_and_names_its_cause() -> None:
    system = guarded("enp8s0f0np0")
    system.run(["mstconfig", "-d", "0000:08:00.0", "-y", "set", "LINK_TYPE_P2=2"], change=True)
    driver = Driver(system, B2)
    driver.option("firmware reset now")
    assert driver.session.stage is Stage.FAILED
    assert isinstance(driver.session.error, Refused)
    assert "no firmware reset: default route" in driver.session.text


def test_the_terminal_is_asked_for_where_sudo_may_need_it_and_nowhere_else() -> None:
    system = sudoer()
    system.answers["sudo"] = Finished(1, "", "sudo: a password is required\n")
    driver = Driver(system, A1)
    driver.option("ask the card what it has stored, by sudo")
    driver.choose()
    driver.session.carry_out()
    driver.session.answer(keep=True)
    assert driver.terminal == [False, True, True, False]
    root = Driver(link_lab(), A1)
    root.session.prepare([A1], Method.STORED, LinkType.ETH)
    root.session.carry_out()
    assert root.terminal == [False, False, False] and root.session.stage is Stage.DONE


def test_storing_what_is_kept_needs_the_terminal_too() -> None:
    driver = Driver(sudoer(), A1)
    driver.choose(Choice(False, LinkType.ETH, When.BOTH))
    driver.session.carry_out()
    driver.session.answer(keep=True)
    assert driver.terminal == [False, True, True]


def test_one_leads_back_from_a_plan_only() -> None:
    driver = Driver(link_lab(), A1)
    assert not driver.session.back()
    driver.choose()
    assert driver.session.back() and driver.session.change is None
    assert driver.session.stage is Stage.CHOOSING


def test_a_change_that_nobody_confirms_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlxtop.link_type.options.REVERT_SECONDS", 0)
    driver = Driver(link_lab(), A1)
    driver.choose()
    driver.session.carry_out()
    driver.session.expire()
    assert driver.session.stage is Stage.BACK and driver.session.text == "not confirmed in time"


def test_nothing_expires_before_its_time() -> None:
    driver = Driver(link_lab(), A1)
    driver.session.expire()
    driver.choose()
    driver.session.carry_out()
    driver.session.expire()
    assert driver.session.stage is Stage.KEEP


def test_an_answer_that_came_too_late_does_not_claim_what_became_of_the_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for word in ("keep", "take_back"):
        monkeypatch.setattr(f"mlxtop.change.pending._Timer.{word}", lambda pending: False)
    driver = Driver(link_lab(), A1)
    driver.choose()
    driver.session.carry_out()
    driver.session.answer(keep=True)
    assert driver.session.stage is Stage.FAILED and "too late, or" in driver.session.text


def test_what_to_do_now_follows_what_is_there() -> None:
    driver = Driver(link_lab(), A1)
    assert driver.session.next == ()
    driver.choose()
    driver.session.carry_out()
    stored = "mlxtop link-type 0000:09:00.0/1 eth --stored"
    assert "ip link set enp9s0 up" in driver.session.next and stored in driver.session.next
    driver.session.answer(keep=False)
    assert stored not in driver.session.next
    driver.session.recovery.gather()
    assert "# 0000:09:00.0/1: ibp9s0 is now enp9s0" not in driver.session.next
