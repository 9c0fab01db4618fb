"""The temperature that mstmget_temp and mget_temp print, and how they are asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.sources.tools.card_tool import ToolFailed
from mlxtop.sources.tools.mget_temp import (
    find_tool,
    parse_mget_temp,
    read_mget_temp,
    what_would_help,
)
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

CARD = "0000:43:00.0"


def machine(*lines: str) -> CapturedSystem:
    capture = parse_capture("\n".join(["mlxtop capture 1", *lines]) + "\n")
    return CapturedSystem("x", capture, capture)


def answers(option: str, *printed: str, status: int = 0) -> tuple[str, ...]:
    end = f" => {status}" if status else ""
    return (f"$ mget_temp -d {CARD}{option}{end}", *(f"  {line}" for line in printed))


ALONE = answers("", "| 61 ")


@pytest.mark.parametrize(
    "lines",
    [
        answers(" --no-modules", "| 61 "),
        (*answers(" --no-modules", "| 61 "), *answers("", "| 84 ")),
        (*answers(" --no-modules", "| Usage : mget_temp -d <device>", status=1), *ALONE),
        (*answers(" --no-modules", "& mget_temp: unrecognized option", status=1), *ALONE),
        (*answers(" --no-modules", "& -E- Invalid argument: --no-modules", status=1), *ALONE),
        ALONE,
    ],
)
def test_the_chip_is_asked_for_alone_where_the_tool_can(lines: tuple[str, ...]) -> None:
    assert read_mget_temp(machine(*lines), CARD, "mget_temp") == 61.0


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("| -E- Unsupported device", "Unsupported device"),
        ("& mopen: No such device", "mopen: No such device"),
        ("& Thermal diode read failed (MTMP)", "Thermal diode read failed"),
        ("| n/a", "status 1"),
    ],
)
def test_a_failure_is_told_in_the_tools_words_and_not_asked_twice(printed: str, words: str) -> None:
    lines = (*answers(" --no-modules", printed, status=1), *ALONE)
    with pytest.raises(ToolFailed, match=words):
        read_mget_temp(machine(*lines), CARD, "mget_temp")


def test_mlx4_cards_are_known_to_one_tool_only() -> None:
    both = machine("$ mget_temp -d x", "$ mstmget_temp -d x")
    assert find_tool(both, "mlx5_core") == "mstmget_temp"
    assert find_tool(both, "mlx4_core") == "mget_temp"
    assert find_tool(machine("$ mstmget_temp -d x"), "mlx4_core") is None
    assert "4.25" in what_would_help("mlx4_core")
    assert "4.31" in what_would_help("mlx5_core")


@given(st.text())
def test_no_text_makes_the_parser_raise(text: str) -> None:
    parse_mget_temp(text)
