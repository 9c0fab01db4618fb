"""A change is guarded again, made as planned, and read back."""

import time
from dataclasses import replace
from threading import Event

import pytest

from mlxtop.change.plan import Switch
from mlxtop.change.privilege import Access
from mlxtop.link_type.card import Refused
from mlxtop.link_type.carry_out import carry_out
from mlxtop.link_type.reset import choose_level, prepare_reset, read_levels
from mlxtop.model.linktype import LinkType
from mlxtop.present import link_type as describe
from mlxtop.sources.kernel.pci import card_lock
from mlxtop.sources.tools.card_tool import LOCKDOWN
from mlxtop.system.door import Finished
from tests.link_lab import A1, A2, B2, FILES, change_of, guarded, link_lab, survey_of, without


def test_a_port_that_carries_the_default_route_needs_its_name_typed() -> None:
    system = guarded("enp9s0d1")
    survey, change = change_of(system, {A1: LinkType.ETH})
    assert change.endangered == (A2,)
    assert any(
        "default route" in line
        for line in describe.block_lines(describe.plan_blocks(change, False))
    )
    with pytest.raises(Refused, match="default route"):
        carry_out(system, survey, change, Access.ROOT, None)
    assert system.written == []
    outcome = carry_out(system, survey, change, Access.ROOT, None, typed=[A2])
    assert outcome.done and outcome.pending is not None and outcome.pending.keep()


def test_a_danger_that_came_after_the_plan_stops_the_deed() -> None:
    system = link_lab()
    survey, change = change_of(system, {A1: LinkType.ETH})
    system._network.default = "enp9s0d1"
    system._build()
    with pytest.raises(Refused, match="default route"):
        carry_out(system, survey, change, Access.ROOT, None)
    assert system.written == []


def test_ports_that_changed_after_the_plan_stop_the_deed() -> None:
    system = link_lab()
    survey, change = change_of(system, {A1: LinkType.ETH})
    system.write(f"{FILES}1", b"eth\n")
    system.written.clear()
    with pytest.raises(Refused, match="no longer what it was"):
        carry_out(system, survey, change, Access.ROOT, None)
    assert system.written == []


def test_exactly_these_bytes_are_written_and_kept() -> None:
    system = link_lab()
    survey, change = change_of(system, {A1: LinkType.ETH})
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert system.written == [(f"{FILES}1", b"eth\n")]
    assert outcome.done and outcome.lines == ("0000:09:00.0/1 now: Ethernet ✓",)
    assert "# 0000:09:00.0/1: ibp9s0 is now enp9s0" in outcome.next
    assert "ip link set enp9s0 up" in outcome.next
    assert outcome.pending is not None and outcome.pending.left() > 0
    assert outcome.pending.keep()
    assert not outcome.pending.take_back()
    assert system.read(f"{FILES}1") == b"eth\n"


def test_a_change_that_is_not_confirmed_is_taken_back() -> None:
    system = link_lab()
    survey, change = change_of(system, {A1: LinkType.ETH})
    (step,) = change.plan.steps
    assert isinstance(step, Switch) and step.seconds == 60
    hasty = replace(change, plan=replace(change.plan, steps=(replace(step, seconds=0),)))
    outcome = carry_out(system, survey, hasty, Access.ROOT, None)
    deadline = time.monotonic() + 10
    while system.read(f"{FILES}1") != b"ib\n" and time.monotonic() < deadline:
        system.clock.wait(0.1, Event())  # who takes it back waits for the driver
        time.sleep(0.01)
    system.clock.wait(60.0, Event())  # until it is done: it holds the lock that `keep` wants
    assert system.written[-1] == (f"{FILES}1", b"ib\n")
    assert outcome.pending is not None and not outcome.pending.keep()


def test_both_ports_switch_together() -> None:
    system = link_lab()
    both = {A1: LinkType.AUTO, A2: LinkType.IB}
    survey, change = change_of(system, both)
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert system.written == [(f"{FILES}1", b"auto\n"), (f"{FILES}2", b"ib\n")]
    assert outcome.done and outcome.pending is not None and outcome.pending.take_back()
    assert system.read(f"{FILES}2") == b"eth\n"


