"""The lines below the table of ports, where there is no port."""

from __future__ import annotations

import pytest

from mlxtop.present.hint import no_port_lines
from mlxtop.present.text import plain


@pytest.mark.parametrize(
    ("pattern", "absent", "replay", "words"),
    [
        ("p9", "every port is hidden", True, "No port matches “p9” by name, state, layer or speed"),
        ("", "every port is hidden", True, "every port is hidden."),
        ("", None, True, "There was no port at that time."),
        ("", None, False, "No ConnectX adapter found: no network card of PCI vendor 15b3."),
    ],
)
def test_why_no_port_is_shown(pattern: str, absent: str | None, replay: bool, words: str) -> None:
    text = " ".join(plain(line) for line in no_port_lines(pattern, absent, replay, 200))
    assert text.startswith(words)


def test_it_is_wrapped_to_the_screen() -> None:
    lines = no_port_lines("", None, False, 60)
    assert len(lines) > 1 and all(len(plain(line)) <= 60 for line in lines)
