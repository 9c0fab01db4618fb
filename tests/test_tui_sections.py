"""Boxes of a page fill the width of the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.text import Line, Role, Section, labelled, line_width, plain
from mlxtop.tui.widgets.sections import WIDEST, fewest, folded, in_boxes, laid_out

LINES = st.lists(
    st.tuples(st.text("abc é█", min_size=1, max_size=5), st.sampled_from(list(Role))), max_size=6
).map(tuple)


@given(st.integers(8, 260), st.lists(st.lists(LINES, max_size=4), min_size=1, max_size=5))
def test_boxes_fill_their_lines_at_every_width(columns: int, pages: list[list[Line]]) -> None:
    sections = [Section("title", tuple(lines)) for lines in pages]
    widths = {line_width(line) for line in laid_out(sections, columns)}
    assert max(widths) <= columns
    assert min(widths) >= columns - 2


CPUS = labelled("local CPUs", ",".join(map(str, range(1, 32, 2))), note="of node 1")


@pytest.mark.parametrize("columns", [40, 50, 60])
def test_a_value_that_is_too_long_is_folded_below_itself(columns: int) -> None:
    lines = folded(CPUS, columns)
    assert len(lines) > 1
    assert all(line_width(line) <= columns for line in lines)
    assert plain(lines[0]).startswith("local CPUs       1,3,")
    assert all(plain(line).startswith(" " * 17) and plain(line)[17] != " " for line in lines[1:])
    joined = "".join(plain(line)[17:].rstrip() for line in lines).replace(" ", "")
    assert joined == plain(CPUS)[17:].replace(" ", "")


@pytest.mark.parametrize("line", [CPUS[:2], ((" " * 200, Role.TEXT),), labelled("a", "b")])
def test_other_lines_are_left_as_they_are(line: Line) -> None:
    assert folded(line, 60) == [line]
    assert folded(CPUS, line_width(CPUS)) == [CPUS]


def page(columns: int) -> list[Section]:
    """Two boxes with a paragraph each."""
    text = "word " * 60
    lines = [((text[at : at + columns], Role.TEXT),) for at in range(0, len(text), columns)]
    return [Section("one", tuple(lines)), Section("other", tuple(lines))]


@pytest.mark.parametrize(("columns", "boxes"), [(80, 1), (116, 1), (117, 2), (198, 2)])
def test_boxes_stand_side_by_side_where_that_takes_fewer_lines(columns: int, boxes: int) -> None:
    assert fewest(page, columns) == boxes
    lines = in_boxes(page, columns, boxes)
    assert plain(lines[0]).count("╭") == boxes


@pytest.mark.parametrize(("columns", "prose"), [(80, 76), (103, 99), (104, 100), (200, WIDEST)])
def test_paragraphs_are_as_wide_as_their_box_up_to_what_can_be_read(
    columns: int, prose: int
) -> None:
    asked: list[int] = []

    def noted(width: int) -> list[Section]:
        asked.append(width)
        return page(width)

    in_boxes(noted, columns, 1)
    assert asked == [prose]
