"""Lines of roles: what changed, and runs joined."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.text import Line, Role, plain
from mlxtop.tui.widgets.lines import Lines, difference, joined

LINES = st.lists(
    st.tuples(st.text("abc é█", min_size=1, max_size=5), st.sampled_from(list(Role))), max_size=6
).map(tuple)


@given(LINES, LINES)
def test_a_difference_covers_every_cell_that_changed(old: Line, new: Line) -> None:
    span = difference(old, new)
    before, after = cells(old), cells(new)
    for place in range(max(len(before), len(after))):
        changed = before[place : place + 1] != after[place : place + 1]
        if changed:
            assert span is not None
            assert span[0] <= place < span[0] + span[1]


def cells(line: Line) -> list[tuple[str, Role]]:
    """Return each character with its role."""
    return [(character, role) for text, role in line for character in text]


@pytest.mark.parametrize(
    ("new", "span"),
    [
        ((("abXd", Role.RX), ("e", Role.TX)), (2, 1)),
        ((("abc", Role.RX), ("de", Role.TX)), (3, 1)),
        ((("abcd", Role.RX), ("f", Role.TX)), (4, 1)),
        ((("Xbcd", Role.RX), ("X", Role.TX)), (0, 5)),
        ((("ab", Role.RX), ("cd", Role.RX), ("e", Role.TX)), None),
        ((("abcd", Role.RX), ("ef", Role.TX)), (4, 2)),
    ],
)
def test_no_more_is_painted_again_than_what_changed_in_a_run(
    new: Line, span: tuple[int, int] | None
) -> None:
    assert difference((("abcd", Role.RX), ("e", Role.TX)), new) == span


@given(LINES)
def test_joining_runs_keeps_the_text(line: Line) -> None:
    assert plain(joined(line)) == plain(line)


def test_ascii_keeps_every_run_in_its_columns_whatever_part_is_painted() -> None:
    widget = Lines()
    widget.ascii = True
    line: Line = (("  79 °C▲", Role.WARNING), ("  84 °C ", Role.WARNING), (" –", Role.DIM))
    assert plain(widget._glyphs(line)) == "    79C*    84C  -"


def test_titles_in_frames_are_no_markup_and_ascii_where_that_is_wanted() -> None:
    widget = Lines()
    widget.label("matching [red]x · y")
    assert "[red]" in str(widget.border_title)
    widget.ascii = True
    widget.label("1–9 · z", "a · b")
    assert (widget.border_title, widget.border_subtitle) == ("1-9 . z", "a . b")
