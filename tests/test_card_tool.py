"""What tools that talk to a card complain of, and what is behind it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.sources.tools.card_tool import (
    LOCKDOWN,
    Trouble,
    complaints,
    explain,
    failure,
    installed,
    is_locked_down,
    printed_json,
    trouble_of,
)
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Finished


def as_json(code: int, message: str, **sections: object) -> str:
    document = {"result": {"output": sections}, "status": {"code": code, "message": message}}
    return json.dumps(document, indent=2)


COUNTERS = "Raw Physical Errors Per Lane       : 10,0,2,1\nLink Error Recovery Counter : 0\n"


@pytest.mark.parametrize(
    ("finished", "words"),
    [
        (Finished(0, "State : Active", ""), None),
        (Finished(0, COUNTERS, "Warning: failed to set one domain"), None),
        (Finished(0, as_json(0, "success"), ""), None),
        (Finished(1, "", "-E- Device is not supported"), "Device is not supported"),
        (Finished(0, "Speed : 1\n-E- no such page\n", ""), "no such page"),
        (Finished(1, as_json(1, "Permission denied"), ""), "Permission denied"),
        (Finished(0, as_json(3, "MCIA failed"), ""), "MCIA failed"),
        (Finished(0, as_json(3, ""), ""), "the tool's status is 3"),
        (Finished(0, "Speed : 1\n\nErrors\n------\nno eye\n\n", ""), "no eye"),
        (Finished(-9, "", "", timed_out=True), "the tool did not end in time"),
        (Finished(0, "1", "", cut=True), "the tool printed more than is read"),
        (Finished(2, "", ""), "the tool ended with status 2"),
        (Finished(1, COUNTERS, ""), "the tool ended with status 1"),
        (Finished(1, "", "mopen: Operation not permitted"), "mopen: Operation not permitted"),
        (Finished(1, "", "Traceback (most recent call):\n  x\nOSError: gone"), "OSError: gone"),
        (Finished(1, "mst driver is not loaded", ""), "mst driver is not loaded"),
        (Finished(1, "", "something odd"), "something odd"),
        (Finished(127, "", "x: error while loading libz.so"), "x: error while loading libz.so"),
    ],
)
def test_a_failed_run_is_told_in_the_tools_words(finished: Finished, words: str | None) -> None:
    assert failure(finished) == words


OPENED = "-E- Failed to open the device"
SEMAPHORE = "write counter to semaphore: Operation not permitted"


@pytest.mark.parametrize(
    "finished",
    [Finished(1, OPENED, SEMAPHORE), Finished(1, f"{SEMAPHORE}\n{OPENED}\n", "")],
)
def test_the_deepest_cause_stands_first(finished: Finished) -> None:
    assert complaints(finished) == (SEMAPHORE, OPENED.removeprefix("-E- "))
    assert failure(finished) == f"{SEMAPHORE} (Failed to open the device)"


def test_json_is_found_between_warnings() -> None:
    text = f"-W- {{not this}}\n{as_json(0, 'success')}\ndone\n"
    assert printed_json(text).fields("status").text("message") == "success"
    assert not printed_json("no { here")
    assert not printed_json("{ cut")


def machine(modes: str | None) -> CapturedSystem:
    lines = ["mlxtop capture 1", *([f"{LOCKDOWN} = {modes}"] if modes else []), "$ b -v"]
    capture = parse_capture("\n".join(lines) + "\n")
    return CapturedSystem("x", capture, capture)


LOCKED = machine("none [integrity] confidentiality")


@pytest.mark.parametrize(
    ("modes", "locked"),
    [
        ("[none] integrity confidentiality", False),
        ("none [integrity] confidentiality", True),
        ("none integrity [confidentiality]", True),
        (None, False),
    ],
)
def test_the_mode_in_brackets_is_in_force(modes: str | None, locked: bool) -> None:
    assert is_locked_down(machine(modes)) is locked
    assert ("lockdown" in explain(machine(modes), "Failed to open the device")) is locked


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("Failed to open the device", "forbids it"),
        ("mopen: Operation not permitted", "forbids it"),
        ("Semaphore is taken", "may be why"),
        ("the tool ended with status 3", "may be why"),
        ("its output is not understood", "may be why"),
    ],
)
def test_lockdown_is_named_whatever_the_tool_says(words: str, named: str) -> None:
    text = explain(LOCKED, words)
    assert text.startswith(words) and "kernel lockdown" in text and named in text


@pytest.mark.parametrize(
    "words", ["Device is not supported", "The Device doesn't support LINK_TYPE_P1 parameter"]
)
def test_a_failure_that_is_understood_does_not_blame_lockdown(words: str) -> None:
    assert explain(LOCKED, words) == words


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("The Device doesn't support LINK_TYPE_P1 parameter", Trouble.NO_PARAMETER),
        ("Unknown Parameter: LINK_TYPE_P1", Trouble.NO_PARAMETER),
        ("Unsupported device", Trouble.UNSUPPORTED),
        ("Failed to open the device", Trouble.NO_ACCESS),
        ("Failed to query device current configuration", Trouble.OTHER),
    ],
)
def test_errors_are_told_apart(text: str, trouble: Trouble) -> None:
    assert trouble_of(text) is trouble


def test_the_first_installed_tool_is_taken() -> None:
    assert installed(LOCKED, ("a", "b", "c")) == "b"
    assert installed(LOCKED, ("a",)) is None


@given(st.text(), st.text(), st.integers(-20, 255))
def test_no_output_makes_it_raise_and_a_failure_always_has_words(
    stdout: str, stderr: str, status: int
) -> None:
    said = complaints(Finished(status, stdout, stderr))
    assert all(said) and (not status or said)
