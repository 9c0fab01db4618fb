"""Addresses and names of the kernel log belong to cards."""

from __future__ import annotations

from pathlib import Path

from mlxtop.sampler.card_places import REREAD_S, CardPlaces
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

HOSTS = Path(__file__).parent / "hosts"
SUB_FUNCTION = """
/sys/bus/auxiliary/devices/mlx5_core.sf.4 -> ../../../devices/pci0000:40/0000:43:00.0/mlx5_core.sf.4
/sys/devices/pci0000:40/0000:43:00.0/mlx5_core.sf.4/sfnum = 88
"""


def places(text: str) -> CardPlaces:
    capture = parse_capture(text)
    return CardPlaces(CapturedSystem("test", capture, capture))


def of(host: str) -> CardPlaces:
    return places((HOSTS / f"{host}.txt").read_text())


def test_a_function_and_the_port_above_it_are_of_one_card() -> None:
    card = of("log/pre-init")
    assert card.card("0000:17:00.0") == card.card("0000:17:00.1") == card.card("0000:16:02.0")
    assert card.is_ours("0000:16:02.0")
    assert not card.is_ours("0000:00:1c.0")
    assert card.card("0000:00:1c.0") == "0000:00:1c"


def test_a_bridge_of_the_same_vendor_is_no_card() -> None:
    assert not of("cx4-x8").is_ours("0000:51:00.0")


def test_names_of_network_rdma_and_auxiliary_devices_lead_to_their_function() -> None:
    card = of("cx4-x8")
    assert card.function("enp67s0np0") == card.function("mlx5_0") == "0000:43:00.0"
    assert card.function("eth99") is None
    assert card.function("../net/enp67s0np0") is None
    assert places(HEADER + SUB_FUNCTION).function("mlx5_core.sf.4") == "0000:43:00.0"


def test_only_a_connectx7_of_four_lanes_is_soldered() -> None:
    assert of("gb10").is_soldered("0000:01:00.0")
    assert not of("log/thermal-latch").is_soldered("0000:17:00.0")
    assert not of("cx4-x8").is_soldered("0000:43:00.0")


def test_what_sysfs_said_is_kept_for_a_while_and_a_card_that_went_is_remembered() -> None:
    capture = parse_capture((HOSTS / "log/pre-init.txt").read_text())
    empty = parse_capture(HEADER + "\n")
    card = CardPlaces(CapturedSystem("test", capture, capture))
    card.refresh(10.0)
    assert card.is_ours("0000:17:00.0")
    card._system = CapturedSystem("test", empty, empty)
    card.refresh(10.0 + REREAD_S)
    assert card.is_ours("0000:17:00.0")
    assert not of("gb10").is_ours("0000:17:00.0")
