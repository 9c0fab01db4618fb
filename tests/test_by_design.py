"""What is by design, told from faults that look alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.by_design import (
    has_ordering_erratum,
    is_breakout,
    is_gb10,
    silent_functions,
    speaks_for,
)
from mlxtop.doctor.check import Case, Setting
from mlxtop.model.identity import Adapter, Function, Port, PortId, PortKind
from mlxtop.model.module import Identity
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import PcieStatus
from tests.cases import CARD, FUNCTION, GOOD, X16, ask, case
from tests.situations import Situation, ethernet


@pytest.mark.parametrize(
    ("root", "has"),
    [
        ("8086:6f01", True),
        ("8086:6f0e", True),
        ("8086:2f08", True),
        ("1022:1a02", True),
        ("8086:6f00", False),
        ("8086:6f0f", False),
        ("8086:347a", False),
        (None, False),
    ],
)
def test_root_ports_with_the_erratum_are_those_of_the_kernel(root: str | None, has: bool) -> None:
    assert has_ordering_erratum(PcieStatus(X16, root=root)) is has
    assert not has_ordering_erratum(None)


@pytest.mark.parametrize(
    ("part", "splits"),
    [
        ("MCP7F00-A003R26N", True),
        ("MFA7A20-C010", True),
        ("MC2609130-003", True),
        ("QSFP-4SFP25G-CU2", True),
        ("QSFP28-2QSFP28-DAC", True),
        ("AOC-Q56-4X50G-5M", True),
        ("MCP1600-C002", False),
        ("MFA1A00-C005", False),
        ("QSFP-100G-CU3M", False),
        ("SFP28-25G-DAC", False),
        (None, False),
    ],
)
def test_breakout_cables_are_known_by_their_part_number(part: str | None, splits: bool) -> None:
    assert is_breakout(Identity(part=part)) is splits


@pytest.mark.parametrize(
    ("device", "most", "soldered"), [(0x1021, 4, True), (0x1021, 8, False), (0x1019, 4, False)]
)
def test_gb10_is_a_connectx7_of_four_lanes(device: int, most: int, soldered: bool) -> None:
    path = PciePath((PcieLink("0000:43:00.0", 32.0, 4, 32.0, most),))
    frame = case(replace(GOOD, path=path)).frame
    assert is_gb10(frame, Function("0000:43:00.0", 0x15B3, device, 0x020000)) is soldered
    assert not is_gb10(frame, Function("0000:99:00.0", 0x15B3, device, 0x020000))


def halves(
    *, width: int = 8, second: int = 0x1021, pci_class: int = 0x020000, netdev: bool = False
) -> Case:
    """Two cards in two slots, of which the second has no port of its own."""
    one, two = (
        Function(f"0000:{bus}:00.0", 0x15B3, device, cls, driver="mlx5_core")
        for bus, device, cls in (("43", 0x1021, 0x020000), ("83", second, pci_class))
    )
    ids = PortId(one.address, 1), PortId(two.address, 1)
    cards = (
        Adapter("one", "ConnectX-7", (one,), ids[:1]),
        Adapter("two", "ConnectX-7", (two,), ids[1:], state="no network or RDMA device"),
    )
    mute = Port(
        ids[1], PortKind.PHYSICAL, "mlx5_core", two.address, "two", "p2" if netdev else None
    )
    found = case(replace(GOOD, others=(Situation(ethernet(None), port=mute),), adapter=cards[0]))
    path = {
        one.address[:-2]: PciePath((PcieLink(one.address, 16.0, width, 16.0, 16),)),
        two.address[:-2]: PciePath((PcieLink(two.address, 16.0, width, 16.0, 16),)),
    }
    sample = found.frame.sample._replace(
        adapters=cards, pcie={slot: PcieStatus(links) for slot, links in path.items()}
    )
    return replace(found, frame=found.frame._replace(sample=sample))


def test_the_second_function_of_a_multi_pf_device_is_found() -> None:
    found = halves()
    one, two = found.frame.sample.adapters
    assert [function.address for function in silent_functions(found, one)] == ["0000:83:00.0"]
    assert speaks_for(found, two) is one
    assert speaks_for(found, one) is None


@pytest.mark.parametrize(
    "other",
    [
        {"width": 16},
        {"second": 0x1019},
        {"pci_class": 0x020700},
        {"netdev": True},
    ],
)
def test_cards_that_are_no_halves_of_one_speak_for_nobody(other: dict[str, int]) -> None:
    found = halves(**other)  # type: ignore[arg-type]
    one, two = found.frame.sample.adapters
    assert silent_functions(found, one) == ()
    assert speaks_for(found, two) is None


@pytest.mark.parametrize(
    ("rate", "most", "told"),
    [(8.0, 4, True), (25.0, 4, True), (7.9, 4, False), (25.1, 4, False), (13.0, 8, False)],
)
def test_gb10_in_its_low_power_state_is_a_remark(rate: float, most: int, told: bool) -> None:
    path = PciePath((PcieLink("0000:43:00.0", 32.0, 4, 32.0, most),))
    card = CARD._replace(functions=(FUNCTION._replace(device=0x1021),))
    spark = replace(GOOD, link=ethernet(200), path=path, rx=rate, adapter=card)
    outcomes = list(ask("what limits the traffic", case(spark)))
    remarks = [one.text for one in outcomes if isinstance(one, Setting)]
    assert (remarks != []) is told
    assert all("power state" in text for text in remarks)
