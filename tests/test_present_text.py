"""Lines of text: parts of them, and paragraphs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.clean import width
from mlxtop.present.text import Line, Role, cut, plain, wrap

LINES = st.lists(
    st.tuples(st.text("abc é█", min_size=1, max_size=5), st.sampled_from(list(Role))), max_size=6
).map(tuple)


@given(LINES, st.integers(0, 30), st.integers(0, 30))
def test_a_part_of_a_line_is_what_stands_there(line: Line, start: int, end: int) -> None:
    part = cut(line, start, end)
    assert plain(part) == plain(line)[start:end]
    assert {role for _, role in part} <= {role for _, role in line}


def test_half_of_a_wide_character_is_a_blank() -> None:
    line: Line = (("a漢", Role.TEXT), ("字b", Role.DIM))
    parts = [plain(cut(line, start, end)) for start, end in ((0, 2), (2, 4), (1, 3), (4, 6))]
    assert parts == ["a ", "  ", "漢", " b"]


@given(st.text("ab 漢é", max_size=60), st.integers(2, 30), st.sampled_from(["", "  do    "]))
def test_a_paragraph_fits_its_columns_and_loses_nothing(
    text: str, columns: int, indent: str
) -> None:
    lines = wrap(text, columns + len(indent), indent)
    assert all(width(line) <= columns + len(indent) for line in lines)
    assert all(line.startswith(" " * len(indent)) for line in lines[1:])
    assert "".join("".join(lines).split()) == "".join((indent + text).split())
