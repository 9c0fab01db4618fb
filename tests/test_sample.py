"""What a sample's parts mean: the kind of its source, and facts that are read now and then."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import PcieStatus, SourceKind
from mlxtop.sampler.live import LiveSource
from mlxtop.system.captured import load_captured
from mlxtop.system.local import LocalSystem

LIVE, DEMO, CAPTURED, REPLAY, REMOTE = SourceKind
HOST = Path(__file__).parent / "hosts" / "cx4-x8.txt"


@pytest.mark.parametrize(
    ("kind", "marks", "rates", "change"),
    [
        (LIVE, (), True, True),
        (DEMO, ("DEMO",), True, True),
        (CAPTURED, ("CAPTURED",), False, False),
        (REPLAY, ("REPLAY",), True, False),
        (REMOTE, ("REMOTE",), True, False),
    ],
)
def test_what_may_be_done_and_told_follows_from_the_kind(
    kind: SourceKind, marks: tuple[str, ...], rates: bool, change: bool
) -> None:
    assert (kind.marks, kind.has_rates, kind.may_change) == (marks, rates, change)


def test_a_source_has_the_kind_of_its_machine() -> None:
    machines = (LocalSystem(), load_lab("tiny", ManualClock()), load_captured(str(HOST)))
    sources = [LiveSource(machine) for machine in machines]
    assert [source.kind for source in sources] == [LIVE, DEMO, CAPTURED]
    for source in sources:
        source.close()


BEHIND = PcieLink("0000:05:00.0", 8.0, 4, 8.0, 8)
ENCLOSURE = PcieLink("0000:04:01.0", 8.0, 4, 8.0, 4)
TUNNELLED = PcieLink("0000:03:00.0", 2.5, 4, 2.5, 4)


@pytest.mark.parametrize(
    ("links", "removable", "tunnel"),
    [
        ((BEHIND, ENCLOSURE, TUNNELLED), None, True),
        ((BEHIND, ENCLOSURE, TUNNELLED._replace(max_speed=8.0)), None, False),
        ((BEHIND, ENCLOSURE, TUNNELLED._replace(width=2)), None, False),
        ((BEHIND._replace(speed=2.5), TUNNELLED), None, False),
        ((BEHIND._replace(speed=2.5), TUNNELLED), False, False),
        ((BEHIND._replace(speed=2.5), TUNNELLED), True, True),
        ((BEHIND, ENCLOSURE), True, False),
        ((), True, False),
    ],
)
def test_a_tunnel_is_known_by_what_its_ports_show_and_where_they_are(
    links: tuple[PcieLink, ...], removable: bool | None, tunnel: bool
) -> None:
    assert PcieStatus(PciePath(links), removable=removable).is_tunnelled is tunnel
