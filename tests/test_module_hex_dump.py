"""Hex dumps of modules, whole and by page."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.sources.module.hex_dump import parse_hex_dump
from mlxtop.sources.module.layouts import ModuleSilent
from tests.ethtool_print import dump_of
from tests.module_images import IMAGES

HEAD = "Offset\t\tValues\n------\t\t------\n"


def test_a_few_bytes_tell_the_form_and_nothing_else() -> None:
    module = parse_hex_dump(f"{HEAD}0x0000:\t\t11 07 00 0f \n")
    assert module is not None
    who = module.identity
    assert (who.identifier, who.code) == ("QSFP28", 0x11)
    assert (who.vendor, who.power_class, who.max_power, who.technology) == (None,) * 4
    assert (who.connector, who.passive, dict(who.lengths)) == (None, None, {})
    assert (module.temperature, module.lanes, module.flags) == (None, (), None)
    assert "too little" in module.refused["diagnostics"]


def test_bytes_after_a_hole_are_not_taken_for_those_before() -> None:
    text = dump_of(bytes(IMAGES["qsfp28"]()))
    lines = [line for line in text.splitlines() if not line.startswith("0x0090")]
    module = parse_hex_dump("\n".join(lines))
    assert module is not None
    assert module.temperature == 36.25
    assert module.identity.vendor is None


@pytest.mark.parametrize(
    ("data", "words"),
    [("ff ff", "0xff"), ("00 00", "0x00"), ("12 00", "CXP2"), ("7a", "unknown")],
)
def test_bytes_that_are_no_module_say_why(data: str, words: str) -> None:
    with pytest.raises(ModuleSilent, match=words):
        parse_hex_dump(f"{HEAD}0x0000:\t\t{data}\n")


def test_a_dump_that_does_not_begin_at_zero_says_so() -> None:
    with pytest.raises(ModuleSilent):
        parse_hex_dump(f"{HEAD}0x0080:\t\t11 07\n")


def test_pages_in_json_are_read() -> None:
    image = bytes(IMAGES["sfp28"]())
    pages = [
        {"bank": 0, "page": 0, "offset": 0, "i2c_address": address, "data": data}
        for address, data in (
            (0x50, [f"{byte:x}" for byte in image[:128]]),
            (0x51, [f"{byte:x}" for byte in image[256:384]]),
        )
    ]
    module = parse_hex_dump(json.dumps([{"pages": pages}]))
    assert module is not None
    assert (module.identity.part, module.temperature) == ("AC-SFP28-SR", 38.5)


def test_another_bank_is_left_out() -> None:
    text = f"Page: 0x0\n\n{HEAD}0x0000:\t\t18 40\n\nBank: 0x1\nPage: 0x11\n\n{HEAD}0x0080:\t\t44\n"
    module = parse_hex_dump(text)
    assert module is not None
    assert module.identity.identifier == "QSFP-DD"


@pytest.mark.parametrize("text", ["", "netlink error: Invalid argument", "[]", "{}", "Page: 0x0\n"])
def test_what_is_no_dump_is_none(text: str) -> None:
    assert parse_hex_dump(text) is None


@given(st.text(alphabet="0123456789abcdefx: \t\nPage", max_size=200))
def test_no_text_makes_the_parser_raise_anything_else(text: str) -> None:
    try:
        parse_hex_dump(HEAD + text)
    except ModuleSilent:
        return
