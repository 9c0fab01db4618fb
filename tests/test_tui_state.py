"""What the screens show: events of the Watch, by port."""

from __future__ import annotations

from mlxtop.model.catalogue import NET
from mlxtop.model.counters import Severity
from mlxtop.model.frame import derive
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Link, LinkState
from mlxtop.present.link import link as link_page
from mlxtop.present.text import plain
from mlxtop.tui.state import State
from tests.samples import PACU, ethernet, frame, sample


def link(kind: IncidentKind, tick: float, source: str, name: str = "enp67s0np0") -> Incident:
    return Incident(kind, str(kind), Severity.NOTE, tick, ifname=name, source=source)


def test_what_two_sources_tell_of_is_one_event() -> None:
    state = State()
    now = sample(100.0, ethernet(PACU, 100.0, 0, 0))
    state.watch.note(now, [link(IncidentKind.LINK_DOWN, 99.0, "kernel log")])
    state.watch.note(now, [link(IncidentKind.LINK_DOWN, 99.5, "mlxtop")])
    state.watch.note(now, [link(IncidentKind.LINK_DOWN, 99.5, "kernel log")])
    state.watch.note(now, [link(IncidentKind.LINK_DOWN, 99.5, "mlxtop", "other")])
    state.watch.note(now, [link(IncidentKind.LINK_UP, 99.5, "mlxtop")])
    assert [(i.kind, i.source, i.ifname) for _, i in state.watch.events] == [
        (IncidentKind.LINK_DOWN, "kernel log", "enp67s0np0"),
        (IncidentKind.LINK_DOWN, "kernel log", "enp67s0np0"),
        (IncidentKind.LINK_DOWN, "mlxtop", "other"),
        (IncidentKind.LINK_UP, "mlxtop", "enp67s0np0"),
    ]


def test_events_stand_at_the_instant_they_happened_and_with_their_port() -> None:
    state = State()
    happened = Incident(IncidentKind.MODULE_PLUGGED, "plugged", tick=40.0, device="0000:43:00.0")
    other = Incident(IncidentKind.MODULE_PLUGGED, "plugged", tick=41.0, device="0000:44:00.0")
    port = ethernet(PACU, 100.0, 0, 0)
    shown = sample(100.0, port)._replace(incidents=(other, happened))
    state.arrive(frame(shown))
    assert state.watch.events_of(PACU.id) == [(shown.wall - 60.0, happened)]


def test_errors_of_the_bridge_above_a_port_are_its_events_and_stand_on_its_page() -> None:
    state = State()
    state.selected = PACU.id
    above = Incident(IncidentKind.AER, "PCIe error", Severity.WARNING, 99.0, "0000:40:03.0")
    shown = sample(100.0, ethernet(PACU, 100.0, 0, 0))._replace(incidents=(above,))
    state.arrive(frame(shown))
    view = state.view(76)
    assert view is not None
    sections = {section.title: section for section in link_page(view)}
    assert "PCIe error" in plain(sections["Events"].lines[0])


def test_links_that_flapped_unseen_are_events() -> None:
    state = State()
    for tick, changes in ((1.0, 2), (2.0, 6)):
        seen = Link(state=LinkState.UP, carrier_changes=changes)
        state.arrive(frame(sample(tick, ethernet(PACU, tick, 0, 0, link=seen))))
    assert [i.text for _, i in state.watch.events] == ["link went down and came back 2 times"]


def received(state: State) -> int | None:
    assert state.frame is not None
    return state.frame.ports[PACU.id].since_start(NET.rx_bytes)


def go_on(state: State, *seconds: int) -> State:
    """Let a port receive 1 GB a second."""
    for second in map(float, seconds):
        state.arrive(derive(sample(second, ethernet(PACU, second, 8e9, 8e9)), state.newest))
    return state


def test_zero_counts_from_now_and_leaves_a_picture_of_before_as_it_is() -> None:
    state = go_on(State(), *range(1, 9))
    before = received(state)
    state.pause()
    go_on(state, 9, 10).reset()
    assert state.frame is not None
    assert state.frame.sample.tick == 8.0
    assert received(state) == before
    state.resume()
    assert received(state) == 0


def test_an_instant_before_the_zero_has_the_totals_that_it_had() -> None:
    state = go_on(State(), *range(1, 21))
    state.select(PACU.id)
    early = state.watch.past.moment(10.2)
    assert early is not None
    then = early.frame.ports[PACU.id].since_start(NET.rx_bytes)
    state.reset()
    go_on(state, 21, 22)
    assert state._zeroed(early.frame).ports[PACU.id].since_start(NET.rx_bytes) == then
