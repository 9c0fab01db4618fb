"""The page of keys, signs, settings and hooks."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop import __version__
from mlxtop.present.text import EMPTY, Line, Role, Section, fit, width, wrap
from mlxtop.present.view import prose
from mlxtop.settings import PREFIX, ROWS, config_path
from mlxtop.tui.commands import Scope, available, keys_of
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.screens.pages import SCROLLING, PageScreen
from mlxtop.watch.hooks import EVENTS, FACTS, TIMEOUT

_TITLES = {
    Scope.OVERVIEW: "Ports and charts",
    Scope.WALL: "Wall of small charts",
    Scope.EVERYWHERE: "Everywhere",
    Scope.REPLAY: "In a recording",
    Scope.DETAIL: "Pages of a port",
    Scope.FINDINGS: "Findings",
    Scope.EXPLAINED: "A finding in plain words",
    Scope.CHARTS: "Where charts are",
    Scope.CHART: "In a chart, after Tab or a click",
}
_SIGNS = (
    ("●  ○  ◌", "link up, down, coming up"),
    ("–", "unknown; the pages of the port say why, the arrow keys explain a cell"),
    ("↑  ▲  !", "on the way to a limit, above the warning, above the alarm; ! errors: they go on"),
    ("▁▃▆  ▇", "the last minute, on one scale for all ports; how near a sensor is to its alarm"),
    ("↕2", "the link went down twice since the start"),
    ("▼  ▴", "sorted by this column: the most first, the least first"),
    ("?", "an old value: its sensor no longer answers"),
    ("━━──", "share of what the port can carry: its line, or the PCIe path if that is slower"),
)


class Help(PageScreen):
    """Every key and what it does, made from the table of commands; signs, settings and hooks."""

    BINDINGS = SCROLLING
    LEADS_HERE = "help"

    def sections(self, columns: int) -> list[Section]:
        app = self.watch_app
        sections = []
        here = self._beneath()
        for scope, title in sorted(_TITLES.items(), key=lambda pair: pair[0] is not here):
            rows = [
                ("  ".join(keys_of(command, app.settings.keys, app.state.ascii)), command.title)
                for command in available(scope, readonly=app.readonly, replay=app.replay)
            ]
            if rows:
                sections.append(_table(title, rows, columns))
        sections.append(_table("Signs", _SIGNS, columns, Role.STRONG))
        sections += [_settings(columns), _hooks(columns)]
        about = f"mlxtop {__version__} · rates are decimal: 1 Gb/s is 10⁹ bits a second"
        return [*sections, Section("About", tuple(prose(about, columns)))]

    def _beneath(self) -> Scope | None:
        """Return the scope of the screen that one comes from, whose keys stand first."""
        stack = reversed(self.app.screen_stack)
        return next((s.SCOPE for s in stack if isinstance(s, WatchScreen) and s is not self), None)


def _table(
    title: str, rows: Sequence[tuple[str, str]], columns: int, role: Role = Role.ACCENT
) -> Section:
    """Return short texts with what they mean in a column of its own."""
    first = min(max((width(text) for text, _ in rows), default=0) + 2, max(8, columns // 2))
    lines: list[Line] = []
    for text, meaning in rows:
        for place, part in enumerate(wrap(meaning, max(8, columns - first))):
            lines.append(((fit("" if place else text, first), role), (part, Role.TEXT)))
    return Section(title, tuple(lines))


def _settings(columns: int) -> Section:
    """Return what can be set and where it is kept."""
    rows = [(name, row.help) for name, row in ROWS.items() if row.read is not None]
    about = (
        f"o shows and changes them. They are kept in {config_path()}, in TOML; options of the"
        f" command line and variables such as {PREFIX}INTERVAL go before it."
    )
    lines = _table("", rows, columns).lines
    return Section("Settings", (*prose(about, columns, Role.TEXT), EMPTY, *lines))


def _hooks(columns: int) -> Section:
    """Return what runs a program of the user's, and what it is told."""
    texts = (
        'A program of yours is run at an event, as [hooks] alarm = "~/bin/sms" has it: '
        f"{', '.join(EVENTS)}.",
        f"It runs without a shell, as you, for {TIMEOUT:g} s at most, and only where nobody else"
        " can change it, the settings file or a directory on the way.",
        f"It is told {', '.join(PREFIX + name for name in FACTS)}.",
    )
    lines = [line for text in texts for line in prose(text, columns, Role.TEXT)]
    return Section("Hooks", tuple(lines))
