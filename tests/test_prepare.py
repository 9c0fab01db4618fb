"""A recording is looked through while it is made, by a process that nobody waits for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mlxtop.lab import ManualClock, load_lab
from mlxtop.recording.prepare import EVERY_S, Preparer
from mlxtop.system.local import LocalSystem
from mlxtop.system.own_module import with_packages
from tests.recorded import write
from tests.samples import PACU, ethernet, sample


class Started(LocalSystem):
    """Notes what is started, and whether it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []
        self.over = Event()
        self.over.set()

    def stream(self, argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Any:
        self.files.append(argv[-1])
        assert self.over.wait(10)


def looked_at(system: Started, preparer: Preparer) -> list[str]:
    if preparer.thread is not None:
        preparer.thread.join(10)
    return system.files


def test_a_file_is_looked_at_now_and_then_and_when_it_is_over() -> None:
    system = Started()
    one, first, second = Preparer(system, Event()), Path("/r/a"), Path("/r/b")
    for tick in (10.0, 11.0, 10.0 + EVERY_S - 1):
        one.advance(first, tick)
    assert looked_at(system, one) == []
    one.advance(first, 10.0 + EVERY_S)
    assert looked_at(system, one) == ["/r/a"]
    one.advance(second, 11.0 + EVERY_S)
    assert looked_at(system, one) == ["/r/a"] * 2
    one.advance(second, 12.0 + 2 * EVERY_S)
    assert looked_at(system, one) == ["/r/a", "/r/a", "/r/b"]


def test_there_is_one_look_at_a_time() -> None:
    system = Started()
    system.over.clear()
    one = Preparer(system, Event())
    for turn in range(4):
        one.advance(Path("/r/a"), turn * EVERY_S)
    system.over.set()
    assert looked_at(system, one) == ["/r/a"]


@pytest.mark.parametrize("files", [[None, None], [Path("/r/a"), Path("/r/b")]])
def test_without_a_file_or_of_a_simulated_machine_nothing_is_started(
    files: list[Path | None],
) -> None:
    system: Any = load_lab("tiny", ManualClock()) if files[0] else Started()
    system.stream = None
    one = Preparer(system, Event())
    for turn, path in enumerate(files):
        one.advance(path, turn * EVERY_S)
    assert one.thread is None


@pytest.mark.slow
def test_the_process_makes_the_index(tmp_path: Path) -> None:
    ticks = range(0, 3600, 20)
    path = write(
        tmp_path / "a.mlxrec",
        tuple(sample(float(tick), ethernet(PACU, float(tick), 1e9, 1e9)) for tick in ticks),
    )
    environ = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    argv = [*with_packages("mlxtop.recording.prepare"), str(path)]
    subprocess.run(argv, check=True, timeout=60, env=environ)
    (index,) = (tmp_path / "cache" / "mlxtop-nic").iterdir()
    before = index.read_bytes()
    assert len(before) > 1000
    subprocess.run(argv, check=True, timeout=60, env=environ)
    assert index.read_bytes().startswith(before)  # more where the processor was busy before
