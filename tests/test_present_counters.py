"""Traffic and errors of a port in words."""

from __future__ import annotations

from dataclasses import replace

from mlxtop.model.counters import Origin
from mlxtop.present.counters import errors
from mlxtop.present.text import line_width, plain
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
    title, still = next(pair for pair in sections.items() if pair[0].startswith("Watched"))
    names = [name for line in still.lines for name in plain(line).split()]
    assert title == f"Watched, all {len(names)} at 0"
    assert "FrameCheckSequenceErrors" in names
    assert not {"np_cnp_sent", "symbol_error"} & set(names)
    assert len(still.lines) < len(names), "they stand side by side"


def test_a_narrow_table_of_counters_leaves_out_the_totals_and_cuts_no_figure() -> None:
    events = {(Origin.DRIVER, "rx_crc_errors_phy"): 499_999_999.0}
    now, _ = frame_of(replace(GOOD, events=events))
    port = next(iter(now.ports))
    for columns, total in ((73, True), (72, False), (54, False)):
        lines = errors(View(now, port, columns))[0].lines
        assert max(map(line_width, lines)) <= columns
        assert ("total" in plain(lines[0])) is total
        assert plain(lines[1]).split()[3] == "999,999,998"


def test_a_count_that_is_too_long_for_its_column_is_told_in_three_digits() -> None:
    events = {(Origin.DRIVER, "rx_crc_errors_phy"): 5e9}
    now, _ = frame_of(replace(GOOD, events=events))
    row = plain(errors(View(now, next(iter(now.ports)), 73))[0].lines[1])
    assert row.split()[-4:] == ["10.0", "G", "10.0", "G"]


def test_what_is_severe_stands_before_what_only_moves() -> None:
    events = {(Origin.DRIVER, "rx_corrected_bits_phy"): 900.0}
    events |= {(Origin.DRIVER, "rx_crc_errors_phy"): 5.0}
    now, _ = frame_of(replace(GOOD, events=events))
    text = "\n".join(map(plain, errors(View(now, next(iter(now.ports)), 100))[0].lines))
    assert text.index("rx_crc_errors_phy") < text.index("rx_corrected_bits_phy")
