"""Mean, percentile and peak in little memory, and charts in equal steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.report.spread import FINE, ChartOf, SpreadOf

RATES = st.floats(0, 4e11)


def spread(values: list[float], classes: int = 100) -> SpreadOf:
    one = SpreadOf(classes)
    for place, value in enumerate(values):
        one.add(value, 1.0, float(place))
    return one


def test_without_values_nothing_is_told() -> None:
    assert SpreadOf().result() is None


@given(st.lists(RATES, min_size=1, max_size=60))
def test_the_percentile_is_right_to_half_a_percent(values: list[float]) -> None:
    result = spread(values).result()
    assert result is not None
    exact = sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]
    assert result.p95 == pytest.approx(exact, rel=0.0051, abs=1e-9)
    assert result.peak == max(values)
    assert result.peak_wall == values.index(max(values))
    assert result.mean == pytest.approx(sum(values) / len(values))
    assert result.p95 <= result.peak


def test_a_value_counts_by_its_seconds() -> None:
    one = SpreadOf()
    one.add(10.0, 96.0, 96.0)
    one.add(1000.0, 4.0, 100.0)
    result = one.result()
    assert result is not None
    assert result.mean == pytest.approx(49.6)
    assert result.p95 == pytest.approx(10.0, rel=0.005)
    one.add(1000.0, 2.0, 102.0)  # more than a twentieth of the time
    again = one.result()
    assert again is not None and again.p95 == pytest.approx(1000.0, rel=0.005)


def test_temperatures_have_finer_classes() -> None:
    result = spread([70.0] * 90 + [71.3] * 10, FINE).result()
    assert result is not None and result.p95 == pytest.approx(71.3, abs=0.05)


def test_memory_does_not_grow_with_the_time() -> None:
    one = spread([float(value % 977) * 1e7 for value in range(20_000)])
    assert len(one._classes) < 700


def test_a_chart_has_means_and_peaks_and_holes() -> None:
    chart = ChartOf(100.0, 110.0, 10)
    for wall, value in ((101.0, 1.0), (101.5, 3.0), (105.5, 7.0)):
        chart.add(value, 0.5, wall)
    result = chart.result()
    assert result.mean == (None, 2.0, None, None, None, 7.0, None, None, None, None)
    assert result.peak[1] == 3.0


def test_a_sample_longer_than_a_step_fills_all_its_steps() -> None:
    chart = ChartOf(0.0, 10.0, 10)
    chart.add(5.0, 4.0, 6.0)
    assert chart.result().mean == (None, None, None, 5.0, 5.0, 5.0, 5.0, None, None, None)


def test_the_end_belongs_to_the_last_step_and_other_times_to_none() -> None:
    chart = ChartOf(0.0, 10.0, 10)
    chart.add(1.0, 1.0, 10.0)
    chart.add(99.0, 1.0, 1e9)
    chart.add(99.0, 1.0, -5.0)
    assert chart.result().mean[-1] == 1.0
    assert max(value or 0.0 for value in chart.result().peak) == 1.0
