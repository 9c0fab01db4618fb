"""Simple values as JSON and back; what is untrusted is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.model.codec import (
    SAME,
    TEXT,
    Choice,
    Codec,
    Context,
    Flag,
    Optional,
    PortName,
    Real,
    Text,
    UnreadableError,
    Whole,
)
from mlxtop.model.identity import PortId
from mlxtop.model.sample import LinkState

PORT = PortId("0000:43:00.0", 1)
STATE = Choice(LinkState)


@pytest.mark.parametrize(
    ("codec", "value", "data"),
    [
        (Text(), "pacu", "pacu"),
        (Flag(), True, True),
        (Whole(), (1 << 64) - 1, (1 << 64) - 1),
        (Real(), 0.1 + 0.2, 0.1 + 0.2),
        (Real(), 5, 5),
        (STATE, LinkState.NO_MODULE, "no module"),
        (PortName(), PORT, "0000:43:00.0/1"),
        (PortName(), PortId("a/b", 12), "a/b/12"),
        (Optional(Text()), None, None),
        (Optional(Text()), "x", "x"),
    ],
)
def test_a_value_comes_back_as_it_was(codec: Codec, value: Any, data: Any) -> None:
    assert codec.whole(value, Context()) == data
    assert codec.read(data, Context()) == value


@pytest.mark.parametrize(
    ("codec", "data"),
    [
        (Text(), 5),
        (Text(), None),
        (Flag(), 1),
        (Whole(), True),
        (Whole(), 1.0),
        (Whole(), 1 << 64),
        (Whole(), -(1 << 63) - 1),
        (Real(), "5"),
        (Real(), float("nan")),
        (Real(), float("inf")),
        (Real(), True),
        (Real(), 10**400),
        (STATE, "hibernating"),
        (STATE, []),
        (PortName(), "0000:43:00.0"),
        (PortName(), "0000:43:00.0/-1"),
        (PortName(), 7),
        (Optional(Text()), 7),
    ],
)
def test_what_has_not_the_right_form_is_unreadable(codec: Codec, data: Any) -> None:
    with pytest.raises(UnreadableError):
        codec.read(data, Context())


def test_a_text_is_cut_at_its_bound() -> None:
    assert Text().read("x" * TEXT, Context()) == "x" * TEXT
    assert Text().read("x" * (TEXT + 1), Context()) == "x" * TEXT


def test_only_what_differs_is_a_change() -> None:
    assert Text().change("a", "a", Context()) is SAME
    assert Text().change("a", "b", Context()) == "b"
    maybe = Optional(Text())
    assert maybe.change(None, None, Context()) is SAME
    assert maybe.change("a", None, Context()) is None
    assert maybe.change(None, "b", Context()) == "b"


@pytest.mark.parametrize(
    ("codec", "value"),
    [(Text(), "eth 0"), (STATE, LinkState.UP), (PortName(), PORT), (Whole(), 3)],
)
def test_a_value_can_be_the_name_of_a_member(codec: Codec, value: Any) -> None:
    assert codec.unkey(codec.key(value)) == value


@pytest.mark.parametrize("text", ["", "[" * 100_000, "{", "1e5"])
def test_a_name_that_is_no_value_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableError):
        Whole().unkey(text)
