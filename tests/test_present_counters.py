"""Traffic and errors of a port in words."""

from __future__ import annotations

from dataclasses import replace

from mlxtop.model.counters import Origin
from mlxtop.present.counters import errors
from mlxtop.present.text import plain
from mlxtop.present.view import View
from tests.cases import GOOD
from tests.samples import PACU, ethernet, frame, sample
from tests.situations import frame_of
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


def test_a_bad_frame_that_several_tables_count_is_one_error() -> None:
    events = {
        (Origin.DRIVER, "rx_crc_errors_phy"): 5.0,
        (Origin.NETDEV, "rx_crc_errors"): 5.0,
        (Origin.NETDEV, "rx_errors"): 5.0,
        (Origin.MAC, "FrameCheckSequenceErrors"): 5.0,
        (Origin.DRIVER, "rx_oversize_pkts_phy"): 1.0,
    }
    now, _ = frame_of(replace(GOOD, events=events))
    sections = {section.title: section for section in errors(View(now, next(iter(now.ports))))}
    text = "\n".join(map(plain, sections["Since start"].lines))
    rows = [line for line in text.split("\n") if line.startswith(("! ", "▸ "))]
    assert [row.split()[1] for row in rows] == ["rx_crc_errors_phy", "rx_oversize_pkts_phy"]
    also = " ".join(text.split())
    others = ("rx_crc_errors (netdev)", "rx_errors (netdev)", "FrameCheckSequenceErrors (eth-mac)")
    assert also.count("also counted in") == 1
    assert all(also.count(other) == 1 for other in others)


def test_error_counters_at_zero_are_listed_too() -> None:
    calm = frame(*(sample(tick, ethernet(PACU, tick, 1e9, 1e9)) for tick in (1.0, 2.0)))
    sections = {section.title: section for section in errors(View(calm, PACU.id))}
    still = sections["Watched, all at 0"]
    assert any("FrameCheckSequenceErrors" in plain(line) for line in still.lines)
    assert not any("np_cnp_sent" in plain(line) for line in still.lines)
    assert not any("symbol_error" in plain(line) for line in still.lines)
