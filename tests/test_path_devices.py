"""Devices are followed by number, name and hardware address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.model.path import Peer, Way
from mlxtop.path.devices import Devices, obstacles
from mlxtop.sources.kernel.net import NetLink
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

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


B = Peer("b", "10.0.0.2", (Way("tob0"), Way("toc0", "10.0.0.3", 2), Way("slow0", "192.0.2.2", 3)))
C = Peer("c", "10.0.0.3", (Way("toc0"), Way("slow0", "192.0.2.3", 2)))
B6 = Peer("b", "fd00::2", (Way("toc0", "fd00::3"),))
C6 = Peer("c", "fd00::3", (Way("toc0"),))


def told(files: str, peers: tuple[Peer, ...] = (B, C), **names: str) -> list[str]:
    """Return the obstacles on a machine with these files below /proc/sys/net."""
    lines = [f"/proc/sys/net/{line}" for line in files.splitlines()]
    capture = parse_capture("\n".join(("mlxtop capture 1", *lines)))
    return obstacles(CapturedSystem("x", capture, capture), peers, names)


@pytest.mark.parametrize(
    ("everywhere", "there", "strict"),
    [(1, 0, True), (0, 1, True), (1, 1, True), (0, 0, False), (2, 1, False), (1, 2, False)],
)
def test_the_larger_rp_filter_counts_and_only_1_drops(
    everywhere: int, there: int, strict: bool
) -> None:
    files = f"ipv4/conf/all/rp_filter = {everywhere}\nipv4/conf/toc0/rp_filter = {there}"
    sentences = told(files)
    assert bool(sentences) is strict
    assert all("strict) on toc0:" in one for one in sentences)
    assert told(files, (C,)) == [], "no way through a third host"
    assert told(files, (B6, C6)) == [], "there is none of IPv6"


def test_present_names_of_devices_count_for_rp_filter() -> None:
    files = "ipv4/conf/all/rp_filter = 0\nipv4/conf/quick0/rp_filter = 1"
    assert told(files) == []
    assert "on quick0:" in told(files, toc0="quick0")[0]


def test_a_host_that_forwards_nothing_is_no_third_one() -> None:
    off4, off6 = "ipv4/ip_forward = 0", "ipv6/conf/all/forwarding = 0"
    assert told(off4) == [
        "net.ipv4.ip_forward is 0: no way of another host can lead through this one"
    ]
    assert told(off6) == [] and told(off4, (B6, C6)) == []
    assert told(off6, (B6, C6))[0].startswith("net.ipv6.conf.all.forwarding is 0")
    assert told(off4.replace("0", "1")) == told("") == told(off4, (C,)) == []
