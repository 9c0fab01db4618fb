"""What a printed table says below its rows."""

from __future__ import annotations

import pytest

from mlxtop.analysis.verdict import Limit, Verdict
from mlxtop.model.frame import derive
from mlxtop.model.sample import Link, LinkLayer, LinkState
from mlxtop.present.notes import port_notes
from tests.samples import PACU, G, ethernet, sample

CPU = {PACU.id: Verdict(Limit.CPU, "4 streams × 11.6 Gb/s, one core each")}


def notes(link: LinkState, columns: int = 160, *, since_boot: bool = True) -> list[str]:
    state = Link(LinkLayer.ETHERNET, link, speed=100 * G)
    port = ethernet(PACU, 1.0, 8e9, 8e9, errors=756, link=state)
    return port_notes(derive(sample(1.0, port), None), CPU, columns, since_boot=since_boot)


def test_the_verdict_is_that_of_the_watch() -> None:
    assert notes(LinkState.UP) == ["enp67s0np0: CPU-bound: 4 streams × 11.6 Gb/s, one core each"]


def test_a_port_that_is_down_has_a_note_with_what_to_look_at() -> None:
    (note,) = notes(LinkState.DOWN)
    assert note.startswith("enp67s0np0: down. No signal from the other side: cable")


@pytest.mark.parametrize(("columns", "told"), [(50, True), (80, False)])
def test_errors_are_told_where_no_column_has_room_for_them(columns: int, told: bool) -> None:
    assert ("enp67s0np0: 756 errors since the boot" in notes(LinkState.UP, columns)) is told


def test_lines_are_no_wider_than_the_table() -> None:
    assert all(len(line) <= 50 for line in notes(LinkState.DOWN, 50))
