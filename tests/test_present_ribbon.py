"""The ribbon: items in one line, the most urgent first, the rest counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.ribbon import EMPTY, SHOW_ALL, Label, RibbonItem, Urgency, ribbon
from mlxtop.present.text import Line, Role, line_width, plain


def item(
    key: str, urgency: Urgency = Urgency.WARNING, text: str = "", **more: object
) -> RibbonItem:
    line: Line = ((text or key, Role.WARNING),)
    return RibbonItem(key, urgency, line, f"app.cause('{key}')", **more)  # type: ignore[arg-type]


def text(*items: RibbonItem, columns: int = 40, chosen: str | None = None) -> str:
    return plain(ribbon(items, columns, chosen).line)


def test_nothing_to_tell_is_nothing() -> None:
    assert ribbon([], 80) == EMPTY
    assert ribbon([item("a")], 0) == EMPTY


def test_items_stand_side_by_side_the_most_urgent_first() -> None:
    coming, critical = item("soon", Urgency.COMING), item("hot", Urgency.CRITICAL)
    assert text(item("down"), coming, critical).rstrip() == " hot  down  soon"


def test_items_of_the_same_urgency_keep_their_order() -> None:
    assert text(item("b"), item("a")).rstrip() == " b  a"


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        (17, " alpha  beta  cee"),
        (16, " alpha  beta  +1"),
        (15, " alpha  +2     "),
        (9, " alp…  +2"),
    ],
)
def test_what_does_not_fit_is_counted(columns: int, wanted: str) -> None:
    assert text(item("alpha"), item("beta"), item("cee"), columns=columns) == wanted


def test_an_item_that_does_not_fit_alone_is_cut_and_its_labels_are_kept() -> None:
    labels = (Label((("K keep", Role.ACCENT),), "app.keep"),)
    one = item("p", Urgency.PROBATION, "ON PROBATION 47 s", labels=labels)
    assert text(one, columns=30).rstrip() == " ON PROBATION 47 s  K keep"
    assert text(one, columns=20) == " ON PROBATI…  K keep"


def test_the_chosen_item_is_shown_where_it_would_be_among_those_that_do_not_fit() -> None:
    items = [item(name) for name in ("alpha", "beta", "gamma", "delta")]
    assert text(*items, columns=18, chosen="beta") == " alpha  beta  +2  "
    assert text(*items, columns=18, chosen="delta") == " delta  +3        "


def test_an_item_behind_another_of_its_group_does_without_the_name() -> None:
    beside: Line = (("hot", Role.WARNING),)
    items = [
        item(name, text=f"p{group} {name}", group=group, beside=beside)
        for name, group in (("a", "0"), ("b", "0"), ("c", "1"), ("d", ""), ("e", ""))
    ]
    assert text(*items).rstrip() == " p0 a  hot  p1 c  p d  hot"
    assert text(*items, columns=12, chosen="b") == " p0 b  +4   "


def test_a_click_finds_the_item_the_label_and_the_count() -> None:
    labels = (Label((("K", Role.ACCENT),), "app.keep"),)
    items = [item("ab", Urgency.PROBATION, labels=labels), item("c"), item("long one")]
    spans = ribbon(items, 14).spans
    assert [(span.start, span.end, span.action) for span in spans] == [
        (1, 3, "app.cause('ab')"),
        (5, 6, "app.keep"),
        (8, 9, "app.cause('c')"),
        (9, 13, SHOW_ALL),
    ]


@given(
    st.lists(
        st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=60), max_size=200
    ),
    st.integers(1, 200),
)
def test_it_is_one_line_of_exactly_its_width(texts: list[str], columns: int) -> None:
    drawn = ribbon([item(str(n), text=name) for n, name in enumerate(texts)], columns)
    assert line_width(drawn.line) == (columns if texts else 0)
