"""What differs between two times: each kind of difference, and where nothing may be said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.commands.cabling_file import SCHEMA, dump, parse
from mlxtop.ends.cabling import Cabled, Cabling, FarEnd, Kind, Plug, differences, sealed, untold

DAC = Plug("Mellanox", "MCP1600-C003", "MT2143VS00001", 3.0)
LEAF = FarEnd("0xb8599f0300b00020", "1", "leaf1")
P0 = Cabled("0000:41:00.0/1", "ibp65s0", True, (LEAF,), DAC)
P1 = Cabled(
    "0000:81:00.0/1",
    "ibp129s0",
    True,
    (LEAF._replace(port="2"),),
    DAC._replace(serial="MT2143VS00002"),
)


def cabling(*ports: Cabled) -> Cabling:
    return Cabling("hdr", 1.0, "", ports)


def told(*now: Cabled) -> list[tuple[str, Kind]]:
    found = differences(cabling(P0, P1), cabling(*now))
    return [(one.port, one.kind) for one in found]


def test_as_it_was_nothing_is_told() -> None:
    assert told(P0, P1) == []
    assert list(untold(cabling(P0, P1), cabling(P0, P1))) == []


def test_two_cables_that_were_swapped_are_told_once_a_port() -> None:
    crossed = P0._replace(far=P1.far), P1._replace(far=P0.far)
    assert told(*crossed) == [("ibp65s0", Kind.SWAPPED), ("ibp129s0", Kind.SWAPPED)]
    with_plugs = P0._replace(far=P1.far, plug=P1.plug), P1._replace(far=P0.far, plug=P0.plug)
    assert told(*with_plugs) == told(*crossed)
    (one, _) = differences(cabling(P0, P1), cabling(*crossed))
    assert (one.before, one.now) == ("leaf1 port 1", "leaf1 port 2, where ibp129s0 went")


def test_a_port_that_goes_to_a_new_place_is_told() -> None:
    assert told(P0._replace(far=(LEAF._replace(port="9"),)), P1) == [("ibp65s0", Kind.ELSEWHERE)]
    renamed = P0._replace(far=(LEAF._replace(name="leaf-a"),))
    assert told(renamed, P1) == []
    also = P0._replace(far=(FarEnd("other", "1"), LEAF))
    assert told(also, P1) == []


@pytest.mark.parametrize(
    ("plug", "kinds"),
    [
        (DAC._replace(serial="MT2143VS00009"), [Kind.OTHER_MODULE]),
        (DAC._replace(part="MCP1600-C005"), [Kind.OTHER_MODULE]),
        (DAC._replace(metres=5.0), [Kind.OTHER_LENGTH]),
        (DAC._replace(serial="MT2143VS00009", metres=5.0), [Kind.OTHER_MODULE, Kind.OTHER_LENGTH]),
        (DAC._replace(serial="MT2143VS00002"), [Kind.SWAPPED]),
        (DAC._replace(serial="", metres=None), []),
        (None, []),
    ],
    ids=str,
)
def test_a_module_that_differs_is_told(plug: Plug | None, kinds: list[Kind]) -> None:
    assert told(P0._replace(plug=plug), P1) == [("ibp65s0", kind) for kind in kinds]


def test_an_empty_cage_is_unplugged_and_a_dark_link_is_only_down() -> None:
    empty = P0._replace(is_up=False, far=None, plug=None, is_empty=True)
    assert told(empty, P1) == [("ibp65s0", Kind.UNPLUGGED)]
    assert told(P0._replace(is_up=False, far=None), P1) == [("ibp65s0", Kind.DOWN)]
    assert told(P1) == [("ibp65s0", Kind.GONE)]


def test_what_is_not_told_now_is_no_difference_but_said() -> None:
    now = cabling(P0._replace(far=None, plug=None), P1, Cabled("x", "new", True))
    assert list(differences(cabling(P0, P1), now)) == []
    assert list(untold(cabling(P0, P1), now)) == [
        ("ibp65s0", "where it goes and its module cannot be told now"),
        ("new", "was not there when this was saved"),
    ]


def test_a_port_that_was_renumbered_is_found_by_its_name() -> None:
    assert told(P0._replace(place="0000:42:00.0/1"), P1) == []


def test_sealed_serial_numbers_are_alike_by_salt_and_say_nothing() -> None:
    assert sealed("MT1", "a") == sealed("MT1", "a") != sealed("MT1", "b")
    assert "MT1" not in sealed("MT1", "a") and sealed("MT1", "") == "MT1"


def test_a_file_is_read_back() -> None:
    saved = json.loads(json.dumps(dump(cabling(P0, P1), "then")))
    assert parse(saved) == cabling(P0, P1)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("ports", "far", "plug", "place", "metres")), inner)
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_file_is_read_or_refused(answer: object) -> None:
    for one in (answer, {"schema": SCHEMA, "ports": [answer, {"far": answer, "plug": answer}]}):
        try:
            parse(one)
        except ValueError as error:
            assert "no file of mlxtop cabling" in str(error)
