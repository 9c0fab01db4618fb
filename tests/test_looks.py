"""How the screens look, as pictures: frozen data, three sizes.

After a wanted change: `pytest tests/test_looks.py --snapshot-update`, and look at the pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import sin

import pytest
from textual.pilot import Pilot

from mlxtop.model.sample import Problem, Sample, SourceKind
from mlxtop.settings import Settings
from mlxtop.tui.app import MlxtopApp
from tests.samples import IB, PACU, Samples, ethernet, sample, veth

Snap = Callable[..., bool]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The pictures depend on nothing but the data: not on clock, terminal or time zone."""
    for name in ("NO_COLOR", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def history(seconds: int = 200) -> list[Sample]:
    """A port that is busy in waves and gets warm, one that sends at line rate, a virtual one."""
    problems = (Problem("0000:43:00.1 hwmon", "Input/output error"),)
    samples, received = [], 0.0
    for tick in range(1, seconds + 1):
        received += 30e9 + 15e9 * sin(tick / 17)
        samples.append(
            sample(
                float(tick),
                ethernet(PACU, tick, received / tick, 1.2e9, module=60 + tick / 20, errors=tick),
                ethernet(IB, tick, 4e9, 99e9, module=82.0),
                veth("veth0", 5, tick, 1e6),
                problems=problems,
            )
        )
    return samples


def shown(*keys: str) -> Callable[[Pilot[int]], object]:
    """Wait for the last sample, press keys, wait until all is drawn."""

    async def run(pilot: Pilot[int]) -> None:
        app = pilot.app
        assert isinstance(app, MlxtopApp)
        while app.state.newest is None or app.state.newest.sample.tick < 200:
            await pilot.pause(0.01)
        await pilot.press(*keys)
        await still(pilot)

    return run


async def still(pilot: Pilot[int]) -> None:
    """Wait until the screen has stayed as it is for five passes of the loop."""
    picture, same = "", 0
    while same < 5:
        await pilot.pause(0.05)
        newer = pilot.app.export_screenshot()
        picture, same = newer, same + 1 if newer == picture else 0


def app(**settings: object) -> MlxtopApp:
    source = Samples(history(), kind=SourceKind.DEMO)
    return MlxtopApp(source, Settings(**settings))  # type: ignore[arg-type]


def test_overview_at_80_by_24(snap_compare: Snap) -> None:
    assert snap_compare(app(), terminal_size=(80, 24), run_before=shown())


def test_overview_at_120_by_40(snap_compare: Snap) -> None:
    assert snap_compare(app(), terminal_size=(120, 40), run_before=shown())


@pytest.mark.slow
def test_overview_at_200_by_60(snap_compare: Snap) -> None:
    assert snap_compare(app(), terminal_size=(200, 60), run_before=shown("j"))


@pytest.mark.slow
def test_light_overview_in_ascii(snap_compare: Snap) -> None:
    screen = app(theme="light", ascii=True)
    assert snap_compare(screen, terminal_size=(80, 24), run_before=shown())


@pytest.mark.slow
def test_pcie_page(snap_compare: Snap) -> None:
    assert snap_compare(app(), terminal_size=(120, 40), run_before=shown("enter", "3"))


@pytest.mark.slow
def test_link_and_module_page(snap_compare: Snap) -> None:
    assert snap_compare(app(), terminal_size=(120, 40), run_before=shown("enter", "2"))
