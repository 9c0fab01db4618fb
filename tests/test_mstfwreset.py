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
    levels = parse_levels(LEVELS)
    assert [(level.number, level.supported) for level in levels] == [
        (0, False),
        (3, True),
        (4, True),
    ]
    assert levels[1].default and levels[1].text == "Driver restart and PCI reset"


def steps(*ends: str) -> str:
    """Return a transcript: a step ends with a word, with none where the tool ended in it."""
    names = ("Sending Reset Command To Fw", "Stopping Driver", "Resetting PCI", "Restarting MST")
    return "".join(f"-I- {name:40}-{end}\n" for name, end in zip(names, ends, strict=False))


LOADED = "-I- FW was loaded successfully.\n"
REBOOT = f"-I- {'Sending reboot command to machine':40}-Done\n"


@pytest.mark.parametrize(
    ("transcript", "done"),
    [
        (steps("Done", "Done", "Done", "Skipped") + LOADED, True),
        (steps("Done") + REBOOT, True),
        (steps("Done", "Done", "Done"), True),
        (steps("Done", "Done", "Skipped"), False),
        (steps("Done", "Done", ""), False),
        (steps("Done", "") + "-E- Failed to stop the driver", False),
        (steps("Done", "Failed") + LOADED, False),
        ("-E- Only root user can run this tool.", False),
        ("", False),
    ],
)
def test_a_reset_is_done_by_what_its_steps_did(transcript: str, done: bool) -> None:
    assert parse_reset(transcript).done is done


def test_a_transcript_that_ends_in_a_step_names_it() -> None:
    report = parse_reset(steps("Done", "Failed", ""))
    assert list(report.steps.values()) == ["Done", "Failed", "unfinished"]
    assert not report.reboots and parse_reset(REBOOT).reboots


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
        assert report.loaded == fact["success"] and report.done, name
