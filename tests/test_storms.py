"""Storms of line errors begin, are counted and end."""

from __future__ import annotations

import pytest

from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import PortKind
from mlxtop.model.sample import PortSample, Reading
from mlxtop.watch.alert import AlertKind
from mlxtop.watch.storms import StormWatch
from tests.samples import PACU, sample
from tests.watching import UP

MAC = Schema(("FrameCheckSequenceErrors",))
DRIVER = Schema(("rx_crc_errors_phy", "rx_symbol_err_phy"))


class Line:
    """A port whose errors a test counts."""

    def __init__(self, kind: PortKind = PortKind.PHYSICAL) -> None:
        self.watch = StormWatch()
        self.tick = 0.0
        self.crc = self.symbols = 0
        self._port = PACU._replace(kind=kind)
        self._last: Frame | None = None
        self.count(0)

    def count(self, crc: int, symbols: int = 0, seconds: float = 1.0) -> list[str]:
        """The texts of the alerts after so many more errors."""
        self.tick += seconds
        self.crc += crc
        self.symbols += symbols
        tables = {
            Origin.MAC: Reading(self.tick, MAC, (self.crc,)),
            Origin.DRIVER: Reading(self.tick, DRIVER, (self.crc, self.symbols)),
        }
        self._last = derive(sample(self.tick, PortSample(self._port, UP, tables)), self._last)
        alerts = list(self.watch.observe(self._last))
        assert all(alert.kind is AlertKind.ERRORS for alert in alerts)
        return [alert.text for alert in alerts]

    def text(self) -> str | None:
        storm = self.watch.of(PACU.id)
        return storm.text if storm else None


def test_errors_before_the_start_are_none() -> None:
    line = Line()
    line.crc = 5000
    fresh = StormWatch()
    now = derive(sample(1.0, PortSample(PACU, UP, {Origin.MAC: Reading(1.0, MAC, (5000,))})), None)
    assert list(fresh.observe(now)) == []


@pytest.mark.parametrize(("errors", "begun"), [(9, False), (10, True)])
def test_ten_errors_in_ten_seconds_are_a_storm(errors: int, begun: bool) -> None:
    line = Line()
    line.count(4)
    texts = line.count(errors - 4, seconds=5.0)
    assert texts == (["10 CRC in 10 s"] if begun else [])


def test_errors_that_are_ten_seconds_old_no_longer_count() -> None:
    line = Line()
    line.count(6)
    assert line.count(6, seconds=10.0) == []
    assert line.count(6, seconds=9.0) == ["12 CRC in 10 s"]


def test_a_storm_goes_on_until_ten_seconds_without_an_error() -> None:
    line = Line()
    line.count(40)
    assert line.count(2, seconds=9.0) == []
    assert line.text() == "42 CRC in 10 s"
    line.count(0, seconds=9.0)
    assert line.text() == "2 CRC in 10 s"
    storm = line.watch.of(PACU.id)
    assert storm is not None
    assert (storm.total, storm.last) == (42, line.tick - 9.0)
    line.count(0)
    assert line.text() is None
    assert line.count(10) == ["10 CRC in 10 s"]


def test_lost_frames_name_a_storm_before_symbols_do() -> None:
    line = Line()
    assert line.count(3, 90) == ["90 symbol errors in 10 s"]
    line.count(8, 90)
    assert line.text() == "11 CRC in 10 s"
    line.count(0, 50, seconds=9.5)
    assert line.text() == "8 CRC in 10 s"
    line.count(0, 50)
    assert line.text() == "100 symbol errors in 10 s"
    storm = line.watch.of(PACU.id)
    assert storm is not None
    assert storm.total_text == "11 CRC"


def test_a_long_interval_counts_by_its_rate() -> None:
    line = Line()
    assert line.count(59, seconds=60.0) == []
    assert line.count(60, seconds=60.0) == ["10 CRC in 10 s"]


def test_a_virtual_function_has_no_line() -> None:
    assert Line(PortKind.VF).count(50) == []


def test_a_port_that_is_gone_is_forgotten() -> None:
    line = Line()
    line.count(50)
    list(line.watch.observe(derive(sample(9.0), None)))
    assert line.watch.of(PACU.id) is None
