"""Changes between two frames: ports, names, devices and links that are others, and losses."""

from __future__ import annotations

import pytest

from mlxtop.model.counters import Origin, Schema, Severity
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Port, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.module import Identity, Module
from mlxtop.model.sample import Link, LinkLayer, LinkState, PortSample, Reading
from mlxtop.watch.changes import changes, links_lost, losses
from tests.samples import PACU, ethernet, sample
from tests.watching import DOWN, UP

LINK = UP._replace(carrier_changes=2)


def between(before: tuple[Port, Link] | None, now: tuple[Port, Link] | None) -> list[Incident]:
    """What happened between two frames of a port, which may be missing in either."""
    ports = [[ethernet(one[0], 1.0, 0, 0, link=one[1])] if one else [] for one in (before, now)]
    first = derive(sample(1.0, *ports[0]), None)
    return list(changes(first, derive(sample(2.0, *ports[1]), first)))


def test_nothing_happened_before_the_first_frame_and_between_equal_ones() -> None:
    assert list(changes(None, derive(sample(1.0, ethernet(PACU, 1.0, 0, 0)), None))) == []
    assert between((PACU, LINK), (PACU, LINK)) == []


def test_a_port_comes_and_goes() -> None:
    (added,) = between(None, (PACU, LINK))
    assert (added.kind, added.severity) == (IncidentKind.ADDED, Severity.NOTE)
    (removed,) = between((PACU, LINK), None)
    assert (removed.kind, removed.severity) == (IncidentKind.REMOVED, Severity.WARNING)
    assert (removed.device, removed.ifname, removed.tick) == ("0000:43:00.0", "enp67s0np0", 2.0)


def test_another_name_and_another_device_are_told_apart() -> None:
    (renamed,) = between((PACU, LINK), (PACU._replace(netdev="p0"), LINK))
    assert (renamed.kind, renamed.text) == (IncidentKind.RENAMED, "was enp67s0np0")
    (anew,) = between((PACU, LINK), (PACU._replace(ifindex=9), LINK))
    assert anew.text.startswith("re-registered")
    assert between((PACU._replace(ifindex=None), LINK), (PACU, LINK)) == []


def test_a_link_that_goes_is_a_warning_with_its_reason_and_one_that_comes_a_note() -> None:
    (down,) = between((PACU, UP), (PACU, DOWN._replace(detail="No cable")))
    assert (down.kind, down.severity) == (IncidentKind.LINK_DOWN, Severity.WARNING)
    assert down.text == f"link {LinkState.DOWN}, was {LinkState.UP}: No cable"
    (up,) = between((PACU, DOWN), (PACU, UP))
    assert (up.kind, up.severity) == (IncidentKind.LINK_UP, Severity.NOTE)


@pytest.mark.parametrize(
    ("count", "texts"),
    [
        (1, []),
        (3, []),
        (4, ["link went down and came back"]),
        (5, ["link went down and came back"]),
        (6, ["link went down and came back 2 times"]),
        (None, []),
    ],
)
def test_two_changes_of_the_carrier_are_one_loss_that_nobody_saw(
    count: int | None, texts: list[str]
) -> None:
    after = LINK._replace(carrier_changes=count)
    assert [one.text for one in between((PACU, LINK), (PACU, after))] == texts


def test_changes_of_the_carrier_are_none_of_a_new_device_or_of_a_link_that_is_down_now() -> None:
    after = LINK._replace(carrier_changes=6)
    (anew,) = between((PACU, LINK), (PACU._replace(ifindex=9), after))
    assert anew.kind is IncidentKind.ADDED
    (down,) = between((PACU, LINK), (PACU, after._replace(state=LinkState.DOWN)))
    assert down.text == "link down, was up"


def lost(*ports: PortSample | None) -> list[str]:
    """Return the losses over frames of a port, None for a frame without it."""
    alerts: list[str] = []
    before: Frame | None = None
    for tick, port in enumerate(ports):
        now = derive(sample(float(tick), *([port] if port else [])), None)
        alerts += [f"{alert.kind}: {alert.text}" for alert in losses(before, now)]
        before = now
    return alerts


WELL = PortSample(PACU, UP, module=Module(Identity(part="X")))


def test_losses_of_module_and_port_are_alerts_once() -> None:
    empty = WELL._replace(
        link=Link(state=LinkState.NO_MODULE, detail="Cable is unplugged"), module=None
    )
    alerts = lost(WELL, empty, empty)
    assert alerts == ["module-out: the module is gone"]
    assert lost(WELL, None, None) == ["port-gone: the port is gone"]


@pytest.mark.parametrize(
    ("link", "out"),
    [
        (UP, False),
        (UP._replace(state=LinkState.DOWN), True),
        (Link(LinkLayer.INFINIBAND, LinkState.POLLING), False),
    ],
)
def test_a_module_that_no_longer_answers_is_out_only_where_it_could_be(
    link: Link, out: bool
) -> None:
    assert bool(lost(WELL, WELL._replace(link=link, module=None))) is out


def test_a_device_without_hardware_that_goes_is_no_loss() -> None:
    virtual = WELL._replace(port=PACU._replace(kind=PortKind.VIRTUAL))
    assert lost(virtual, None) == []


def test_a_module_that_switched_itself_off_is_an_alarm_without_any_sensor() -> None:
    hot = WELL._replace(link=Link(state=LinkState.OVERHEAT))
    assert [text.partition(":")[0] for text in lost(WELL, hot, hot)] == ["alarm"]


def test_the_drivers_count_of_hot_modules_is_an_alarm() -> None:
    schema = Schema(("module_high_temp",))
    counted = [
        WELL._replace(readings={Origin.DRIVER: Reading(1.0, schema, (count,))})
        for count in (1, 1, 2)
    ]
    assert lost(*counted) == ["alarm: the module reported high temperature"]


@pytest.mark.parametrize(
    ("before", "now", "times"),
    [
        (UP, DOWN, 1),
        (DOWN, UP, 0),
        (DOWN, DOWN._replace(detail="no cable"), 0),
        (UP, UP._replace(state=LinkState.ADMIN_DOWN), 0),
        (LINK, LINK._replace(carrier_changes=6), 2),
        (LINK, LINK._replace(carrier_changes=3), 0),
    ],
)
def test_a_link_was_lost_as_often_as_it_went_down_by_itself(
    before: Link, now: Link, times: int
) -> None:
    first = derive(sample(1.0, ethernet(PACU, 1.0, 0, 0, link=before)), None)
    second = derive(sample(2.0, ethernet(PACU, 2.0, 0, 0, link=now)), first)
    assert list(links_lost(first, second)) == ([(PACU.id, times)] if times else [])
    assert list(links_lost(None, second)) == []
