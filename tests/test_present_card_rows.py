"""Cards in a line: only news are worth one, and what all have in common stands in the title."""

from __future__ import annotations

import pytest

from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Adapter
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import PcieStatus
from mlxtop.present.card_rows import cards_title, news, news_line
from mlxtop.present.text import line_width, plain
from tests.samples import PACU, card, ethernet, mlx5_port, sample

WIDE = PcieStatus(PciePath((PcieLink("0000:43:00.0", 16.0, 16, 16.0, 16),)))
NARROW = PcieStatus(
    PciePath(
        (PcieLink("0000:43:00.0", 16.0, 8, 16.0, 16), PcieLink("0000:40:01.0", 16.0, 8, 16.0, 8))
    )
)
OTHERS = [
    card(mlx5_port(f"0000:5{n}:00.0", f"ens{n}", f"mlx5_{n}"), key=f"card{n}") for n in (1, 2)
]


def machine(adapter: Adapter, *others: Adapter, pcie: PcieStatus = WIDE) -> Frame:
    one = sample(1.0, ethernet(PACU, 1.0, 0, 0))
    slots = {"0000:43:00": pcie, "0000:51:00": WIDE, "0000:52:00": WIDE}
    return derive(one._replace(adapters=(adapter, *others), pcie=slots), None)


OWN = card(PACU)


@pytest.mark.parametrize(
    ("adapter", "others", "pcie", "said"),
    [
        (OWN, [], WIDE, []),
        (OWN, OTHERS, WIDE, []),
        (OWN, [], NARROW, ["PCIe 4.0 x8 of x16 126.0 Gb/s"]),
        (OWN._replace(firmware_stored="12.28.2006"), [], WIDE, []),
        (OWN._replace(firmware_stored="12.28.3000"), [], WIDE, ["fw 12.28.2006 (next 12.28.3000)"]),
        (OWN._replace(firmware="12.20.1000"), OTHERS, WIDE, ["fw 12.20.1000, others 12.28.2006"]),
        (OWN._replace(firmware="12.20.1000"), OTHERS[:1], WIDE, []),
        (OWN._replace(firmware="12.20.1000", psid="X"), OTHERS, WIDE, []),
        (OWN._replace(state="no driver"), [], WIDE, ["no driver"]),
    ],
)
def test_news_are_what_is_odd_about_a_card(
    adapter: Adapter, others: list[Adapter], pcie: PcieStatus, said: list[str]
) -> None:
    assert list(news(machine(adapter, *others, pcie=pcie), adapter)) == said


def test_the_line_of_a_card_with_news_fits_and_says_nothing_twice() -> None:
    adapter = OWN._replace(firmware_stored="12.28.3000")
    shown = machine(adapter, pcie=NARROW)
    for columns in (1, 20, 78, 200):
        assert line_width(news_line(shown, adapter, columns)) <= max(columns, 14)
    text = plain(news_line(shown, adapter, 200))
    assert text.startswith("  └ ConnectX-4  0000:43:00.0  PCIe 4.0 x8 of x16 126.0 Gb/s  fw 12")
    assert text.count("12.28.2006") == 1


def test_the_title_has_what_all_cards_have_in_common() -> None:
    assert cards_title(machine(OWN)) == "ConnectX-4 · PCIe 4.0 x16 · fw 12.28.2006"
    three = machine(OWN, *OTHERS)
    assert cards_title(three) == "3 × ConnectX-4 · PCIe 4.0 x16 · fw 12.28.2006"
    mixed = machine(OWN._replace(family="ConnectX-7", firmware="28.1"), *OTHERS, pcie=NARROW)
    assert cards_title(mixed) == "ConnectX-7, 2 × ConnectX-4"
    assert cards_title(derive(sample(1.0), None)) == ""
