"""Firmware resets."""

from dataclasses import replace

import pytest

from mlxtop.change.privilege import Access
from mlxtop.link_type.card import Refused
from mlxtop.link_type.carry_out import carry_out
from mlxtop.link_type.reset import choose_level, prepare_reset, read_levels
from mlxtop.model.linktype import LinkType
from tests.link_lab import A1, B1, B2, change_of, commands, guarded, link_lab, survey_of


def test_a_reset_makes_stored_types_true() -> None:
    system = link_lab()
    survey, change = change_of(system, {B2: LinkType.ETH})
    assert carry_out(system, survey, change, Access.ROOT, None).done
    survey = survey_of(system)
    card = survey.card_of(B2)
    tool, levels = read_levels(system, card, Access.ROOT)
    assert [level.number for level in levels] == [3, 4]
    reset = prepare_reset(survey, card, tool, choose_level(levels, None))
    assert commands(reset) == ["mstfwreset -d 0000:08:00.0 -l 3 -y reset"]
    outcome = carry_out(system, survey, reset, Access.ROOT, None)
    assert outcome.done, outcome.lines
    assert survey_of(system).card_of(B2).port(B2).now is LinkType.ETH  # type: ignore[union-attr]


def test_no_reset_on_a_card_that_the_guard_names_whatever_is_typed() -> None:
    system = guarded("enp8s0f0np0")
    survey = survey_of(system)
    card = survey.card_of(B1)
    tool, levels = read_levels(system, card, Access.ROOT)
    with pytest.raises(Refused, match="no firmware reset"):
        prepare_reset(survey, card, tool, choose_level(levels, 3))
    fine = prepare_reset(replace(survey, uses=type(survey.uses)()), card, tool, levels[0])
    with pytest.raises(Refused, match="no firmware reset"):
        carry_out(system, survey, fine, Access.ROOT, None, typed=[B1, B2])


def test_connectx3_has_no_reset() -> None:
    system = link_lab()
    survey = survey_of(system)
    with pytest.raises(Refused, match="a reboot does the same"):
        read_levels(system, survey.card_of(A1), Access.ROOT)


def test_a_dpu_loads_its_types_by_a_power_cycle_where_a_reset_does_not() -> None:
    system = link_lab()
    survey = survey_of(system)
    card = survey.card_of(B1)
    assert card is not None
    dpu = replace(card, adapter=card.adapter._replace(family="BlueField-3 (ConnectX-7)"))
    _, levels = read_levels(system, dpu, Access.ROOT)
    assert [level.number for level in levels] == [3]
    unsupported = [levels[0]._replace(supported=False)]
    with pytest.raises(Refused, match="a power cycle does the same; a reboot does not"):
        choose_level(unsupported, None, dpu.restart)
    with pytest.raises(Refused, match="a reboot does the same"):
        choose_level(unsupported, None, card.restart)
