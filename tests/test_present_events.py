"""Lines and details of the list of events."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mlxtop.model.counters import Severity
from mlxtop.model.incident import IncidentKind
from mlxtop.present.events import cause_lines, cause_section, cause_text, page_of
from mlxtop.present.text import Role, plain
from mlxtop.watch.causes import causes
from mlxtop.watch.event_list import TimedIncident
from tests.samples import WALL
from tests.test_causes import event, only, retyped

NOON = WALL - WALL % 86400 + 43200


@pytest.fixture(autouse=True)
def _universal_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def lines(*events: TimedIncident, now: float = 36.0) -> list[str]:
    return [plain(line).rstrip() for line in cause_lines(causes(events), NOON + now)]


def test_a_line_has_begin_length_count_port_and_text() -> None:
    ended = event(NOON - 100.0, IncidentKind.LINK_DOWN, "enp3s0d1", until=41.0, text="link down")
    once = event(NOON - 20.0, IncidentKind.RENAMED, "p0", text="was eth0")
    on = event(NOON, IncidentKind.ALARM, "ens2", key="k 1", text="module at 76.0 °C")
    assert lines(ended._replace(incident=ended.incident._replace(key="x 1")), once, on) == [
        "12:00:00    36 s … ens2      module at 76.0 °C",
        "11:59:40           p0        was eth0",
        "11:58:20    41 s   enp3s0d1  link down",
    ]


def test_another_day_has_its_date_and_its_seconds() -> None:
    yesterday = time.strftime("%m-%d", time.gmtime(NOON - 86400.0))
    events = (event(NOON, IncidentKind.RENAMED), event(NOON - 86400.0, IncidentKind.ADDED, "p"))
    assert lines(*events) == [
        "      12:00:00  ens2  renamed",
        f"{yesterday} 12:00:00  p     added",
    ]


def test_what_came_again_has_a_count() -> None:
    twice = [
        event(NOON + n, IncidentKind.ALARM, until=5.0, key=f"p errors {n}", text="9 CRC")
        for n in (0, 20)
    ]
    (line,) = lines(*twice)
    assert "25 s   ×2" in line


def test_a_clock_that_was_set_back_gives_no_negative_length() -> None:
    (line,) = lines(event(NOON, IncidentKind.ALARM, key="k 1", text="hot"), now=-500.0)
    assert " 0 s …" in line


def test_a_change_of_the_link_type_tells_types_names_and_that_it_was_taken_back() -> None:
    there = retyped(NOON, "InfiniBand", "Ethernet", ifname="ibs2")
    assert cause_text(only(there)) == "link type ETH → IB, now ibs2"
    back = retyped(NOON + 60.0, "Ethernet", "InfiniBand")
    assert cause_text(only(there, back)) == (
        "link type ETH → IB, taken back after 1 min 00 s, ibs2 meanwhile"
    )
    other = retyped(NOON + 1.0, "InfiniBand", "Ethernet", ifname="ibs2d1", device="0000:05:00.1")
    assert "and 1 more" in cause_text(only(there, other))


def test_the_details_hold_the_whole_text_both_times_and_what_belongs_to_it() -> None:
    text = "a long story " * 20
    loss = event(NOON, IncidentKind.LINK_DOWN, text=text, severity=Severity.WARNING, advice="look")
    cause = only(loss, event(NOON + 41.0, IncidentKind.LINK_UP, text="link up"))
    section = cause_section(cause, NOON + 99.0, 60)
    shown = "\n".join(plain(line) for line in section.lines)
    assert section.title == "ens2"
    assert shown.count("story") == 20
    assert f"begin            {time.strftime('%F', time.gmtime(NOON))} 12:00:00" in shown
    assert "12:00:41  41 s" in shown
    assert "12:00:41 ens2 link up" in shown
    assert "look" in shown
    assert section.lines[0][0][1] is Role.WARNING


def test_text_of_devices_is_made_safe() -> None:
    odd = event(NOON, IncidentKind.DRIVER, "p\x1b0", text="\x1b[31mred")
    cause = only(odd)
    shown = [*cause_lines([cause], NOON), *cause_section(cause, NOON, 60).lines]
    assert "\x1b" not in "".join(map(plain, shown)) + cause_section(cause, NOON, 60).title


@pytest.mark.parametrize(
    ("one", "page"),
    [
        (event(1.0, IncidentKind.AER), "3"),
        (event(1.0, IncidentKind.LINK_DOWN), "2"),
        (event(1.0, IncidentKind.ALARM, key="0000:05:00.0/1 module 1"), "2"),
        (event(1.0, IncidentKind.ALARM, key="0000:05:00.0/1 errors 1"), "4"),
    ],
)
def test_a_cause_has_a_page_that_explains_it(one: TimedIncident, page: str) -> None:
    assert page_of(only(one)) == page