def test_a_refused_type_leaves_all_as_it_was() -> None:
    cards = without("a", vpi=False)
    cards["a"]["port"]["1"]["kind"] = "eth"  # type: ignore[index]
    system = link_lab(card=cards)
    survey, change = change_of(system, {A1: LinkType.IB})
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert not outcome.done and outcome.pending is None
    assert "not supported" in outcome.lines[0]
    assert system.written[-1] == (f"{FILES}1", b"eth\n")


def test_a_stored_type_is_read_back() -> None:
    system = link_lab()
    survey, change = change_of(system, {B2: LinkType.ETH})
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert outcome.done and outcome.lines == ("LINK_TYPE_P2 next boot: ETH(2) ✓",)
    assert "mlxtop link-type --reset 0000:08:00.1/1" in outcome.next
    sets = [argv for argv in system.ran if "set" in argv]
    assert sets == [("mstconfig", "-d", "0000:08:00.0", "-y", "set", "LINK_TYPE_P2=2")]
    assert survey_of(system).card_of(B2).port(B2).pending  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Finished(0, "Applying... Done!\n-I- Please reboot machine\n", ""), "✗ wanted 2"),
        (Finished(3, "Applying... Failed!\n-E- Semaphore is locked\n", ""), "Semaphore"),
        (Finished(0, "\x1b]0;owned\x07 what?\n", ""), "✗ wanted 2"),
        (Finished(-9, "", "Killed\n"), "Killed"),
    ],
)
def test_a_tool_that_says_something_else_than_it_did_is_found_out(
    answer: Finished, words: str
) -> None:
    system = link_lab()
    survey, change = change_of(system, {B2: LinkType.ETH})
    system.answers["mstconfig set"] = answer
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert not outcome.done and words in "\n".join(outcome.lines)


def test_setting_is_never_ended_early() -> None:
    system = link_lab()
    survey, change = change_of(system, {B2: LinkType.ETH})
    real = system.world.tool_seconds
    queries = system.ran.__len__()

    def slow(argv: tuple[str, ...]) -> None:
        system.world.tool_seconds = 700.0 if "set" in argv else real

    system.before = slow
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert outcome.done and len(system.ran) > queries


def test_another_tool_at_work_is_waited_for_and_then_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlxtop.link_type.card.LOCK_SECONDS", 0.0)
    system = link_lab()
    survey, change = change_of(system, {B2: LinkType.ETH})
    lock = card_lock(system, B2.device)
    with system.claim(lock, 0.0), pytest.raises(Refused, match="another tool"):
        carry_out(system, survey, change, Access.ROOT, None)


RESET = "-I- Sending Reset Command To Fw             -Done\n"
REBOOT = f"{RESET}-I- Sending reboot command to machine       -Done\n"
LOADED = "-I- FW was loaded successfully.\n"


@pytest.mark.parametrize(
    ("level", "answer", "done", "words"),
    [
        (4, Finished(0, REBOOT, ""), True, "the machine reboots ✓"),
        (4, Finished(-15, REBOOT, ""), True, "the machine reboots ✓"),
        (3, Finished(0, RESET, ""), True, "every step is done ✓"),
        (3, Finished(0, RESET + LOADED, ""), True, "the firmware was loaded anew ✓"),
        (3, Finished(1, f"{RESET}{LOADED}-E- mst is busy", ""), True, "mst is busy"),
        (3, Finished(1, RESET, "Killed"), False, "Killed"),
        (3, Finished(0, f"{RESET}-I- Stopping Driver      -", ""), False, "come to its end"),
        (3, Finished(1, "-E- Device is in use", ""), False, "Device is in use"),
    ],
)
def test_a_reset_is_judged_by_what_it_did(
    level: int, answer: Finished, done: bool, words: str
) -> None:
    system = link_lab()
    survey = survey_of(system)
    card = survey.card_of(B2)
    tool, levels = read_levels(system, card, Access.ROOT)
    change = prepare_reset(survey, card, tool, choose_level(levels, level))
    system.answers["mstfwreset reset"] = answer
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert outcome.done is done
    assert any(words in line for line in outcome.lines)


def test_lockdown_is_named_where_a_change_fails_without_a_known_reason() -> None:
    system = link_lab()
    survey, change = change_of(system, {B2: LinkType.ETH})
    system.files[LOCKDOWN] = b"none integrity [confidentiality]\n"
    system.answers["mstconfig set"] = Finished(3, "", "ME_CR_ERROR\n")
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert not outcome.done
    assert "ME_CR_ERROR: kernel lockdown" in outcome.lines[0]
