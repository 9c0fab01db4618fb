"""Heat, modules and signal in words."""

from __future__ import annotations

import pytest

from mlxtop.analysis.forecast import Crossing, Forecast, Trend
from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import Frame
from mlxtop.model.module import Flag, LinkReport, Module
from mlxtop.model.sample import PortSample, Reading
from mlxtop.present.heat import forecast_run
from mlxtop.present.link import link
from mlxtop.present.text import plain
from mlxtop.present.view import View
from mlxtop.watch.heat import HeatWatch
from tests.module_images import IMAGES, decode_eeprom, put, qsfp28
from tests.samples import PACU, ethernet, frame, sample

ALARM = Crossing(80.0, 1.0, 220.0, 31.0)
NEVER = Crossing(75.0, 0.0)


@pytest.mark.parametrize(
    ("future", "words"),
    [
        (None, "not enough readings yet"),
        (Forecast(0, Trend.UNKNOWN), "not enough readings yet"),
        (Forecast(0, Trend.STABLE, 57.2, 57.2, 1.0), "stable at 57 °C"),
        (
            Forecast(0, Trend.RISING, 60, 71.3, 1.2, 60, NEVER, Crossing(80, 0.0)),
            "rising, settles at 71 ± 1 °C, warning 75 °C never",
        ),
        (Forecast(0, Trend.RISING, 60.0), "rising, too early to tell where to"),
        (
            Forecast(0, Trend.RISING, 60, 90, 2, 60, None, ALARM),
            "alarm 80 °C in 3 min 40 s ± 30 s",
        ),
        (
            Forecast(0, Trend.RISING, 60, 90, 2, 60, Crossing(75, 1, 64.0, 2.3), ALARM),
            "warning 75 °C in 1 min 04 s ± 2 s, alarm 80 °C in 3 min 40 s ± 30 s",
        ),
    ],
)
def test_a_forecast_is_told_no_finer_than_it_is_known(future: Forecast | None, words: str) -> None:
    assert forecast_run(future)[0] == words


def test_a_limit_that_was_passed_is_no_forecast() -> None:
    future = Forecast(0, Trend.RISING, 75.2, 90, 2, 60, Crossing(75, 1, 1.0, 1.0), ALARM)
    assert forecast_run(future, 75.5)[0].startswith("alarm 80 °C")


def page(port: PortSample, tick: float = 30.0) -> str:
    shown = frame(sample(tick, port))
    watch = HeatWatch()
    watch.observe(shown)
    return text(shown, watch)


def text(shown: Frame, watch: HeatWatch | None = None) -> str:
    sections = link(View(shown, PACU.id, heat=watch))
    return "\n".join(plain(row) for section in sections for row in section.lines)


def with_module(module: Module) -> PortSample:
    return ethernet(PACU, 30.0, 0, 0)._replace(module=module)


def test_a_module_is_described_with_every_lane() -> None:
    image = qsfp28()
    put(image, 36, 0)
    put(image, 34, 300)
    module = decode_eeprom(bytes(image))._replace(source="ethtool netlink", tick=18.0)
    shown = page(with_module(module))
    assert "ACME OPTICS AC-Q28-CWDM4 rev 1B" in shown
    assert "100G CWDM4" in shown
    assert "2 km SMF" in shown
    assert "class 4, 3.5 W at most" in shown
    assert "dark" in shown
    assert "-15.23!" in shown
    assert "12 s ago" in shown


def test_flags_that_are_gone_are_seen_since() -> None:
    flags = {Flag("rx loss of signal", 1): 10.0, Flag("rx loss of signal", 3): 10.0}
    module = decode_eeprom(bytes(qsfp28()))._replace(seen=flags, tick=30.0)
    shown = page(with_module(module))
    assert "rx loss of signal on lanes 1, 3" in shown
    assert "not now" in shown


def test_a_refused_value_says_why() -> None:
    image = qsfp28()
    put(image, 22, -1)
    assert "the sensor reads -0.004 °C" in page(with_module(decode_eeprom(bytes(image))))


def test_a_cable_shows_its_length_and_losses() -> None:
    shown = page(with_module(decode_eeprom(bytes(IMAGES["qsfp28-dac"]()))))
    assert "2 m cable" in shown
    assert "13 dB at 7GHz" in shown


def test_bit_errors_are_told_by_the_tool_and_by_the_driver() -> None:
    report = LinkReport(
        recommendation="Bad signal integrity",
        fec="Standard RS-FEC",
        raw_ber=2e-5,
        effective_ber=1.5e-254,
        raw_errors=(7, 0),
        link_down=6,
        tick=10.0,
        source="mstlink",
    )
    schema = Schema(("rx_corrected_bits_phy", "rx_err_lane_0_phy", "rx_err_lane_1_phy"))
    port = ethernet(PACU, 30.0, 0, 0)
    driver = {Origin.DRIVER: Reading(30.0, schema, (1234567, 3, 0))}
    now = port._replace(report=report, readings={**port.readings, **driver})
    before = now._replace(readings={Origin.DRIVER: Reading(1.0, schema, (7, 0, 0))})
    shown = text(frame(sample(1.0, before), sample(30.0, now)))
    assert "Bad signal integrity" in shown
    assert "2e-05 before, 0 after correction" in shown
    assert "1,234,560 bits" in shown
    assert "3, 0" in shown
    assert "20 s ago" in shown


def test_without_a_module_the_reason_is_told() -> None:
    port = ethernet(PACU, 30.0, 0, 0)._replace(absent={"module": "needs root (CAP_NET_ADMIN)"})
    assert "needs root (CAP_NET_ADMIN)" in page(port)
