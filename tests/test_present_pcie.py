"""The PCIe path of a port in words."""

from __future__ import annotations

from mlxtop.model.pcie import PcieReport
from tests.samples import PACU, ethernet, frame, sample
from tests.test_present_pages import text_of


def test_the_card_itself_tells_its_link_and_what_arrived_damaged() -> None:
    errors = {"link_downs": 2, "rx_errors": 0, "crc_tlp": 1234}
    report = PcieReport((0, 0, 0), 2.5, 16.0, 4, 16, "Fatal Error detected", errors, (7, 0))
    report = report._replace(ber=2e-9, caveat="no eye at Gen1", tick=10.0, source="mstlink")
    port = ethernet(PACU, 30.0, 0, 0)._replace(pcie_report=report)
    text = text_of("3", frame(sample(30.0, port)))
    for part in ("PCIe 1.0 of 4.0 x4 of x16", "bad TLPs", "1,234", "7, 0", "2e-09", "Fatal Error"):
        assert part in text
    for part in ("no eye at Gen1", "mstlink", "20 s ago"):
        assert part in text
    assert "By the card itself" not in text_of("3")


def test_pcie_names_the_limiting_device_and_the_shared_limit() -> None:
    text = text_of("3")
    assert "63.008 Gb/s" in text
    assert "of 126.016 Gb/s" in text
    assert "0000:40:03.0 (PCIe 3.0 x8 of x16)" in text
    assert "shared by 2 ports" in text
    assert "BadTLP 3" in text
