"""The links between machines as time goes on."""

from __future__ import annotations

from mlxtop.ends.follow import MATCH_S, Ends
from mlxtop.model.sample import LinkState
from tests.ends import A, End, pair


def test_ends_are_matched_anew_only_now_and_then_and_at_once_with_another_machine() -> None:
    ends = Ends()
    a, b = pair()
    ends.take([a, End("c").machine], 0.0)
    assert ends.matches.of(A) is None
    ends.take([a, b], 0.1)
    assert ends.matches.of(A) is not None
    strangers = [End("a").machine, End("b").machine]
    ends.take(strangers, MATCH_S - 0.1)
    assert ends.matches.of(A) is not None
    ends.take(strangers, MATCH_S + 0.1)
    assert ends.matches.of(A) is None


def test_a_link_that_goes_down_keeps_its_ends() -> None:
    ends = Ends()
    ends.take(pair())
    down = {"state": LinkState.DOWN}
    ends.take([End("a", link=down).machine, End("b", link=down).machine])
    assert ends.matches.of(A) is not None


def test_a_port_without_an_end_says_why() -> None:
    ends = Ends()
    ends.take(pair()[:1])
    assert ends.why_not(A) == "only this machine is shown"
    ends.take([End("a", met=["02:00:00:00:00:77"]).machine, End("b").machine])
    assert "none of the machines" in ends.why_not(A)
    ends.take([End("a").machine, End("b").machine])
    assert "no port of the other machines" in ends.why_not(A)
