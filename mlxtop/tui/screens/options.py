"""The dialog of all options: value and explanation of each, kept in the settings file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from mlxtop import settings as settings_file
from mlxtop.present.text import Line, Role, clean, fit, labelled
from mlxtop.present.view import prose
from mlxtop.tui.commands import unlisted
from mlxtop.tui.options import Option, in_file, options, parse, shown, text_of, with_option
from mlxtop.tui.screens.base import Dialog, key_label
from mlxtop.tui.widgets.lines import Clickable, Lines
from mlxtop.tui.widgets.sections import Choices

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

_KEYS = (
    ("Enter", "Change", "screen.change"),
    ("Del", "Default", "screen.default"),
    ("Esc", "Back", "screen.back"),
)
_TYPING = (("Enter", "Keep", "screen.keep"), ("Esc", "Leave as it was", "screen.back"))
_NAME, _VALUE, _WIDE_VALUE = 20, 18, 30
"""Columns of the list; values get more of them on wide screens."""
_WIDE = 100


class OptionsDialog(Dialog[None]):
    """Ends with nothing: each change is taken up and written at once."""

    BINDINGS = unlisted(
        *(("escape,o", "back"), ("enter,space", "change"), ("delete,backspace", "default")),
        *(
            ("right,l", "turn(1)"),
            ("left", "turn(-1)"),
            ("down,j", "move(1)"),
            ("up,k", "move(-1)"),
        ),
        *(("home,g", "move(-100000)"), ("end,G", "move(100000)")),
        *(("pagedown,ctrl+f", "leap(1)"), ("pageup,ctrl+b", "leap(-1)")),
    )
    AUTO_FOCUS = "#option-list"

    def __init__(self, app: MlxtopApp, name: str = "") -> None:
        """Begin at the option of a name."""
        path = clean(str(settings_file.config_path()))
        super().__init__("option", f"Options, kept in {path}", app.state.ascii)
        self._all = options(app.available_themes)
        names = [option.title for option in self._all]
        self.choices = Choices(id="option-list")
        self.choices.place = names.index(name) if name in names else 0
        self._about, self._keys = Lines(id="option-about"), Clickable(id="option-keys")
        self._text = Input(id="option-text", compact=True, select_on_focus=False)
        self._read_file()

    def _read_file(self) -> None:
        """Read what the settings file holds now."""
        self._held, complaints = settings_file.in_file()
        self._complaint = complaints[0] if complaints else ""

    def body(self) -> ComposeResult:
        yield from (self.choices, self._about, self._text, self._keys)

    def on_mount(self) -> None:
        self._show_text(False)
        self.draw()  # keys may be waiting already
        self.call_after_refresh(self.draw)  # with the widths that the first layout gives

    def _show_text(self, shown: bool) -> None:
        """Show where a value is typed, in place of the last line above it."""
        self._text.display = shown
        self.set_class(shown, "-typing")

    @property
    def chosen(self) -> Option:
        """Return the option under the cursor."""
        return self._all[self.choices.place]

    # Drawing

    def draw(self) -> None:
        held = self.watch_app.settings
        self.choices.show([self._line(option) for option in self._all])
        keys = _TYPING if self._text.display else _KEYS
        self._keys.present([(key_label(key, name), action) for key, name, action in keys], 1)
        self._about.show(self._explained(self.chosen, held.readonly))

    def _line(self, option: Option) -> Line:
        value = shown(option, self.watch_app.settings)
        role = Role.TEXT if in_file(option, self._held) is None else Role.ACCENT
        columns = _WIDE_VALUE if self.size.width >= _WIDE else _VALUE
        return (
            (fit(option.title, _NAME) + " ", Role.TEXT),
            (fit(clean(value) or "–", columns) + " ", role),
            (clean(option.help), Role.DIM),
        )

    @on(Choices.Moved)
    def _moved(self) -> None:
        self.draw()

    def _explained(self, option: Option, readonly: bool) -> list[Line]:
        columns = max(20, self._about.size.width)
        default = text_of(option, settings_file.Settings()) or "–"
        written = in_file(option, self._held)
        note = "" if written is None else f"in the file: {written or '–'}"
        lines = prose(option.help, columns, Role.STRONG)[:2]
        lines += [labelled("range", option.range)] if option.range else []
        lines.append(labelled("default", default, note=note))
        warning = "a change holds from the next start on" if option.restart else ""
        if self._complaint:
            warning = f"nothing is written: {self._complaint}"
        elif readonly:
            warning = "with --readonly nothing is written: a change holds until the end"
        elif option.variable and option.variable in os.environ:
            warning = f"{option.variable} of the environment goes before the file"
        return [*lines, *prose(warning, columns, Role.WARNING)[:2]]

    # Commands

    def action_move(self, steps: int) -> None:
        if not self._text.display:
            self.choices.move(steps)

    def action_leap(self, pages: int) -> None:
        self.action_move(pages * max(1, self.choices.size.height - 1))

    def action_turn(self, steps: int) -> None:
        """Take the next one of the values that the option can have."""
        choices = self.chosen.choices
        if choices:
            text = text_of(self.chosen, self.watch_app.settings)
            here = choices.index(text) if text in choices else 0
            self._take(choices[(here + steps) % len(choices)])

    @on(Choices.Opened)
    def action_change(self) -> None:
        """Take the next value, or let one be typed."""
        if self.chosen.choices:
            self.action_turn(1)
            return
        self._text.value = text_of(self.chosen, self.watch_app.settings)
        self._show_text(True)
        self._text.focus()
        self.call_after_refresh(self.draw)

    def action_keep(self) -> None:
        """Take what was typed."""
        if self._take(self._text.value):
            self._end_typing()

    @on(Input.Submitted, "#option-text")
    def _typed(self) -> None:
        self.action_keep()

    def action_default(self) -> None:
        """Give the option its default; its line in the file becomes a comment."""
        self._take("")

    def action_back(self) -> None:
        if self._text.display:
            self._end_typing()
        else:
            self.dismiss(None)

    def _end_typing(self) -> None:
        self._show_text(False)
        self.choices.focus()
        self.call_after_refresh(self.draw)

    def _take(self, text: str) -> bool:
        """Take up a value and write it to the settings file; say what was wrong."""
        app, option = self.watch_app, self.chosen
        try:
            value = parse(option, text, app.settings)
            if not app.settings.readonly:
                settings_file.store(option.name, value, table=option.table)
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or str(error)
            app.notify(f"{option.title}: {problem}; nothing was changed", severity="error")
            return False
        app.take_up(with_option(app.settings, option, value), option.table or option.name)
        self._read_file()
        self.draw()
        return True
