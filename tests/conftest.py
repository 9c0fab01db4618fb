"""What all tests share: a home, tries of properties, how time passes, how screens settle."""

import gc
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from typing import Any
from weakref import WeakSet

import pytest
import textual._wait
from hypothesis import settings
from textual.app import App
from textual.pilot import Pilot

from mlxtop.lab import ManualClock
from mlxtop.system.captured import CapturedSystem

HOME = tempfile.mkdtemp(prefix="mlxtop-tests-home-")
"""Where settings, runs and logs of the tests go, and not into the home of who runs them."""
DROPPED = (
    *("MLXTOP_NIC_", "SUDO_", "XDG_", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"),
    *("COLUMNS", "LINES"),
)
"""Variables that change where the program writes, or how, and that most users do not have."""

sys.dont_write_bytecode = False
"""Or each run would compile all tests, and each program that a test starts all of mlxtop."""


ALONE = {
    f"test_{name}.py": group
    for group, names in {
        "network": (
            *("faults_iperf3", "hosts_netns", "hosts_ssh", "lldp_netns", "load_real"),
            *("load_tools_real", "path_real", "real_traffic", "revert", "routes"),
            "security_strangers",
        ),
        "machine": (
            *("crowds", "faults_ports", "faults_sampler", "faults_terminal", "metrics_command"),
            *("prometheus", "rdma_many", "sampler_kernel_log", "system_commands", "tui_driver"),
        ),
    }.items()
    for name in names
}
"""Files whose slow tests measure time or rates, or look at what else runs: one group beside the
other, and of each group one test at a time."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread all quick tests over the cores; run here what was named, which begins sooner."""
    cores = len(os.sched_getaffinity(0))
    if config.args_source is not config.ArgsSource.TESTPATHS:
        return 0
    if config.option.markexpr == "vm":
        return min(cores, 4)  # each emulated machine takes a core and a gigabyte
    if re.search("not (slow|alone)", config.option.markexpr):
        return cores + 1  # each waits a third of its time
    is_grouped = "alone" in config.option.markexpr and config.option.dist == "loadgroup"
    return min(cores, len({*ALONE.values()})) if is_grouped else 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what is quick with other parameters alone, and what must run by itself."""
    for item in items:
        quick, call = item.get_closest_marker("quick"), getattr(item, "callspec", None)
        if quick and call and not any(one in quick.args for one in call.params.values()):
            item.add_marker("slow")
        if item.path.name in ALONE and item.get_closest_marker("slow"):
            item.add_marker("alone")
            item.add_marker(pytest.mark.xdist_group(ALONE[item.path.name]))


def pytest_collection_finish() -> None:
    """Leave what lives until the end out of garbage collections: a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_configure() -> None:
    """Give the tests the environment of a user who has set nothing."""
    for name in [name for name in os.environ if name.startswith(DROPPED)]:
        del os.environ[name]
    os.environ["HOME"] = HOME
    # An ordinary user's PATH lacks the directories where ethtool and others are.
    os.environ["PATH"] = f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"


def pytest_unconfigure() -> None:
    """Remove the home."""
    shutil.rmtree(HOME, ignore_errors=True)


settings.register_profile("quick", max_examples=15, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.load_profile("quick")
"""`--hypothesis-profile=thorough` tries each property more often."""

textual._wait.SLEEP_GRANULARITY = 0.005
"""Seconds. Pilot waits several of them for each key, 20 ms each: half of the time of all tests.

What takes longer is waited for by name, with `until()`.
"""


def _settled(app: App[Any]) -> bool:
    """Whether no message waits and nothing is left to be laid out or painted."""
    screen = app.screen
    pumps = [app, *screen.walk_children(with_self=True)]
    waits = any(pump._message_queue.qsize() or pump._next_callbacks for pump in pumps)
    paints = screen._layout_required or screen._repaint_required or screen._dirty_widgets
    return not waits and not paints and all(pump._is_mounted for pump in pumps)


_pause = Pilot.pause


async def _pause_until_settled(self: Pilot[Any], delay: float | None = None) -> None:
    """Pause, and go on while something is left to be done.

    Textual takes a process for done that waits for a processor while others have it.
    """
    await _pause(self, delay)
    for _ in range(100):
        if _settled(self.app):
            return
        await self._wait_for_screen()
        self.app.screen._on_timer_update()


Pilot.pause = _pause_until_settled  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _simulated_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let those who wait for a reader of a captured machine give up in simulated time alone.

    Whatever else still waits by a simulated clock ends with its test. It would look at its clock a
    hundred times a second, and without pause once the main thread has ended, for then no thread
    holds time still: hundreds of them took as much of the processor as all tests.
    """
    over = Event()
    clocks: WeakSet[ManualClock] = WeakSet()
    wait, thread = ManualClock._wait, ManualClock.thread

    def wait_in_test(
        self: ManualClock, end: float, holds: Callable[[], object], poll: float | None
    ) -> None:
        clocks.add(self)
        wait(self, end, lambda: over.is_set() or holds(), poll)
        if over.is_set() and current_thread() is not main_thread():
            raise SystemExit

    def thread_in_test(
        self: ManualClock, target: Callable[..., object], name: str, *arguments: Any
    ) -> Thread:
        def ending() -> None:
            with suppress(SystemExit):
                target(*arguments)

        return thread(self, ending, name)

    monkeypatch.setattr(ManualClock, "_wait", wait_in_test)
    monkeypatch.setattr(ManualClock, "thread", thread_in_test)
    monkeypatch.setattr(CapturedSystem, "clock", ManualClock())
    yield
    over.set()
    for clock in list(clocks):
        with clock._lock:
            clock._go_on()


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """One that other users may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
