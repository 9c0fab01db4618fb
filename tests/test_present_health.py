"""The health of a link on page 2 and in the report of a recording."""

from __future__ import annotations

import pytest

from mlxtop.health.link_health import Change, Flap, LinkHealth, Point
from mlxtop.health.signs import outlook
from mlxtop.health.store import looked_at, store_of
from mlxtop.health.trend import DAY_S
from mlxtop.lab import ManualClock, load_lab
from mlxtop.present.health import health, report_lines, sparkline
from mlxtop.present.text import Role, line_width, plain
from mlxtop.present.view import View
from mlxtop.sampler.facts import ON_SCREEN
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from tests.cases import CARD, case
from tests.link_ages import Aging, errors, light

PORT = CARD.ports[0]


def page(known: LinkHealth | None, columns: int = 76) -> list[str]:
    sections = health(View(case().frame, PORT, columns, health=known))
    return [plain(line) for section in sections for line in section.lines]


def test_without_a_history_there_is_no_box() -> None:
    assert page(None) == []


def test_a_new_history_says_what_is_not_yet_known() -> None:
    lines = page(LinkHealth())
    assert "at its best      –  nothing was seen yet" in lines
    assert any(line.startswith("bit errors       –  no counts of them") for line in lines)
    assert "link lost        not in the last week" in lines


def test_less_than_two_days_have_no_course() -> None:
    known = Aging(errors(1, 24)).after(24)
    assert "their course     –  two days are needed" in page(known)


def test_what_fec_could_not_correct_is_told() -> None:
    known = Aging(errors(1, 24)).after(24)
    wall = case().frame.sample.wall
    hours = (Point(wall - 3600, -7.0, -11.0, lost=12),)
    assert "not corrected    12 in the last day" in page(known._replace(hours=hours))


def test_losses_are_told_with_how_long_the_link_was_away() -> None:
    wall = case().frame.sample.wall
    night = Flap(wall - 50_000, "no signal", 28_800.0)
    lines = page(LinkHealth(flaps=(night,)))
    (place,) = (n for n, line in enumerate(lines) if line.startswith("link lost"))
    assert lines[place].endswith("  1 time in a week; as if the peer was off")
    assert lines[place + 1].endswith(" for 8 h, no signal")
    lines = page(LinkHealth(flaps=(night, Flap(wall - 60, "", 0.0))))
    assert lines[place].endswith("  1 in a day, 1 in a week; 1 more as if the peer was off")
    assert lines[place + 2].endswith(", nothing told the reason")


def test_light_as_when_new_is_one_line() -> None:
    known = Aging(light(1, 24 * 5)).after(24 * 5)
    assert "light            as when new  within 2 dB, all lanes" in page(known)


def test_light_of_too_few_readings_is_not_said_to_be_as_when_new() -> None:
    known = Aging(light(1, 24 * 5)).after(24 * 5)
    end = known.hours[-1].wall
    fewer = known._replace(hours=(*known.hours[:-30], *known.hours[-11:]))
    assert "light            –  too few readings in the last day" in page(fewer)
    dark = tuple(
        one._replace(rx_dbm=(*one.rx_dbm[:1], None)) if one.wall > end - 2 * DAY_S else one
        for one in known.hours
    )
    assert known.new is not None
    two = known.new._replace(rx_dbm=(known.new.rx_dbm[0], -1.0))
    lines = page(known._replace(hours=dark, new=two))
    assert "light            as when new  within 2 dB, 1 of 2 lanes" in lines


def test_what_was_seen_last_long_ago_is_said_to_be_old() -> None:
    known = Aging(errors(1, 24 * 5)).after(24 * 5)
    wall = case().frame.sample.wall
    ago = wall - 3 * DAY_S - known.newest
    hours = tuple(one._replace(wall=one.wall + ago) for one in known.hours)
    lines = page(known._replace(hours=hours, minutes=(), days=()))
    assert any("nothing was seen since" in line for line in lines)
    assert not any(line.startswith(("bit errors", "their course")) for line in lines)


def test_the_aging_machine_shows_all_of_it_on_a_narrow_terminal() -> None:
    system = load_lab("aging", ManualClock())
    source = LiveSource(system, 1.0, calm=0.0, wants=ON_SCREEN)
    from threading import Event

    stop = Event()
    seen = []
    for frame in frames(source, stop):
        seen.append(frame)
        (port,) = frame.ports
        if frame.ports[port].now.module is not None and frame.ports[port].now.settings.value:
            break
    stop.set()
    source.close()
    known = looked_at(store_of(system), seen)[port]
    (box,) = health(View(seen[-1], port, 54, health=known))
    text = "\n".join(plain(line) for line in box.lines)
    assert "at its best      100 Gb/s, 4 lanes, PCIe 3.0 x16" in text
    assert "PCIe 3.0 x8, was PCIe 3.0 x16" in text
    assert "1.3 times more a day" in text
    assert "FEC fails in about 7 days (" in text
    assert "lane 4: -6." in text
    assert "bad signal integrity" in " ".join(text.split())
    bad = [plain(line)[:12] for line in box.lines if any(r is Role.WARNING for _, r in line)]
    assert "at this pace" in {one.strip() for one in bad}
    assert all(line_width(line) <= 76 for line in box.lines)


@pytest.mark.parametrize("columns", [1, 8, 40])
def test_a_chart_has_its_columns_and_holes_where_nothing_is_known(columns: int) -> None:
    values = [(hour * 3600.0, float(hour % 7)) for hour in range(24 * 20)]
    text, days = sparkline(values, columns, 24 * 20 * 3600.0)
    assert (len(text), days) == (columns, 14.0)
    gap, _ = sparkline([(0.0, 1.0), (86400.0, 2.0)], 9, 86400.0)
    assert gap.strip(" ") == gap
    assert " " in gap


def test_the_report_of_a_recording_tells_errors_and_other_modules() -> None:
    known = Aging(errors(3, 24 * 5)).after(24 * 5)
    known = known._replace(changes=(Change(5.0, "module", "A", "A"),))
    lines = [plain(line) for line in report_lines(known, outlook(known, 5e-5, None), 80)]
    assert lines[0].startswith("bit errors")
    assert any(line.startswith("their course     level") for line in lines)
    assert any("A to A, another serial number" in line for line in lines)
    short = LinkHealth(minutes=(Point(1.0, -8.0),))
    assert [plain(line) for line in report_lines(short, outlook(short, None, None), 80)] == [
        "bit errors       1e-08  raw"
    ]
