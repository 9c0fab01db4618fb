"""Drives the load dialog of a real machine by Pilot, for a test that runs it in a namespace.

`python -m tests.load_pilot HOST FIELD=VALUE… [stop=SECONDS]` prints the outcome as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable

from textual.pilot import Pilot
from textual.widgets import Input

from mlxtop.change.privilege import ActionContext
from mlxtop.sampler.live import LiveSource
from mlxtop.settings import Settings
from mlxtop.system.local import LocalSystem
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.screens.load import LoadDialog
from mlxtop.tui.widgets.lines import Choice


async def until(pilot: Pilot[int], condition: Callable[[], object], seconds: float = 40.0) -> None:
    """Let the loop run until something holds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it never came true"
        await pilot.pause(0.02)


async def drive(host: str, values: dict[str, str]) -> dict[str, object]:
    """Type everything, run it, and tell what came of it."""
    stop = values.pop("stop", None)
    system = LocalSystem()
    app = MlxtopApp(LiveSource(system, 1.0, True), Settings(all=True), ActionContext(system))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.state.selected)
        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, LoadDialog))
        await pilot.press(*host)
        for name, value in values.items():
            field = app.screen.query_one(f"#load-{name}")
            field.focus()
            if isinstance(field, Input):
                await pilot.press(*value)
            while isinstance(field, Choice) and field.value != value:
                await pilot.press("right")
        await pilot.press("f5")
        assert app.loads is not None
        session = app.loads.session
        if stop is not None:
            await until(pilot, lambda: (s := session.view().status) and s.intervals)
            await pilot.pause(float(stop))
            await pilot.press("f8")
        await until(pilot, lambda: not session.view().busy)
        await pilot.pause(0.1)
        view = session.view()
        strips = app.screen._compositor.render_strips()
        text = "\n".join("".join(segment.text for segment in strip) for strip in strips)
    outcome = view.outcome.document() if view.outcome else None
    return {"outcome": outcome, "problem": view.problem, "screen": text}


if __name__ == "__main__":
    given = dict(word.split("=", 1) for word in sys.argv[2:])
    print(json.dumps(asyncio.run(drive(sys.argv[1], given))))
