"""Values that hold others: what changes in them, and what of them cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.codec import SAME, Codec, Context, UnreadableError
from mlxtop.model.codec_parts import NOT_RECORDED
from mlxtop.model.codec_types import Codecs
from mlxtop.model.number import AMOUNT


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Place(NamedTuple):
    row: int
    column: int = 0


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    colour: Colour | None = None
    at: Place | None = None
    places: tuple[Place, ...] = ()
    tags: frozenset[str] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    by_place: Mapping[Place, float] = field(default_factory=dict)
    by_colour: Mapping[Colour, Place] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)


THING = Codecs({}).of(Thing)
places = st.builds(Place, st.integers(0, 9), st.integers(0, 9))
names = st.text(max_size=5)
things = st.builds(
    Thing,
    names,
    st.none() | st.sampled_from(Colour),
    st.none() | places,
    st.lists(places, max_size=3).map(tuple),
    st.none() | st.frozensets(names, max_size=3),
    st.dictionaries(names, names, max_size=3),
    st.dictionaries(places, st.floats(-AMOUNT, AMOUNT), max_size=3),
    st.dictionaries(st.sampled_from(Colour), places),
    st.dictionaries(names, names, max_size=1),
)


def order(thing: Thing) -> list[list[Any]]:
    return [list(thing.notes), list(thing.by_place), list(thing.by_colour)]


@given(things)
def test_a_thing_comes_back(thing: Thing) -> None:
    assert THING.read(THING.whole(thing, Context()), Context()) == thing


@given(things, things)
def test_a_change_makes_the_new_thing_of_the_old_one(old: Thing, new: Thing) -> None:
    change = THING.change(old, new, Context())
    made = old if change is SAME else THING.apply(old, change, Context())
    assert made == new
    assert order(made) == order(new)


def test_what_has_its_default_is_not_written() -> None:
    assert THING.whole(Thing("x"), Context()) == {"name": "x"}


def test_only_fields_that_differ_are_written() -> None:
    old = Thing("x", at=Place(1), places=(Place(1), Place(2)), notes={"a": "1", "b": "2"})
    new = Thing("x", at=Place(1, 5), places=(Place(1), Place(3)), notes={"b": "2", "c": "3"})
    assert THING.change(old, new, Context()) == {
        "at": {"column": 5},
        "places": {"1": {"row": 3}},
        "notes": {"a": None, "c": "3"},
    }


def test_what_is_new_comes_as_a_list_of_one() -> None:
    assert THING.change(Thing("x"), Thing("x", at=Place(1)), Context()) == {"at": [{"row": 1}]}


def test_names_that_are_not_known_are_left_out() -> None:
    assert THING.read({"name": "x", "size": [1, {}]}, Context()) == Thing("x")
    assert THING.apply(Thing("x"), {"size": 3}, Context()) == Thing("x")


@pytest.mark.parametrize(
    ("data", "thing"),
    [
        ({"name": "x", "colour": "green"}, Thing("x")),
        ({"name": "x", "at": {"row": "a"}}, Thing("x")),
        ({"name": "x", "at": {"row": 1, "column": None}}, Thing("x", at=Place(1))),
        ({"name": "x", "places": [{"row": 1}, {}, 5]}, Thing("x", places=(Place(1),))),
        ({"name": "x", "notes": {"a": 5, "b": "c"}}, Thing("x", notes={"b": "c"})),
        ({"name": "x", "by_colour": {"green": {"row": 1}}}, Thing("x")),
    ],
)
def test_what_has_not_the_right_form_takes_its_default(data: Any, thing: Thing) -> None:
    context = Context()
    assert THING.read(data, context) == thing
    assert context.faults


@pytest.mark.parametrize("data", [{}, {"name": 5}, [], "x", None, {"name": None}])
def test_what_lacks_a_field_without_a_default_is_unreadable(data: Any) -> None:
    with pytest.raises(UnreadableError):
        THING.read(data, Context())


@pytest.mark.parametrize(
    "change", [5, [], [{}, {}], {"places": {"2": {}}}, {"at": {"row": 1}}, {"notes": 3}]
)
def test_a_change_that_does_not_fit_changes_nothing_else(change: Any) -> None:
    old = Thing("x", places=(Place(1), Place(2)))
    try:
        made = THING.apply(old, change, Context())
    except UnreadableError:
        return
    assert made in (old, Thing("x"), Thing("x", places=old.places))


def test_a_change_of_nothing_is_unreadable() -> None:
    with pytest.raises(UnreadableError):
        THING.apply(None, {"name": "x"}, Context())


def test_a_field_that_the_writer_did_not_have_says_so() -> None:
    context = Context()
    context.lacking[Thing] = ("colour", "places")
    assert THING.read({"name": "x"}, context) == Thing("x", absent={"colour": NOT_RECORDED})


def test_what_cannot_travel_is_told_when_its_codec_is_made() -> None:
    class Odd(NamedTuple):
        what: object

    with pytest.raises((TypeError, NameError)):
        Codecs({}).of(Odd)


def test_a_codec_is_made_once() -> None:
    codecs = Codecs({})
    one: Codec = codecs.of(Thing)
    assert codecs.of(Thing) is one
