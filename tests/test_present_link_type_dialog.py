"""The form of three choices, evidence, and the ribbon's item as lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.link_type.choices import Choice, Choices, When, choices_of
from mlxtop.link_type.options import Change
from mlxtop.link_type.restore import Check, Evidence
from mlxtop.model.linktype import LinkType
from mlxtop.present.link_type_dialog import (
    LABELS,
    Form,
    choice_lines,
    first_form,
    preview,
    probation_item,
    summary,
    value_at,
)
from mlxtop.present.ribbon import Urgency, ribbon
from mlxtop.present.text import Role, line_width, plain
from tests.link_lab import A1, A2, B2, link_lab, survey_of


def form_of(port: object = A1) -> tuple[Form, Choices]:
    system = link_lab()
    survey = survey_of(system)
    chosen = {A1: A1, A2: A2, B2: B2}[port]  # type: ignore[index]
    choices = choices_of(system, survey, chosen)
    return first_form(survey.card_of(chosen), chosen, choices), choices


def test_a_form_opens_with_what_the_port_is_not_and_now_where_that_is_possible() -> None:
    assert form_of(A1)[0].choice == Choice(False, LinkType.ETH, When.NOW)
    assert form_of(A2)[0].choice == Choice(False, LinkType.IB, When.NOW)
    assert form_of(B2)[0].choice == Choice(False, LinkType.ETH, When.BOOT)


def test_values_end_at_both_ends_and_rows_too() -> None:
    form, _ = form_of()
    assert form.moved(-1, 0).row == 0 and form.moved(99, 2).row == len(LABELS) + 1
    last = form.moved(1, 0).turned(9)
    assert last.choice.kind is LinkType.AUTO and last.turned(-9).choice.kind is LinkType.IB
    assert form.moved(99, 1).turned(1) == form.moved(99, 1)


def test_rows_hold_all_values_and_what_leads_to_nothing_is_dim() -> None:
    form, choices = form_of()
    lines = choice_lines(form, choices, 74)
    assert [plain(line) for line in lines] == [
        "▸ Port  ‹ this port, ibp9s0 ›  both ports  ",
        "  Type    InfiniBand  ‹ Ethernet ›  auto-sensing  ",
        "  When  ‹ now ›  at boot    now and for good  ",
    ]
    assert ("InfiniBand", Role.DIM) in lines[1] and ("auto-sensing", Role.TEXT) in lines[1]


@pytest.mark.parametrize("columns", [20, 30, 40])
def test_a_narrow_form_folds_its_rows(columns: int) -> None:
    form, choices = form_of()
    lines = choice_lines(form, choices, columns)
    assert len(lines) > 3
    assert max(line_width(line) for line in lines) <= max(columns, 30)


def test_the_preview_says_what_enter_does_or_why_it_does_nothing() -> None:
    form, choices = form_of()
    change = choices[form.choice]
    assert isinstance(change, Change)
    assert "takes effect at once" in plain(preview(change, 200)[0])
    assert preview(choices[Choice(False, LinkType.IB, When.NOW)], 200)[0][0][1] is Role.WARNING
    assert "nothing can be changed" in plain(preview(None, 200)[0])


@given(st.integers(0, 2), st.integers(0, 2))
def test_a_value_is_found_where_it_is_drawn(row: int, place: int) -> None:
    form, choices = FORM
    place = min(place, len(form.values(row)) - 1)
    text = plain(choice_lines(form, choices, 74)[row])
    words = {
        0: ("this port", "both ports"),
        1: ("InfiniBand", "Ethernet", "auto-sensing"),
        2: ("now ", "at boot", "now and for"),
    }[row][place]
    hit = value_at(form, f"│ │ {text} │ │", text.index(words) + 5)
    assert hit == (row, place)
    assert value_at(form, text, 200) is None


FORM = form_of()


def test_the_ribbon_has_time_evidence_and_keys_in_eighty_columns() -> None:
    checks = (Check("link", "", True), Check("address", "", True), Check("address", "", False))
    item = probation_item(47.3, Evidence(checks), ("K", "B"))
    line = plain(ribbon([item], 80).line)
    assert line.rstrip() == " ON PROBATION 47 s  link ✓  address ✗  K keep  B take back"
    assert item.urgency is Urgency.PROBATION
    assert [label.action for label in item.labels] == ["app.keep", "app.take_back"]
    assert summary(None) == {} and summary(Evidence(checks)) == {"link": True, "address": False}
    bare = plain(ribbon([probation_item(5.0, None, ("F9", "F10"))], 50).line)
    assert bare.rstrip() == " ON PROBATION 5 s  F9 keep  F10 take back"
