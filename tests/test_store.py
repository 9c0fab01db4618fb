"""Histories in files: private, whole, shared by programs; nothing of others is read or written."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from mlxtop.health.link_health import Best, LinkHealth, Point
from mlxtop.health.link_health_text import from_text, to_text
from mlxtop.health.observe import HealthWatch, key_of
from mlxtop.health.store import (
    SAVE_FIRST_S,
    SAVE_S,
    KeptHealth,
    ReadHealth,
    looked_at,
    own_directory,
    read,
    save,
    store_of,
)
from mlxtop.lab import ManualClock, load_lab
from mlxtop.system.local import LocalSystem
from mlxtop.system.owner import Owner
from tests.samples import PACU
from tests.test_observe import MODULE, at

SELF = Owner(os.geteuid(), os.getegid(), "/nonexistent")
ONE = LinkHealth(name="p1", minutes=(Point(60.0, -8.0),))


def test_a_file_is_its_owners_alone_and_so_are_the_folders(tmp_path: Path) -> None:
    path = tmp_path / "state" / "mlxtop-nic" / "links" / "a.json"
    old = os.umask(0)
    try:
        save(str(path), SELF, ONE)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(stat.S_IMODE(one.stat().st_mode) == 0o700 for one in list(path.parents)[:3])
    assert read(str(path), SELF) == ONE
    assert [one.name for one in path.parent.iterdir()] == ["a.json"]


def test_a_second_program_adds_and_takes_nothing_away(tmp_path: Path) -> None:
    path = str(tmp_path / "links" / "a.json")
    save(path, SELF, ONE)
    save(path, SELF, LinkHealth(name="p1", minutes=(Point(120.0, -7.0),)))
    found = read(path, SELF)
    assert found is not None
    assert [one.wall for one in found.minutes] == [60.0, 120.0]


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "links" / "a.json")
    threads = [
        Thread(target=save, args=(path, SELF, LinkHealth(minutes=(Point(float(n)),))))
        for n in range(1, 9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read(path, SELF)
    assert found is not None
    assert [one.wall for one in found.minutes] == [float(n) for n in range(1, 9)]


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{broken")
    path.chmod(0o600)
    save(str(path), SELF, ONE)
    assert from_text(path.read_text()) == ONE


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text(to_text(ONE))
    (tmp_path / "a.json").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        read(str(tmp_path / "a.json"), SELF)
    with pytest.raises(OSError, match="symbolic"):
        save(str(tmp_path / "a.json"), SELF, ONE)
    os.mkfifo(tmp_path / "b.json")
    with pytest.raises(OSError, match="is not a file"):
        read(str(tmp_path / "b.json"), SELF)
    assert from_text(target.read_text()) == ONE


def test_a_file_of_another_user_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(to_text(ONE))
    owner = SELF
    if SELF.uid == 0:
        os.chown(path, 65534, 65534)
    else:
        owner = Owner(SELF.uid + 1, SELF.gid, "/")
    with pytest.raises(OSError, match="is not a file of this user"):
        read(str(path), owner)


def kept(directory: Path) -> KeptHealth:
    return KeptHealth(LocalSystem(), str(directory))


def files(directory: Path) -> list[str]:
    return sorted(one.name for one in directory.iterdir()) if directory.exists() else []


def test_what_is_known_at_the_end_is_there_at_the_next_start(tmp_path: Path) -> None:
    store, watch = kept(tmp_path / "links"), HealthWatch()
    frame = at(10.0, module=MODULE)
    store.take(frame, watch)
    watch.sum_up(frame)
    store.close()
    assert files(tmp_path / "links") == [f"{key_of(frame, PACU.id)}.json"]
    again, fresh = kept(tmp_path / "links"), HealthWatch()
    again.take(frame, fresh)
    again.settle()
    assert fresh.of(PACU.id) == watch.of(PACU.id)
    assert again.problem == ""


def test_it_is_written_after_a_minute_and_then_every_ten(tmp_path: Path) -> None:
    store, watch = kept(tmp_path / "links"), HealthWatch()
    times = []
    store._save_all = lambda: times.append(frame.sample.tick)  # type: ignore[method-assign]
    for tick in range(0, 1400, 5):
        frame = at(float(tick))
        store.take(frame, watch)
    store.settle()
    assert times == [SAVE_FIRST_S, SAVE_FIRST_S + SAVE_S, SAVE_FIRST_S + 2 * SAVE_S]


def test_a_folder_that_cannot_be_written_is_a_problem_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "links").write_text("a file")
    store, watch = kept(tmp_path / "links"), HealthWatch()
    frame = at(10.0)
    store.take(frame, watch)
    watch.sum_up(frame)
    store.close()
    assert str(tmp_path / "links") in store.problem


def test_a_look_of_the_doctor_is_remembered(tmp_path: Path) -> None:
    frames = [at(10.0, module=MODULE), at(16.0, module=MODULE)]
    first = looked_at(kept(tmp_path / "links"), frames)[PACU.id]
    assert first.best["speed"].times == 1
    later = [at(100.0, module=MODULE), at(106.0, module=MODULE)]
    second = looked_at(kept(tmp_path / "links"), later)[PACU.id]
    assert second.best["speed"] == Best(1e11, "100 Gb/s", round(later[1].sample.wall), 2)
    untouched = KeptHealth(LocalSystem(), str(tmp_path / "other"), writes=False)
    assert len(looked_at(untouched, frames)[PACU.id].minutes) == 1
    assert files(tmp_path / "other") == []


def test_simulated_and_captured_machines_are_read_alone() -> None:
    lab = load_lab("aging", ManualClock())
    assert isinstance(store_of(lab), ReadHealth)
    assert isinstance(store_of(LocalSystem()), KeptHealth)


def test_the_folder_is_below_the_state_directory() -> None:
    assert own_directory({"XDG_STATE_HOME": "/s"}) == "/s/mlxtop-nic/links"
    assert own_directory({"HOME": "/h"}).endswith("/.local/state/mlxtop-nic/links")


def test_a_stream_and_a_document_tell_what_was_remembered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import json

    from mlxtop.cli import main

    assert main(["--demo", "aging", "-d", "0.1", "--once", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    found = whole["adapters"][0]["ports"][0]["history"]
    assert found["best"]["pcie_lanes"]["value"] == 16
    assert found["fails_in_days"] is None or found["fails_in_days"][1] < 10
    assert found["lost_in_a_week"] == 3
