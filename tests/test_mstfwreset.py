"""mstfwreset and mlxfwreset are understood: levels, and how a reset went."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.sources.tools.mstfwreset import parse_levels, parse_reset
from tests.test_mstconfig import CAPTURES, captured, expected

LEVELS = """
Reset-levels:
0: Driver, PCI link, network link will remain up ("live-Patch")   -Not Supported (Reason: x)
3: Driver restart and PCI reset                                  -Supported     (default)
4: Warm Reboot                                                   -Supported

Reset-types (relevant only for reset-levels 3,4):
0: Full chip reset                                               -Supported     (default)
"""


def test_reset_levels_are_not_mixed_up_with_reset_types() -> None:
    answer = parse_levels(LEVELS)
    assert [(level.number, level.supported) for level in answer.levels] == [
        (0, False),
        (3, True),
        (4, True),
    ]
    level = answer.level(3)
    assert level is not None and level.default and level.text == "Driver restart and PCI reset"
    assert answer.level(5) is None and answer.error is None


def test_a_refused_reset_says_why() -> None:
    assert parse_levels("-E- Only root user can run this tool.").error is not None
    report = parse_reset("-I- Stopping Driver        -Failed\n-E- The tool failed.")
    assert report.steps == {"Stopping Driver": "Failed"}
    assert report.error == "The tool failed." and not report.loaded


@given(st.text(st.sampled_from("-0123: SupportedNot()E\n\tReset-levels"), max_size=200))
def test_no_text_makes_the_parsers_raise(text: str) -> None:
    parse_levels("Reset-levels:\n" + text)
    parse_reset(text)


@pytest.mark.captures
@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
def test_every_captured_reset_is_read_to_its_facts() -> None:
    facts = {n: f for n, f in expected("flint/").items() if f.get("tool") == "mlxfwreset"}
    assert len(facts) >= 2
    for name, fact in facts.items():
        report = parse_reset(captured(name))
        assert fact["steps"].items() <= report.steps.items(), name
        assert report.loaded == fact["success"] and report.error is None, name
