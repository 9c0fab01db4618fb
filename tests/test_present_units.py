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
    assert units.bits_per_second(value) == text


@given(st.floats(0, 1e17))
def test_quantities_are_never_wider_than_their_column(value: float) -> None:
    assert len(units.bits_per_second(value)) == units.RATE_WIDTH
    assert len(units.rate(value, bits=False)) == units.RATE_WIDTH
    assert len(units.bits_per_second(value, digits=4)) == units.RATE_WIDTH + 1
    assert len(units.packets_per_second(value)) == units.PACKETS_WIDTH
    assert len(units.size(value)) == units.SIZE_WIDTH
    assert len(units.short(value)) == units.SHORT_WIDTH
    assert len(units.events_per_second(value)) == 7


@given(st.floats(-99, 999))
def test_temperatures_keep_their_column(value: float) -> None:
    assert len(units.celsius(value)) == units.CELSIUS_WIDTH


def test_unknown_is_a_dash_everywhere_and_zero_is_zero() -> None:
    for show in (
        units.bits_per_second,
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
    assert units.floor_nice(value) <= value * 1.001
    assert units.nice(value) >= value * 0.999
