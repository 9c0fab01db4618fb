"""Flow control: the next frame waits until the terminal has drawn the last one."""

from __future__ import annotations

import pytest

from mlxtop.tui.terminal import AGAIN, PATIENCE, QUICK, Flow, notification


def test_the_next_frame_waits_for_the_answer_of_the_terminal() -> None:
    flow = Flow()
    assert flow.ready(0.0)
    assert flow.ask(0.0)
    assert not flow.ready(1.0)
    flow.answered(1.0)
    assert flow.ready(1.0)
    assert flow.ask(1.0)


def test_a_quick_terminal_is_not_asked_after_each_of_many_frames() -> None:
    flow = Flow()
    assert flow.ask(0.0)
    flow.answered(QUICK / 2)
    assert not flow.ask(AGAIN / 2)
    assert flow.ready(AGAIN / 2)
    assert flow.ask(AGAIN / 2, held_up=True)
    flow.answered(AGAIN / 2)
    assert flow.ask(2 * AGAIN)
    flow.answered(2 * AGAIN + 2 * QUICK)
    assert flow.ask(2 * AGAIN + 2 * QUICK)


def test_a_terminal_that_never_answers_is_not_asked_again() -> None:
    flow = Flow()
    flow.ask(0.0)
    assert flow.ready(PATIENCE)
    assert not flow.ask(PATIENCE)
    assert flow.ready(PATIENCE + 0.1)


def test_one_late_answer_does_not_end_flow_control() -> None:
    flow = Flow()
    flow.ask(0.0)
    flow.answered(0.5)
    flow.ask(1.0)
    assert flow.ready(1.0 + PATIENCE)
    assert flow.ask(1.0 + PATIENCE)


@pytest.mark.parametrize(
    ("kind", "environ", "wanted"),
    [
        ("9", {}, "\x1b]9;a;b: down\x07"),
        ("777", {}, "\x1b]777;notify;a,b;down\x07"),
        ("9", {"TMUX": "/tmp/x"}, "\x1bPtmux;\x1b\x1b]9;a;b: down\x07\x1b\\"),
    ],
)
def test_a_notification_is_what_the_terminal_or_tmux_understands(
    kind: str, environ: dict[str, str], wanted: str
) -> None:
    assert notification(kind, "a;b", "down", environ) == wanted
