"""What happened between two frames: ports, names, devices and links that are others now."""

from __future__ import annotations

import pytest

from mlxtop.model.counters import Severity
from mlxtop.model.frame import derive
from mlxtop.model.identity import Port
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Link, LinkState
from mlxtop.watch.changes import changes
from tests.samples import PACU, ethernet, sample
from tests.watching import DOWN, UP

LINK = UP._replace(carrier_changes=2)


def between(before: tuple[Port, Link] | None, now: tuple[Port, Link] | None) -> list[Incident]:
    """What happened between two frames of a port, which may be missing in either."""
    ports = [[ethernet(one[0], 1.0, 0, 0, link=one[1])] if one else [] for one in (before, now)]
    first = derive(sample(1.0, *ports[0]), None)
    return changes(first, derive(sample(2.0, *ports[1]), first))


def test_nothing_happened_before_the_first_frame_and_between_equal_ones() -> None:
    assert changes(None, derive(sample(1.0, ethernet(PACU, 1.0, 0, 0)), None)) == []
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
