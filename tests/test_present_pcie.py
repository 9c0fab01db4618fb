"""The PCIe path of a port in words."""

from __future__ import annotations

from tests.test_present_pages import text_of


def test_pcie_names_the_limiting_device_and_the_shared_limit() -> None:
    text = text_of("3")
    assert "63.008 Gb/s" in text
    assert "of 126.016 Gb/s" in text
    assert "0000:40:03.0 (PCIe 3.0 x8 of x16)" in text
    assert "shared by 2 ports" in text
    assert "BadTLP 3" in text
