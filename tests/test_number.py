"""Numbers of strangers are of bounded size, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.number import COUNT, PORT, format_cores, parse_cores, real, whole


@pytest.mark.parametrize(
    ("text", "most", "number"),
    [
        ("65535", PORT, 65535),
        ("65536", PORT, None),
        ("00065535", PORT, 65535),
        (str(COUNT), COUNT, (1 << 64) - 1),
        (str(COUNT + 1), COUNT, None),
        ("0", PORT, 0),
        ("", PORT, None),
        ("+1", PORT, None),
        ("²", PORT, None),
        ("٣", PORT, None),
    ],
)
def test_a_whole_number_is_decimal_digits_up_to_a_limit(
    text: str, most: int, number: int | None
) -> None:
    assert whole(text, most) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [("1e20", 1e20), ("1.0001e20", None), (-1e20, -1e20), ("-inf", None), (10**400, None)],
)
def test_a_real_number_is_finite_and_no_larger_than_anything_measured(
    value: str | float, number: float | None
) -> None:
    assert real(value) == number


@pytest.mark.parametrize(
    ("text", "cores"), [("8191", (8191,)), ("8192", ()), ("8190-8192", ()), ("3-1,x,-,2", (2,))]
)
def test_cores_beyond_those_of_any_machine_are_a_mistake(text: str, cores: tuple[int, ...]) -> None:
    assert parse_cores(text) == cores


def test_ranges_of_cores_are_drawn_together() -> None:
    assert format_cores([8, 3, 2, 1, 1, 10]) == "1-3,8,10"
    assert parse_cores(format_cores(range(100))) == tuple(range(100))


@given(st.text("0123456789-,\n²", max_size=30))
def test_lists_of_cores_never_grow_without_bound(text: str) -> None:
    cores = parse_cores(text)
    assert all(0 <= core < 8192 for core in cores)
    assert parse_cores(format_cores(cores)) == cores
