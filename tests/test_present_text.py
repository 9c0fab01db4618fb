"""Text of devices reaches the terminal harmless and as wide as planned; lines and paragraphs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mlxtop.present.text import Line, Role, clean, cut, fit, plain, to_ascii, width, wrap

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


def test_escapes_line_ends_and_bidi_marks_are_taken_out() -> None:
    assert clean("a\x1b]0;x\x07b") == "a?]0;x?b"
    assert clean("one\ttwo\nthree") == "one two three"
    assert clean("abc\u202edcba\u2066") == "abc?dcba?"
    assert clean("\x9b31m\x85") == "?31m?"


def test_ordinary_text_and_markup_stay_as_they_are() -> None:
    assert clean("enp67s0f0np0 [bold red]") == "enp67s0f0np0 [bold red]"
    assert clean("Müller 日本") == "Müller 日本"


@given(st.text())
def test_no_text_leaves_anything_unprintable(text: str) -> None:
    assert all(character.isprintable() for character in clean(text))
    assert clean(clean(text)) == clean(text)


@given(st.text(), st.integers(0, 30), st.booleans())
def test_fitted_text_has_exactly_the_width_that_was_asked_for(
    text: str, columns: int, right: bool
) -> None:
    assert width(fit(text, columns, right)) == columns


@given(st.text("aé°–日本µ█", max_size=20))
def test_ascii_keeps_the_width_and_what_can_be_told(text: str) -> None:
    assert to_ascii(text).isascii()
    assert len(to_ascii(text)) == width(text) == cell_len(text)
    assert to_ascii("69 °C – 25 µs") == "69C - 25 us  "
