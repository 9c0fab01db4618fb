"""A plan shows the very commands that a person would type."""

from __future__ import annotations

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from mlxtop.change.plan import Command, Plan, Switch, printf
from mlxtop.model.linktype import LinkType

CARD = "0000:05:00.0"
SWITCH = Switch(CARD, ((1, LinkType.ETH), (2, LinkType.IB)), ((1, LinkType.IB), (2, LinkType.IB)))


def test_arguments_and_input_are_quoted_for_a_shell() -> None:
    command = Command(("tee", "/etc/a b"), "writes it", "# one\noptions mlx4\n")
    line = "printf '%s\\n' '# one' 'options mlx4' | sudo tee '/etc/a b'"
    assert command.lines(sudo=True) == (line,)
    assert Command(("true",), "does nothing").lines(sudo=False) == ("true",)


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec="ascii", exclude_characters="\0\r"), max_size=40))
def test_a_printed_command_writes_the_input_to_the_letter(text: str) -> None:
    (line,) = Command(("cat",), "", text).lines(sudo=False)
    assert "\n" not in line
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == text
    assert printf(text) in line


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
