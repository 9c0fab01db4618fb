"""Traffic and errors of a port in words."""

from __future__ import annotations

from mlxtop.present.counters import errors
from mlxtop.present.text import plain
from mlxtop.present.view import View
from tests.samples import PACU, ethernet, frame, sample
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


def test_error_counters_at_zero_are_listed_too() -> None:
    calm = frame(*(sample(tick, ethernet(PACU, tick, 1e9, 1e9)) for tick in (1.0, 2.0)))
    sections = {section.title: section for section in errors(View(calm, PACU.id))}
    still = sections["Watched, all at 0"]
    assert any("FrameCheckSequenceErrors" in plain(line) for line in still.lines)
    assert not any("np_cnp_sent" in plain(line) for line in still.lines)
    assert not any("symbol_error" in plain(line) for line in still.lines)
