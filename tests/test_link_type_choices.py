"""Three choices make a change, or the reason why there is none."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.change.plan import Switch
from mlxtop.change.privilege import Access
from mlxtop.lab import ManualClock, load_lab
from mlxtop.link_type.card import Refused
from mlxtop.link_type.choices import Choice, When, at_boot, choices_of, kinds_of
from mlxtop.link_type.options import Change, Method, NothingToDo
from mlxtop.link_type.survey import look
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from tests.link_lab import A1, A2, B1, B2, LinkLab, commands, link_lab, survey_of

TOOLS = {"tools": {"mstconfig": "4.26.0", "ip": "6"}}
"""A mstconfig that knows ConnectX-3 no more."""


def meaning(system: LinkLab, port: PortId, *parts: Any) -> Change | Refused:
    return choices_of(system, survey_of(system), port)[Choice(*parts)]


def change_of(system: LinkLab, port: PortId, *parts: Any) -> Change:
    change = meaning(system, port, *parts)
    assert isinstance(change, Change), change
    return change


def test_every_combination_means_something() -> None:
    system = link_lab()
    choices = choices_of(system, survey_of(system), A1)
    assert len(choices) == 2 * 3 * 3
    assert len(choices_of(system, survey_of(system), B1)) == 2 * 2 * 3
    assert kinds_of(survey_of(system).card_of(B1)) == (LinkType.IB, LinkType.ETH)


def test_now_and_for_good_stores_only_what_is_kept() -> None:
    change = change_of(link_lab(), A1, False, LinkType.ETH, When.BOTH)
    assert change.method is Method.NOW and isinstance(change.plan.steps[0], Switch)
    assert len(change.plan.steps) == 1 and change.then is not None
    assert commands(change.then) == ["mstconfig -d 0000:09:00.0 -y set LINK_TYPE_P1=2"]
    assert "stored as soon as you keep it" in change.plan.notes[0]
    assert not any("lost at the next boot" in note for note in change.plan.notes)


def test_now_alone_is_lost_at_the_next_boot_and_says_so() -> None:
    change = change_of(link_lab(), A1, False, LinkType.ETH, When.NOW)
    assert change.then is None and "lost at the next boot" in change.plan.notes[0]


def test_both_ports_are_changed_by_one_choice() -> None:
    change = change_of(link_lab(), A1, True, LinkType.AUTO, When.BOTH)
    assert change.wanted == {A1: LinkType.AUTO, A2: LinkType.AUTO}
    assert change.then is not None and "LINK_TYPE_P2=3" in commands(change.then)[0]


def test_what_is_so_already_leaves_the_other_half() -> None:
    system = link_lab()
    assert isinstance(meaning(system, A1, False, LinkType.IB, When.NOW), NothingToDo)
    assert isinstance(meaning(system, A1, False, LinkType.IB, When.BOTH), NothingToDo)
    system.run(["mstconfig", "-d", "0000:09:00.0", "-y", "set", "LINK_TYPE_P1=2"], change=True)
    only_now = change_of(system, A1, False, LinkType.ETH, When.BOTH)
    assert only_now.method is Method.NOW and only_now.then is None
    assert "the next boot brings it too" in only_now.plan.notes[0]
    only_boot = change_of(system, A1, False, LinkType.IB, When.BOTH)
    assert only_boot.method is Method.STORED


def test_newer_cards_change_at_boot_only_and_say_why() -> None:
    system = link_lab()
    for when in (When.NOW, When.BOTH):
        refusal = meaning(system, B2, False, LinkType.ETH, when)
        assert isinstance(refusal, Refused) and "while it runs" in str(refusal)
    assert change_of(system, B2, False, LinkType.ETH, When.BOOT).method is Method.STORED


def test_where_the_card_cannot_store_it_the_driver_s_settings_file_does() -> None:
    change = change_of(link_lab(host=TOOLS), A1, False, LinkType.ETH, When.BOTH)
    assert change.then is not None and change.then.method is Method.PERSIST
    assert "port_type_array=2,2" in commands(change.then)[0]


@pytest.mark.parametrize(("array", "method"), [("1,2", Method.PERSIST), ("0,0", Method.STORED)])
def test_a_settings_file_that_sets_types_is_changed_instead_of_the_card(
    array: str, method: Method
) -> None:
    system = link_lab()
    system._keep("/etc/modprobe.d/a.conf", f"options mlx4_core port_type_array={array}\n")
    survey = survey_of(system)
    assert at_boot(system, survey, survey.card_of(A1), {A1: LinkType.ETH}).method is method


@pytest.mark.parametrize("name", ["cx3-hp", "tiny", "odroid", "ceph", "ceph2"])
def test_on_every_simulated_mlx4_host_a_change_for_good_is_possible(name: str) -> None:
    system = load_lab(name, ManualClock())
    survey = look(system, Access.ROOT)
    port = survey.cards[0].ports[0]
    kind = LinkType.IB if port.now is LinkType.ETH else LinkType.ETH
    change = choices_of(system, survey, port.id)[Choice(False, kind, When.BOTH)]
    assert isinstance(change, Change) and change.then is not None, change
