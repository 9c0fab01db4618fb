"""Every key and what it does, made from the table of commands."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from mlxtop import __version__
from mlxtop.present.clean import fit
from mlxtop.present.text import Line, Role, Section, wrap
from mlxtop.tui.commands import Scope, available, keys_of
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.widgets.bars import Clickable, Header
from mlxtop.tui.widgets.sections import Sections, prose_width

_TITLES = {
    Scope.EVERYWHERE: "Everywhere",
    Scope.OVERVIEW: "Ports and charts",
    Scope.DETAIL: "Pages of a port",
}

_SIGNS = (
    ("●  ○  ◌", "link up, down, coming up"),
    ("–", "unknown; the pages of the port say why, ← → explain a cell here"),
    ("▲  !", "at the warning limit, at the critical one; ! also: errors go on now"),
    ("?", "an old value: its sensor no longer answers"),
    ("━━──", "share of what the port can carry: its line, or the PCIe path if that is slower"),
)


class Help(WatchScreen):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Header, boxes, keys."""
        yield Header(id="header")
        yield Sections(id="page")
        yield Clickable(id="keys")

    def draw(self) -> None:
        """The boxes for this width."""
        super().draw()
        page = self.query_one(Sections)
        page.show(self._sections(prose_width(page.size.width)))

    def _sections(self, columns: int) -> list[Section]:
        app = self.watch_app
        sections = []
        for scope in (Scope.OVERVIEW, Scope.EVERYWHERE, Scope.DETAIL):
            lines: list[Line] = []
            for command in available(scope, readonly=app.readonly):
                keys = "  ".join(keys_of(command, app.settings.keys))
                lines.append(((fit(keys, 18), Role.ACCENT), (command.title, Role.TEXT)))
            sections.append(Section(_TITLES[scope], tuple(lines)))
        signs: list[Line] = []
        for sign, meaning in _SIGNS:
            for place, text in enumerate(wrap(meaning, columns - 12)):
                signs.append(((fit("" if place else sign, 12), Role.STRONG), (text, Role.TEXT)))
        sections.append(Section("Signs", tuple(signs)))
        about = f"mlxtop {__version__} · rates are decimal: 1 Gb/s is 10⁹ bits a second"
        sections.append(Section("About", tuple(((t, Role.DIM),) for t in wrap(about, columns))))
        return sections

    def action_scroll(self, lines: int) -> None:
        """Scroll the help."""
        self.query_one(Sections).scroll_relative(y=lines, animate=False)
