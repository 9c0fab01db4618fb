"""Boxes of a page fill the width of the screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.text import Line, Role, Section, line_width
from mlxtop.tui.widgets.sections import laid_out

LINES = st.lists(
    st.tuples(st.text("abc é█", min_size=1, max_size=5), st.sampled_from(list(Role))), max_size=6
).map(tuple)


@given(st.integers(8, 260), st.lists(st.lists(LINES, max_size=4), min_size=1, max_size=5))
def test_boxes_fill_their_lines_at_every_width(columns: int, pages: list[list[Line]]) -> None:
    sections = [Section("title", tuple(lines)) for lines in pages]
    widths = {line_width(line) for line in laid_out(sections, columns)}
    assert max(widths) <= columns
    assert min(widths) >= columns - 2
