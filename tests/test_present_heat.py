"""Temperatures and where they are heading, in words."""

from __future__ import annotations

import pytest

from mlxtop.analysis.forecast import Crossing, Forecast, Trend
from mlxtop.present.heat import forecast_run

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
