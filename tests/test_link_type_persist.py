"""Types that last over a boot, in the settings file from which the driver takes them."""

from __future__ import annotations

import pytest

from mlxtop.change.plan import Command
from mlxtop.change.privilege import Access
from mlxtop.lab import ManualClock, load_lab
from mlxtop.link_type.card import Refused
from mlxtop.link_type.carry_out import carry_out
from mlxtop.link_type.options import Change, NothingToDo
from mlxtop.link_type.persist import decides, parse_mlx4_conf, persist, settings_file
from mlxtop.link_type.survey import look
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.system.door import Finished
from tests.link_lab import A1, A2, B1, LinkLab, commands, link_lab, survey_of

OWN = "/etc/modprobe.d/mlxtop-mlx4.conf"
FIRST = PortId("0000:05:00.0", 1)


def change_of(system: LinkLab, wanted: dict[PortId, LinkType] | None = None) -> Change:
    survey = survey_of(system)
    return persist(system, survey, survey.card_of(A1), wanted)


def test_types_last_over_a_boot_by_the_driver_s_parameter() -> None:
    system = link_lab()
    (step,) = change_of(system).plan.steps
    assert isinstance(step, Command) and step.argv == ("tee", OWN)
    assert step.stdin is not None and step.stdin.endswith("options mlx4_core port_type_array=1,2\n")
    survey = survey_of(system)
    with pytest.raises(Refused, match="only mlx4"):
        persist(system, survey, survey.card_of(B1))


def test_where_scripts_of_rdma_core_set_types_it_is_a_line_of_their_file() -> None:
    system = link_lab()
    for path in ("/etc/rdma/mlx4.conf", "/usr/libexec/mlx4-setup.sh"):
        system.files[path] = b"# types\n"
    change = change_of(system)
    (step,) = change.plan.steps
    assert isinstance(step, Command) and "$a\\0000:09:00.0 ib eth" in step.argv
    assert "$a" not in change.plan.undo_lines(sudo=False)[0]
    system.files["/etc/rdma/mlx4.conf"] = b"0000:09:00.0 eth eth\n0000:0a:00.0 ib\n"
    assert "$a\\0000:09:00.0 eth eth" in change_of(system).plan.undo_lines(sudo=False)[0]
    assert parse_mlx4_conf("0000:09:00.0 ib warp", "0000:09:00.0") == ()


def test_a_parameter_that_is_set_elsewhere_is_changed_there() -> None:
    system = load_lab("cx3-hp", ManualClock())
    survey = look(system, Access.ROOT)
    card = survey.card_of(FIRST)
    with pytest.raises(NothingToDo, match="sets these types already"):
        persist(system, survey, card)
    change = persist(system, survey, card, {FIRST: LinkType.IB})
    (step,) = change.plan.steps
    assert isinstance(step, Command) and step.argv[-1] == "/etc/modprobe.d/mlx4.conf"
    assert "port_type_array=1,0" in step.argv[3]
    assert "port_type_array=2,0" in change.plan.undo_lines(sudo=True)[0]
    assert change.affected == (FIRST,)


def test_a_port_that_is_not_wanted_keeps_what_the_file_sets_for_it() -> None:
    system = link_lab()
    system.files[OWN] = b"options mlx4_core port_type_array=0,1\n"
    system._keep(OWN, "options mlx4_core port_type_array=0,1\n")
    assert commands(change_of(system, {A1: LinkType.ETH}))[0].endswith(
        f"'options mlx4_core port_type_array=2,1' | tee {OWN}"
    )
    assert "port_type_array=0,1" in change_of(system, {A1: LinkType.ETH}).plan.undo_lines(False)[0]


def test_the_last_file_wins_and_zeros_decide_nothing() -> None:
    system = link_lab()
    card = survey_of(system).card_of(A1)
    assert settings_file(system, card).path == OWN and not decides(settings_file(system, card))
    system._keep("/etc/modprobe.d/a.conf", "options mlx4_core port_type_array=1,1\n")
    assert settings_file(system, card).path == "/etc/modprobe.d/a.conf"
    system._keep(OWN, "options mlx4_core port_type_array=0,0\n")
    assert settings_file(system, card).path == OWN and not decides(settings_file(system, card))
    system._keep(OWN, "options mlx4_core port_type_array=0,2\n")
    assert decides(settings_file(system, card))


def test_the_file_is_written_and_read_back() -> None:
    system = link_lab()
    survey, change = survey_of(system), change_of(system, {A2: LinkType.IB})
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert outcome.done and outcome.lines == (f"{OWN} holds port_type_array=1,1 ✓",)
    assert b"port_type_array=1,1\n" in system.read(OWN)


def test_a_file_that_could_not_be_written_is_named_and_nothing_was_changed() -> None:
    system = link_lab()
    survey, change = survey_of(system), change_of(system)

    def missing(argv: tuple[str, ...]) -> None:
        if argv[0] == "tee":
            raise FileNotFoundError(2, "No such file or directory", "tee")

    system.before = missing
    with pytest.raises(Refused) as caught:
        carry_out(system, survey, change, Access.ROOT, None)
    text = str(caught.value)
    assert text.startswith(f"could not write {OWN}, nothing was changed: tee:")
    assert "Errno" not in text


@pytest.mark.parametrize(
    ("answer", "left", "words"),
    [
        (Finished(1, "", "tee: read-only"), None, f"could not write {OWN}, nothing was changed"),
        (Finished(0, "", ""), None, "nothing was changed"),
        (Finished(1, "", "tee: no space left"), b"opt", "and it is not as it was: look at it"),
    ],
)
def test_what_stands_in_the_file_decides_whatever_the_tool_says(
    answer: Finished, left: bytes | None, words: str
) -> None:
    system = link_lab()
    survey, change = survey_of(system), change_of(system)
    system.answers["tee"] = answer

    def write(argv: tuple[str, ...]) -> None:
        if argv[0] == "tee" and left is not None:
            system.files[OWN] = left

    system.before = write
    outcome = carry_out(system, survey, change, Access.ROOT, None)
    assert not outcome.done and words in outcome.lines[0]
