"""Which ports that are down somebody misses, and link types that change."""

from __future__ import annotations

import pytest

from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Port, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Link, LinkLayer, LinkState, PortSample, Slow
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.links import LinkWatch
from tests.samples import PACU, sample
from tests.watching import DOWN, OFF, UP

IB_DOWN = Link(LinkLayer.INFINIBAND, LinkState.POLLING)
IB_UP = IB_DOWN._replace(state=LinkState.UP)
AWAY = Link(None, LinkState.NO_DEVICE)


class Port1:
    """One port under a LinkWatch, a frame a second."""

    def __init__(self, port: Port = PACU, in_use: frozenset[str] = frozenset()) -> None:
        self.port, self.in_use = port, in_use
        self.watch = LinkWatch()
        self.incidents: list[Incident] = []
        self._last: Frame | None = None
        self._tick = 0.0

    def see(self, link: Link) -> list[str]:
        """The texts of the alerts of the next frame."""
        return [alert.text for alert in self.alerts(link)]

    def alerts(self, link: Link) -> list[Alert]:
        self._tick += 1.0
        one = sample(self._tick, PortSample(self.port, link))
        now = derive(one._replace(in_use=Slow(self.in_use, 1.0)), None)
        alerts, incidents = self.watch.observe(self._last, now)
        self.incidents += incidents
        self._last = now
        return alerts

    @property
    def missed(self) -> bool:
        return self.watch.is_missed(self.port.id)


def test_a_port_that_never_had_a_link_is_not_missed() -> None:
    port = Port1()
    assert port.see(DOWN) == port.see(DOWN) == []
    assert not port.missed


def test_a_port_that_had_a_link_is_missed_from_its_loss_until_it_has_one_again() -> None:
    port = Port1()
    assert port.see(UP) == []
    assert port.see(DOWN._replace(detail="No cable")) == ["link down: No cable"]
    assert port.see(DOWN) == []
    assert port.missed
    port.see(UP)
    assert not port.missed
    assert port.see(DOWN) == ["link down"]


@pytest.mark.parametrize(
    ("port", "in_use", "missed"),
    [
        (PACU._replace(bond="bond0"), frozenset(), True),
        (PACU, frozenset({"enp67s0np0"}), True),
        (PACU._replace(extra_netdevs=("ib0",)), frozenset({"ib0"}), True),
        (PACU, frozenset({"eno1"}), False),
        (PACU._replace(kind=PortKind.VF, bond="bond0"), frozenset(), False),
    ],
)
def test_a_port_with_bond_address_or_route_is_missed_from_the_start(
    port: Port, in_use: frozenset[str], missed: bool
) -> None:
    one = Port1(port, in_use)
    assert one.see(DOWN) == (["link down"] if missed else [])
    assert one.missed is missed


def test_what_is_switched_off_is_not_missed() -> None:
    port = Port1()
    port.see(UP)
    assert port.see(OFF) == []
    assert not port.missed


def test_a_loss_that_nobody_saw_is_an_alert_that_is_over() -> None:
    port = Port1()
    port.see(UP._replace(carrier_changes=2))
    (alert,) = port.alerts(UP._replace(carrier_changes=6))
    assert (alert.kind, alert.over) == (AlertKind.LINK_DOWN, True)
    assert alert.text == "link went down and came back 2 times"
    assert not port.missed


def test_a_port_of_another_link_type_is_missed_only_once_it_had_a_link_again() -> None:
    port = Port1()
    port.see(UP)
    assert port.see(AWAY) == ["link no device"]
    assert port.see(IB_DOWN) == []
    assert not port.missed
    port.see(IB_UP)
    assert port.see(IB_DOWN) == ["link polling"]


def test_a_change_of_link_type_is_one_incident_with_both_types_and_names() -> None:
    port = Port1()
    for link in (UP, AWAY):
        port.see(link)
    port.port = PACU._replace(netdev="ibp67s0")
    port.see(IB_DOWN)
    port.see(IB_DOWN)
    (one,) = port.incidents
    assert (one.kind, one.ifname) == (IncidentKind.LINK_TYPE, "ibp67s0")
    assert one.text == "link type InfiniBand, was Ethernet"
    assert one.details["name_before"] == "enp67s0np0"


@pytest.mark.parametrize(
    ("begin", "own", "beside"),
    [(39.9, False, False), (40.0, True, True), (100.0, True, True), (100.1, False, True)],
)
def test_what_went_away_for_a_change_of_link_type_is_told_apart(
    begin: float, own: bool, beside: bool
) -> None:
    port = Port1()
    port.see(UP)
    port._tick = 99.0
    port.see(IB_DOWN)
    assert port.watch.is_retyped(PACU.id, begin) is own
    assert port.watch.is_beside_retyped(PACU.id._replace(number=2), begin) is beside
    assert not port.watch.is_retyped(PACU.id._replace(number=2), begin)
    assert not port.watch.is_beside_retyped(PACU.id._replace(device="0000:99:00.0"), begin)
    assert port.watch.is_beside_retyped(PACU.id, 115.0)
    assert not port.watch.is_beside_retyped(PACU.id, 115.1)


def test_a_port_without_a_device_keeps_its_name_in_the_alert() -> None:
    port = Port1()
    port.see(UP)
    port.port = PACU._replace(netdev=None, rdma=None)
    (alert,) = port.alerts(AWAY)
    assert alert.port.name == "enp67s0np0"
