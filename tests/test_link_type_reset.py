"""Firmware resets, and types that last over a boot."""

from dataclasses import replace

import pytest

from mlxtop.change.plan import Command
from mlxtop.change.privilege import Access
from mlxtop.lab import ManualClock, load_lab
from mlxtop.link_type.card import Refused
from mlxtop.link_type.carry_out import carry_out
from mlxtop.link_type.reset import choose_level, persist, prepare_reset, read_levels
from mlxtop.link_type.survey import look
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


def test_types_last_over_a_boot_by_the_driver_s_parameter() -> None:
    system = link_lab()
    survey = survey_of(system)
    change = persist(system, survey, survey.card_of(A1))
    (step,) = change.plan.steps
    assert isinstance(step, Command)
    assert step.argv == ("tee", "/etc/modprobe.d/mlxtop-mlx4.conf")
    assert step.stdin is not None and step.stdin.endswith("options mlx4_core port_type_array=1,2\n")
    for path in ("/etc/rdma/mlx4.conf", "/usr/libexec/mlx4-setup.sh"):
        system.files[path] = b"# types\n"
    (step,) = persist(system, survey, survey.card_of(A1)).plan.steps
    assert isinstance(step, Command) and "$a\\0000:09:00.0 ib eth" in step.argv
    with pytest.raises(Refused, match="only mlx4"):
        persist(system, survey, survey.card_of(B1))


def test_a_parameter_that_is_set_elsewhere_is_changed_there() -> None:
    system = load_lab("cx3-hp", ManualClock())
    survey = look(system, Access.ROOT)
    change = persist(system, survey, survey.card_of(survey.inventory.ports[0].id))
    (step,) = change.plan.steps
    assert isinstance(step, Command) and step.argv[-1] == "/etc/modprobe.d/mlx4.conf"
    assert "port_type_array=2,0" in change.plan.undo_lines(sudo=True)[0]


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
