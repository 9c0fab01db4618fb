"""A change on probation is kept and stored, taken back, or expires, and says what became of it."""

from __future__ import annotations

import pytest

from mlxtop.change.pending import PendingChange
from mlxtop.change.privilege import Access, ActionContext
from mlxtop.link_type.carry_out import Outcome, carry_out
from mlxtop.link_type.choices import Choice, When, choices_of
from mlxtop.link_type.follow_up import event_of, expired, keep_it, take_back
from mlxtop.link_type.options import Change
from mlxtop.model.counters import Severity
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from tests.link_lab import A1, FILES, LinkLab, change_of, link_lab, survey_of

SETTINGS = "LINK_TYPE_P1=2"


class Gone(PendingChange):
    """A change that can neither be kept nor taken back any more."""

    def keep(self) -> bool:
        return False

    def take_back(self) -> bool:
        return False


def made(when: When = When.BOTH) -> tuple[LinkLab, Change, Outcome]:
    """A change at once that waits to be confirmed."""
    system = link_lab()
    survey = survey_of(system)
    change = choices_of(system, survey, A1)[Choice(False, LinkType.ETH, when)]
    assert isinstance(change, Change)
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert outcome.pending is not None
    return system, change, outcome


def sets(system: LinkLab) -> list[tuple[str, ...]]:
    return [argv for argv in system.ran if "set" in argv and argv[0] == "mstconfig"]


def keep(
    system: LinkLab, change: Change, pending: PendingChange | None, typed: tuple[PortId, ...] = ()
) -> tuple[bool, bool, str, str]:
    assert pending is not None
    answer = keep_it(
        ActionContext(system), change, pending, Access.ROOT, typed=typed, tell=lambda text: None
    )
    return answer.kept, answer.done, answer.event, "\n".join((answer.text, *answer.lines))


def test_what_is_kept_is_stored_and_never_before() -> None:
    system, change, outcome = made()
    assert sets(system) == []
    kept, done, event, text = keep(system, change, outcome.pending)
    assert (
        kept and done and event == "kept and stored" and "LINK_TYPE_P1 next boot: ETH(2) ✓" in text
    )
    assert [argv[-1] for argv in sets(system)] == [SETTINGS]
    assert system.read(f"{FILES}1") == b"eth\n"


def test_what_is_kept_without_a_wish_to_store_is_not_stored() -> None:
    system, change, outcome = made(When.NOW)
    assert keep(system, change, outcome.pending)[:3] == (True, True, "kept")
    assert sets(system) == []


def test_a_change_that_cannot_be_kept_any_more_is_not_stored() -> None:
    system, change, _ = made()
    kept, done, _, text = keep(system, change, Gone(0.0))
    assert not kept and not done and "too late, or" in text
    assert sets(system) == []


def test_what_cannot_be_stored_stays_kept_and_says_why() -> None:
    system, change, outcome = made()
    system.answers["mstconfig -d"] = system.run(["mstconfig", "-d", "0000:77:00.0", "q"])
    system.answers["mstconfig"] = system.answers["mstconfig -d"]
    kept, done, event, text = keep(system, change, outcome.pending)
    assert kept and not done and event == "kept, not stored"
    assert "not stored for the next boot ✗" in text
    assert system.read(f"{FILES}1") == b"eth\n"


def test_what_would_be_stored_otherwise_than_planned_is_not_stored() -> None:
    system, change, outcome = made()
    system._keep("/etc/modprobe.d/a.conf", "options mlx4_core port_type_array=1,2\n")
    kept, done, _, text = keep(system, change, outcome.pending)
    assert kept and not done and "not what the plan showed" in text
    assert sets(system) == [] and b"=1,2" in system.read("/etc/modprobe.d/a.conf")


def test_a_hazard_that_came_meanwhile_keeps_it_from_being_stored() -> None:
    system, change, outcome = made()
    system._network.default = "enp9s0"
    system._build()
    kept, done, _, text = keep(system, change, outcome.pending)
    assert kept and not done and "default route" in text and sets(system) == []
    system, change, outcome = made()
    system._network.default = "enp9s0"
    system._build()
    assert keep(system, change, outcome.pending, (A1,))[1]


def test_a_change_that_is_taken_back_by_wish_is_no_failure() -> None:
    system, change, outcome = made()
    assert outcome.pending is not None
    told: list[str] = []
    answer = take_back(ActionContext(system), change, outcome.pending, outcome.before, told.append)
    assert (answer.kept, answer.done, answer.event) == (False, True, "taken back")
    assert answer.lines == ("0000:09:00.0/1 is InfiniBand again",) and len(told) == 2
    failed = take_back(ActionContext(system), change, Gone(0.0), outcome.before, told.append)
    assert not failed.done and "too late, or" in failed.text


def test_a_change_that_expired_is_looked_after() -> None:
    system, change, outcome = made()
    context = ActionContext(system)
    still = expired(context, change, outcome.before)
    assert not still.done and "the old types are not back" in still.text
    system.write(f"{FILES}1", b"ib\n")
    back = expired(context, change, outcome.before)
    assert back.done and back.text == "not confirmed in time"


def test_a_change_is_one_event_from_its_beginning_to_its_end() -> None:
    _, change = change_of(link_lab(), {A1: LinkType.ETH})
    begun = event_of(change, "at work", 100.0, 101.0)
    over = event_of(change, "taken back after 60 s", 100.0, 160.0)
    assert begun.text == "link type IB → ETH, at work, by mlxtop" and begun.until is None
    assert (over.key, over.tick, over.until) == (begun.key, 100.0, 160.0)
    assert (over.ifname, over.device, over.severity) == ("ibp9s0", "0000:09:00.0", Severity.NOTE)
    assert event_of(change, "not kept after 2 s", 1.0, 3.0).severity is Severity.WARNING


@pytest.mark.parametrize("how", ["at work", "on probation"])
def test_a_change_goes_on_until_it_is_answered(how: str) -> None:
    _, change = change_of(link_lab(), {A1: LinkType.ETH})
    assert event_of(change, how, 1.0, 2.0).until is None
