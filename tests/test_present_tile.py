"""The words around a small chart."""

from __future__ import annotations

import pytest

from mlxtop.model.sample import Link, LinkState, Temperature
from mlxtop.present.cells import RowContext
from mlxtop.present.text import line_width, plain
from mlxtop.present.tile import tile_rates, tile_title
from tests.samples import PACU, ethernet
from tests.test_present_cells import row

SICK = row(ethernet(PACU, 2.0, 46e9, 1e9, errors=7), RowContext(flaps={PACU.id: 2}))


@pytest.mark.parametrize("columns", [1, 5, 24, 26, 49, 120])
def test_words_are_exactly_as_wide_as_the_tile(columns: int) -> None:
    assert line_width(tile_title(SICK, columns, selected=True)) == columns
    assert line_width(tile_rates(SICK, columns)) == columns


def test_what_is_wrong_stays_longer_than_the_speed_and_the_heat() -> None:
    wide = plain(tile_title(SICK, 60, selected=False))
    assert wide.startswith(" ● enp67s0np0  100G Eth")
    assert "module 69 °C" in wide
    assert wide.endswith("↕2 !7 err")
    narrow = plain(tile_title(SICK, 24, selected=True))
    assert narrow.startswith("▸● enp67s0np0")
    assert narrow.endswith("!7 err")


@pytest.mark.parametrize(("stale", "mark"), [(True, "ASIC 47 °C?"), (False, "ASIC 47 °C▃")])
def test_a_sensor_that_is_silent_is_told_in_place_of_the_heat(stale: bool, mark: str) -> None:
    asic = Temperature("asic", 47.0, stale=stale, tick=1.0)
    one = ethernet(PACU, 2.0, 0, 0)._replace(temperatures=(asic,))
    assert plain(tile_title(row(one), 60, selected=False)).rstrip().endswith(mark)


def test_a_dead_link_says_so_in_place_of_its_speed() -> None:
    dead = row(ethernet(PACU, 2.0, 0, 0, link=Link(state=LinkState.DOWN)))
    assert "○ enp67s0np0  down" in plain(tile_title(dead, 49, selected=False))
    assert "69 °C" in plain(tile_title(dead, 29, selected=False))
    narrow = plain(tile_title(dead, 24, selected=False)).rstrip()
    assert narrow == " ○ enp67s0np0  down", "before the heat"


def test_rates_stand_at_both_ends() -> None:
    calm = row(ethernet(PACU, 2.0, 0, 0))
    assert plain(tile_rates(calm, 30)) == " RX 0 b/s            TX 0 b/s "
    assert plain(tile_rates(calm, 24)) == "RX 0 b/s        TX 0 b/s"


def test_rates_of_a_narrow_tile_keep_away_from_those_of_the_next() -> None:
    assert plain(tile_rates(SICK, 26)) == "RX 92.0 Gb/s TX 2.00 Gb/s "
    calm = row(ethernet(PACU, 2.0, 0, 0))
    assert plain(tile_rates(calm, 26)) == "RX 0 b/s     TX 0 b/s     "
