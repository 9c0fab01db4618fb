"""Cells of a port's row: every one exactly as wide as its column, and true."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.pcie import Direction
from mlxtop.model.sample import Link, LinkLayer, LinkState, PortSample, Temperature
from mlxtop.present import cells
from mlxtop.present.cells import BLOCKS, PortRow, RowContext, blocks, port_row, warmth
from mlxtop.present.text import Role, line_width, plain
from mlxtop.present.view import speed_name
from tests.samples import PACU, ethernet, frame, sample


def row(port: PortSample, context: RowContext = RowContext()) -> PortRow:  # noqa: B008
    earlier = ethernet(PACU, 1.0, 0, 0)
    return port_row(frame(sample(1.0, earlier), sample(2.0, port)), PACU.id, context)


@pytest.mark.parametrize(
    ("rate", "name"),
    [
        ("40 Gb/sec (4X QDR)", "QDR 40G"),
        ("56 Gb/sec (4X FDR)", "FDR 56G"),
        ("400 Gb/sec (4X NDR)", "NDR 400G"),
        (None, "54.55G IB"),
    ],
)
def test_infiniband_speeds_have_the_names_of_the_field(rate: str | None, name: str) -> None:
    assert speed_name(Link(LinkLayer.INFINIBAND, speed=54_545_000_000, rate=rate)) == name


def test_a_link_that_flapped_says_how_often_and_a_dead_one_why() -> None:
    up = row(ethernet(PACU, 2.0, 0, 0), RowContext(flaps={PACU.id: 3}))
    assert plain(cells.link(up, 14)) == "● 100G Eth ↕3 "
    assert plain(cells.link(up, 10)) == "● 100G ↕3 "
    assert plain(cells.flaps(up, 5)) == "    3"
    dead = row(ethernet(PACU, 2.0, 0, 0, link=Link(state=LinkState.NO_MODULE)))
    assert plain(cells.link(dead, 11)) == "○ no module"
    assert plain(cells.link(dead, 10)) == "○ empty   "
    assert plain(cells.flaps(dead, 5)) == "    –"


def test_an_infiniband_link_that_flapped_keeps_its_generation() -> None:
    link = Link(LinkLayer.INFINIBAND, LinkState.UP, speed=54_545_000_000, rate="56 Gb/sec (4X FDR)")
    up = row(ethernet(PACU, 2.0, 0, 0, link=link), RowContext(flaps={PACU.id: 2}))
    assert plain(cells.link(up, 12)) == "● FDR 56G ↕2"
    assert plain(cells.link(up, 10)) == "● FDR ↕2  "


def test_where_no_cell_tells_the_state_the_rate_does() -> None:
    render = cells.rate_or_state("rx_bps", Role.RX)
    assert plain(render(row(ethernet(PACU, 2.0, 8e9, 0)), 9)) == "16.0 Gb/s"
    dead = row(ethernet(PACU, 2.0, 8e9, 0, link=Link(state=LinkState.DOWN)))
    assert plain(render(dead, 9)) == "○ down   "


@given(st.lists(st.one_of(st.just(nan), st.floats(0, 1e12)), max_size=30))
def test_curves_have_a_column_a_value(values: list[float]) -> None:
    line = blocks(values, 100e9, Role.RX)
    assert line_width(line) == len(values)
    assert set(plain(line)) <= {" ", *BLOCKS}


def test_the_height_of_a_block_is_its_share_of_the_scale() -> None:
    assert plain(blocks([0.0, 1.0, 50.0, 99.0, 100.0, 500.0], 100.0, Role.TX)) == "▁▁▅███"
    (faint,), (low,) = blocks([0.0], 100.0, Role.TX), blocks([1.0], 100.0, Role.TX)
    assert (faint[1], low[1]) == (Role.FAINT, Role.TX)


def test_a_thermometer_shows_the_sensor_nearest_to_its_own_alarm() -> None:
    sensors = (
        Temperature("asic", 84.0, 2.0, 105.0, 115.0),
        Temperature("module", 70.0, 2.0, 75.0, 80.0),
    )
    warm = row(ethernet(PACU, 2.0, 0, 0)._replace(temperatures=sensors))
    nearest = warmth(warm)
    assert nearest is not None
    assert (nearest.sensor, round(nearest.share, 3), nearest.over) == ("module", 0.833, -5.0)
    assert plain(cells.thermometer(warm, 6)) == "━━━━━─"
    assert plain(cells.thermometer(warm, 1)) == "▇"
    hot = ethernet(PACU, 2.0, 0, 0)._replace(temperatures=(sensors[1]._replace(celsius=75.0),))
    assert cells.thermometer(row(hot), 1) == (("█", Role.WARNING),)
    hot = hot._replace(temperatures=(sensors[1]._replace(celsius=80.0),))
    assert cells.thermometer(row(hot), 1) == (("█", Role.CRITICAL),)
    dark = row(ethernet(PACU, 2.0, 0, 0)._replace(temperatures=()))
    assert warmth(dark) is None
    assert plain(cells.thermometer(dark, 6)) == "–     "


@pytest.mark.parametrize(("share", "text"), [(0.0, "  0 %"), (0.5, " 50 %"), (1.0, "100 %")])
def test_the_share_of_rdma_is_that_of_the_traffic(share: float, text: str) -> None:
    early, late = (ethernet(PACU, tick, 8e9, 8e9, rdma_share=share) for tick in (1.0, 2.0))
    both = port_row(frame(sample(1.0, early), sample(2.0, late)), PACU.id)
    assert plain(cells.rdma(both, 5)) == text


def test_a_curve_is_a_bar_where_there_is_no_past() -> None:
    render = cells.curve(Direction.RX)
    here = row(ethernet(PACU, 2.0, 8e9, 0))
    assert set(plain(render(here, 8))) <= set("━╸─")
    drawn = RowContext(curve=lambda port, direction, columns: (("▅" * columns, Role.RX),))
    assert plain(render(row(ethernet(PACU, 2.0, 8e9, 0), drawn), 8)) == "▅" * 8
