"""The plan of a change: its commands, what it breaks, and whose name it needs."""

import pytest

from mlxtop.link_type.card import Refused
from mlxtop.link_type.options import Method, NothingToDo, methods
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from tests.link_lab import A1, A2, B1, B2, FILES, change_of, commands, guarded, link_lab, survey_of


@pytest.mark.parametrize(
    ("port", "kind", "method", "line"),
    [
        (A1, "eth", Method.NOW, f"echo eth | tee {FILES}1"),
        (A2, "ib", Method.NOW, f"echo ib | tee {FILES}2"),
        (A1, "eth", Method.STORED, "mstconfig -d 0000:09:00.0 -y set LINK_TYPE_P1=2"),
        (A2, "auto", Method.STORED, "mstconfig -d 0000:09:00.0 -y set LINK_TYPE_P2=3"),
        (B1, "ib", Method.STORED, "mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P1=1"),
        (B2, "eth", Method.STORED, "mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P2=2"),
    ],
)
def test_the_parameter_is_that_of_the_port(
    port: PortId, kind: str, method: Method, line: str
) -> None:
    _, change = change_of(link_lab(), {port: LinkType(kind)}, method)
    assert commands(change) == [line]


def test_both_ports_are_set_by_one_command() -> None:
    both = {B1: LinkType.IB, B2: LinkType.IB}
    _, change = change_of(link_lab(), both)
    assert commands(change) == ["mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P1=1 LINK_TYPE_P2=1"]
    back = ("mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P1=2 LINK_TYPE_P2=1",)
    assert change.plan.undo_lines(sudo=False) == back


def test_commands_to_copy_have_sudo_where_it_is_needed() -> None:
    _, change = change_of(link_lab(), {A1: LinkType.ETH})
    assert change.plan.lines(sudo=True) == (f"echo eth | sudo tee {FILES}1",)
    assert change.plan.undo_lines(sudo=True) == (f"echo ib | sudo tee {FILES}1",)


def test_mlx4_ports_change_at_once_before_they_are_stored() -> None:
    card = survey_of(link_lab()).card_of(A1)
    assert methods(card, (A1,)) == (Method.NOW, Method.STORED)


def test_a_card_that_is_as_wanted_is_left_alone() -> None:
    for port, kind, method in ((B1, "eth", None), (A1, "ib", Method.NOW)):
        with pytest.raises(NothingToDo):
            change_of(link_lab(), {port: LinkType(kind)}, method)


def test_newer_cards_have_no_auto_sensing() -> None:
    with pytest.raises(Refused, match="no auto-sensing"):
        change_of(link_lab(), {B1: LinkType.AUTO})


def test_what_breaks_is_named() -> None:
    _, change = change_of(link_lab(), {A1: LinkType.ETH})
    text = "\n".join(change.plan.breaks)
    assert "ibp9s0" in text and "mlx4_0" in text and "enp9s0d1" in text
    assert "0000:09:00.0/2: the other port is registered anew" in text
    assert change.affected == (A1, A2)


def test_a_port_that_carries_nothing_needs_no_name() -> None:
    _, change = change_of(guarded("enp9s0d1"), {B2: LinkType.ETH})
    assert change.hazards == () and change.endangered == ()
