"""Two ends that have to agree on what is lossless."""

from __future__ import annotations

import pytest

from mlxtop.analysis.qos_pair import differences
from mlxtop.model.counters import Severity
from mlxtop.model.qos import Dcb, Roce
from mlxtop.model.tuning import Pause, PortTuning

MAP = {code: code >> 3 for code in range(64)}
GOOD = Dcb(pfc=(3,), dscp=MAP, trust="dscp")


def port(dcb: Dcb | None = GOOD, pause: bool | None = False, **roce: object) -> PortTuning:
    given = None if pause is None else Pause(False, pause, pause)
    return PortTuning(dcb=dcb, pause=given, roce=Roce(**roce) if roce else None)  # type: ignore[arg-type]


def seen(here: PortTuning, there: PortTuning) -> list[tuple[str, str, str]]:
    return [(one.setting, one.here, one.there) for one in differences(here, there)]


def test_ends_that_agree_differ_in_nothing() -> None:
    assert differences(port(traffic_class=106), port(traffic_class=106)) == []


@pytest.mark.parametrize("mute", [PortTuning(), port(Dcb()), port(None, None)])
def test_what_one_end_does_not_tell_is_no_difference(mute: PortTuning) -> None:
    assert differences(port(traffic_class=106, notify=(3,)), mute) == []
    assert differences(mute, port(traffic_class=106, notify=(3,))) == []


def test_flow_control_on_one_end_only_is_told_from_both_sides() -> None:
    off = port(GOOD._replace(pfc=()))
    assert seen(port(), off) == [("PFC", "3", "none")]
    assert seen(off, port()) == [("PFC", "none", "3")]
    assert seen(port(), port(GOOD._replace(pfc=(3, 4)))) == [("PFC", "3", "3, 4")]
    assert seen(port(GOOD._replace(pfc=(4, 3))), port(GOOD._replace(pfc=(3, 4)))) == []


def test_pause_of_the_link_does_not_answer_flow_control_of_priorities() -> None:
    paused = port(Dcb(pfc=()), pause=True)
    found = seen(port(Dcb(pfc=(3,))), paused)
    assert ("pause", "PFC", "pause of the link") in found
    assert ("pause", "PFC", "pause of the link") not in seen(port(Dcb(pfc=(3,))), port(Dcb(pfc=())))


def test_trust_matters_only_where_something_is_lossless() -> None:
    pcp = GOOD._replace(trust="pcp")
    assert seen(port(), port(pcp)) == [("trust", "dscp", "pcp")]
    assert seen(port(GOOD._replace(pfc=())), port(pcp._replace(pfc=()))) == []


def test_only_codes_that_lead_to_a_lossless_priority_matter() -> None:
    other = port(GOOD._replace(dscp={**MAP, 26: 0, 46: 6}))
    assert seen(port(), other) == [("DSCP map", "26 → 3", "26 → 0")]
    assert seen(port(), port(GOOD._replace(dscp={**MAP, 46: 6}))) == []


def test_many_codes_are_counted() -> None:
    other = port(GOOD._replace(dscp=dict.fromkeys(range(64), 0)))
    ((_, here, _),) = seen(port(), other)
    assert here == "24 → 3, 25 → 3, 26 → 3, 27 → 3 and 4 more"


def test_other_codes_and_congestion_control_are_told_last() -> None:
    found = differences(port(notify=(3,), tos=104), port(notify=(), tos=96))
    assert [(one.setting, one.severity) for one in found] == [
        ("RoCE DSCP", Severity.WARNING),
        ("ECN", Severity.NOTE),
    ]
    assert (found[0].here, found[0].there) == ("26", "24")
