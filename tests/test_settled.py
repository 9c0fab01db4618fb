"""An incident of the kernel log is over where the machine shows it."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import Link, LinkLayer, LinkState, PcieStatus
from mlxtop.watch.settled import SETTLE_S, card_of, settled
from tests.samples import IB, PACU, ethernet, frame, sample

UP, DOWN = LinkState.UP, LinkState.DOWN
FUNCTION = PACU.function


def now(
    state: LinkState = UP, tick: float = 100.0, module: float = 50.0, port: Port = PACU
) -> Frame:
    link = Link(LinkLayer.ETHERNET, state)
    return frame(sample(tick, ethernet(port, tick, 1e9, 1e9, module=module, link=link)))


def incident(kind: IncidentKind, cause: str, **more: Any) -> Incident:
    one = Incident(kind, "x", Severity.CRITICAL, 9.0, FUNCTION, cause=cause)
    return one._replace(**more)


def is_over(one: Incident, frame: Frame) -> bool:
    return settled(one, frame).until == frame.sample.tick


@pytest.mark.parametrize(
    "kind",
    [IncidentKind.LINK_DOWN, IncidentKind.MODULE_FAULT, IncidentKind.MODULE_UNPLUGGED],
)
def test_a_link_that_is_up_ends_what_kept_it_down(kind: IncidentKind) -> None:
    one = incident(kind, "module")
    assert is_over(one, now(UP))
    assert not is_over(one, now(DOWN))
    assert not is_over(one._replace(device="0000:99:00.0"), now(UP))
    assert is_over(one._replace(device=None, ifname=PACU.netdev), now(UP))
    assert settled(one._replace(cause=""), now(UP)).until is None


def test_an_end_that_is_known_stays() -> None:
    one = incident(IncidentKind.LINK_DOWN, "link", until=20.0)
    assert settled(one, now(UP)).until == 20.0


@pytest.mark.parametrize(("after", "over"), [(SETTLE_S, True), (SETTLE_S - 0.1, False)])
def test_a_reading_that_may_be_older_than_the_line_ends_nothing(after: float, over: bool) -> None:
    one = incident(IncidentKind.LINK_DOWN, "link", tick=100.0 - after)
    assert is_over(one, now(UP)) is over


@pytest.mark.parametrize(("celsius", "over"), [(72.9, True), (73.0, False)])
def test_a_module_that_is_two_degrees_below_its_warning_is_cool_again(
    celsius: float, over: bool
) -> None:
    masks = {"msb": "1", "lsb": "0"}
    one = incident(IncidentKind.OVERHEAT, "heat", details=masks)
    assert is_over(one, now(module=celsius)) is over
    both = incident(IncidentKind.OVERHEAT, "heat", details={"msb": "1", "lsb": "1"})
    assert is_over(both, now(module=celsius)) is over


def test_heat_of_a_sensor_that_was_not_read_goes_on() -> None:
    one = incident(IncidentKind.OVERHEAT, "heat", details={"index": "65"})
    hot = now()
    port = next(iter(hot.ports))
    now_ = hot.ports[port].now._replace(temperatures=())
    blind = hot._replace(ports={port: hot.ports[port]._replace(now=now_)})
    assert is_over(one, hot)
    assert not is_over(one, blind)


def test_a_failed_start_is_over_where_all_its_functions_have_a_driver_and_a_port() -> None:
    one = incident(IncidentKind.DRIVER, "load", functions=(FUNCTION or "",))
    assert is_over(one, now(DOWN))
    assert not is_over(one, now(LinkState.NO_DEVICE))
    assert not is_over(one._replace(functions=(FUNCTION or "", "0000:43:00.1")), now(DOWN))
    assert not is_over(one._replace(device=None, functions=()), now(UP))


def test_a_narrow_slot_goes_on_while_it_is_narrow() -> None:
    one = incident(IncidentKind.PCIE, "bandwidth")
    narrow = now()
    (slot,) = narrow.sample.pcie

    def with_links(*links: PcieLink) -> Frame:
        pcie = {slot: PcieStatus(PciePath(links))}
        return narrow._replace(sample=narrow.sample._replace(pcie=pcie))

    assert not is_over(one, narrow)
    assert is_over(one, with_links(PcieLink("0000:43:00.0", 8.0, 16, 8.0, 16)))
    assert not is_over(one, with_links())


def test_a_card_is_found_by_function_slot_and_name() -> None:
    there = now(port=PACU)
    (card,) = there.sample.adapters
    one = incident(IncidentKind.HEALTH, "health")
    assert card_of(one, there) is card
    assert card_of(one._replace(device="0000:43:00.7"), there) is card
    assert card_of(one._replace(device="0000:99:00.0"), there) is None
    assert card_of(one._replace(device=None, rdma=PACU.rdma), there) is card
    assert card_of(one._replace(device=None, ifname=IB.netdev), there) is None
    above = card.functions[0]._replace(path="/sys/devices/pci0000:40/0000:40:03.0/0000:43:00.0")
    bridged = there._replace(
        sample=there.sample._replace(adapters=(card._replace(functions=(above,)),))
    )
    found = card_of(one._replace(device="0000:40:03.0"), bridged)
    assert found is not None
    assert found.key == card.key
