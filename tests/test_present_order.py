"""Ports by any column, either way round, and the sickest first."""

from __future__ import annotations

import pytest

from mlxtop.model.frame import Frame
from mlxtop.model.sample import Link, LinkLayer, LinkState
from mlxtop.present.cells import RowContext
from mlxtop.present.columns import COLUMNS, layout
from mlxtop.present.order import (
    NATURAL,
    Order,
    is_descending,
    next_order,
    ranked,
    sickest_first,
    sickness,
    titles_of,
)
from mlxtop.present.text import plain
from mlxtop.watch.watch import Watch
from tests.samples import IB, PACU, G, ethernet, frame, mlx5_port, sample

THIRD = mlx5_port("0000:44:00.0", "ens10", "mlx5_2")
DARK = mlx5_port("0000:44:00.1", "ens9", "mlx5_3")
UP = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100 * G, mtu=1500, carrier_changes=1)
DOWN = UP._replace(state=LinkState.DOWN, carrier_changes=2)
NEVER = UP._replace(state=LinkState.DOWN)


def machine() -> Frame:
    return frame(
        *(
            sample(
                tick,
                ethernet(PACU, tick, 40e9, 1e9, module=60.0, errors=int(tick)),
                ethernet(IB, tick, 10e9, 90e9, module=82.0),
                ethernet(THIRD, tick, 20e9, 2e9, module=50.0),
                ethernet(DARK, tick, 0.0, 0.0, module=None, link=NEVER),
            )
            for tick in (1.0, 2.0)
        )
    )


def names(order: Order) -> list[str]:
    shown = machine()
    ports = ranked(shown, list(shown.ports), order, RowContext())
    return [shown.ports[port].now.port.name for port in ports]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("rx", ["enp67s0np0", "ens10", "ibp67s0f1", "ens9"]),
        ("tx", ["ibp67s0f1", "ens10", "enp67s0np0", "ens9"]),
        ("rate", ["ibp67s0f1", "enp67s0np0", "ens10", "ens9"]),
        ("module", ["ibp67s0f1", "enp67s0np0", "ens10", "ens9"]),
        ("errors", ["enp67s0np0", "ibp67s0f1", "ens10", "ens9"]),
        ("port", ["enp67s0np0", "ens9", "ens10", "ibp67s0f1"]),
        ("rx-curve", ["enp67s0np0", "ibp67s0f1", "ens10", "ens9"]),
    ],
)
def test_ports_are_sorted_by_the_values_of_a_column(by: str, expected: list[str]) -> None:
    assert names(Order(by)) == expected


def test_reversed_is_the_other_way_round_but_for_what_has_no_value() -> None:
    assert names(Order("module", True)) == ["ens10", "enp67s0np0", "ibp67s0f1", "ens9"]
    assert names(Order("port", True)) == ["ibp67s0f1", "ens10", "ens9", "enp67s0np0"]


def test_numbers_begin_with_the_most_and_names_with_the_first() -> None:
    assert [is_descending(Order(by)) for by in ("rx", "port", "rate")] == [True, False, True]
    assert [is_descending(Order(by, True)) for by in ("rx", "port")] == [False, True]


def test_stepping_through_the_columns_leaves_out_pictures_and_comes_round() -> None:
    shown = layout(80, 10)
    order, seen = NATURAL, []
    for _ in range(20):
        order = next_order(order, shown, 1)
        seen.append(order.by)
    assert seen[:8] == ["port", "link", "rx", "tx", "module", "heat", "errors", ""]
    assert seen[8] == "port"
    assert next_order(NATURAL, shown, -1).by == "errors"
    assert next_order(Order("mtu"), shown, 1).by == "port"


def test_every_column_can_be_sorted_by_or_is_a_picture() -> None:
    assert {column.id for column in COLUMNS if column.value is None} == {"rx-curve", "tx-curve"}


def test_the_sickest_port_comes_first_and_an_unused_one_is_not_sick() -> None:
    watch, after = Watch(), machine()
    for tick in (1.0, 2.0, 3.0):
        third = ethernet(THIRD, tick, 20e9, 2e9, module=50.0, link=UP if tick < 3 else DOWN)
        others = [port.now for port in after.ports.values() if port.now.port is not THIRD]
        shown = frame(sample(tick, *others, third))
        watch.ingest(shown)
    context = RowContext(heat=watch.heat, flaps=watch.flaps)
    ports = sickest_first(shown, [DARK.id, PACU.id, IB.id, THIRD.id], context)
    assert ports == [THIRD.id, IB.id, DARK.id, PACU.id]


def test_the_heading_marks_the_column_and_the_way_round() -> None:
    shown = layout(118, 10)
    for order, mark in ((Order("tx"), "TX▼"), (Order("port"), "PORT▴"), (NATURAL, "0–50G")):
        assert mark in plain(titles_of(shown, order, "0–50G", None))
    assert not set("▼▴") & set(plain(titles_of(shown, Order("rate"), "", None)))


@pytest.mark.parametrize(
    ("state", "flaps", "errors", "level"),
    [
        (LinkState.UP, 0, (5, 5), 0),
        (LinkState.UP, 1, (5, 5), 2),
        (LinkState.UP, 1, (5, 6), 7),
        (LinkState.DOWN, 0, (5, 5), 0),
        (LinkState.DOWN, 1, (5, 5), 10),
        (LinkState.MODULE_FAULT, 0, (5, 5), 9),
        (LinkState.NO_MODULE, 0, (5, 5), 0),
        (LinkState.INIT, 0, (5, 5), 1),
    ],
)
def test_a_port_is_as_sick_as_its_worst_sign(
    state: LinkState, flaps: int, errors: tuple[int, int], level: int
) -> None:
    link = UP._replace(state=state)
    one = frame(
        *(
            sample(tick, ethernet(PACU, tick, 1e9, 1e9, module=50.0, errors=count, link=link))
            for tick, count in zip((1.0, 2.0), errors, strict=True)
        )
    )
    assert sickness(one, PACU.id, RowContext(flaps={PACU.id: flaps})) == level
