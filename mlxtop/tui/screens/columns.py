"""The dialog that chooses the columns of the table."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from mlxtop.present.columns import BY_ID, CHOOSABLE, Column
from mlxtop.present.text import Line, Role, fit
from mlxtop.tui.commands import unlisted
from mlxtop.tui.screens.base import Dialog
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.sections import Choices

_KEYS = "Space on or off   a as many as fit   Enter keep   Esc back"
_CURVES = {"rx-curve": "RX curve", "tx-curve": "TX curve"}


def known(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of some ids that are columns, in the order in which columns stand."""
    return tuple(column.id for column in CHOOSABLE if column.id in ids)


def _title(column: Column) -> str:
    return _CURVES.get(column.id, column.title)


class ColumnsDialog(Dialog[tuple[str, ...] | None]):
    """Ends with the ids that were chosen, none for as many as fit; None where all stays."""

    BINDINGS = unlisted(
        *(("escape", "back"), ("enter", "keep"), ("space,x", "switch"), ("a", "automatic")),
        *(("down,j", "move(1)"), ("up,k", "move(-1)")),
        *(("home,g", "move(-100000)"), ("end,G", "move(100000)")),
        *(("pagedown", "move(10)"), ("pageup", "move(-10)")),
    )
    AUTO_FOCUS = "#column-list"

    def __init__(self, chosen: tuple[str, ...], shown: tuple[str, ...], ascii_only: bool) -> None:
        """`shown`: the columns on the screen, to begin with where none were chosen."""
        super().__init__("columns", "Columns", ascii_only)
        self.automatic = not chosen
        self.chosen = set(known(chosen or shown))
        self.choices = Choices(id="column-list")
        self._meaning, self._keys = Lines(id="column-help"), Lines(id="column-keys")

    def body(self) -> ComposeResult:
        yield from (self.choices, self._meaning, self._keys)

    def on_mount(self) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        self.choices.show([self._line(column) for column in CHOOSABLE])
        self._keys.show([((f" {_KEYS}", Role.DIM),)])
        self._explain()

    def _line(self, column: Column) -> Line:
        on = column.id in self.chosen
        mark = ("[x] ", Role.ACCENT) if on else ("[ ] ", Role.DIM)
        return (mark, (fit(_title(column), 10), Role.TEXT), (column.help, Role.DIM))

    @on(Choices.Moved)
    def _explain(self) -> None:
        text = "as many columns as fit" if self.automatic else "these columns, where they fit"
        self._meaning.show([((f" {text}", Role.TEXT),)])

    # Commands

    def action_move(self, steps: int) -> None:
        self.choices.move(steps)

    @on(Choices.Opened)
    def action_switch(self) -> None:
        """Take the column under the cursor in, or leave it out."""
        self.automatic = False
        self.chosen ^= {CHOOSABLE[self.choices.place].id}
        self.draw()

    def action_automatic(self) -> None:
        """Choose the columns by the width of the screen again."""
        self.automatic = True
        self.draw()

    def action_keep(self) -> None:
        self.dismiss(() if self.automatic else known(tuple(self.chosen)) or (next(iter(BY_ID)),))

    def action_back(self) -> None:
        self.dismiss(None)
