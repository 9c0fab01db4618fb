"""Devices are followed by number, name and hardware address."""

from __future__ import annotations

from dataclasses import replace

from mlxtop.path.devices import Devices
from mlxtop.sources.kernel.net import NetLink

FAST = NetLink(
    *("fast0", 5, "veth", 1, True, True, 1500, 2, None, None),
    *("02:00:00:00:00:01", None, None, None),
)
OTHER = replace(FAST, name="other0", index=6, address="02:00:00:00:00:02")


def devices(*links: NetLink) -> Devices:
    made = Devices(("fast0",))
    made.take(links)
    return made


def test_a_device_has_a_fault_where_nothing_can_leave_by_it() -> None:
    assert devices()["fast0"].fault == "no such network device"
    assert devices(FAST)["fast0"].fault is None
    assert devices(replace(FAST, up=False))["fast0"].fault == "switched off"
    assert devices(replace(FAST, carrier=False))["fast0"].fault == "no carrier"


def test_a_new_name_is_told_and_used() -> None:
    made = devices(FAST, OTHER)
    assert made.take((replace(FAST, name="quick0"), OTHER)) == ["fast0 is called quick0 now"]
    assert made["fast0"].name == "quick0"
    assert made.take((FAST, OTHER)) == ["quick0 is called fast0 now"]


def test_one_that_comes_back_as_another_is_known_by_its_hardware_address() -> None:
    made = devices(FAST)
    assert made.take(()) == []
    assert (made["fast0"].fault, made["fast0"].index) == ("no such network device", 0)
    assert made.take((OTHER,)) == []
    assert made.take((OTHER, replace(FAST, name="again0", index=9))) == [
        "fast0 is called again0 now"
    ]
    assert made["fast0"].index == 9


def test_a_device_of_that_name_is_taken_before_one_of_that_address() -> None:
    made = devices(FAST)
    made.take(())
    vlan = replace(FAST, name="fast0.7", index=8, kind="vlan")
    made.take((vlan, replace(FAST, index=9, address="02:00:00:00:00:09")))
    assert (made["fast0"].name, made["fast0"].index) == ("fast0", 9)
    assert devices(FAST).take((vlan,)) == [], "a VLAN has the address of its device"


def test_a_number_that_is_given_again_is_another_device() -> None:
    made = devices(FAST)
    made.take((replace(OTHER, index=5),))
    assert made["fast0"].fault == "no such network device"
