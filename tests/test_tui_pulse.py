"""The examination that counts findings for the header."""

from __future__ import annotations

import pytest

from mlxtop.tui import pulse
from tests.samples import Samples
from tests.test_tui_app import running, samples, screen_text, until


async def test_the_header_counts_findings_of_an_examination_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulse, "FIRST_PULSE_S", 0.05)
    async with running(Samples(samples()), (120, 40)) as (app, pilot):
        await until(pilot, lambda: app.state.report is not None)
        run = app.state.findings
        assert run is not None
        await until(pilot, lambda: run[0] in screen_text(app).split("\n")[0])
