"""Page P: the ways to other hosts, which one is used, and how they did."""

from __future__ import annotations

from mlxtop.present.path import sections
from mlxtop.present.text import Role, Section
from mlxtop.present.view import prose
from mlxtop.tui.screens.pages import SCROLLING, PageScreen


class PathPage(PageScreen):
    """Every way to every peer."""

    BINDINGS = SCROLLING

    def sections(self, columns: int) -> list[Section]:
        app = self.watch_app
        frame = app.state.frame
        if frame is None:
            return []
        if not frame.sample.paths.peers:
            problem = app.paths.problem if app.paths else "only a live machine can be probed"
            text = problem or "The first probes are on their way."
            return [Section("Paths", tuple(prose(text, columns, Role.TEXT)))]
        return sections(frame.sample.paths, app.state.watch.paths, columns)
