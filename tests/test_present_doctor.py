"""Everything that a finding can be about is explained, and a report has no sentence parsed back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import CouldNotTell, Report, Subject, Topic
from mlxtop.doctor.checks import CHECKS
from mlxtop.model.catalogue import CATALOGUE, lookup
from mlxtop.model.counters import Origin
from mlxtop.present.doctor import (
    detail_lines,
    explanation_lines,
    findings_run,
    report_lines,
    report_rows,
    summary,
)
from mlxtop.present.text import Line, Role, plain
from tests.cases import GOOD, report


def words(lines: list[Line]) -> str:
    return " ".join(" ".join(map(plain, lines)).split())


def explained(topic: Topic) -> str:
    return words(list(explanation_lines(topic, 80)))


def test_every_check_is_explained_with_its_normal_range() -> None:
    for check in CHECKS:
        assert check.explains.endswith(".")
        assert check.normal
        assert explained(check) == f"{check.explains} normal {check.normal}"


def test_no_two_checks_have_one_name() -> None:
    names = [check.name for check in CHECKS]
    assert sorted(set(names)) == sorted(names)


def test_every_counter_is_explained_with_its_normal_range() -> None:
    for counter in CATALOGUE.values():
        text = explained(counter)
        assert text.startswith(" ".join(f"{counter.key}: {counter.help}.".split()))
        assert " normal " in text


@pytest.mark.parametrize(
    ("origin", "key", "normal"),
    [
        (Origin.DRIVER, "rx_crc_errors_phy", "it does not move"),
        (Origin.DRIVER, "rx_corrected_bits_phy", "it may move now and then"),
        (Origin.DRIVER, "outbound_pci_stalled_wr", "0 to 5 %"),
        (Origin.NETDEV, "rx_bytes", "it grows with the traffic"),
    ],
)
def test_the_normal_range_of_a_counter_follows_from_its_kind(
    origin: Origin, key: str, normal: str
) -> None:
    counter = lookup(origin, key)
    assert counter is not None
    assert explained(counter).endswith(f" normal {normal}")


def test_names_with_the_marks_of_a_sentence_stay_whole() -> None:
    """A device may be called so, and a counter's key may hold a slash."""
    odd = (CouldNotTell("a: b", "rings", "silent"), CouldNotTell("p1", "x/y: z", "silent"))
    text = words(list(report_lines(Report((), odd, (), True), [], 100)))
    assert text == "Could not tell: silent: rings of a: b; x/y: z of p1"


def test_a_row_is_titled_by_its_counter_or_its_check() -> None:
    moving = replace(GOOD, events={(Origin.DRIVER, "rx_crc_errors_phy"): 5.0})
    rows = report_rows(report(situation=moving, aspm="L1"))
    assert {"rx_crc_errors_phy", "PCIe power saving", "MTU to the peer"} <= {r.title for r in rows}


def test_what_one_cause_has_done_is_one_finding() -> None:
    subject = Subject("card")
    one, two = (
        subject.warning(seen, "repetitions", "reseat it", "pci") for seen in ("a: 1", "b: 2")
    )
    other = subject.warning("c: 3", "it is slow", "reseat it", "pci")
    told = Report((one, other, two), (), (), True)
    assert summary(told) == "2 warnings"
    lines = [plain(line).rstrip() for line in report_lines(told, (), 80)]
    assert lines[1:6] == [
        "WARNING  card",
        "  seen    a: 1",
        "          b: 2",
        "  why     repetitions",
        "  do      reseat it",
    ]
    assert lines.count("WARNING  card") == 2
    rows = report_rows(told)
    assert [plain(row.line) for row in rows] == ["WARNING  card ×2: a: 1", "WARNING  card: c: 3"]
    assert words(list(detail_lines(rows[0], 80))).startswith("WARNING card seen a: 1 b: 2 why")
    assert findings_run(told) == ("! 2 warnings", Role.WARNING)


def test_the_header_counts_the_worst_findings_and_no_notes() -> None:
    subject = Subject("card")
    note, bad = subject.note("n", "w", "d", "s"), subject.critical("c", "w", "d", "s")
    assert findings_run(Report((note,), (), (), True)) is None
    warning = subject.warning("x", "w", "d", "s")
    assert findings_run(Report((warning, note), (), (), True)) == ("! 1 warning", Role.WARNING)
    run = findings_run(Report((bad, warning, note), (), (), True))
    assert run == ("! 1 critical", Role.CRITICAL)


def test_a_check_that_had_nothing_to_look_at_says_what_is_missing() -> None:
    told = Report((), (), (), True, {"no bond": ("bonds", "slaves")})
    assert "  bonds, slaves (no bond)" in [plain(line) for line in report_lines(told, (), 80)]
