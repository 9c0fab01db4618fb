"""Columns fit every width, and those that a person chose are the only ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.columns import CHOOSABLE, COLUMNS, GAP, INDENT, heading, layout, port_line, span
from mlxtop.present.text import Role, line_width, plain
from tests.samples import PACU, ethernet
from tests.test_present_cells import row

IDS = [column.id for column in CHOOSABLE]


@given(st.integers(25, 260), st.integers(1, 40), st.lists(st.sampled_from(IDS), unique=True))
def test_headings_and_rows_fit_the_width_and_stand_in_the_same_columns(
    columns: int, names: int, chosen: list[str]
) -> None:
    shown = layout(columns, names, tuple(chosen))
    titles, cells = heading(shown), port_line(shown, row(ethernet(PACU, 2.0, 8e9, 0)))
    assert line_width(titles) == line_width(cells) <= max(columns, INDENT + 7 + GAP + 9)
    assert not chosen or {column.id for column in shown} <= {"port", *chosen}


@given(st.integers(30, 260), st.integers(1, 30))
def test_a_wider_screen_has_no_fewer_of_the_columns_that_matter(columns: int, names: int) -> None:
    needed = {"port", "rx", "tx", "module", "link", "errors"}
    narrow, wide = (
        needed & {column.id for column in layout(width, names)} for width in (columns, columns + 40)
    )
    assert narrow <= wide


def test_names_are_whole_as_soon_as_there_is_room() -> None:
    assert layout(78, 13)[0].width == 13
    assert layout(200, 30)[0].width == 30


def test_both_curves_are_there_or_none_and_they_are_alike() -> None:
    for columns in range(30, 220):
        widths = [column.width for column in layout(columns, 10) if column.id.endswith("-curve")]
        assert len(widths) in (0, 2)
        assert len(set(widths)) <= 1


def test_the_sorted_column_is_marked_and_the_explained_one_stands_out() -> None:
    shown = layout(118, 10)
    ids = [column.id for column in shown]
    text = plain(heading(shown, {"errors": "▼", "rx-curve": "0–50G"}))
    assert "ERROR▼" in text
    assert "RX 0–50G" in text
    line = heading(shown, None, ids.index("tx"))
    assert [words.strip() for words, role in line if role is Role.ACCENT] == ["TX"]


def test_the_explained_cell_is_framed_in_blanks_that_are_there_anyway() -> None:
    shown, port = layout(78, 10), row(ethernet(PACU, 2.0, 8e9, 0))
    usual = plain(port_line(shown, port))
    for index in range(1, len(shown)):
        start, columns = span(shown, index)
        text = plain(port_line(shown, port, index)).ljust(len(usual) + 1)
        assert text[start - 1] == "‹"
        assert text[start + columns] == "›"
        assert text[start : start + columns] == usual[start : start + columns]


def test_every_column_has_its_own_name_and_says_what_it_means() -> None:
    assert len({column.id for column in COLUMNS}) == len(COLUMNS)
    assert all(column.help for column in COLUMNS)
