"""Charts as SVG: well-formed, inside their picture, with holes where nothing is known."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.outputs import svg
from mlxtop.outputs.svg import LEFT, RIGHT, TOP, WIDTH, Limit, Mark, Plot, TimeAxis, Trace, picture
from tests.reports import BEGIN, HOSTILE

AXIS = TimeAxis(BEGIN, BEGIN + 600)
PLOT = Plot(AXIS, 200, -10.0, 10.0)
VALUES = st.lists(st.none() | st.floats(-1e12, 1e12), max_size=40)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


@given(VALUES)
def test_a_trace_stays_inside_its_picture(values: list[float | None]) -> None:
    parts = list(PLOT.trace(Trace("rx", values, values, is_area=True)))
    ElementTree.fromstring(picture(200, "a", parts))
    for part in parts:
        found = numbers(part.split(' d="')[1])
        assert all(-1 <= number <= WIDTH for number in found)


def test_a_hole_parts_a_line_and_sparse_samples_do_not() -> None:
    def lines(*values: float | None) -> int:
        return sum("line" in part for part in PLOT.trace(Trace("rx", values, values)))

    assert lines(1.0, 2.0, 3.0, 4.0) == 1
    assert lines(1.0, 2.0, None, None, 3.0, 4.0) == 2
    assert lines(1.0, None, None, 2.0, None, None, 3.0) == 1
    assert lines(None, None, 1.0, None) == 1
    assert lines(None, None) == lines() == 0


def test_what_is_drawn_down_is_below_zero() -> None:
    up, down = (
        next(part for part in PLOT.trace(Trace("rx", (5.0, 5.0), (5.0, 5.0), down=down)))
        for down in (False, True)
    )
    assert numbers(up)[1] < PLOT.y(0.0) < numbers(down)[1]


@pytest.mark.parametrize(
    ("seconds", "first"),
    [(8, "07:00:00"), (600, "07:00"), (7200, "07:00"), (86_400, "09:00"), (30 * 86_400, "11-26")],
)
def test_times_are_round_and_few(seconds: float, first: str) -> None:
    ticks = list(TimeAxis(BEGIN, BEGIN + seconds).ticks())
    assert 2 <= len(ticks) <= svg.MOST_TICKS + 1
    assert ticks[0][1] == first
    assert all(BEGIN <= wall <= BEGIN + seconds for wall, _ in ticks)


def test_an_instant_has_an_axis_too() -> None:
    axis = TimeAxis(BEGIN, BEGIN)
    assert axis.x(BEGIN) == LEFT
    assert len(list(axis.ticks())) <= svg.MOST_TICKS + 1


def test_what_took_no_time_can_be_seen_and_stays_inside() -> None:
    marks = [Mark(BEGIN + at, BEGIN + at, "warning", "x") for at in (-50, 0, 300, 600, 9000)]
    for part in AXIS.spans(marks, TOP, 10):
        found = ElementTree.fromstring(part)
        x, width = float(found.attrib["x"]), float(found.attrib["width"])
        assert width >= svg.LEAST_WIDTH
        assert LEFT <= x <= WIDTH - RIGHT - width + 0.1


def test_labels_do_not_lie_on_each_other() -> None:
    limits = [Limit(5.0, "a", "warning"), Limit(5.3, "b", "critical"), Limit(99.0, "c", "critical")]
    text = "".join(PLOT.limits(limits))
    assert ">a<" in text and ">b<" not in text and ">c<" not in text
    assert text.count("<path") == 2
    scale = "".join(PLOT.scale([(0.0, "0"), (0.2, "near"), (9.0, "far")]))
    assert ">0<" in scale and ">near<" not in scale and ">far<" in scale


def test_names_are_text_and_nothing_else() -> None:
    whole = picture(99, HOSTILE, [*AXIS.row(HOSTILE, 9.0), *AXIS.spans([_mark()], 0, 9)])
    root = ElementTree.fromstring(whole)
    assert {one.tag for one in root.iter()} == {"svg", "text", "title", "rect"}
    assert "\x1b" not in whole


def _mark() -> Mark:
    return Mark(BEGIN, BEGIN + 9, "warning", HOSTILE)
