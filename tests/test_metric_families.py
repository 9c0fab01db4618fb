"""Families: labels are whole and safe, what is unknown is left out, no sample is there twice."""

from __future__ import annotations

import math

import pytest

from mlxtop.outputs.metric_families import LONGEST, Families, Labels

AT = Labels("mlx5_0", "1", "p1", "0000:43:00.0")


def rows(families: Families) -> dict[str, list[tuple[str, ...]]]:
    return {family.name: list(family.rows) for family in families}


def test_every_sample_has_the_common_labels_and_those_of_its_own() -> None:
    families = Families()
    families.add("a_total", 1, "help", AT, direction="rx")
    (family,) = families
    assert family.labels == ("device", "port", "netdev", "pci", "direction")
    assert family.rows == {(*AT, "rx"): 1}
    assert family.grows


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_unknown_or_no_number_is_no_sample(value: float | None) -> None:
    families = Families()
    families.add("a", value, "help", AT)
    assert rows(families) == {}


def test_zero_is_a_sample() -> None:
    families = Families()
    families.add("a", 0, "help", AT)
    assert rows(families) == {"mlxtop_a": [AT]}


def test_of_two_samples_with_the_same_labels_the_first_counts() -> None:
    """Prometheus would refuse the whole scrape."""
    families = Families()
    families.add("a", 1, "help", AT)
    families.add("a", 2, "help", AT)
    (family,) = families
    assert family.rows == {AT: 1}


def test_a_label_that_a_later_sample_lacks_is_empty_there() -> None:
    families = Families()
    families.add("a", 1, "help", AT, lane="1")
    families.add("a", 1, "help", AT)
    assert rows(families) == {"mlxtop_a": [(*AT, "1"), (*AT, "")]}


def test_labels_are_printable_and_of_bounded_length() -> None:
    families = Families()
    families.add("a", 1, "help", AT._replace(netdev="x\x1b[2J\n\udc80" + "y" * 1000))
    (family,) = families
    ((_, _, netdev, _),) = family.rows
    assert netdev.isprintable() and netdev.encode()
    assert netdev.startswith("x?[2J")
    assert len(netdev) == LONGEST


def test_machines_are_named_only_where_there_are_several() -> None:
    families = Families(with_host=True)
    for host in ("fry", "pacu"):
        families.host = host
        families.add("a", 1, "help", AT)
    (family,) = families
    assert family.labels[0] == "host"
    assert [row[0] for row in family.rows] == ["fry", "pacu"]
