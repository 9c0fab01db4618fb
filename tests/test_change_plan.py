"""A plan shows the very commands that a person would type."""

from __future__ import annotations

from mlxtop.change.plan import Command, Plan, Switch
from mlxtop.model.linktype import LinkType

CARD = "0000:05:00.0"
SWITCH = Switch(CARD, ((1, LinkType.ETH), (2, LinkType.IB)), ((1, LinkType.IB), (2, LinkType.IB)))


def test_arguments_and_input_are_quoted_for_a_shell() -> None:
    command = Command(("tee", "/etc/a b"), "writes it", "options mlx4\n")
    assert command.lines(sudo=True) == ("printf %s 'options mlx4\n' | sudo tee '/etc/a b'",)
    assert Command(("true",), "does nothing").lines(sudo=False) == ("true",)


def test_a_switch_is_one_line_a_port() -> None:
    assert SWITCH.lines(sudo=True) == (
        f"echo eth | sudo tee /sys/bus/pci/devices/{CARD}/mlx4_port1",
        f"echo ib | sudo tee /sys/bus/pci/devices/{CARD}/mlx4_port2",
    )
    assert "60 s" in SWITCH.purpose


def test_a_plan_has_the_lines_of_its_steps_and_of_the_way_back() -> None:
    plan = Plan("change it", (Command(("a",), ""), SWITCH), undo=(Command(("b",), ""),))
    assert plan.lines(sudo=False)[0] == "a"
    assert len(plan.lines(sudo=False)) == 3
    assert plan.undo_lines(sudo=True) == ("sudo b",)
