"""JSON that every parser takes, whatever it is made of."""

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.json_text import BITS, DEEPEST, decode, encode

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(st.characters(codec=None), max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def strict(text: str) -> object:
    """What a parser that follows RFC 8259 reads."""

    def refuse(word: str) -> NoReturn:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


@given(ANY, st.sampled_from([None, 2]))
def test_any_value_becomes_json_that_every_parser_takes(value: object, indent: int | None) -> None:
    text = encode(value, indent)
    assert text.isascii()
    for one in texts(strict(text)):
        one.encode("utf-8")


@given(
    st.dictionaries(
        st.text(max_size=3),
        st.none() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.floats(allow_nan=False),
    )
)
def test_what_json_can_hold_stays_as_it_is(value: dict[str, object]) -> None:
    finite = {
        key: item
        for key, item in value.items()
        if not isinstance(item, float) or math.isfinite(item)
    }
    assert decode(encode(finite)) == finite


def test_what_json_cannot_hold_is_null() -> None:
    odd = [math.nan, math.inf, -math.inf, 1 << (BITS + 1), 10**5000]
    assert strict(encode(odd)) == [None] * len(odd)
    assert strict(encode({"a": {"b": math.nan}})) == {"a": {"b": None}}


def test_names_that_are_not_utf_8_stay_apart_and_readable() -> None:
    names = [data.decode("utf-8", "surrogateescape") for data in (b"eth\x80", b"eth\x81", b"\xff")]
    assert strict(encode(names)) == ["eth\\x80", "eth\\x81", "\\xff"]
    assert strict(encode(["\ud800", "😀"])) == ["\ufffd", "😀"]
    assert strict(encode({names[0]: 1})) == {"eth\\x80": 1}


def test_a_bottomless_value_is_cut() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    text = encode(value)
    assert text.count("[") == DEEPEST
    strict(text)


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "[Infinity]", '{"a": -Infinity}', "1e999", "-1e999", "9" * 5000, "9" * 30),
        *("-9223372036854775809", "[" * 5000, "[" * 100 + "]" * 100, "{", "", "nonsense"),
    ],
    ids=lambda text: text[:12],
)
def test_untrusted_json_holds_what_json_and_64_bits_can(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)


@given(st.text())
def test_no_text_makes_the_decoder_raise_anything_else(text: str) -> None:
    with suppress(ValueError):
        decode(text)
