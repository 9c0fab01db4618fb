"""Faults of a real kernel's cards under a running mlxtop: it says so, goes on and recovers."""

from __future__ import annotations

import json

import pytest

from tests.vm import in_lab


@pytest.mark.vm
def test_cards_that_fail_in_a_real_kernel_are_told_and_everything_recovers() -> None:
    done = in_lab("$PYTHON -m tests.fault_lab", seconds=900)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = [json.loads(line) for line in done.stdout.splitlines()]
    fails, hangs, driver, tables, away, home, module, ended, left = facts
    assert fails["absent"]["asic_c"] == "Input/output error"
    assert hangs["asleep"], "the sensor's reader was not in uninterruptible sleep"
    assert "hwmon: no answer for more than" in hangs["said"][0]
    assert hangs["gap"] < 30
    assert driver["netdev"] == "enp7s0np0"
    assert tables["rate"] is not None
    assert "keep changing" in tables["said"][0]
    assert (away["netdev"], home["netdev"]) == ("lan7", "enp7s0np0")
    assert module["detail"] and module["back"] is not None
    assert (ended["status"], ended["said"]) in ((0, ""), (143, ""))
    assert left["shown"] and left["asked"], left
    assert left["status"] == 0
    assert left["seconds"] < 60
    assert left["left"] == []
    assert not left["owned"], "a tool's escapes reached the terminal"


@pytest.mark.vm
def test_the_terminal_is_free_at_once_while_the_kernel_holds_a_thread() -> None:
    done = in_lab("$PYTHON -m tests.fault_lab held")
    assert done.returncode == 0, done.stdout + done.stderr
    held = json.loads(done.stdout)
    assert held["shown"] and held["asleep"] and held["free"], held
    assert held["held"], "the kernel had let go before the terminal was free"
    assert held["seconds"] < 60
    assert (held["status"], held["left"]) == (0, [])
