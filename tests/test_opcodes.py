"""Words for the firmware's opcodes of a link."""

from __future__ import annotations

import pytest

from mlxtop.health.opcodes import OPCODES, opcode_words


@pytest.mark.parametrize(
    ("opcode", "part"),
    [
        (1, "closed by a command"),
        (2, "no partner"),
        (8, "tuning"),
        (13, "RS-FEC"),
        (14, "remote fault"),
        (15, "bad signal integrity"),
        (28, "cable's code"),
        (35, "lower speed"),
        (40, "different types"),
        (57, "no signal"),
        (1024, "unplugged"),
        (1030, "heat"),
        (1032, "power"),
        (1040, "slot"),
    ],
)
def test_an_opcode_is_told_in_words(opcode: int, part: str) -> None:
    assert part in opcode_words(opcode)


def test_no_trouble_is_no_words_and_an_unpublished_number_is_told_as_such() -> None:
    assert opcode_words(0) == opcode_words(None) == ""
    assert opcode_words(999) == "firmware opcode 999"


def test_words_are_short_enough_for_a_line_of_a_narrow_page() -> None:
    assert max(map(len, OPCODES.values())) <= 64
