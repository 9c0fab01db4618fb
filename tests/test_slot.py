"""Which hop of a path is the narrow one, why, and what to do about it."""

from __future__ import annotations

import pytest

from mlxtop.analysis.slot import Reason, find_hop
from mlxtop.model.pcie import PcieLink, PciePath
from tests.situations import slot

CARD = PcieLink("0000:43:00.0", 8.0, 16, 8.0, 16)
SLOTTED, TRAINED = Reason.SLOT, Reason.TRAINING
SLOT = CARD._replace(device="0000:42:08.0")


@pytest.mark.parametrize(
    ("path", "narrow", "text"),
    [
        (slot((8.0, 8), (8.0, 16), (8.0, 8)), (SLOTTED, True, False), "x8 to a card of x16"),
        (slot((8.0, 8), (8.0, 16), (8.0, 16)), (TRAINED, True, False), "both do x16"),
        (slot((8.0, 15), (8.0, 16), (8.0, 15)), (SLOTTED, True, False), "x15 to a card of x16"),
        (
            slot((8.0, 16), (16.0, 16), (8.0, 16)),
            (SLOTTED, False, True),
            "is PCIe 3.0, the card PCIe 4.0",
        ),
        (slot((2.5, 16), (8.0, 16), (8.0, 16)), (TRAINED, False, True), "both do PCIe 3.0"),
        (slot((2.5, 4), (8.0, 8), (8.0, 4)), (TRAINED, True, True), "x4 to a card of x8; card and"),
        (slot((8.0, 8), (8.0, 16)), (TRAINED, True, False), "both do x16"),
    ],
)
def test_the_hop_above_the_card_is_the_slot_or_was_badly_trained(
    path: PciePath, narrow: tuple[Reason, bool, bool], text: str
) -> None:
    hop = find_hop(path)
    assert hop is not None
    assert (hop.reason, hop.width, hop.speed) == narrow
    assert text in hop.text


def test_a_path_as_wide_as_the_card_has_no_narrow_hop() -> None:
    assert find_hop(slot((8.0, 16), (8.0, 16), (8.0, 16))) is None
    assert find_hop(PciePath(())) is None


@pytest.mark.parametrize(
    ("narrow", "reason"), [(1, Reason.TRAINING), (2, Reason.UPLINK), (3, Reason.UPLINK)]
)
def test_a_narrow_link_is_an_uplink_from_the_third_hop_on(narrow: int, reason: Reason) -> None:
    links = [CARD, SLOT, SLOT._replace(device="0000:41:00.0"), SLOT._replace(device="0000:40:03.0")]
    if narrow == 1:
        links[0] = links[0]._replace(width=8)
    links[narrow] = links[narrow]._replace(width=8)
    hop = find_hop(PciePath(tuple(links)))
    assert hop is not None
    assert hop.reason is reason
    assert (hop.link.device in hop.text) is (reason is Reason.UPLINK)
