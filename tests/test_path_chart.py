"""Page P: every way over time, on the axis, with the zoom and the cursor of all charts."""

from __future__ import annotations

import re
from math import inf, isnan

import pytest

from mlxtop.model.history import Series
from mlxtop.model.path import PathStatus, PeerStatus, Way, WayState, WayStatus
from mlxtop.tui.screens.path import PathPage
from mlxtop.tui.time_axis import TimeAxis
from mlxtop.tui.widgets.path_chart import PathChart, columns_of, lanes_of, value_in
from tests.story import Person
from tests.tour import Walk, walk

AXIS = TimeAxis(0.0, 2.0, 10, 9)
"""Ten columns of two seconds, from 0 to 20."""


def series(*points: tuple[float, float]) -> Series:
    made = Series()
    for point in points:
        made.append(*point)
    return made


@pytest.mark.parametrize(
    ("points", "worst"),
    [
        ([(4.1, 0.1), (5.0, 0.3)], 0.3),
        ([(4.1, 9.0), (5.0, -0.1)], -0.1),
        ([(4.1, -9.0), (5.0, inf)], inf),
        ([(4.1, -inf), (5.0, 9.0)], -inf),
    ],
)
def test_a_column_has_the_worst_of_its_instants(
    points: list[tuple[float, float]], worst: float
) -> None:
    assert columns_of(series(*points), AXIS)[2] == worst


def test_a_value_stands_for_the_time_since_the_one_before_unless_that_is_long_ago() -> None:
    values = columns_of(series((1.0, 0.1), (11.0, 0.2)), AXIS)
    assert values[:6] == [0.1, 0.2, 0.2, 0.2, 0.2, 0.2]
    assert all(map(isnan, values[6:]))
    late = TimeAxis(0.0, 2.0, 10, 109)
    values = columns_of(series((1.0, 0.1), (219.0, 0.2)), late)
    assert all(map(isnan, values[:9]))
    assert values[9] == 0.2
    assert all(map(isnan, columns_of(None, AXIS)))
    assert columns_of(series((199.0, 0.1), (203.0, 0.3)), late)[:2] == [0.3, 0.3]


def test_a_column_alone_has_the_value_that_it_has_among_others() -> None:
    past = series((1.0, 0.1), (5.0, inf), (11.0, -0.2), (150.0, 0.3), (158.5, 0.4))
    for axis in (AXIS, AXIS._replace(last=79)):
        for column, value in enumerate(columns_of(past, axis)):
            alone = value_in(past, *axis.bounds(column))
            assert alone == value or (isnan(alone) and isnan(value)), (column, alone, value)


def test_ways_stand_by_preference_and_below_their_peer_where_there_are_several() -> None:
    ways = (
        WayStatus(Way("slow0", None, 2), WayState.UP),
        WayStatus(Way("fast0", None, 1), WayState.UP, used=True),
    )
    one = PeerStatus("b", "10.0.0.2", ways)
    assert [lane.label for lane in lanes_of(PathStatus((one,)))] == ["▸ dev fast0", "  dev slow0"]
    labels = [lane.label for lane in lanes_of(PathStatus((one, one._replace(name="c"))))]
    assert labels == ["b", "▸ dev fast0", "  dev slow0", "c", "▸ dev fast0", "  dev slow0"]


async def _with_a_death(walking: Walk, seconds: float = 75.0) -> Person:
    """Open page P of the simulated Ceph host and wait until a link has died."""
    paths = walking.app.paths
    assert paths is not None
    paths.begin(suggested=False)
    await walking.forward(10.0)
    await walking.press("P")
    await walking.forward(seconds)
    assert isinstance(walking.app.screen, PathPage)
    return Person(walking)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "size", [pytest.param((60, 15), marks=SLOW), (80, 24), pytest.param((200, 60), marks=SLOW)]
)
async def test_every_way_has_its_past_at_every_size(size: tuple[int, int]) -> None:
    async with walk("ceph", size, 5.0) as walking:
        one = await _with_a_death(walking)
        dying = re.search(r" dev enp3s0d1 .*[▁▂▃]✗+ +lost ", one.text)
        assert dying, one.text
        alive = re.search(r"▸ via 10.15.15.2 dev enp3s0 .*[▁▂▃]{8,} +0\.\d+ ms ", one.text)
        assert alive, one.text
        if size[1] >= 24:
            await one.sees("✗ lost or down", "now")
            assert re.search(r" event +▲", one.text), one.text


@pytest.mark.slow
async def test_zoom_and_cursor_are_those_of_all_charts_and_read_every_way() -> None:
    async with walk("ceph", (120, 40), 5.0) as walking:
        one = await _with_a_death(walking)
        page = walking.app.screen
        assert isinstance(page, PathPage)
        axis = page.axis()
        assert axis is not None
        await walking.press("left_square_bracket")
        wider = page.axis()
        assert wider is not None
        assert wider.span > axis.span
        assert walking.app.state.time.chosen == pytest.approx(wider.span), (
            "other screens have it too"
        )
        await walking.press("right_square_bracket")
        await one.sees("lost")
        page.chart.focus()
        await walking.press("shift+left")
        await one.sees("ceph2 3 of 3 ways up ceph3 3 of 3 ways up", "s ago")
        assert " lost " not in re.sub(r"✗ lost.*", "", one.text).split("╭─ ceph2")[0]
        await walking.press("end")
        await one.sees("ceph2 2 of 3 ways up")
        for _ in range(12):
            if re.search(r"▲ (way|route) to ceph", one.words):
                break
            await walking.press("left")
        await one.sees_like(r"▲ (way|route) to ceph\d")


@pytest.mark.slow
async def test_a_frozen_page_shows_the_ways_as_they_were_at_the_cursor() -> None:
    async with walk("ceph", (120, 40), 5.0) as walking:
        one = await _with_a_death(walking)
        after = "the best that is up: dev enp3s0d1 is down"
        await one.sees(after)
        await walking.press("space", "shift+left", "shift+left")
        await one.sees("PAUSED", "ceph2 3 of 3 ways up")
        one.sees_not(after)
        await walking.forward(10.0)
        one.sees_not(after)
        await walking.press("space")
        await one.sees(after)
        one.sees_not("PAUSED")


async def test_escape_leaves_the_chart_and_then_the_page() -> None:
    async with walk("ceph", (120, 40), 5.0) as walking:
        one = await _with_a_death(walking, 4.0)
        page = walking.app.screen
        assert isinstance(page, PathPage)
        page.chart.focus()
        await one.sees("ways up")
        await walking.press("escape")
        assert walking.app.screen is page
        one.sees_not("ways up")
        await walking.press("escape")
        assert walking.app.screen is not page


async def test_without_ways_there_is_no_chart() -> None:
    async with walk("pacu", (80, 24)) as walking:
        await walking.press("P")
        one = Person(walking)
        await one.sees("The first probes are on their way")
        one.sees_not("Ways")


@pytest.mark.parametrize(("columns", "room"), [(60, 30), (80, 34), (100, 34)])
def test_names_of_ways_are_whole_from_eighty_columns_on(columns: int, room: int) -> None:
    way = WayStatus(Way("enp139s0f0np0", "10.61.0.1"), WayState.UP)
    chart = PathChart(id="ways")
    chart.lay_out(PathStatus((PeerStatus("b", "10.60.0.1", (way,)),)), (columns, 24), 12)
    assert chart.scale_width == room
