"""What a row of the catalogue says of its counter."""

from __future__ import annotations

import pytest

from mlxtop.model.counters import Counter, Origin, Schema, Unit

ROW = Counter(Origin.RDMA_ERRORS, "symbol_error", Unit.EVENTS, "Bad symbols")


@pytest.mark.parametrize(
    ("width", "wraps", "ceiling"),
    [
        (8, False, 255),
        (16, False, 65535),
        (63, False, 2**63 - 1),
        (64, False, None),
        (8, True, None),
    ],
)
def test_a_narrow_counter_sticks_at_its_ceiling_unless_it_wraps(
    width: int, wraps: bool, ceiling: int | None
) -> None:
    assert ROW._replace(width=width, wraps=wraps).ceiling == ceiling


def test_a_family_is_a_row_with_a_place_for_the_number() -> None:
    row = ROW._replace(key="rx_err_lane_{n}_phy", help="Errors of lane {n}")
    member = row.member(2)
    assert (member.key, member.help) == ("rx_err_lane_2_phy", "Errors of lane 2")
    assert (member.family, member.number, member.unit) == (row.key, 2, Unit.EVENTS)


def test_a_table_knows_the_place_of_every_name() -> None:
    schema = Schema(("a", "b"))
    assert schema.index == {"a": 0, "b": 1}
    assert repr(schema) == "Schema(2 keys)"
