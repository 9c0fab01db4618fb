"""Numbers become text of a fixed width in decimal units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "        –"),
        (0.0, "    0 b/s"),
        (999.4, "  999 b/s"),
        (999.6, "1.00 kb/s"),
        (1e9, "1.00 Gb/s"),
        (46.12e9, "46.1 Gb/s"),
        (99.96e9, " 100 Gb/s"),
        (999.6e9, "1.00 Tb/s"),
        (float("nan"), "        –"),
    ],
)
def test_bit_rates_have_three_digits_and_a_decimal_prefix(value: float | None, text: str) -> None:
    assert units.rate(value) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (units.packets_per_second(3_812_345), "3.81 Mp/s"),
        (units.events_per_second(0.4), "0.40 /s"),
        (units.events_per_second(1200), "1.20k/s"),
        (units.size(12_345_678_901_234), "12.3 TB"),
        (units.short(1_236_000), "1.24 M"),
        (units.short(12), "  12  "),
        (units.count(1234567), "1,234,567"),
        (units.celsius(69.4), " 69 °C"),
        (units.percent(0.464), " 46 %"),
        (units.gigabits(63008), "63.008 Gb/s"),
    ],
)
def test_every_quantity_has_its_form(text: str, expected: str) -> None:
    assert text == expected


@given(st.floats(0, 1e17))
def test_quantities_are_never_wider_than_their_column(value: float) -> None:
    assert len(units.rate(value)) == units.RATE_WIDTH
    assert len(units.rate(value, bits=False)) == units.RATE_WIDTH
    assert len(units.rate(value, digits=4)) == units.RATE_WIDTH + 1
    assert len(units.packets_per_second(value)) == units.PACKETS_WIDTH
    assert len(units.size(value)) == units.SIZE_WIDTH
    assert len(units.short(value)) == units.SHORT_WIDTH
    assert len(units.events_per_second(value)) == 7


@given(st.floats(-99, 999))
def test_temperatures_keep_their_column(value: float) -> None:
    assert len(units.celsius(value)) == units.CELSIUS_WIDTH


def test_unknown_is_a_dash_everywhere_and_zero_is_zero() -> None:
    for show in (
        units.rate,
        lambda value: units.rate(value, bits=False),
        units.packets_per_second,
        units.events_per_second,
        units.size,
        units.short,
        units.celsius,
        units.percent,
        units.duration,
    ):
        assert show(None).strip() == "–"
        assert show(0).strip().startswith("0")


def test_durations_use_their_two_largest_units() -> None:
    assert units.duration(59.9) == "59 s"
    assert units.duration(60) == "1 min 00 s"
    assert units.duration(86400 * 3 + 7200) == "3 d 02 h"


@given(st.floats(1.0, 1e12))
def test_round_numbers_enclose_the_value(value: float) -> None:
    assert units.nice(value) >= value * 0.999


def test_scales_are_round() -> None:
    assert (units.nice(46.1e9), units.nice(0.0)) == (50e9, 1.0)
