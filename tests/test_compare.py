"""What is different at the two ends of a link."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.ends.compare import ALIKE, Sides, differs, narrow_end, sides
from mlxtop.ends.matching import match
from mlxtop.model.tuning import Fec, Pause
from tests.cases import GOOD, GOOD_PORT
from tests.ends import End, pair
from tests.situations import slot


def both(a: End | None = None, b: End | None = None) -> Sides:
    machines = pair(a, b)
    found = sides(match(machines).links[0], machines)
    assert found is not None
    return found


def test_good_ends_tell_everything_and_alike() -> None:
    ends = both()
    assert {what: told(ends[0]) for what, told in ALIKE.items()} == {
        "data rate": 100_000_000_000,
        "MTU": 9000,
        "FEC": "RS",
        "autonegotiation": "on",
        "pause": "rx tx",
    }
    assert not any(differs(what, ends) for what in ALIKE)


@pytest.mark.parametrize(
    ("pause", "words"),
    [
        (Pause(False, True, False), "rx"),
        (Pause(False, False, False), "off"),
        (Pause(False, None, True), None),
        (None, None),
    ],
)
def test_pause_is_told_by_its_directions(pause: Pause | None, words: str | None) -> None:
    ends = both(b=End("b", settings=replace(GOOD_PORT, pause=pause)))
    assert ALIKE["pause"](ends[1]) == words
    assert differs("pause", ends) is (words is not None)


def test_settings_that_were_not_read_differ_from_nothing() -> None:
    ends = both(b=End("b", settings=None))
    assert not any(differs(what, ends) for what in ("FEC", "autonegotiation", "pause"))


def test_the_narrow_end_carries_less_than_its_link_and_the_other_end() -> None:
    x8 = replace(GOOD, path=slot((8.0, 8), (8.0, 16), (8.0, 8)))
    x4 = replace(GOOD, rx=5.0, path=slot((8.0, 4), (8.0, 16), (8.0, 4)))
    unseen = replace(GOOD, path=None)
    assert narrow_end(both()) is None
    for a, b, narrow in ((GOOD, x8, 1), (x4, x8, 0), (x8, x8, None), (unseen, x8, 1)):
        ends = both(End("a", situation=a), End("b", situation=b))
        told = narrow_end(ends)
        assert (told and ends.index(told[0])) == narrow


def test_two_words_for_no_correction_are_the_same() -> None:
    off, none = (replace(GOOD_PORT, fec=Fec(word)) for word in ("Off", "None"))
    assert not differs("FEC", both(End("a", settings=off), End("b", settings=none)))
    assert differs("FEC", both(b=End("b", settings=none)))
