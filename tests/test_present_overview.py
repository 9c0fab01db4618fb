"""The overview keeps its widths, its order and its promises at every size."""

from __future__ import annotations

from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.lab import load_lab
from mlxtop.lab.clock import ManualClock
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.sample import Link, LinkState, PortSample, Problem
from mlxtop.present.columns import layout
from mlxtop.present.order import ERRORS, HEAT, RATE, Order
from mlxtop.present.overview import entries, header_line, overview
from mlxtop.present.text import line_width, plain
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from tests.samples import IB, PACU, ethernet, frame, half_slot, sample, veth


def machine() -> Frame:
    return frame(
        *(
            sample(
                tick,
                ethernet(PACU, tick, 46.1e9, 1.2e9, errors=int(tick)),
                ethernet(IB, tick, 0.0, 99e9, module=82.0),
                veth("veth10", 9, tick, 3e6),
                veth("veth2", 5, tick, 1e6),
            )
            for tick in (1.0, 2.0)
        )
    )


@given(st.integers(1, 260))
def test_every_line_is_exactly_as_wide_as_the_screen(columns: int) -> None:
    assert {line_width(line) for line in overview(machine(), columns)} == {columns}


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (20, ["PORT", "RX"]),
        (40, ["PORT", "RX", "TX", "HEAT"]),
        (60, ["PORT", "LINK", "RX", "TX", "MODULE", "HEAT"]),
        (80, ["PORT", "LINK", "RX", "", "TX", "", "MODULE", "HEAT", "ERRORS"]),
    ],
)
def test_narrow_screens_keep_the_columns_that_matter(columns: int, titles: list[str]) -> None:
    assert [column.title for column in layout(columns, 10)] == titles


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ((0, 0), ("● 100G Eth  ", "    0 ")),
        ((0, 756), ("● 100G   !  ", "  756!")),
        ((0, 756, 756), ("● 100G   !  ", "  756 ")),
        ((0, 12_500, 12_500), ("● 100G   !  ", "12.5k ")),
    ],
)
def test_the_link_holds_the_errors_where_they_have_no_column(
    counts: tuple[int, ...], wanted: tuple[str, str]
) -> None:
    looks = [
        sample(tick, ethernet(PACU, tick, 1e9, 1e9, errors=count))
        for tick, count in enumerate(counts, 1)
    ]
    narrow, wide = (plain(overview(frame(*looks), columns)[2]) for columns in (60, 78))
    assert wanted[0] in narrow
    assert wanted[1] in wide
    assert "● 100G Eth  " in wide


def test_the_clock_stays_at_the_right_and_totals_before_the_kernels_version() -> None:
    problems = tuple(Problem(str(n), "x") for n in range(2))
    for columns in (40, 80, 100, 120, 200):
        lines = [
            plain(header_line(one, columns, label="pacu", interval=1.0, badges=("DEMO",)))
            for one in (machine(), machine()._replace(sample=sample(2.0, problems=problems)))
        ]
        assert {len(line) for line in lines} == {columns}
        assert len({line[-9:] for line in lines}) == 1
        assert all("Linux" not in line or "RX" in line for line in lines)
    assert "RX" in plain(header_line(machine(), 80, label="pacu", interval=1.0))
    assert "Linux" in plain(header_line(machine(), 120, label="pacu", interval=1.0))


def test_wide_screens_show_every_column() -> None:
    assert {"RDMA", "ERRORS", "FLAPS", "ASIC", "DEVICE"} <= {c.title for c in layout(200)}


def test_columns_stay_where_they_are_whatever_the_numbers() -> None:
    quiet = frame(sample(1.0, ethernet(PACU, 1.0, 0, 0)), sample(2.0, ethernet(PACU, 2.0, 0, 0)))
    loud = machine()
    for columns in (80, 120, 200):
        first, second = overview(quiet, columns), overview(loud, columns)
        assert plain(first[0]) == plain(second[0])


def test_names_sort_naturally_and_virtual_devices_stand_apart() -> None:
    rows = entries(machine(), every_card=True)
    assert [str(r.port) if r.port else r.title for r in rows] == [
        "",
        "0000:43:00.0/1",
        "0000:43:00.1/1",
        "Virtual devices",
        "veth2/1",
        "veth10/1",
    ]


def test_a_filter_finds_parts_of_names_globs_and_families() -> None:
    shown = machine()

    def found(pattern: str) -> list[str]:
        return [str(row.port) for row in entries(shown, pattern) if row.port]

    assert found("np0") == ["0000:43:00.0/1"]
    assert found("veth*") == ["veth2/1", "veth10/1"]
    assert found("mlx5_1") == ["0000:43:00.1/1"]
    assert len(found("connectx")) == 2
    assert found("nothing") == []


