"""Everything that a finding can be about is explained."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.doctor.checks import CHECKS
from mlxtop.doctor.explanations import counter_topic, explain
from mlxtop.model.catalogue import CATALOGUE


def test_every_check_is_explained_with_its_normal_range() -> None:
    for name in CHECKS:
        explanation = explain(name)
        assert explanation is not None, name
        assert explanation.what.endswith(".")
        assert explanation.normal


def test_every_counter_is_explained_with_its_normal_range() -> None:
    for counter in CATALOGUE.values():
        explanation = explain(counter_topic(counter))
        assert explanation is not None, counter
        assert explanation.what.startswith(f"{counter.key}: {counter.help}")
        assert explanation.normal


@given(st.text())
def test_an_unknown_topic_has_no_explanation(topic: str) -> None:
    assert explain(f"{topic}/x") is None
