"""News of a file are told with frames, and soon after a key, without waking an idle program."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxtop.tui import lookout
from tests.test_tui_app import told, until
from tests.test_tui_flight import at, flying, live_on


async def test_an_idle_program_is_woken_for_nothing(tmp_path: Path) -> None:
    async with flying(tmp_path / "r", [at(1.0)]) as (app, _):
        assert app.lookout._timer is None


async def test_what_a_key_brings_about_is_told_without_another_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "EXPECTED_S", 60.0)
    async with flying(tmp_path / "r", [at(1.0)]) as (app, pilot):
        await pilot.press("R")
        await until(pilot, lambda: told(app, "recording, and what came before"))
        await pilot.press("R")
        await until(pilot, lambda: told(app, "recorded "))
        app.lookout._until = 0.0
        await until(pilot, lambda: app.lookout._timer is None)


async def test_what_comes_later_is_told_with_the_next_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with flying(tmp_path / "r", [at(1.0)]) as (app, pilot):
        assert app.flight is not None
        app.flight.switch()
        assert app.flight.begin().flush()
        assert not told(app, "recording, and what came before")
        live_on(app, at(2.0))
        await until(pilot, lambda: told(app, "recording, and what came before"))
