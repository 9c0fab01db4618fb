"""Boxes of a page fill the width of the screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.text import Line, Role, Section, line_width, plain, wrap
from mlxtop.tui.widgets.sections import FRAME, READABLE, arranged, laid_out

LINES = st.lists(
    st.tuples(st.text("abc é█", min_size=1, max_size=5), st.sampled_from(list(Role))), max_size=6
).map(tuple)


@given(st.integers(8, 260), st.lists(st.lists(LINES, max_size=4), min_size=1, max_size=5))
def test_boxes_fill_their_lines_at_every_width(columns: int, pages: list[list[Line]]) -> None:
    sections = [Section("title", tuple(lines)) for lines in pages]
    widths = {line_width(line) for line in laid_out(sections, columns)}
    assert max(widths) <= columns
    assert min(widths) >= columns - 2


def page(columns: int) -> list[Section]:
    """A narrow box, one that is wide where it can be, a paragraph, and another narrow box."""
    text = tuple(((line, Role.TEXT),) for line in wrap("word " * 60, columns))
    return [
        Section("first", ((("short", Role.TEXT),),) * 9),
        Section("table", ((("x" * 70, Role.TEXT),),)),
        Section("prose", text),
        Section("last", ((("short", Role.TEXT),),) * 4),
    ]


@given(st.integers(8, 260))
def test_paragraphs_are_as_wide_as_their_boxes_at_every_width(columns: int) -> None:
    lines, boxes = arranged(page, columns)
    assert {line_width(line) for line in lines} <= {columns - 2, columns - 1, columns}
    assert "x" * min(70, columns - FRAME - 1) in "\n".join(map(plain, lines))
    assert arranged(page, columns, boxes) == (lines, boxes)


def test_a_wide_table_leaves_the_other_boxes_beside_each_other() -> None:
    lines, boxes = arranged(page, 118)
    text = "\n".join(map(plain, lines))
    assert boxes == 2
    assert "first" in text.split("\n")[0]
    assert "prose" in text.split("\n")[0]
    assert text.index("table") > text.index("last")
    wrapped = next(line for line in text.split("\n") if "word" in line)
    assert wrapped.count("word") == (54 + 1) // 5


def test_a_paragraph_that_has_a_wide_screen_for_itself_stays_readable() -> None:
    lines, _ = arranged(lambda columns: [page(columns)[2]], 198, 1)
    widest = max(plain(line).count("word") for line in lines)
    assert widest == (READABLE + 1) // 5
