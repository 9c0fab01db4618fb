"""The ways to peers beside the sampling: in samples, recordings, metrics and alarms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.model.frame import Frame
from mlxtop.model.path import NO_PATHS, PathSettings, PathStatus, Peer, Way, WayState
from mlxtop.outputs.machine_metrics import Machine, families_of
from mlxtop.path.follow import PathFollower, follow
from mlxtop.path.run import PathRun
from mlxtop.recording.recording import Recording
from mlxtop.report.collect import collect
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.watch.watch import Watch
from tests.metrics import Told
from tests.recorded import write

AFTER_S = 85.0
"""Second by which the link to the third host has died, and its way is told as lost."""


def followed(system: LabSystem, seconds: float) -> Iterator[Frame]:
    """Yield the frames of a simulated machine whose ways are probed, for so long."""
    stop = Event()
    with closing(LiveSource(system, 1.0)) as source:
        begin = system.now()
        for frame in follow(source, system, PathSettings()).over(frames(source, stop)):
            yield frame
            if frame.sample.tick - begin >= seconds:
                stop.set()


@pytest.fixture(scope="module")
def taken() -> list[Frame]:
    """What a host with a mesh of direct links says until one of them has died."""
    return list(followed(load_lab("ceph", ManualClock()), AFTER_S))


def test_samples_tell_of_the_ways(taken: list[Frame]) -> None:
    states = [
        {one.way.words: one.state for one in peer.ways}
        for frame in (taken[10], taken[-1])
        for peer in frame.sample.paths.peers
        if peer.name == "ceph3"
    ]
    assert states[0]["dev enp3s0d1"] is WayState.UP
    assert states[1]["dev enp3s0d1"] is WayState.DOWN


def test_a_recording_has_the_ways_and_its_report_names_what_was_lost(
    taken: list[Frame], tmp_path: Path
) -> None:
    samples = tuple(frame.sample for frame in taken)
    recording = Recording([write(tmp_path / "ceph.mlxrec", samples)])
    ways = [moment.sample.paths for moment in recording.moments()]
    assert ways == [frame.sample.paths for frame in taken]
    causes = [one.cause for one in collect(recording).incidents]
    texts = [each.incident.text for one in causes for each in (one.lead, *one.others)]
    assert any("way to ceph3 dev enp3s0d1 is down" in text for text in texts), texts
    assert any("route to ceph3 goes via 10.15.15.2 dev enp3s0" in text for text in texts)


def test_metrics_tell_of_every_way(taken: list[Frame]) -> None:
    watch = Watch()
    watch.ingest(taken[-1])
    told = Told(families_of([Machine(taken[-1], watch)]))
    dead = {"peer": "ceph3", "netdev": "enp3s0d1", "via": ""}
    through = {"peer": "ceph3", "netdev": "enp3s0", "via": "10.15.15.2"}

    def value(name: str, labels: dict[str, str]) -> float:
        (found,) = [v for row, v in told.rows(name) if row.items() >= labels.items()]
        return found

    assert (value("path_up", dead), value("path_up", through)) == (0, 1)
    assert (value("path_used", dead), value("path_used", through)) == (0, 1)
    assert value("path_loss_ratio", through) == 0
    assert 0 < value("path_round_trip_seconds", through) < 0.01
    assert value("path_flaps_total", dead) == 1
    assert value("path_peer_up", {"peer": "ceph3"}) == 1
    (port,) = [row for row, _ in told.rows("path_up") if row.items() >= dead.items()]
    assert port["pci"], "the port of the way, as in other metrics"


def test_before_the_first_answers_nothing_is_claimed(taken: list[Frame]) -> None:
    watch = Watch()
    watch.ingest(taken[0])
    told = Told(families_of([Machine(taken[0], watch)]))
    assert (told.rows("path_up"), told.rows("path_peer_up")) == ([], [])


@pytest.mark.parametrize("peers", [(), (Peer("b", "10.0.0.2", (Way("fast0"),)),)])
def test_peers_are_suggested_where_the_settings_name_none(
    monkeypatch: pytest.MonkeyPatch, peers: tuple[Peer, ...]
) -> None:
    paths = PathFollower(load_lab("pacu", ManualClock()), PathSettings(peers))
    assert paths.status() == NO_PATHS
    monkeypatch.setattr(PathRun, "__init__", lambda *_: None)
    monkeypatch.setattr(PathRun, "status", PathStatus(keeping=True))
    paths._run = PathRun()  # type: ignore[call-arg]
    assert paths.status() == PathStatus(keeping=True, suggested=not peers)
