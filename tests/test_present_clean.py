"""Text of devices reaches the terminal harmless and in the width that was planned."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mlxtop.present.clean import clean, fit, to_ascii, width


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
def test_ascii_keeps_the_width(text: str) -> None:
    assert to_ascii(text).isascii()
    assert len(to_ascii(text)) == width(text) == cell_len(text)
