"""The report in words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mlxtop.model.counters import Severity
from mlxtop.present import report as words
from mlxtop.present.text import line_width, plain
from mlxtop.report.values import Report
from tests.reports import BEGIN, HOSTILE, full_report, port


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def text_of(report: Report, columns: int = 98) -> str:
    found = words.sections(report, columns)
    return "\n".join(
        line for one in found for line in (one.title, *(plain(line) for line in one.lines))
    )


def test_everything_is_told_with_its_time() -> None:
    text = text_of(full_report())
    for part in (
        "What happened on pacu",
        "2026-11-20 07:00:00 to 07:10:00 UTC (10 min 00 s)",
        "ConnectX-5, Linux 6.1.0",
        "541 samples of 9 min 00 s, recorded by mlxtop 9.9; nothing is known of 1 min 00 s",
        "1 critical incident; 1 warning; 1 lost link; 1 sensor above a limit; p0 1,234 × Frame",
        "#1 07:01:20    80 s   p0  module at 80.0 °C, alarm at 80 °C",
        "#2 07:01:40    41 s   p0  link down, was up",
        "ConnectX-5, Ethernet 100G, 0000:43:00.0/1, can carry 63.0 Gb/s (PCIe)",
        "received           4.00 Gb/s   9.00 Gb/s   9.90 Gb/s    07:01:10",
        "RDMA received",
        "≥ 75 °C for 3 min 32 s, ≥ 80 °C for 1 min 20 s",
        "up, lost once, without a link for 41 s",
        "≥ 95 % of what it can carry: receiving for 12 s",
        "beyond its low warning for 30 s",
        "1,234 × Frame check sequence wrong  07:01:00 to 07:01:30",
        "rx_crc_errors_phy → cable, optics",
        "7 × 0000:40:03.0 BadTLP",
        "07:03:20  iperf3 on p0 to far: 46.0 Gb/s (new)",
        "07:05:00 nothing known for 1 min 00 s: records are missing",
        "the end is missing",
        words.MASKED,
    ):
        assert part in text, part
    assert "RDMA sent" not in text  # it was never known


def test_what_did_not_happen_is_not_told() -> None:
    calm = replace(
        port(), flaps=0, down_s=0.0, full_s={"rx": 0.0}, lanes=(), errors=(), sensors=(), downs=()
    )
    report = replace(
        full_report(), incidents=(), ports=(calm,), pcie_errors={}, loads=(), gaps=(), problems=()
    )
    text = text_of(replace(report, seconds=600.0, masked=False))
    assert "No warning, no lost link, no errors." in text
    for word in ("lost", "full", "PCIe errors", "Loads", "Notes", "nothing is known"):
        assert word not in text.replace("No warning, no lost link", "")


def test_a_report_of_more_than_a_day_has_dates() -> None:
    report = replace(full_report(), end=BEGIN + 90_000)
    assert words.moment(BEGIN + 60, report) == "11-20 07:01:00"
    assert words.moment(BEGIN + 60, full_report()) == "07:01:00"
    assert "to 2026-11-21 08:00:00 UTC" in words.span_text(report)


def test_notes_alone_are_nothing_to_worry_about() -> None:
    [note, *_] = full_report().incidents
    incident = note.cause.lead.incident._replace(severity=Severity.NOTE)
    lead = note.cause.lead._replace(incident=incident)
    calm = replace(port(), flaps=0, sensors=(), errors=())
    report = replace(
        full_report(),
        incidents=(note._replace(cause=note.cause._replace(lead=lead)),),
        ports=(calm,),
    )
    assert words.summary(report) == "No warning, no lost link, no errors."


@pytest.mark.parametrize("columns", [40, 60, 98])
def test_prose_is_as_wide_as_it_may_be_and_escapes_reach_nobody(columns: int) -> None:
    report = replace(full_report(), problems=(HOSTILE * 20,), ports=(port(HOSTILE),))
    notes = words.sections(report, columns)[-1]
    assert max(map(line_width, notes.lines)) <= columns
    assert "\x1b" not in text_of(report, columns)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0 s"), (0.4, "less than 1 s"), (0.6, "1 s"), (61.0, "1 min 01 s")]
)
def test_short_times_are_not_nothing(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text