def test_only_a_card_with_news_has_a_row_and_it_stands_below_its_ports() -> None:
    shown = machine()
    rows = entries(shown)
    assert [str(r.port) if r.port else r.below for r in rows[:3]] == [
        "0000:43:00.0/1",
        "0000:43:00.1/1",
        True,
    ]
    full = half_slot()
    full = full._replace(path=full.path._replace(links=full.path.links[:1]))
    wide = full.path.links[0]._replace(width=16)
    status = full._replace(path=full.path._replace(links=(wide,)))
    calm = shown._replace(sample=shown.sample._replace(pcie={"0000:43:00": status}))
    assert not any(row.adapter for row in entries(calm))


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("!enp*", ["ibp67s0f1", "veth2", "veth10"]),
        ("eth", ["enp67s0np0", "ibp67s0f1", "veth2", "veth10"]),
        ("100g", ["enp67s0np0", "ibp67s0f1"]),
        ("up !veth", ["enp67s0np0", "ibp67s0f1"]),
        ("down", []),
        ("!", ["enp67s0np0", "ibp67s0f1", "veth2", "veth10"]),
    ],
)
def test_a_filter_knows_states_layers_and_speeds_and_what_not(
    pattern: str, wanted: list[str]
) -> None:
    shown = machine()
    rows = entries(shown, pattern)
    assert [shown.ports[row.port].now.port.name for row in rows if row.port] == wanted


def test_other_orders_put_the_most_first_without_headings() -> None:
    shown = machine()
    assert str(entries(shown, order=RATE)[0].port) == "0000:43:00.1/1"
    assert str(entries(shown, order=HEAT)[0].port) == "0000:43:00.1/1"
    assert str(entries(shown, order=ERRORS)[0].port) == "0000:43:00.0/1"


def order_of(order: Order, rates: tuple[float, float], heat: tuple[float, float]) -> list[str]:
    """The devices of two ports with these rates and module temperatures, as they are sorted."""
    shown = frame(
        *(
            sample(
                tick,
                ethernet(PACU, tick, rates[0], 0.0, module=heat[0]),
                ethernet(IB, tick, 0.0, rates[1], module=heat[1]),
            )
            for tick in (1.0, 2.0)
        )
    )
    return [row.port.device for row in entries(shown, order=order) if row.port]


NATURAL, TURNED = ["0000:43:00.0", "0000:43:00.1"], ["0000:43:00.1", "0000:43:00.0"]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((40e9, 40e9), NATURAL),
        ((40e9, 40.1e9), NATURAL),
        ((40e9, 41.9e9), NATURAL),
        ((40e9, 42.2e9), TURNED),
        ((42.2e9, 40e9), NATURAL),
        ((0.0, 90e3), NATURAL),
        ((0.0, 110e3), TURNED),
    ],
)
def test_ports_as_busy_as_each_other_keep_their_order(
    rates: tuple[float, float], expected: list[str]
) -> None:
    assert order_of(RATE, rates, (50.0, 50.0)) == expected


@pytest.mark.parametrize(
    ("heat", "expected"), [((50.0, 50.9), NATURAL), ((50.0, 51.1), TURNED), ((51.1, 50), NATURAL)]
)
def test_ports_as_hot_as_each_other_keep_their_order(
    heat: tuple[float, float], expected: list[str]
) -> None:
    shifted = heat[0] + 25.0, heat[1] + 25.0  # hotter than the chip, against its own limit
    assert order_of(HEAT, (0.0, 0.0), shifted) == expected


def test_noise_moves_no_row_of_ports_with_the_same_traffic() -> None:
    source, stop = LiveSource(load_lab("cx3-hp", ManualClock())), Event()
    orders = set()
    for count, shown in enumerate(frames(source, stop)):
        orders.add(tuple(entries(shown, order=RATE)))
        if count == 30:  # until then both ports carry the same
            stop.set()
    source.close()
    assert len(orders) == 1


def test_the_pcie_limit_of_the_card_is_told_at_eighty_columns() -> None:
    text = "\n".join(plain(line) for line in overview(machine(), 80))
    assert "PCIe 3.0 x8 of x16 63.0 Gb/s" in text
    assert "82 °C!" in text
    assert "69 °C" in text


def test_the_state_of_a_link_is_told_in_words() -> None:
    port = Port(PortId("0000:41:00.0", 1), PortKind.PHYSICAL, driver="mlx5_core", netdev="eth0")
    down = PortSample(port, Link(state=LinkState.NO_MODULE))
    text = plain(overview(frame(sample(1.0, down)), 80)[2])
    assert "○ empty" in text
    assert "–" in text


@given(st.text(max_size=40))
def test_hostile_names_change_neither_width_nor_screen(name: str) -> None:
    port = Port(PortId("x", 1), PortKind.PHYSICAL, netdev=name or None, rdma=name or None)
    lines = overview(frame(sample(1.0, PortSample(port, Link(detail=name)))), 120)
    assert {line_width(line) for line in lines} == {120}
    assert all(plain(line).isprintable() for line in lines)


def joined(first: Port, second: Port) -> str:
    """The line of the card of two ports."""
    ports = [ethernet(port, 1.0, 1e9, 1e9) for port in (first, second)]
    return next(
        plain(line) for line in overview(frame(sample(1.0, *ports)), 200) if "Conn" in line[0][0]
    )


def test_the_line_of_a_card_says_what_is_one() -> None:
    cage = joined(PACU._replace(cage=PACU.id), IB._replace(cage=PACU.id))
    assert "one cage: enp67s0np0 + ibp67s0f1" in cage
    lag = joined(PACU._replace(rdma_lag=PACU.id), IB._replace(rdma="mlx5_0", rdma_lag=PACU.id))
    assert "RoCE LAG mlx5_0: enp67s0np0 + ibp67s0f1" in lag
    more = joined(PACU._replace(extra_functions=("0000:81:00.0",)), IB)
    assert "multi-PF: 0000:43:00.0 + 0000:81:00.0" in more
    assert not {"cage", "LAG", "multi-PF"} & set(joined(PACU, IB).split())
