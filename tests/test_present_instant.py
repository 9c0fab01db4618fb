"""One instant of the past in two lines."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mlxtop.analysis.port_view import Ceiling
from mlxtop.analysis.verdict import Limit, Verdict
from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.present.heat import Clock
from mlxtop.present.instant import Instant, instant_lines
from mlxtop.present.text import Role, line_width, plain
from tests.samples import PACU

CLOCK = Clock(500.0, 12 * 3600.0)
"""Second 500 is noon."""
VALUES = {"rx": 1.2e9, "tx": 46.1e9, "module": 71.4, "asic": 98.0}
CEILING = Ceiling(PACU.id, None, None, None, None, Verdict(Limit.CPU, "core 3 is full"))
DOWN = Incident(IncidentKind.LINK_DOWN, "link down", Severity.WARNING, 440.0)
ALARM = Incident(IncidentKind.ALARM, "module at 80 °C", Severity.CRITICAL, 440.0)
UP = Incident(IncidentKind.LINK_UP, "link up", Severity.NOTE, 440.0)


@pytest.fixture(autouse=True)
def _greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def lines(columns: int = 80, **parts: object) -> list[str]:
    instant = Instant(440.0, CLOCK, VALUES, CEILING)._replace(**parts)  # type: ignore[arg-type]
    return [plain(line) for line in instant_lines(instant, columns)]


def test_every_value_of_an_instant_is_read_out_with_its_time() -> None:
    first, second = lines()
    assert first.startswith("11:59:00  1 min 00 s ago")
    assert first.endswith("RX 1.20 Gb/s  TX 46.1 Gb/s  module 71 °C  ASIC 98 °C")
    assert second == "→ CPU-bound: core 3 is full"
    assert len(first) <= 80


def test_bytes_are_told_where_bytes_are_wanted() -> None:
    assert "TX 5.76 GB/s" in lines(bits=False)[0]


def test_on_a_narrow_screen_how_long_ago_it_was_goes_first() -> None:
    assert " ago" not in lines(70)[0]
    assert "ASIC 98 °C" in lines(70)[0]


def test_what_is_not_known_is_a_dash_and_a_verdict_that_was_not_kept_has_its_reason() -> None:
    first, second = lines(values={"rx": 1.2e9, "tx": None}, ceiling="no verdict: why")
    assert first.endswith("TX –  module –  ASIC –")
    assert second.startswith("– no verdict: why")


@pytest.mark.parametrize(
    ("events", "text", "role"),
    [
        ([DOWN], "▲ link down  → ", Role.WARNING),
        ([UP, ALARM, DOWN], "▲ module at 80 °C and 2 more  → ", Role.CRITICAL),
    ],
)
def test_events_of_the_instant_stand_before_the_verdict_the_worst_first(
    events: list[Incident], text: str, role: Role
) -> None:
    line = instant_lines(Instant(440.0, CLOCK, VALUES, CEILING, events), 80)[1]
    assert plain(line).startswith(text)
    assert line[0][1] is role


def test_names_of_events_hold_no_escapes() -> None:
    nasty = DOWN._replace(text="link \x1b[31mdown\n")
    line = instant_lines(Instant(440.0, CLOCK, VALUES, CEILING, [nasty]), 80)[1]
    assert plain(line).isprintable()
    assert line_width(line) == len(plain(line))
