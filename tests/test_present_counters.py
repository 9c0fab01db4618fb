"""Traffic and errors of a port in words."""

from __future__ import annotations

from tests.test_present_pages import text_of


def test_traffic_tells_rate_share_source_and_who_moves_it() -> None:
    text = text_of("1")
    assert "46.10 Gb/s" in text
    assert "73 %" in text
    assert "eth-mac" in text
    assert "set by PCIe" in text
    assert "23.05 Gb/s" in text


def test_errors_come_with_meaning_and_advice() -> None:
    text = text_of("4")
    assert "FrameCheckSequenceErrors" in text
    assert "cable, optics, dirty fibre, FEC mismatch" in text
